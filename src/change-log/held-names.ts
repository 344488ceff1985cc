/** How many slots there are at first. */
const first = 1_024;

/** How full the table gets before it grows. */
const fullest = 0.75;

/** How many entries have a name, by its number: 12 bytes for each name and the room around them. */
export class HeldNames {
  /** The names, and one more; 0 is an empty slot. */
  #names = new Float64Array(first);
  /** How many have each. A name that no entry has any longer keeps its slot until the table grows. */
  #counts = new Uint32Array(first);
  #taken = 0;

  has(name: number): boolean {
    return (this.#counts[this.#slotOf(name)] ?? 0) > 0;
  }

  /** Counts one more. */
  add(name: number): void {
    let slot = this.#slotOf(name);
    if (this.#names[slot] === 0) {
      if (this.#taken >= this.#names.length * fullest) {
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
    const mask = this.#names.length - 1;
    // Names are digests; their two lowest bits say the kind, and are nearly always the same.
    for (let slot = Math.floor(name / 4) & mask; ; slot = (slot + 1) & mask) {
      const there = this.#names[slot];
      if (there === 0 || there === name + 1) return slot;
    }
  }

  #grow(): void {
    const [names, counts] = [this.#names, this.#counts];
    const live = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    const isFull = live >= (names.length * fullest) / 2;
    const length = isFull ? names.length * 2 : names.length;
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
