import { InvalidValueError } from "../core/index.js";
import type { Meta, Resource } from "../scim/index.js";
import { attributeColumns, type ColumnOfAttribute, isPassedOver } from "./attribute-columns.js";
import type { ResourceMap } from "./column-map.js";
import { checkText, foldCase } from "./stored-text.js";

/** A row as the driver returns it. */
export type Row = Readonly<Record<string, unknown>>;

/** What a write stores of a resource. */
export interface RowChange {
  /** The values of columns. */
  readonly columns: ReadonlyMap<string, unknown>;
  /** The members of the JSON column that are set. */
  readonly set: ReadonlyMap<string, unknown>;
  /** The members of the JSON column that are removed. */
  readonly removed: readonly string[];
}

/** Turns resources of one type into rows of one table, and back. */
export class ResourceRows<T extends Resource> {
  readonly columns: readonly ColumnOfAttribute[];
  /** The names of the columns that are read, each once. */
  readonly selected: readonly string[];
  readonly #type: "User" | "Group";
  readonly #map: ResourceMap;
  /** The attribute that a resource of the type must have. */
  readonly #required: "userName" | "displayName";

  constructor(type: "User" | "Group", map: ResourceMap) {
    this.#type = type;
    this.#map = map;
    this.#required = type === "User" ? "userName" : "displayName";
    this.columns = attributeColumns(type, map);
    const own = [map.version, map.created, map.lastModified];
    const others = typeof map.others === "object" ? [map.others.column] : [];
    this.selected = [
      ...new Set([
        map.id.column,
        ...this.columns.map(({ column }) => column),
        ...own.flatMap((column) => column ?? []),
        ...others,
      ]),
    ];
  }

  /** What storing these attributes, and no others, writes. */
  whole(attributes: object): RowChange {
    const given = new Map(Object.entries(attributes));
    const mapped = new Set(this.columns.map(({ members }) => members[0]));
    if (!given.has(this.#required)) given.set(this.#required, undefined);
    for (const name of mapped) if (!given.has(name)) given.set(name, undefined);
    return this.part(given);
  }

  /** What creating a resource with these attributes writes; columns of others are left to their defaults. */
  created(attributes: object): RowChange {
    const given = new Map(Object.entries(attributes));
    if (!given.has(this.#required)) given.set(this.#required, undefined);
    const change = this.part(given);
    const columns = new Map(
      [...change.columns].filter(([, value]) => value !== null && value !== undefined),
    );
    return { ...change, columns };
  }

  /**
   * What giving attributes these values, whole, writes; an attribute without a value is cleared.
   *
   * @throws {InvalidValueError} a value that cannot be stored, or an attribute that has no place in the table.
   */
  part(attributes: Iterable<readonly [string, unknown]>): RowChange {
    const columns = new Map<string, unknown>();
    const set = new Map<string, unknown>();
    const removed: string[] = [];
    for (const [name, value] of attributes) {
      if (isPassedOver(name)) continue;
      if (name === this.#required && (isUnassigned(value) || value === "")) {
        throw new InvalidValueError(name, "it is required.");
      }
      checkText(name, value);
      const mapped = this.columns.filter(({ members }) => members[0] === name);
      for (const column of mapped) encode(columns, column, valueAt(value, column.members));
      const other = mapped.reduce<unknown>((rest, { members }) => without(rest, members, 1), value);
      this.#other(name, other, set, removed);
    }
    return { columns, set, removed };
  }

  /** The resource that a row holds. */
  resource(row: Row): T {
    const resource = this.#others(row);
    for (const column of this.columns) {
      const value = decode(column, row[column.column]);
      if (value !== undefined) assign(resource, column.members, value);
    }
    // The map was checked against the schema of `T`; attributes that are in no schema are JSON as it was stored.
    return { ...resource, id: String(row[this.#map.id.column]), meta: this.#meta(row) } as T;
  }

  /** The version of a row, as `meta.version` and an entity-tag have it. */
  version(row: Row): string | undefined {
    const { version } = this.#map;
    return version === undefined ? undefined : `W/"${String(row[version])}"`;
  }

  #other(name: string, value: unknown, set: Map<string, unknown>, removed: string[]): void {
    const { others } = this.#map;
    if (typeof others === "object") {
      if (!/^[A-Za-z][A-Za-z0-9$_:./-]*$/.test(name)) {
        throw new InvalidValueError(name, "it is not the name of an attribute (RFC 7643 §2.1).");
      }
      if (isUnassigned(value)) removed.push(name);
      else set.set(name, value);
    } else if (others === "refuse" && !isUnassigned(value)) {
      throw new InvalidValueError(name, "this store has no place for it, or for all of it.");
    }
  }

  #others(row: Row): Record<string, unknown> {
    const { others } = this.#map;
    const stored = typeof others === "object" ? row[others.column] : undefined;
    const parsed: unknown = typeof stored === "string" ? JSON.parse(stored) : stored;
    return isObject(parsed) ? { ...parsed } : {};
  }

  #meta(row: Row): Meta {
    const { created, lastModified } = this.#map;
    const version = this.version(row);
    return {
      resourceType: this.#type,
      ...(created === undefined ? {} : { created: instant(row[created]) }),
      ...(lastModified === undefined ? {} : { lastModified: instant(row[lastModified]) }),
      ...(version === undefined ? {} : { version }),
    };
  }
}

/** Whether a value counts as none (RFC 7643 §2.5). */
function isUnassigned(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every(isUnassigned);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value that the members of a column lead to, from that of the first of them. */
function valueAt(value: unknown, [, ...members]: readonly string[]): unknown {
  return members.reduce<unknown>(
    (inside, name) => (isObject(inside) && Object.hasOwn(inside, name) ? inside[name] : undefined),
    value,
  );
}

/** The value without what a column holds of it. */
function without(value: unknown, members: readonly string[], depth: number): unknown {
  const name = members[depth];
  if (name === undefined) return undefined;
  if (!isObject(value) || !Object.hasOwn(value, name)) return value;
  const { [name]: inside, ...others } = value;
  const left = without(inside, members, depth + 1);
  return left === undefined ? others : { ...others, [name]: left };
}

function encode(columns: Map<string, unknown>, column: ColumnOfAttribute, value: unknown): void {
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
  if (column.key !== undefined) columns.set(column.key, foldCase(String(single)));
}

function decode(column: ColumnOfAttribute, stored: unknown): unknown {
  if (stored === null || stored === undefined) return undefined;
  if (column.type === "boolean") return isTrue(stored) !== column.invert;
  if (stored === column.unassigned) return undefined;
  const value = column.type === "number" ? Number(stored) : instant(stored);
  return column.multiValued ? [{ value, primary: true }] : value;
}

function primaryValue(values: unknown): unknown {
  if (!Array.isArray(values)) return undefined;
  const items: unknown[] = values;
  const chosen = items.find((item) => isObject(item) && item["primary"] === true) ?? items[0];
  return isObject(chosen) ? chosen["value"] : chosen;
}

function isTrue(stored: unknown): boolean {
  return stored === true || stored === "t" || stored === "true" || Number(stored) === 1;
}

/** Drivers return some columns of text as other things: times as `Date`, numbers as numbers. */
function instant(stored: unknown): string {
  return stored instanceof Date ? stored.toISOString() : String(stored);
}

/** Puts a value into a resource, and makes the complex attribute that it is in. */
function assign(
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
