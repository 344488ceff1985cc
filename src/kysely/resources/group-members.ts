import { InvalidValueError } from "../../core/index.js";
import type {
  CallOptions,
  MemberOptions,
  MemberPage,
  MembersChange,
  Membership,
} from "../../repositories/index.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { StoredId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { batches, lists, narrowRows, tuples } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { type ChangedMembers, MembersPresent, presentIn } from "./changed-members.js";
import {
  type MemberRow,
  type MemberTable,
  membershipKey,
  rowKey,
  toMember,
} from "./member-table.js";

/** Where the resources are that can be members. */
export interface MemberSources {
  readonly User: Pick<ResourceMap, "schema" | "table" | "id">;
  readonly Group: Pick<ResourceMap, "schema" | "table" | "id">;
}

/** The statements on the table of the members of groups. */
export class GroupMembers {
  readonly #session: Session;
  readonly #table: MemberTable;
  readonly #sources: MemberSources | undefined;

  /** @param sources Where a resource has to be that is added; absent where that is not known. */
  constructor(session: Session, table: MemberTable, sources: MemberSources | undefined) {
    this.#session = session;
    this.#table = table;
    this.#sources = sources;
  }

  /** The same table in another session. */
  in(session: Session): GroupMembers {
    return new GroupMembers(session, this.#table, this.#sources);
  }

  /** Part of the members of a group, in the order of their ids and types. */
  async page(
    group: StoredId,
    after: string | undefined,
    count: number,
    options?: CallOptions,
  ): Promise<MemberPage> {
    const start = after === undefined ? undefined : this.#start(after);
    const order = [this.#table.member, this.#table.type ?? []].flat().join(", ");
    const rows = await this.#session.read<MemberRow>(
      (
        p,
      ) => `select ${this.#table.columns} from ${this.#table.name} where ${this.#table.isGroup(p, group)}
        ${start === undefined ? "" : `and (${order}) > ${p.rows([start])}`}
        order by ${order} limit ${p.value(count + 1)}`,
      options,
    );
    const members = rows.slice(0, count).map(toMember);
    const last = members.at(-1);
    return rows.length > count && last !== undefined
      ? { members, next: this.#end(last) }
      : { members };
  }

  /** All members of these groups, by the group's id. */
  async of(
    groups: readonly StoredId[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, MemberPage["members"]>> {
    const found = new Map<string, MemberPage["members"][number][]>();
    for (const part of lists(groups)) {
      const rows = await this.#session.read<MemberRow>(
        (p) => `select ${this.#table.columns} from ${this.#table.name}
          where ${this.#table.group} in ${p.list(part)} order by ${this.#table.group}, ${this.#table.member}`,
        options,
      );
      for (const row of rows) {
        const group = String(row.group_id);
        const members = found.get(group) ?? [];
        if (members.length === 0) found.set(group, members);
        members.push(toMember(row));
      }
    }
    return found;
  }

  /** Which of these memberships there are. */
  async which(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> {
    const asked = new Map<string, Membership[]>();
    const stored: [StoredId, StoredId][] = [];
    for (const membership of memberships) {
      const group = this.#table.storedGroup(membership.group);
      const member = this.#table.stored(membership.member, membership.type);
      if (group === undefined || member === undefined) continue;
      const key = membershipKey(group, member);
      const alike = asked.get(key);
      if (alike === undefined) {
        stored.push([group, member]);
        asked.set(key, [membership]);
      } else alike.push(membership);
    }
    const existing = new Set<Membership>();
    for (const part of tuples(this.#session.dialect, stored)) {
      const rows = await this.#session.read<MemberRow>(
        (p) => `select ${this.#table.columns} from ${this.#table.name}
          where ${p.among([this.#table.group, this.#table.member], part)}`,
        options,
      );
      for (const row of rows) {
        const { value, type } = toMember(row);
        for (const membership of asked.get(membershipKey(row.group_id, value)) ?? []) {
          if ((membership.type ?? type) === type) existing.add(membership);
        }
      }
    }
    return [...existing];
  }

  /** The ids of the groups that a resource is in. */
  async groupsOf(
    memberId: string,
    { type, ...options }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const member = this.#table.stored(memberId, type);
    if (member === undefined) return [];
    const rows = await this.#session.read<MemberRow>(
      (p) => `select ${this.#table.columns} from ${this.#table.name}
        where ${this.#table.isMember(p, member)}${this.#table.ofType(type, p)} order by ${this.#table.group}`,
      options,
    );
    return [...new Set(rows.map((row) => String(row.group_id)))];
  }

  /** The same of several members, by member. */
  async groupsOfEach(
    memberIds: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, Set<string>>(memberIds.map((id) => [id, new Set()]));
    const stored = memberIds.flatMap((id) => this.#table.stored(id, type) ?? []);
    for (const part of lists([...new Set(stored)])) {
      const rows = await this.#session.read<MemberRow>(
        (p) => `select ${this.#table.columns} from ${this.#table.name}
          where ${this.#table.member} in ${p.list(part)}${this.#table.ofType(type, p)} order by ${this.#table.group}`,
        options,
      );
      for (const row of rows) found.get(String(row.member_id))?.add(String(row.group_id));
    }
    return new Map(Array.from(found, ([id, groups]) => [id, [...groups]] as const));
  }

  /** Adds and removes members without reading them, and returns how many came and went. */
  async change(group: StoredId, change: MembersChange, options?: CallOptions): Promise<number> {
    const { clear, remove = [], add = [] } = change;
    const added = this.#table.rows(group, add);
    if (clear) return await this.#replace(group, added, options);
    let changed = await this.#remove(group, remove, options);
    await this.#hold(added, options);
    for (const part of batches(await this.#absent(added, options), narrowRows)) {
      changed += await this.#insert(part, options);
    }
    return changed;
  }

  /**
   * Leaves the group with these members and no others. A member that is in it already stays, and is not counted.
   */
  async #replace(
    group: StoredId,
    rows: readonly (readonly StoredId[])[],
    options?: CallOptions,
  ): Promise<number> {
    if (rows.length === 0) {
      return await this.#session.write(
        (p) => `delete from ${this.#table.name} where ${this.#table.isGroup(p, group)}`,
        options,
      );
    }
    const present = await this.#session.read<MemberRow>(
      (p) =>
        `select ${this.#table.columns} from ${this.#table.name} where ${this.#table.isGroup(p, group)}`,
      options,
    );
    const wanted = new Map(rows.map((row) => [rowKey(row), row]));
    const leaving = present.filter(({ group_id, member_id, type }) => {
      const key = rowKey([group_id, member_id, type ?? []].flat());
      return !wanted.delete(key);
    });
    let changed = await this.#remove(group, leaving.map(toMember), options);
    const coming = [...wanted.values()];
    await this.#hold(coming, options);
    for (const part of batches(coming, narrowRows)) {
      changed += await this.#insert(part, options);
    }
    return changed;
  }

  async #remove(
    group: StoredId,
    members: NonNullable<MembersChange["remove"]>,
    options?: CallOptions,
  ): Promise<number> {
    let changed = 0;
    for (const [type, ofType] of Map.groupBy(members, (member) => member.type)) {
      for (const part of lists(
        ofType.flatMap(({ value }) => this.#table.stored(value, type) ?? []),
      )) {
        changed += await this.#session.write(
          (p) => `delete from ${this.#table.name} where ${this.#table.isGroup(p, group)}
            and ${this.#table.areMembers(p, part)}${this.#table.ofType(type, p)}`,
          options,
        );
      }
    }
    return changed;
  }

  /**
   * Adds members to groups and removes members from them, with statements for all of the groups. Each group comes once,
   * and the caller has its row locked.
   *
   * @param mayBePresent Whether to ask which of the members are there. Else none may be.
   * @throws {MembersPresent} one is there all the same; what was written is to be undone.
   */
  async changeMany(
    changes: readonly { readonly group: StoredId; readonly change: MembersChange }[],
    mayBePresent: boolean,
    options?: CallOptions,
  ): Promise<ChangedMembers> {
    const added = changes.flatMap(({ group, change: { add = [] } }) =>
      this.#table.rows(group, add),
    );
    const removed = changes.flatMap(({ group, change: { remove = [] } }) =>
      remove.flatMap(({ value, type }) => {
        const member = this.#table.stored(value, type);
        return member === undefined ? [] : { type, row: [group, member] };
      }),
    );
    const groups = new Set<string>();
    for (const [type, ofType] of Map.groupBy(removed, (member) => member.type)) {
      for (const part of tuples(
        this.#session.dialect,
        ofType.map(({ row }) => row),
      )) {
        const rows = await this.#session.read<Pick<MemberRow, "group_id">>(
          (p) => `delete from ${this.#table.name} where
            ${this.#table.areRows(p, [this.#table.group, this.#table.member], part)}
            ${this.#table.ofType(type, p)} returning ${this.#table.group} as group_id`,
          options,
        );
        for (const { group_id } of rows) groups.add(String(group_id));
      }
    }
    await this.#hold(added, options);
    const counts = !mayBePresent && this.#session.dialect.returnsInsertedOnly;
    const absent = counts ? added : await this.#notThere(added, options);
    for (const part of batches(absent, narrowRows)) {
      const inserted = await this.#insert(part, options);
      if (counts && inserted < part.length) throw new MembersPresent();
    }
    for (const [group] of absent) groups.add(String(group));
    return { groups, present: presentIn(added, absent) };
  }

  /**
   * Sees to it that each resource that is added is there, and stays until the transaction ends. A deletion that comes
   * meanwhile waits, and then finds the new row among those that it removes.
   *
   * @throws {InvalidValueError} one of them is not there.
   */
  async #hold(rows: readonly (readonly StoredId[])[], options?: CallOptions): Promise<void> {
    if (this.#sources === undefined) return;
    const { quote, shareRow } = this.#session.dialect;
    for (const [type, ofType] of Map.groupBy(rows, ([, , memberType]) => memberType)) {
      const { id, ...reference } = this.#sources[type === "Group" ? "Group" : "User"];
      const column = quote(id.column);
      const ids = new Set(ofType.flatMap(([, member]) => member ?? []));
      const found = new Set<string>();
      // In one order, so that two transactions do not wait for each other.
      for (const part of lists([...ids].sort((one, other) => (one < other ? -1 : 1)))) {
        const there = await this.#session.read<{ id: unknown }>(
          (p) => `select ${column} as id from ${quotedTable(this.#session.dialect, reference)}
            where ${column} in ${p.list(part)} order by ${column} ${shareRow}`,
          options,
        );
        for (const row of there) found.add(String(row.id));
      }
      if ([...ids].every((one) => found.has(String(one)))) continue;
      throw new InvalidValueError("members", "one of them does not exist.");
    }
  }

  /**
   * Those of these rows that are not there yet, where the database would not distinguish them from the others when they
   * are inserted; else all. The caller has the row of the group locked.
   */
  async #absent(
    rows: readonly (readonly StoredId[])[],
    options?: CallOptions,
  ): Promise<readonly (readonly StoredId[])[]> {
    return this.#session.dialect.returnsInsertedOnly ? rows : await this.#notThere(rows, options);
  }

  async #notThere(
    rows: readonly (readonly StoredId[])[],
    options?: CallOptions,
  ): Promise<readonly (readonly StoredId[])[]> {
    const present = new Set<string>();
    for (const part of tuples(this.#session.dialect, rows)) {
      const found = await this.#session.read<MemberRow>(
        (p) => `select ${this.#table.columns} from ${this.#table.name}
          where ${p.among(this.#table.rowColumns, part)}`,
        options,
      );
      for (const { group_id, member_id, type } of found) {
        present.add(rowKey([group_id, member_id, type ?? []].flat()));
      }
    }
    return rows.filter((row) => !present.has(rowKey(row)));
  }

  /** Inserts rows that are not there yet, and returns how many. */
  async #insert(rows: readonly (readonly StoredId[])[], options?: CallOptions): Promise<number> {
    const columns = this.#table.rowColumns;
    const head = `insert into ${this.#table.name} (${columns.join(", ")})`;
    const tail = this.#session.dialect.onConflict(columns, []);
    let inserted: number;
    try {
      inserted = await this.#session.write(
        (p) => this.#session.insertText(p, head, rows, tail),
        options,
      );
    } catch (error) {
      if (driverFailure(error)?.kind !== "foreignKey") throw error;
      throw new InvalidValueError("members", "one of them does not exist.", { cause: error });
    }
    if (this.#table.mayMergeIds) await this.#assertRows(rows);
    return inserted;
  }

  /**
   * Sees to it that rows are there: a unique key may take them for others, which differ in case alone.
   *
   * @throws {InvalidValueError} one is not.
   */
  async #assertRows(rows: readonly (readonly StoredId[])[]): Promise<void> {
    const found = await this.#session.read<MemberRow>(
      (p) =>
        `select ${this.#table.columns} from ${this.#table.name} where ${p.among(this.#table.rowColumns, rows)}`,
    );
    const there = new Set(
      found.map(({ group_id, member_id, type }) =>
        rowKey([group_id, member_id, type ?? []].flat()),
      ),
    );
    const lost = rows.find((row) => !there.has(rowKey(row)));
    if (lost === undefined) return;
    throw new InvalidValueError("members", "the database takes one of them for another member.");
  }

  /** Where a page ended, for the request of the next one. */
  #end({ value, type }: MemberPage["members"][number]): string {
    return this.#table.type === undefined ? value : `${type}/${value}`;
  }

  #start(after: string): StoredId[] {
    const [, type, value] = /^(User|Group)\/(.*)$/s.exec(after) ?? [];
    const id = this.#table.type === undefined ? after : value;
    const member = id === undefined ? undefined : this.#table.stored(id, undefined);
    if (member === undefined) throw new InvalidValueError("after", "it is not where a page ended.");
    return this.#table.type === undefined || type === undefined ? [member] : [member, type];
  }
}
