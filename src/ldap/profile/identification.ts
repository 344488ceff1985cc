import { textOf } from "../wire/attributes.js";
import { escapeFilterValue } from "../wire/filter.js";

/**
 * By what a kind of server says which entry one is, whatever its name, and which version of it.
 *
 * The same entry is known by the Sync State Control of a change (RFC 4533 §2.2), as a UUID in lower case, 8-4-4-4-12, and by this
 * attribute where entries are listed or searched for: `read` gives that very text, and `filter` takes it, whatever the form of the
 * attribute is (an nsUniqueId is written 8-8-8-8). If they differ, a list of names takes everybody for gone.
 */
export interface Identification {
  /** The attribute with the permanent id. */
  readonly id: string;
  /** The attribute with the stamp of the version; undefined where there is none that can be compared. */
  readonly stamp: string | undefined;
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
