import type { Member, MembersChange } from "../../repositories/index.js";
import type { Group } from "../../scim/index.js";

/** A member as a service provider names it: what it is is optional there (RFC 7643 §4.2). */
export interface NamedMember {
  readonly value: string;
  readonly type?: Member["type"];
}

/**
 * The members of a group that was read with them; `undefined` if they were not returned, which does not say that there
 * are none.
 */
export function namedMembersOf({
  members,
}: Pick<Group, "members">): readonly NamedMember[] | undefined {
  return members?.map(({ value, type, $ref }) => {
    const known = typeIn(type) ?? typeInReference($ref);
    return { value, ...(known !== undefined && { type: known }) };
  });
}

/** A member with what it is. Of one of whom the service provider does not say it, it is taken to be a user. */
export function typed({ value, type = "User" }: NamedMember): Member {
  return { value, type };
}

function typeIn(type: string | undefined): Member["type"] | undefined {
  const name = type?.toLowerCase();
  if (name === "group") return "Group";
  return name === "user" ? "User" : undefined;
}

function typeInReference(reference: string | undefined): Member["type"] | undefined {
  const segment = reference?.split("/").at(-2)?.toLowerCase();
  if (segment === "groups") return "Group";
  return segment === "users" ? "User" : undefined;
}

/** Whether a member is the one that is named. Where either does not say what it is, the id says enough. */
export function isMeant(member: NamedMember, named: NamedMember): boolean {
  const [one, other] = [member.type ?? named.type, named.type ?? member.type];
  return member.value === named.value && one === other;
}

/**
 * The members after a change: first all are removed with `clear`, then those to `remove`; then those to `add` are
 * added.
 */
export function withMembersChanged(
  members: readonly NamedMember[],
  { clear = false, add = [], remove = [] }: MembersChange,
): readonly NamedMember[] {
  const isGone = among(remove);
  const staying = clear ? [] : members.filter((member) => !isGone(member));
  const isThere = among(staying);
  return [...staying, ...distinct(add.map(typed)).filter((member) => !isThere(member))];
}

/** Members without those that come twice. */
export function distinct(members: readonly NamedMember[]): readonly NamedMember[] {
  return [...new Map(members.map((member) => [`${member.type} ${member.value}`, member])).values()];
}

/** What says whether a member is one of some. */
export function among(members: readonly NamedMember[]): (member: NamedMember) => boolean {
  const byValue = Map.groupBy(members, ({ value }) => value);
  return (member) => byValue.get(member.value)?.some((one) => isMeant(one, member)) === true;
}

/** What of a change is still to be made in a group that has these members. */
export function leftOf(
  members: readonly NamedMember[],
  { clear = false, add = [], remove = [] }: MembersChange,
): MembersChange {
  const adding = distinct(add.map(typed));
  const [isComing, isGoing, isThere] = [among(adding), among(remove), among(members)];
  // A member that is both to go and to come is to be there.
  const going = members.filter((member) => (clear || isGoing(member)) && !isComing(member));
  const coming = adding.filter((member) => !isThere(member));
  return { ...(going.length > 0 && { remove: going }), ...(coming.length > 0 && { add: coming }) };
}

/** Whether a change changes nothing. */
export function isNothing({ clear = false, add = [], remove = [] }: MembersChange): boolean {
  return !clear && add.length === 0 && remove.length === 0;
}
