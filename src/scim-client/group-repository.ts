import {
  answersFilter,
  type CallOptions,
  type Capabilities,
  GroupRepository,
  type Member,
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
} from "../repositories/index.js";
import {
  and,
  bindFilter,
  diffResources,
  eq,
  type Group,
  type NewGroup,
  type ResourceType,
  valuePath,
} from "../scim/index.js";
import { isMeant, membersOf } from "./members.js";
import { allPages } from "./pages.js";
import { RemoteStore, type RemoteStoreParts } from "./remote-store.js";
import { groupChange } from "./resource-change.js";

/**
 * Groups at a service provider. {@link remoteRepositories} makes it of what the service provider says that it can do.
 *
 * Members come and go by PATCH, and are not read. SCIM has no pages of members and no question after some of them, so `members` and
 * `whichAreMembers` read all of a group; and without filters `groupsOf` reads all groups.
 */
export class RemoteGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #store: RemoteStore<Group, NewGroup>;

  constructor(parts: RemoteStoreParts<Group, NewGroup>) {
    super();
    this.#store = new RemoteStore(parts, groupChange(parts.resources.type));
    this.type = this.#store.type;
    this.capabilities = this.#store.capabilities;
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return await this.#store.reads.get(id, options);
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return await this.#store.reads.find(query, options);
  }

  override async create(group: NewGroup, options?: CallOptions): Promise<Group> {
    return await this.#store.create(group, options);
  }

  /** A PUT without members takes them away at some service providers (RFC 7644 §3.5.1), so it is not sent. */
  override async replace(
    id: string,
    group: NewGroup | Group,
    options: WriteOptions = {},
  ): Promise<Group> {
    const store = this.#store;
    if (group.members !== undefined) return await store.replace(id, group, options);
    if (!store.canPatch) {
      return await store.computed(id, options, withMembers, (current, conditions) =>
        store.replace(id, { ...group, members: membersOf(current) }, conditions),
      );
    }
    await store.computed(id, options, {}, async (current, conditions) => {
      const patch = diffResources(this.type, current, group);
      if (patch !== undefined) await store.patch(id, patch.Operations, group, conditions);
    });
    return await store.reads.demand(id, options.signal && { signal: options.signal });
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options: WriteOptions = {},
  ): Promise<void> {
    await this.#store.modify(id, modification, options);
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    await this.#store.delete(id, options);
  }

  override async write(
    writes: readonly Write<Group, NewGroup>[],
    options: CallOptions = {},
  ): Promise<readonly WriteResult[]> {
    return await this.#store.write(writes, options, (some) => super.write(some, options));
  }

  override async members(
    id: string,
    { after, count = this.capabilities.maxPageSize }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    const keyed = (await this.#allMembers(id, options)).map((member) => ({
      member,
      key: JSON.stringify([member.value, member.type]),
    }));
    keyed.sort((one, other) => (one.key < other.key ? -1 : 1));
    const begin = after === undefined ? 0 : keyed.findIndex(({ key }) => key > after);
    const part = begin === -1 ? [] : keyed.slice(begin, begin + count);
    const last = part.at(-1);
    const isLast = last === undefined || last === keyed.at(-1);
    return { members: part.map(({ member }) => member), ...(!isLast && { next: last.key }) };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const group = await this.get(id, { ...options, ...withMembers });
    const asked = new Set(ids);
    const found = membersOf(group).filter(
      (member) => asked.has(member.value) && (type === undefined || member.type === type),
    );
    return new Set(found.map(({ value }) => value));
  }

  override async groupsOf(
    memberId: string,
    { type, ...options }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const same = eq("value", memberId);
    const inBrackets = type === undefined ? same : and(same, eq("type", type));
    const filter = bindFilter(valuePath("members", inBrackets), this.type);
    const { capabilities } = this;
    const isAnswered = answersFilter(capabilities, filter);
    const named = { value: memberId, ...(type !== undefined && { type }) };
    const hasMember = (group: Group): boolean =>
      isAnswered || membersOf(group).some((member) => isMeant(member, named));
    const query = isAnswered ? { filter } : {};
    const reading = isAnswered ? options : { ...options, ...withMembers };
    const groups = allPages(
      (part) => this.find({ ...query, ...part }, reading),
      capabilities.pages?.includes("cursor") ? { cursor: "" } : {},
    );
    const ids: string[] = [];
    for await (const group of groups) if (hasMember(group)) ids.push(group.id);
    return ids;
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.modify(id, { relations: { members: change } }, options);
  }

  async #allMembers(id: string, options?: CallOptions): Promise<readonly Member[]> {
    return membersOf(await this.#store.reads.demand(id, { ...options, ...withMembers }));
  }
}

const withMembers: ReadOptions = { attributes: ["members"] };
