import { NotFoundError, UnsupportedError, VersionConflictError } from "../core/index.js";
import type { Capabilities, ChangeSet, Modification, WriteOptions } from "../repositories/index.js";
import type { Resource } from "../scim/index.js";
import { isFiltered } from "./attribute-columns.js";
import type { RowChange } from "./resource-rows.js";
import type { ResourceTable, ResourceTableParts } from "./resource-table.js";

/** How often a modification that reads is tried before other writers have won. */
const attempts = 10;

/** What a repository over a table can do. */
export function capabilitiesOf<T extends Resource>({
  map,
  rows,
  maxPageSize,
}: ResourceTableParts<T>): Capabilities {
  const filtered = rows.columns.filter(isFiltered);
  return {
    filter: Object.fromEntries(
      ["id", ...filtered.map(({ path }) => path)].map((path) => [path, ["eq"] as const]),
    ),
    maxPageSize,
    versions: map.version === undefined ? "none" : "atomic",
    delete: map.delete ?? "hard",
    rename: true,
    sessions: false,
  };
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

/**
 * Makes a modification: a blind one at once, one that reads on what it has read, and again when another writer came
 * between.
 */
export async function modifyBy<T extends Resource, N>(
  id: string,
  modification: Modification<T, N>,
  read: () => Promise<T | undefined>,
  apply: (changes: ChangeSet<N>, options: WriteOptions) => Promise<void>,
  options: WriteOptions = {},
): Promise<void> {
  if (!("plan" in modification)) return await apply(modification, options);
  for (let attempt = 1; ; attempt++) {
    const current = await read();
    if (current === undefined) throw new NotFoundError(id);
    const ifVersion = options.ifVersion ?? current.meta?.version;
    try {
      return await apply(modification.plan(current), {
        ...options,
        ...(ifVersion === undefined ? {} : { ifVersion }),
      });
    } catch (error) {
      const again =
        error instanceof VersionConflictError &&
        options.ifVersion === undefined &&
        attempt < attempts;
      if (!again) throw error;
    }
  }
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
