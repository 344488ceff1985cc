import { isUtf8 } from "node:buffer";
import { LdapProtocolError } from "./errors.js";

/** The universal tags that LDAP uses (RFC 4511 §5.1). */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Reads the subset of BER that LDAP allows (RFC 4511 §5.1): definite lengths, primitive strings, single-octet tags.
 *
 * Every call names the end of the element that it reads in, so that nothing reaches beyond its parent. There is no
 * recursion: how deep a message nests is decided by the caller.
 */
export class BerReader {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = start;
  }

  /** Where the next element begins. */
  get offset(): number {
    return this.#offset;
  }

  /** The tag of the next element; undefined at the end. */
  peek(end: number): number | undefined {
    return this.#offset < end ? this.#bytes[this.#offset] : undefined;
  }

  /** Reads a tag, which must be this one, and a length. Returns where the contents, which come next, end. */
  enter(tag: number, end: number): number {
    const found = this.#octet(end);
    if (found !== tag) {
      throw new LdapProtocolError(`an element has the tag ${hex(found)} in place of ${hex(tag)}`);
    }
    return this.#contentsEnd(end);
  }

  /** Goes on at the end of an element, which {@link enter} gave. */
  moveTo(end: number): void {
    this.#offset = end;
  }

  /** Skips the next element, whatever it is. */
  skip(end: number): void {
    this.#octet(end);
    this.#offset = this.#contentsEnd(end);
  }

  /** Skips what is left: components that a later version of the protocol may have added (RFC 4511 §4). */
  skipTo(end: number): void {
    while (this.#offset < end) this.skip(end);
  }

  /** Skips elements that are all to have this tag, of which there may be a hundred thousand. */
  skipAll(tag: number, end: number): void {
    const bytes = this.#bytes;
    let offset = this.#offset;
    while (offset < end) {
      const length = bytes[offset + 1] ?? 0x80;
      const isShort = bytes[offset] === tag && length < 0x80 && offset + 2 + length <= end;
      if (isShort) offset += 2 + length;
      else {
        this.#offset = offset;
        offset = this.enter(tag, end);
      }
    }
    this.#offset = offset;
  }

  /** An INTEGER or ENUMERATED of at most four octets. */
  readInteger(end: number, tag: number = Tag.integer): number {
    const stop = this.enter(tag, end);
    const length = stop - this.#offset;
    if (length < 1 || length > 4) {
      throw new LdapProtocolError(`an integer has ${length} octets`);
    }
    const value = this.#bytes.readIntBE(this.#offset, length);
    this.#offset = stop;
    return value;
  }

  readBoolean(end: number, tag: number = Tag.boolean): boolean {
    const stop = this.enter(tag, end);
    if (stop - this.#offset !== 1) throw new LdapProtocolError("a boolean is not one octet long");
    // RFC 4511 §5.1 wants 0xff for true; BER allows any value but zero, and some servers send 0x01.
    return this.#octet(end) !== 0;
  }

  /** An OCTET STRING, as a view of the bytes that are being read. */
  readOctets(end: number, tag: number = Tag.octetString): Buffer {
    const stop = this.enter(tag, end);
    const octets = this.#bytes.subarray(this.#offset, stop);
    this.#offset = stop;
    return octets;
  }

  /** An LDAPString that means something to the protocol: it must be UTF-8 (RFC 4511 §4.1.2). */
  readText(end: number, tag: number = Tag.octetString): string {
    const stop = this.enter(tag, end);
    const text = this.#bytes.toString("utf8", this.#offset, stop);
    // The decoder writes U+FFFD for what is not UTF-8: only a text with one of those needs to be looked at again.
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(this.#offset, stop))) {
      throw new LdapProtocolError("a string is not UTF-8");
    }
    this.#offset = stop;
    return text;
  }

  /** An LDAPString for people to read; bytes that are not UTF-8 become U+FFFD. */
  readProse(end: number): string {
    return this.readOctets(end).toString("utf8");
  }

  #octet(end: number): number {
    const octet = this.#offset < end ? this.#bytes[this.#offset] : undefined;
    if (octet === undefined) {
      throw new LdapProtocolError("an element is cut short by the end of the one around it");
    }
    this.#offset += 1;
    return octet;
  }

  #contentsEnd(end: number): number {
    let length = this.#octet(end);
    if (length >= 0x80) {
      let octets = length - 0x80;
      if (octets === 0) throw new LdapProtocolError("a length is indefinite");
      if (octets > 4) throw new LdapProtocolError(`a length is written in ${octets} octets`);
      length = 0;
      for (; octets > 0; octets -= 1) length = length * 256 + this.#octet(end);
    }
    if (length > end - this.#offset) {
      throw new LdapProtocolError("an element is longer than the one around it");
    }
    return this.#offset + length;
  }
}

function hex(octet: number): string {
  return `0x${octet.toString(16).padStart(2, "0")}`;
}
