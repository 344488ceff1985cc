/** One element of the Basic Encoding Rules, as RFC 4511 §5.1 restricts them: definite lengths, one-byte tags. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** Bytes that are not the encoding that the protocol asks for. */
export class BerError extends Error {
  override readonly name = "BerError";
}

/** The size in bytes of the element at the start of `buffer`, or nothing while its header is incomplete. */
export function elementSize(buffer: Buffer): number | undefined {
  const first = buffer[1];
  if (first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const lengthBytes = first - 0x80;
  if (lengthBytes === 0 || lengthBytes > 4) throw new BerError("The length is not a definite one.");
  if (buffer.length < 2 + lengthBytes) return undefined;
  return 2 + lengthBytes + buffer.readUIntBE(2, lengthBytes);
}

/** Splits `buffer` into the elements it holds. */
export function elements(buffer: Buffer): Element[] {
  const found: Element[] = [];
  let rest = buffer;
  while (rest.length > 0) {
    const size = elementSize(rest);
    const lengthByte = rest[1] ?? 0;
    if (size === undefined || size > rest.length) throw new BerError("An element is cut short.");
    const header = lengthByte < 0x80 ? 2 : 2 + (lengthByte - 0x80);
    found.push({ tag: rest.readUInt8(0), content: rest.subarray(header, size) });
    rest = rest.subarray(size);
  }
  return found;
}

/** Reads the elements of a SEQUENCE one after the other, each with the tag that is expected there. */
export class Fields {
  readonly #elements: Element[];
  #next = 0;

  constructor(content: Buffer) {
    this.#elements = elements(content);
  }

  /** The next element, which must have this tag. */
  take(tag: number): Buffer {
    const content = this.optional(tag);
    if (content === undefined) throw new BerError(`There is no element with the tag ${tag}.`);
    return content;
  }

  /** The next element, if it has this tag. */
  optional(tag: number): Buffer | undefined {
    const element = this.#elements[this.#next];
    if (element?.tag !== tag) return undefined;
    this.#next++;
    return element.content;
  }

  /** The next element, whatever its tag. */
  any(): Element {
    const element = this.#elements[this.#next];
    if (element === undefined) throw new BerError("An element is missing.");
    this.#next++;
    return element;
  }
}

/** The universal tags that LDAP uses. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Decodes the content of an INTEGER or ENUMERATED of up to four bytes. */
export function toInteger(content: Buffer): number {
  if (content.length === 0 || content.length > 4) {
    throw new BerError(`An integer of ${content.length} bytes.`);
  }
  return content.readIntBE(0, content.length);
}

/** Decodes the content of a BOOLEAN. */
export function toBoolean(content: Buffer): boolean {
  if (content.length !== 1) throw new BerError("A boolean is one byte.");
  return content[0] !== 0;
}

/** Encodes an element whose content is the parts, one after the other. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const header =
    length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x1_0000 ? 4 : length < 0x100_0000 ? 5 : 6;
  const encoded = Buffer.allocUnsafe(header + length);
  encoded[0] = tag;
  if (header === 2) {
    encoded[1] = length;
  } else {
    encoded[1] = 0x80 + header - 2;
    encoded.writeUIntBE(length, 2, header - 2);
  }
  let offset = header;
  for (const part of parts) {
    encoded.set(part, offset);
    offset += part.length;
  }
  return encoded;
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(tags.sequence, ...parts);
}

export function octets(value: string | Uint8Array, tag: number = tags.octets): Buffer {
  return element(tag, typeof value === "string" ? Buffer.from(value) : value);
}

export function boolean(value: boolean, tag: number = tags.boolean): Buffer {
  return element(tag, Buffer.of(value ? 0xff : 0));
}

/** Encodes an INTEGER in the fewest bytes. */
export function integer(value: number, tag: number = tags.integer): Buffer {
  let size = 1;
  while (size < 6 && (value < -(2 ** (8 * size - 1)) || value >= 2 ** (8 * size - 1))) size++;
  const content = Buffer.allocUnsafe(size);
  content.writeIntBE(value, 0, size);
  return element(tag, content);
}

export function enumerated(value: number): Buffer {
  return integer(value, tags.enumerated);
}
