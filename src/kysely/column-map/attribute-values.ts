import { caseless, InvalidValueError } from "../../core/index.js";
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

/** The value without what columns hold of it, or with what is left of that; from the member at this depth on. */
export function leaving(
  value: unknown,
  members: readonly string[],
  left: unknown,
  depth = 1,
): unknown {
  const name = members[depth];
  if (name === undefined) return left;
  if (!isObject(value) || !Object.hasOwn(value, name)) return value;
  const { [name]: inside, ...others } = value;
  const rest = leaving(inside, members, left, depth + 1);
  return rest === undefined ? others : { ...others, [name]: rest };
}

/** Puts the value of an attribute, or one of several, into its columns. */
export function encode(
  columns: Map<string, unknown>,
  column: ColumnOfAttribute,
  value: unknown,
): void {
  const key = column.generatedKey ? undefined : column.key;
  if (isUnassigned(value)) {
    columns.set(column.column, column.unassigned);
    if (key !== undefined) columns.set(key, null);
    return;
  }
  if (typeof value !== column.type) {
    throw new InvalidValueError(column.path, `it is a ${column.type}.`);
  }
  // 1 and 0 are what columns of integers and of booleans take alike.
  columns.set(column.column, typeof value === "boolean" ? Number(value !== column.invert) : value);
  if (key !== undefined) columns.set(key, caseless(String(value)));
}

/** The value of an attribute, or that of several, that its column holds. */
export function decode(column: ColumnOfAttribute, stored: unknown): unknown {
  if (stored === null || stored === undefined) return undefined;
  if (column.type === "boolean") return isTrue(stored) !== column.invert;
  if (stored === column.unassigned) return undefined;
  return column.type === "number" ? Number(stored) : instant(stored);
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
