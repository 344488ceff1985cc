import { isDeepStrictEqual } from "node:util";
import {
  InvalidValueError,
  NotFoundError,
  UnsupportedError,
  VersionConflictError,
} from "../../core/index.js";
import {
  type AttributeValues,
  type Capabilities,
  type ChangeSet,
  type Modification,
  reachesWithin,
  type WriteOptions,
  wholeChangeSet,
} from "../../repositories/index.js";
import { changeSetFor } from "../../repositories/internal.js";
import type { Resource, ResourceType } from "../../scim/index.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { SqlDialect } from "../sql/dialect.js";
import { supportedOperators } from "./filter.js";
import type { RowChange } from "./rows.js";
import type { ResourceTable } from "./table.js";

/** What a repository over a table can do. */
export function capabilitiesOf<T extends Resource>(
  table: ResourceTable<T>,
  own: Pick<Capabilities, "deletedMembers" | "groupsOfMany"> & { readonly sessions?: boolean } = {},
): Capabilities {
  const { session, parts } = table;
  const { map, type, filterColumns, maxPageSize } = parts;
  let filter: Capabilities["filter"] | undefined;
  const attributes = keptAttributes(map, type);
  return {
    ...(attributes !== undefined && { attributes }),
    // A repository is made for every transaction, and few ask for this. To spread the object would be to ask.
    get filter() {
      filter ??= supportedOperators(type, filterColumns, session.dialect);
      return filter;
    },
    logic: ["and", "or", "not"],
    get sort() {
      return [...table.orders.keys()];
    },
    pages: ["index", "cursor"],
    maxPageSize,
    versions: map.version === undefined ? "none" : "atomic",
    ids: reusesIds(map, session.dialect) ? "reused" : "permanent",
    delete: map.delete ?? "hard",
    rename: true,
    sessions: false,
    ...own,
  };
}

/**
 * The attributes that have a column; `undefined` where a column has the others. Of several values, a column has one.
 */
function keptAttributes(
  { attributes, others }: ResourceMap,
  type: ResourceType,
): readonly string[] | undefined {
  if (typeof others === "object") return undefined;
  const mapped = Object.keys(attributes).filter((path) => attributes[path] !== undefined);
  return mapped.map((path) => {
    const found = type.attributes.get(path.toLowerCase());
    const isOneOfSeveral =
      found?.subAttribute === undefined &&
      found?.attribute.multiValued === true &&
      found.attribute.subAttributes.has("value");
    return isOneOfSeveral ? `${found.path}.value` : (found?.path ?? path);
  });
}

/** Whether the id of a row that was deleted may be given to a new one. */
function reusesIds({ id }: ResourceMap, { name }: SqlDialect): boolean {
  return id.reused ?? (name === "sqlite" && id.type === "integer" && id.generate === undefined);
}

/**
 * Refuses a table whose ids are used again while nothing distinguishes its rows.
 *
 * @throws {InvalidValueError} there is no column for that.
 */
export function checkIds(map: ResourceMap, dialect: SqlDialect): void {
  if (!reusesIds(map, dialect) || map.mark !== undefined || map.created !== undefined) return;
  throw new InvalidValueError(
    "map.id.reused",
    `the table "${map.table}" may assign the id of a deleted row to a new one, and a link would follow it to ` +
      "another person. Map `created` or `mark`, or say `reused: false` where the database never does that, as SQLite " +
      "with autoincrement.",
  );
}

/** What a change set writes to the row; relations are left to others. */
export function rowChange<T extends Resource, N extends object>(
  table: ResourceTable<T>,
  { set, unset }: ChangeSet<N>,
): RowChange {
  const cleared = (unset ?? []).map((name) => [name, undefined] as const);
  const given = new Map<string, unknown>([...Object.entries(set ?? {}), ...cleared]);
  return table.parts.rows.part(given);
}

/** How a repository reads one of its resources and changes it. */
export interface ReadAndApply<T extends Resource, N> {
  readonly type: ResourceType;
  read(table: ResourceTable<T>): Promise<T | undefined>;
  apply(table: ResourceTable<T>, changes: ChangeSet<N>, options: WriteOptions): Promise<void>;
}

/**
 * Makes a modification: a blind one at once, one that reads, or that reaches within attributes, on what it has read.
 * What was read to be so already is not written, and if that is all, the resource keeps its version.
 *
 * If another writer came between, or if there is no version that would show it, it is made while the row is locked:
 * where a hundred writers compare versions, each of them is too late nearly a hundred times.
 */
export async function modifyBy<T extends Resource, N>(
  table: ResourceTable<T>,
  id: string,
  modification: Modification<T, N>,
  { type, read, apply }: ReadAndApply<T, N>,
  options: WriteOptions = {},
): Promise<void> {
  if (!("plan" in modification) && !reachesWithin(type, modification)) {
    return await apply(table, modification, options);
  }
  const change = async (at: ResourceTable<T>): Promise<void> => {
    const current = await read(at);
    if (current === undefined) throw new NotFoundError(id);
    const ifVersion = options.ifVersion ?? current.meta?.version;
    const conditions = ifVersion === undefined ? options : { ...options, ifVersion };
    const changes = wholeChangeSet(type, current, changeSetFor(modification, current));
    await apply(at, needed(current, changes), conditions);
  };
  if (table.parts.map.version !== undefined) {
    try {
      return await change(table);
    } catch (error) {
      const isLate = error instanceof VersionConflictError && options.ifVersion === undefined;
      if (!isLate) throw error;
    }
  }
  await table.session.atomically((session) => change(table.in(session).locking()));
}

/**
 * What is left of a change set of whole attributes without what the resource has already. Members stay in it, since the
 * resource may have been read without them.
 */
function needed<T extends Resource, N>(
  current: T,
  { set = {}, unset = [], relations }: ChangeSet<N>,
): ChangeSet<N> {
  const values = new Map<string, unknown>(Object.entries(current));
  const isNew = ([path, value]: [string, unknown]): boolean =>
    path === "members" || !isDeepStrictEqual(values.get(path), value);
  return {
    set: Object.fromEntries(Object.entries<unknown>(set).filter(isNew)) as AttributeValues<N>,
    unset: unset.filter((path) => isNew([path, undefined])),
    ...(relations !== undefined && { relations }),
  };
}

/** Removes the resource, or deactivates it, as the map says. */
export async function remove<T extends Resource>(
  table: ResourceTable<T>,
  id: string,
  options?: WriteOptions,
): Promise<void> {
  switch (table.parts.map.delete ?? "hard") {
    case "hard":
      return await table.delete(id, options);
    case "deactivate":
      return await table.update(id, table.parts.rows.part([["active", false]]), options);
    case "none":
      throw new UnsupportedError("This store does not delete resources.");
  }
}
