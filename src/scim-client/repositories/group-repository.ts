import {
  type CallOptions,
  type Capabilities,
  GroupRepository,
  isRefusal,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Membership,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  bindFilter,
  eq,
  type Group,
  type NewGroup,
  or,
  type ResourceType,
  valuePath,
} from "../../scim/index.js";
import { publishIgnored } from "../channel.js";
import { type NamedMember, namedMembersOf, typed } from "../members/members.js";
import { MemberReads } from "../members/reads.js";
import { MemberWriter } from "../members/writer.js";
import { allPages } from "../reading/pages.js";
import { RemoteStore, type RemoteStoreParts } from "./remote-store.js";

/** How many groups are asked for with one question. */
const groupsAtOnce = 20;
/** The most groups that are remembered to have been created here. */
const mostCreated = 10_000;

/**
 * Groups at a service provider. {@link remoteRepositories} makes it of what the service provider says that it can do.
 *
 * Members come and go by PATCH, and are read only to see whether they did: until each form of change was seen to work,
 * and every so often after that. SCIM has no pages of members, so `members` and `whichAreMembers` read all of a group;
 * and without filters `groupsOf` reads all groups.
 */
export class RemoteGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #store: RemoteStore<Group, NewGroup>;
  readonly #members: MemberReads;
  readonly #writer: MemberWriter;
  /** Groups that were created here, without members. */
  readonly #created = new Set<string>();
  /** Whether several groups can be asked for at once, by their ids. */
  #canAskForSeveral: boolean;

  constructor(parts: RemoteStoreParts<Group, NewGroup>) {
    super();
    const { resources, capabilities, returnsMembers = async () => false } = parts;
    const store = new RemoteStore(parts);
    const { behaviour, forms, canPatch } = store;
    const filtered = bindFilter(eq("displayName", ""), resources.type);
    const canFilter = supportsFilter(capabilities, filtered);
    this.#members = new MemberReads(resources, canFilter, returnsMembers);
    this.#writer = new MemberWriter({
      ...{ resources, reads: this.#members, canPatch, behaviour, forms },
      trusts: parts.trustRemovals === true,
      computed: (id, options, reading, write) => store.computed(id, options, reading, write),
    });
    store.members = { reads: this.#members, writer: this.#writer };
    this.#store = store;
    this.type = store.type;
    this.capabilities = capabilities;
    const several = bindFilter(or(eq("id", "1"), eq("id", "2")), resources.type);
    this.#canAskForSeveral = supportsFilter(capabilities, several);
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const group = await this.#store.reads.get(id, options);
    if (group !== undefined) this.#members.of(group);
    return group;
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return await this.#store.reads.find(query, options);
  }

  override async create(group: NewGroup, options?: CallOptions): Promise<Group> {
    const created = await this.#store.create(group, options);
    const members = (namedMembersOf(group as Group) ?? []).map(typed);
    await this.#writer.settle(created.id, "create with members", members, options ?? {});
    this.#noteCreated(group, created.id);
    return created;
  }

  /**
   * Replaces a group. A PUT without members takes them away at some service providers (RFC 7644 §3.5.1), so without
   * members what differs is changed.
   */
  override async replace(
    id: string,
    group: NewGroup | Group,
    options: WriteOptions = {},
  ): Promise<Group> {
    const store = this.#store;
    if (group.members !== undefined) {
      const replaced = await store.replace(id, group, options);
      const members = (namedMembersOf(group) ?? []).map(typed);
      const { signal } = options;
      await this.#writer.settle(
        id,
        "replace members",
        members,
        signal === undefined ? {} : { signal },
      );
      return replaced;
    }
    const { schemas: _, id: __, meta: ___, ...attributes } = group as Group;
    await store.modify(
      id,
      {
        reads: [],
        plan: (current) => {
          const { schemas: _, id: __, meta: ___, members: ____, ...before } = current;
          const unset = Object.keys(before).filter((name) => !Object.hasOwn(attributes, name));
          return { set: attributes, unset };
        },
      },
      options,
    );
    return await store.reads.require(id, options.signal && { signal: options.signal });
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
    const results = await this.#store.write(writes, options, this);
    const settled: WriteResult[] = [];
    for (const [at, write] of writes.entries()) {
      const result = results[at];
      if (write.kind !== "create" || result?.written !== true)
        settled.push(...(result ? [result] : []));
      else {
        settled.push(await this.#settledAfter(write.resource, result, options));
        this.#noteCreated(write.resource, result.id);
      }
    }
    return settled;
  }

  /** What became of a creation: that it was made is known, whatever becomes of the members that it states. */
  async #settledAfter(
    group: NewGroup,
    result: Extract<WriteResult, { readonly written: true }>,
    options: CallOptions,
  ): Promise<WriteResult> {
    const members = (namedMembersOf(group as Group) ?? []).map(typed);
    try {
      await this.#writer.settle(result.id, "create with members", members, options);
      return result;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const ignored = [...(result.ignored ?? []), "members"];
      publishIgnored(this.type.name, result.id, ["members"]);
      return { ...result, ignored };
    }
  }

  override async members(
    id: string,
    { after, count = this.capabilities.maxPageSize }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    const all = (await this.#members.require(id, options)).map(typed);
    const keyed = all.map((member) => ({
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

  /**
   * Which of these are members of the group. Where the service provider returns no members, each is asked for by
   * filter; where that finds no member either, the group is taken to be empty.
   */
  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    // A path leads nowhere where the id is none, and a group that is not there has no members.
    const group = await this.get(id, { ...options, attributes: ["members"] });
    if (group === undefined) return new Set();
    const asked = ids.map((value) => named(value, type));
    const members =
      this.#members.of(group) ?? (await this.#members.byFilter(id, asked, options)) ?? [];
    const found = asked.filter((one) => MemberReads.has(members, one));
    return new Set(found.map(({ value }) => value));
  }

  /**
   * Which of these memberships there are. Groups that were just created here are asked for together, since they are
   * mostly empty.
   */
  override async whichExist(
    memberships: readonly Membership[],
    options: CallOptions = {},
  ): Promise<readonly Membership[]> {
    const groups = [...new Set(memberships.map(({ group }) => group))];
    const known = await this.#newGroups(
      groups.filter((id) => this.#created.has(id)),
      options,
    );
    const isThere = ({ group, member, type }: Membership): boolean =>
      MemberReads.has(known.get(group) ?? [], named(member, type));
    const others = memberships.filter(({ group }) => !known.has(group));
    return [
      ...memberships.filter((membership) => known.has(membership.group) && isThere(membership)),
      ...(others.length === 0 ? [] : await super.whichExist(others, options)),
    ];
  }

  /** The members of groups that were created here without any, as far as they can be asked for together. */
  async #newGroups(
    ids: readonly string[],
    options: CallOptions,
  ): Promise<ReadonlyMap<string, readonly NamedMember[]>> {
    const found = new Map<string, readonly NamedMember[]>();
    if (ids.length < 3) return found;
    for (let at = 0; at < ids.length && this.#canAskForSeveral; at += groupsAtOnce) {
      const [first, second, ...others] = ids.slice(at, at + groupsAtOnce).map((id) => eq("id", id));
      if (first === undefined || second === undefined) break;
      const filter = bindFilter(or(first, second, ...others), this.type);
      const query = { filter, count: groupsAtOnce };
      try {
        const page = await this.find(query, { ...options, attributes: ["members"] });
        for (const group of page.resources) found.set(group.id, this.#members.of(group) ?? []);
        // One that does not find them all does not support the filter.
        if (page.resources.length < 2 + others.length) this.#canAskForSeveral = false;
      } catch {
        options.signal?.throwIfAborted();
        this.#canAskForSeveral = false;
      }
    }
    for (const id of ids) this.#created.delete(id);
    return found;
  }

  /**
   * The groups that have a member. It is asked by the id alone: many service providers do not store what a member is,
   * and find none by it. What it is says whether there is a group of that id.
   */
  override async groupsOf(
    memberId: string,
    { type, ...options }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const filter = bindFilter(valuePath("members", eq("value", memberId)), this.type);
    const { capabilities } = this;
    const isSupported = supportsFilter(capabilities, filter);
    const isShared = type !== undefined && this.#members.isShared(memberId);
    let isGroup = false;
    if (type !== undefined && !isShared) {
      isGroup = (await this.get(memberId, options)) !== undefined;
      if (!isGroup && type === "Group") return [];
    }
    // A user may have the id of a group: what its members are says who is meant.
    const isRead = !isSupported || isShared || (isGroup && type === "User");
    const one = named(memberId, type);
    const hasMember = (group: Group): boolean =>
      !isRead || MemberReads.has(this.#members.of(group) ?? [], one);
    const query = isSupported ? { filter } : {};
    const reading = isRead ? { ...options, attributes: ["members"] } : options;
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

  #noteCreated({ members = [] }: NewGroup, id: string): void {
    if (members.length === 0 && this.#created.size < mostCreated) this.#created.add(id);
  }
}

function named(value: string, type: NamedMember["type"]): NamedMember {
  return { value, ...(type !== undefined && { type }) };
}
