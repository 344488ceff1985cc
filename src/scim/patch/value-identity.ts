import { type AttributeNode, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { textOf } from "../schema/same-value.js";
import type { ValueKey } from "./target.js";

/**
 * Whether the values of an attribute refer to resources. Such a value is distinguished from others by what it refers
 * to; what it says beside that describes the other resource.
 */
export function isReference({ children }: AttributeNode): boolean {
  return children.byName.has("$ref") && children.byName.has("value");
}

/** What distinguishes a value of a list from the others, as text in which case is gone where it does not matter. */
export interface Identity {
  /** The `value`; of a value that has none, everything. */
  readonly value: string;
  /** The `type`; empty if there is none. */
  readonly type: string;
}

/** The identity of a value of a list. */
export function identityOf(node: AttributeNode, value: unknown): Identity {
  if (!isJsonObject(value)) return { value: textOf(node, value), type: "" };
  const key = ownValue(value, "value") ?? undefined;
  if (key === undefined) return { value: textOf(node, value), type: "" };
  return identityOfKey(node, { value: key, type: ownValue(value, "type") });
}

/** The identity of the value that a key names. */
export function identityOfKey(
  { attribute, children, ...node }: AttributeNode,
  { value, type }: { readonly value: unknown; readonly type?: unknown },
): Identity {
  const valueNode = children.byName.get("value") ?? { attribute, children, ...node };
  const typeNode = children.byName.get("type");
  return {
    value: textOf(valueNode, value),
    type: typeNode === undefined || type === undefined ? "" : textOf(typeNode, type),
  };
}

/** The indexes of the values of a list, by their identity. */
export class ValueIndexes {
  readonly #node: AttributeNode;
  readonly #byValue: Map<string, number> = new Map();
  readonly #byType: Map<string, number> = new Map();

  constructor(node: AttributeNode, list: readonly unknown[]) {
    this.#node = node;
    for (const [index, value] of list.entries()) this.put(value, index);
  }

  put(value: unknown, index: number): void {
    const identity = identityOf(this.#node, value);
    putFirst(this.#byValue, identity.value, index);
    putFirst(this.#byType, typedText(identity), index);
  }

  /** Another value has come to the index of one, than which there is none of the same identity elsewhere. */
  move(before: unknown, after: unknown, index: number): void {
    const identity = identityOf(this.#node, before);
    const typed = typedText(identity);
    if (typedText(identityOf(this.#node, after)) === typed) return;
    if (this.#byValue.get(identity.value) === index) this.#byValue.delete(identity.value);
    if (this.#byType.get(typed) === index) this.#byType.delete(typed);
    this.put(after, index);
  }

  /**
   * The index of a value that is the same: references are, if no `type` distinguishes them; others, if the types are
   * equal.
   */
  find(value: unknown): number | undefined {
    const identity = identityOf(this.#node, value);
    const same = this.#byType.get(typedText(identity));
    if (same !== undefined || !isReference(this.#node)) return same;
    return identity.type === ""
      ? this.#byValue.get(identity.value)
      : this.#byType.get(typedText({ ...identity, type: "" }));
  }
}

/** Whether one of these keys names a value; a key without a type names values of every type. */
export function keyTest(
  node: AttributeNode,
  keys: readonly ValueKey[],
): (value: unknown) => boolean {
  const typed = new Set<string>();
  const untyped = new Set<string>();
  for (const key of keys) {
    const identity = identityOfKey(node, key);
    if (key.type === undefined) untyped.add(identity.value);
    else typed.add(typedText(identity));
  }
  return (value) => {
    const identity = identityOf(node, value);
    return untyped.has(identity.value) || typed.has(typedText(identity));
  };
}

function putFirst(indexes: Map<string, number>, text: string, index: number): void {
  const first = indexes.get(text);
  if (first === undefined || index < first) indexes.set(text, index);
}

function typedText({ value, type }: Identity): string {
  return JSON.stringify([value, type]);
}
