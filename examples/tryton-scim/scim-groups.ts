import {
  type CallOptions,
  type Capabilities,
  type ExternalGroupRepository,
  type GroupMapping,
  type GroupMappingRepository,
  GroupRepository,
  type MappingReport,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type MembershipRepository,
  type Modification,
  mapGroups,
  type Page,
  type Query,
  type ReadOptions,
  type WriteOptions,
} from "concordat/repositories";
import type { Group, NewGroup } from "concordat/scim";

/** Options of {@link ScimGroups}. */
export interface ScimGroupOptions {
  /** The groups as the identity provider has them. */
  readonly stored: GroupRepository;
  /** Tryton's groups, whose members have the same ids. */
  readonly local: GroupRepository;
  readonly mappings: GroupMappingRepository;
  readonly memberships: MembershipRepository;
}

/** The groups of the identity provider as they are stored, with what only passes calls on. */
class StoredGroups extends GroupRepository {
  override readonly capabilities: Capabilities;
  readonly stored: GroupRepository;

  constructor(stored: GroupRepository) {
    super();
    this.stored = stored;
    this.capabilities = stored.capabilities;
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.stored.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.stored.find(query, options);
  }

  override create(group: NewGroup, options?: CallOptions): Promise<Group> {
    return this.stored.create(group, options);
  }

  override replace(id: string, group: NewGroup | Group, options?: WriteOptions): Promise<Group> {
    return this.stored.replace(id, group, options);
  }

  override modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.stored.modify(id, modification, options);
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.stored.delete(id, options);
  }

  override members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.stored.members(id, page, options);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.stored.whichAreMembers(id, ids, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.stored.groupsOf(memberId, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.stored.groupsOfEach(memberIds, options);
  }

  override changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void> {
    return this.stored.changeMembers(id, change, options);
  }

  /** A group, and the groups that it is in, directly or by others. */
  async withAncestors(id: string, options?: CallOptions): Promise<ReadonlySet<string>> {
    const found = new Set([id]);
    // What is added while it is gone through comes up, too.
    for (const group of found) {
      const parents = await this.stored.groupsOf(group, { ...options, type: "Group" });
      for (const parent of parents) found.add(parent);
    }
    return found;
  }
}

/** The same groups, as the mapping sees them: who is in a group of a group is in the group itself. */
class FlatGroups extends StoredGroups {
  override async members(
    id: string,
    _page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    const groups = new Set([id]);
    const users = new Set<string>();
    for (const group of groups) {
      for (let after: string | undefined; ; ) {
        const from = after === undefined ? {} : { after };
        const page: MemberPage = await this.stored.members(group, from, options);
        for (const { value, type } of page.members) (type === "User" ? users : groups).add(value);
        after = page.next;
        if (after === undefined) break;
      }
    }
    return { members: [...users].map((value) => ({ value, type: "User" })) };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type: _, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const groupsOfUsers = await this.stored.groupsOfEach(ids, { ...options, type: "User" });
    const members = new Set<string>();
    const reach = new Map<string, boolean>();
    for (const user of ids) {
      for (const group of groupsOfUsers.get(user) ?? []) {
        const leads = reach.get(group) ?? (await this.withAncestors(group, options)).has(id);
        reach.set(group, leads);
        if (leads) members.add(user);
      }
    }
    return members;
  }
}

/**
 * The groups of the identity provider, kept in a store of their own, and mapped to Tryton's groups by an administrator.
 * Each change is followed in those; a mapping that is made later is applied to what is there already.
 */
export class ScimGroups extends StoredGroups {
  readonly #mapped: ExternalGroupRepository;
  readonly #mappings: GroupMappingRepository;

  constructor({ stored, local, mappings, memberships }: ScimGroupOptions) {
    super(stored);
    this.#mappings = mappings;
    this.#mapped = mapGroups({ external: new FlatGroups(stored), local, mappings, memberships });
  }

  /** Maps a group to one of Tryton's, and puts its members there. */
  map(external: string, local: string): Promise<MappingReport> {
    return this.#mapped.map(external, local);
  }

  /** Takes a mapping back, and those out of Tryton's group who were there because of it alone. */
  unmap(external: string, local: string): Promise<MappingReport> {
    return this.#mapped.unmap(external, local);
  }

  /** Brings Tryton's groups to what the mappings say, also where they were changed by hand. */
  apply(): Promise<MappingReport> {
    return this.#mapped.apply();
  }

  async mappings(): Promise<readonly GroupMapping[]> {
    return await this.#mappings.list();
  }

  override async create(group: NewGroup, options?: CallOptions): Promise<Group> {
    return await this.#mapped.create(group, options);
  }

  override async replace(
    id: string,
    group: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const replaced = await this.#mapped.replace(id, group, options);
    if (group.members !== undefined) await this.#applyAbove(id);
    return replaced;
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    await this.#mapped.modify(id, modification, options);
    await this.#applyAbove(id);
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    const above = await this.withAncestors(id);
    await this.#mapped.delete(id, options);
    for (const group of above) await this.#mapped.apply({ external: group });
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.#mapped.changeMembers(id, change, options);
    const { clear = false, add = [], remove = [] } = change;
    const isOfGroups = clear || [...add, ...remove].some(({ type }) => type !== "User");
    if (isOfGroups) await this.#mapped.apply({ external: id });
    await this.#applyAbove(id);
  }

  /** Follows a change in the groups that a group is in, and in itself where groups came or went. */
  async #applyAbove(id: string): Promise<void> {
    for (const group of await this.withAncestors(id)) {
      if (group !== id) await this.#mapped.apply({ external: group });
    }
  }
}
