import { NotFoundError } from "../../core/index.js";
import type { Group, NewGroup, NewUser, ResourceType, User } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import type { ChangeSet, MembersChange, Modification } from "../change-set.js";
import { GroupRepository, type MemberOptions, type MemberPage } from "../group-repository.js";
import type { IdentityMapRepository } from "../identity-map-repository.js";
import { typedMembers } from "../member-types.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { UserRepository } from "../user-repository.js";
import { Identities, type IdentityOptions } from "./identities.js";
import { findMapped } from "./mapped-find.js";
import { MappedMembers } from "./mapped-members.js";
import { MappedResources, type Pair } from "./mapped-resources.js";

/** Options of {@link withIdentityMap}. */
export interface IdentityMapOptions extends IdentityOptions {
  /**
   * The store's own groups, which a user leaves who is deleted while the store keeps the account. Without it, whoever gets the
   * account later is in them.
   */
  readonly groups?: GroupRepository;
}

/**
 * Gives the resources of a store, which has only ids of its own, what a service provider needs: ids that are never used again,
 * an `externalId` that can be filtered by, versions, and whether they were created through the map or found in the store.
 *
 * What the store has is known by an id from when it is first seen. What it cannot remove is deactivated when it is deleted, and is
 * then gone for everybody outside; who is created in its place later has another id, and none of its attributes.
 *
 * Versions are compared exactly among the writers of this object, and among several processes except in the moment between
 * another's first and last step; a store that has versions itself leaves no such moment. A process that ends between creating a
 * resource in the store and making its identity leaves a resource that counts as found, without its `externalId`.
 *
 * ```ts
 * const identities = new InMemoryIdentityMapRepository();
 * const groups = withIdentityMap(ownGroups, identities);
 * const users = withIdentityMap(ownUsers, identities, { groups: ownGroups });
 * ```
 *
 * @param repository The store's own users, or its groups; for groups, their members are users and groups of the same map.
 */
export function withIdentityMap(
  repository: UserRepository,
  identities: IdentityMapRepository,
  options?: IdentityMapOptions,
): UserRepository;
export function withIdentityMap(
  repository: GroupRepository,
  identities: IdentityMapRepository,
  options?: IdentityMapOptions,
): GroupRepository;
export function withIdentityMap(
  repository: UserRepository | GroupRepository,
  identities: IdentityMapRepository,
  options: IdentityMapOptions = {},
): UserRepository | GroupRepository {
  return repository instanceof GroupRepository
    ? new MappedGroupRepository(repository, identities, options)
    : new MappedUserRepository(repository, identities, options);
}

class MappedUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #users: MappedResources<User, NewUser>;

  constructor(
    store: UserRepository,
    identities: IdentityMapRepository,
    options: IdentityMapOptions,
  ) {
    super();
    this.type = store.type;
    const known = new Identities("User", identities, options);
    this.#users = new MappedResources(store, known, retentionOfUsers(store, options.groups));
    this.capabilities = this.#users.capabilities;
    const setPassword = store.setPassword?.bind(store);
    const revokeSessions = store.revokeSessions?.bind(store);
    if (setPassword !== undefined) {
      this.setPassword = async (id, password, call) => {
        const { localId } = await known.demand(id, call);
        await this.#users.translated(id, () => setPassword(localId, password, call));
      };
    }
    if (revokeSessions !== undefined) {
      this.revokeSessions = async (id, call) => {
        // Sessions are ended when a user has been deleted: those of an account that the store has kept, too.
        const [identity] = await identities.get("User", [id], call);
        const localId = identity?.localId;
        if (localId === undefined) throw new NotFoundError(id);
        await this.#users.translated(id, () => revokeSessions(localId, call));
      };
    }
  }

  override async get(id: string, options?: ReadOptions): Promise<User | undefined> {
    const pair = await this.#users.get(id, options);
    return pair && this.#users.outward(pair);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return findMapped(this.#users, query, async (pair) => this.#users.outward(pair), options);
  }

  override async create(resource: NewUser, options?: CallOptions): Promise<User> {
    return await this.#demand(await this.#users.create(resource, options), options);
  }

  override async replace(
    id: string,
    resource: NewUser | User,
    options?: WriteOptions,
  ): Promise<User> {
    await this.#users.write(
      id,
      async ({ identity }, conditions) => {
        const { externalId, id: _, meta: __, ...attributes } = resource as User;
        await this.#users.store.replace(identity.localId, attributes, conditions);
        return { externalId };
      },
      options,
    );
    return await this.#demand(id, options);
  }

  override modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.#users.modify(
      id,
      modification,
      (localId, changes, conditions) => this.#users.store.modify(localId, changes, conditions),
      async (pair) => this.#users.outward(pair),
      options,
    );
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#users.delete(id, options);
  }

  async #demand(id: string, options?: CallOptions): Promise<User> {
    const user = await this.get(id, options?.signal && { signal: options.signal });
    if (user === undefined) throw new NotFoundError(id);
    return user;
  }
}

function retentionOfUsers(
  store: UserRepository,
  groups: GroupRepository | undefined,
): ConstructorParameters<typeof MappedResources<User, NewUser>>[2] {
  return {
    async retire(localId, options) {
      for (const group of (await groups?.groupsOf(localId, { ...options, type: "User" })) ?? []) {
        const remove = [{ value: localId, type: "User" } as const];
        await groups?.changeMembers(group, { remove }, options);
      }
      if (store.capabilities.delete === "deactivate") await store.delete(localId, options);
      else await store.modify(localId, { set: { active: false } }, options);
    },
    async revive(localId, { password, ...attributes }, options) {
      await store.replace(localId, { active: true, ...attributes }, options);
      if (password !== undefined) await store.setPassword?.(localId, password, options);
    },
  };
}

class MappedGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #store: GroupRepository;
  readonly #groups: MappedResources<Group, NewGroup>;
  readonly #members: MappedMembers;

  constructor(
    store: GroupRepository,
    identities: IdentityMapRepository,
    options: IdentityMapOptions,
  ) {
    super();
    this.type = store.type;
    this.#store = store;
    const known = new Identities("Group", identities, options);
    this.#groups = new MappedResources(store, known, {
      async retire(localId, call) {
        await store.changeMembers(localId, { clear: true }, call);
        if (store.capabilities.delete === "deactivate") await store.delete(localId, call);
      },
      async revive(localId, resource, call) {
        await store.replace(localId, resource, call);
      },
    });
    this.#members = new MappedMembers(new Identities("User", identities, options), known);
    this.capabilities = this.#groups.capabilities;
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const pair = await this.#groups.get(id, options);
    return pair && (await this.#outward(pair, options));
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return findMapped(this.#groups, query, (pair) => this.#outward(pair, options), options);
  }

  override async create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    const id = await this.#groups.create(await this.#inward(resource, options), options);
    return await this.#demand(id, options);
  }

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    await this.#groups.write(
      id,
      async ({ identity }, conditions) => {
        const { externalId, id: _, meta: __, ...attributes } = resource as Group;
        const inward = await this.#inward(attributes, options);
        await this.#store.replace(identity.localId, inward, conditions);
        return { externalId };
      },
      options,
    );
    return await this.#demand(id, options);
  }

  /** Members alone are changed without a look at the group, unless a version is asked for. */
  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    if (!("plan" in modification) && options?.ifVersion === undefined) {
      const { set, unset, relations } = modification;
      if (set === undefined && unset === undefined && relations?.members !== undefined) {
        return await this.changeMembers(id, relations.members, options);
      }
    }
    const reads = "plan" in modification ? { attributes: modification.reads } : {};
    await this.#groups.modify(
      id,
      modification,
      async (localId, changes, conditions) =>
        this.#store.modify(localId, await this.#inwardChanges(changes, options), conditions),
      (pair) => this.#outward(pair, reads),
      options,
    );
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#groups.delete(id, options);
  }

  override async members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    const { localId } = await this.#groups.identities.demand(id, options);
    const found = await this.#groups.translated(id, () =>
      this.#store.members(localId, page, options),
    );
    return { ...found, members: await this.#members.outward(found.members, options) };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const group = await this.#groups.identities.find(id, options);
    const found = new Set<string>();
    if (group === undefined) return found;
    const asked = await this.#members.localIds(ids, type, options);
    for (const [one, alike] of Map.groupBy(asked, (member) => member.type)) {
      const locals = alike.map(({ local }) => local);
      const are = await this.#store.whichAreMembers(group.localId, locals, {
        ...options,
        type: one,
      });
      for (const { id: member, local } of alike) if (are.has(local)) found.add(member);
    }
    return found;
  }

  override async groupsOf(
    memberId: string,
    { type, ...options }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const { local, type: one } of await this.#members.localIds([memberId], type, options)) {
      const locals = await this.#store.groupsOf(local, { ...options, type: one });
      for (const { id } of (await this.#groups.identities.ofLocal(locals, options)).values()) {
        found.add(id);
      }
    }
    return [...found];
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    const { localId } = await this.#groups.identities.demand(id, options);
    const inward = await this.#members.inward(change, options);
    await this.#groups.translated(id, () => this.#store.changeMembers(localId, inward, options));
    await this.#groups.touch(id, options);
  }

  async #outward(pair: Pair<Group>, options?: ReadOptions): Promise<Group> {
    const { members, ...group } = this.#groups.outward(pair);
    const isAsked =
      options?.attributes?.includes("members") === true &&
      options.excludedAttributes?.includes("members") !== true;
    if (!isAsked || members === undefined) return group;
    return { ...group, members: await this.#members.outward(members, options) };
  }

  async #inward<R extends { readonly members?: Group["members"] }>(
    resource: R,
    options?: CallOptions,
  ): Promise<R> {
    if (resource.members === undefined) return resource;
    const { add = [] } = await this.#members.inward(
      { add: typedMembers(resource.members) },
      options,
    );
    return { ...resource, members: add };
  }

  async #inwardChanges(
    changes: ChangeSet<NewGroup>,
    options?: CallOptions,
  ): Promise<ChangeSet<NewGroup>> {
    const members = changes.relations?.members;
    return {
      ...changes,
      ...(changes.set !== undefined && { set: await this.#inward(changes.set, options) }),
      ...(members !== undefined && {
        relations: { members: await this.#members.inward(members, options) },
      }),
    };
  }

  async #demand(id: string, options?: CallOptions): Promise<Group> {
    const group = await this.get(id, options?.signal && { signal: options.signal });
    if (group === undefined) throw new NotFoundError(id);
    return group;
  }
}
