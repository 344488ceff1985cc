import { caseless } from "../../core/index.js";
import { type AttributeNode, ownValue } from "./attribute-tree.js";
import { isJsonObject } from "./read-value.js";

/** Whether two JSON values are the same to the letter. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
    );
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

/** Whether two values of an attribute are the same by its rule of case. The order of a list does not matter. */
export function matches(node: AttributeNode, a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return textOf(node, a) === textOf(node, b);
  const texts = new Set(b.map((value) => textOf(node, value)));
  return a.length === b.length && a.every((value) => texts.has(textOf(node, value)));
}

/** One value of an attribute as text: values that are the same by the attribute's rule of case have the same text. */
export function textOf(node: AttributeNode, value: unknown): string {
  if (typeof value === "string") return `"${node.attribute.caseExact ? value : caseless(value)}`;
  if (!isJsonObject(value)) return JSON.stringify(value ?? null);
  return JSON.stringify(
    node.children.all.map((sub) => {
      const part = ownValue(value, sub.name) ?? undefined;
      return part === undefined ? null : textOf(sub, part);
    }),
  );
}
