import { InvalidValueError } from "../core/index.js";
import type { CallOptions, MemberPage, MembersChange, Membership } from "../repositories/index.js";
import type { IdType, MemberMap } from "./column-map.js";
import { driverFailure } from "./driver-failure.js";
import { type StoredId, storedId } from "./id-column.js";
import { batches, lists } from "./parameters.js";
import { quotedTable } from "./resource-table.js";
import type { Session, StatementText } from "./session.js";

interface MemberRow {
  readonly group_id: unknown;
  readonly member_id: unknown;
  readonly type?: unknown;
}

/** The statements on the table that says who is in which group. */
export class GroupMembers {
  readonly #session: Session;
  readonly #map: MemberMap;
  readonly #groupType: IdType;
  readonly #table: string;
  readonly #group: string;
  readonly #member: string;
  /** Empty where the table does not say what a member is. */
  readonly #type: string;

  constructor(session: Session, map: MemberMap, groupType: IdType) {
    this.#session = session;
    this.#map = map;
    this.#groupType = groupType;
    this.#table = quotedTable(session, map);
    this.#group = session.dialect.quote(map.group);
    this.#member = session.dialect.quote(map.member);
    this.#type = map.type === undefined ? "" : `, ${session.dialect.quote(map.type)}`;
  }

  /** The same table in another session. */
  in(session: Session): GroupMembers {
    return new GroupMembers(session, this.#map, this.#groupType);
  }

  /** Part of the members of a group, in the order of their ids. */
  async page(
    group: StoredId,
    after: string | undefined,
    count: number,
    options?: CallOptions,
  ): Promise<MemberPage> {
    const start = after === undefined ? undefined : storedId(after, this.#map.memberType);
    if (after !== undefined && start === undefined) {
      throw new InvalidValueError("after", "it is not where a page ended.");
    }
    const rows = await this.#session.read<MemberRow>(
      (p) => `select ${this.#columns} from ${this.#table} where ${this.#group} = ${p.value(group)}
        ${start === undefined ? "" : `and ${this.#member} > ${p.value(start)}`}
        order by ${this.#member} limit ${p.value(count + 1)}`,
      options,
    );
    const members = rows.slice(0, count).map(toMember);
    const last = members.at(-1);
    return rows.length > count && last !== undefined ? { members, next: last.value } : { members };
  }

  /** All members of these groups, by the group's id. */
  async of(
    groups: readonly StoredId[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, MemberPage["members"]>> {
    const found = new Map<string, MemberPage["members"][number][]>();
    for (const part of lists(groups)) {
      const rows = await this.#session.read<MemberRow>(
        (p) => `select ${this.#columns} from ${this.#table}
          where ${this.#group} in ${p.list(part)} order by ${this.#group}, ${this.#member}`,
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
    const asked = new Map<string, Membership>();
    const stored: [StoredId, StoredId][] = [];
    for (const membership of memberships) {
      const group = storedId(membership.group, this.#groupType);
      const member = storedId(membership.member, this.#map.memberType);
      if (group === undefined || member === undefined) continue;
      const key = JSON.stringify([String(group), String(member)]);
      if (!asked.has(key)) stored.push([group, member]);
      asked.set(key, membership);
    }
    const existing: Membership[] = [];
    for (const part of lists(stored)) {
      const rows = await this.#session.read<MemberRow>(
        (p) => `select ${this.#columns} from ${this.#table}
          where (${this.#group}, ${this.#member}) in ${p.tuples(part)}`,
        options,
      );
      for (const { group_id, member_id } of rows) {
        const membership = asked.get(JSON.stringify([String(group_id), String(member_id)]));
        if (membership !== undefined) existing.push(membership);
      }
    }
    return existing;
  }

  /** The ids of the groups that a resource is in. */
  async groupsOf(memberId: string, options?: CallOptions): Promise<readonly string[]> {
    const member = storedId(memberId, this.#map.memberType);
    if (member === undefined) return [];
    const rows = await this.#session.read<MemberRow>(
      (p) => `select ${this.#columns} from ${this.#table}
        where ${this.#member} = ${p.value(member)} order by ${this.#group}`,
      options,
    );
    return rows.map((row) => String(row.group_id));
  }

  /** Adds and removes members without reading them, and returns how many came and went. */
  async change(group: StoredId, change: MembersChange, options?: CallOptions): Promise<number> {
    const { clear, remove = [], add = [] } = change;
    const added = this.#rows(group, add);
    let changed = 0;
    if (clear) {
      changed += await this.#session.write(
        (p) => `delete from ${this.#table} where ${this.#group} = ${p.value(group)}`,
        options,
      );
    }
    const removed = remove.flatMap((id) => storedId(id, this.#map.memberType) ?? []);
    for (const part of clear ? [] : lists(removed)) {
      changed += await this.#session.write(
        (p) => `delete from ${this.#table} where ${this.#group} = ${p.value(group)}
          and ${this.#member} in ${p.list(part)}`,
        options,
      );
    }
    for (const part of batches(added)) {
      changed += await this.#insert(part, (text) => this.#session.write(text, options));
    }
    return changed;
  }

  /**
   * Adds members to groups and removes members from them, with statements for all of the groups, where the database can say
   * which rows a statement wrote. Each group comes once. Returns the groups of which a member came or went.
   */
  async changeMany(
    changes: readonly { readonly group: StoredId; readonly change: MembersChange }[],
    options?: CallOptions,
  ): Promise<ReadonlySet<unknown>> {
    const added = changes.flatMap(({ group, change: { add = [] } }) => this.#rows(group, add));
    const removed = changes.flatMap(({ group, change: { remove = [] } }) =>
      remove.flatMap((id): [StoredId, StoredId][] => {
        const member = storedId(id, this.#map.memberType);
        return member === undefined ? [] : [[group, member]];
      }),
    );
    const changed = new Set<unknown>();
    const read = async (text: StatementText): Promise<void> => {
      const rows = await this.#session.read<Pick<MemberRow, "group_id">>(
        (p) => `${text(p)} returning ${this.#group} as group_id`,
        options,
      );
      for (const { group_id } of rows) changed.add(group_id);
    };
    for (const part of lists(removed)) {
      await read(
        (p) => `delete from ${this.#table}
          where (${this.#group}, ${this.#member}) in ${p.tuples(part)}`,
      );
    }
    for (const part of batches(added)) await this.#insert(part, read);
    return changed;
  }

  /** Inserts rows that are not there yet. */
  async #insert<R>(
    rows: readonly (readonly StoredId[])[],
    run: (text: StatementText) => Promise<R>,
  ): Promise<R> {
    const { onConflict } = this.#session.dialect;
    try {
      return await run(
        (p) => `insert into ${this.#table} (${this.#group}, ${this.#member}${this.#type})
          values ${p.rows(rows)} ${onConflict([this.#group, this.#member], [])}`,
      );
    } catch (error) {
      if (driverFailure(error)?.kind !== "foreignKey") throw error;
      throw new InvalidValueError("members", "one of them does not exist.", { cause: error });
    }
  }

  get #columns(): string {
    const type = this.#map.type === undefined ? "" : `${this.#type} as type`;
    return `${this.#group} as group_id, ${this.#member} as member_id${type}`;
  }

  #rows(group: StoredId, members: NonNullable<MembersChange["add"]>): StoredId[][] {
    const rows = new Map<StoredId, StoredId[]>();
    for (const { value, type } of members) {
      const member = storedId(value, this.#map.memberType);
      const memberType = this.#memberType(type);
      if (member === undefined || value === "") {
        throw new InvalidValueError("members.value", `"${value}" is not the id of a resource.`);
      }
      rows.set(member, [group, member, ...(this.#map.type === undefined ? [] : [memberType])]);
    }
    return [...rows.values()];
  }

  /** A member without a type is a user. */
  #memberType(type = "User"): "User" | "Group" {
    const known = (["User", "Group"] as const).find(
      (name) => name.toLowerCase() === type.toLowerCase(),
    );
    if (known === undefined) throw new InvalidValueError("members.type", "it is User or Group.");
    if (known === "Group" && this.#map.type === undefined) {
      throw new InvalidValueError("members.type", "the members of these groups are users.");
    }
    return known;
  }
}

function toMember({ member_id, type }: MemberRow): MemberPage["members"][number] {
  return { value: String(member_id), type: type === "Group" ? "Group" : "User" };
}
