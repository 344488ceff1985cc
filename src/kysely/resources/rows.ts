import { caseless, InvalidValueError } from "../../core/index.js";
import type { Meta, Resource, ResourceType } from "../../scim/index.js";
import { comparedValue } from "../../scim/internal.js";
import {
  attributeColumns,
  type ColumnOfAttribute,
  isFiltered,
  isIgnored,
} from "../column-map/attribute-columns.js";
import {
  assign,
  decode,
  encode,
  instant,
  isObject,
  isUnassigned,
  leaving,
  valueAt,
} from "../column-map/attribute-values.js";
import type { ResourceMap } from "../column-map/column-map.js";
import { lostParts } from "../column-map/lost-parts.js";
import {
  besideColumns,
  chooseValues,
  joinValues,
  type ValueColumns,
  valueIn,
} from "../column-map/value-columns.js";
import { decodeJson } from "../sql/stored-json.js";
import { checkText } from "../sql/stored-text.js";

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
  /** The paths of what was asked for and is ignored, since the row has no column for it. */
  readonly ignored: readonly string[];
}

/** The columns of an attribute. */
interface Mapped {
  /** Those that have a value of their own. */
  readonly single: readonly ColumnOfAttribute[];
  /** Those that have one of several values, for each attribute that has such. */
  readonly lists: readonly ValueColumns[];
  /** Whether one column has all of the attribute. */
  readonly isWhole: boolean;
}

const unmapped: Mapped = { single: [], lists: [], isWhole: false };

/** KeyedMutex resources of one type into rows of one table, and back. */
export class ResourceRows<T extends Resource> {
  readonly type: "User" | "Group";
  readonly columns: readonly ColumnOfAttribute[];
  /** The names of the columns that are read, each once. */
  readonly selected: readonly string[];
  /** The names of the columns of keys that the repository keeps. */
  readonly keys: readonly string[];
  /** The columns that hold an attribute, or its sub-attributes, by the attribute's name. */
  readonly #columnsOf: ReadonlyMap<string, Mapped>;
  readonly #map: ResourceMap;
  readonly #resourceType: ResourceType;
  /** The column that distinguishes resources that were read from others of the same id, where there is one. */
  readonly #marks = new WeakMap<T, string>();
  /** The attribute that a resource of the type must have. */
  readonly #required: "userName" | "displayName";
  /** The attributes that are always written, with or without a value. */
  readonly #written: readonly string[];

  constructor(type: "User" | "Group", map: ResourceMap, resourceType: ResourceType) {
    this.type = type;
    this.#map = map;
    this.#resourceType = resourceType;
    this.#required = type === "User" ? "userName" : "displayName";
    this.columns = attributeColumns(resourceType, map);
    this.#columnsOf = new Map(
      Array.from(
        Map.groupBy(this.columns, ({ members }) => members[0]),
        ([name, columns]) => [name, mappedBy(columns)],
      ),
    );
    this.#written = [...new Set([this.#required, ...this.#columnsOf.keys()])];
    const documentKey = typeof map.others === "object" ? map.others.key : undefined;
    const kept = this.columns.map(({ key, generatedKey }) => (generatedKey ? undefined : key));
    this.keys = [...kept, documentKey].flatMap((key) => key ?? []);
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
    const given: [string, unknown][] = Object.entries(attributes);
    for (const name of this.#written) {
      if (!Object.hasOwn(attributes, name)) given.push([name, undefined]);
    }
    const { columns, set, key, ignored } = this.part(given);
    const { others } = this.#map;
    if (typeof others !== "object") return { columns, set, removed: [], ignored };
    columns.set(others.column, JSON.stringify(Object.fromEntries(set)));
    if (others.key !== undefined) {
      columns.set(others.key, JSON.stringify(Object.fromEntries(key?.set ?? [])));
    }
    return { columns, set: new Map(), removed: [], ignored };
  }

  /** What creating a resource with these attributes writes; columns without a value are left to their defaults. */
  created(attributes: object): Pick<RowChange, "ignored"> & { columns: Map<string, unknown> } {
    const { columns, ignored } = this.whole(attributes);
    for (const [name, value] of columns) if (value === null) columns.delete(name);
    return { columns, ignored };
  }

  /**
   * What giving attributes these values, whole, writes; an attribute without a value is cleared. What is written is
   * read again, without a question to the database: what was asked for and is not in it is refused, or among `ignored`
   * where the map says so.
   *
   * @throws {InvalidValueError} a value that cannot be stored, or one for which the table has no column.
   */
  part(
    attributes: Iterable<readonly [string, unknown]>,
  ): RowChange & { readonly columns: Map<string, unknown> } {
    const columns = new Map<string, unknown>();
    const set = new Map<string, unknown>();
    const removed: string[] = [];
    const key = { set: new Map<string, unknown>(), removed: [] as string[] };
    const ignored: string[] = [];
    for (const [name, value] of attributes) {
      if (isIgnored(name)) continue;
      if (name === this.#required && (isUnassigned(value) || value === "")) {
        throw new InvalidValueError(name, "it is required.");
      }
      checkText(name, value);
      const mapped = this.#columnsOf.get(name) ?? unmapped;
      if (this.#encodePlain(columns, mapped, value)) {
        this.#key(name, value, mapped, key);
        continue;
      }
      const beside = this.#encodeMembers(columns, mapped, value);
      if (beside !== undefined) {
        this.#key(name, value, mapped, key);
        this.#other(name, beside, set, removed);
        continue;
      }
      const other = this.#encode(columns, mapped, value);
      this.#key(name, value, mapped, key);
      if (!mapped.isWhole) this.#other(name, other, set, removed);
      if (mapped === unmapped && set.has(name)) continue;
      const held = this.#attribute(mapped, set.get(name), (column) => columns.get(column));
      const lost = lostParts(name, value, held);
      if (lost[0] === undefined) continue;
      if (this.#map.others !== "ignore") {
        throw new InvalidValueError(lost[0], "this store cannot hold it, or not all of it.");
      }
      ignored.push(...lost);
    }
    return { columns, set, removed, key, ignored };
  }

  /**
   * Puts an attribute that is one text or truth value of a column of its own there, if it is: it cannot be lost on the
   * way.
   */
  #encodePlain(
    columns: Map<string, unknown>,
    { single, isWhole }: Mapped,
    value: unknown,
  ): boolean {
    const [only] = single;
    if (!isWhole || only === undefined || typeof value !== only.type) return false;
    if (only.type === "number" || value === only.unassigned) return false;
    encode(columns, only, value);
    return true;
  }

  /**
   * Puts the sub-attributes of an attribute that are texts or truth values into columns of their own, if that is all
   * there is to do, and returns what goes into the document beside: neither can be lost on the way.
   */
  #encodeMembers(
    columns: Map<string, unknown>,
    { single, lists, isWhole }: Mapped,
    value: unknown,
  ): Record<string, unknown> | undefined {
    if (isWhole || lists.length > 0 || single.length === 0 || !isObject(value)) return undefined;
    if (typeof this.#map.others !== "object") return undefined;
    const own = new Set<string>();
    for (const { members, type, unassigned } of single) {
      const [, name] = members;
      if (members.length !== 2 || name === undefined || type === "number") return undefined;
      const inside = Object.hasOwn(value, name) ? value[name] : undefined;
      if (inside !== undefined && (typeof inside !== type || inside === unassigned))
        return undefined;
      own.add(name);
    }
    for (const column of single) encode(columns, column, valueAt(value, column.members));
    const others = Object.entries(value).filter(([name]) => !own.has(name));
    return Object.fromEntries(others);
  }

  /** Puts an attribute into its columns, and returns what there is of it beside. */
  #encode(columns: Map<string, unknown>, { single, lists }: Mapped, value: unknown): unknown {
    let other = value;
    for (const column of single) {
      encode(columns, column, valueAt(value, column.members));
      other = leaving(other, column.members, undefined);
    }
    for (const list of lists) {
      const [{ members } = { members: [""] }] = list;
      const values = valueAt(value, members);
      const chosen = chooseValues(list, values);
      for (const column of list) encode(columns, column, valueIn(chosen.get(column)));
      other = leaving(other, members, besideColumns(values, chosen));
    }
    return other;
  }

  /** An attribute, of what is stored beside its columns, and of what is in these. */
  #attribute(
    { single, lists, isWhole }: Mapped,
    beside: unknown,
    stored: (column: string) => unknown,
  ): unknown {
    const [only] = single;
    if (isWhole && only !== undefined) return decode(only, stored(only.column));
    const holder: Record<string, unknown> = beside === undefined ? {} : { [attributeName]: beside };
    const pathTo = ([, ...inner]: readonly string[]): readonly string[] => [
      attributeName,
      ...inner,
    ];
    for (const column of single) {
      const value = decode(column, stored(column.column));
      if (value !== undefined) assign(holder, pathTo(column.members), value);
    }
    for (const list of lists) {
      const [{ members } = { members: [""] }] = list;
      const kept = valueAt(holder[attributeName], members);
      const values = joinValues(list, kept, (column) => decode(column, stored(column.column)));
      if (values !== undefined || kept !== undefined) assign(holder, pathTo(members), values);
    }
    return holder[attributeName];
  }

  /** Puts an attribute in the form in which it is compared, unless filters go by a column of its own. */
  #key(
    name: string,
    value: unknown,
    { single, isWhole }: Mapped,
    { set, removed }: { set: Map<string, unknown>; removed: string[] },
  ): void {
    const { others } = this.#map;
    if (typeof others !== "object" || others.key === undefined) return;
    if (isWhole && single.every(isFiltered)) return;
    if (isUnassigned(value)) removed.push(name);
    else set.set(name, comparedValue(this.#resourceType, name, value));
  }

  /** The resource that a row holds. */
  resource(row: Row): T {
    const resource = this.#others(row);
    for (const [name, mapped] of this.#columnsOf) {
      const value = this.#attribute(mapped, resource[name], (column) => row[column]);
      if (value !== undefined) resource[name] = value;
      else delete resource[name];
    }
    // The map was checked against the schema of `T`; attributes that are in no schema are JSON as it was stored.
    const whole = { ...resource, id: String(row[this.#map.id.column]), meta: this.#meta(row) } as T;
    const mark = this.#map.mark === undefined ? undefined : row[this.#map.mark];
    if (mark !== undefined && mark !== null) this.#marks.set(whole, markText(mark));
    return whole;
  }

  /** The values of a row that are in the columns of attributes. */
  columnsIn(row: Row): ReadonlyMap<string, unknown> {
    return new Map(this.columns.map(({ column }) => [column, row[column]]));
  }

  /** The keys that a row should have, by column; a document as an object. */
  keysOf(row: Row): ReadonlyMap<string, unknown> {
    const keys = new Map<string, unknown>();
    for (const column of this.columns) {
      if (column.key === undefined || column.generatedKey) continue;
      const value = decode(column, row[column.column]);
      keys.set(column.key, value === undefined ? null : caseless(String(value)));
    }
    const { others } = this.#map;
    if (typeof others !== "object" || others.key === undefined) return keys;
    const key = { set: new Map<string, unknown>(), removed: [] };
    for (const [name, value] of Object.entries(this.resource(row))) {
      if (!isIgnored(name)) this.#key(name, value, this.#columnsOf.get(name) ?? unmapped, key);
    }
    return keys.set(others.key, Object.fromEntries(key.set));
  }

  /** What distinguishes a resource that was read from another one that gets the same id later. */
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

/** Stands for the name of an attribute while it is put together. */
const attributeName = "attribute";

function mappedBy(columns: readonly ColumnOfAttribute[]): Mapped {
  const single = columns.filter(({ value }) => value === undefined);
  const several = columns.filter(({ value }) => value !== undefined);
  return {
    single,
    lists: [...Map.groupBy(several, ({ path }) => path).values()],
    isWhole: single.some(({ members }) => members.length === 1),
  };
}

/**
 * A value of a column that distinguishes rows, as a text: drivers return times as dates, and integers in several forms.
 */
function markText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
