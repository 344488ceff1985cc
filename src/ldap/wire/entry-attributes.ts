import { BerReader, Tag } from "./ber.js";
import { LdapProtocolError } from "./errors.js";
import type { EncodedAttributes, LdapAttribute } from "./message.js";

/**
 * Skips a PartialAttributeList (RFC 4511 §4.5.2), which is to be whole, so that nothing can go wrong when it is
 * decoded later.
 *
 * @throws LdapProtocolError - it is not one.
 */
export function checkAttributes(bytes: Buffer, reader: BerReader, end: number): EncodedAttributes {
  const listEnd = reader.enter(Tag.sequence, end);
  const start = reader.offset;
  while (reader.offset < listEnd) {
    const attributeEnd = reader.enter(Tag.sequence, listEnd);
    const typeEnd = reader.enter(Tag.octetString, attributeEnd);
    if (reader.offset === typeEnd) throw new LdapProtocolError("an attribute has no name");
    reader.moveTo(typeEnd);
    const valuesEnd = reader.enter(Tag.set, attributeEnd);
    reader.skipAll(Tag.octetString, valuesEnd);
    reader.skipTo(attributeEnd);
  }
  reader.skipTo(end);
  return { bytes, start, end: listEnd };
}

/** The attributes of an entry, whose values are views of the bytes that hold it. */
export function decodeAttributes(
  { bytes, start, end }: EncodedAttributes,
  types: AttributeTypes,
): readonly LdapAttribute[] {
  const attributes: LdapAttribute[] = [];
  const reader = new BerReader(bytes, start);
  while (reader.offset < end) {
    const attributeEnd = reader.enter(Tag.sequence, end);
    const typeEnd = reader.enter(Tag.octetString, attributeEnd);
    const type = types.read(bytes, reader.offset, typeEnd);
    reader.moveTo(typeEnd);
    const valuesEnd = reader.enter(Tag.set, attributeEnd);
    attributes.push({ type, values: decodeValues(bytes, reader.offset, valuesEnd) });
    reader.moveTo(attributeEnd);
  }
  return attributes;
}

/** The values of the attribute with this name, in any case; none if it is absent. */
export function decodeValuesOf(
  { bytes, start, end }: EncodedAttributes,
  name: string,
): readonly Buffer[] {
  const reader = new BerReader(bytes, start);
  while (reader.offset < end) {
    const attributeEnd = reader.enter(Tag.sequence, end);
    const typeEnd = reader.enter(Tag.octetString, attributeEnd);
    const type = bytes.toString("latin1", reader.offset, typeEnd);
    reader.moveTo(typeEnd);
    const valuesEnd = reader.enter(Tag.set, attributeEnd);
    if (type.toLowerCase() === name.toLowerCase()) {
      return decodeValues(bytes, reader.offset, valuesEnd);
    }
    reader.moveTo(attributeEnd);
  }
  return [];
}

/** The values of an attribute, as views of the bytes that hold their encodings from `start` to before `end`. */
export function decodeValues(bytes: Buffer, start: number, end: number): readonly Buffer[] {
  const values: Buffer[] = [];
  const reader = new BerReader(bytes, start);
  while (reader.offset < end) values.push(reader.readOctets(end));
  return values;
}

/**
 * The names of attributes, each made into a string once: a directory sends the same few for every entry, and a large
 * search would otherwise make millions of equal strings. The table has a fixed size, so that a server cannot fill it.
 */
export class AttributeTypes {
  readonly #known: string[] = new Array<string>(256).fill("");

  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    const slot =
      (length * 31 + (bytes[start] ?? 0) * 7 + (bytes[start + (length >> 1)] ?? 0)) & 255;
    const known = this.#known[slot] ?? "";
    if (isAt(known, bytes, start, end)) return known;
    const type = bytes.toString("latin1", start, end);
    this.#known[slot] = type;
    return type;
  }
}

/** Whether these bytes are the text, of which no character takes more than one. */
export function isAt(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
