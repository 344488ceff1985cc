import type { MembersChange } from "../../repositories/index.js";
import { type AttrPathLike, and, eq, type PatchOperation } from "../../scim/index.js";
import { printPatchPath } from "../../scim/internal.js";
import { distinct, type NamedMember } from "./members.js";

/**
 * A change in parts, as many as there are requests: first all removals, then all additions. What fits into one is
 * done as one.
 *
 * @param atOnce The most members of a part.
 */
export function partsOf(
  { clear = false, add = [], remove = [] }: MembersChange,
  atOnce: number,
): readonly MembersChange[] {
  const parts: MembersChange[] = [];
  if (clear) parts.push({ clear });
  else {
    for (let at = 0; at < remove.length; at += atOnce) {
      parts.push({ remove: remove.slice(at, at + atOnce) });
    }
  }
  for (let at = 0; at < add.length; ) {
    const last = at === 0 ? parts.at(-1) : undefined;
    const room = atOnce - (last?.remove?.length ?? 0);
    const some = add.slice(at, at + (room > 0 ? room : atOnce));
    if (last !== undefined && room > 0) parts[parts.length - 1] = { ...last, add: some };
    else parts.push({ add: some });
    at += some.length;
  }
  return parts;
}

/** How many members a change names. */
export function sizeOf({ add = [], remove = [] }: MembersChange): number {
  return add.length + remove.length;
}

/**
 * The operations of a PATCH that change members. A member that goes is named by the id alone: many service providers do
 * not store what a member is, and select none by it (RFC 7643 §4.2).
 *
 * @param isShared Whether an id is that of a user and of a group, so that only the type distinguishes them.
 */
export function memberOperations(
  { clear = false, add = [], remove = [] }: MembersChange,
  isShared: (value: string) => boolean,
): readonly PatchOperation[] {
  const named = distinct(remove.map((member) => asNamed(member, isShared)));
  return [
    ...(clear ? [{ op: "remove", path: "members" } as const] : []),
    ...named.map((member): PatchOperation => ({ op: "remove", path: memberPath(member) })),
    ...(add.length > 0 ? [{ op: "add", path: "members", value: add } as const] : []),
  ];
}

/**
 * The forms of what a change asks for: each may work at a service provider, or not.
 *
 * @param isShared As for {@link memberOperations}.
 */
export function formsOf(
  { clear = false, add = [], remove = [] }: MembersChange,
  isShared: (value: string) => boolean,
): readonly string[] {
  return [
    ...(clear ? ["clear"] : []),
    ...new Set(remove.map(({ value }) => (isShared(value) ? "remove by type" : "remove"))),
    ...new Set(add.map(({ type = "User" }) => `add ${type}`)),
  ];
}

function asNamed(member: NamedMember, isShared: (value: string) => boolean): NamedMember {
  return isShared(member.value) ? member : { value: member.value };
}

const members: AttrPathLike & object = { attribute: "members" };

function memberPath({ value, type }: NamedMember): string {
  const same = eq("value", value);
  const filter = type === undefined ? same : and(same, eq("type", type));
  return printPatchPath({ path: members, filter });
}
