import { UnsupportedError } from "../../../core/index.js";
import type { Attribute } from "../../schema/attribute.js";
import type { ResolvedAttribute } from "../../schema/resource-type.js";
import { isReadable, leafOf } from "../bind.js";
import type {
  BoundComparison,
  BoundFilter,
  BoundPresence,
  BoundValuePath,
} from "../bound-filter.js";
import type { SqlColumn, SqlColumns, SqlJson, SqlValueTable } from "./columns.js";
import { type FilterSql, filterSql, type SqlFilterDialect } from "./dialect.js";
import { columnValue, jsonValue, type SqlValue, type Writing } from "./value.js";

/** A condition for the `where` of a statement. */
export interface SqlFilter {
  /** The text, with places for the parameters: `?`, or `$1` and so on for PostgreSQL. It is in brackets where it has to be. */
  readonly sql: string;
  /** The values for the places, in their order. */
  readonly parameters: readonly (string | number)[];
}

/** How a filter becomes SQL. */
export interface SqlFilterOptions {
  /** How many parameters the statement has before the condition, which PostgreSQL counts. Default: 0. */
  readonly parametersBefore?: number;
}

/**
 * Writes a filter as a condition of SQL that is met by the resources that match it, and by no others: by the same that
 * `compileFilter` says match. All that comes from the filter is in parameters.
 *
 * The rules that databases disagree on are the filter's: case by `caseExact` and the form that was stored for it; text in the
 * order of code points, whatever the collation; `%` and `_` stand for themselves; an absent value is not equal to anything, so `ne`
 * and `not` match it; a value path is met by one value. Resources are as `readResource` makes them: a list is a list.
 *
 * @throws {UnsupportedError} the columns cannot answer the filter. `splitFilter` with {@link isAnsweredInSql} tells the part that they can.
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
 * Tells of a filter whether {@link filterToSql} can write it, for `splitFilter`.
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
  /** The condition that it is an object at all. */
  readonly isObject: string;
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
    const parameters: (string | number)[] = [];
    const parts = condition.split(mark).map((part, index) => {
      const value = index % 2 === 1 ? this.#values[Number(part)] : undefined;
      if (value === undefined) return part;
      parameters.push(value);
      return this.#sql.place(before + parameters.length);
    });
    return { sql: parts.join(""), parameters };
  }

  /** A condition that is true of what matches, and false or NULL of what does not. */
  condition(filter: BoundFilter, element?: Element): string {
    switch (filter.operator) {
      case "and":
      case "or":
        return `(${filter.filters.map((part) => this.condition(part, element)).join(` ${filter.operator} `)})`;
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
    if (leaf.multiValued) throw unanswered(target.path);
    return element.sub(leaf);
  }

  #valuePath({ target, filter }: BoundValuePath): string {
    if (target.attribute.multiValued) {
      return this.#any(
        target,
        (element) => `${element.isObject} and ${this.condition(filter, element)}`,
      );
    }
    const element = this.#object(target);
    return `(${element.isObject} and ${this.condition(filter, element)})`;
  }

  #presence({ target }: BoundPresence): string {
    const { attribute, subAttribute } = target;
    const asked = subAttribute === undefined ? subAttributesOf(attribute) : [subAttribute];
    if (asked.some((sub) => sub !== attribute && sub.multiValued)) throw unanswered(target.path);
    const isPresent = (element: Element): string =>
      anyOf(asked.map((sub) => element.sub(sub).present));
    if (attribute.multiValued) return this.#any(target, isPresent);
    if (subAttribute === undefined && attribute.type === "complex") {
      return isPresent(this.#object(target));
    }
    return this.#single(target).present;
  }

  #comparison(filter: BoundComparison): string {
    const { target } = filter;
    const { attribute, subAttribute } = target;
    if (subAttribute?.multiValued) throw unanswered(target.path);
    if (!attribute.multiValued) return compared(filter, this.#single(target));
    const any = this.#any(target, (element) =>
      compared(filter, element.sub(subAttribute ?? attribute)),
    );
    // Where there is no value, what it would be compared with is another one.
    return filter.operator === "ne" ? `(${any} or not ${this.#any(target, () => "1 = 1")})` : any;
  }

  /** The condition that one value of a multi-valued attribute meets a condition. */
  #any(target: ResolvedAttribute, condition: (element: Element) => string): string {
    const { attribute } = target;
    const place = this.#place(wholeOf(target));
    const alias = `e${++this.#aliases}`;
    if (place.kind === "rows") {
      const { quote } = this.#sql;
      const { table, owner, id } = place.rows;
      const isOwn = `${alias}.${quote(owner)} = ${quote(this.#columns.table)}.${quote(id)}`;
      const element = this.#rowElement(place.rows, alias, attribute);
      return `exists (select 1 from ${quote(table)} as ${alias} where ${isOwn} and ${condition(element)})`;
    }
    if (place.kind === "json") {
      const { from, element } = this.#sql.elements(place.json, alias);
      const value = this.#jsonElement({ ...place, json: element }, attribute);
      return `exists (select 1 from ${from} where ${condition(value)})`;
    }
    throw unanswered(place.path);
  }

  #rowElement({ table, values }: SqlValueTable, alias: string, attribute: Attribute): Element {
    return {
      isObject: "1 = 1",
      sub: (sub) => {
        const name = sub === attribute ? "value" : sub.name;
        const column = Object.hasOwn(values, name) ? values[name] : undefined;
        if (column !== undefined) return columnValue(column, alias, sub, this.#writing);
        throw new UnsupportedError(`The table "${table}" has no column for "${sub.name}".`);
      },
    };
  }

  #jsonElement({ json, stated }: JsonPlace, attribute: Attribute): Element {
    return {
      isObject: this.#sql.isObject(json),
      sub: (sub) =>
        jsonValue(
          sub === attribute ? json : this.#sql.member(json, sub.name),
          stated,
          sub,
          this.#writing,
        ),
    };
  }

  /** A complex attribute that has one value. */
  #object({ attribute, path, ...target }: ResolvedAttribute): Element {
    const subs = subAttributesOf(attribute);
    const subOf = (subAttribute: Attribute): ResolvedAttribute => ({
      ...target,
      attribute,
      subAttribute,
      path: `${path}.${subAttribute.name}`,
    });
    if (!subs.some((sub) => this.#stated(subOf(sub).path) !== undefined)) {
      const place = this.#place({ ...target, attribute, path });
      if (place.kind === "json") return this.#jsonElement(place, attribute);
    }
    const sub = (one: Attribute): SqlValue => this.#single(subOf(one));
    return { isObject: anyOf(subs.map((one) => sub(one).exists)), sub };
  }

  /** An attribute, or a sub-attribute of a complex one, that has one value. */
  #single(target: ResolvedAttribute): SqlValue {
    const place = this.#place(target);
    switch (place.kind) {
      case "column":
        return columnValue(
          place.column,
          this.#sql.quote(this.#columns.table),
          leafOf(target),
          this.#writing,
        );
      case "json":
        return jsonValue(place.json, place.stated, leafOf(target), this.#writing);
      case "rows":
        throw unanswered(target.path);
    }
  }

  /** Where an attribute is, or its sub-attribute: by itself, in a document of the attribute, or in that of all others. */
  #place(target: ResolvedAttribute): Place {
    const { path, extension, schema, attribute, subAttribute } = target;
    const stated = this.#stated(path);
    if (stated !== undefined) return this.#placeOf(stated, path);
    if (subAttribute !== undefined) {
      const place = this.#place(wholeOf(target));
      if (place.kind !== "json") throw unanswered(path);
      return { ...place, json: this.#sql.member(place.json, subAttribute.name) };
    }
    const { others } = this.#columns;
    if (others === undefined || (schema === undefined && attribute.name !== "externalId")) {
      throw unanswered(path);
    }
    const place = this.#documentOf(others);
    const names =
      extension && schema !== undefined ? [schema.id, attribute.name] : [attribute.name];
    return { ...place, json: names.reduce(this.#sql.member, place.json) };
  }

  #stated(path: string): string | SqlColumn | SqlValueTable | SqlJson | undefined {
    const { attributes } = this.#columns;
    return Object.hasOwn(attributes, path) ? attributes[path] : undefined;
  }

  #placeOf(stated: string | SqlColumn | SqlValueTable | SqlJson, path: string): Place {
    if (typeof stated === "string" || "column" in stated) {
      return { kind: "column", column: stated, path };
    }
    return "json" in stated ? this.#documentOf(stated) : { kind: "rows", rows: stated };
  }

  #documentOf(stated: SqlJson): JsonPlace {
    const column = `${this.#sql.quote(this.#columns.table)}.${this.#sql.quote(stated.json)}`;
    return { kind: "json", json: this.#sql.document(column), stated };
  }

  get #writing(): Writing {
    return {
      sql: this.#sql,
      place: (value) => `${mark}${this.#values.push(value) - 1}${mark}`,
    };
  }
}

type JsonPlace = { readonly kind: "json"; readonly json: string; readonly stated: SqlJson };
type Place =
  | { readonly kind: "column"; readonly column: string | SqlColumn; readonly path: string }
  | { readonly kind: "rows"; readonly rows: SqlValueTable }
  | JsonPlace;

/** The attribute without the sub-attribute that was named of it. */
function wholeOf({ subAttribute, path, ...target }: ResolvedAttribute): ResolvedAttribute {
  const end = subAttribute === undefined ? path.length : path.length - subAttribute.name.length - 1;
  return { ...target, path: path.slice(0, end) };
}

/** The readable sub-attributes; of an attribute that is not complex, itself. */
function subAttributesOf(attribute: Attribute): readonly Attribute[] {
  if (attribute.type !== "complex") return [attribute];
  return [...attribute.subAttributes.values()].filter(isReadable);
}

function compared({ operator, value }: BoundComparison, compared: SqlValue): string {
  return operator === "ne" ? not(compared.compare("eq", value)) : compared.compare(operator, value);
}

/** The opposite of a condition, which may be NULL: that is not true. */
function not(condition: string): string {
  return `((${condition}) is not true)`;
}

function anyOf(conditions: readonly string[]): string {
  return `(${conditions.join(" or ")})`;
}

function unanswered(path: string): UnsupportedError {
  return new UnsupportedError(`No column answers filters of "${path}".`);
}
