import { NotFoundError, UnsupportedError } from "../../core/index.js";
import type { Group, NewGroup, ResourceType } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import {
  type ChangeSet,
  type MembersChange,
  type Modification,
  membersChanges,
} from "../change-set.js";
import type { GroupMapping, GroupMappingRepository } from "../group-mapping-repository.js";
import {
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type Membership,
} from "../group-repository.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { LocalGroupRepository, usersIn } from "./local-group-repository.js";
import { LocalMemberships } from "./local-memberships.js";
import type { GroupMappingOptions, MappingReport } from "./options.js";
import { newTally, type Tally } from "./settlement.js";

/**
 * The groups of an identity provider, whose members are followed in the local groups that they are mapped to. See
 * `mapGroups`.
 */
export class ExternalGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  /** The local groups, as the application is to change their members. */
  readonly local: GroupRepository;
  readonly #external: GroupRepository;
  readonly #local: GroupRepository;
  readonly #mappings: GroupMappingRepository;
  readonly #memberships: LocalMemberships;

  constructor(options: GroupMappingOptions) {
    super();
    for (const name of ["external", "local"] as const) {
      if (options[name].capabilities.ids !== "reused") continue;
      throw new UnsupportedError(
        `The ids of the ${name} groups are used again: a mapping would follow the id to another group.`,
      );
    }
    this.#external = options.external;
    this.#local = options.local;
    this.#mappings = options.mappings;
    this.#memberships = new LocalMemberships(options);
    this.local = new LocalGroupRepository(options.local, this.#memberships);
    this.type = options.external.type;
    this.capabilities = options.external.capabilities;
  }

  /**
   * Maps an external group to a local one, and puts its members there. A mapping that is there already is applied
   * again.
   *
   * @throws {NotFoundError} there is no such group.
   */
  async map(external: string, local: string, options?: CallOptions): Promise<MappingReport> {
    if ((await this.#external.get(external, options)) === undefined)
      throw new NotFoundError(external);
    if ((await this.#local.get(local, options)) === undefined) throw new NotFoundError(local);
    await this.#mappings.save({ external, local }, options);
    return await this.apply({ external, local }, options);
  }

  /**
   * Takes a mapping back, and those out of the local group who were there because of it alone. Where a process ended in
   * the middle of it, take it back again: `apply` knows nothing of a mapping that is gone.
   */
  async unmap(external: string, local: string, options?: CallOptions): Promise<MappingReport> {
    await this.#mappings.remove({ external, local }, options);
    return await this.apply({ external, local }, options);
  }

  /**
   * Brings local groups to what their mappings say: everywhere, or from one external group, or to one local group. It
   * is done with each change already; this is for what came past it, into either store, and after a process that ended
   * too early.
   */
  async apply(
    { external, local }: Partial<GroupMapping> = {},
    options?: CallOptions,
  ): Promise<MappingReport> {
    const tally = newTally();
    const mappings = (await this.#mappings.list(options)).filter(
      (one) => one.external === (external ?? one.external) && one.local === (local ?? one.local),
    );
    for (const mapping of mappings) await this.#applyOne(mapping, tally, options);
    const groups = new Set(mappings.map((mapping) => mapping.local));
    if (local !== undefined) groups.add(local);
    for (const group of groups) await this.#memberships.settleGranted(group, tally, options);
    return tally;
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#external.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.#external.find(query, options);
  }

  override create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    return this.#external.create(resource, options);
  }

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const replaced = await this.#external.replace(id, resource, options);
    if (resource.members !== undefined) await this.#follow(id, [{ clear: true }]);
    return replaced;
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    let changes: ChangeSet<NewGroup> = {};
    if ("plan" in modification) {
      const plan = (current: Group): ChangeSet<NewGroup> => {
        changes = modification.plan(current);
        return changes;
      };
      await this.#external.modify(id, { reads: modification.reads, plan }, options);
    } else {
      changes = modification;
      await this.#external.modify(id, modification, options);
    }
    await this.#follow(id, membersChanges(changes));
  }

  /** Takes the mappings of the group back with it; those that a deletion before this one has left, too. */
  override async delete(id: string, options?: WriteOptions): Promise<void> {
    try {
      await this.#external.delete(id, options);
    } catch (error) {
      if (error instanceof NotFoundError) await this.apply({ external: id });
      throw error;
    }
    await this.apply({ external: id });
  }

  override members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.#external.members(id, page, options);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.#external.whichAreMembers(id, ids, options);
  }

  override whichExist(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> {
    return this.#external.whichExist(memberships, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#external.groupsOfEach(memberIds, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#external.groupsOf(memberId, options);
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.#external.changeMembers(id, change, options);
    await this.#follow(id, [change]);
  }

  /**
   * Settles whom a change of an external group concerns, also if it changed nothing: what was meant before may not be
   * done yet. The change is made, so no caller who leaves stops this: nobody would come back to it.
   */
  async #follow(external: string, changes: readonly MembersChange[]): Promise<void> {
    const groups = changes.length === 0 ? [] : await this.#mappings.localGroups(external);
    if (groups.length === 0) return;
    if (changes.some(({ clear }) => clear)) {
      await this.apply({ external });
      return;
    }
    const added = changes.flatMap(({ add = [] }) => usersIn(add));
    const removed = changes.flatMap(({ remove = [] }) => usersIn(remove));
    for (const group of groups) {
      const others =
        removed.length > 0 ? await this.#memberships.spelledOtherwise(group, removed) : [];
      await this.#memberships.settle(group, [...added, ...removed, ...others], newTally());
    }
  }

  /** Puts the members of one external group into one local one; a mapping of a group that is gone is forgotten. */
  async #applyOne(
    { external, local }: GroupMapping,
    tally: Tally,
    options?: CallOptions,
  ): Promise<void> {
    if ((await this.#local.get(local, options)) === undefined) {
      return await this.#memberships.forget(local, options);
    }
    try {
      for (let next: string | undefined; ; ) {
        const page = await this.#external.members(
          external,
          next === undefined ? {} : { after: next },
          options,
        );
        const users = page.members.filter(({ type }) => type === "User").map(({ value }) => value);
        await this.#memberships.settle(local, users, tally, options);
        next = page.next;
        if (next === undefined) return;
      }
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      if ((await this.#external.get(external, options)) !== undefined) throw error;
      // Whom it was mapped for are settled before that, so that a process that ends in between leaves something to
      // find.
      await this.#memberships.settleGranted(local, tally, options);
      await this.#mappings.remove({ external, local }, options);
    }
  }
}
