import { isDeepStrictEqual } from "node:util";
import { UniquenessError, UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { isId } from "../column-map/id-column.js";
import type { Session } from "../sql/session.js";
import { decodeJson } from "../sql/stored-json.js";
import type { Row } from "./rows.js";
import type { ResourceTable } from "./table.js";

/** A key that is not what the row would have it be. */
export interface WrongKey {
  /** The id of the resource. */
  readonly id: string;
  /** The column of the key. */
  readonly column: string;
  /** `empty`: there is none. `stale`: it is that of another value, which the row had, or in an earlier form. */
  readonly reason: "empty" | "stale";
}

/** What looking at the keys of a table has found. */
export interface KeyReport {
  /** How many rows were looked at. */
  readonly rows: number;
  /** How many keys are wrong. */
  readonly wrongKeys: number;
  /** Some of them, 100 at most. */
  readonly examples: readonly WrongKey[];
}

/** What writing the keys of a table has done. */
export interface KeysFilled {
  /** How many rows were looked at. */
  readonly rows: number;
  /** In how many of them a key was written. */
  readonly written: number;
  /** The rows whose key another row has, since their values differ in nothing that counts. Theirs are left as they were. */
  readonly clashes: readonly { readonly id: string; readonly attribute: string }[];
}

const rowsAtOnce = 500;
const mostExamples = 100;

/** Looks at every key of a table. */
export async function checkKeysOf<T extends Resource>(
  table: ResourceTable<T>,
  options?: CallOptions,
): Promise<KeyReport> {
  const examples: WrongKey[] = [];
  let rows = 0;
  let wrongKeys = 0;
  for (let after: unknown; ; ) {
    const page = await read(table, after, "", options);
    for (const row of page) {
      const wrong = [...wrongIn(table, row)];
      wrongKeys += wrong.length;
      for (const [column] of wrong.slice(0, mostExamples - examples.length)) {
        const reason = isEmpty(row[column]) ? "empty" : "stale";
        examples.push({ id: idOf(table, row), column, reason });
      }
    }
    rows += page.length;
    if (page.length < rowsAtOnce) return { rows, wrongKeys, examples };
    after = page.at(-1)?.[table.parts.map.id.column];
  }
}

/** Writes every key of a table that is wrong. */
export async function fillKeysOf<T extends Resource>(
  table: ResourceTable<T>,
  options?: CallOptions,
): Promise<KeysFilled> {
  return await fillWith(table, (work) => table.session.atomically(work), options);
}

/** The same, as part of what the session does already. */
export async function fillKeysWithin<T extends Resource>(
  table: ResourceTable<T>,
): Promise<KeysFilled> {
  return await fillWith(table, (work) => work(table.session));
}

/** @param step How the work on some of the rows is done. */
async function fillWith<T extends Resource>(
  table: ResourceTable<T>,
  step: <R>(work: (session: Session) => Promise<R>) => Promise<R>,
  options?: CallOptions,
): Promise<KeysFilled> {
  const clashes: { id: string; attribute: string }[] = [];
  let rows = 0;
  let written = 0;
  for (let after: unknown; ; ) {
    const page = await step(async (session) => {
      const own = table.in(session);
      // Whoever renames somebody meanwhile waits, so that no key is written of a name that was.
      const read_ = await read(own, after, session.dialect.lockRow, options);
      const found: typeof clashes = [];
      let count = 0;
      for (const row of read_) {
        const keys = wrongIn(own, row);
        if (keys.size === 0) continue;
        const attribute = await write(own, row, keys, options);
        if (attribute === undefined) count++;
        else found.push({ id: idOf(own, row), attribute });
      }
      return { read: read_, found, count };
    });
    clashes.push(...page.found);
    written += page.count;
    rows += page.read.length;
    if (page.read.length < rowsAtOnce) return { rows, written, clashes };
    after = page.read.at(-1)?.[table.parts.map.id.column];
  }
}

/** Writes the keys of a row; the attribute, where another row has its key. */
async function write<T extends Resource>(
  table: ResourceTable<T>,
  row: Row,
  keys: ReadonlyMap<string, unknown>,
  options?: CallOptions,
): Promise<string | undefined> {
  const { session, parts } = table;
  const { column, type } = parts.map.id;
  const id = idOf(table, row);
  try {
    await session.guarded(() =>
      session.write((p) => {
        const set = Array.from(
          keys,
          ([name, key]) => `${session.dialect.quote(name)} = ${p.value(key)}`,
        );
        return `update ${table.name} set ${set.join(", ")}
          where ${isId(p, session.dialect.quote(column), table.stored(id) ?? id, type)}`;
      }, options),
    );
  } catch (error) {
    const refusal = await table.conflicts.refusal(
      error,
      parts.rows.columnsIn(row),
      table.stored(id),
    );
    if (refusal instanceof UniquenessError) return refusal.attribute;
    throw refusal;
  }
  return undefined;
}

async function read<T extends Resource>(
  { session, parts, name }: ResourceTable<T>,
  after: unknown,
  lock: string,
  options?: CallOptions,
): Promise<readonly Row[]> {
  const { quote } = session.dialect;
  const columns = [...new Set([...parts.rows.selected, ...parts.rows.keys])].map(quote).join(", ");
  const id = quote(parts.map.id.column);
  return await session.read<Row>(
    (
      p,
    ) => `select ${columns} from ${name} ${after === undefined ? "" : `where ${id} > ${p.value(after)}`}
      order by ${id} limit ${rowsAtOnce} ${lock}`,
    options,
  );
}

/** The keys of a row that are wrong, as they should be. */
function wrongIn<T extends Resource>(
  { parts: { rows } }: ResourceTable<T>,
  row: Row,
): ReadonlyMap<string, unknown> {
  const wrong = new Map<string, unknown>();
  for (const [column, key] of rows.keysOf(row)) {
    const stored = row[column];
    const isRight =
      typeof key === "object" && key !== null
        ? isDeepStrictEqual(typeof stored === "string" ? decodeJson(column, stored) : stored, key)
        : (stored ?? null) === key;
    if (!isRight)
      wrong.set(column, typeof key === "object" && key !== null ? JSON.stringify(key) : key);
  }
  return wrong;
}

function idOf<T extends Resource>({ parts: { map } }: ResourceTable<T>, row: Row): string {
  return String(row[map.id.column]);
}

function isEmpty(key: unknown): boolean {
  return key === null || key === undefined || key === "" || key === "null";
}

/** The tables of which no key was empty, by the database that they are in. */
const checked = new WeakMap<object, Set<string>>();

/**
 * Refuses a table with empty keys, once for each database: nobody whose key is empty would be found, and a second account would be
 * made for everybody.
 *
 * @throws {UnsupportedError} a row has a value and no key for it.
 */
export async function demandKeys<T extends Resource>(
  table: ResourceTable<T>,
  options?: CallOptions,
): Promise<void> {
  const { session, parts, name } = table;
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
        `The column "${key}" of the table "${map.table}" is empty in rows that have a value for it, so that nobody in them ` +
          "would be found, and each would be created once more: call fillKeys() before the first request.",
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
