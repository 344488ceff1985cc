import { caseless } from "../../core/index.js";
import { type AttributeNode, ownValue } from "./attribute-tree.js";
import { isJsonObject, type JsonObject } from "./read-value.js";

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
  if (!Array.isArray(a) || !Array.isArray(b)) return elementMatches(node, a, b);
  return (
    a.length === b.length && a.every((one) => b.some((other) => elementMatches(node, one, other)))
  );
}

/** Whether two values are the same by the rule of case of the attribute that they are elements of. */
export function elementMatches(node: AttributeNode, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "string" && typeof b === "string") {
    return !node.attribute.caseExact && caseless(a) === caseless(b);
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  return node.children.all.every((child) => childMatches(child, a, b));
}

function childMatches(child: AttributeNode, a: JsonObject, b: JsonObject): boolean {
  return matches(child, ownValue(a, child.name), ownValue(b, child.name));
}
