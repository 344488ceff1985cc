import { randomInt } from "node:crypto";

/** How full the table may get, so that a look takes a few steps. */
const fullest = 0.6;

/**
 * The entries that a comparison of the content has mentioned, in 8 bytes each and the room around them.
 *
 * Kept here and not in the links, a comparison that finds nothing writes nothing; and one that is cut off leaves
 * nothing behind. An id is known by a hash of 63 bits with a secret start: that another one is taken for it, so that an
 * entry which is gone is found by the next comparison only, happens once in 10^8 comparisons of a million entries.
 */
export class Mentioned {
  readonly #start: readonly [number, number] = [randomInt(2 ** 32), randomInt(2 ** 32)];
  #slots: Uint32Array<ArrayBuffer> = new Uint32Array(2 * 1_024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns whether it was not mentioned before. */
  add(sourceId: string): boolean {
    if (this.#size + 1 > (this.#slots.length / 2) * fullest) this.#grow();
    const [high, low] = this.#hash(sourceId);
    const isNew = insert(this.#slots, high, low);
    if (isNew) this.#size += 1;
    return isNew;
  }

  has(sourceId: string): boolean {
    const [high, low] = this.#hash(sourceId);
    const at = slotOf(this.#slots, high, low);
    return this.#slots[at] === high && this.#slots[at + 1] === low;
  }

  /** Two hashes like FNV-1a, over code units, mixed at the end; never 0 and 0, which is an empty slot. */
  #hash(text: string): readonly [number, number] {
    let [high, low] = this.#start;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ unit, 0x85ebca6b);
      low ^= high >>> 15;
    }
    return [mixed(high), (mixed(low) | 1) >>> 0];
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const [high = 0, low = 0] = [before[at], before[at + 1]];
      if (low !== 0) insert(this.#slots, high, low);
    }
  }
}

function insert(slots: Uint32Array, high: number, low: number): boolean {
  const at = slotOf(slots, high, low);
  if (slots[at + 1] !== 0) return false;
  slots[at] = high;
  slots[at + 1] = low;
  return true;
}

/** Where the hash is, or the empty slot where it would be. */
function slotOf(slots: Uint32Array, high: number, low: number): number {
  const mask = slots.length / 2 - 1;
  for (let slot = high & mask; ; slot = (slot + 1) & mask) {
    const at = 2 * slot;
    if (slots[at + 1] === 0 || (slots[at] === high && slots[at + 1] === low)) return at;
  }
}

function mixed(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
