import { caseless, caselessSpellings, UnsupportedError } from "../../../core/index.js";
import type { Attribute } from "../../schema/attribute.js";
import type { BoundComparison } from "../bound-filter.js";
import { instantOf } from "../instant.js";
import { equality, type PositiveOperator } from "../operators.js";
import { textTest } from "../text.js";
import type { SqlColumn, SqlJson } from "./columns.js";
import type { BindParameter, FilterSql } from "./dialect.js";

/** One value of an attribute, or one that is absent. Each condition is true, or else false or NULL. */
export interface SqlValue {
  /** The condition that it is not absent. */
  readonly exists: string;
  /** The condition that the operator `pr` sees it. */
  readonly present: string;
  /** The condition of a comparison. */
  compare(operator: PositiveOperator, value: BoundComparison["value"]): string;
}

/** What is needed to write a condition. */
export interface Writing {
  readonly sql: FilterSql;
  readonly bind: BindParameter;
}

/** The condition that nothing meets. */
const never = "1 = 0";

/** A value in a column. */
export function columnValue(
  mapped: string | SqlColumn,
  qualifier: string,
  attribute: Attribute,
  writing: Writing,
): SqlValue {
  const { sql, bind } = writing;
  const stated: SqlColumn = typeof mapped === "string" ? { column: mapped } : mapped;
  const name = `${qualifier}.${sql.quote(stated.column)}`;
  const { type } = attribute;
  const isText = type !== "boolean" && type !== "dateTime" && !isNumber(type);
  const text = textOf(stated, name, sql);
  const { unassigned } = stated;
  const isAssigned =
    unassigned === undefined || type === "boolean"
      ? undefined
      : `${isText ? text : name} <> ${bind(unassigned)}`;
  const assigned = (condition: string): string =>
    isAssigned === undefined ? condition : `(${condition} and ${isAssigned})`;
  const exists = assigned(`${name} is not null`);
  return {
    exists,
    present: isText ? assigned(`${text} <> ''`) : exists,
    compare(operator, value) {
      if (typeof value === "boolean") {
        return `${sql.flag(name)} = ${Number(value !== (stated.invert ?? false))}`;
      }
      if (typeof value === "number") {
        return assigned(`${name} ${ordering(operator).sql} ${sql.number(bind(value))}`);
      }
      if (type === "dateTime") {
        return assigned(compareInstant(name, stated.instant ?? "text", operator, value, writing));
      }
      return assigned(compareColumnText(stated, qualifier, attribute, operator, value, writing));
    },
  };
}

/** A value that is the same in every row, or that none has. */
export function constantValue(
  constant: string | boolean | undefined,
  attribute: Attribute,
): SqlValue {
  const is = (condition: boolean): string => (condition ? "1 = 1" : never);
  return {
    exists: is(constant !== undefined),
    present: is(constant !== undefined && constant !== ""),
    compare(operator, value) {
      if (typeof constant !== "string" || typeof value !== "string") {
        return is(operator === equality && constant === value);
      }
      return is(textTest(operator, value, attribute.caseExact)(constant));
    },
  };
}

/** The text in a column, which may be one of ids that are not text. */
function textOf({ type = "text" }: SqlColumn, name: string, sql: FilterSql): string {
  return sql.exact(type === "text" ? name : sql.asText(name));
}

function compareColumnText(
  stated: SqlColumn,
  qualifier: string,
  { caseExact }: Attribute,
  operator: PositiveOperator,
  value: string,
  writing: Writing,
): string {
  const { sql, bind } = writing;
  const { column, key, lower, type = "text" } = stated;
  const name = `${qualifier}.${sql.quote(column)}`;
  if (!caseExact && key === undefined && !lower) {
    throw new UnsupportedError(
      `The column "${column}" has no key, by which text is compared that is not case exact: ` +
        'name a column of keys, or say "lower".',
    );
  }
  if (type !== "text") {
    if (operator !== equality)
      return compareText(textOf(stated, name, sql), operator, value, writing);
    const id = type === "integer" ? integerOf(value) : uuidOf(value);
    return id === undefined ? never : `${name} = ${bind(id)}`;
  }
  const ofKey = key === undefined ? `lower(${name})` : `${qualifier}.${sql.quote(key)}`;
  if (!caseExact && lower === true && operator === equality) {
    if (value.includes("\u0000")) return never;
    return amongSpellings(ofKey, key, value, writing);
  }
  const compared = caseExact ? name : ofKey;
  const sought = caseExact ? value : caseless(value);
  const condition = compareText(sql.exact(compared), operator, sought, writing);
  // An index serves the plain comparison, which some collations take for met by more than the exact one.
  const isIndexed = operator === equality && condition !== never;
  return isIndexed ? `(${compared} = ${bind(sought)} and ${condition})` : condition;
}

/**
 * The condition that a text is equal to a value in any case, by the database's own `lower`. What that leaves as it is,
 * such as all but ASCII in SQLite, or what it does not compose, is found as it is written.
 */
function amongSpellings(
  compared: string,
  key: string | undefined,
  value: string,
  { sql, bind }: Writing,
): string {
  // The database may make a key in the very form that the package has.
  const own = key === undefined ? [] : [caseless(value)];
  const spellings = caselessSpellings(value);
  const sought = (): string[] => [
    ...own.map(bind),
    ...spellings.map((spelling) => `lower(${bind(spelling)})`),
  ];
  const isOneOf = (text: string): string => {
    const [first, ...others] = sought();
    return others.length === 0
      ? `${text} = ${first}`
      : `${text} in (${[first, ...others].join(", ")})`;
  };
  return `(${isOneOf(compared)} and ${isOneOf(sql.exact(compared))})`;
}

/** The value of an id in a column of integers, if it is one as it is written there. */
function integerOf(id: string): number | undefined {
  const integer = Number(id);
  return Number.isSafeInteger(integer) && String(integer) === id ? integer : undefined;
}

/** The value of an id in a column of UUIDs, if it is one as it is written there. */
function uuidOf(id: string): string | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}

/** A value in a document of JSON. */
export function jsonValue(
  json: string,
  stated: SqlJson,
  attribute: Attribute,
  writing: Writing,
): SqlValue {
  const { sql, bind } = writing;
  const { type, caseExact } = attribute;
  const exists = sql.isValue(json);
  const text = sql.exact(`(${sql.text(json)})`);
  const isText = type !== "boolean" && !isNumber(type);
  return {
    exists,
    present: isText ? `${text} <> ''` : exists,
    compare(operator, value) {
      if (typeof value === "boolean") return `(${sql.boolean(json)}) = ${Number(value)}`;
      if (typeof value === "number") {
        return `(${sql.double(json)}) ${ordering(operator).sql} ${sql.number(bind(value))}`;
      }
      if (type === "dateTime") {
        throw new UnsupportedError(
          `In JSON, "${attribute.name}" is text that may state any offset, and cannot be compared.`,
        );
      }
      if (caseExact) return compareText(text, operator, value, writing);
      if (stated.compared) return compareText(text, operator, caseless(value), writing);
      throw new UnsupportedError(
        `The column "${stated.json}" is not in the form in which text is compared that is not case exact.`,
      );
    },
  };
}

function compareText(
  text: string,
  operator: PositiveOperator,
  sought: string,
  { sql, bind }: Writing,
): string {
  if (operator.kind === "part") {
    if (sought === "") return `${text} is not null`;
    // No database can hold this character, or look for it.
    if (sought.includes("\u0000")) return never;
    return sql.hasPart(operator.at, text, sought, bind);
  }
  const end = sought.indexOf("\u0000");
  if (end < 0) return `${text} ${operator.sql} ${bind(sought)}`;
  // What comes after the text before it comes after all of it, since it is the first of all characters.
  if (operator.sqlBetween === undefined) return never;
  return `${text} ${operator.sqlBetween} ${bind(sought.slice(0, end))}`;
}

function compareInstant(
  name: string,
  stored: NonNullable<SqlColumn["instant"]>,
  operator: PositiveOperator,
  value: string,
  { sql, bind }: Writing,
): string {
  const instant = instantOf(value) ?? Number.NaN;
  // What is stored is a whole number of milliseconds: it is after an instant between two of them when it is after the
  // first.
  const whole = Math.min(Math.floor(instant), latest);
  const { sql: exact, sqlBetween } = ordering(operator);
  const symbol = whole === instant ? exact : sqlBetween;
  if (symbol === undefined) return never;
  if (stored === "milliseconds") return `${name} ${symbol} ${sql.number(bind(whole))}`;
  const iso = new Date(whole).toISOString();
  return stored === "text"
    ? `${sql.exact(name)} ${symbol} ${bind(iso)}`
    : `${name} ${symbol} ${sql.timestamp(bind(sql.instantText(iso)))}`;
}

/** 9999-12-31T23:59:59.999Z: the last instant of which the text is in the order of the others. */
const latest = 253_402_300_799_999;

function ordering(operator: PositiveOperator): Extract<PositiveOperator, { readonly sql: string }> {
  if (operator.kind === "order") return operator;
  throw new UnsupportedError("Only text has parts.");
}

function isNumber(type: Attribute["type"]): boolean {
  return type === "integer" || type === "decimal";
}
