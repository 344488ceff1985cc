import { BerWriter } from "ldapts";
import { Tag } from "../../wire/ber.js";
import { plainDn } from "../../wire/extended-dn.js";
import type { EncodedEntry, LdapAttribute, SearchEntry } from "../../wire/message.js";

/** An entry as the mapper expects it: with its plain name, and with these attributes. */
export function plainEntry(
  { dn, controls }: SearchEntry,
  attributes: readonly LdapAttribute[],
): EncodedEntry {
  const writer = new BerWriter();
  writer.startSequence();
  for (const { type, values } of attributes) {
    writer.startSequence();
    writer.writeString(type);
    writer.startSequence(Tag.set);
    for (const value of values) writer.writeBuffer(Buffer.from(value), Tag.octetString);
    writer.endSequence();
    writer.endSequence();
  }
  writer.endSequence();
  const bytes = writer.buffer;
  const start = contentsStart(bytes);
  return {
    kind: "entry",
    dn: plainDn(dn),
    attributes: { bytes, start, end: bytes.length },
    controls,
  };
}

/** Where the contents of the element begin that the bytes are. */
function contentsStart(bytes: Buffer): number {
  const length = bytes[1] ?? 0;
  return length < 0x80 ? 2 : 2 + length - 0x80;
}
