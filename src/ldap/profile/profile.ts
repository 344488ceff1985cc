import type { NameKind } from "../../changes/index.js";
import { InvalidValueError, secretAttributes } from "../../core/index.js";
import type { NewGroup, NewUser } from "../../scim/index.js";
import { canonicalAttributeType } from "../wire/dn-attribute-types.js";
import { checkFilter } from "../wire/filter.js";
import type { DirectoryEntry } from "./entry.js";
import type { Expiry } from "./expiry.js";
import { entryUuid, type Identification } from "./identification.js";

/**
 * Computes a value from an entry. `undefined` and `null` both mean that the entry has no value. It should look at
 * nothing but the entry: the result is not computed again until the entry changes. It should not throw: that ends the
 * stream with an {@link LdapMappingError}.
 */
export type FromEntry<V> = (entry: DirectoryEntry) => V | null | undefined;

/** A value computed from attributes that the directory must be asked for. */
export interface Computed<V> {
  /** The attribute descriptions that `value` looks at. */
  readonly reads: readonly string[];
  /** Computes the value. */
  readonly value: FromEntry<V>;
}

/**
 * Where the value of a SCIM attribute comes from: for a text, the description of a directory attribute, such as `cn` or
 * `cn;lang-de`, whose first value is taken; for a complex attribute, a mapping for each of its sub-attributes; for any,
 * a function of the entry, which may look at attributes that the profile asks for anyway, or a {@link Computed}.
 */
export type AttributeMapping<V> =
  | FromEntry<V>
  | Computed<V>
  | (string extends V ? string : never)
  | (V extends string | boolean | number | readonly unknown[] ? never : ComplexMapping<V>);

/** Mappings for the sub-attributes of a complex attribute; without a value for any, the whole has none. */
export type ComplexMapping<V> = {
  readonly [K in keyof V]?: AttributeMapping<NonNullable<V[K]>> | undefined;
};

/** A mapping for each attribute of a user that the directory is the authority for. There is none for passwords. */
export type UserEntryMapping = {
  readonly [K in Exclude<keyof NewUser, "schemas" | "password">]?:
    | AttributeMapping<NonNullable<NewUser[K]>>
    | undefined;
};

/** A mapping for each attribute of a group that the directory is the authority for. */
export type GroupEntryMapping = {
  readonly [K in Exclude<keyof NewGroup, "schemas" | "members">]?:
    | AttributeMapping<NonNullable<NewGroup[K]>>
    | undefined;
};

/**
 * An attribute of groups whose values are their members, and how those name them: by distinguished name, by `uid`, or
 * by permanent id, as Active Directory's do.
 */
export interface MemberAttribute {
  /** The attribute description, such as `member` or `memberUid`. */
  readonly attribute: string;
  /** How the values name members. `uid`: by the values of the attribute {@link DirectoryProfile.uid}. */
  readonly kind: NameKind;
}

/** How the entries of a directory become users and groups. Plain data: see {@link profile} for changing one. */
export interface DirectoryProfile {
  /** What the profile is called. It counts as part of it: a stream whose profile has another name is read anew. */
  readonly name: string;
  /**
   * An entry with one of these object classes, whatever else it has, is a user. Classes are looked for as they are
   * written in the entry: one that is derived from another does not stand for it, and is to be listed too.
   */
  readonly userClasses: readonly string[];
  /** An entry with one of these object classes, and none of a user's, is a group. */
  readonly groupClasses: readonly string[];
  /** A filter (RFC 4515) that users and groups match besides. Default: none. */
  readonly filter?: string;
  /** Where the attributes of users come from. One without a mapping is left as the application has it. */
  readonly user: UserEntryMapping;
  /** Where the attributes of groups come from, but for their members. */
  readonly group: GroupEntryMapping;
  /** Where a group states its members; all of them are read. */
  readonly members: readonly MemberAttribute[];
  /** The attribute of users that members of kind `uid` refer to. */
  readonly uid: string;
  /**
   * The moments at which an entry comes to mean something else though nothing changes it then, such as the end of an
   * account: it is read again at each of them. What a mapping makes of it, it sees by `entry.now`.
   */
  readonly expiries?: readonly Expiry[];
  /** More attributes to ask for, on behalf of functions that do not say what they read. */
  readonly attributes?: readonly string[];
  /**
   * Says that a mapping changed although it reads alike, such as a function that now uses another table. A stream whose
   * profile changed is read anew.
   */
  readonly revision?: string;
}

/** The parts of a profile that are replaced as a whole; one that is `undefined` is as the other profile has it. */
type ReplacedParts = {
  readonly [K in Exclude<keyof DirectoryProfile, "user" | "group">]?:
    | DirectoryProfile[K]
    | undefined;
};

/** What is to be different from another profile. */
export interface ProfileChanges extends ReplacedParts {
  /** The profile to start from. */
  readonly extends: DirectoryProfile;
  /** Mappings that are added, replaced, or, with `undefined`, removed: attribute by attribute. */
  readonly user?: UserEntryMapping | undefined;
  /** The same for groups. */
  readonly group?: GroupEntryMapping | undefined;
}

/**
 * A profile that differs from another one, attribute by attribute.
 *
 * ```ts
 * const staff = profile({
 *   extends: inetOrgPerson,
 *   user: {
 *     displayName: "cn",
 *     active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== "left" },
 *   },
 * });
 * ```
 *
 * @throws {InvalidValueError} if a class or an attribute has a name that cannot be one, or if an attribute that holds
 * passwords would be asked for.
 */
export function profile(changes: ProfileChanges): DirectoryProfile {
  const { extends: base, user, group, ...parts } = changes;
  const replaced = Object.entries(parts).filter(([, part]) => part !== undefined);
  const changed: DirectoryProfile = {
    ...base,
    ...Object.fromEntries(replaced),
    user: { ...base.user, ...user },
    group: { ...base.group, ...group },
  };
  checkProfile(changed);
  return changed;
}

/** The filter that matches every user and group of a profile, and nothing else (RFC 4515). */
export function profileFilter({ userClasses, groupClasses }: DirectoryProfile): string {
  const classes = [...new Set([...userClasses, ...groupClasses])];
  return `(|${classes.map((name) => `(objectClass=${name})`).join("")})`;
}

/** The filter that matches every group of a profile, also one that is a user as well; undefined without groups. */
export function profileGroupFilter({ groupClasses }: DirectoryProfile): string | undefined {
  if (groupClasses.length === 0) return undefined;
  return `(|${groupClasses.map((name) => `(objectClass=${name})`).join("")})`;
}

/** The attributes that a profile needs of an entry, each once; sorted, so that equal needs are equal lists. */
export function profileAttributes(
  profile: DirectoryProfile,
  identification: Identification = entryUuid,
): readonly string[] {
  const wanted = new Map<string, string>();
  const add = (description: string) => wanted.set(canonicalAttributeType(description), description);
  for (const description of attributesOf(identification)) add(description);
  for (const description of identification.reads ?? []) add(description);
  add(profile.uid);
  for (const member of profile.members) add(member.attribute);
  for (const { attribute } of profile.expiries ?? []) add(attribute);
  for (const description of profile.attributes ?? []) add(description);
  for (const mapping of mappingsOf(profile)) {
    for (const description of readsOf(mapping)) add(description);
  }
  return [...wanted.values()].sort();
}

/** The attributes that hold the names of an entry, and no more: for a look at what exists. */
export function profileNameAttributes(
  profile: DirectoryProfile,
  identification: Identification,
): readonly string[] {
  return [...attributesOf(identification), profile.uid];
}

/** A text that is different whenever two profiles may map an entry differently, as far as that can be seen. */
export function profileText(profile: DirectoryProfile): string {
  // Functions count by their source. What they close over cannot be seen: that is what `revision` is for.
  return JSON.stringify(profile, (_key, value: unknown) =>
    typeof value === "function" ? value.toString() : value,
  );
}

/** Throws if a profile cannot be used. */
export function checkProfile(profile: DirectoryProfile): void {
  if (profile.userClasses.length + profile.groupClasses.length === 0) {
    throw new InvalidValueError("profile", "names no object class, so there is nothing to read.");
  }
  if (profile.filter !== undefined) checkFilter(profile.filter);
  checkClasses("profile", [...profile.userClasses, ...profile.groupClasses]);
  for (const description of profileAttributes(profile)) {
    if (!descriptionPattern.test(description)) {
      throw new InvalidValueError("profile", `"${description}" cannot be an attribute.`);
    }
    const [type = ""] = canonicalAttributeType(description).split(";", 1);
    if (secretAttributes.has(type)) {
      throw new InvalidValueError("profile", `"${description}" holds passwords and is never read.`);
    }
  }
}

/** Throws if one of the names cannot be that of an object class. */
export function checkClasses(path: string, names: readonly string[]): void {
  for (const name of names) {
    if (!typePattern.test(name)) {
      throw new InvalidValueError(path, `"${name}" cannot be an object class.`);
    }
  }
}

function attributesOf({ id, stamp }: Identification): readonly string[] {
  return stamp === undefined ? ["objectClass", id] : ["objectClass", id, stamp];
}

/** `oid` of RFC 4512 §1.4: a short name or a numeric object identifier. Several servers have names with underscores. */
const typePattern = /^(?:[a-z][\w-]*|\d+(?:\.\d+)+)$/i;
/** `attributedescription` of RFC 4512 §2.5. */
const descriptionPattern = /^(?:[a-z][\w-]*|\d+(?:\.\d+)+)(?:;[\w-]+)*$/i;

type AnyMapping =
  | string
  | Computed<unknown>
  | FromEntry<unknown>
  | { readonly [name: string]: AnyMapping | undefined };

function* mappingsOf(profile: DirectoryProfile): Generator<AnyMapping> {
  const all: (AnyMapping | undefined)[] = [
    ...Object.values(profile.user),
    ...Object.values(profile.group),
  ];
  for (const mapping of all) {
    if (mapping !== undefined) yield mapping;
  }
}

function readsOf(mapping: AnyMapping): readonly string[] {
  if (typeof mapping === "function") return [];
  if (typeof mapping === "string") return [mapping];
  if (isComputed(mapping)) return mapping.reads;
  return Object.values(mapping).flatMap((part) => (part === undefined ? [] : readsOf(part)));
}

/** Whether a mapping is a function with the attributes that it reads, and not one for sub-attributes. */
export function isComputed(mapping: object): mapping is Computed<unknown> {
  return "reads" in mapping && Array.isArray(mapping.reads) && "value" in mapping;
}
