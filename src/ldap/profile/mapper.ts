import type {
  Delete,
  ManagedAttributes,
  MemberChange,
  MemberReference,
  Name,
  NameKind,
  Upsert,
} from "../../changes/index.js";
import { InvalidValueError } from "../../core/index.js";
import type { NewGroup, NewUser } from "../../scim/index.js";
import { DnNormalizer, normalizeValue, parseDn } from "../wire/dn.js";
import { canonicalAttributeType } from "../wire/dn-attribute-types.js";
import { LdapMappingError } from "../wire/errors.js";
import { foreignSidOf, idOfExtendedDn, plainDn } from "../wire/extended-dn.js";
import type { EncodedEntry } from "../wire/message.js";
import { AttributeSlots, type DirectoryEntry, SlottedEntry } from "./entry.js";
import type { Expiry } from "./expiry.js";
import type { Identification } from "./identification.js";
import { MemberLists } from "./member-lists.js";
import {
  type AttributeMapping,
  type DirectoryProfile,
  isComputed,
  profileAttributes,
} from "./profile.js";

/** What a mapper met in an entry and could not use. */
export type MappingProblem =
  /** The entry names none of the profile's object classes, be it of one derived from them, and was left out. */
  | "neitherUserNorGroup"
  /** A value that was to be text is not UTF-8, and counts as absent. */
  | "undecodableValue"
  /** The entry's own name, or a member's, is not a distinguished name, and counts as absent. */
  | "invalidDn"
  /** A member of the group stands for an account of another domain (a foreign security principal). */
  | "foreignPrincipal";

/** Called with a problem, and with the permanent id of the entry that has it. */
export type ReportProblem = (problem: MappingProblem, sourceId: string) => void;

interface NamesAndStamp {
  readonly names: readonly Name[];
  /** The stamp of its version, where the entry has one. */
  readonly stamp?: string;
}

/** An entry and what is known of it without looking at anything but its names. */
export interface IdentifiedEntry extends NamesAndStamp {
  readonly sourceId: string;
}

type Read = (entry: SlottedEntry) => unknown;
type Field = readonly [name: string, read: Read];

interface Members {
  readonly slot: number;
  readonly kind: NameKind;
}

/** Makes changes of entries, by a profile. It is compiled once, since nothing is to be decided for each entry. */
export class EntryMapper {
  readonly identification: Identification;
  readonly expiries: readonly Expiry[];
  /**
   * Whether an entry of this name is in the content, where the server's filter cannot say it; undefined where it says
   * all.
   */
  isWithin: ((dn: string) => boolean) | undefined;
  /** Called with each moment that a mapped entry states. */
  onExpiry: ((sourceId: string, moment: number) => void) | undefined;
  /** The attributes whose values name members by their permanent ids, in lower case. */
  readonly idAttributes: ReadonlySet<string>;
  /** Whether all attributes with members are among these. */
  readonly statesMembersById: boolean;
  readonly #slots: AttributeSlots;
  readonly #now: () => number;
  readonly #report: ReportProblem;
  readonly #undecodable: (entry: DirectoryEntry) => void;
  readonly #dns = new DnNormalizer();
  readonly #lists = new MemberLists();
  readonly #user: readonly Field[];
  readonly #group: readonly Field[];
  readonly #members: readonly Members[];
  readonly #userClasses: ReadonlySet<string>;
  readonly #groupClasses: ReadonlySet<string>;
  readonly #objectClass: number;
  readonly #stamp: number;
  readonly #uid: number;
  readonly #uidType: string;
  readonly #naming: Readonly<Record<"User" | "Group", Naming | undefined>>;
  #lastClasses: Buffer = Buffer.alloc(0);
  #lastType: "User" | "Group" | undefined;

  /** @param now - The time at which entries are looked at, in milliseconds since the epoch. */
  constructor(
    profile: DirectoryProfile,
    identification: Identification,
    report: ReportProblem,
    now: () => number = Date.now,
  ) {
    const { stamp, extendsNames } = identification;
    const slots = new AttributeSlots(profileAttributes(profile, identification), extendsNames);
    this.identification = identification;
    const byId = profile.members.filter(({ kind }) => kind === "id");
    this.idAttributes = new Set(byId.map(({ attribute }) => attribute.toLowerCase()));
    this.statesMembersById = byId.length === profile.members.length;
    this.expiries = profile.expiries ?? [];
    this.#now = now;
    this.#slots = slots;
    this.#report = report;
    this.#undecodable = (entry) => report("undecodableValue", entry.id);
    this.#user = compileFields(profile.user, slots);
    this.#group = compileFields(profile.group, slots);
    this.#members = profile.members.map(({ attribute, kind }) => ({
      slot: slots.find(attribute),
      kind,
    }));
    this.#userClasses = new Set(profile.userClasses.map((name) => name.toLowerCase()));
    this.#groupClasses = new Set(profile.groupClasses.map((name) => name.toLowerCase()));
    this.#objectClass = slots.find("objectClass");
    this.#stamp = stamp === undefined ? -1 : slots.find(stamp);
    this.#uid = slots.find(profile.uid);
    this.#uidType = canonicalAttributeType(profile.uid);
    this.#naming = {
      User: namingOf("userName", profile.user.userName, slots),
      Group: namingOf("displayName", profile.group.displayName, slots),
    };
  }

  /**
   * The change that says what the entry is now. One that is neither a user nor a group is not in the content, though it
   * may have been before, and though the server, which knows what its classes are derived from, sends it; nor is one of
   * another base.
   *
   * @throws {LdapMappingError} if a function of the profile fails.
   */
  map(sourceId: string, encoded: EncodedEntry): Upsert | Delete {
    const entry = new SlottedEntry(this.#slots, encoded, sourceId, this.#now(), this.#undecodable);
    const change = this.#map(sourceId, entry);
    for (const { attribute, read } of this.onExpiry === undefined ? [] : this.expiries) {
      const moment = momentOf(entry, attribute, read);
      if (moment !== undefined) this.onExpiry?.(sourceId, moment);
    }
    entry.close();
    return change;
  }

  #map(sourceId: string, entry: SlottedEntry): Upsert | Delete {
    const isWithin = this.isWithin?.(entry.dn) !== false;
    const type = isWithin ? this.#typeOf(entry) : undefined;
    if (type === undefined) {
      if (isWithin) this.#report("neitherUserNorGroup", sourceId);
      const stamp = entry.textAt(this.#stamp);
      return { kind: "delete", sourceId, ...(stamp !== undefined && { stamp }) };
    }
    const identity = this.#identify(entry, type);
    if (type === "User") {
      const resource = readFields(this.#user, entry) as ManagedAttributes<NewUser>;
      const candidates = this.#chooseName(entry, type, resource, identity);
      return {
        kind: "upsert",
        type,
        sourceId,
        ...identity,
        ...candidates,
        complete: true,
        resource,
      };
    }
    const resource = readFields(this.#group, entry) as ManagedAttributes<NewGroup>;
    const candidates = this.#chooseName(entry, type, resource, identity);
    const members = this.#readMembers(entry);
    return {
      kind: "upsert",
      type,
      sourceId,
      ...identity,
      ...candidates,
      complete: true,
      resource,
      members,
    };
  }

  /**
   * Chooses the name of an entry that has several values for it, which are in no order (RFC 4511 §4.1.7): the one in
   * its RDN, or else the first as they are sorted, and then a consumer that knows the entry by another may keep that.
   */
  #chooseName(
    entry: SlottedEntry,
    type: "User" | "Group",
    resource: { -readonly [name in string]?: unknown },
    { names }: NamesAndStamp,
  ): { readonly nameCandidates?: readonly string[] } {
    const naming = this.#naming[type];
    const values = naming === undefined ? [] : entry.textsAt(naming.slot);
    if (naming === undefined || values.length < 2) return {};
    const inRdn = rdnValueOf(names, naming.type);
    const proper = values.find((value) => normalizeValue(value) === inRdn);
    const candidates = [...values].sort();
    resource[naming.attribute] = proper ?? candidates[0];
    return proper === undefined ? { nameCandidates: candidates } : {};
  }

  /**
   * The id, the names and the stamp of an entry that was read for these only. `other` is neither a user nor a group, or
   * of another base; of a `hidden` one too little can be read to say even that.
   */
  identify(encoded: EncodedEntry): IdentifiedEntry | "other" | "hidden" {
    const entry = this.#read(encoded);
    if (this.isWithin?.(entry.dn) === false) return "other";
    const { start, end } = entry.encodedAt(this.#objectClass);
    if (entry.id === "" || start === end) return "hidden";
    const type = this.#typeOf(entry);
    return type === undefined ? "other" : { sourceId: entry.id, ...this.#identify(entry, type) };
  }

  /** The moment that an entry states which was read for it and its id; undefined if it states none. */
  readExpiry(
    encoded: EncodedEntry,
    attribute: string,
    read: Expiry["read"],
  ): { readonly sourceId: string; readonly moment: number } | undefined {
    const entry = this.#read(encoded);
    const moment = momentOf(entry, attribute, read);
    return moment === undefined || entry.id === "" ? undefined : { sourceId: entry.id, moment };
  }

  #read(encoded: EncodedEntry): SlottedEntry {
    const { identification } = this;
    return new SlottedEntry(this.#slots, encoded, identification, this.#now(), this.#undecodable);
  }

  /**
   * Most entries have the same classes as the one before them, in the same order: those are compared as bytes first.
   */
  #typeOf(entry: SlottedEntry): "User" | "Group" | undefined {
    const { bytes, start, end } = entry.encodedAt(this.#objectClass);
    const last = this.#lastClasses;
    if (last.length !== end - start || bytes.compare(last, 0, last.length, start, end) !== 0) {
      this.#lastType = this.#typeOfClasses(entry.textsAt(this.#objectClass));
      // A copy, so as not to keep a received buffer for the sake of a few words of it.
      this.#lastClasses = Buffer.from(bytes.subarray(start, end));
    }
    return this.#lastType;
  }

  #typeOfClasses(classes: readonly string[]): "User" | "Group" | undefined {
    const folded = classes.map((name) => name.toLowerCase());
    if (folded.some((name) => this.#userClasses.has(name))) return "User";
    return folded.some((name) => this.#groupClasses.has(name)) ? "Group" : undefined;
  }

  #identify(entry: SlottedEntry, type: "User" | "Group"): NamesAndStamp {
    const dn = this.#normalizeDn(entry.dn, entry.id);
    const names: Name[] = dn === undefined ? [] : [{ kind: "dn", key: dn }];
    if (type === "User") {
      const inRdn = rdnValueOf(names, this.#uidType);
      for (const uid of entry.textsAt(this.#uid)) {
        const key = normalizeValue(uid);
        names.push(key === inRdn ? { kind: "uid", key } : { kind: "uid", key, alias: true });
      }
    }
    const stamp = entry.textAt(this.#stamp);
    return stamp === undefined ? { names } : { names, stamp };
  }

  #readMembers(entry: SlottedEntry): MemberChange {
    const lists = this.#members.map(({ slot, kind }) =>
      this.#lists.read(entry.id, slot, entry.encodedAt(slot), (bytes, start, end) =>
        this.#member(entry, kind, entry.textOf(bytes, start, end)),
      ),
    );
    const [first = [], ...others] = lists.filter((list) => list.length > 0);
    return { kind: "all", members: others.length > 0 ? distinct(lists.flat()) : first };
  }

  #member(
    entry: SlottedEntry,
    kind: NameKind,
    text: string | undefined,
  ): MemberReference | undefined {
    if (text === undefined) return undefined;
    if (kind === "uid") return { kind, key: normalizeValue(text) };
    if (kind === "id") return this.member(entry.id, text);
    const name = this.identification.extendsNames === true ? plainDn(text) : text;
    const dn = this.#normalizeDn(withoutUniqueIdentifier(name), entry.id);
    // A groupOfNames may not be empty, so a group without members has the empty name for one.
    return dn === undefined || dn === "" ? undefined : { kind, key: dn };
  }

  /**
   * The member that a value names by its permanent id, as the extended DN control has it. A foreign security principal
   * stands for an account of another domain, of which this directory knows the security identifier only.
   */
  member(group: string, value: string): MemberReference | undefined {
    const id = idOfExtendedDn(value);
    const sid = foreignSidOf(value);
    if (id === undefined) this.#report("invalidDn", group);
    else if (sid === undefined) return { kind: "id", key: id };
    else {
      this.#report("foreignPrincipal", group);
      return { kind: "id", key: sid, foreign: true };
    }
    return undefined;
  }

  #normalizeDn(dn: string, sourceId: string): string | undefined {
    try {
      return this.#dns.normalize(dn);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      this.#report("invalidDn", sourceId);
      return undefined;
    }
  }
}

function momentOf(
  entry: SlottedEntry,
  attribute: string,
  read: Expiry["read"],
): number | undefined {
  const text = entry.text(attribute);
  return text === undefined ? undefined : read(text);
}

/** The attribute of the directory that names users or groups. */
interface Naming {
  readonly attribute: "userName" | "displayName";
  readonly slot: number;
  /** Its type, as it is in a normalised name. */
  readonly type: string;
}

/** A function that computes the name chooses for itself. */
function namingOf(
  attribute: Naming["attribute"],
  mapping: AttributeMapping<string> | undefined,
  slots: AttributeSlots,
): Naming | undefined {
  if (typeof mapping !== "string") return undefined;
  return { attribute, slot: slots.find(mapping), type: canonicalAttributeType(mapping) };
}

/** The value, normalised, that the first RDN of an entry has for an attribute; it has one at most (RFC 4512 §2.3.1). */
function rdnValueOf([dn]: readonly Name[], type: string): string | undefined {
  if (dn === undefined || dn.kind !== "dn") return undefined;
  const [rdn = ""] = /^(?:\\.|[^,\\])*/su.exec(dn.key) ?? [];
  for (const part of rdn.match(/(?:\\.|[^+\\])+/gsu) ?? []) {
    if (part.startsWith(`${type}=`)) return parsedValue(part, type);
  }
  return undefined;
}

/** Without what a value is escaped with in a name. */
function parsedValue(part: string, type: string): string | undefined {
  const value = part.slice(type.length + 1);
  if (!value.includes("\\")) return value;
  const parsed = parseDn(part)[0]?.[0]?.value;
  return parsed === undefined ? undefined : normalizeValue(parsed);
}

/** Compiles the mappings of an attribute's parts; the order is theirs. */
function compileFields(mapping: object, slots: AttributeSlots): readonly Field[] {
  const fields: Field[] = [];
  for (const [name, part] of Object.entries<AttributeMapping<unknown> | undefined>(
    mapping as Record<string, AttributeMapping<unknown> | undefined>,
  )) {
    if (part !== undefined) fields.push([name, compile(part, slots)]);
  }
  return fields;
}

function compile(mapping: AttributeMapping<unknown>, slots: AttributeSlots): Read {
  if (typeof mapping === "function") return (entry) => mapping(entry) ?? null;
  if (typeof mapping === "string") {
    const slot = slots.find(mapping);
    return (entry) => entry.textAt(slot) ?? null;
  }
  if (isComputed(mapping)) return (entry) => mapping.value(entry) ?? null;
  const parts = compileFields(mapping, slots);
  return (entry) => readParts(parts, entry);
}

/** A resource: an attribute that is mapped and has no value is `null`, since the entry was read whole. */
function readFields(fields: readonly Field[], entry: SlottedEntry): Record<string, unknown> {
  const resource: Record<string, unknown> = {};
  let attribute = "";
  try {
    for (const [name, read] of fields) {
      attribute = name;
      resource[name] = read(entry);
    }
  } catch (cause) {
    throw new LdapMappingError(entry.id, attribute, { cause });
  }
  return resource;
}

/** A complex value: without those parts that have no value, and `null` without any. */
function readParts(parts: readonly Field[], entry: SlottedEntry): Record<string, unknown> | null {
  let value: Record<string, unknown> | null = null;
  for (const [name, read] of parts) {
    const part = read(entry);
    if (part === null) continue;
    value ??= {};
    value[name] = part;
  }
  return value;
}

/** A `uniqueMember` may have a bit string behind the name (RFC 4517 §3.3.21), which is no part of it. */
function withoutUniqueIdentifier(value: string): string {
  return value.endsWith("'B") ? value.replace(/#'[01]*'B$/, "") : value;
}

/** A member that two attributes state is one member. */
function distinct(members: readonly MemberReference[]): readonly MemberReference[] {
  const seen = new Set<string>();
  return members.filter(({ kind, key }) => {
    const known = seen.size;
    seen.add(`${kind}:${key}`);
    return seen.size > known;
  });
}
