/**
 * A set of strings in code unit order, in one array. Up to 20,000 keys nothing is gained by blocks of keys: 10,000
 * users are created in 0.18 s of CPU time with and without. 100,000 take 9 s in place of 1.6 s, and are more than
 * stores in memory are for.
 */
export class SortedKeys {
  readonly #keys: string[] = [];

  /** How many keys there are. */
  get size(): number {
    return this.#keys.length;
  }

  /** Adds a key; one that is there already is not added twice. */
  add(key: string): void {
    const index = this.countBefore(key);
    if (this.#keys[index] !== key) this.#keys.splice(index, 0, key);
  }

  /** Removes a key; one that is not there is ignored. */
  delete(key: string): void {
    const index = this.countBefore(key);
    if (this.#keys[index] === key) this.#keys.splice(index, 1);
  }

  /** The keys after the one given, which need not be in the set; all of them without one. */
  *after(key?: string): Generator<string, void> {
    let index = key === undefined ? 0 : this.countBefore(key);
    if (this.#keys[index] === key) index++;
    for (; index < this.#keys.length; index++) yield this.#keys[index] ?? "";
  }

  /** The keys at these positions, counted from 0. */
  slice(start: number, count: number): string[] {
    return this.#keys.slice(start, start + count);
  }

  /** How many keys come before this one, which need not be in the set. */
  countBefore(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
