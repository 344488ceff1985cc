import type { BoundSort } from "../scim/index.js";
import { compileSort, type Sorter } from "../scim/internal.js";
import { type Cursor, type CursorPosition, readCursor, writeCursor } from "./cursor.js";
import type { Page, Query } from "./query.js";

/** Resources in the order of a query. */
export interface Ordered<T> {
  readonly size: number;
  slice(start: number, count: number): readonly T[];
  /** How many come before a position, and whether there is one at it. */
  locate(position: CursorPosition): { readonly before: number; readonly found: boolean };
}

/**
 * The page of a result that a query asks for.
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
  if (sorter !== undefined) rows.sort((one, other) => sorter.compare(one.key, other.key));
  return {
    size: rows.length,
    slice: (start, count) => rows.slice(start, start + count).map(({ resource }) => resource),
    locate(position) {
      let low = 0;
      let high = rows.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const row = rows[middle];
        if (row !== undefined && comparePositions(row, position, sorter) < 0) low = middle + 1;
        else high = middle;
      }
      return { before: low, found: rows[low]?.id === position.id };
    },
  };
}

function placed<T extends { readonly id: string }>(
  resource: T,
  sorter: Sorter | undefined,
): CursorPosition & { readonly resource: T } {
  return { resource, id: resource.id, key: sorter?.keyOf(resource) };
}

function comparePositions(
  one: CursorPosition,
  other: CursorPosition,
  sorter: Sorter | undefined,
): number {
  const byValue = sorter?.compare(one.key, other.key) ?? 0;
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
  const { before, found } = asked === undefined ? start : ordered.locate(asked.position);
  const first = asked?.side === "before" ? Math.max(before - count, 0) : before + Number(found);
  const size = asked?.side === "before" ? before - first : count;
  const resources = ordered.slice(first, size);
  const sorter = sort && compileSort(sort);
  const cursorAt = (side: Cursor["side"], resource: T): string =>
    writeCursor({ side, position: { id: resource.id, key: sorter?.keyOf(resource) } }, sort);
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
