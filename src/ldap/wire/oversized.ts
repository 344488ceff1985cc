import { LdapMessageTooLargeError, LdapProtocolError } from "./errors.js";

/** What is done with an entry that is longer than the limit. */
export type OversizedPolicy = "error" | "ignore";

const searchResultEntry = 0x64;

/** How much of a message is looked at, in bytes: at its beginning to see whose it is, at its end for the controls. */
const longestHead = 65_536;
const longestTail = 65_536;

/** A message that is longer than this, in bytes, is not that of an entry. */
const longestEntry = 1_073_741_824;

/**
 * A message that is longer than the limit. Of it no more is kept than says which entry it is: the message id and the
 * distinguished name at its beginning, and the controls at its end.
 */
export class OversizedMessage {
  readonly #size: number;
  readonly #limit: number;
  readonly #policy: OversizedPolicy;
  #head: Buffer = Buffer.alloc(0);
  #tail: Buffer[] = [];
  #seen = 0;
  /** Where the controls begin, once the head is read. */
  #tailStart: number | undefined;
  /** The head of the message that stands for it. */
  #named: Buffer = Buffer.alloc(0);

  constructor(size: number, limit: number, policy: OversizedPolicy) {
    this.#size = size;
    this.#limit = limit;
    this.#policy = policy;
  }

  get size(): number {
    return this.#size;
  }

  /** How many bytes of it have come. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * Takes what has come of it. Returns how much of the chunk belongs to it.
   *
   * @throws {LdapMessageTooLargeError} it is not to be ignored, or is no entry.
   */
  feed(chunk: Buffer, start: number): number {
    const taken = Math.min(chunk.length - start, this.#size - this.#seen);
    const bytes = chunk.subarray(start, start + taken);
    if (this.#tailStart === undefined) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, longestHead)]);
      this.#readHead();
    }
    const tailStart = this.#tailStart;
    if (tailStart !== undefined && this.#seen + taken > tailStart) {
      this.#tail.push(Buffer.from(bytes.subarray(Math.max(0, tailStart - this.#seen))));
    }
    this.#seen += taken;
    return taken;
  }

  get isWhole(): boolean {
    return this.#seen === this.#size;
  }

  /** An entry without attributes that stands for it: an LDAPMessage with its id, its name and its controls. */
  toMessage(): Buffer {
    const contents = Buffer.concat([this.#named, ...this.#tail]);
    return Buffer.concat([element(0x30, contents.length), contents]);
  }

  /** The error for it, where no more of it comes. */
  get error(): LdapMessageTooLargeError {
    return this.#tooLarge();
  }

  #readHead(): void {
    // No entry is so long: nothing is waited for that would name it.
    if (this.#size > longestEntry) throw this.#tooLarge();
    const reader = new HeadReader(this.#head);
    reader.enter(0x30);
    const idStart = reader.offset;
    const id = reader.contents(0x02);
    const tag = reader.tag();
    if (tag !== undefined && tag !== searchResultEntry) throw this.#tooLarge();
    const operation = reader.enter(searchResultEntry);
    const dn = reader.contents(0x04);
    if (id === undefined || operation === undefined || dn === undefined) {
      if (this.#head.length >= Math.min(longestHead, this.#size)) throw this.#tooLarge();
      return;
    }
    if (this.#policy === "error") throw this.#tooLarge(dn.toString("utf8"));
    const tailStart = operation.start + operation.length;
    if (this.#size - tailStart > longestTail || tailStart > this.#size) {
      throw new LdapProtocolError("the controls of an entry are not where they should be");
    }
    const entry = Buffer.concat([element(0x04, dn.length), dn, element(0x30, 0)]);
    this.#named = Buffer.concat([
      this.#head.subarray(idStart, idStart + 2 + id.length),
      element(searchResultEntry, entry.length),
      entry,
    ]);
    this.#tailStart = tailStart;
    this.#head = Buffer.alloc(0);
  }

  #tooLarge(dn?: string): LdapMessageTooLargeError {
    return new LdapMessageTooLargeError(this.#size, this.#limit, dn);
  }
}

/** Reads elements from the beginning of a message of which the end has not come. What is not there yet is undefined. */
class HeadReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  tag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** Goes into an element: what comes next are its contents. */
  enter(tag: number): { start: number; length: number } | undefined {
    const first = this.#bytes[this.#offset + 1];
    if (first === undefined) return this.#end();
    if (this.#bytes[this.#offset] !== tag) {
      throw new LdapProtocolError("a message that is too large is none of LDAP");
    }
    const octets = first < 0x80 ? 0 : first - 0x80;
    const start = this.#offset + 2 + octets;
    if (octets > 4 || (first >= 0x80 && octets === 0)) {
      throw new LdapProtocolError("the length of an element is not one of LDAP");
    }
    if (start > this.#bytes.length) return this.#end();
    const length = octets === 0 ? first : this.#bytes.readUIntBE(this.#offset + 2, octets);
    this.#offset = start;
    return { start, length };
  }

  /** The contents of an element, if all of them are there. */
  contents(tag: number): Buffer | undefined {
    const entered = this.enter(tag);
    if (entered === undefined) return undefined;
    const end = entered.start + entered.length;
    if (end > this.#bytes.length) return this.#end();
    this.#offset = end;
    return this.#bytes.subarray(entered.start, end);
  }

  #end(): undefined {
    this.#offset = this.#bytes.length;
    return undefined;
  }
}

function element(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length);
  const header = Buffer.alloc(6);
  header[0] = tag;
  header[1] = 0x84;
  header.writeUInt32BE(length, 2);
  return header;
}
