import { InvalidValueError, NotFoundError } from "../../core/index.js";
import {
  assertDeclared,
  type CallOptions,
  type Capabilities,
  type ChangeSet,
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
import {
  type Group,
  groupResourceType,
  type NewGroup,
  type ResourceType,
} from "../../scim/index.js";
import {
  type GroupMap,
  type MemberMap,
  memberships,
  type UserMap,
} from "../column-map/column-map.js";
import { ownGroupMap, ownMemberMap, ownUserMap } from "../column-map/own-maps.js";
import { tableNames } from "../column-map/table-names.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { type ChangedMembers, MembersPresent } from "./changed-members.js";
import { filterColumns } from "./filter.js";
import { GroupMembers, type MemberSources } from "./group-members.js";
import { fillKeysOf, type KeysFilled } from "./key-filling.js";
import { checkKeysOf, type KeyReport } from "./keys.js";
import { MemberTable } from "./member-table.js";
import { capabilitiesOf, checkIds, modifyBy, remove, rowChange } from "./operations.js";
import { ResourceRows } from "./rows.js";
import { ResourceTable } from "./table.js";
import type { ResourceTableParts } from "./table-parts.js";
import type { ResourceOptions } from "./user-repository.js";
import { ResourceWrites, writeOne } from "./writes.js";

/** Options of {@link KyselyGroupRepository}. */
export interface KyselyGroupOptions extends ResourceOptions {
  /** Where the groups and their members are. Default: the tables that `createTables` makes. */
  readonly map?:
    | {
        /** Where the groups are. */
        readonly groups: GroupMap;
        /** Where their members are. */
        readonly members: MemberMap;
      }
    | undefined;
  /**
   * The table of the users who can be members, whose map has the table of members among its `dependents`. A user who
   * is added to a group is looked for there, and kept from being deleted meanwhile, so that every member exists.
   * `elsewhere`: every reference is taken for that of a member, unless a foreign key says otherwise. Default: the table
   * of users that `createTables` makes, where the groups are in its tables too; else `elsewhere`.
   */
  readonly users?: Pick<UserMap, "schema" | "table" | "id"> | "elsewhere" | undefined;
}

/**
 * Groups and who is in them, in tables of the application, or in those that `createTables` makes. Members are added and
 * removed without being read, however many there are; the group has a new version when one came or went.
 */
export class KyselyGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  /** It is said of modifications that change nothing but members. */
  override readonly tellsPresent: boolean = true;
  readonly #table: ResourceTable<Group>;
  readonly #members: GroupMembers;

  /**
   * @throws {InvalidValueError} the map names what is no attribute of groups, or ids that are used again without a
   * mark.
   */
  constructor(db: KyselyDatabase | Session, options: KyselyGroupOptions = {}) {
    super();
    const { members, sources, ...parts } = partsOf(options);
    this.type = parts.type;
    const session = sessionOn(db);
    checkIds(parts.map, session.dialect);
    this.#table = new ResourceTable(session, parts);
    const idType = parts.map.id.type ?? "text";
    const table = new MemberTable(session.dialect, members, idType, parts.isOwn);
    this.#members = new GroupMembers(session, table, sources);
    this.capabilities = capabilitiesOf(this.#table, {
      deletedMembers: sources === undefined ? "stay" : "leave",
      groupsOfMany: true,
    });
  }

  /** Looks at the columns of keys that the map names, in every row; see {@link KyselyUserRepository.checkKeys}. */
  checkKeys(options?: CallOptions): Promise<KeyReport> {
    return checkKeysOf(this.#table, options);
  }

  /** Writes the keys that are empty or stale, 500 rows to a transaction. It may be called at any time, and again. */
  fillKeys(options?: CallOptions): Promise<KeysFilled> {
    return fillKeysOf(this.#table, options);
  }

  override markOf(resource: Group): string | undefined {
    return this.#table.parts.rows.markOf(resource);
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#get(this.#table, id, options);
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    // The table refuses filters that it does not support.
    const { filter: _, ...unfiltered } = query;
    assertDeclared(unfiltered, this.capabilities);
    const page = await this.#table.find(query, options);
    return { ...page, resources: await this.#withMembers(this.#table, page.resources, options) };
  }

  override async create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    const { members = [] } = resource;
    if (members.length === 0) return await this.#table.create(resource, options);
    return await this.#table.session.atomically(async (session) => {
      const group = await this.#table.in(session).create(resource, options);
      const { add } = replacing(members);
      await this.#members.in(session).change(this.#stored(group.id), { add }, options);
      return group;
    });
  }

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    await this.#table.session.atomically(async (session) => {
      const table = this.#table.in(session);
      await table.update(id, table.parts.rows.whole(resource), options);
      if (resource.members === undefined) return;
      await this.#members
        .in(session)
        .change(this.#stored(id), replacing(resource.members), options);
    });
    return await this.#table.written(id, options);
  }

  /** A change that reads nothing is one `update`, and the members that come and go. */
  override modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    const reads = "plan" in modification ? modification.reads : [];
    return modifyBy(
      this.#table,
      id,
      modification,
      {
        type: this.type,
        read: (table) => this.#get(table, id, { ...options, attributes: reads }),
        apply: (table, changes, conditions) => this.#apply(table, id, changes, conditions),
      },
      options,
    );
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return remove(this.#table, id, options);
  }

  /**
   * Creations of groups without members that follow each other are inserted together, deletions are made together, and
   * so are changes of the members of different groups.
   */
  override async write(
    writes: readonly Write<Group, NewGroup>[],
    options?: CallOptions,
  ): Promise<readonly WriteResult[]> {
    const changes = membersChanges(writes);
    return (
      (changes && (await this.#changeMany(changes, options))) ??
      (await new ResourceWrites<Group, NewGroup>(
        this.#table,
        (write, own) => writeOne(this, write, own),
        ({ members = [] }) => members.length === 0,
        options,
      ).run(writes))
    );
  }

  override async members(
    id: string,
    page: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    const { maxPageSize } = this.#table.parts;
    const count = Math.min(Math.max(Math.trunc(page.count ?? maxPageSize), 1), maxPageSize);
    await this.#table.assertExists(id, options);
    return await this.#members.page(this.#stored(id), page.after, count, options);
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const asked = ids.map((member) => ({ group: id, member, ...(type && { type }) }));
    const existing = await this.#members.which(asked, options);
    return new Set(existing.map(({ member }) => member));
  }

  override whichExist(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> {
    return this.#members.which(memberships, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#members.groupsOfEach(memberIds, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#members.groupsOf(memberId, options);
  }

  override changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void> {
    return this.#apply(this.#table, id, { relations: { members: change } }, options);
  }

  async #get(
    table: ResourceTable<Group>,
    id: string,
    options?: ReadOptions,
  ): Promise<Group | undefined> {
    const group = await table.get(id, options);
    return group && (await this.#withMembers(table, [group], options))[0];
  }

  async #apply(
    at: ResourceTable<Group>,
    id: string,
    { set, unset, relations }: ChangeSet<NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    const all = unset?.includes("members") ? [] : set?.members;
    const members = [
      ...(all === undefined ? [] : [replacing(all)]),
      ...(relations?.members === undefined ? [] : [relations.members]),
    ];
    const attributes = { ...(set && { set }), ...(unset && { unset }) };
    const change = rowChange(at, attributes);
    if (members.length === 0) return await at.update(id, change, options, true);
    await at.session.atomically(async (session) => {
      const table = at.in(session);
      // Where no attribute changes, this sees to it that the group is there, and stays.
      await table.update(id, change, options, true);
      let changed = 0;
      for (const step of members) {
        changed += await this.#members.in(session).change(this.#stored(id), step, options);
      }
      if (changed > 0) await table.touch([this.#stored(id)], options);
    });
  }

  /** Changes the members of all of these groups; nothing, and `undefined`, if one of the changes is refused. */
  async #changeMany(
    changes: ReadonlyMap<string, MembersChange>,
    options?: CallOptions,
  ): Promise<readonly WriteResult[] | undefined> {
    const change = (mayBePresent: boolean): Promise<ChangedMembers> =>
      this.#table.session.atomically(async (session) => {
        const table = this.#table.in(session);
        const stored = Array.from(changes, ([id, change]) => ({ group: this.#stored(id), change }));
        await table.assertAll(
          stored.map(({ group }) => group),
          options,
        );
        const members = this.#members.in(session);
        const changed = await members.changeMany(stored, mayBePresent, options);
        await table.touch(
          stored.flatMap(({ group }) => (changed.groups.has(String(group)) ? group : [])),
          options,
        );
        return changed;
      });
    let changed: ChangedMembers;
    try {
      // Mostly none of the members is there yet, which the number of rows that are inserted shows.
      changed = await change(false).catch((error: unknown) => {
        if (error instanceof MembersPresent) return change(true);
        throw error;
      });
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
    return Array.from(changes.keys(), (id) => ({
      ...{ written: true, id },
      present: changed.present.get(String(this.#stored(id))) ?? [],
    }));
  }

  /** The groups with their members, if those are asked for. */
  async #withMembers(
    { session }: ResourceTable<Group>,
    groups: readonly Group[],
    { attributes = [], excludedAttributes = [], signal }: ReadOptions = {},
  ): Promise<readonly Group[]> {
    if (!attributes.includes("members") || excludedAttributes.includes("members")) return groups;
    const members = await this.#members.in(session).of(
      groups.map(({ id }) => this.#stored(id)),
      signal && { signal },
    );
    return groups.map((group) => {
      const own = members.get(group.id);
      return own === undefined ? group : { ...group, members: own };
    });
  }

  #stored(id: string): string | number {
    const stored = this.#table.stored(id);
    if (stored === undefined) throw new NotFoundError(id);
    return stored;
  }
}

/** The members that come and go, by the group, if that is all that the writes do, and each group has one write. */
function membersChanges(
  writes: readonly Write<Group, NewGroup>[],
): ReadonlyMap<string, MembersChange> | undefined {
  const changes = new Map<string, MembersChange>();
  for (const write of writes) {
    if (write.kind !== "modify" || "plan" in write.modification) return undefined;
    const { set, unset, relations } = write.modification;
    const members = relations?.members;
    if (set !== undefined || unset !== undefined || members === undefined || members.clear) {
      return undefined;
    }
    changes.set(write.id, members);
  }
  return writes.length > 0 && changes.size === writes.length ? changes : undefined;
}

/** The change that leaves a group with these members and no others. */
function replacing(members: NonNullable<NewGroup["members"]>): MembersChange & {
  readonly add: NonNullable<MembersChange["add"]>;
} {
  const add = members.map(({ value, type }) => {
    if (type === undefined) return { value };
    const known = (["User", "Group"] as const).find(
      (name) => name.toLowerCase() === type.toLowerCase(),
    );
    if (known === undefined) throw new InvalidValueError("members.type", "it is User or Group.");
    return { value, type: known };
  });
  return { clear: true, add };
}

type Parts = ResourceTableParts<Group> & {
  readonly members: MemberMap;
  /** Where the members are, unless that is elsewhere. */
  readonly sources: MemberSources | undefined;
};

/** What was made of options, for as long as there are these: a repository is made for every transaction. */
const made = new WeakMap<KyselyGroupOptions, Parts>();

function partsOf(options: KyselyGroupOptions): Parts {
  const kept = made.get(options);
  if (kept !== undefined) return kept;
  const names = tableNames(options);
  const { groups, members } = options.map ?? {
    groups: ownGroupMap(names),
    members: ownMemberMap(names),
  };
  const { type = groupResourceType, maxPageSize = 1000, now = () => new Date() } = options;
  // The members of a group go with it, and it leaves the groups that it is in.
  const { type: _, ...ownMembers } = { ...members, column: members.group };
  const known = (groups.dependents ?? []).filter(
    (one) => !(one.table === members.table && one.column === members.member),
  );
  const ownGroups = members.type === undefined ? [] : [memberships(members, groups)];
  const dependents = [...known, ...ownGroups, ownMembers];
  const map: GroupMap = { ...groups, dependents };
  const { users = options.map === undefined ? ownUserMap(names) : "elsewhere" } = options;
  const sources = users === "elsewhere" ? undefined : { User: users, Group: map };
  const rows = new ResourceRows<Group>("Group", map, type);
  const parts = {
    ...{ map, rows, type, maxPageSize, now, members, sources },
    filterColumns: filterColumns(map, rows.columns, members),
    isOwn: options.map === undefined,
  };
  made.set(options, parts);
  return parts;
}
