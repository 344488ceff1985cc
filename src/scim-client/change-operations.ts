import type { ChangeSet, MembersChange } from "../repositories/index.js";
import {
  type AttrPathLike,
  and,
  eq,
  findAttribute,
  type PatchOperation,
  parseAttrPath,
  printPatchPath,
  type ResourceType,
} from "../scim/index.js";

/** The operations of a PATCH that change attributes as a change set says. RFC 7644 §3.5.2. */
export function attributeOperations<N>(
  type: ResourceType,
  { set = {}, unset = [] }: ChangeSet<N>,
): readonly PatchOperation[] {
  const given = Object.entries<unknown>(set);
  const cleared = given.filter(([, value]) => isNothing(value)).map(([path]) => path);
  return [
    ...[...unset, ...cleared].map((path): PatchOperation => ({ op: "remove", path })),
    ...given
      .filter(([, value]) => !isNothing(value))
      .flatMap(([path, value]) => assignment(type, path, value)),
  ];
}

/** What gives an attribute a value and leaves nothing of the one that it had. */
function assignment(type: ResourceType, path: string, value: unknown): readonly PatchOperation[] {
  // A replacement of an object keeps the parts that it does not state (RFC 7644 §3.5.2.3).
  const isMerged = !Array.isArray(value) && typeof value === "object" && isWhole(type, path);
  if (!isMerged) return [{ op: "replace", path, value }];
  return [
    { op: "remove", path },
    { op: "add", path, value },
  ];
}

/** Whether a path is that of an attribute, or an extension, that has parts. */
function isWhole(type: ResourceType, path: string): boolean {
  if (type.schemaExtensions.some(({ schema }) => schema.id === path)) return true;
  const found = findAttribute(type, parseAttrPath(path));
  return found?.subAttribute === undefined && found?.attribute.type === "complex";
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** How many members come or go with one PATCH: service providers have limits, which they tell nobody. */
const membersAtOnce = 500;

/** The operations that change members, as one list for each PATCH: everybody who goes, then everybody who comes. */
export function memberOperations({
  clear = false,
  add = [],
  remove = [],
}: MembersChange): readonly (readonly PatchOperation[])[] {
  const removals = clear
    ? [{ op: "remove", path: "members" } as const]
    : remove.map((member): PatchOperation => ({ op: "remove", path: memberPath(member) }));
  const parts: PatchOperation[][] = [];
  for (let at = 0; at < removals.length; at += membersAtOnce) {
    parts.push(removals.slice(at, at + membersAtOnce));
  }
  for (let at = 0; at < add.length; at += membersAtOnce) {
    const value = add.slice(at, at + membersAtOnce);
    const addition: PatchOperation = { op: "add", path: "members", value };
    const last = parts.at(-1);
    // What fits into one PATCH is done as one step.
    if (at === 0 && last !== undefined && last.length < membersAtOnce) last.push(addition);
    else parts.push([addition]);
  }
  return parts;
}

const members: AttrPathLike & object = { attribute: "members" };

function memberPath({ value, type }: NonNullable<MembersChange["remove"]>[number]): string {
  const same = eq("value", value);
  const filter = type === undefined ? same : and(same, eq("type", type));
  return printPatchPath({ path: members, filter });
}
