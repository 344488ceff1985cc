import { NotFoundError } from "../../core/index.js";
import {
  type CallOptions,
  type Capabilities,
  type ChangeSet,
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../../repositories/index.js";
import type { Group, NewGroup, ResourceType } from "../../scim/index.js";

/**
 * Groups of a store that creates none, for cases that create them: each creation takes a group that is there, and that
 * no case has taken, and calls it as the case does. Everything else is the store's own doing.
 */
export class ClaimedGroups extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #store: GroupRepository;
  readonly #names: Map<string, string> = new Map();
  #free: Promise<string[]> | undefined;

  constructor(store: GroupRepository) {
    super();
    this.#store = store;
    this.type = store.type;
    this.capabilities = store.capabilities;
  }

  override async create(
    { displayName, members = [] }: NewGroup,
    options?: CallOptions,
  ): Promise<Group> {
    this.#free ??= this.#all();
    const free = await this.#free;
    const id = free.shift();
    if (id === undefined) {
      throw new Error("A store that creates no groups has to have 60 for this suite, all empty.");
    }
    try {
      // It is what a replacement of all members says, whatever they are.
      if (members.length > 0) {
        const { displayName: own } = (await this.#store.get(id)) ?? { displayName };
        await this.#store.replace(id, { displayName: own, members }, options);
      }
    } catch (error) {
      free.push(id);
      throw error;
    }
    this.#names.set(id, displayName);
    return { ...(await this.#claimed(id)), displayName };
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const group = await this.#store.get(id, options);
    const displayName = this.#names.get(id);
    return group && displayName !== undefined ? { ...group, displayName } : undefined;
  }

  override async find(_query: Query, options?: ReadOptions): Promise<Page<Group>> {
    const resources: Group[] = [];
    for (const id of this.#names.keys()) {
      const group = await this.get(id, options);
      if (group !== undefined) resources.push(group);
    }
    return { totalResults: resources.length, startIndex: 1, resources };
  }

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const own = await this.#claimed(id);
    const written = await this.#store.replace(
      id,
      { ...resource, displayName: own.displayName },
      options,
    );
    this.#names.set(id, resource.displayName);
    return { ...written, displayName: resource.displayName };
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    await this.#store.modify(id, withoutName(modification), options);
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#store.delete(id, options);
  }

  override members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.#store.members(id, page, options);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.#store.whichAreMembers(id, ids, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#store.groupsOf(memberId, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#store.groupsOfEach(memberIds, options);
  }

  override changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void> {
    return this.#store.changeMembers(id, change, options);
  }

  override write(
    writes: readonly Write<Group, NewGroup>[],
    options?: CallOptions,
  ): Promise<readonly WriteResult[]> {
    const isCreating = writes.some(({ kind }) => kind === "create" || kind === "replace");
    return isCreating ? super.write(writes, options) : this.#store.write(writes, options);
  }

  async #claimed(id: string): Promise<Group> {
    const group = this.#names.has(id) ? await this.#store.get(id) : undefined;
    if (group === undefined) throw new NotFoundError(id);
    return group;
  }

  async #all(): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const { totalResults = 0, resources } = await this.#store.find({
        startIndex: found.length + 1,
      });
      for (const { id } of resources) found.push(id);
      if (resources.length === 0 || found.length >= totalResults) break;
    }
    const empty: string[] = [];
    for (const id of found) {
      if ((await this.#store.members(id, { count: 1 })).members.length === 0) empty.push(id);
    }
    return empty;
  }
}

/** The same change without the name, which the store cannot change. */
function withoutName(modification: Modification<Group, NewGroup>): Modification<Group, NewGroup> {
  if ("plan" in modification) {
    return {
      reads: modification.reads,
      plan: (current) => changesWithoutName(modification.plan(current)),
    };
  }
  return changesWithoutName(modification);
}

function changesWithoutName({ set, ...changes }: ChangeSet<NewGroup>): ChangeSet<NewGroup> {
  if (set === undefined) return changes;
  const { displayName: _, ...others } = set;
  return Object.keys(others).length === 0 ? changes : { ...changes, set: others };
}
