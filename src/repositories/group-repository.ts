import { NotFoundError, VersionConflictError } from "../core/index.js";
import { type Group, groupResourceType, type NewGroup, type ResourceType } from "../scim/index.js";
import type { ChangeSet, MembersChange, Modification } from "./change-set.js";
import type { Member } from "./member-types.js";
import { type CallOptions, ResourceRepository, type WriteOptions } from "./resource-repository.js";

/** That a resource is a member of a group, both by their ids. */
export interface Membership {
  /** The id of the group. */
  readonly group: string;
  /** The id of the member. */
  readonly member: string;
  /** What the member is, since the ids alone need not distinguish users from groups; absent where either is meant. */
  readonly type?: "User" | "Group";
}

/** Options of questions about members. */
export interface MemberOptions extends CallOptions {
  /** Asks for members of this type only. Ids alone need not distinguish users from groups. Default: of either. */
  readonly type?: "User" | "Group" | undefined;
}

/** Part of a group's members. */
export interface MemberPage {
  /** The members on this page; how many is for the store to say where `count` was not given. */
  readonly members: readonly Member[];
  /** Where the next page begins, for `after`; opaque. Absent on the last. */
  readonly next?: string;
}

/** A store of groups and of who is in them. */
export abstract class GroupRepository<
  G extends Group = Group,
  N extends NewGroup = NewGroup,
> extends ResourceRepository<G, N> {
  /** A store of groups with an extension of the host's own has a type of its own. */
  override readonly type: ResourceType = groupResourceType;

  /**
   * Whether the results of `write` say which of the members that it adds were in the group already
   * (`WriteResult.present`), so that a caller who has to know that need not ask before. Default: false.
   */
  readonly tellsPresent: boolean = false;

  /**
   * Part of the group's members, in an order that is stable from page to page.
   *
   * @throws {NotFoundError} there is no such group.
   */
  abstract members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage>;

  /** Which of these are members of the group. A group that does not exist has none. */
  abstract whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>>;

  /** The ids of the groups that have this member, directly. */
  abstract groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]>;

  /**
   * The ids of the groups that have each of these members, directly, by member; who is in none may be left out. By
   * default one question per member: a store that does better declares `groupsOfMany`.
   */
  async groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const id of new Set(memberIds)) found.set(id, await this.groupsOf(id, options));
    return found;
  }

  /**
   * Adds and removes members. Who is there already is not added twice, who is not there is not missed, and the members
   * are never read.
   *
   * @throws {NotFoundError} there is no such group.
   * @throws {InvalidValueError} the store knows that a member does not exist.
   */
  abstract changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void>;

  /** Which of these memberships there are, as they were asked for. By default one question per group and type. */
  async whichExist(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> {
    const existing: Membership[] = [];
    for (const [type, ofType] of Map.groupBy(memberships, (membership) => membership.type)) {
      for (const [group, asked] of Map.groupBy(ofType, (membership) => membership.group)) {
        const members = await this.whichAreMembers(
          group,
          asked.map((membership) => membership.member),
          type === undefined ? options : { ...options, type },
        );
        existing.push(...asked.filter((membership) => members.has(membership.member)));
      }
    }
    return existing;
  }

  /**
   * Changes attributes as every repository does, and members by `changeMembers`, whether or not they were read.
   * `ifVersion` is checked before that; a store that can do both as one step overrides it.
   */
  override async modify(
    id: string,
    modification: Modification<G, N>,
    options?: WriteOptions,
  ): Promise<void> {
    const separate: { members?: MembersChange | undefined } = {};
    const attributesOf = ({ relations, ...changes }: ChangeSet<N>): ChangeSet<N> => {
      const { set, unset = [] } = changes;
      separate.members = unset.includes("members")
        ? { ...relations?.members, clear: true }
        : relations?.members;
      // Members that were read must not be written back: others may have come or gone meanwhile.
      return set?.members === undefined ? { ...changes, unset: [...unset, "members"] } : changes;
    };
    if ("plan" in modification) {
      const plan = (current: G): ChangeSet<N> => attributesOf(modification.plan(current));
      await super.modify(id, { reads: modification.reads, plan }, options);
    } else {
      const attributes = attributesOf(modification);
      if (modification.set !== undefined || modification.unset !== undefined) {
        await super.modify(id, attributes, options);
      } else if (options?.ifVersion !== undefined) await this.#assertVersion(id, options);
    }
    if (separate.members !== undefined) await this.changeMembers(id, separate.members, options);
  }

  async #assertVersion(id: string, { ifVersion, ...options }: WriteOptions): Promise<void> {
    const current = await this.get(id, options);
    if (current === undefined) throw new NotFoundError(id);
    if (current.meta?.version !== ifVersion) {
      throw new VersionConflictError(`The group "${id}" is not in the version ${ifVersion}.`);
    }
  }
}
