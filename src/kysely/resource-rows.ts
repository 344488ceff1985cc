import { InvalidValueError } from "../core/index.js";
import { comparedForm, type Meta, type Resource, type ResourceType } from "../scim/index.js";
import {
  attributeColumns,
  type ColumnOfAttribute,
  isFiltered,
  isPassedOver,
} from "./attribute-columns.js";
import {
  assign,
  decode,
  encode,
  instant,
  isObject,
  isUnassigned,
  valueAt,
  without,
} from "./attribute-values.js";
import type { ResourceMap } from "./column-map.js";
import { decodeJson } from "./stored-json.js";
import { checkText } from "./stored-text.js";

/** A row as the driver returns it. */
export type Row = Readonly<Record<string, unknown>>;

/** What a write changes of a row. */
export interface RowChange {
  /** The values of columns. */
  readonly columns: ReadonlyMap<string, unknown>;
  /** The members of the JSON column that are set, while others stay. */
  readonly set: ReadonlyMap<string, unknown>;
  /** The members of the JSON column that are removed. */
  readonly removed: readonly string[];
  /** The same for the JSON column by which filters go, where there is one. */
  readonly key?: Pick<RowChange, "set" | "removed">;
}

/** Turns resources of one type into rows of one table, and back. */
export class ResourceRows<T extends Resource> {
  readonly type: "User" | "Group";
  readonly columns: readonly ColumnOfAttribute[];
  /** The names of the columns that are read, each once. */
  readonly selected: readonly string[];
  /** The columns that hold an attribute, or its sub-attributes, by the attribute's name. */
  readonly #columnsOf: ReadonlyMap<string, readonly ColumnOfAttribute[]>;
  readonly #map: ResourceMap;
  readonly #resourceType: ResourceType;
  /** What tells resources that were read apart from others of the same id, where that is a column of its own. */
  readonly #marks = new WeakMap<T, string>();
  /** The attribute that a resource of the type must have. */
  readonly #required: "userName" | "displayName";

  constructor(type: "User" | "Group", map: ResourceMap, resourceType: ResourceType) {
    this.type = type;
    this.#map = map;
    this.#resourceType = resourceType;
    this.#required = type === "User" ? "userName" : "displayName";
    this.columns = attributeColumns(type, map);
    this.#columnsOf = Map.groupBy(this.columns, ({ members }) => members[0]);
    const needed = map.delete === "deactivate" ? [this.#required, "active"] : [this.#required];
    for (const name of needed) {
      if (!this.#columnsOf.has(name)) {
        throw new InvalidValueError(name, "it needs a column, since the repository goes by it.");
      }
    }
    const own = [map.version, map.created, map.mark, map.lastModified];
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
  whole(attributes: object): RowChange & { readonly columns: Map<string, unknown> } {
    const given = new Map(Object.entries(attributes));
    for (const name of [this.#required, ...this.#columnsOf.keys()]) {
      if (!given.has(name)) given.set(name, undefined);
    }
    const { columns, set, key } = this.part(given);
    const { others } = this.#map;
    if (typeof others !== "object") return { columns, set, removed: [] };
    columns.set(others.column, JSON.stringify(Object.fromEntries(set)));
    if (others.key !== undefined) {
      columns.set(others.key, JSON.stringify(Object.fromEntries(key?.set ?? [])));
    }
    return { columns, set: new Map(), removed: [] };
  }

  /** What creating a resource with these attributes writes; columns without a value are left to their defaults. */
  created(attributes: object): Map<string, unknown> {
    const { columns } = this.whole(attributes);
    for (const [name, value] of columns) if (value === null) columns.delete(name);
    return columns;
  }

  /**
   * What giving attributes these values, whole, writes; an attribute without a value is cleared.
   *
   * @throws {InvalidValueError} a value that cannot be stored, or an attribute that has no place in the table.
   */
  part(
    attributes: Iterable<readonly [string, unknown]>,
  ): RowChange & { readonly columns: Map<string, unknown> } {
    const columns = new Map<string, unknown>();
    const set = new Map<string, unknown>();
    const removed: string[] = [];
    const key = { set: new Map<string, unknown>(), removed: [] as string[] };
    for (const [name, value] of attributes) {
      if (isPassedOver(name)) continue;
      if (name === this.#required && (isUnassigned(value) || value === "")) {
        throw new InvalidValueError(name, "it is required.");
      }
      checkText(name, value);
      const mapped = this.#columnsOf.get(name) ?? [];
      for (const column of mapped) encode(columns, column, valueAt(value, column.members));
      this.#key(name, value, mapped, key);
      if (mapped.some(({ members }) => members.length === 1)) continue;
      const other = mapped.reduce<unknown>((rest, { members }) => without(rest, members, 1), value);
      this.#other(name, other, set, removed);
    }
    return { columns, set, removed, key };
  }

  /** Puts an attribute in the form in which it is compared, unless filters go by a column of its own. */
  #key(
    name: string,
    value: unknown,
    mapped: readonly ColumnOfAttribute[],
    { set, removed }: { set: Map<string, unknown>; removed: string[] },
  ): void {
    const { others } = this.#map;
    if (typeof others !== "object" || others.key === undefined) return;
    const whole = mapped.find(({ members }) => members.length === 1);
    if (whole !== undefined && (whole.multiValued || isFiltered(whole))) return;
    if (isUnassigned(value)) removed.push(name);
    else set.set(name, comparedForm(this.#resourceType, { [name]: value })[name]);
  }

  /** The resource that a row holds. */
  resource(row: Row): T {
    const resource = this.#others(row);
    for (const column of this.columns) {
      const value = decode(column, row[column.column]);
      if (value !== undefined) assign(resource, column.members, value);
    }
    // The map was checked against the schema of `T`; attributes that are in no schema are JSON as it was stored.
    const whole = { ...resource, id: String(row[this.#map.id.column]), meta: this.#meta(row) } as T;
    const mark = this.#map.mark === undefined ? undefined : row[this.#map.mark];
    if (mark !== undefined && mark !== null) this.#marks.set(whole, markText(mark));
    return whole;
  }

  /** What tells a resource that was read apart from another one that is given the same id later. */
  markOf(resource: T): string | undefined {
    return this.#map.mark === undefined ? resource.meta?.created : this.#marks.get(resource);
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
    if (typeof others !== "object") return {};
    const stored = row[others.column];
    const parsed = typeof stored === "string" ? decodeJson(others.column, stored) : stored;
    return isObject(parsed) ? { ...parsed } : {};
  }

  #meta(row: Row): Meta {
    const { created, lastModified } = this.#map;
    const version = this.version(row);
    return {
      resourceType: this.type,
      ...(created === undefined ? {} : { created: instant(row[created]) }),
      ...(lastModified === undefined ? {} : { lastModified: instant(row[lastModified]) }),
      ...(version === undefined ? {} : { version }),
    };
  }
}

/** A value of a column that tells rows apart, as a text: drivers return times as dates, and integers in several forms. */
function markText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
