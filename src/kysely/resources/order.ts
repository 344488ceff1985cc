import { invalidCursor } from "../../repositories/index.js";
import type { Attribute, ResourceType, SortKey } from "../../scim/index.js";
import { type ColumnOfAttribute, isCaseless } from "../column-map/attribute-columns.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { SqlDialect } from "../sql/dialect.js";
import type { StatementText } from "../sql/session.js";
import { documentOrders } from "./document-order.js";
import type { OrderColumn } from "./order-column.js";

/**
 * The columns of a table by which the order is that of SCIM, by the path of the attribute: text that is case exact,
 * text that has a column of keys, numbers, booleans, when a resource was made and changed, and all that is in a
 * document of keys.
 */
export function orderColumns(
  map: ResourceMap,
  columns: readonly ColumnOfAttribute[],
  type: ResourceType,
  dialect: SqlDialect,
): ReadonlyMap<string, OrderColumn> {
  const found = new Map<string, OrderColumn>(documentOrders(map, columns, type, dialect));
  // Numbers are not ordered as the texts that ids are.
  if ((map.id.type ?? "text") === "text") {
    found.set("id", exactText(dialect, map.id.column, { required: true }));
  }
  for (const [path, column] of [
    ["meta.created", map.created],
    ["meta.lastModified", map.lastModified],
  ] as const) {
    if (column !== undefined) {
      found.set(path, {
        ...exactText(dialect, column, { required: true }),
        stored: instantText,
      });
    }
  }
  for (const column of columns) {
    const target = type.attributes.get(column.path.toLowerCase());
    const leaf = target?.subAttribute ?? target?.attribute;
    const order = leaf && orderColumn(column, leaf, dialect);
    if (order !== undefined) found.set(column.path, order);
  }
  return found;
}

function orderColumn(
  column: ColumnOfAttribute,
  { type, required, uniqueness }: Attribute,
  dialect: SqlDialect,
): OrderColumn | undefined {
  const name = dialect.quote(column.column);
  // Texts of one instant differ, and of several values the column has one that others may precede.
  if (column.value !== undefined || type === "dateTime") return undefined;
  // A driver may take a number for an integer, which the column need not hold.
  const parameter: OrderColumn["parameter"] = (p, stored) => dialect.number(p.value(stored));
  if (column.type === "boolean") {
    const flag = dialect.flag(name);
    const text = (): string => (column.invert ? `1 - ${flag}` : flag);
    return { text, parameter, required: false, stored: number };
  }
  if (column.type === "number") {
    return {
      text: unlessUnassigned(() => name, column),
      parameter,
      required: false,
      stored: number,
    };
  }
  if (!isCaseless(column)) return exactText(dialect, column.column, { column });
  if (column.key === undefined) return undefined;
  // The key of what names a resource is never empty.
  return exactText(dialect, column.key, { required: required && uniqueness !== "none" });
}

function exactText(
  dialect: SqlDialect,
  column: string,
  options: { readonly required?: boolean; readonly column?: ColumnOfAttribute },
): OrderColumn {
  const name = dialect.quote(column);
  const text: StatementText = () => (options.required === true ? name : `nullif(${name}, '')`);
  const own = options.column === undefined ? text : unlessUnassigned(text, options.column);
  return {
    text: (p) => dialect.exact(own(p)),
    parameter: (p, stored) => p.value(stored),
    required: options.required ?? false,
    stored: (key) =>
      typeof key === "string" && key.isWellFormed() && !key.includes("\u0000") ? key : undefined,
  };
}

function number(key: NonNullable<SortKey>): number | undefined {
  return typeof key === "number" ? key : undefined;
}

function instantText(key: NonNullable<SortKey>): string | undefined {
  const instant = new Date(typeof key === "number" ? key : Number.NaN);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

/** A column that holds something else than NULL where there is no value. */
function unlessUnassigned(text: StatementText, { unassigned }: ColumnOfAttribute): StatementText {
  if (unassigned === null || typeof unassigned === "boolean") return text;
  return (p) => `nullif(${text(p)}, ${p.value(unassigned)})`;
}

/** The order of a query: by a column, and by the id among those that are equal in that. */
export interface SqlOrder {
  /** Absent where resources are in the order of their ids. */
  readonly column?: OrderColumn;
  readonly isDescending: boolean;
  readonly id: string;
}

/** What follows `order by`; the other way round for a page before another. */
export function orderText(
  { column, isDescending, id }: SqlOrder,
  isReversed = false,
): StatementText {
  const ids = `${id}${isReversed ? " desc" : ""}`;
  if (column === undefined) return () => ids;
  const direction = isDescending !== isReversed ? " desc" : "";
  return (p) => {
    // What has no value is last, wherever the database would put it.
    const nulls = column.required ? "" : `(${column.text(p)} is null)${direction}, `;
    return `${nulls}${column.text(p)}${direction}, ${ids}`;
  };
}

/**
 * The condition that a resource comes after the position of a cursor, or before it.
 *
 * @throws {InvalidValueError} no resource can be there, so that the cursor was made up.
 */
export function besideText(
  { column, isDescending, id }: SqlOrder,
  position: { readonly key: SortKey; readonly id: string | number },
  side: "after" | "before",
): StatementText {
  const isId: StatementText = (p) =>
    `${id} ${side === "after" ? ">" : "<"} ${p.value(position.id)}`;
  if (column === undefined) return isId;
  // What has no value comes last, and first in descending order.
  const nullsBeyond = isDescending === (side === "before");
  const { key } = position;
  if (key === undefined) {
    return (p) => {
      const among = `(${column.text(p)} is null and ${isId(p)})`;
      return nullsBeyond ? among : `(${among} or ${column.text(p)} is not null)`;
    };
  }
  const operator = isDescending === (side === "after") ? "<" : ">";
  const stored = column.stored(key);
  if (stored === undefined) throw invalidCursor();
  return (p) => {
    const beyond = `${column.text(p)} ${operator} ${column.parameter(p, stored)}`;
    const equal = `(${column.text(p)} = ${column.parameter(p, stored)} and ${isId(p)})`;
    const nulls = nullsBeyond && !column.required ? ` or ${column.text(p)} is null` : "";
    return `(${beyond} or ${equal}${nulls})`;
  };
}
