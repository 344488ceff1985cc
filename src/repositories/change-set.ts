import { InvalidValueError } from "../core/index.js";
import type { NewGroup, ResourceType } from "../scim/index.js";
import { typedMembers } from "./member-types.js";

/** Who comes into a group and who leaves it. */
export interface MembersChange {
  /** Remove all members first. */
  readonly clear?: boolean;
  /** By their ids. A member without a type is a user. */
  readonly add?: readonly {
    /** The id of the member. */
    readonly value: string;
    /** What the member is. Default: `User`. */
    readonly type?: "User" | "Group";
  }[];
  /** One who is not a member is ignored. Without a type, a member of either type is meant. */
  readonly remove?: readonly {
    /** The id of the member. */
    readonly value: string;
    /** What the member is. Default: either. */
    readonly type?: "User" | "Group";
  }[];
}

/**
 * The path of a sub-attribute, `name.familyName`, or of an attribute of an extension,
 * `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`, spelled as the schemas do.
 */
export type InnerPath = `${string}.${string}` | `${string}:${string}`;

/**
 * Values by attribute. Under an attribute's own name stands its whole value; under an inner path one part of it, while
 * what stands beside that part stays. There is no password: `setPassword` changes it.
 */
export type AttributeValues<N> = {
  readonly [K in Exclude<keyof N, "password">]?: N[K];
} & { readonly [path in InnerPath]?: unknown };

/** What a write changes of a resource, without having read it. No two of its paths are one within the other. */
export interface ChangeSet<N> {
  /** Attributes, and parts of them, to give these values. */
  readonly set?: AttributeValues<N>;
  /** The paths of attributes, and of parts of them, to clear. */
  readonly unset?: readonly string[];
  /** Changes of what is stored beside the resource. */
  readonly relations?: {
    /** Of a group: its members. They are changed after what `set` and `unset` do to `members`. */
    readonly members?: MembersChange;
  };
}

/** A blind change, or one that is computed from what it reads. */
export type Modification<T, N> =
  | ChangeSet<N>
  | {
      /** The attributes that the plan depends on. */
      readonly reads: readonly string[];
      /** What is to be changed, given the resource as it is. It may be called again after a conflict. */
      plan(current: T): ChangeSet<N>;
    };

/** The change set of a modification, given the resource that it may want to read. */
export function changeSetFor<T, N>(modification: Modification<T, N>, current: T): ChangeSet<N> {
  return "plan" in modification ? modification.plan(current) : modification;
}

/**
 * The resource with the attributes of a change set set and unset; relations are left to the store. A part that is set
 * to null is cleared, and a complex attribute of which no part is left is cleared with it.
 *
 * @throws {InvalidValueError} a path is that of no attribute, or of a part of several values.
 */
export function applyChangeSet<T extends object, N>(
  type: ResourceType,
  current: T,
  changes: ChangeSet<N>,
): T & Partial<N> {
  let next: object = current;
  for (const [path, value] of Object.entries<unknown>(changes.set ?? {})) {
    next = withValue(next, membersOf(type, path), value) ?? {};
  }
  for (const path of changes.unset ?? []) {
    next = withValue(next, membersOf(type, path), undefined) ?? {};
  }
  return next as T & Partial<N>;
}

/** Whether a change set reaches within attributes, so that a store which keeps them whole must read them. */
export function reachesWithin<N>(
  type: ResourceType,
  { set = {}, unset = [] }: ChangeSet<N>,
): boolean {
  return [...Object.keys(set), ...unset].some((path) => membersOf(type, path).length > 1);
}

/** The same change, given the resource as it is, of whole attributes only. */
export function wholeChangeSet<T extends object, N>(
  type: ResourceType,
  current: T,
  changes: ChangeSet<N>,
): ChangeSet<N> {
  if (!reachesWithin(type, changes)) return changes;
  const { set = {}, unset = [], relations } = changes;
  const next = applyChangeSet(type, current, changes);
  const names = new Set([...Object.keys(set), ...unset].map((path) => membersOf(type, path)[0]));
  const values = new Map<string, unknown>(Object.entries(next));
  const kept = [...names].filter((name) => values.get(name) !== undefined);
  return {
    set: Object.fromEntries(kept.map((name) => [name, values.get(name)])) as AttributeValues<N>,
    unset: [...names].filter((name) => !kept.includes(name)),
    ...(relations !== undefined && { relations }),
  };
}

/** The changes of members in a change set, in the order in which they are made. */
export function membersChanges({
  set,
  unset,
  relations,
}: ChangeSet<NewGroup>): readonly MembersChange[] {
  const all = unset?.includes("members") ? [] : set?.members;
  return [
    ...(all === undefined ? [] : [{ clear: true, add: typedMembers(all) }]),
    ...(relations?.members === undefined ? [] : [relations.members]),
  ];
}

/** The names that lead to what a path means, from that of the resource's own member. */
function membersOf(type: ResourceType, path: string): readonly [string, ...string[]] {
  const found = type.attributes.get(path.toLowerCase());
  if (found === undefined) {
    const isExtension = type.schemaExtensions.some(({ schema }) => schema.id === path);
    // What is in no schema is kept as it is; but it is not known what a path means that leads into it.
    if (isExtension || !/[.:]/.test(path)) return [path];
    throw new InvalidValueError(path, `it is not an attribute of the type ${type.name}.`);
  }
  const { extension, schema, attribute, subAttribute } = found;
  if (subAttribute !== undefined && attribute.multiValued) {
    throw new InvalidValueError(path, "it is a part of several values: set all of them.");
  }
  const names: readonly [string, ...string[]] =
    subAttribute === undefined ? [attribute.name] : [attribute.name, subAttribute.name];
  return extension && schema !== undefined ? [schema.id, ...names] : names;
}

/** A copy of an object with a value at the end of the path; `undefined` if nothing is left of it. */
function withValue(
  holder: unknown,
  members: readonly string[],
  value: unknown,
): object | undefined {
  const [name, ...inner] = members;
  if (name === undefined) return undefined;
  const entries = new Map<string, unknown>(isObject(holder) ? Object.entries(holder) : []);
  const next = inner.length === 0 ? value : withValue(entries.get(name), inner, value);
  if (next === undefined || next === null) entries.delete(name);
  else entries.set(name, next);
  return entries.size === 0 ? undefined : Object.fromEntries(entries);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
