import type { AttributeNode } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { isReference, ValueIndexes } from "./value-identity.js";
import { isPrimary, merged } from "./value-list.js";

/**
 * A list to which values are added, by one operation after the other. One that is there already is not there twice (RFC
 * 7644 §3.5.2.1): what it says of itself that the one in the list does not say, or says otherwise, is merged into that;
 * but a reference stays as it is. Of several primary values the last one stays so.
 *
 * Two values are the same if they have the same `value` and `type`; references, if no `type` distinguishes them; values
 * without a `value`, if they are equal in everything.
 */
export class GrowingList {
  readonly #node: AttributeNode;
  readonly #values: unknown[];
  readonly #indexes: ValueIndexes;
  readonly #primaries: Set<number> = new Set();

  constructor(node: AttributeNode, list: readonly unknown[]) {
    this.#node = node;
    this.#values = [...list];
    this.#indexes = new ValueIndexes(node, list);
    for (const [index, value] of list.entries()) if (isPrimary(value)) this.#primaries.add(index);
  }

  get values(): readonly unknown[] {
    return this.#values;
  }

  /** Adds the values of one operation, in time that does not depend on how many there are already. */
  add(more: readonly unknown[]): void {
    let primary: number | undefined;
    for (const value of more) {
      const index = this.#put(value);
      if (isPrimary(this.#values[index])) this.#primaries.add(index);
      else this.#primaries.delete(index);
      if (isPrimary(value)) primary = index;
    }
    if (primary !== undefined) this.#leavePrimary(primary);
  }

  /** @returns where the value is. */
  #put(value: unknown): number {
    const index = this.#indexes.find(value);
    if (index === undefined) {
      const last = this.#values.push(value) - 1;
      this.#indexes.put(value, last);
      return last;
    }
    if (!isReference(this.#node)) {
      this.#values[index] = merged(this.#node, this.#values[index], value);
    }
    return index;
  }

  /** RFC 7644 §3.5.2: where one value becomes the primary one, no other is. */
  #leavePrimary(primary: number): void {
    for (const index of this.#primaries) {
      const value = this.#values[index];
      if (index === primary || !isJsonObject(value)) continue;
      this.#values[index] = { ...value, primary: false };
      this.#indexes.move(value, this.#values[index], index);
    }
    this.#primaries.clear();
    if (isPrimary(this.#values[primary])) this.#primaries.add(primary);
  }
}
