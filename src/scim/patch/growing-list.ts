import type { AttributeNode } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { isReference, Places } from "./value-identity.js";
import { isPrimary, merged } from "./value-list.js";

/**
 * A list to which values are added, by one operation after the other. One that is there already is not there twice (RFC
 * 7644 §3.5.2.1): what it says of itself that the one in the list does not say, or says otherwise, is merged into that;
 * but a reference stays as it is. Of several primary values the last one stays so.
 *
 * Two values are the same if they have the same `value` and `type`; references, if no `type` tells them apart; values
 * without a `value`, if they are equal in everything.
 */
export class GrowingList {
  readonly #node: AttributeNode;
  readonly #values: unknown[];
  readonly #places: Places;
  readonly #primaries: Set<number> = new Set();

  constructor(node: AttributeNode, list: readonly unknown[]) {
    this.#node = node;
    this.#values = [...list];
    this.#places = new Places(node, list);
    for (const [place, value] of list.entries()) if (isPrimary(value)) this.#primaries.add(place);
  }

  get values(): readonly unknown[] {
    return this.#values;
  }

  /** Adds the values of one operation, in time that does not depend on how many there are already. */
  add(more: readonly unknown[]): void {
    let primary: number | undefined;
    for (const value of more) {
      const place = this.#put(value);
      if (isPrimary(this.#values[place])) this.#primaries.add(place);
      else this.#primaries.delete(place);
      if (isPrimary(value)) primary = place;
    }
    if (primary !== undefined) this.#leavePrimary(primary);
  }

  /** @returns where the value is. */
  #put(value: unknown): number {
    const place = this.#places.find(value);
    if (place === undefined) {
      const last = this.#values.push(value) - 1;
      this.#places.put(value, last);
      return last;
    }
    if (!isReference(this.#node)) {
      this.#values[place] = merged(this.#node, this.#values[place], value);
    }
    return place;
  }

  /** RFC 7644 §3.5.2: where one value becomes the primary one, no other is. */
  #leavePrimary(primary: number): void {
    for (const place of this.#primaries) {
      const value = this.#values[place];
      if (place === primary || !isJsonObject(value)) continue;
      this.#values[place] = { ...value, primary: false };
      this.#places.move(value, this.#values[place], place);
    }
    this.#primaries.clear();
    if (isPrimary(this.#values[primary])) this.#primaries.add(primary);
  }
}
