import { firstTextOf } from "../../wire/attributes.js";
import type { LdapAttribute } from "../../wire/message.js";
import type { StoredPosition } from "../protocol.js";

/** Up to where changes were read. */
export interface UsnCookie {
  /** The cookies of the server, without their number: which server it is, and who asked it for what. */
  readonly search: string;
  /** The highest number of an entry. */
  readonly usn: number;
}

/** Where the changes of a server were left. */
export interface UsnPosition extends StoredPosition<UsnCookie> {
  /** Up to which number what was reported was compared with what there is. */
  readonly compared: number;
}

/**
 * The highest number that the root DSE has for all databases together; undefined where each numbers its entries apart
 * (`lastusn;userRoot`), and nothing says which of them holds the content.
 */
export function lastUsnOf(rootDse: readonly LdapAttribute[]): string | undefined {
  return firstTextOf(rootDse, "lastusn");
}

export function printPosition({ cookie: { search, usn }, compared }: UsnPosition): string {
  return JSON.stringify([usn, compared, search]);
}

/** Reads a position; undefined if it is none. A checkpoint has a checksum, so it is as it was printed. */
export function parsePosition(text: string | undefined): UsnPosition | undefined {
  if (text?.startsWith("[") !== true) return undefined;
  const [usn, compared, search]: readonly unknown[] = JSON.parse(text);
  if (typeof usn !== "number" || typeof compared !== "number" || typeof search !== "string") {
    return undefined;
  }
  return { cookie: { search, usn }, compared };
}
