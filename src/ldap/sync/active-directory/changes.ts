import type { Change, MemberReference, Upsert } from "../../../changes/index.js";
import type { EntryMapper } from "../../profile/mapper.js";
import { valuesOf } from "../../wire/attributes.js";
import { LdapResultError } from "../../wire/errors.js";
import { idOfExtendedDn, plainDn } from "../../wire/extended-dn.js";
import type { DirSyncEntry, LinkChange } from "./dirsync.js";
import { type Entries, type Found, primaryGroupOf, ridOf, siblingSid } from "./entries.js";

/** How many entries are looked at together. */
const atOnce = 100;

/** Users whose primary group may be another now, by its number, and the security identifier of one of them. */
interface NewPrimary {
  readonly sid: Uint8Array;
  readonly users: Set<string>;
}

/**
 * Makes changes of what DirSync tells. It tells in part: which attributes of an object have other values. What decides
 * whether the object is in the content, or what becomes of it, may be among those that it does not tell; so an object
 * of the content is read as it is now. What was told of links is used as it is: a group may have a hundred thousand.
 */
export class DirSyncChanges {
  readonly #entries: Entries;
  readonly #mapper: EntryMapper;
  /** Whether groups decide who is in the content, or what it looks like. */
  readonly #dependsOnGroups: boolean;
  /** Lower-case names of attributes by which a user may have come into the content. */
  readonly #deciding: ReadonlySet<string>;
  /** An entry may have left or come of which nothing was reported. */
  isInDoubt = false;

  /** @param filtered the attributes that the filter of the content looks at, in lower case. */
  constructor(entries: Entries, mapper: EntryMapper, filtered: ReadonlySet<string>) {
    this.#entries = entries;
    this.#mapper = mapper;
    this.#dependsOnGroups = filtered.has("memberof");
    this.#deciding = new Set([...filtered, "primarygroupid", "name", "parentguid", "isdeleted"]);
  }

  async *of(entries: readonly DirSyncEntry[]): AsyncGenerator<Change> {
    const whole = new Map<string, DirSyncEntry | undefined>();
    const linked = new Map<string, DirSyncEntry>();
    const moved: DirSyncEntry[] = [];
    for (const one of entries) {
      const isMoved = one.attributes.has("name") || one.attributes.has("parentguid");
      if (one.isDeleted) {
        yield { kind: "delete", sourceId: one.id };
        if (this.#dependsOnGroups) this.isInDoubt = true;
        continue;
      }
      if (this.#dependsOnGroups) for (const id of idsIn(one.links)) whole.set(id, undefined);
      if (!this.#entries.isWithin(one.dn)) {
        // Where it has not moved, it was outside before, too, or its parent has moved.
        if (isMoved) yield { kind: "delete", sourceId: one.id };
      } else if (this.#isOfLinks(one)) linked.set(one.id, one);
      else whole.set(one.id, one);
      // What is new has nothing below it that is not told as well.
      if (isMoved && !one.attributes.has("objectclass")) moved.push(one);
      // Of who comes back, groups are not told, though they have their member again.
      if (one.attributes.has("isdeleted"))
        for (const id of await this.#entries.groupsOf(one.id)) whole.set(id, undefined);
    }
    const primary = new Map<string, NewPrimary>();
    const found = new Set<string>();
    yield* this.#readWhole(whole, found, primary);
    for (const one of moved) if (!found.has(one.id)) yield* this.#readBelow(one.id, found, primary);
    for (const id of found) linked.delete(id);
    yield* this.#readLinked(linked);
    yield* this.#addPrimary(primary, found);
  }

  /** Whether nothing was told but which members of a group came and went. */
  #isOfLinks({ attributes, links }: DirSyncEntry): boolean {
    if (!this.#entries.hasOnlyIds() || attributes.size === 0) return false;
    return [...attributes].every(
      (name) => links.has(name) && this.#entries.isMemberAttribute(name),
    );
  }

  async *#readWhole(
    whole: ReadonlyMap<string, DirSyncEntry | undefined>,
    read: Set<string>,
    primary: Map<string, NewPrimary>,
  ): AsyncGenerator<Change> {
    const ids = [...whole.keys()];
    for (let from = 0; from < ids.length; from += atOnce) {
      const some = ids.slice(from, from + atOnce);
      const found = new Map((await this.#entries.byIds(some)).map((one) => [one.id, one]));
      for (const sourceId of some) {
        const one = found.get(sourceId);
        if (one === undefined) yield { kind: "delete", sourceId };
        else {
          read.add(sourceId);
          yield await this.#entries.map(one);
          if (this.#mayHaveCome(whole.get(sourceId))) notePrimary(one, primary);
        }
      }
    }
  }

  #mayHaveCome(sent: DirSyncEntry | undefined): boolean {
    return sent === undefined || [...sent.attributes].some((name) => this.#deciding.has(name));
  }

  /** Nothing is reported of what has come with a parent that was moved, nor of what has left with it. */
  async *#readBelow(
    id: string,
    read: Set<string>,
    primary: Map<string, NewPrimary>,
  ): AsyncGenerator<Change> {
    try {
      for await (const page of this.#entries.below(id)) {
        for (const one of page) {
          // It has been told itself.
          if (one.id === id) continue;
          read.add(one.id);
          if (this.#entries.isWithin(plainDn(one.entry.dn))) {
            yield await this.#entries.map(one);
            notePrimary(one, primary);
          } else yield { kind: "delete", sourceId: one.id };
        }
      }
    } catch (error) {
      // It was deleted meanwhile, or this account may not see it where it is now.
      if (!(error instanceof LdapResultError) || error.resultCode !== noSuchObject) throw error;
      this.isInDoubt = true;
    }
  }

  async *#readLinked(linked: ReadonlyMap<string, DirSyncEntry>): AsyncGenerator<Change> {
    const ids = [...linked.keys()];
    const attributes = ["objectGUID", "objectSid"];
    const found = new Map((await this.#entries.byIds(ids, attributes)).map((one) => [one.id, one]));
    for (const [sourceId, told] of linked) {
      const group = found.get(sourceId);
      if (group === undefined) yield { kind: "delete", sourceId };
      else yield await this.#membersChange(group, told);
    }
  }

  async #membersChange(group: Found, { id, links }: DirSyncEntry): Promise<Upsert> {
    const add: MemberReference[] = [];
    const remove: MemberReference[] = [];
    for (const { added, removed } of links.values()) {
      for (const value of added) push(add, this.#mapper.member(id, value));
      for (const value of removed) push(remove, this.#mapper.member(id, value));
    }
    const rid = ridOf(group.entry);
    // Who has a group for the primary one is taken out of its members, and is in it all the same.
    const kept =
      rid === undefined || remove.length === 0
        ? []
        : await this.#entries.withPrimaryGroup(
            rid,
            remove.flatMap(({ key, foreign }) => (foreign === true ? [] : key)),
          );
    return partOf(id, { add, remove: remove.filter(({ key }) => !kept.includes(key)) });
  }

  async *#addPrimary(
    primary: ReadonlyMap<string, NewPrimary>,
    read: ReadonlySet<string>,
  ): AsyncGenerator<Change> {
    if (!this.#entries.hasOnlyIds()) return;
    for (const [rid, { sid, users }] of primary) {
      const group = await this.#entries.bySid(siblingSid(sid, rid));
      // One that was read just now has been asked for them.
      if (group === undefined || read.has(group.id)) continue;
      const add = [...users].map((key): MemberReference => ({ kind: "id", key }));
      yield partOf(group.id, { add, remove: [] });
    }
  }
}

const noSuchObject = 32;

function notePrimary({ id, entry }: Found, primary: Map<string, NewPrimary>): void {
  const rid = primaryGroupOf(entry);
  const [sid] = valuesOf(entry.attributes, "objectSid");
  if (rid === undefined || sid === undefined) return;
  const known = primary.get(rid);
  if (known === undefined) primary.set(rid, { sid, users: new Set([id]) });
  else known.users.add(id);
}

function push<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}

function partOf(
  sourceId: string,
  {
    add,
    remove,
  }: { readonly add: readonly MemberReference[]; readonly remove: readonly MemberReference[] },
): Upsert {
  return {
    kind: "upsert",
    type: "Group",
    sourceId,
    names: [],
    complete: false,
    resource: {},
    members: { kind: "delta", add, remove },
  };
}

function* idsIn(links: ReadonlyMap<string, LinkChange>): Generator<string> {
  for (const { added, removed } of links.values()) {
    for (const value of [...added, ...removed]) {
      const id = idOfExtendedDn(value);
      if (id !== undefined) yield id;
    }
  }
}
