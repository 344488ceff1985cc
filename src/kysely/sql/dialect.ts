import { type QueryExecutor, sql } from "kysely";
import { UnsupportedError } from "../../core/index.js";
import type { SqlFilterDialect } from "../../scim/index.js";
import { type FilterSql, filterSql } from "../../scim/internal.js";
import {
  type JsonReading,
  jsonPath,
  mariadbReading,
  postgresReading,
  sqliteReading,
} from "./json-reading.js";

/** The types of the columns that the package's own tables have. */
export interface ColumnTypes {
  /**
   * Text that is compared byte by byte and can be in a key; the length is in characters, where the database wants one.
   */
  key(length: number): string;
  /** Text of any length. */
  readonly text: string;
  /** A JSON document. */
  readonly json: string;
  /** 0 or 1. */
  readonly flag: string;
  /** An integer of 32 bits. */
  readonly integer: string;
  /** An integer of 64 bits, which some drivers return as a text. */
  readonly large: string;
  /** A number that the database gives to each new row and never again, which is the key. */
  readonly rowId: string;
}

/** What the conditions of filters need too: scim says how each database writes it. */
type SharedSql = Pick<FilterSql, "quote" | "exact" | "flag">;

/** What differs between the databases, by feature. */
export interface SqlDialect extends SharedSql {
  readonly name: SqlFilterDialect;
  readonly types: ColumnTypes;
  /** A text as a literal, for an expression that is to be the same as that of an index. */
  literal(text: string): string;
  /** The places of so many parameters, of which the first has this position, which counts from 1. */
  places(position: number, count: number): string;
  /** A list of tuples after `in`, given the tuples. */
  tuples(tuples: string): string;
  /** The most tuples in such a list. */
  readonly tuplesPerStatement: number;
  /**
   * The end of an insert that updates these columns of a row that is there; none of them: leaves it as it is. Columns
   * of integers among `raised`, given with the table, get the greater of both values.
   */
  onConflict(
    key: readonly string[],
    columns: readonly string[],
    raised?: { readonly table: string; readonly columns: readonly string[] },
  ): string;
  /** The end of an insert that computes a column of a row that is there from what is stored and what was given. */
  onConflictSet(
    key: readonly string[],
    table: string,
    column: string,
    value: (stored: string, given: string) => string,
  ): string;
  /** What follows the definition of a table with a narrow key, where the database can keep the rows in its index. */
  readonly keyedTable: string;
  /** The end of an insert that passes over rows that any unique key stands against, where the database can do that. */
  readonly onAnyConflict: string;
  /** Whether an insert that passes over rows that are there counts and returns the others only. */
  readonly tellsInserted: boolean;
  /** The end of a select that keeps the row from being changed or deleted until the transaction ends. */
  readonly lockRow: string;
  /** The end of a select that keeps rows from being deleted until the transaction ends, and lets others do the same. */
  readonly shareRow: string;
  /** What transactions are to see of others, where it is not what they see anyway. */
  readonly isolation?: "read committed";
  /** Whether an index can be on part of the rows. */
  readonly partialIndexes: boolean;
  /**
   * A statement that makes others who make tables wait, until the transaction ends or until `unlockDefinitions`, where
   * two who make one table at once are in each other's way.
   */
  readonly lockDefinitions?: string;
  readonly unlockDefinitions?: string;
  /**
   * A question that has a row where there is a table of this name, in the schema where an unqualified name is looked
   * for.
   */
  tableQuestion(name: string): string;
  /** A question that has a row where that table has a column of this name. */
  columnQuestion(table: string, column: string): string;
  /** Statements that rename tables, all of them or none; names are quoted. */
  renameTables(names: readonly (readonly [from: string, to: string])[]): readonly string[];
  /** A statement that drops an index where it is there; names are quoted. */
  dropIndex(table: string, index: string): string;
  /** The greater of two integers. */
  greatest(one: string, other: string): string;
  /** Whether making or removing a table commits the transaction that is under way. */
  readonly definitionsCommit: boolean;
  /** Whether a statement that fails ends the transaction that it is in, unless a savepoint guards it. */
  readonly failureEndsTransaction: boolean;
  readonly json: JsonReading;
  /** The condition that two values differ, NULL being a value like others. */
  differs(one: string, other: string): string;
  /** The condition that a member of the JSON object in the column is another value, or is not there. */
  memberDiffers(
    column: string,
    name: string,
    json: string,
    place: (value: unknown) => string,
  ): string;
  /** The condition that the JSON object in the column has a member. */
  hasMember(column: string, name: string, place: (value: unknown) => string): string;
  /**
   * An expression: the JSON object in the column with some members set, given as pairs, and some removed. A column
   * without an object, since it is NULL or JSON's `null`, counts as an empty one: a member set in NULL would be lost
   * without a word.
   */
  changedJson(
    column: string,
    set: readonly { readonly name: string; readonly json: string }[],
    remove: readonly string[],
    place: (value: unknown) => string,
  ): string;
}

const sqlite: SqlDialect = {
  ...sharedBy("sqlite"),
  types: {
    key: () => "text",
    text: "text",
    json: "text",
    flag: "integer",
    integer: "integer",
    large: "integer",
    rowId: "integer primary key autoincrement",
  },
  literal,
  places: unnumbered,
  tuples: (tuples) => `(values ${tuples})`,
  tuplesPerStatement: 512,
  onConflict: updateExcluded,
  onConflictSet: setExcluded,
  keyedTable: " without rowid",
  onAnyConflict: "on conflict do nothing",
  tellsInserted: true,
  // A transaction that writes has the database to itself.
  lockRow: "",
  shareRow: "",
  partialIndexes: true,
  tableQuestion: (name) =>
    `select name from sqlite_master where type = 'table' and name = ${literal(name)}`,
  columnQuestion: (table, column) =>
    `select name from pragma_table_info(${literal(table)}) where name = ${literal(column)}`,
  renameTables: renameOneByOne,
  dropIndex: (_, index) => `drop index if exists ${index}`,
  greatest: (one, other) => `max(${one}, ${other})`,
  definitionsCommit: false,
  failureEndsTransaction: false,
  json: sqliteReading,
  differs: (one, other) => `${one} is not ${other}`,
  memberDiffers: (column, name, json, place) =>
    `(${column} -> ${place(jsonPath(name))}) is not json(${place(json)})`,
  hasMember: (column, name, place) => `json_type(${column}, ${place(jsonPath(name))}) is not null`,
  changedJson(column, set, remove, place) {
    const object = `coalesce(nullif(${column}, 'null'), '{}')`;
    const removed = remove.map((name) => `, ${place(jsonPath(name))}`).join("");
    const kept = remove.length > 0 ? `json_remove(${object}${removed})` : object;
    const members = set
      .map(({ name, json }) => `, ${place(jsonPath(name))}, json(${place(json)})`)
      .join("");
    return set.length > 0 ? `json_set(${kept}${members})` : kept;
  },
};

const postgres: SqlDialect = {
  ...sharedBy("postgres"),
  types: {
    key: () => 'text collate "C"',
    text: "text",
    json: "jsonb",
    flag: "smallint",
    integer: "integer",
    large: "bigint",
    rowId: "bigint generated by default as identity primary key",
  },
  literal,
  places: (position, count) =>
    Array.from({ length: count }, (_, index) => `$${position + index}`).join(", "),
  tuples: (tuples) => `(${tuples})`,
  tuplesPerStatement: 512,
  onConflict: updateExcluded,
  onConflictSet: setExcluded,
  keyedTable: "",
  onAnyConflict: "on conflict do nothing",
  tellsInserted: true,
  lockRow: "for update",
  shareRow: "for key share",
  partialIndexes: true,
  // The number stands for the name of this package in its database.
  lockDefinitions: "select pg_advisory_xact_lock(hashtext('concordat'))",
  tableQuestion: (name) =>
    `select 1 from information_schema.tables where table_schema = current_schema() and table_name = ${literal(name)}`,
  columnQuestion: (table, column) =>
    `select 1 from information_schema.columns where table_schema = current_schema() and table_name = ${literal(table)} and column_name = ${literal(column)}`,
  renameTables: renameOneByOne,
  dropIndex: (_, index) => `drop index if exists ${index}`,
  greatest: (one, other) => `greatest(${one}, ${other})`,
  definitionsCommit: false,
  failureEndsTransaction: true,
  json: postgresReading,
  differs: (one, other) => `${one} is distinct from ${other}`,
  memberDiffers: (column, name, json, place) =>
    `(cast(${column} as jsonb) -> cast(${place(name)} as text)) is distinct from cast(${place(json)} as jsonb)`,
  hasMember: (column, name, place) =>
    `(cast(${column} as jsonb) -> cast(${place(name)} as text)) is not null`,
  changedJson(column, set, remove, place) {
    // The column may be one of text.
    const object = `coalesce(nullif(cast(${column} as jsonb), cast('null' as jsonb)), cast('{}' as jsonb))`;
    const removed = remove.map((name) => ` - cast(${place(name)} as text)`).join("");
    const members = set
      .map(
        ({ name, json }) =>
          ` || jsonb_build_object(cast(${place(name)} as text), cast(${place(json)} as jsonb))`,
      )
      .join("");
    return `(${object}${removed}${members})`;
  },
};

/**
 * MySQL, which shares the quotes and the drivers, has neither the collation nor indexes that are made unless they are
 * there.
 */
const mariadb: SqlDialect = {
  ...sharedBy("mariadb"),
  types: {
    key: (length) => `varchar(${length}) character set utf8mb4 collate utf8mb4_nopad_bin`,
    text: "longtext character set utf8mb4 collate utf8mb4_nopad_bin",
    json: "json",
    flag: "smallint",
    integer: "integer",
    large: "bigint",
    rowId: "bigint not null auto_increment primary key",
  },
  // The mode in which a backslash is one like others is refused.
  literal: (text) => literal(text.replaceAll("\\", "\\\\")),
  places: unnumbered,
  tuples: (tuples) => `(${tuples})`,
  // It looks for each of them in time that grows with all: 512 take ten times as long as four times 128.
  tuplesPerStatement: 128,
  onConflict(key, columns, raised) {
    const updated = columns.length > 0 ? columns : key.slice(0, 1);
    const value = (column: string) => {
      if (columns.length === 0) return column;
      const isRaised = raised?.columns.includes(column) === true;
      return isRaised ? `greatest(${column}, values(${column}))` : `values(${column})`;
    };
    return `on duplicate key update ${updated.map((column) => `${column} = ${value(column)}`).join(", ")}`;
  },
  onConflictSet: (_key, table, column, value) =>
    `on duplicate key update ${column} = ${value(`${table}.${column}`, `values(${column})`)}`,
  keyedTable: "",
  // What there is, `insert ignore`, makes values fit that do not.
  onAnyConflict: "",
  tellsInserted: false,
  lockRow: "for update",
  shareRow: "lock in share mode",
  // By default a transaction sees everything as it was at its beginning, except in what it changes: it would not find
  // whoever has a name that it cannot get.
  isolation: "read committed",
  partialIndexes: false,
  // A name of the server, not of the database.
  lockDefinitions: "select get_lock(concat('concordat ', database()), 600)",
  unlockDefinitions: "select release_lock(concat('concordat ', database()))",
  tableQuestion: (name) =>
    `select 1 from information_schema.tables where table_schema = database() and table_name = ${literal(name)}`,
  columnQuestion: (table, column) =>
    `select 1 from information_schema.columns where table_schema = database() and table_name = ${literal(table)} and column_name = ${literal(column)}`,
  renameTables: (names) => [
    `rename table ${names.map(([from, to]) => `${from} to ${to}`).join(", ")}`,
  ],
  dropIndex: (table, index) => `drop index if exists ${index} on ${table}`,
  greatest: (one, other) => `greatest(${one}, ${other})`,
  definitionsCommit: true,
  failureEndsTransaction: false,
  json: mariadbReading,
  differs: (one, other) => `not (${one} <=> ${other})`,
  memberDiffers(column, name, json, place) {
    const stored = `json_compact(json_extract(${column}, ${place(jsonPath(name))}))`;
    return `not (${this.exact(stored)} <=> ${this.exact(`json_compact(${place(json)})`)})`;
  },
  hasMember: (column, name, place) =>
    `json_extract(${column}, ${place(jsonPath(name))}) is not null`,
  changedJson(column, set, remove, place) {
    const object = `coalesce(nullif(${column}, 'null'), '{}')`;
    const removed = remove.map((name) => `, ${place(jsonPath(name))}`).join("");
    const kept = remove.length > 0 ? `json_remove(${object}${removed})` : object;
    const members = set
      .map(({ name, json }) => `, ${place(jsonPath(name))}, json_extract(${place(json)}, '$')`)
      .join("");
    return set.length > 0 ? `json_set(${kept}${members})` : kept;
  },
};

/**
 * The dialect of a database, known by how its compiler quotes a name. That holds for every driver and wrapper of a
 * database, and where two copies of Kysely are loaded; the class of the adapter does neither. MySQL quotes as MariaDB
 * does: {@link assertMariaDb} tells it apart.
 *
 * @throws {UnsupportedError} the database is none of the three.
 */
export function dialectOf(db: { getExecutor(): QueryExecutor }): SqlDialect {
  const text = sql`${sql.id("a")} = ${1}`.compile(db).sql;
  switch (text) {
    case '"a" = ?':
      return sqlite;
    case '"a" = $1':
      return postgres;
    case "`a` = ?":
      return mariadb;
    default:
      throw new UnsupportedError("The database is not SQLite, PostgreSQL or MariaDB.");
  }
}

function sharedBy(name: SqlFilterDialect): SharedSql & { readonly name: SqlFilterDialect } {
  const { quote, exact, flag } = filterSql(name);
  return { name, quote, exact, flag };
}

/** A batch has thousands of parameters: repeating is faster than joining. */
function unnumbered(_position: number, count: number): string {
  return count === 0 ? "" : `${"?, ".repeat(count - 1)}?`;
}

function updateExcluded(
  this: SqlDialect,
  key: readonly string[],
  columns: readonly string[],
  raised?: { readonly table: string; readonly columns: readonly string[] },
): string {
  const target = `on conflict (${key.join(", ")}) do`;
  if (columns.length === 0) return `${target} nothing`;
  const value = (column: string) =>
    raised?.columns.includes(column) === true
      ? this.greatest(`${raised.table}.${column}`, `excluded.${column}`)
      : `excluded.${column}`;
  return `${target} update set ${columns.map((column) => `${column} = ${value(column)}`).join(", ")}`;
}

function setExcluded(
  key: readonly string[],
  table: string,
  column: string,
  value: (stored: string, given: string) => string,
): string {
  const next = value(`${table}.${column}`, `excluded.${column}`);
  return `on conflict (${key.join(", ")}) do update set ${column} = ${next}`;
}

/** Where definitions are part of a transaction. */
function renameOneByOne(names: readonly (readonly [from: string, to: string])[]): string[] {
  return names.map(([from, to]) => `alter table ${from} rename to ${to}`);
}

/** A text as a literal, where a backslash is a character like others. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
