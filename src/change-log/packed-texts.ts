import { findSlot, firstSlots, isFull } from "./slots.js";

/** How many bytes are taken at once. */
const chunkBytes = 4 * 1024 * 1024;

/** What stands before each entry: how many bytes its key has, its text has, and its text may have. */
const headBytes = 12;

/** Where an entry is: its chunk, and where its key begins, its text, and the room for that ends. */
interface Entry {
  readonly chunk: Buffer;
  readonly key: number;
  readonly text: number;
  readonly end: number;
}

/**
 * Texts by key, outside of the heap: a million entries as objects are hundreds of megabytes that the garbage collector
 * looks at again and again. Each entry takes its own bytes, 12 more, and 11 to 21 of the table. None is removed.
 */
export class PackedTexts {
  readonly #chunks: Buffer[] = [];
  /** How much of the last chunk is taken. */
  #taken = 0;
  /** Where the entries are, as numbers of the bytes before them, and one more; 0 is an empty slot. */
  #slots = new Float64Array(firstSlots);
  #size = 0;

  get(key: string): string | undefined {
    const entry = this.#at(this.#slots[this.#slotOf(Buffer.from(key))]);
    return entry && textOf(entry);
  }

  set(key: string, text: string): void {
    const bytes = Buffer.from(key);
    const length = Buffer.byteLength(text);
    let slot = this.#slotOf(bytes);
    const before = this.#at(this.#slots[slot]);
    if (before !== undefined && length <= before.end - before.text) {
      before.chunk.writeUInt32LE(length, before.key - 8);
      before.chunk.write(text, before.text);
      return;
    }
    if (before === undefined && isFull(this.#size++, this.#slots.length)) {
      this.#grow();
      slot = this.#slotOf(bytes);
    }
    // One that got longer leaves its place for good: with some room it does so seldom.
    const room = before === undefined ? length : Math.ceil(length * 1.5);
    this.#slots[slot] = this.#append(bytes, text, length, room);
  }

  *entries(): Generator<readonly [key: string, text: string], void> {
    for (const place of this.#slots) {
      const entry = this.#at(place);
      if (entry !== undefined) {
        yield [entry.chunk.toString("utf8", entry.key, entry.text), textOf(entry)];
      }
    }
  }

  #append(key: Buffer, text: string, length: number, room: number): number {
    const needed = headBytes + key.length + room;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#taken + needed > chunk.length) {
      // An entry that is longer than a chunk has one of its own, and begins it.
      chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, needed));
      this.#chunks.push(chunk);
      this.#taken = 0;
    }
    const start = this.#taken;
    this.#taken += needed;
    chunk.writeUInt32LE(key.length, start);
    chunk.writeUInt32LE(length, start + 4);
    chunk.writeUInt32LE(room, start + 8);
    key.copy(chunk, start + headBytes);
    chunk.write(text, start + headBytes + key.length);
    return (this.#chunks.length - 1) * chunkBytes + start + 1;
  }

  #at(place = 0): Entry | undefined {
    if (place === 0) return undefined;
    const chunk = this.#chunks[Math.floor((place - 1) / chunkBytes)];
    if (chunk === undefined) return undefined;
    const start = (place - 1) % chunkBytes;
    const key = start + headBytes;
    const text = key + chunk.readUInt32LE(start);
    return { chunk, key, text, end: text + chunk.readUInt32LE(start + 8) };
  }

  /** The slot of a key, or the empty one that it would have. */
  #slotOf(key: Buffer): number {
    return findSlot(hashOf(key, 0, key.length), this.#slots.length, (slot) => {
      const entry = this.#at(this.#slots[slot]);
      return (
        entry === undefined || entry.chunk.compare(key, 0, key.length, entry.key, entry.text) === 0
      );
    });
  }

  #grow(): void {
    const places = this.#slots;
    this.#slots = new Float64Array(places.length * 2);
    for (const place of places) {
      const entry = this.#at(place);
      if (entry === undefined) continue;
      const { chunk, key, text } = entry;
      const hash = hashOf(chunk, key, text);
      this.#slots[findSlot(hash, this.#slots.length, (slot) => this.#slots[slot] === 0)] = place;
    }
  }
}

function textOf({ chunk, key, text }: Entry): string {
  return chunk.toString("utf8", text, text + chunk.readUInt32LE(key - 8));
}

/** The hash FNV-1a of 32 bits, with its bits mixed, since the lowest ones choose the slot. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
