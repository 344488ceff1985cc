import type { Entry, GivenAttribute } from "./entries/entry.js";
import { attributeKey, attributeType } from "./entries/schema.js";

/** One value, or several. Text is encoded as UTF-8. */
export type AttributeInput = string | Uint8Array | readonly (string | Uint8Array)[];

/** Attributes by name, such as `{ objectClass: "inetOrgPerson", uid: "alice", mail: ["a@example.com"] }`. */
export type AttributesInput = Readonly<Record<string, AttributeInput>>;

/** An entry to be added. */
export interface NewEntry {
  /** The DN of the entry; the values of its RDN are added to the attributes. */
  readonly dn: string;
  /** The attributes, `objectClass` among them. */
  readonly attributes: AttributesInput;
}

/** An entry as it was read. */
export interface StoredEntry {
  /** The DN, as it was spelled when the entry was added or renamed. */
  readonly dn: string;
  /** The permanent id of the entry (RFC 4530). */
  readonly entryUUID: string;
  /** The CSN of the last write to the entry. */
  readonly entryCSN: string;
  /** The user attributes, by name, as text; bytes that are not UTF-8 are replaced. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** A write that another server of a multi-provider directory made, and this one received. */
export interface ReplicatedWriteOptions {
  /** The number of the server that the CSN names. Default: this server's. */
  readonly serverId?: number;
}

/** The attributes as the tree takes them. */
export function toGiven(attributes: AttributesInput): GivenAttribute[] {
  return Object.entries(attributes).map(([type, input]) => {
    const values = typeof input === "string" || input instanceof Uint8Array ? [input] : input;
    return { type, values: values.map((value) => Buffer.from(value)) };
  });
}

/** Shows an entry of the tree. */
export function toRecord(entry: Entry): StoredEntry {
  const attributes: Record<string, readonly string[]> = {};
  for (const { description, values } of entry.attributes.values()) {
    if (attributeType(attributeKey(description))?.operational) continue;
    attributes[description] = values.map((value) => value.toString());
  }
  return { dn: entry.dn, entryUUID: entry.uuid, entryCSN: entry.csn, attributes };
}
