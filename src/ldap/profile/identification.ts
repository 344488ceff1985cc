import { textOf } from "../wire/attributes.js";
import { escapeFilterValue } from "../wire/filter.js";

/**
 * By what a kind of server says which entry one is, whatever its name, and which version of it.
 *
 * The same entry is known by the Sync State Control of a change (RFC 4533 §2.2), as a UUID in lower case, 8-4-4-4-12,
 * and by this attribute where entries are listed or searched for: `read` returns that very text, and `filter` takes it,
 * whatever the form of the attribute is (an nsUniqueId is written 8-8-8-8). If they differ, a list of names takes every
 * entry for deleted.
 */
export interface Identification {
  /** The attribute with the permanent id. */
  readonly id: string;
  /** The attribute with the stamp of the version; undefined where there is none that can be compared. */
  readonly stamp: string | undefined;
  /** Whether names among the values of an entry come with the permanent ids of what they name. */
  readonly extendsNames?: boolean;
  /** More attributes that are read of entries, though none of them is mapped. */
  readonly reads?: readonly string[];
  /** The id as a Sync State Control has it, of a value of its attribute. */
  read(value: Uint8Array): string;
  /** The filter that finds the entry with an id. */
  filter(id: string): string;
}

/** The entryUUID (RFC 4530), in lower case; the stamp is OpenLDAP's. */
export const entryUuid: Identification = {
  id: "entryUUID",
  stamp: "entryCSN",
  read: (value) => textOf(value).toLowerCase(),
  filter: (id) => `(entryUUID=${escapeFilterValue(id)})`,
};

/** The objectGUID of Active Directory (MS-ADTS 2.2.1.4), in the form in which the extended DN control gives it. */
export const objectGuid: Identification = {
  id: "objectGUID",
  // A number of one controller says nothing of another, and there is none that all give.
  stamp: undefined,
  extendsNames: true,
  read: readGuid,
  filter: (id) => `(objectGUID=${escapeFilterValue(guidBytes(id))})`,
};

/** A GUID as text; empty of what is none. */
export function readGuid(value: Uint8Array): string {
  if (value.length !== 16) return "";
  const hex = reordered(Buffer.from(value)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function guidBytes(id: string): Buffer {
  return reordered(Buffer.from(id.replaceAll("-", ""), "hex"));
}

/** The first three parts of a GUID are numbers whose least octet comes first; the text begins with the greatest. */
function reordered(octets: Buffer): Buffer {
  octets.subarray(0, 4).reverse();
  octets.subarray(4, 6).reverse();
  octets.subarray(6, 8).reverse();
  return octets;
}
