import {
  type CallOptions,
  type Cursor,
  invalidCursor,
  type Page,
  type Query,
  readCursor,
  writeCursor,
} from "../../repositories/index.js";
import type { BoundSort, Resource } from "../../scim/index.js";
import { compileSort } from "../../scim/internal.js";
import type { StoredId } from "../column-map/id-column.js";
import type { Session, StatementText } from "../sql/session.js";
import { filterText } from "./filter.js";
import { besideText, orderText, type SqlOrder } from "./order.js";
import type { OrderColumn } from "./order-column.js";
import type { Row } from "./rows.js";
import type { ResourceTableParts } from "./table-parts.js";

/** A table of resources, as far as pages of it need to know. */
export interface PagedTable<T extends Resource> {
  readonly session: Session;
  readonly parts: ResourceTableParts<T>;
  readonly name: string;
  readonly id: string;
  readonly select: string;
  readonly orders: ReadonlyMap<string, OrderColumn>;
  stored(id: string): StoredId | undefined;
}

/** The part of the resources of a table that a query asks for. */
export async function findPage<T extends Resource>(
  table: PagedTable<T>,
  query: Query,
  options?: CallOptions,
): Promise<Page<T>> {
  const { maxPageSize } = table.parts;
  const asked = Math.max(Math.trunc(query.count ?? maxPageSize), 0);
  const count = Math.min(asked, maxPageSize);
  return query.cursor === undefined
    ? await pageByIndex(table, query, count, options)
    : await pageByCursor(table, query, query.cursor, count, options);
}

async function pageByIndex<T extends Resource>(
  table: PagedTable<T>,
  query: Query,
  count: number,
  options?: CallOptions,
): Promise<Page<T>> {
  const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
  const where = filterText(query.filter, table.parts, table.session.dialect);
  const order = orderText(orderOf(table, query.sort));
  const rows =
    count === 0
      ? []
      : await table.session.read<Row>(
          (p) => `${table.select}${where(p)} order by ${order(p)}
            limit ${p.value(count)} offset ${p.value(startIndex - 1)}`,
          options,
        );
  const isAll = startIndex === 1 && rows.length < count;
  return {
    totalResults: isAll ? rows.length : await countOf(table, where, options),
    startIndex,
    resources: rows.map((row) => table.parts.rows.resource(row)),
  };
}

/**
 * How many match is not counted: that takes longer than a page, which takes as long as any other wherever it begins.
 */
async function pageByCursor<T extends Resource>(
  table: PagedTable<T>,
  { filter, sort }: Query,
  cursor: string,
  count: number,
  options?: CallOptions,
): Promise<Page<T>> {
  const asked = cursor === "" ? undefined : readCursor(cursor, sort);
  const order = orderOf(table, sort);
  const beside = asked && besideOf(table, order, asked);
  const isBack = asked?.side === "before";
  const where = filterText(filter, table.parts, table.session.dialect);
  const by = orderText(order, isBack);
  const rows = await table.session.read<Row>((p) => {
    const matching = where(p);
    const joint = matching === "" ? " where " : " and ";
    const there = beside === undefined ? "" : `${joint}${beside(p)}`;
    // One more than asked for shows whether there is another page.
    return `${table.select}${matching}${there} order by ${by(p)} limit ${p.value(count + 1)}`;
  }, options);
  const kept = rows.slice(0, count).map((row) => table.parts.rows.resource(row));
  const resources = isBack ? kept.reverse() : kept;
  const sorter = sort && compileSort(sort);
  const cursorAt = (side: Cursor["side"], resource: T): string =>
    writeCursor({ side, position: { id: resource.id, key: sorter?.keyOf(resource) } }, sort);
  const [head, tail] = [resources[0], resources.at(-1)];
  const hasMore = rows.length > count;
  const hasNext = isBack || hasMore;
  const hasPrevious = isBack ? hasMore : asked !== undefined;
  return {
    ...(tail !== undefined && hasNext && { nextCursor: cursorAt("after", tail) }),
    ...(head !== undefined && hasPrevious && { previousCursor: cursorAt("before", head) }),
    resources,
  };
}

function orderOf<T extends Resource>(table: PagedTable<T>, sort: BoundSort | undefined): SqlOrder {
  const column = sort && table.orders.get(sort.target.path);
  return {
    ...(column !== undefined && { column }),
    isDescending: sort?.order === "descending",
    id: table.id,
  };
}

function besideOf<T extends Resource>(
  table: PagedTable<T>,
  order: SqlOrder,
  { side, position }: Cursor,
): StatementText {
  const id = table.stored(position.id);
  if (id === undefined) throw invalidCursor();
  return besideText(order, { id, key: position.key }, side);
}

async function countOf<T extends Resource>(
  table: PagedTable<T>,
  where: StatementText,
  options?: CallOptions,
): Promise<number> {
  const [row] = await table.session.read<{ count: number | string }>(
    (p) => `select count(*) as count from ${table.name}${where(p)}`,
    options,
  );
  return Number(row?.count ?? 0);
}
