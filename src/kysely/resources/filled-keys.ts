import { UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import type { Session } from "../sql/session.js";
import type { ResourceTableParts } from "./table-parts.js";

/** The tables of which no key was empty, by the database that they are in. */
const checked = new WeakMap<object, Set<string>>();

/** A table of resources, as far as its keys are looked at. */
interface KeyedTable<T extends Resource> {
  readonly session: Session;
  readonly parts: ResourceTableParts<T>;
  readonly name: string;
}

/**
 * Refuses a table with empty keys, once for each database: a user whose key is empty would not be found, and would get
 * a second account.
 *
 * @throws {UnsupportedError} a row has a value and no key for it.
 */
export async function assertKeys<T extends Resource>(
  { session, parts, name }: KeyedTable<T>,
  options?: CallOptions,
): Promise<void> {
  const { rows, map } = parts;
  if (parts.isOwn || rows.keys.length === 0) return;
  const known = checkedIn(session);
  const which = JSON.stringify([map.schema, map.table, rows.keys]);
  if (known.has(which)) return;
  const { quote } = session.dialect;
  for (const key of rows.keys) {
    const of = rows.columns.find((column) => column.key === key);
    // An empty text is of no use as a key; a document of keys has no `unassigned`.
    const [row] = await session.read((p) => {
      const column = quote(key);
      if (of === undefined) return `select 1 as found from ${name} where ${column} is null limit 1`;
      const value = quote(of.column);
      const isNot =
        typeof of.unassigned === "string" ? ` and ${value} <> ${p.value(of.unassigned)}` : "";
      return `select 1 as found from ${name}
        where (${column} is null or ${column} = '') and ${value} is not null and ${value} <> ''${isNot} limit 1`;
    }, options);
    if (row !== undefined) {
      throw new UnsupportedError(
        `The column "${key}" of the table "${map.table}" is empty in rows that have a value for it, so that they ` +
          "would not be found, and would be created once more: call fillKeys() before the first request.",
      );
    }
  }
  known.add(which);
}

function checkedIn(session: Session): Set<string> {
  const found = checked.get(session.database) ?? new Set<string>();
  checked.set(session.database, found);
  return found;
}
