import { InvalidValueError } from "../core/index.js";
import { type BoundSort, compileSort, type Sorter, type SortKey } from "../scim/index.js";
import type { Page, Query } from "./query.js";

/** Where a resource is in an order: by what it is sorted by, and by its id among those that are equal in that. */
interface Place {
  readonly value?: SortKey;
  readonly id: string;
}

/** Resources in the order of a query. */
export interface Ordered<T> {
  readonly size: number;
  slice(start: number, count: number): readonly T[];
  /** How many come before a place, and whether there is one at it. */
  locate(place: Place): { readonly before: number; readonly found: boolean };
}

/**
 * The page of an answer that a query asks for.
 *
 * A cursor names the resource that the page before it ended with, so that no resource is passed over or comes twice since
 * others came or went.
 *
 * @throws {InvalidValueError} the cursor is not one that this function gave out for a query in the same order.
 */
export function pageOf<T extends { readonly id: string }>(
  ordered: Ordered<T>,
  query: Query,
  maxPageSize: number,
): Page<T> {
  const asked = Math.max(Math.trunc(query.count ?? maxPageSize), 0);
  const count = Math.min(asked, maxPageSize);
  if (query.cursor !== undefined) return cursorPage(ordered, query.cursor, query.sort, count);
  const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
  return {
    totalResults: ordered.size,
    startIndex,
    resources: ordered.slice(startIndex - 1, count),
  };
}

/** The resources, which are in the order of their ids, in the order that a query asks for. */
export function inOrder<T extends { readonly id: string }>(
  resources: readonly T[],
  sort: BoundSort | undefined,
): Ordered<T> {
  const sorter = sort && compileSort(sort);
  const rows = resources.map((resource) => placed(resource, sorter));
  if (sorter !== undefined) rows.sort((one, other) => sorter.compare(one.value, other.value));
  return {
    size: rows.length,
    slice: (start, count) => rows.slice(start, start + count).map(({ resource }) => resource),
    locate(place) {
      let low = 0;
      let high = rows.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const row = rows[middle];
        if (row !== undefined && comparePlaces(row, place, sorter) < 0) low = middle + 1;
        else high = middle;
      }
      return { before: low, found: rows[low]?.id === place.id };
    },
  };
}

function placed<T extends { readonly id: string }>(
  resource: T,
  sorter: Sorter | undefined,
): Place & { readonly resource: T } {
  return { resource, id: resource.id, value: sorter?.keyOf(resource) };
}

function comparePlaces(one: Place, other: Place, sorter: Sorter | undefined): number {
  const byValue = sorter?.compare(one.value, other.value) ?? 0;
  if (byValue !== 0) return byValue;
  return one.id < other.id ? -1 : Number(one.id > other.id);
}

function cursorPage<T extends { readonly id: string }>(
  ordered: Ordered<T>,
  cursor: string,
  sort: BoundSort | undefined,
  count: number,
): Page<T> {
  const asked = cursor === "" ? undefined : readCursor(cursor, sort);
  const { before, found } = asked === undefined ? start : ordered.locate(asked.place);
  const first = asked?.side === "before" ? Math.max(before - count, 0) : before + Number(found);
  const size = asked?.side === "before" ? before - first : count;
  const resources = ordered.slice(first, size);
  const sorter = sort && compileSort(sort);
  const cursorAt = (side: Side, resource: T): string =>
    writeCursor({ side, place: { id: resource.id, value: sorter?.keyOf(resource) } }, sort);
  const [head, tail] = [resources[0], resources.at(-1)];
  const isLast = first + resources.length >= ordered.size;
  return {
    totalResults: ordered.size,
    ...(tail !== undefined && !isLast && { nextCursor: cursorAt("after", tail) }),
    ...(head !== undefined && first > 0 && { previousCursor: cursorAt("before", head) }),
    resources,
  };
}

const start = { before: 0, found: false };

type Side = "after" | "before";

interface Cursor {
  readonly side: Side;
  readonly place: Place;
}

function writeCursor({ side, place }: Cursor, sort: BoundSort | undefined): string {
  const value = place.value ?? null;
  return Buffer.from(JSON.stringify([side, orderName(sort), value, place.id])).toString(
    "base64url",
  );
}

function readCursor(cursor: string, sort: BoundSort | undefined): Cursor {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (cause) {
    throw invalidCursor(cause);
  }
  if (!Array.isArray(parts) || parts.length !== 4) throw invalidCursor();
  const [side, order, value, id]: readonly unknown[] = parts;
  const isSide = side === "after" || side === "before";
  const isValue = value === null || typeof value === "string" || typeof value === "number";
  if (!isSide || !isValue || typeof id !== "string" || order !== orderName(sort)) {
    throw invalidCursor();
  }
  return { side, place: { id, value: value ?? undefined } };
}

/** What a cursor says of the order, since in another one its place means nothing. */
function orderName(sort: BoundSort | undefined): string {
  return sort === undefined ? "" : `${sort.order} ${sort.target.path}`;
}

function invalidCursor(cause?: unknown): InvalidValueError {
  return new InvalidValueError("cursor", "it is not one of an answer to the same query.", {
    cause,
  });
}
