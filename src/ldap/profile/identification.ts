import { textOf } from "../wire/attributes.js";
import { escapeFilterValue } from "../wire/filter.js";

/** By what a kind of server says which entry one is, whatever its name, and which version of it. */
export interface Identification {
  /** The attribute with the permanent id. */
  readonly id: string;
  /** The attribute with the stamp of the version; undefined where there is none that can be compared. */
  readonly stamp: string | undefined;
  /** The id as text, of a value of its attribute. */
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
