import { InvalidValueError } from "../../core/index.js";
import type { MemberPage, MembersChange, Membership } from "../../repositories/index.js";
import type { IdType, MemberMap } from "../column-map/column-map.js";
import { exactId, isAmong, isId, type StoredId, storedId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import type { SqlDialect } from "../sql/dialect.js";
import type { Parameters } from "../sql/parameters.js";

/** A row that is read, by {@link MemberTable.columns}. */
export interface MemberRow {
  readonly group_id: unknown;
  readonly member_id: unknown;
  readonly type?: unknown;
}

/** The table of the members of groups: its name, its columns, and conditions on its rows. */
export class MemberTable {
  readonly name: string;
  readonly group: string;
  readonly member: string;
  /** Absent where the table does not say what a member is. */
  readonly type: string | undefined;
  readonly #dialect: SqlDialect;
  readonly #map: MemberMap;
  readonly #groupType: IdType;
  /** Whether the columns themselves distinguish all texts, as those of the package's own tables do. */
  readonly #isExact: boolean;

  constructor(dialect: SqlDialect, map: MemberMap, groupType: IdType, isExact: boolean) {
    this.#dialect = dialect;
    this.#map = map;
    this.#groupType = groupType;
    this.#isExact = isExact;
    this.name = quotedTable(dialect, map);
    this.group = dialect.quote(map.group);
    this.member = dialect.quote(map.member);
    if (map.type !== undefined) this.type = dialect.quote(map.type);
  }

  /** Whether a unique key of the table may take ids for one that differ in case alone. */
  get mayMergeIds(): boolean {
    const { memberType = "text" } = this.#map;
    return !this.#isExact && (memberType === "text" || this.#groupType === "text");
  }

  isGroup(p: Parameters, id: StoredId): string {
    return this.#is(p, this.group, id, this.#groupType);
  }

  isMember(p: Parameters, id: StoredId): string {
    return this.#is(p, this.member, id, this.#map.memberType);
  }

  #is(p: Parameters, column: string, id: StoredId, type: IdType | undefined): string {
    return this.#isExact ? `${column} = ${p.value(id)}` : isId(p, column, id, type);
  }

  areMembers(p: Parameters, ids: readonly StoredId[]): string {
    return this.#isExact
      ? `${this.member} in ${p.list(ids)}`
      : isAmong(p, this.member, ids, this.#map.memberType);
  }

  /** The condition that rows are among these, by their first columns. */
  areRows(
    p: Parameters,
    columns: readonly string[],
    rows: readonly (readonly StoredId[])[],
  ): string {
    const plain = p.among(columns, rows);
    if (this.#isExact) return plain;
    const dialect = this.#dialect;
    const exact = [
      exactId(dialect, this.group, this.#groupType),
      exactId(dialect, this.member, this.#map.memberType),
    ];
    return `${plain} and ${p.among(exact, rows)}`;
  }

  /** The id of a group in its column; `undefined` where no group can have it. */
  storedGroup(value: string): StoredId | undefined {
    return storedId(value, this.#groupType);
  }

  /** The id of a member in its column; `undefined` where no resource of the type can be a member. */
  stored(value: string, type: Membership["type"]): StoredId | undefined {
    if (type === "Group" && this.type === undefined) return undefined;
    return storedId(value, this.#map.memberType);
  }

  /** The rest of a condition, for members of one type. Where the table has no types, all are users. */
  ofType(type: Membership["type"], p: Parameters): string {
    return type === undefined || this.type === undefined
      ? ""
      : ` and ${this.type} = ${p.value(type)}`;
  }

  get rowColumns(): string[] {
    return [this.group, this.member, this.type ?? []].flat();
  }

  get columns(): string {
    const type = this.type === undefined ? "" : `, ${this.type} as type`;
    return `${this.group} as group_id, ${this.member} as member_id${type}`;
  }

  rows(group: StoredId, members: NonNullable<MembersChange["add"]>): StoredId[][] {
    const rows = new Map<string, StoredId[]>();
    for (const { value, type } of members) {
      const member = storedId(value, this.#map.memberType);
      const memberType = this.#memberType(type);
      if (member === undefined || value === "") {
        throw new InvalidValueError("members.value", `"${value}" is not the id of a resource.`);
      }
      const row = [group, member, ...(this.type === undefined ? [] : [memberType])];
      rows.set(rowKey(row), row);
    }
    return [...rows.values()];
  }

  /** A member without a type is a user. */
  #memberType(type = "User"): "User" | "Group" {
    const known = (["User", "Group"] as const).find(
      (name) => name.toLowerCase() === type.toLowerCase(),
    );
    if (known === undefined) throw new InvalidValueError("members.type", "it is User or Group.");
    if (known === "Group" && this.type === undefined) {
      throw new InvalidValueError("members.type", "the members of these groups are users.");
    }
    return known;
  }
}

/** A row as a key of a map. No id holds U+0000. */
export function rowKey(row: readonly unknown[]): string {
  return row.join("\u0000");
}

/** A membership as a key of a map. */
export function membershipKey(group: unknown, member: unknown): string {
  return `${String(group)}\u0000${String(member)}`;
}

export function toMember({ member_id, type }: MemberRow): MemberPage["members"][number] {
  return { value: String(member_id), type: type === "Group" ? "Group" : "User" };
}
