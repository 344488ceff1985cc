import { findSlot, firstSlots, isFull } from "./slots.js";

/**
 * Which groups state which names, by numbers, in 8 bytes each and the room around them. What a group no longer states
 * stays: it leads to one request too many, and to nothing else.
 */
export class Mentions {
  /** The lower 32 bits of the names. */
  #names = new Uint32Array(firstSlots);
  /** The numbers of the groups; 0 is an empty slot. */
  #groups = new Uint32Array(firstSlots);
  #size = 0;
  readonly #ids: string[] = [];
  readonly #numbers = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** A group states a name. */
  add(name: number, group: string): void {
    let number = this.#numbers.get(group);
    if (number === undefined) {
      this.#ids.push(group);
      number = this.#ids.length;
      this.#numbers.set(group, number);
    }
    if (isFull(this.#size, this.#names.length)) this.#grow();
    if (this.#put(lower(name), number)) this.#size++;
  }

  #put(name: number, group: number): boolean {
    const [names, groups] = [this.#names, this.#groups];
    const slot = findSlot(
      spread(name),
      names.length,
      (at) => groups[at] === 0 || (names[at] === name && groups[at] === group),
    );
    if (groups[slot] !== 0) return false;
    names[slot] = name;
    groups[slot] = group;
    return true;
  }

  #grow(): void {
    const [names, groups] = [this.#names, this.#groups];
    this.#names = new Uint32Array(names.length * 2);
    this.#groups = new Uint32Array(groups.length * 2);
    for (const [slot, group] of groups.entries()) {
      if (group !== 0) this.#put(names[slot] ?? 0, group);
    }
  }

  /** The groups that state, or stated, a name. */
  groupsOf(name: number): readonly string[] {
    const sought = lower(name);
    const found: string[] = [];
    findSlot(spread(sought), this.#names.length, (slot) => {
      const id = this.#ids[(this.#groups[slot] ?? 0) - 1];
      if (this.#names[slot] === sought && id !== undefined) found.push(id);
      return this.#groups[slot] === 0;
    });
    return found;
  }
}

function lower(name: number): number {
  return name % 2 ** 32;
}

/** The two lowest bits say the kind, and are nearly always the same. */
function spread(name: number): number {
  return Math.imul(name >>> 2, 0x9e3779b1) >>> 0;
}
