import { randomUUID } from "node:crypto";
import { UniquenessError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { isId } from "../column-map/id-column.js";
import type { Session } from "../sql/session.js";
import { idOf, readKeys, rowsAtOnce, wrongIn } from "./keys.js";
import type { Row } from "./rows.js";
import type { ResourceTable } from "./table.js";

/** A row whose key is that of another row too, since their values differ in nothing that counts. */
export interface KeyClash {
  /** The id of the resource that goes without. */
  readonly id: string;
  /** The path of the attribute whose key it is, such as `userName`. */
  readonly attribute: string;
  /** The id of the resource that has the key, where that is known. */
  readonly holder?: string;
}

/** What writing the keys of a table has done. */
export interface KeysFilled {
  /** How many rows were looked at. */
  readonly rows: number;
  /** In how many of them a key was written. */
  readonly written: number;
  /** The rows whose key another row has. Theirs are left as they were. */
  readonly clashes: readonly KeyClash[];
}

/** How the work on some of the rows is done. */
type Step = <R>(work: (session: Session) => Promise<R>) => Promise<R>;

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

async function fillWith<T extends Resource>(
  table: ResourceTable<T>,
  step: Step,
  options?: CallOptions,
): Promise<KeysFilled> {
  let clashes: KeyClash[] = [];
  const written = new Set<string>();
  let rows = 0;
  for (let after: unknown; ; ) {
    const page = await step(async (session) => {
      const own = table.in(session);
      // A writer that renames a user meanwhile waits, so that no key of a former name is written.
      const found = await readKeys(own, { after }, session.dialect.lockRow, options);
      return { found, ...(await writeAll(own, found, options)) };
    });
    clashes.push(...page.clashes);
    for (const id of page.written) written.add(id);
    rows += page.found.length;
    if (page.found.length < rowsAtOnce) break;
    after = page.found.at(-1)?.[table.parts.map.id.column];
  }
  // A key that one row no longer has may be that of another row now, where a name has changed hands.
  for (let before = Number.POSITIVE_INFINITY; clashes.length > 0; ) {
    const isExchange = clashes.length >= before;
    before = clashes.length;
    const again: readonly KeyClash[] = clashes;
    const next = await step(async (session) => {
      const own = table.in(session);
      return isExchange
        ? await exchange(own, again, options)
        : await writeAll(own, await readAll(own, again, options), options);
    });
    for (const id of next.written) written.add(id);
    clashes = [...next.clashes];
    if (isExchange) break;
  }
  return { rows, written: written.size, clashes };
}

interface Written {
  readonly written: readonly string[];
  readonly clashes: readonly KeyClash[];
}

async function writeAll<T extends Resource>(
  table: ResourceTable<T>,
  rows: readonly Row[],
  options?: CallOptions,
): Promise<Written> {
  const written: string[] = [];
  const clashes: KeyClash[] = [];
  for (const row of rows) {
    const keys = wrongIn(table, row);
    if (keys.size === 0) continue;
    const clash = await write(table, row, keys, options);
    if (clash === undefined) written.push(idOf(table, row));
    else {
      clashes.push(clash);
      // One that is taken keeps no other from being right.
      const others = new Map(keys);
      for (const { path, key } of table.parts.rows.columns) {
        if (path === clash.attribute && key !== undefined) others.delete(key);
      }
      if (others.size > 0 && others.size < keys.size) await write(table, row, others, options);
    }
  }
  return { written, clashes };
}

/** The rows of the resources whose keys were taken. */
async function readAll<T extends Resource>(
  table: ResourceTable<T>,
  clashes: readonly KeyClash[],
  options?: CallOptions,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const id of new Set(clashes.map((clash) => clash.id))) {
    const stored = table.stored(id) ?? id;
    rows.push(...(await readKeys(table, { id: stored }, table.session.dialect.lockRow, options)));
  }
  return rows;
}

/**
 * Writes the keys of rows of which each has what another one is to have, as when two people have exchanged their names:
 * at first they get keys that no name has.
 */
async function exchange<T extends Resource>(
  table: ResourceTable<T>,
  clashes: readonly KeyClash[],
  options?: CallOptions,
): Promise<Written> {
  const waiting = new Set(clashes.map(({ id }) => id));
  const isHeldByOne = new Set(
    clashes.flatMap(({ id, holder }) => (holder !== undefined && waiting.has(holder) ? id : [])),
  );
  const rows = await readAll(
    table,
    clashes.filter(({ id }) => isHeldByOne.has(id)),
    options,
  );
  const given = new Map<Row, ReadonlyMap<string, unknown>>();
  for (const row of rows) {
    const keys = [...wrongIn(table, row).keys()].filter((key) =>
      table.parts.rows.columns.some((column) => column.key === key && column.unique),
    );
    const none = new Map(keys.map((key) => [key, `\u0001${randomUUID()}`]));
    if (keys.length > 0 && (await write(table, row, none, options)) === undefined) {
      given.set(row, new Map(keys.map((key) => [key, row[key]])));
    }
  }
  const done = await writeAll(table, await readAll(table, clashes, options), options);
  const left = new Set(done.clashes.map(({ id }) => id));
  for (const [row, former] of given) {
    // Another row may have the former key by now, which was stale.
    if (left.has(idOf(table, row))) await write(table, row, former, options);
  }
  return done;
}

/** Writes the keys of a row; what is in the way, where another row has one. */
async function write<T extends Resource>(
  table: ResourceTable<T>,
  row: Row,
  keys: ReadonlyMap<string, unknown>,
  options?: CallOptions,
): Promise<KeyClash | undefined> {
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
    if (!(refusal instanceof UniquenessError)) throw refusal;
    const { attribute, resourceId: holder } = refusal;
    return { id, attribute, ...(holder !== undefined && { holder }) };
  }
  return undefined;
}
