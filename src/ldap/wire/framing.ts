import { LdapMessageTooLargeError, LdapProtocolError } from "./errors.js";
import { OversizedMessage, type OversizedPolicy } from "./oversized.js";

/**
 * Takes a whole message: the octets of `bytes` from `start` to before `end`. Of one that was longer than the limit,
 * they are an entry without attributes, and `oversized` is its length.
 */
export type Deliver = (bytes: Buffer, start: number, end: number, oversized?: number) => void;

/** A tag, the octet that says how many octets the length has, and at most four of those. */
const longestHeader = 6;

/** How much room there is for messages that are read at once, in bytes, and how little of it is worth a read. */
const roomSize = 65_536;
const leastRoom = 16_384;

/** Of messages from this length on, in bytes, the buffer is used again; up to the other, it is kept for that. */
const leastReused = 65_536;
const mostReused = 8 * 1024 * 1024;

/**
 * Cuts the stream of bytes into LDAPMessages (RFC 4511 §5.2).
 *
 * A message that lies within a chunk is delivered where it lies. Only one that straddles chunks is put together in a
 * buffer of its own. What comes of it later can be read right there, by a socket that asks for the
 * {@link MessageFramer.room}.
 */
export class MessageFramer {
  readonly #maxMessageSize: number;
  readonly #oversizedPolicy: OversizedPolicy | "refuse";
  /** The message that is longer than the limit and of which the end has not come. */
  #oversized: OversizedMessage | undefined;
  /** The beginning of a message whose end has not come: of its header, until `#size` is known. */
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;
  #size: number | undefined;
  /** Where a socket puts what it reads, if not into `#partial`, and how much of it has been used. */
  #room: Buffer = Buffer.alloc(0);
  #used = 0;
  #readsPartial = false;
  /** The buffer of the last large message, while a search has it, and when it has come back. */
  #lent: Buffer | undefined;
  #returned: Buffer | undefined;

  /**
   * @param maxMessageSize - The length, in bytes, above which a message is not kept.
   * @param oversized - What is done with an entry that is longer; `refuse`: with any message, as soon as its length is
   * known.
   */
  constructor(maxMessageSize: number, oversized: OversizedPolicy | "refuse" = "error") {
    this.#maxMessageSize = maxMessageSize;
    this.#oversizedPolicy = oversized;
  }

  /** How many bytes have come of a message that is not complete. */
  get pending(): number {
    return this.#filled + (this.#oversized?.seen ?? 0);
  }

  /** Where to read to next. What is put there is to be reported by {@link fill}. */
  room(): Buffer {
    const missing = (this.#size ?? 0) - this.#filled;
    this.#readsPartial = missing >= leastRoom;
    if (this.#readsPartial) return this.#partial.subarray(this.#filled, this.#size);
    if (this.#room.length - this.#used < leastRoom) {
      this.#room = Buffer.allocUnsafeSlow(roomSize);
      this.#used = 0;
    }
    return this.#room.subarray(this.#used);
  }

  /** Delivers the messages that are complete now that so many bytes have been read into the room. */
  fill(length: number, deliver: Deliver): void {
    if (this.#readsPartial) {
      this.#filled += length;
      if (this.#filled === this.#size) this.#finish(deliver);
      return;
    }
    const start = this.#used;
    this.#used += length;
    this.push(this.#room.subarray(start, this.#used), deliver);
  }

  /**
   * Takes back the buffer of a message, of which nothing may be looked at any more: the next large one is put there.
   * Without that, megabytes would be thrown away for each change of a large group, and collecting those takes longer
   * than the change.
   */
  reuse(bytes: Buffer): void {
    if (bytes !== this.#lent) return;
    this.#returned = bytes;
    this.#lent = undefined;
  }

  /** Delivers the messages that this chunk completes, and keeps the rest of it for the next one. */
  push(chunk: Buffer, deliver: Deliver): void {
    let offset = this.#filled > 0 ? this.#complete(chunk, deliver) : 0;
    while (offset < chunk.length) {
      if (this.#oversized !== undefined) {
        offset += this.#skip(this.#oversized, chunk, offset, deliver);
        continue;
      }
      const size = messageSize(chunk, offset, chunk.length);
      if (size !== undefined && size > this.#maxMessageSize) {
        this.#oversized = this.#beginOversized(size);
        continue;
      }
      if (size === undefined || size > chunk.length - offset) {
        this.#size = size;
        this.#partial = this.#bufferFor(size ?? longestHeader);
        this.#filled = chunk.copy(this.#partial, 0, offset);
        return;
      }
      const end = offset + size;
      deliver(chunk, offset, end);
      offset = end;
    }
  }

  /** Goes on with the message that an earlier chunk began; returns how much of this one belongs to it. */
  #complete(chunk: Buffer, deliver: Deliver): number {
    let offset = 0;
    while (offset < chunk.length) {
      // Until the header is whole it is not known where the message ends, so it is taken octet by octet.
      const wanted = this.#size ?? this.#filled + 1;
      const taken = chunk.copy(this.#partial, this.#filled, offset, offset + wanted - this.#filled);
      this.#filled += taken;
      offset += taken;
      if (this.#size === undefined) {
        this.#size = messageSize(this.#partial, 0, this.#filled);
        if (this.#size === undefined) continue;
        const header = this.#partial;
        if (this.#size > this.#maxMessageSize) {
          this.#oversized = this.#beginOversized(this.#size);
          this.#oversized.feed(header.subarray(0, this.#filled), 0);
          this.#partial = Buffer.alloc(0);
          this.#filled = 0;
          this.#size = undefined;
          return offset;
        }
        this.#partial = this.#bufferFor(this.#size);
        header.copy(this.#partial, 0, 0, this.#filled);
      }
      if (this.#filled === this.#size) {
        this.#finish(deliver);
        break;
      }
    }
    return offset;
  }

  /** The message that is too long and of which the end has not come, as an error. */
  get oversizedError(): LdapMessageTooLargeError | undefined {
    return this.#oversized?.error;
  }

  #beginOversized(size: number): OversizedMessage {
    const policy = this.#oversizedPolicy;
    const limit = this.#maxMessageSize;
    if (policy === "refuse") throw new LdapMessageTooLargeError(size, limit);
    return new OversizedMessage(size, limit, policy);
  }

  /** Skips what has come of a message that is too long; returns how much of the chunk belongs to it. */
  #skip(message: OversizedMessage, chunk: Buffer, offset: number, deliver: Deliver): number {
    const taken = message.feed(chunk, offset);
    if (message.isWhole) {
      this.#oversized = undefined;
      const bytes = message.toMessage();
      deliver(bytes, 0, bytes.length, message.size);
    }
    return taken;
  }

  #finish(deliver: Deliver): void {
    const message = this.#partial;
    const size = this.#filled;
    if (message.length >= leastReused && message.length <= mostReused) this.#lent = message;
    this.#partial = Buffer.alloc(0);
    this.#filled = 0;
    this.#size = undefined;
    deliver(message, 0, size);
  }

  /** A large one has some bytes to spare, so that it will do for the same group with a few more members. */
  #bufferFor(size: number): Buffer {
    if (size < leastReused) return Buffer.allocUnsafeSlow(size);
    const returned = this.#returned;
    this.#returned = undefined;
    if (returned !== undefined && returned.length >= size) return returned;
    return Buffer.allocUnsafeSlow(size + (size >> 4));
  }
}

/** How long the message at `offset` is, header included; undefined while its header is not whole. */
export function messageSize(bytes: Buffer, offset: number, end: number): number | undefined {
  const tag = bytes[offset];
  if (tag === 0x15 || tag === 0x16) {
    throw new LdapProtocolError("it speaks TLS where LDAP was expected (use ldaps:)");
  }
  if (tag !== 0x30) throw new LdapProtocolError("what it sent is not an LDAP message");
  const first = offset + 1 < end ? bytes[offset + 1] : undefined;
  if (first === undefined) return undefined;
  let size = 2 + first;
  if (first >= 0x80) {
    const octets = first - 0x80;
    if (octets === 0) throw new LdapProtocolError("the length of a message is indefinite");
    if (octets > 4) {
      throw new LdapProtocolError(`the length of a message is written in ${octets} octets`);
    }
    if (offset + 2 + octets > end) return undefined;
    size = 2 + octets + bytes.readUIntBE(offset + 2, octets);
  }
  return size;
}
