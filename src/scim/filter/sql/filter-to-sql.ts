import { UnsupportedError } from "../../../core/index.js";
import type { Attribute } from "../../schema/attribute.js";
import type { ResolvedAttribute } from "../../schema/resource-type.js";
import { isReadable, leafOf } from "../bind.js";
import {
  type BoundComparison,
  type BoundFilter,
  type BoundPresence,
  type BoundValuePath,
  comparesPrimary,
} from "../bound-filter.js";
import { equality, operators, type PositiveOperator } from "../operators.js";
import type { SqlColumn, SqlColumns, SqlValueColumns, SqlValueTable } from "./columns.js";
import { type FilterSql, filterSql, type SqlFilterDialect } from "./dialect.js";
import { type JsonLocation, locationOf, wholeOf } from "./location.js";
import { columnValue, constantValue, jsonValue, type SqlValue, type Writing } from "./value.js";

/** A condition for the `where` of a statement. */
export interface SqlFilter {
  /**
   * The text, with placeholders for the parameters: `?`, or `$1` and so on for PostgreSQL. It is in brackets where it
   * has to be.
   */
  readonly sql: string;
  /** The values of the parameters, in their order. */
  readonly parameters: readonly (string | number)[];
  /**
   * The text around the placeholders: one part more than there are parameters. Libraries whose statements are template
   * literals take it so: `` sql(Object.assign([...fragments], { raw: fragments }), ...parameters) ``.
   */
  readonly fragments: readonly string[];
}

/** How a filter becomes SQL. */
export interface SqlFilterOptions {
  /** How many parameters the statement has before the condition, which PostgreSQL counts. Default: 0. */
  readonly parametersBefore?: number | undefined;
}

/**
 * Writes a filter as a condition of SQL that is met by the resources that match it, and by no others: by the same that
 * `compileFilter` says match. All that comes from the filter is in parameters.
 *
 * The rules that databases disagree on are the filter's: case by `caseExact` and the form that was stored for it; text
 * in the order of code points, whatever the collation; `%` and `_` stand for themselves; an absent value is not equal
 * to anything, so `ne` and `not` match it, but a `primary` that a value does not state is false; a value path is met by
 * one value. Resources are as `readResource` makes them: a list is a list.
 *
 * @throws {UnsupportedError} the columns do not suffice for the filter. `splitFilter` with {@link isAnsweredInSql}
 * finds the part that they suffice for.
 */
export function filterToSql(
  filter: BoundFilter,
  columns: SqlColumns,
  dialect: SqlFilterDialect,
  { parametersBefore = 0 }: SqlFilterOptions = {},
): SqlFilter {
  const writer = new FilterWriter(columns, filterSql(dialect));
  return writer.finish(writer.condition(filter), parametersBefore);
}

/**
 * Whether {@link filterToSql} can write a filter, for `splitFilter`.
 *
 * ```ts
 * const { pushed, rest } = splitFilter(filter, isAnsweredInSql(columns, "postgres"));
 * ```
 */
export function isAnsweredInSql(
  columns: SqlColumns,
  dialect: SqlFilterDialect,
): (filter: BoundFilter) => boolean {
  return (filter) => {
    try {
      filterToSql(filter, columns, dialect);
      return true;
    } catch (error) {
      if (error instanceof UnsupportedError) return false;
      throw error;
    }
  };
}

/** One object out of which a filter asks for sub-attributes. */
interface Element {
  /** The condition that it is an object at all; absent where that is so. */
  readonly isObject?: string;
  /** The sub-attributes that it can have where it is stored. */
  readonly subs: readonly Attribute[];
  sub(attribute: Attribute): SqlValue;
}

/** What is between the marks is the index of a parameter; no name may have one in it. */
const mark = "\u0000";

class FilterWriter {
  readonly #columns: SqlColumns;
  readonly #sql: FilterSql;
  readonly #values: (string | number)[] = [];
  #aliases = 0;

  constructor(columns: SqlColumns, sql: FilterSql) {
    this.#columns = columns;
    this.#sql = {
      ...sql,
      quote(identifier) {
        if (identifier.includes(mark)) throw new UnsupportedError("A name has U+0000 in it.");
        return sql.quote(identifier);
      },
    };
  }

  /** The text of a condition, with its parameters in the order in which they stand in it. */
  finish(condition: string, before: number): SqlFilter {
    const parts = condition.split(mark);
    const fragments = parts.filter((_, index) => index % 2 === 0);
    const parameters = parts.flatMap((part, index) => {
      const value = index % 2 === 1 ? this.#values[Number(part)] : undefined;
      return value === undefined ? [] : [value];
    });
    const sql = fragments.reduce(
      (text, fragment, index) => text + this.#sql.placeholder(before + index) + fragment,
    );
    return { sql, parameters, fragments };
  }

  /** A condition that is true of what matches, and false or NULL of what does not. */
  condition(filter: BoundFilter, element?: Element): string {
    switch (filter.operator) {
      case "and":
      case "or":
        return joined(
          filter.operator,
          filter.filters.map((part) => this.condition(part, element)),
        );
      case "not":
        return not(this.condition(filter.filter, element));
      case "valuePath":
        return this.#valuePath(filter);
      case "pr":
        return element === undefined ? this.#presence(filter) : this.#sub(filter, element).present;
      default:
        return element === undefined
          ? this.#comparison(filter)
          : compared(filter, this.#sub(filter, element));
    }
  }

  #sub({ target }: BoundComparison | BoundPresence, element: Element): SqlValue {
    const leaf = leafOf(target);
    if (leaf.multiValued) throw unsupported(target);
    return element.sub(leaf);
  }

  #valuePath({ target, filter }: BoundValuePath): string {
    const matches = (element: Element): string =>
      allOf(element.isObject, this.condition(filter, element));
    return target.attribute.multiValued
      ? this.#any(target, matches)
      : matches(this.#object(target));
  }

  #presence({ target }: BoundPresence): string {
    const { attribute, subAttribute } = target;
    const isPresent = (element: Element): string => {
      const subs = subAttribute === undefined ? element.subs : [subAttribute];
      if (subs.length === 0 || subs.some((sub) => sub !== attribute && sub.multiValued)) {
        throw unsupported(target);
      }
      return anyOf(subs.map((sub) => element.sub(sub).present));
    };
    if (attribute.multiValued) return this.#any(target, isPresent);
    return attribute.type === "complex" && subAttribute === undefined
      ? isPresent(this.#object(target))
      : this.#single(target).present;
  }

  #comparison(filter: BoundComparison): string {
    const { target, operator } = filter;
    const { attribute, subAttribute } = target;
    if (subAttribute?.multiValued) throw unsupported(target);
    if (!attribute.multiValued) return compared(filter, this.#single(target));
    const any = this.#any(target, (element) =>
      compared(filter, element.sub(leafOf(target)), element.isObject),
    );
    // Where there is no value, what it would be compared with is another one.
    return operators[operator].kind === "negation" ? `(${any} or not ${this.#any(target)})` : any;
  }

  /**
   * The condition that one value of a multi-valued attribute meets a condition; or without one, that there is a value.
   */
  #any(target: ResolvedAttribute, condition?: (element: Element) => string): string {
    const location = locationOf(wholeOf(target), this.#columns, this.#sql);
    const alias = `value_${++this.#aliases}`;
    if (location?.kind === "rows") {
      const { quote } = this.#sql;
      const { schema, table, owner, id } = location.rows;
      const name = schema === undefined ? quote(table) : `${quote(schema)}.${quote(table)}`;
      const isOwn = `${alias}.${quote(owner)} = ${quote(this.#columns.table)}.${quote(id)}`;
      const element = this.#rowElement(location.rows, alias, target);
      return exists(`${name} as ${alias}`, allOf(isOwn, condition?.(element)));
    }
    if (location?.kind === "singles") {
      return anyOf(
        location.singles.map((single) => {
          const element = this.#singleElement(single, target);
          const { exists } = columnValue(
            single.value,
            this.#sql.quote(this.#columns.table),
            target.attribute,
            this.#writing,
          );
          return allOf(exists, condition?.(element));
        }),
      );
    }
    if (location?.kind === "json") {
      const { from, element } = this.#sql.elements(location.json, alias);
      const value = this.#jsonElement({ ...location, json: element }, target);
      return exists(from, condition?.(value));
    }
    throw unsupported(target);
  }

  /** A row of a table of values. */
  #rowElement(rows: SqlValueTable, alias: string, { attribute }: ResolvedAttribute): Element {
    const columnOf = (sub: Attribute): string | SqlColumn | undefined => {
      const name = sub === attribute ? "value" : sub.name;
      return Object.hasOwn(rows.values, name) ? rows.values[name] : undefined;
    };
    return {
      subs: subAttributesOf(attribute).filter((sub) => columnOf(sub) !== undefined),
      sub: (sub) => {
        const column = columnOf(sub);
        if (column !== undefined) return columnValue(column, alias, sub, this.#writing);
        throw new UnsupportedError(`The table "${rows.table}" has no column for "${sub.name}".`);
      },
    };
  }

  /** The one value that a column has. */
  #singleElement(
    { value, says = {} }: SqlValueColumns["singles"][number],
    { attribute }: ResolvedAttribute,
  ): Element {
    return {
      subs: subAttributesOf(attribute),
      sub: (sub) =>
        sub === attribute || sub.name === "value"
          ? columnValue(value, this.#sql.quote(this.#columns.table), sub, this.#writing)
          : constantValue(Object.hasOwn(says, sub.name) ? says[sub.name] : undefined, sub),
    };
  }

  #jsonElement({ json, stated }: JsonLocation, { attribute }: ResolvedAttribute): Element {
    const { sql } = this.#writing;
    return {
      isObject: sql.isObject(json),
      subs: subAttributesOf(attribute),
      sub: (sub) => {
        const value = sub === attribute ? json : sql.member(json, sub.name);
        return jsonValue(value, stated, sub, this.#writing);
      },
    };
  }

  /** A complex attribute that has one value. */
  #object(target: ResolvedAttribute): Element {
    const { attribute, path } = target;
    const targetOf = (subAttribute: Attribute): ResolvedAttribute => {
      return { ...target, subAttribute, path: `${path}.${subAttribute.name}` };
    };
    const all = subAttributesOf(attribute);
    const location = locationOf(target, this.#columns, this.#sql);
    const isSplit = all.some((sub) => Object.hasOwn(this.#columns.attributes, targetOf(sub).path));
    if (location?.kind === "json" && !isSplit) return this.#jsonElement(location, target);
    const subs = all.filter((sub) => locationOf(targetOf(sub), this.#columns, this.#sql));
    if (subs.length === 0) throw unsupported(target);
    const sub = (one: Attribute): SqlValue => this.#single(targetOf(one));
    return { isObject: anyOf(subs.map((one) => sub(one).exists)), subs, sub };
  }

  /** An attribute, or a sub-attribute of a complex one, that has one value. */
  #single(target: ResolvedAttribute): SqlValue {
    const location = locationOf(target, this.#columns, this.#sql);
    const leaf = leafOf(target);
    if (location?.kind === "column") {
      return columnValue(
        location.column,
        this.#sql.quote(this.#columns.table),
        leaf,
        this.#writing,
      );
    }
    if (location?.kind === "json")
      return jsonValue(location.json, location.stated, leaf, this.#writing);
    throw unsupported(target);
  }

  get #writing(): Writing {
    return {
      sql: this.#sql,
      bind: (value) => `${mark}${this.#values.push(value) - 1}${mark}`,
    };
  }
}

/** The readable sub-attributes; of an attribute that is not complex, itself. */
function subAttributesOf(attribute: Attribute): readonly Attribute[] {
  if (attribute.type !== "complex") return [attribute];
  return [...attribute.subAttributes.values()].filter(isReadable);
}

/** @param isValue The condition that what is compared is of a value at all, where that is not known. */
function compared(filter: BoundComparison, compared: SqlValue, isValue?: string): string {
  const asked = operators[filter.operator];
  return asked.kind === "negation"
    ? not(positive(filter, asked.of, compared, isValue))
    : positive(filter, asked, compared, isValue);
}

function positive(
  filter: BoundComparison,
  operator: PositiveOperator,
  compared: SqlValue,
  isValue?: string,
): string {
  const { value } = filter;
  const isNotPrimary = value === false && comparesPrimary(filter);
  return isNotPrimary
    ? allOf(isValue, not(compared.compare(equality, true)))
    : compared.compare(operator, value);
}

/** The opposite of a condition, which may be NULL: that is not true. */
function not(condition: string): string {
  return `((${condition}) is not true)`;
}

/**
 * Conditions with "and" or "or" between them. Of many, each half is in brackets: databases read a long row as one
 * within another, and SQLite goes no deeper than 1,000.
 */
function joined(operator: "and" | "or", conditions: readonly string[]): string {
  if (conditions.length <= 8) return `(${conditions.join(` ${operator} `)})`;
  const middle = conditions.length >> 1;
  const halves = [conditions.slice(0, middle), conditions.slice(middle)];
  return `(${halves.map((half) => joined(operator, half)).join(` ${operator} `)})`;
}

function allOf(...conditions: readonly (string | undefined)[]): string {
  const stated = conditions.filter((condition) => condition !== undefined);
  return stated.length === 1 ? stated.join("") : joined("and", stated);
}

function exists(from: string, condition: string | undefined): string {
  return `exists (select 1 from ${from}${condition === undefined ? "" : ` where ${condition}`})`;
}

function anyOf(conditions: readonly string[]): string {
  return joined("or", conditions);
}

function unsupported({ path }: ResolvedAttribute): UnsupportedError {
  return new UnsupportedError(`No column serves filters of "${path}".`);
}
