import { InvalidValueError } from "../../core/index.js";
import {
  type Group,
  type GroupMember,
  groupResourceType,
  type NewGroup,
  type Resource,
  type ResourceType,
  type User,
} from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import {
  applyChangeSet,
  changeSetFor,
  type MembersChange,
  type Modification,
} from "../change-set.js";
import { GroupRepository, type MemberOptions, type MemberPage } from "../group-repository.js";
import { memberType, typedMembers } from "../member-types.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { type InMemoryResourceOptions, ResourceStore } from "./resource-store.js";
import { composite, Table, take } from "./table.js";
import { type Journal, TransactionScope } from "./transaction-scope.js";
import type { InMemoryUserRepository } from "./user-repository.js";

/** Options of {@link InMemoryGroupRepository}. */
export interface InMemoryGroupOptions extends InMemoryResourceOptions {
  /**
   * The users who are the members. Then no other id can be one, a deleted user leaves the groups in the same step,
   * and both stores share the order of their operations. Without it, users are ids without a resource, and stay
   * members until they are removed; the capabilities say so (`deletedMembers`).
   */
  readonly users?: InMemoryUserRepository | undefined;
  /** Whether two groups may not have one `displayName`. Default `false`, as RFC 7643 §4.2 has it. */
  readonly uniqueDisplayName?: boolean | undefined;
}

interface MemberRow {
  readonly group: string;
  readonly member: string;
  readonly type: "User" | "Group";
}

/** What a group repository keeps: the resources, and the members beside them. */
class GroupStore extends ResourceStore<Group> {
  readonly #members: Table<MemberRow, "group" | "member"> = new Table(
    (row) => composite(row.group, row.member, row.type),
    { group: (row) => [row.group], member: (row) => [row.member] },
  );

  readonly #users: ResourceStore<User> | undefined;

  constructor(options: InMemoryGroupOptions) {
    super(
      {
        type: options.type ?? groupResourceType,
        naming: { attribute: "displayName", unique: options.uniqueDisplayName ?? false },
        ignored: ["id", "meta", "members"],
        unknown: ["schemas", "meta.location", "members.$ref", "members.display"],
        unordered: ["members"],
      },
      options,
    );
    this.#users = options.users?.shared.store;
    this.#users?.onDelete((journal, id) => this.#leaveAll(journal, id, "User"));
  }

  /** The group as it is read: with its members only if they are asked for. */
  view(group: Group, { attributes = [], excludedAttributes = [] }: ReadOptions = {}): Group {
    if (!attributes.includes("members") || excludedAttributes.includes("members")) return group;
    const members = [...this.#members.rows("group", group.id)].map(toMember);
    return members.length === 0
      ? group
      : Object.freeze({ ...group, members: Object.freeze(members) });
  }

  memberPage(id: string, page: { after?: string; count?: number }): MemberPage {
    this.existing(id);
    const count = Math.min(
      Math.max(Math.trunc(page.count ?? this.maxPageSize), 1),
      this.maxPageSize,
    );
    const after = page.after === undefined ? undefined : composite(id) + page.after;
    const rows = take(this.#members.rows("group", id, after), count + 1);
    const members = rows.slice(0, count).map(toMember);
    const last = members.at(-1);
    return rows.length > count && last !== undefined
      ? { members, next: composite(last.value, last.type) }
      : { members };
  }

  /** Whether a resource with this id is in the group; of this type, where one is given. */
  hasMember(group: string, member: string, type?: MemberRow["type"]): boolean {
    return this.#keysOf(group, member, type).some((key) => this.#members.get(key) !== undefined);
  }

  groupsOf(member: string, type?: MemberRow["type"]): string[] {
    const rows = [...this.#members.rows("member", member)];
    const ofType = rows.filter((row) => type === undefined || row.type === type);
    return [...new Set(ofType.map((row) => row.group))];
  }

  /** Adds and removes members, and gives the group a new version if that changed anything. */
  changeMembers(journal: Journal, group: Group, change: MembersChange): void {
    const added = (change.add ?? []).map((member) => ({
      group: group.id,
      member: member.value,
      type: memberType(member.type),
    }));
    const begun = journal.length;
    const stays = new Set(added.map(({ member, type }) => composite(member, type)));
    const removed = change.clear
      ? Array.from(this.#members.rows("group", group.id), toMember).filter(
          ({ value, type }) => !stays.has(composite(value, type)),
        )
      : (change.remove ?? []);
    for (const { value, type } of removed) {
      for (const key of this.#keysOf(group.id, value, type)) this.#members.delete(journal, key);
    }
    for (const row of added) {
      if (this.hasMember(group.id, row.member, row.type)) continue;
      this.#assertMember(row);
      this.#members.put(journal, row);
    }
    if (journal.length > begun) this.touch(journal, group);
  }

  protected override lookUp(path: string, value: string): Iterable<string> | undefined {
    return path === "members.value" ? this.groupsOf(value) : super.lookUp(path, value);
  }

  protected override seen(group: Group, attributes: ReadonlySet<string>): Group {
    return attributes.has("members") ? this.view(group, { attributes: ["members"] }) : group;
  }

  override delete(journal: Journal, id: string): void {
    for (const { group, member, type } of [...this.#members.rows("group", id)]) {
      this.#members.delete(journal, composite(group, member, type));
    }
    super.delete(journal, id);
    this.#leaveAll(journal, id, "Group");
  }

  /** Takes one who is deleted out of every group, each of which has a new version then. */
  #leaveAll(journal: Journal, id: string, type: MemberRow["type"]): void {
    for (const group of this.groupsOf(id, type)) {
      this.changeMembers(journal, this.existing(group), { remove: [{ value: id, type }] });
    }
  }

  /** @throws {InvalidValueError} there is no resource with this id, as far as the store can know. */
  #assertMember({ member, type }: MemberRow): void {
    const known: Pick<ResourceStore<Resource>, "get"> | undefined =
      type === "Group" ? this : this.#users;
    if (known === undefined || known.get(member) !== undefined) return;
    throw new InvalidValueError("members.value", `there is no ${type} "${member}".`);
  }

  #keysOf(group: string, member: string, type?: MemberRow["type"]): string[] {
    const types = type === undefined ? (["User", "Group"] as const) : [type];
    return types.map((one) => composite(group, member, one));
  }
}

function toMember(row: MemberRow): { readonly value: string; readonly type: "User" | "Group" } {
  return Object.freeze({ value: row.member, type: row.type });
}

function toMembersChange(members: readonly GroupMember[]): MembersChange {
  return {
    clear: true,
    add: typedMembers(members),
  };
}

/**
 * Groups in memory, and who is in them: for tests, for trying things out, and as the example of what a store does.
 *
 * Members are kept beside the group, and are ordered by id. A group in a group has to exist, and so has a user where
 * the store was given the users: a user that is deleted there leaves the groups, as a group that is deleted always
 * does. When members come or go, the group has a new version.
 */
export class InMemoryGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #options: InMemoryGroupOptions;
  readonly #scope: TransactionScope;
  readonly #store: GroupStore;

  constructor(options?: InMemoryGroupOptions);
  /** @internal */
  constructor(options: InMemoryGroupOptions, scope: TransactionScope, store?: GroupStore);
  constructor(
    options: InMemoryGroupOptions = {},
    scope: TransactionScope = options.users?.shared.scope ?? new TransactionScope(),
    store: GroupStore = new GroupStore(options),
  ) {
    super();
    this.#options = options;
    this.#scope = scope;
    this.#store = store;
    this.type = options.type ?? groupResourceType;
    this.capabilities = {
      ...store.capabilities,
      deletedMembers: options.users === undefined ? "stay" : "leave",
      groupsOfMany: true,
    };
  }

  /** The same store, bound to a transaction. @internal */
  in(scope: TransactionScope): InMemoryGroupRepository {
    return new InMemoryGroupRepository(this.#options, scope, this.#store);
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#scope.run(() => {
      const group = this.#store.get(id);
      return group && this.#store.view(group, options);
    }, options?.signal);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.#scope.run(() => {
      const page = this.#store.find(query);
      const view = (group: Group): Group => this.#store.view(group, options);
      return { ...page, resources: page.resources.map(view) };
    }, options?.signal);
  }

  override create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    return this.#scope.run((journal) => {
      const group = this.#store.create(journal, resource);
      this.#store.changeMembers(journal, group, {
        add: toMembersChange(resource.members ?? []).add ?? [],
      });
      return this.#store.existing(group.id);
    }, options?.signal);
  }

  override replace(id: string, resource: NewGroup | Group, options?: WriteOptions): Promise<Group> {
    return this.#scope.run((journal) => {
      const current = this.#store.existing(id, options?.ifVersion);
      const group = this.#store.replace(journal, current, resource);
      if (resource.members !== undefined) {
        this.#store.changeMembers(journal, group, toMembersChange(resource.members));
      }
      return this.#store.existing(id);
    }, options?.signal);
  }

  override modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.#scope.run((journal) => {
      const stored = this.#store.existing(id, options?.ifVersion);
      const reads = "plan" in modification ? modification.reads : [];
      const changes = changeSetFor(modification, this.#store.view(stored, { attributes: reads }));
      const { set, unset, relations } = changes;
      const group =
        set === undefined && unset === undefined
          ? stored
          : this.#store.change(journal, stored, applyChangeSet(this.type, stored, changes));
      const all = unset?.includes("members") ? [] : set?.members;
      if (all !== undefined) this.#store.changeMembers(journal, group, toMembersChange(all));
      if (relations?.members !== undefined) {
        this.#store.changeMembers(journal, this.#store.existing(id), relations.members);
      }
    }, options?.signal);
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#scope.run((journal) => {
      this.#store.existing(id, options?.ifVersion);
      this.#store.delete(journal, id);
    }, options?.signal);
  }

  override members(
    id: string,
    page: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.#scope.run(() => this.#store.memberPage(id, page), options?.signal);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.#scope.run(
      () => new Set(ids.filter((member) => this.#store.hasMember(id, member, options?.type))),
      options?.signal,
    );
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#scope.run(() => this.#store.groupsOf(memberId, options?.type), options?.signal);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#scope.run(
      () => new Map(memberIds.map((id) => [id, this.#store.groupsOf(id, options?.type)] as const)),
      options?.signal,
    );
  }

  override changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void> {
    return this.#scope.run((journal) => {
      this.#store.changeMembers(journal, this.#store.existing(id), change);
    }, options?.signal);
  }
}
