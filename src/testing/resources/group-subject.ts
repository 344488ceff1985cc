import type { GroupRepository, UserRepository } from "../../repositories/index.js";
import type { NewGroup } from "../../scim/index.js";

/** The subject of `groupRepositoryContract`. */
export interface GroupsUnderTest {
  /** The store under test, without groups. */
  readonly groups: GroupRepository;
  /** Where the members come from. Without it, members are ids without a resource. */
  readonly users?: UserRepository;
}

/** Ids that can be members. */
export async function newMembers(users: UserRepository | undefined, count: 1): Promise<[string]>;
export async function newMembers(
  users: UserRepository | undefined,
  count: 2,
): Promise<[string, string]>;
export async function newMembers(
  users: UserRepository | undefined,
  count: 3,
): Promise<[string, string, string]>;
export async function newMembers(
  users: UserRepository | undefined,
  count: number,
): Promise<string[]>;
export async function newMembers(
  users: UserRepository | undefined,
  count: number,
): Promise<string[]> {
  const members: string[] = [];
  for (let number = 0; number < count; number++) {
    const userName = `member${number}`;
    members.push(users === undefined ? userName : (await users.create({ userName })).id);
  }
  return members;
}

/** All members, in code unit order, as the pages of `members` have them. */
export async function memberIds(groups: GroupRepository, id: string): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await groups.members(id, after === undefined ? {} : { after });
    found.push(...page.members.map((member) => member.value));
    after = page.next;
  } while (after !== undefined);
  return found.sort();
}

/** All members, as a read of the group has them. */
export async function membersRead(groups: GroupRepository, id: string): Promise<string[]> {
  const group = await groups.get(id, { attributes: ["members"] });
  return (group?.members ?? []).map((member) => member.value).sort();
}

/** A group with these members. */
export function staff(...members: readonly string[]): NewGroup {
  return { displayName: "staff", members: members.map((value) => ({ value })) };
}
