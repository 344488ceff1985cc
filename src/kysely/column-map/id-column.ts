import type { SqlDialect } from "../sql/dialect.js";
import type { Parameters } from "../sql/parameters.js";
import type { IdType } from "./column-map.js";

/** An id as the database compares it. */
export type StoredId = string | number;

// What is equal is decided here, for ids of resources and of members: the same characters in the same order, and
// nothing else (RFC 7643 §3.1, `caseExact`), whatever the collation of a column, or a type of the database, takes for
// the same.

/**
 * The value of an id in its column; `undefined` where no value of the column can be that id. A database would refuse to
 * compare such a one, or find an integer in a part of the text.
 */
export function storedId(id: string, type: IdType = "text"): StoredId | undefined {
  switch (type) {
    case "text":
      return id.includes("\u0000") || !id.isWellFormed() ? undefined : id;
    case "uuid":
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
    case "integer":
      return String(Number(id)) === id && Number.isSafeInteger(Number(id)) ? Number(id) : undefined;
  }
}

/** A column of ids as it is compared. What is not text is written in one way only. */
export function exactId({ exact }: SqlDialect, column: string, type: IdType = "text"): string {
  return type === "text" ? exact(column) : column;
}

/** The condition that an id is one of these. An index serves the plain comparison. */
export function isAmong(
  p: Parameters,
  column: string,
  ids: readonly StoredId[],
  type: IdType = "text",
): string {
  const isIn = `${column} in ${p.list(ids)}`;
  return type === "text" ? `${isIn} and ${exactId(p.dialect, column)} in ${p.list(ids)}` : isIn;
}

/**
 * The condition that an id is this one. A text is, in whatever collation its column has; what is not text is written in
 * one way.
 */
export function isId(p: Parameters, column: string, id: StoredId, type: IdType = "text"): string {
  return type === "text" && typeof id === "string"
    ? p.isText(column, id)
    : `${column} = ${p.value(id)}`;
}
