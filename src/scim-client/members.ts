import type { Member, MembersChange } from "../repositories/index.js";
import type { Group } from "../scim/index.js";

/** The members of a group that was read with them. One without a type is a user. */
export function membersOf(group: Group | undefined): readonly Member[] {
  return (group?.members ?? []).map(({ value, type }) => ({
    value,
    type: type?.toLowerCase() === "group" ? "Group" : "User",
  }));
}

/** The members after a change: first everybody goes with `clear`, then those to `remove`; then those to `add` come. */
export function withMembersChanged(
  members: readonly Member[],
  { clear = false, add = [], remove = [] }: MembersChange,
): readonly Member[] {
  const staying = clear
    ? []
    : members.filter((member) => !remove.some((removed) => isMeant(member, removed)));
  const coming = add.map(({ value, type = "User" }) => ({ value, type }));
  const all = new Map(
    [...staying, ...coming].map((member) => [`${member.type} ${member.value}`, member]),
  );
  return [...all.values()];
}

/** Whether a member is the one that is named: without a type, one of either is. */
export function isMeant(
  member: Member,
  named: { readonly value: string; readonly type?: Member["type"] },
): boolean {
  return member.value === named.value && (named.type ?? member.type) === member.type;
}
