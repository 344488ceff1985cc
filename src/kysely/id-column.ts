import type { IdType } from "./column-map.js";
import type { Parameters } from "./parameters.js";

/** An id as the database compares it. */
export type StoredId = string | number;

/**
 * The value of an id in its column; `undefined` where no value of the column can be that id. A database would refuse to
 * compare such a one, or find an integer in a part of the text.
 */
export function storedId(id: string, type: IdType = "text"): StoredId | undefined {
  switch (type) {
    case "text":
      return id.includes("\u0000") || !id.isWellFormed() ? undefined : id;
    case "uuid":
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? id.toLowerCase() : undefined;
    case "integer":
      return String(Number(id)) === id && Number.isSafeInteger(Number(id)) ? Number(id) : undefined;
  }
}

/** The condition that an id is this one. A text is, in whatever collation its column has; what is not text is written in one way. */
export function isId(p: Parameters, column: string, id: StoredId, type: IdType = "text"): string {
  return type === "text" && typeof id === "string"
    ? p.isText(column, id)
    : `${column} = ${p.value(id)}`;
}
