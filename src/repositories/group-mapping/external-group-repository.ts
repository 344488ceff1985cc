import { NotFoundError, UnsupportedError } from "../../core/index.js";
import type { Group, NewGroup } from "../../scim/index.js";
import {
  type ChangeSet,
  type MembersChange,
  type Modification,
  membersChanges,
} from "../change-set.js";
import type { GroupMapping, GroupMappingRepository } from "../group-mapping-repository.js";
import type { GroupRepository } from "../group-repository.js";
import type { CallOptions, WriteOptions } from "../resource-repository.js";
import { DelegatingGroupRepository } from "./delegating-group-repository.js";
import { LocalGroupRepository, usersIn } from "./local-group-repository.js";
import { LocalMemberships } from "./local-memberships.js";
import type { GroupMappingOptions, MappingReport } from "./options.js";
import { newTally, type Tally } from "./settlement.js";

/**
 * The groups of an identity provider, whose members are followed in the local groups that they are mapped to. See
 * `mapGroups`.
 */
export class ExternalGroupRepository extends DelegatingGroupRepository {
  /** The local groups, as the application is to change their members. */
  readonly local: GroupRepository;
  readonly #local: GroupRepository;
  readonly #mappings: GroupMappingRepository;
  readonly #memberships: LocalMemberships;

  constructor(options: GroupMappingOptions) {
    super(options.external);
    for (const name of ["external", "local"] as const) {
      if (options[name].capabilities.ids !== "reused") continue;
      throw new UnsupportedError(
        `The ids of the ${name} groups are used again: a mapping would follow the id to another group.`,
      );
    }
    this.#local = options.local;
    this.#mappings = options.mappings;
    this.#memberships = new LocalMemberships(options);
    this.local = new LocalGroupRepository(options.local, this.#memberships);
  }

  /**
   * Maps an external group to a local one, and puts its members there. A mapping that is there already is applied
   * again.
   *
   * @throws {NotFoundError} there is no such group.
   */
  async map(external: string, local: string, options?: CallOptions): Promise<MappingReport> {
    if ((await this.groups.get(external, options)) === undefined) throw new NotFoundError(external);
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

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const replaced = await this.groups.replace(id, resource, options);
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
      await this.groups.modify(id, { reads: modification.reads, plan }, options);
    } else {
      changes = modification;
      await this.groups.modify(id, modification, options);
    }
    await this.#follow(id, membersChanges(changes));
  }

  /** Takes the mappings of the group back with it; those that a deletion before this one has left, too. */
  override async delete(id: string, options?: WriteOptions): Promise<void> {
    try {
      await this.groups.delete(id, options);
    } catch (error) {
      if (error instanceof NotFoundError) await this.apply({ external: id });
      throw error;
    }
    await this.apply({ external: id });
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.groups.changeMembers(id, change, options);
    await this.#follow(id, [change]);
  }

  /**
   * Settles whom a change of an external group concerns, also if it changed nothing: what was meant before may not be
   * done yet. The change is made, so the signal of the caller does not stop this: it would not be done later.
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
        const page = await this.groups.members(
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
      if ((await this.groups.get(external, options)) !== undefined) throw error;
      // Whom it was mapped for are settled before that, so that a process that ends in between leaves something to
      // find.
      await this.#memberships.settleGranted(local, tally, options);
      await this.#mappings.remove({ external, local }, options);
    }
  }
}
