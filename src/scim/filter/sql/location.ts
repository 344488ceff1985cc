import type { ResolvedAttribute } from "../../schema/resource-type.js";
import type { SqlColumn, SqlColumns, SqlJson, SqlValueColumns, SqlValueTable } from "./columns.js";
import type { FilterSql } from "./dialect.js";

/** Where the value of an attribute is. */
export type ValueLocation =
  | { readonly kind: "column"; readonly column: string | SqlColumn }
  | { readonly kind: "rows"; readonly rows: SqlValueTable }
  | { readonly kind: "singles"; readonly singles: SqlValueColumns["singles"] }
  | JsonLocation;

/** A value in a document of JSON. */
export interface JsonLocation {
  readonly kind: "json";
  /** The expression of the value. */
  readonly json: string;
  readonly stated: SqlJson;
}

/**
 * Where an attribute is, or its sub-attribute: where it is said to be by itself, or else in the document of the whole
 * attribute, or else in that of all others.
 *
 * @returns `undefined` if it is nowhere.
 */
export function locationOf(
  target: ResolvedAttribute,
  columns: SqlColumns,
  sql: FilterSql,
): ValueLocation | undefined {
  const { path, extension, schema, attribute, subAttribute } = target;
  if (Object.hasOwn(columns.attributes, path)) {
    const stated = columns.attributes[path];
    if (typeof stated === "string") return { kind: "column", column: stated };
    if (stated !== undefined) {
      if ("column" in stated) return { kind: "column", column: stated };
      if ("singles" in stated) return { kind: "singles", singles: stated.singles };
      return "json" in stated ? document(stated, columns, sql) : { kind: "rows", rows: stated };
    }
  }
  if (subAttribute !== undefined) {
    const whole = locationOf(wholeOf(target), columns, sql);
    return whole?.kind === "json" ? memberOf(whole, subAttribute.name, sql) : undefined;
  }
  const isCommon = schema === undefined && attribute.name !== "externalId";
  if (columns.others === undefined || isCommon || columns.others.except?.includes(path))
    return undefined;
  const others = document(columns.others, columns, sql);
  const holder = extension && schema !== undefined ? memberOf(others, schema.id, sql) : others;
  return memberOf(holder, attribute.name, sql);
}

/** The attribute without the sub-attribute that was named of it. */
export function wholeOf({ subAttribute, path, ...target }: ResolvedAttribute): ResolvedAttribute {
  const end = subAttribute === undefined ? path.length : path.length - subAttribute.name.length - 1;
  return { ...target, path: path.slice(0, end) };
}

function document(stated: SqlJson, { table }: SqlColumns, sql: FilterSql): JsonLocation {
  const column = `${sql.quote(table)}.${sql.quote(stated.json)}`;
  return { kind: "json", json: sql.document(column), stated };
}

function memberOf(location: JsonLocation, name: string, sql: FilterSql): JsonLocation {
  return { ...location, json: sql.member(location.json, name) };
}
