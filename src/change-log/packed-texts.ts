/** How many bytes are taken at once. */
const chunkBytes = 4 * 1024 * 1024;

/** How many slots there are at first. */
const first = 1_024;

/** How full the table gets before it grows. */
const fullest = 0.75;

/** What stands before each entry: how many bytes it may take, the hash of its key, and the lengths of key and text. */
const headBytes = 16;

/** Where an entry is. */
interface Found {
  readonly chunk: Buffer;
  readonly start: number;
}

/**
 * Texts by key, outside of the heap: a million entries as objects are hundreds of megabytes that the garbage collector
 * looks at again and again. Each entry takes its own bytes, 16 more, and 11 to 21 of the table. None is removed.
 */
export class PackedTexts {
  readonly #chunks: Buffer[] = [];
  /** How much of the last chunk is taken. */
  #taken = 0;
  /** Where the entries are, as numbers of the bytes before them, and one more; 0 is an empty slot. */
  #slots = new Float64Array(first);
  #size = 0;

  get(key: string): string | undefined {
    const bytes = Buffer.from(key);
    const place = this.#slots[this.#slotOf(bytes, hashOf(bytes))] ?? 0;
    if (place === 0) return undefined;
    return textOf(this.#at(place));
  }

  set(key: string, text: string): void {
    const bytes = Buffer.from(key);
    const hash = hashOf(bytes);
    const length = Buffer.byteLength(text);
    let slot = this.#slotOf(bytes, hash);
    const place = this.#slots[slot] ?? 0;
    if (place !== 0) {
      const { chunk, start } = this.#at(place);
      const room = chunk.readUInt32LE(start) - headBytes - bytes.length;
      if (length <= room) {
        chunk.writeUInt32LE(length, start + 12);
        chunk.write(text, start + headBytes + bytes.length);
        return;
      }
    } else if (++this.#size > this.#slots.length * fullest) {
      this.#grow();
      slot = this.#slotOf(bytes, hash);
    }
    // One that got longer leaves its place for good: with some room it does so seldom.
    const room = place === 0 ? length : Math.ceil(length * 1.5);
    this.#slots[slot] = this.#append(bytes, hash, text, length, room);
  }

  *entries(): Generator<readonly [key: string, text: string], void> {
    for (const place of this.#slots) {
      if (place === 0) continue;
      const found = this.#at(place);
      const { chunk, start } = found;
      const keyStart = start + headBytes;
      const key = chunk.toString("utf8", keyStart, keyStart + chunk.readUInt32LE(start + 8));
      yield [key, textOf(found)];
    }
  }

  #append(key: Buffer, hash: number, text: string, length: number, room: number): number {
    const needed = headBytes + key.length + room;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#taken + needed > chunk.length) {
      chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, needed));
      this.#chunks.push(chunk);
      this.#taken = 0;
    }
    const start = this.#taken;
    this.#taken += needed;
    chunk.writeUInt32LE(needed, start);
    chunk.writeUInt32LE(hash, start + 4);
    chunk.writeUInt32LE(key.length, start + 8);
    chunk.writeUInt32LE(length, start + 12);
    key.copy(chunk, start + headBytes);
    chunk.write(text, start + headBytes + key.length);
    // An entry that is longer than a chunk has one of its own, and begins it.
    return (this.#chunks.length - 1) * chunkBytes + start + 1;
  }

  #at(place: number): Found {
    const before = place - 1;
    const chunk = this.#chunks[Math.floor(before / chunkBytes)];
    if (chunk === undefined) throw new Error("The table leads nowhere.");
    return { chunk, start: before % chunkBytes };
  }

  /** The slot of a key, or the empty one that it would have. */
  #slotOf(key: Buffer, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = this.#slots[slot] ?? 0;
      if (place === 0) return slot;
      const { chunk, start } = this.#at(place);
      if (chunk.readUInt32LE(start + 4) !== hash) continue;
      const length = chunk.readUInt32LE(start + 8);
      const keyStart = start + headBytes;
      if (chunk.compare(key, 0, key.length, keyStart, keyStart + length) === 0) return slot;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Float64Array(before.length * 2);
    const mask = this.#slots.length - 1;
    for (const place of before) {
      if (place === 0) continue;
      const { chunk, start } = this.#at(place);
      let slot = chunk.readUInt32LE(start + 4) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = place;
    }
  }
}

function textOf({ chunk, start }: Found): string {
  const textStart = start + headBytes + chunk.readUInt32LE(start + 8);
  return chunk.toString("utf8", textStart, textStart + chunk.readUInt32LE(start + 12));
}

/** The hash FNV-1a of 32 bits, with its bits mixed, since the lowest ones choose the slot. */
function hashOf(bytes: Buffer): number {
  let hash = 0x811c9dc5;
  // Quicker than the iterator, and this is done for every entry several times.
  for (let index = 0; index < bytes.length; index++) {
    hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
