import type { Change, MemberReference, Upsert } from "../../../changes/index.js";
import { objectGuid, readGuid } from "../../profile/identification.js";
import {
  extendedDn,
  pagedResults,
  readPagedResults,
} from "../../wire/active-directory-controls.js";
import { textOf, valuesOf } from "../../wire/attributes.js";
import { idOfExtendedDn, plainDn } from "../../wire/extended-dn.js";
import { escapeFilterValue } from "../../wire/filter.js";
import type { EncodedMessage, LdapSearchRequest, SearchEntry } from "../../wire/message.js";
import type { EntryReading } from "../reading.js";
import { Scope } from "../scope.js";
import { plainEntry } from "./plain-entry.js";
import { completeRanges } from "./ranges.js";

/** How many entries a page has: Windows gives 1,000 at most (MaxPageSize, MS-ADTS 3.1.1.3.4.6). */
export const pageSize = 1_000;
/** How many entries are asked for by their ids at once. */
const idsPerSearch = 100;

/** An entry that was found, as it is now. */
export interface Found {
  readonly id: string;
  readonly entry: SearchEntry;
}

/**
 * Reads entries of the content. Their names come with permanent ids, so that a member is known whatever it is called,
 * and wherever it is moved.
 */
export class Entries {
  readonly #reading: EntryReading;
  readonly #scope: Scope;
  readonly #idAttributes: ReadonlySet<string>;

  constructor(reading: EntryReading) {
    this.#reading = reading;
    this.#scope = new Scope(reading.content);
    this.#idAttributes = reading.mapper.idAttributes;
  }

  /** Whether members are stated by their ids, so that what came and went can be told without reading all of them. */
  hasOnlyIds(): boolean {
    return this.#idAttributes.size > 0 && this.#reading.mapper.statesMembersById;
  }

  isMemberAttribute(name: string): boolean {
    return this.#idAttributes.has(name);
  }

  /** Whether an entry with this name may be in the content. */
  isWithin(dn: string): boolean {
    return this.#scope.has(dn);
  }

  /** All entries of the content, page by page. */
  async *all(filter: string, attributes: readonly string[]): AsyncGenerator<readonly Found[]> {
    const { base, scope } = this.#reading.content;
    yield* this.#pages({ base, scope, filter, attributes });
  }

  /** Those of the content that are below an object, wherever that is: also those that are outside now. */
  async *below(id: string): AsyncGenerator<readonly Found[]> {
    const { filter } = this.#reading.content;
    const attributes = this.#attributes;
    yield* this.#search({ base: `<GUID=${id}>`, scope: "sub", filter, attributes });
  }

  /** Those of these ids that are in the content. */
  async byIds(
    ids: readonly string[],
    attributes: readonly string[] = this.#attributes,
    filter: string = this.#reading.content.filter,
  ): Promise<readonly Found[]> {
    const found: Found[] = [];
    const { base, scope } = this.#reading.content;
    for (let from = 0; from < ids.length; from += idsPerSearch) {
      const wanted = ids
        .slice(from, from + idsPerSearch)
        .map(objectGuid.filter)
        .join("");
      const request = { base, scope, filter: `(&${filter}(|${wanted}))`, attributes };
      for await (const page of this.#pages(request)) found.push(...page);
    }
    return found;
  }

  /** The group of the content with a security identifier. */
  async bySid(sid: Uint8Array): Promise<Found | undefined> {
    const { base, scope, groupFilter } = this.#reading.content;
    if (groupFilter === undefined) return undefined;
    const found: Found[] = [];
    const wanted = `(&${groupFilter}(objectSid=${escapeFilterValue(sid)}))`;
    const request = { base, scope, filter: wanted, attributes: ["objectGUID", "objectSid"] };
    for await (const page of this.#pages(request)) found.push(...page);
    return found[0];
  }

  /**
   * The ids of the users whose primary group this is, of all or of some; such a group does not state them as its
   * members.
   */
  async withPrimaryGroup(rid: string, among?: readonly string[]): Promise<readonly string[]> {
    const { filter } = this.#reading.content;
    const wanted = `(&${filter}(primaryGroupID=${rid}))`;
    const ids: string[] = [];
    if (among !== undefined) {
      const found = await this.byIds(among, ["objectGUID"], wanted);
      return found.map(({ id }) => id);
    }
    for await (const page of this.all(wanted, ["objectGUID"])) {
      for (const { id } of page) ids.push(id);
    }
    return ids;
  }

  /** The ids of the groups of the content that state an entry as a member. */
  async groupsOf(id: string): Promise<readonly string[]> {
    const { filter } = this.#reading.content;
    const stating = [...this.#idAttributes].map((name) => `(${name}=<GUID=${id}>)`).join("");
    const ids: string[] = [];
    if (stating === "") return ids;
    for await (const page of this.all(`(&${filter}(|${stating}))`, ["objectGUID"])) {
      for (const group of page) ids.push(group.id);
    }
    return ids;
  }

  /** The change that says what an entry is now. A group's primary members are known, or are asked for. */
  async map(found: Found, primary?: ReadonlyMap<string, readonly string[]>): Promise<Change> {
    const { mapper, connection, signal } = this.#reading;
    const { entry, id } = found;
    const attributes = await completeRanges(connection, id, entry.attributes, signal);
    const change = mapper.map(id, plainEntry(entry, attributes));
    if (change.kind !== "upsert" || change.type !== "Group" || !this.hasOnlyIds()) return change;
    const rid = ridOf(entry);
    if (rid === undefined || change.members?.kind !== "all") return change;
    const ids = primary === undefined ? await this.withPrimaryGroup(rid) : (primary.get(rid) ?? []);
    return ids.length === 0 ? change : withMembers(change, change.members.members, ids);
  }

  get #attributes(): readonly string[] {
    const { attributes } = this.#reading.content;
    return this.hasOnlyIds() ? [...attributes, ...securityAttributes] : attributes;
  }

  /** The attributes that tell an entry whole. */
  get attributes(): readonly string[] {
    return this.#attributes;
  }

  /** The entries of a search that are within the bases. */
  async *#pages(request: LdapSearchRequest): AsyncGenerator<readonly Found[]> {
    for await (const page of this.#search(request)) {
      yield page.filter(({ entry }) => this.#scope.has(plainDn(entry.dn)));
    }
  }

  /** The entries of a search, page by page, as they come. */
  async *encoded(request: LdapSearchRequest): AsyncGenerator<readonly EncodedMessage[]> {
    const { connection, signal } = this.#reading;
    let cookie: Buffer | undefined;
    do {
      const controls = [...(request.controls ?? []), pagedResults(pageSize, cookie)];
      cookie = undefined;
      for await (const messages of connection.searchEncoded({ ...request, controls }, { signal })) {
        for (const message of messages) {
          if (message.kind === "done") cookie = readPagedResults(message.controls);
        }
        yield messages;
      }
    } while (cookie !== undefined);
  }

  async *#search(request: LdapSearchRequest): AsyncGenerator<readonly Found[]> {
    const { connection, content, signal } = this.#reading;
    let cookie: Buffer | undefined;
    do {
      const controls = [pagedResults(pageSize, cookie), extendedDn, ...content.controls];
      const found: Found[] = [];
      cookie = undefined;
      for await (const messages of connection.search({ ...request, controls }, { signal })) {
        for (const message of messages) {
          if (message.kind === "done") cookie = readPagedResults(message.controls);
          if (message.kind !== "entry") continue;
          const id = idOf(message);
          if (id !== "") found.push({ id, entry: message });
        }
      }
      yield found;
    } while (cookie !== undefined);
  }
}

const securityAttributes = ["objectSid", "primaryGroupID"];

/** The last part of a security identifier, by which users name their primary group (MS-DTYP 2.4.2). */
export function ridOf({ attributes }: SearchEntry): string | undefined {
  const [sid] = valuesOf(attributes, "objectSid");
  if (sid === undefined || sid.length < 12) return undefined;
  return String(Buffer.from(sid).readUInt32LE(sid.length - 4));
}

/** The security identifier of another account of the same domain. */
export function siblingSid(sid: Uint8Array, rid: string): Buffer {
  const sibling = Buffer.from(sid);
  sibling.writeUInt32LE(Number(rid) >>> 0, sibling.length - 4);
  return sibling;
}

export function primaryGroupOf({ attributes }: SearchEntry): string | undefined {
  const [rid] = valuesOf(attributes, "primaryGroupID");
  return rid === undefined ? undefined : textOf(rid);
}

function idOf({ dn, attributes }: SearchEntry): string {
  const [guid] = valuesOf(attributes, "objectGUID");
  return idOfExtendedDn(dn) ?? (guid === undefined ? "" : readGuid(guid));
}

function withMembers(
  change: Upsert,
  members: readonly MemberReference[],
  ids: readonly string[],
): Upsert {
  const stated = new Set(members.map(({ key }) => key));
  const more = ids
    .filter((key) => !stated.has(key))
    .map((key): MemberReference => ({ kind: "id", key }));
  return { ...change, members: { kind: "all", members: [...members, ...more] } } as Upsert;
}
