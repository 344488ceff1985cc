import { UnsupportedError } from "../../../core/index.js";
import type { PartPosition } from "../operators.js";

/** A database whose SQL can be written. */
export type SqlFilterDialect = "sqlite" | "postgres" | "mariadb";

/** What differs between the databases. Expressions come and go as text. */
export interface FilterSql {
  /** A name as an identifier, whatever characters it holds. */
  quote(identifier: string): string;
  /** The placeholder of a parameter, of which the first has the position 1. */
  placeholder(position: number): string;
  /**
   * A text as it is compared when nothing but equal characters in an equal order is equal. Its order is that of code
   * points.
   */
  exact(text: string): string;
  /** A value of any type as text. */
  asText(value: string): string;
  /** A number, for a parameter that the driver may take for something else. */
  number(parameter: string): string;
  /** An instant for a column of times, for a parameter with the text of {@link instantText}. */
  timestamp(parameter: string): string;
  instantText(iso: string): string;
  /** A boolean in a column, which may be one of integers, as 1 or 0. */
  flag(column: string): string;
  /** The condition that a text has a part. The part is not empty. */
  hasPart(at: PartPosition, text: string, part: string, bind: BindParameter): string;
  /** A column as a document of JSON. */
  document(column: string): string;
  /** The member of an object; NULL of anything else. */
  member(json: string, name: string): string;
  /** What to select from to have the elements of a list, none where it is no list; and each of them. */
  elements(json: string, alias: string): { readonly from: string; readonly element: string };
  isObject(json: string): string;
  /** The condition that there is anything but JSON's null. */
  isValue(json: string): string;
  /** The value, or NULL where it is of another type. */
  text(json: string): string;
  double(json: string): string;
  boolean(json: string): string;
}

/** Takes the value of a parameter, and returns its placeholder. */
export type BindParameter = (value: string | number) => string;

const sqlite: FilterSql = {
  quote: doubleQuoted,
  placeholder: () => "?",
  exact: (text) => `${text} collate binary`,
  asText: (value) => `cast(${value} as text)`,
  number: (parameter) => parameter,
  timestamp: noTimestamps,
  instantText: noTimestamps,
  flag: (column) => `cast(${column} as integer)`,
  // LIKE takes capital and small letters of ASCII for the same.
  hasPart(at, text, part, bind) {
    if (at === "anywhere") return `instr(${text}, ${bind(part)}) > 0`;
    const { length } = Array.from(part);
    const there = at === "start" ? `1, ${length}` : `-${length}`;
    return `substr(${text}, ${there}) = ${bind(part)}`;
  },
  document: (column) => column,
  member: (json, name) => `(${json} -> ${literal(`$."${memberName(name)}"`)})`,
  elements: (json, alias) => ({
    from: `json_each(case json_type(${json}) when 'array' then ${json} else '[]' end) as ${alias}`,
    element: `(${json} -> ${alias}.fullkey)`,
  }),
  isObject: (json) => `json_type(${json}) = 'object'`,
  isValue: (json) => `json_type(${json}) <> 'null'`,
  text: (json) => `case json_type(${json}) when 'text' then ${json} ->> '$' end`,
  double: (json) => `case when json_type(${json}) in ('integer', 'real') then ${json} ->> '$' end`,
  boolean: (json) => `case json_type(${json}) when 'true' then 1 when 'false' then 0 end`,
};

const postgres: FilterSql = {
  quote: doubleQuoted,
  placeholder: (position) => `$${position}`,
  exact: (text) => `cast(${text} as text) collate "C"`,
  asText: (value) => `cast(${value} as text)`,
  number: (parameter) => `cast(${parameter} as double precision)`,
  timestamp: (parameter) => `cast(cast(${parameter} as text) as timestamptz)`,
  instantText: (iso) => iso,
  flag: (column) => `cast(${column} as integer)`,
  hasPart: like,
  document: (column) => `cast(${column} as jsonb)`,
  member: (json, name) => `(${json} -> ${literal(memberName(name))})`,
  elements: (json, alias) => ({
    from:
      `jsonb_array_elements(case jsonb_typeof(${json}) when 'array' then ${json} ` +
      `else cast('[]' as jsonb) end) as ${alias}(value)`,
    element: `${alias}.value`,
  }),
  isObject: (json) => `jsonb_typeof(${json}) = 'object'`,
  isValue: (json) => `jsonb_typeof(${json}) <> 'null'`,
  text: (json) => `case jsonb_typeof(${json}) when 'string' then ${json} #>> '{}' end`,
  double: (json) =>
    `case jsonb_typeof(${json}) when 'number' then cast(${json} #>> '{}' as double precision) end`,
  boolean: (json) => `case ${json} #>> '{}' when 'true' then 1 when 'false' then 0 end`,
};

const mariadb: FilterSql = {
  quote: (identifier) => `\`${identifier.replaceAll("`", "``")}\``,
  placeholder: () => "?",
  exact: (text) => `convert(${text} using utf8mb4) collate utf8mb4_nopad_bin`,
  asText: (value) => `cast(${value} as char)`,
  number: (parameter) => `cast(${parameter} as double)`,
  timestamp: (parameter) => `cast(${parameter} as datetime(6))`,
  instantText: (iso) => iso.replace("T", " ").replace("Z", ""),
  flag: (column) => `cast(${column} as signed)`,
  hasPart: like,
  document: (column) => column,
  member: (json, name) => `json_extract(${json}, ${literal(`$."${memberName(name)}"`)})`,
  elements: (json, alias) => ({
    from:
      `json_table(case json_type(${json}) when 'ARRAY' then ${json} else '[]' end, ` +
      `'$[*]' columns (place for ordinality)) as ${alias}`,
    element: `json_extract(${json}, concat('$[', ${alias}.place - 1, ']'))`,
  }),
  isObject: (json) => `json_type(${json}) = 'OBJECT'`,
  isValue: (json) => `json_type(${json}) <> 'NULL'`,
  text: (json) => `case json_type(${json}) when 'STRING' then json_unquote(${json}) end`,
  double: (json) =>
    `case when json_type(${json}) in ('INTEGER', 'DOUBLE') then cast(json_unquote(${json}) as double) end`,
  boolean: (json) =>
    `case json_type(${json}) when 'BOOLEAN' then json_unquote(${json}) = 'true' end`,
};

/** How each database writes what the others write differently. */
export function filterSql(dialect: SqlFilterDialect): FilterSql {
  switch (dialect) {
    case "sqlite":
      return sqlite;
    case "postgres":
      return postgres;
    case "mariadb":
      return mariadb;
  }
}

function like(at: PartPosition, text: string, part: string, bind: BindParameter): string {
  const escaped = part.replaceAll(/[!%_]/g, "!$&");
  const before = at === "start" ? "" : "%";
  const after = at === "end" ? "" : "%";
  return `${text} like ${bind(`${before}${escaped}${after}`)} escape '!'`;
}

function doubleQuoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name for the path of a member, in which some characters would mean something else. */
function memberName(name: string): string {
  if (!name.includes('"') && !name.includes("\\")) return name;
  throw new UnsupportedError(`No SQL is written for members of JSON that are named as "${name}".`);
}

function noTimestamps(): never {
  throw new UnsupportedError("SQLite has no type for times: they are text, or milliseconds.");
}
