import type { LdapConnection } from "../../connection/connection.js";
import { readGuid } from "../../profile/identification.js";
import {
  dirSync,
  dirSyncFlags,
  extendedDn,
  readDirSyncDone,
} from "../../wire/active-directory-controls.js";
import { textOf, valuesOf } from "../../wire/attributes.js";
import { idOfExtendedDn, plainDn } from "../../wire/extended-dn.js";
import type { SearchEntry } from "../../wire/message.js";

/** What DirSync tells of an object: which attributes have changed since the cookie, and what links came and went. */
export interface DirSyncEntry {
  readonly id: string;
  /** The name that it has now. */
  readonly dn: string;
  readonly isDeleted: boolean;
  /** Lower-case names of the attributes that were told, without options, but for those that are always. */
  readonly attributes: ReadonlySet<string>;
  /** Linked values by their attribute in lower case; as extended names. */
  readonly links: ReadonlyMap<string, LinkChange>;
  readonly primaryGroupId: string | undefined;
}

/** Linked values that came, and that went. */
export interface LinkChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A page of what has changed. */
export interface DirSyncPage {
  readonly entries: readonly DirSyncEntry[];
  readonly cookie: Buffer;
  readonly hasMore: boolean;
}

/** What is asked of DirSync, the same each time: an object is reported only if one of these attributes has changed. */
export interface DirSyncRequest {
  readonly namingContext: string;
  readonly filter: string;
  readonly attributes: readonly string[];
}

/** About how long a page may be, in bytes; Windows takes 1 MB at most into account. */
const pageBytes = 1_000_000;

const flags = dirSyncFlags.objectSecurity | dirSyncFlags.incrementalValues;

/** Asks for the objects that have changed since a cookie. */
export async function readDirSync(
  connection: LdapConnection,
  { namingContext, filter, attributes }: DirSyncRequest,
  cookie: Buffer | undefined,
  signal: AbortSignal,
): Promise<DirSyncPage> {
  const entries: DirSyncEntry[] = [];
  const request = {
    base: namingContext,
    filter,
    attributes,
    controls: [dirSync(flags, pageBytes, cookie), extendedDn],
  };
  let page: DirSyncPage | undefined;
  for await (const messages of connection.search(request, { signal })) {
    for (const message of messages) {
      if (message.kind === "entry") {
        const entry = readEntry(message);
        if (entry !== undefined) entries.push(entry);
      }
      if (message.kind === "done") page = { entries, ...readDirSyncDone(message.controls) };
    }
  }
  return page as DirSyncPage;
}

/** What tells nothing: these are sent of each object. */
const always: ReadonlySet<string> = new Set(["objectguid", "instancetype"]);

function readEntry({ dn, attributes }: SearchEntry): DirSyncEntry | undefined {
  const names = new Set<string>();
  const links = new Map<string, { added: readonly string[]; removed: readonly string[] }>();
  for (const { type, values } of attributes) {
    const [name = "", ...options] = type.toLowerCase().split(";");
    if (always.has(name)) continue;
    names.add(name);
    const range = options.find((option) => option.startsWith("range="));
    if (range === undefined) continue;
    const link = links.get(name) ?? { added: [], removed: [] };
    const texts = values.map(textOf);
    // Not a part of the values, as in other searches: 1-1 are those that came, 0-0 those that went.
    if (range === "range=0-0") link.removed = texts;
    else link.added = texts;
    links.set(name, link);
  }
  const [guid] = valuesOf(attributes, "objectGUID");
  const id = idOfExtendedDn(dn) ?? (guid === undefined ? "" : readGuid(guid));
  if (id === "") return undefined;
  const [isDeleted] = valuesOf(attributes, "isDeleted");
  const [primaryGroupId] = valuesOf(attributes, "primaryGroupID");
  return {
    id,
    dn: plainDn(dn),
    isDeleted: isDeleted !== undefined && textOf(isDeleted).toUpperCase() === "TRUE",
    attributes: names,
    links,
    primaryGroupId: primaryGroupId === undefined ? undefined : textOf(primaryGroupId),
  };
}
