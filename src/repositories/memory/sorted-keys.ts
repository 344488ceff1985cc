/** How many keys a block holds before it is split: few enough to insert into, many enough to keep the blocks few. */
const blockLimit = 512;

/**
 * A set of strings in code unit order, kept in blocks, so that adding, removing and finding one stay cheap however many
 * there are.
 */
export class SortedKeys {
  /** Ordered blocks of ordered keys; none is empty. */
  readonly #blocks: string[][] = [];
  #size = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a key; one that is there already is not added twice. */
  add(key: string): void {
    const at = Math.min(this.#blockFor(key), Math.max(this.#blocks.length - 1, 0));
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([key]);
    } else {
      const index = placeIn(block, key);
      if (block[index] === key) return;
      block.splice(index, 0, key);
      if (block.length > blockLimit) {
        this.#blocks.splice(at + 1, 0, block.splice(blockLimit / 2));
      }
    }
    this.#size++;
  }

  /** Removes a key; one that is not there is passed over. */
  delete(key: string): void {
    const at = this.#blockFor(key);
    const block = this.#blocks[at];
    if (block === undefined) return;
    const index = placeIn(block, key);
    if (block[index] !== key) return;
    block.splice(index, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
    this.#size--;
  }

  /** The keys after the one given, which need not be in the set; all of them without one. */
  *after(key?: string): Generator<string, void> {
    let at = key === undefined ? 0 : this.#blockFor(key);
    let index = 0;
    const first = this.#blocks[at];
    if (key !== undefined && first !== undefined) {
      index = placeIn(first, key);
      if (first[index] === key) index++;
    }
    for (; at < this.#blocks.length; at++, index = 0) {
      yield* (this.#blocks[at] ?? []).slice(index);
    }
  }

  /** The keys at these positions, counted from 0. */
  slice(start: number, count: number): string[] {
    const found: string[] = [];
    let skip = start;
    for (const block of this.#blocks) {
      if (found.length >= count) break;
      if (skip < block.length) found.push(...block.slice(skip, skip + count - found.length));
      skip = Math.max(skip - block.length, 0);
    }
    return found;
  }

  /** How many keys come before this one, which need not be in the set. */
  countBefore(key: string): number {
    const at = this.#blockFor(key);
    const whole = this.#blocks.slice(0, at).reduce((sum, block) => sum + block.length, 0);
    return whole + placeIn(this.#blocks[at] ?? [], key);
  }

  /** The first block that does not end before the key. */
  #blockFor(key: string): number {
    return firstNot(this.#blocks.length, (at) => (this.#blocks[at]?.at(-1) ?? "") < key);
  }
}

/** Where a key is in an ordered array, or would be. */
function placeIn(keys: readonly string[], key: string): number {
  return firstNot(keys.length, (at) => (keys[at] ?? "") < key);
}

/** The first position for which `isBefore` does not hold, when it holds for all positions up to there and no other. */
function firstNot(length: number, isBefore: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
