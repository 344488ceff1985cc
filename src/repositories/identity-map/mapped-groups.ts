import { NotFoundError } from "../../core/index.js";
import type { Group, NewGroup, ResourceType } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import type { ChangeSet, MembersChange, Modification } from "../change-set.js";
import {
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type Membership,
} from "../group-repository.js";
import type { IdentityMapRepository } from "../identity-map-repository.js";
import { typedMembers } from "../member-types.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { Identities, type IdentityMapOptions } from "./identities.js";
import { Leaving } from "./leaving.js";
import { findMapped } from "./mapped-find.js";
import { MappedMembers } from "./mapped-members.js";
import { MappedResources, type Pair } from "./mapped-resources.js";

/** Groups of a store that has only ids of its own, and whose members have such ids too. */
export class MappedGroupRepository extends GroupRepository {
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
    const known = new Identities("Group", identities, options, store);
    const leaving = new Leaving("Group", store, identities, options.now);
    this.#groups = new MappedResources(store, known, {
      release: (localId, call) => leaving.release(localId, call),
      async softDelete(localId, call) {
        await leaving.leave(localId, call);
        await store.changeMembers(localId, { clear: true }, call);
        if (store.capabilities.delete === "deactivate") await store.delete(localId, call);
      },
      async restore(localId, resource, call) {
        await store.replace(localId, resource, call);
      },
    });
    this.#members = new MappedMembers(
      new Identities("User", identities, options, options.users),
      known,
    );
    this.capabilities = this.#groups.capabilities;
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const pair = await this.#groups.get(id, options);
    return pair && (await this.#external(pair, options));
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return findMapped(this.#groups, query, (pair) => this.#external(pair, options), options);
  }

  override async create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    const id = await this.#groups.create(await this.#inward(resource, options), options);
    return await this.#existing(id, options);
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
    return await this.#existing(id, options);
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
      (pair) => this.#external(pair, reads),
      options,
      (localId, changes) => this.#changesMembers(localId, changes, options),
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
    const { localId } = await this.#groups.identities.existing(id, options);
    const found = await this.#groups.translated(id, () =>
      this.#store.members(localId, page, options),
    );
    return { ...found, members: await this.#members.external(found.members, options) };
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
    const { localId } = await this.#groups.identities.existing(id, options);
    const inward = await this.#members.inward(change, options);
    // Where the store has versions, they tell of it.
    const isUntold =
      this.#store.capabilities.versions === "none" &&
      (await this.#differs(localId, inward, options));
    await this.#groups.translated(id, () => this.#store.changeMembers(localId, inward, options));
    if (isUntold) await this.#groups.touch(id, options);
  }

  /** Whether a modification brings or takes members. */
  async #changesMembers(
    localId: string,
    changes: ChangeSet<NewGroup>,
    options?: CallOptions,
  ): Promise<boolean> {
    const { set, unset, relations } = changes;
    const all = unset?.includes("members") ? [] : set?.members;
    const steps: MembersChange[] = [
      ...(all === undefined ? [] : [{ clear: true, add: typedMembers(all) }]),
      ...(relations?.members === undefined ? [] : [relations.members]),
    ];
    for (const step of steps) {
      const inward = await this.#members.inward(step, options);
      if (await this.#differs(localId, inward, options)) return true;
    }
    return false;
  }

  /** Whether a change of members, in the store's own ids, makes any difference. */
  async #differs(
    localId: string,
    { clear, add = [], remove = [] }: MembersChange,
    options?: CallOptions,
  ): Promise<boolean> {
    const asMembership = ({ value, type = "User" }: Reference): Membership => ({
      group: localId,
      member: value,
      type,
    });
    if (clear !== true) {
      const [coming, leaving] = [add.map(asMembership), remove.map(asMembership)];
      if (coming.length + leaving.length === 0) return false;
      const existing = new Set(
        (await this.#store.whichExist([...coming, ...leaving], options)).map(membershipKey),
      );
      return (
        coming.some((one) => !existing.has(membershipKey(one))) ||
        leaving.some((one) => existing.has(membershipKey(one)))
      );
    }
    const wanted = new Set(add.map(asMembership).map(membershipKey));
    let found = 0;
    for (let after: string | undefined; ; ) {
      const page = await this.#store.members(
        localId,
        after === undefined ? {} : { after },
        options,
      );
      if (page.members.some((one) => !wanted.has(membershipKey(asMembership(one))))) return true;
      found += page.members.length;
      if (page.next === undefined) return found !== wanted.size;
      after = page.next;
    }
  }

  async #external(pair: Pair<Group>, options?: ReadOptions): Promise<Group> {
    const { members, ...group } = this.#groups.external(pair);
    const isAsked =
      options?.attributes?.includes("members") === true &&
      options.excludedAttributes?.includes("members") !== true;
    if (!isAsked || members === undefined) return group;
    return { ...group, members: await this.#members.external(members, options) };
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

  async #existing(id: string, options?: CallOptions): Promise<Group> {
    const group = await this.get(id, options?.signal && { signal: options.signal });
    if (group === undefined) throw new NotFoundError(id);
    return group;
  }
}

/** A member of a change, which is a user where it does not say what it is. */
type Reference = NonNullable<MembersChange["add"]>[number];

function membershipKey({ member, type = "User" }: Membership): string {
  return `${type}/${member}`;
}
