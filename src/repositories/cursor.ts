import { InvalidValueError } from "../core/index.js";
import type { BoundSort, SortKey } from "../scim/index.js";

/** Where a resource is in an order: by what it is sorted by, and by its id among those that are equal in that. */
export interface CursorPosition {
  /** What `compileSort` sorts the resource by; absent without a value, and without an order. */
  readonly key?: SortKey;
  /** The id of the resource. */
  readonly id: string;
}

/**
 * What a cursor says (RFC 9865): that the page begins after a resource, or ends before it. Since it names a position
 * and not a number, no resource is skipped or comes twice because others came or went.
 */
export interface Cursor {
  /** Whether the page begins after the position, or ends before it. */
  readonly side: "after" | "before";
  /** The position of a resource, which need not be there any more. */
  readonly position: CursorPosition;
}

/**
 * Writes a cursor, for a store that makes its own pages.
 *
 * @param sort The order of the query, in which alone the cursor means something.
 */
export function writeCursor({ side, position }: Cursor, sort: BoundSort | undefined): string {
  const parts = [side, orderName(sort), position.key ?? null, position.id];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/**
 * Reads a cursor that {@link writeCursor} wrote. A client may have made it up: the key may be one that no resource has,
 * and of a type that the attribute never has.
 *
 * @throws {InvalidValueError} it is not a cursor, or one of a query in another order.
 */
export function readCursor(cursor: string, sort: BoundSort | undefined): Cursor {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (cause) {
    throw invalidCursor(cause);
  }
  if (!Array.isArray(parts) || parts.length !== 4) throw invalidCursor();
  const [side, order, key, id]: readonly unknown[] = parts;
  const isSide = side === "after" || side === "before";
  const isKey = key === null || typeof key === "string" || typeof key === "number";
  if (!isSide || !isKey || typeof id !== "string" || order !== orderName(sort)) {
    throw invalidCursor();
  }
  return { side, position: { id, key: key ?? undefined } };
}

function orderName(sort: BoundSort | undefined): string {
  return sort === undefined ? "" : `${sort.order} ${sort.target.path}`;
}

/** That a cursor is not one of this store's. */
export function invalidCursor(cause?: unknown): InvalidValueError {
  const options = cause === undefined ? {} : { cause };
  return new InvalidValueError("cursor", "it is not one of a result of the same query.", options);
}
