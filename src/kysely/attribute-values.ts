import { caseless, InvalidValueError } from "../core/index.js";
import type { ColumnOfAttribute } from "./attribute-columns.js";

/** Whether a value counts as none (RFC 7643 §2.5). */
export function isUnassigned(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every(isUnassigned);
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value that the members of a column lead to, from that of the first of them. */
export function valueAt(value: unknown, [, ...members]: readonly string[]): unknown {
  return members.reduce<unknown>(
    (inside, name) => (isObject(inside) && Object.hasOwn(inside, name) ? inside[name] : undefined),
    value,
  );
}

/** The value without what a column holds of it. */
export function without(value: unknown, members: readonly string[], depth: number): unknown {
  const name = members[depth];
  if (name === undefined) return undefined;
  if (!isObject(value) || !Object.hasOwn(value, name)) return value;
  const { [name]: inside, ...others } = value;
  const left = without(inside, members, depth + 1);
  return left === undefined ? others : { ...others, [name]: left };
}

/** Puts the value of an attribute into its columns. */
export function encode(
  columns: Map<string, unknown>,
  column: ColumnOfAttribute,
  value: unknown,
): void {
  const single = column.multiValued ? primaryValue(value) : value;
  if (isUnassigned(single)) {
    columns.set(column.column, column.unassigned);
    if (column.key !== undefined) columns.set(column.key, null);
    return;
  }
  if (typeof single !== column.type) {
    throw new InvalidValueError(column.path, `it is a ${column.type}.`);
  }
  // 1 and 0 are what columns of integers and of booleans take alike.
  columns.set(
    column.column,
    typeof single === "boolean" ? Number(single !== column.invert) : single,
  );
  if (column.key !== undefined) columns.set(column.key, caseless(String(single)));
}

/** The value of an attribute that its column holds. */
export function decode(column: ColumnOfAttribute, stored: unknown): unknown {
  if (stored === null || stored === undefined) return undefined;
  if (column.type === "boolean") return isTrue(stored) !== column.invert;
  if (stored === column.unassigned) return undefined;
  const value = column.type === "number" ? Number(stored) : instant(stored);
  return column.multiValued ? [{ value, primary: true }] : value;
}

function primaryValue(values: unknown): unknown {
  if (!Array.isArray(values)) return undefined;
  const items: unknown[] = values;
  const chosen = items.find((item) => valueAt(item, ["", "primary"]) === true) ?? items[0];
  return isObject(chosen) ? valueAt(chosen, ["", "value"]) : chosen;
}

function isTrue(stored: unknown): boolean {
  return stored === true || stored === "t" || stored === "true" || Number(stored) === 1;
}

/** Drivers return some columns of text as other things: times as `Date`, numbers as numbers. */
export function instant(stored: unknown): string {
  return stored instanceof Date ? stored.toISOString() : String(stored);
}

/** Puts a value into a resource, and makes the complex attribute that it is in. */
export function assign(
  resource: Record<string, unknown>,
  members: readonly string[],
  value: unknown,
): void {
  const last = members.length - 1;
  let inside = resource;
  for (const name of members.slice(0, last)) {
    const next = inside[name];
    const copy = isObject(next) ? { ...next } : {};
    inside[name] = copy;
    inside = copy;
  }
  inside[members[last] ?? ""] = value;
}
