import type { Group, NewGroup } from "../../scim/index.js";
import {
  type ChangeSet,
  type MembersChange,
  type Modification,
  membersChanges,
} from "../change-set.js";
import type { GroupRepository } from "../group-repository.js";
import type { Member } from "../member-types.js";
import { typedMembers } from "../member-types.js";
import { type CallOptions, callOf, type WriteOptions } from "../resource-repository.js";
import { DelegatingGroupRepository } from "./delegating-group-repository.js";
import type { LocalMemberships } from "./local-memberships.js";

/**
 * The application's own groups, to which others are mapped. Who is added here is a member whatever is mapped; who is
 * removed here stays a member only as long as mapped.
 */
export class LocalGroupRepository extends DelegatingGroupRepository {
  readonly #memberships: LocalMemberships;

  constructor(groups: GroupRepository, memberships: LocalMemberships) {
    super(groups);
    this.#memberships = memberships;
  }

  override async replace(
    id: string,
    { members, ...attributes }: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    // Before anything is written: a member that is neither user nor group is refused.
    const add = members === undefined ? undefined : typedMembers(members);
    const replaced = await this.groups.replace(id, attributes, options);
    if (add === undefined) return replaced;
    const call = callOf(options);
    await this.changeMembers(id, { clear: true, add }, call);
    return (await this.groups.get(id, call)) ?? replaced;
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    let members: readonly MembersChange[] = [];
    const attributesOf = (changes: ChangeSet<NewGroup>): ChangeSet<NewGroup> => {
      members = membersChanges(changes);
      return withoutMembers(changes);
    };
    if ("plan" in modification) {
      const plan = (current: Group): ChangeSet<NewGroup> =>
        attributesOf(modification.plan(current));
      await this.groups.modify(id, { reads: modification.reads, plan }, options);
    } else {
      await this.groups.modify(id, attributesOf(modification), options);
    }
    for (const change of members) await this.changeMembers(id, change, callOf(options));
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    await this.groups.delete(id, options);
    await this.#memberships.forget(id, callOf(options));
  }

  override async changeMembers(
    id: string,
    { clear, add = [], remove = [] }: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    const added = new Set(usersIn(add));
    const leaving = clear ? await this.#others(id, add, options) : remove;
    const released = usersIn(leaving).filter((user) => !added.has(user));
    const groups = leaving
      .filter(({ type }) => type !== "User")
      .map(({ value }) => ({ value, type: "Group" as const }));
    const write = (): Promise<void> =>
      this.groups.changeMembers(id, { add, remove: groups }, options);
    await this.#memberships.claim(id, [...added], released, write, options);
  }

  /** The members of a group but these. */
  async #others(
    id: string,
    staying: NonNullable<MembersChange["add"]>,
    options?: CallOptions,
  ): Promise<readonly Member[]> {
    const kept = new Set(staying.map(({ value, type = "User" }) => `${type}s/${value}`));
    const others: Member[] = [];
    for (let next: string | undefined; ; ) {
      const page = await this.groups.members(
        id,
        next === undefined ? {} : { after: next },
        options,
      );
      others.push(...page.members.filter(({ value, type }) => !kept.has(`${type}s/${value}`)));
      next = page.next;
      if (next === undefined) return others;
    }
  }
}

/** The ids of the users, and of what may be one, among members. */
export function usersIn(members: NonNullable<MembersChange["remove"]>): readonly string[] {
  return members.filter(({ type }) => type !== "Group").map(({ value }) => value);
}

function withoutMembers({ set, unset }: ChangeSet<NewGroup>): ChangeSet<NewGroup> {
  const { members: _, ...attributes } = set ?? {};
  const paths = unset?.filter((path) => path !== "members") ?? [];
  return {
    ...(Object.keys(attributes).length > 0 && { set: attributes }),
    ...(paths.length > 0 && { unset: paths }),
  };
}
