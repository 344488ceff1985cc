import { findSlot, firstSlots, isFull } from "./slots.js";

/** How many entries have a name, by its number: 12 bytes for each name and the room around them. */
export class HeldNames {
  /** The names, and one more; 0 is an empty slot. */
  #names = new Float64Array(firstSlots);
  /** How many have each. A name that no entry has any longer keeps its slot until the table grows. */
  #counts = new Uint32Array(firstSlots);
  #taken = 0;

  has(name: number): boolean {
    return (this.#counts[this.#slotOf(name)] ?? 0) > 0;
  }

  /** Counts one more. */
  add(name: number): void {
    let slot = this.#slotOf(name);
    if (this.#names[slot] === 0) {
      if (isFull(this.#taken, this.#names.length)) {
        this.#grow();
        slot = this.#slotOf(name);
      }
      this.#taken++;
      this.#names[slot] = name + 1;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Counts one less. */
  remove(name: number): void {
    const slot = this.#slotOf(name);
    const count = this.#counts[slot] ?? 0;
    if (count > 0) this.#counts[slot] = count - 1;
  }

  /** The slot of a name, or the empty one that it would have. */
  #slotOf(name: number): number {
    const names = this.#names;
    // Names are digests; their two lowest bits say the kind, and are nearly always the same.
    return findSlot(
      Math.floor(name / 4),
      names.length,
      (slot) => names[slot] === 0 || names[slot] === name + 1,
    );
  }

  #grow(): void {
    const [names, counts] = [this.#names, this.#counts];
    const live = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    const length = isFull(live * 2, names.length) ? names.length * 2 : names.length;
    this.#names = new Float64Array(length);
    this.#counts = new Uint32Array(length);
    this.#taken = live;
    for (const [from, name] of names.entries()) {
      const count = counts[from] ?? 0;
      if (count === 0) continue;
      const slot = this.#slotOf(name - 1);
      this.#names[slot] = name;
      this.#counts[slot] = count;
    }
  }
}
