/** How many slots there are at first. */
const first = 1_024;

/** How full the table gets before it grows. */
const fullest = 0.75;

/**
 * Which groups state which names, by numbers, in 8 bytes each and the room around them. What a group no longer states
 * stays: it leads to one request too many, and to nothing else.
 */
export class Mentions {
  /** The lower 32 bits of the names. */
  #names = new Uint32Array(first);
  /** The numbers of the groups; 0 is an empty slot. */
  #groups = new Uint32Array(first);
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
    if (this.#size >= this.#names.length * fullest) this.#grow();
    if (this.#put(lower(name), number)) this.#size++;
  }

  #put(name: number, group: number): boolean {
    const mask = this.#names.length - 1;
    for (let slot = spread(name) & mask; ; slot = (slot + 1) & mask) {
      if (this.#groups[slot] === 0) {
        this.#names[slot] = name;
        this.#groups[slot] = group;
        return true;
      }
      if (this.#names[slot] === name && this.#groups[slot] === group) return false;
    }
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
    const mask = this.#names.length - 1;
    const found: string[] = [];
    for (let slot = spread(sought) & mask; this.#groups[slot] !== 0; slot = (slot + 1) & mask) {
      const id = this.#ids[(this.#groups[slot] ?? 0) - 1];
      if (this.#names[slot] === sought && id !== undefined) found.push(id);
    }
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
