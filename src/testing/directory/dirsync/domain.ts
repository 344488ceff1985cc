import { parentOf } from "../entries/dn.js";
import { AttributeValues, Entry } from "../entries/entry.js";
import type { Modification } from "../entries/modify.js";
import { repairReferences } from "../entries/refint.js";
import { normalizedDnOf, type Tree, type Write } from "../entries/tree.js";

/** How {@link DirectoryOptions.activeDirectory} plays a domain controller. */
export interface ActiveDirectoryOptions {
  /** Whether an account, by its DN, may list and read what was deleted. Default: every account may. */
  readonly seesDeleted?: ((dn: string) => boolean) | undefined;
  /** How many entries a search gives without pages, and a page at most. Default 1,000, as Windows. */
  readonly maxPageSize?: number | undefined;
  /** How many values of an attribute come at once. Default 1,500, as Windows. */
  readonly maxValRange?: number | undefined;
  /** How many objects a page of DirSync has. Default: all. */
  readonly dirSyncPage?: number | undefined;
  /** How many notifications a connection may have. Default 5. */
  readonly maxNotifications?: number | undefined;
}

/** An object that was deleted, as far as it is kept. */
export interface Tombstone {
  readonly entry: Entry;
  readonly lastKnownParent: string;
}

/** A linked value that came or went. */
interface Link {
  readonly target: string;
  readonly isThere: boolean;
  readonly usn: number;
}

/** What has changed of an object: the number of the last change of each attribute, and of each linked value. */
interface Changes {
  readonly attributes: ReadonlyMap<string, number>;
  readonly links: ReadonlyMap<string, readonly Link[]>;
}

/** Everything that a controller knows besides its entries, at some time. */
export interface DomainState {
  readonly usn: number;
  readonly rid: number;
  readonly changes: ReadonlyMap<string, Changes>;
  readonly tombstones: ReadonlyMap<string, Tombstone>;
}

const linked: ReadonlySet<string> = new Set(["member", "manager"]);
/** What is kept beside the attributes that a client writes, and is not reported. */
const silent: ReadonlySet<string> = new Set([
  ...["entryuuid", "entrycsn", "creatorsname", "createtimestamp", "modifiersname"],
  ...["modifytimestamp", "structuralobjectclass", "usnchanged", "whenchanged", "memberof", "cn"],
]);

/** The domain's own part of all security identifiers: S-1-5-21-1-2-3. */
const domainSid = Buffer.from("010500000000000515000000010000000200000003000000", "hex");

/**
 * What makes a domain controller of a tree: the attributes that it keeps by itself, what has changed by which number,
 * and what was deleted. After each write, before the next.
 */
export class Domain {
  readonly options: ActiveDirectoryOptions;
  readonly #tree: Tree;
  readonly #now: () => Date;
  readonly #changes = new Map<string, Changes>();
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #listeners = new Set<(entry: Entry, isDeleted: boolean) => void>();
  /** Which life of the database it is; another one is another controller to its clients. */
  invocationId = "6f1d2c3b-0000-4000-8000-000000000001";
  #usn = 1_000;
  #rid = 1_100;

  constructor(tree: Tree, now: () => Date, options: ActiveDirectoryOptions) {
    this.#tree = tree;
    this.#now = now;
    this.options = options;
  }

  get highestUsn(): number {
    return this.#usn;
  }

  get time(): string {
    return `${this.#now().toISOString().replace(/[-:T]/g, "").slice(0, 14)}.0Z`;
  }

  get tombstones(): readonly Tombstone[] {
    return [...this.#tombstones.values()];
  }

  get state(): DomainState {
    const { usn, rid } = { usn: this.#usn, rid: this.#rid };
    return {
      usn,
      rid,
      changes: new Map(this.#changes),
      tombstones: new Map(this.#tombstones),
    };
  }

  restore(state: DomainState): void {
    this.#usn = state.usn;
    this.#rid = state.rid;
    this.#changes.clear();
    for (const [uuid, changes] of state.changes) this.#changes.set(uuid, changes);
    this.#tombstones.clear();
    for (const [uuid, tombstone] of state.tombstones) this.#tombstones.set(uuid, tombstone);
  }

  /** Whether an account may see what was deleted. */
  seesDeleted(dn: string): boolean {
    return this.options.seesDeleted?.(dn) ?? true;
  }

  /** Calls with each object that is written from now on, until the function that is returned is called. */
  listen(listener: (entry: Entry, isDeleted: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changesOf(uuid: string): Changes {
    return this.#changes.get(uuid) ?? { attributes: new Map(), links: new Map() };
  }

  record(write: Write): void {
    const { kind, before, after, uuid } = write;
    const usn = ++this.#usn;
    if (kind === "rename" || kind === "delete") repairReferences(this.#tree, write);
    if (after === undefined) {
      if (before !== undefined) this.#bury(before, usn);
    } else {
      const isNew = kind === "add";
      if (isNew) this.#set(after, this.#first(after));
      const moved = kind === "rename" ? ["name", "parentguid"] : [];
      const made = this.#tree.withUuid(uuid)?.attributes.keys() ?? [];
      const keys = isNew ? [...made, "name", "parentguid"] : moved;
      this.#note(uuid, [...keys, ...differing(before, after)], usn);
      this.#noteLinks(uuid, before, after, usn);
      this.#stamp(uuid, usn);
      if (!isNew) this.#swapPrimaryGroups(uuid, before, after);
    }
    this.#linkBack();
    const entry = this.#tree.withUuid(uuid) ?? before;
    for (const listener of this.#listeners) if (entry) listener(entry, after === undefined);
  }

  #bury(before: Entry, usn: number): void {
    const parent = this.#tree.get(parentOf(before.normalizedDn) ?? "");
    const suffix = this.#tree.get(this.#tree.suffix)?.dn ?? "";
    const rdn = before.dn.split(",")[0] ?? "";
    const dn = `${rdn}\\0ADEL:${before.uuid},CN=Deleted Objects,${suffix}`;
    const kept = new Map(
      [...before.attributes].filter(([key]) => buried.has(key) || silent.has(key)),
    );
    kept.set("isdeleted", valuesOf("isDeleted", "TRUE"));
    kept.set("usnchanged", valuesOf("uSNChanged", String(usn)));
    kept.set("whenchanged", valuesOf("whenChanged", this.time));
    const entry = new Entry(before, { dn, normalizedDn: normalizedDnOf(dn) }, kept);
    this.#tombstones.set(before.uuid, { entry, lastKnownParent: parent?.dn ?? suffix });
    const gone = before.attributes.has("primarygroupid") ? ["primarygroupid"] : [];
    const keys = ["isdeleted", "name", "parentguid", "lastknownparent", ...gone];
    this.#note(before.uuid, keys, usn);
  }

  /** What a controller sets by itself when an object is made. */
  #first(entry: Entry): Modification[] {
    const classes = new Set((entry.attributes.get("objectclass")?.values ?? []).map(String));
    const isUser = classes.has("user");
    const isGroup = classes.has("group");
    const set = (type: string, ...values: (string | Buffer)[]): Modification[] =>
      entry.attributes.has(type.toLowerCase()) && type !== "objectClass"
        ? []
        : [replace(type, values)];
    const chain = isUser ? ["top", "person", "organizationalPerson"] : ["top"];
    const account = isUser || isGroup;
    return [
      ...set("objectClass", ...new Set([...chain, ...classes])),
      ...set("objectGUID", guidBytes(entry.uuid)),
      ...(account ? set("objectSid", this.#nextSid()) : []),
      ...(isUser ? set("primaryGroupID", "513") : []),
      ...(isUser ? set("userAccountControl", "546") : []),
      ...(account ? set("sAMAccountType", isUser ? "805306368" : "268435456") : []),
    ];
  }

  #nextSid(): Buffer {
    const rid = Buffer.alloc(4);
    rid.writeUInt32LE(++this.#rid);
    return Buffer.concat([domainSid, rid]);
  }

  /** Whose primary group is another one leaves the members of that, and is a member of the former one. */
  #swapPrimaryGroups(uuid: string, before: Entry | undefined, after: Entry): void {
    const from = textOf(before, "primarygroupid");
    const to = textOf(after, "primarygroupid");
    if (from === undefined || to === undefined || from === to) return;
    const current = this.#tree.withUuid(uuid)?.dn ?? after.dn;
    for (const group of this.#tree.entries) {
      const [sid] = group.attributes.get("objectsid")?.values ?? [];
      if (sid === undefined || !group.attributes.has("samaccounttype")) continue;
      const rid = String(sid.readUInt32LE(sid.length - 4));
      const members = group.attributes.get("member");
      const isMember = members?.keys.has(normalizedDnOf(current)) === true;
      const operation = rid === to && isMember ? "delete" : rid === from && !isMember ? "add" : "";
      if (operation === "") continue;
      const attribute = { type: "member", values: [Buffer.from(current)] };
      this.#tree.modifySilently(group.dn, [{ operation, attribute }]);
      const usn = ++this.#usn;
      this.#noteLinks(group.uuid, group, this.#tree.withUuid(group.uuid) ?? group, usn);
      this.#stamp(group.uuid, usn);
    }
  }

  /** The groups of a member, which it states without having been changed. */
  #linkBack(): void {
    const groups = new Map<string, string[]>();
    const entries = this.#tree.entries;
    for (const entry of entries) {
      for (const key of entry.attributes.get("member")?.keys ?? []) {
        groups.set(key, [...(groups.get(key) ?? []), entry.dn]);
      }
    }
    for (const entry of entries) {
      const stated = (entry.attributes.get("memberof")?.values ?? []).map(String);
      const now = groups.get(entry.normalizedDn) ?? [];
      if (stated.join("\n") !== now.join("\n")) this.#set(entry, [replace("memberOf", now)]);
    }
  }

  #set(entry: Entry, modifications: readonly Modification[]): void {
    if (modifications.length > 0) this.#tree.modifySilently(entry.dn, modifications);
  }

  #stamp(uuid: string, usn: number): void {
    const entry = this.#tree.withUuid(uuid);
    if (entry === undefined) return;
    const stamps = [replace("uSNChanged", [String(usn)]), replace("whenChanged", [this.time])];
    this.#set(entry, stamps);
  }

  #note(uuid: string, keys: readonly string[], usn: number): void {
    const { attributes, links } = this.changesOf(uuid);
    const noted = new Map(attributes);
    for (const key of keys) if (!silent.has(key)) noted.set(key, usn);
    this.#changes.set(uuid, { attributes: noted, links });
  }

  #noteLinks(uuid: string, before: Entry | undefined, after: Entry, usn: number): void {
    const { attributes, links } = this.changesOf(uuid);
    const noted = new Map(links);
    for (const key of linked) {
      const had = this.#targets(before, key);
      const has = this.#targets(after, key);
      const others = (noted.get(key) ?? []).filter(
        ({ target }) => had.has(target) === has.has(target),
      );
      const went = [...had].filter((target) => !has.has(target));
      const came = [...has].filter((target) => !had.has(target));
      const changed = [
        ...came.map((target): Link => ({ target, isThere: true, usn })),
        ...went.map((target): Link => ({ target, isThere: false, usn })),
      ];
      if (changed.length > 0) noted.set(key, [...others, ...changed]);
    }
    this.#changes.set(uuid, { attributes, links: noted });
  }

  #targets(entry: Entry | undefined, key: string): Set<string> {
    const targets = new Set<string>();
    for (const name of entry?.attributes.get(key)?.keys ?? []) {
      const target = this.#tree.get(name);
      if (target !== undefined) targets.add(target.uuid);
    }
    return targets;
  }
}

/** What is left of an object that was deleted. */
const buried: ReadonlySet<string> = new Set([
  ...["objectclass", "objectguid", "objectsid", "samaccountname", "useraccountcontrol"],
]);

function differing(before: Entry | undefined, after: Entry): string[] {
  if (before === undefined) return [];
  const keys = new Set([...before.attributes.keys(), ...after.attributes.keys()]);
  return [...keys].filter((key) => {
    if (linked.has(key)) return false;
    const [had, has] = [before.attributes.get(key), after.attributes.get(key)];
    return had !== has && had?.values.map(String).join("\n") !== has?.values.map(String).join("\n");
  });
}

function textOf(entry: Entry | undefined, key: string): string | undefined {
  return entry?.attributes.get(key)?.values[0]?.toString();
}

function valuesOf(type: string, value: string): AttributeValues {
  return new AttributeValues(type, [Buffer.from(value)]);
}

function replace(type: string, values: readonly (string | Buffer)[]): Modification {
  const given = values.map((value) => Buffer.from(value as string));
  return { operation: "replace", attribute: { type, values: given } };
}

/** A GUID as its attribute has it: its first three parts are numbers whose least octet comes first. */
export function guidBytes(uuid: string): Buffer {
  const octets = Buffer.from(uuid.replaceAll("-", ""), "hex");
  octets.subarray(0, 4).reverse();
  octets.subarray(4, 6).reverse();
  octets.subarray(6, 8).reverse();
  return octets;
}
