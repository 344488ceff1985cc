import { type QueryExecutor, sql } from "kysely";
import { UnsupportedError } from "../../core/index.js";
import type { SqlFilterDialect } from "../../scim/index.js";
import { type BindParameter, type FilterSql, filterSql } from "../../scim/internal.js";

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
  /** A number that the database assigns to each new row and never again, which is the key. */
  readonly rowId: string;
}

/** What differs between the databases, by feature, beside what the conditions of filters need. */
export interface SqlDialect extends FilterSql {
  readonly name: SqlFilterDialect;
  readonly types: ColumnTypes;
  /** A text as a literal, for an expression that is to be the same as that of an index. */
  literal(text: string): string;
  /** The placeholders of so many parameters, of which the first has this position, which counts from 1. */
  placeholders(position: number, count: number): string;
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
  /** The end of an insert that skips rows that a unique key forbids, where the database can do that. */
  readonly onAnyConflict: string;
  /** Whether an insert that skips rows that exist counts and returns the others only. */
  readonly returnsInsertedOnly: boolean;
  /** The end of a select that keeps the row from being changed or deleted until the transaction ends. */
  readonly lockRow: string;
  /** The end of a select that keeps rows from being deleted until the transaction ends, and lets others do the same. */
  readonly shareRow: string;
  /** What transactions are to see of others, where it is not what they see anyway. */
  readonly isolation?: "read committed";
  /** Whether an index can be on part of the rows. */
  readonly partialIndexes: boolean;
  /**
   * A statement that makes other processes that create tables wait, until the transaction ends or until
   * `unlockDefinitions`, where two that create one table at once would fail.
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
  /** A text, a number or a flag as a floating point number, for an order. */
  real(value: string): string;
  /** The value at the end of these members of a document of JSON, as text; NULL where there is none. */
  textAt(column: string, members: readonly string[]): string;
  /** The same within the primary element of the list at the end of `members`, or else within the first element. */
  primaryTextAt(column: string, members: readonly string[], inner: readonly string[]): string;
  /** The condition that two values differ, NULL being a value like others. */
  differs(one: string, other: string): string;
  /** The condition that a member of the JSON object in the column is another value, or is not there. */
  memberDiffers(column: string, name: string, json: string, bind: BindParameter): string;
  /** The condition that the JSON object in the column has a member. */
  hasMember(column: string, name: string, bind: BindParameter): string;
  /**
   * An expression: the JSON object in the column with some members set, given as pairs, and some removed. A column
   * without an object, since it is NULL or JSON's `null`, counts as an empty one: a member set in NULL would be lost
   * without a word.
   */
  changedJson(
    column: string,
    set: readonly { readonly name: string; readonly json: string }[],
    remove: readonly string[],
    bind: BindParameter,
  ): string;
}

/** What SQLite has from PostgreSQL. */
const shared = {
  onConflict: updateExcluded,
  onConflictSet: setExcluded,
  onAnyConflict: "on conflict do nothing",
  returnsInsertedOnly: true,
  renameTables: renameOneByOne,
  dropIndex: (_, index) => `drop index if exists ${index}`,
  definitionsCommit: false,
  partialIndexes: true,
  tuplesPerStatement: 512,
  literal,
} satisfies Partial<SqlDialect>;

const sqlite: SqlDialect = {
  ...filterSql("sqlite"),
  ...shared,
  name: "sqlite",
  types: {
    key: () => "text",
    text: "text",
    json: "text",
    flag: "integer",
    integer: "integer",
    large: "integer",
    rowId: "integer primary key autoincrement",
  },
  placeholders: unnumbered,
  tuples: (tuples) => `(values ${tuples})`,
  keyedTable: " without rowid",
  // A transaction that writes has the database to itself.
  lockRow: "",
  shareRow: "",
  tableQuestion: (name) =>
    `select name from sqlite_master where type = 'table' and name = ${literal(name)}`,
  columnQuestion: (table, column) =>
    `select name from pragma_table_info(${literal(table)}) where name = ${literal(column)}`,
  greatest: (one, other) => `max(${one}, ${other})`,
  failureEndsTransaction: false,
  real: (value) => `cast(${value} as real)`,
  textAt: sqliteText,
  primaryTextAt(column, members, inner) {
    const object = "case e.type when 'object' then e.value end";
    const text =
      inner.length === 0
        ? "e.atom"
        : `case e.type when 'object' then ${sqliteText("e.value", inner)} end`;
    return `(select ${text} from json_each(${column}, ${literal(jsonPath(members))}) as e
      order by coalesce(json_extract(${object}, '$.primary'), 0) desc, e.id limit 1)`;
  },
  differs: (one, other) => `${one} is not ${other}`,
  memberDiffers: (column, name, json, bind) =>
    `(${column} -> ${bind(jsonPath([name]))}) is not json(${bind(json)})`,
  hasMember: (column, name, bind) => `json_type(${column}, ${bind(jsonPath([name]))}) is not null`,
  changedJson: changedByPath((text) => `json(${text})`),
};

const postgres: SqlDialect = {
  ...filterSql("postgres"),
  ...shared,
  name: "postgres",
  types: {
    key: () => 'text collate "C"',
    text: "text",
    json: "jsonb",
    flag: "smallint",
    integer: "integer",
    large: "bigint",
    rowId: "bigint generated by default as identity primary key",
  },
  placeholders: (position, count) =>
    Array.from({ length: count }, (_, index) => `$${position + index}`).join(", "),
  tuples: (tuples) => `(${tuples})`,
  keyedTable: "",
  lockRow: "for update",
  shareRow: "for key share",
  // The number stands for the name of this package in its database.
  lockDefinitions: "select pg_advisory_xact_lock(hashtext('concordat'))",
  ...questionsIn("current_schema()"),
  greatest: (one, other) => `greatest(${one}, ${other})`,
  failureEndsTransaction: true,
  real: (value) => `cast(${value} as double precision)`,
  textAt: (column, members) => postgresText(`cast(${column} as jsonb)`, members),
  primaryTextAt(column, members, inner) {
    const list = postgresMember(`cast(${column} as jsonb)`, members);
    const elements = `case jsonb_typeof(${list}) when 'array' then ${list} end`;
    return `(select ${postgresText("e.value", inner)}
        from jsonb_array_elements(${elements}) with ordinality as e(value, place)
        order by ((e.value -> 'primary') = cast('true' as jsonb)) is true desc, e.place limit 1)`;
  },
  differs: (one, other) => `${one} is distinct from ${other}`,
  memberDiffers: (column, name, json, bind) =>
    `(cast(${column} as jsonb) -> cast(${bind(name)} as text)) is distinct from cast(${bind(json)} as jsonb)`,
  hasMember: (column, name, bind) =>
    `(cast(${column} as jsonb) -> cast(${bind(name)} as text)) is not null`,
  changedJson(column, set, remove, bind) {
    // The column may be one of text.
    const object = `coalesce(nullif(cast(${column} as jsonb), cast('null' as jsonb)), cast('{}' as jsonb))`;
    const removed = remove.map((name) => ` - cast(${bind(name)} as text)`).join("");
    const members = set
      .map(
        ({ name, json }) =>
          ` || jsonb_build_object(cast(${bind(name)} as text), cast(${bind(json)} as jsonb))`,
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
  ...filterSql("mariadb"),
  name: "mariadb",
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
  literal: mariadbLiteral,
  placeholders: unnumbered,
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
  returnsInsertedOnly: false,
  lockRow: "for update",
  shareRow: "lock in share mode",
  // By default a transaction sees everything as it was at its beginning, except in what it changes: it would not find
  // the row with a name that it cannot get.
  isolation: "read committed",
  partialIndexes: false,
  // A name of the server, not of the database.
  lockDefinitions: "select get_lock(concat('concordat ', database()), 600)",
  unlockDefinitions: "select release_lock(concat('concordat ', database()))",
  ...questionsIn("database()"),
  renameTables: (names) => [
    `rename table ${names.map(([from, to]) => `${from} to ${to}`).join(", ")}`,
  ],
  dropIndex: (table, index) => `drop index if exists ${index} on ${table}`,
  greatest: (one, other) => `greatest(${one}, ${other})`,
  definitionsCommit: true,
  failureEndsTransaction: false,
  real: (value) => `cast(${value} as double)`,
  textAt: mariadbText,
  primaryTextAt: (column, members, inner) => `(select ${mariadbText("e.value", inner)}
      from json_table(json_extract(${column}, ${mariadbLiteral(jsonPath(members))}), '$[*]'
        columns (place for ordinality, value json path '$', is_primary varchar(5) path '$.primary')) as e
      order by coalesce(e.is_primary in ('1', 'true'), 0) desc, e.place limit 1)`,
  differs: (one, other) => `not (${one} <=> ${other})`,
  memberDiffers(column, name, json, bind) {
    const stored = `json_compact(json_extract(${column}, ${bind(jsonPath([name]))}))`;
    return `not (${this.exact(stored)} <=> ${this.exact(`json_compact(${bind(json)})`)})`;
  },
  hasMember: (column, name, bind) =>
    `json_extract(${column}, ${bind(jsonPath([name]))}) is not null`,
  changedJson: changedByPath((text) => `json_extract(${text}, '$')`),
};

/**
 * The dialect of a database, known by how its compiler quotes a name. That holds for every driver and wrapper of a
 * database, and where two copies of Kysely are loaded; the class of the adapter does neither. MySQL quotes as MariaDB
 * does: {@link assertMariaDb} distinguishes it.
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

/** Where the schema of unqualified names is this one. */
function questionsIn(schema: string): Pick<SqlDialect, "tableQuestion" | "columnQuestion"> {
  const select = (from: string, name: string): string =>
    `select 1 from information_schema.${from} where table_schema = ${schema} and table_name = ${literal(name)}`;
  return {
    tableQuestion: (name) => select("tables", name),
    columnQuestion: (table, column) =>
      `${select("columns", table)} and column_name = ${literal(column)}`,
  };
}

/** Where definitions are part of a transaction. */
function renameOneByOne(names: readonly (readonly [from: string, to: string])[]): string[] {
  return names.map(([from, to]) => `alter table ${from} rename to ${to}`);
}

/** A text as a literal, where a backslash is a character like others. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function mariadbLiteral(text: string): string {
  return literal(text.replaceAll("\\", "\\\\"));
}

function changedByPath(asJson: (text: string) => string): SqlDialect["changedJson"] {
  return (column, set, remove, bind) => {
    const object = `coalesce(nullif(${column}, 'null'), '{}')`;
    const removed = remove.map((name) => `, ${bind(jsonPath([name]))}`).join("");
    const kept = remove.length > 0 ? `json_remove(${object}${removed})` : object;
    const members = set.map(
      ({ name, json }) => `, ${bind(jsonPath([name]))}, ${asJson(bind(json))}`,
    );
    return set.length > 0 ? `json_set(${kept}${members.join("")})` : kept;
  };
}

function sqliteText(json: string, members: readonly string[]): string {
  const path = literal(jsonPath(members));
  return `case json_type(${json}, ${path}) when 'true' then 'true' when 'false' then 'false'
    else ${json} ->> ${path} end`;
}

function postgresMember(json: string, members: readonly string[]): string {
  return members.reduce((inside, name) => `(${inside} -> cast(${literal(name)} as text))`, json);
}

function postgresText(json: string, members: readonly string[]): string {
  return `(${postgresMember(json, members)} #>> '{}')`;
}

function mariadbText(json: string, members: readonly string[]): string {
  return `json_unquote(nullif(json_extract(${json}, ${mariadbLiteral(jsonPath(members))}), 'null'))`;
}

/** The path of what is within these members; the names of SCIM attributes hold no quotation mark. */
function jsonPath(members: readonly string[]): string {
  return `$${members.map((name) => `."${name}"`).join("")}`;
}
