import { isDeepStrictEqual } from "node:util";
import type { CallOptions } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { isId, type StoredId } from "../column-map/id-column.js";
import { decodeJson } from "../sql/stored-json.js";
import { comparable } from "./conflicts.js";
import type { Row } from "./rows.js";
import type { ResourceTable } from "./table.js";

/** A key that is not what the row would have it be. */
export interface WrongKey {
  /** The id of the resource. */
  readonly id: string;
  /** The column of the key. */
  readonly column: string;
  /**
   * `empty`: there is none. `stale`: it is that of another value, which the row had, or in an earlier form. `taken`:
   * the one that it should have is that of another row, whose value differs in nothing that counts.
   */
  readonly reason: "empty" | "stale" | "taken";
  /** Where it is taken, the id of the resource that has it. */
  readonly holder?: string;
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

/** How many rows are read, and locked, at once. */
export const rowsAtOnce = 500;
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
    const page = await readKeys(table, { after }, "", options);
    for (const row of page) {
      const wrong = [...wrongIn(table, row)];
      wrongKeys += wrong.length;
      for (const [column] of wrong.slice(0, mostExamples - examples.length)) {
        examples.push(await wrongKey(table, row, column, options));
      }
    }
    rows += page.length;
    if (page.length < rowsAtOnce) return { rows, wrongKeys, examples };
    after = page.at(-1)?.[table.parts.map.id.column];
  }
}

async function wrongKey<T extends Resource>(
  table: ResourceTable<T>,
  row: Row,
  column: string,
  options?: CallOptions,
): Promise<WrongKey> {
  const id = idOf(table, row);
  const of = table.parts.rows.columns.find(({ key, unique }) => key === column && unique);
  if (of !== undefined) {
    const value = row[of.column];
    const holders = await table.conflicts.holders(of, [value], options);
    const holder = holders.get(comparable(of, value));
    if (holder !== undefined && holder !== id) return { id, column, reason: "taken", holder };
  }
  return { id, column, reason: isEmpty(row[column]) ? "empty" : "stale" };
}

/** Some of the rows of a table with their keys, in the order of their ids. */
export async function readKeys<T extends Resource>(
  { session, parts, name }: ResourceTable<T>,
  which: { readonly after: unknown } | { readonly id: StoredId },
  lock: string,
  options?: CallOptions,
): Promise<readonly Row[]> {
  const { quote } = session.dialect;
  const columns = [...new Set([...parts.rows.selected, ...parts.rows.keys])].map(quote).join(", ");
  const id = quote(parts.map.id.column);
  return await session.read<Row>((p) => {
    const after = "after" in which && which.after !== undefined;
    const where =
      "id" in which
        ? `where ${isId(p, id, which.id, parts.map.id.type)}`
        : after
          ? `where ${id} > ${p.value(which.after)}`
          : "";
    return `select ${columns} from ${name} ${where} order by ${id} limit ${rowsAtOnce} ${lock}`;
  }, options);
}

/** The keys of a row that are wrong, as they should be. */
export function wrongIn<T extends Resource>(
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

/** The id of the resource in a row. */
export function idOf<T extends Resource>({ parts: { map } }: ResourceTable<T>, row: Row): string {
  return String(row[map.id.column]);
}

function isEmpty(key: unknown): boolean {
  return key === null || key === undefined || key === "" || key === "null";
}
