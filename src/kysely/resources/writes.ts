import { NotFoundError, UniquenessError } from "../../core/index.js";
import {
  type CallOptions,
  isRefusal,
  type ResourceRepository,
  type Write,
  type WriteResult,
  writtenWith,
} from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { isAmong, type StoredId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import { batches, lists } from "../sql/parameters.js";
import { comparable } from "./conflicts.js";
import { assertKeys } from "./filled-keys.js";
import type { ResourceTable } from "./table.js";

/** A write and its index among those that were asked for. */
interface Numbered<W> {
  readonly index: number;
  readonly write: W;
}

type Create<T, N> = Extract<Write<T, N>, { kind: "create" }>;
type Delete = { readonly kind: "delete"; readonly id: string };

interface NewRow {
  readonly index: number;
  readonly resource: object;
  readonly id: string | undefined;
  readonly columns: ReadonlyMap<string, unknown>;
  readonly ignored: readonly string[];
}

/** How a repository makes one write by itself; it returns the id of the resource. */
export type WriteOne<T, N> = (write: Write<T, N>, options: CallOptions) => Promise<string>;

/** Makes one write by the method of the repository that is named as it is. */
export async function writeOne<T extends Resource, N>(
  repository: ResourceRepository<T, N>,
  write: Write<T, N>,
  options?: CallOptions,
): Promise<string> {
  switch (write.kind) {
    case "create":
      return (await repository.create(write.resource, options)).id;
    case "replace":
      await repository.replace(write.id, write.resource, options);
      return write.id;
    case "modify":
      await repository.modify(write.id, write.modification, options);
      return write.id;
    case "delete":
      await repository.delete(write.id, options);
      return write.id;
  }
}

/**
 * A batch of writes to one table. Creations that follow each other become statements of many rows, and so do deletions;
 * every other write is made by itself, in its order. A statement that the database refuses is made again row by row, so
 * that a refused row stops no other.
 */
export class ResourceWrites<T extends Resource, N extends object> {
  readonly #table: ResourceTable<T>;
  readonly #one: WriteOne<T, N>;
  readonly #isPlain: (resource: N) => boolean;
  readonly #options: CallOptions | undefined;
  readonly #results: WriteResult[] = [];

  /** @param isPlain Whether creating the resource writes to its table only. */
  constructor(
    table: ResourceTable<T>,
    one: WriteOne<T, N>,
    isPlain: (resource: N) => boolean,
    options?: CallOptions,
  ) {
    this.#table = table;
    this.#one = one;
    this.#isPlain = isPlain;
    this.#options = options;
  }

  /** Makes the writes, and says how each ended. */
  async run(writes: readonly Write<T, N>[]): Promise<readonly WriteResult[]> {
    try {
      for (let at = 0; at < writes.length; ) {
        const alike = this.#alike(writes, at);
        await this.#runAlike(alike);
        at += alike.length;
      }
    } catch (error) {
      const isBegun = this.#results.some((result) => result?.written);
      throw isBegun ? this.#table.session.afterWrite(error) : error;
    }
    return this.#results;
  }

  /** The writes from here on that can become one statement. */
  #alike(writes: readonly Write<T, N>[], start: number): Numbered<Write<T, N>>[] {
    const kind = this.#batchOf(writes[start]);
    let end = start + 1;
    while (kind !== undefined && end < writes.length && this.#batchOf(writes[end]) === kind) end++;
    return writes.slice(start, end).map((write, offset) => ({ index: start + offset, write }));
  }

  #batchOf(write: Write<T, N> | undefined): "create" | "delete" | undefined {
    const { parts } = this.#table;
    if (write?.kind === "create" && this.#isPlain(write.resource)) return "create";
    const removesRows = (parts.map.delete ?? "hard") === "hard";
    return write?.kind === "delete" && removesRows ? "delete" : undefined;
  }

  async #runAlike(writes: readonly Numbered<Write<T, N>>[]): Promise<void> {
    const [first] = writes;
    if (first === undefined) return;
    if (writes.length === 1) return await this.#alone(first);
    const creates: Numbered<Create<T, N>>[] = [];
    const deletes: Numbered<Delete>[] = [];
    for (const { index, write } of writes) {
      if (write.kind === "create") creates.push({ index, write });
      if (write.kind === "delete") deletes.push({ index, write });
    }
    if (creates.length > 0) await this.#create(creates);
    if (deletes.length > 0) await this.#delete(deletes);
  }

  async #alone({ index, write }: Numbered<Write<T, N>>): Promise<void> {
    await this.#attempt(index, (options) => this.#one(write, options));
  }

  async #attempt(index: number, write: (options: CallOptions) => Promise<string>): Promise<void> {
    try {
      this.#results[index] = await writtenWith(this.#options, write);
    } catch (error) {
      this.#refuse(index, error);
    }
  }

  #refuse(index: number, error: unknown): void {
    if (!isRefusal(error)) throw error;
    this.#results[index] = { written: false, error };
  }

  async #create(writes: readonly Numbered<Create<T, N>>[]): Promise<void> {
    await assertKeys(this.#table, this.#options);
    let rows: NewRow[] = [];
    let taken = new Set<string>();
    for (const { index, write } of writes) {
      let row: NewRow;
      try {
        row = { index, resource: write.resource, ...this.#table.newRow(write.resource) };
      } catch (error) {
        this.#refuse(index, error);
        continue;
      }
      const values = this.#table.conflicts
        .uniqueValues(row.columns)
        .map(([column, value]) => JSON.stringify([column.path, comparable(column, value)]));
      // Of two that claim one name the first has it: of the rows of one statement, any might.
      if (values.some((value) => taken.has(value))) {
        await this.#insert(rows);
        rows = [];
        taken = new Set();
      }
      for (const value of values) taken.add(value);
      rows.push(row);
    }
    await this.#insert(rows);
  }

  /** Inserts rows, those with values for the same columns together. */
  async #insert(rows: readonly NewRow[]): Promise<void> {
    const free = await this.#refuseTaken(rows, false);
    for (const alike of Map.groupBy(free, ({ columns }) => [...columns.keys()].join()).values()) {
      for (const part of batches(alike)) await this.#insertAlike(part);
    }
  }

  async #insertAlike(rows: readonly NewRow[]): Promise<void> {
    const [first] = rows;
    // Without ids of our own, only a unique value shows which of the rows that come back is which.
    if (first?.id === undefined || rows.length === 1) {
      for (const row of rows) await this.#createAlone(row);
      return;
    }
    let inserted: ReadonlySet<string>;
    try {
      inserted = await this.#table.session.guarded(() => this.#insertFree(rows, first));
    } catch (error) {
      if (!isRefusal(await this.#table.conflicts.refusal(error, new Map()))) throw error;
      for (const row of rows) await this.#createAlone(row);
      return;
    }
    const others: NewRow[] = [];
    for (const row of rows) {
      if (row.id !== undefined && inserted.has(row.id)) {
        const { id, ignored } = row;
        this.#results[row.index] = { written: true, id, ...(ignored.length > 0 && { ignored }) };
        if (ignored.length > 0) this.#options?.onIgnored?.(ignored);
      } else others.push(row);
    }
    // What is in the way of the rest may be a column that the map does not know: the database says so, asked for one
    // row.
    for (const row of await this.#refuseTaken(others, true)) await this.#createAlone(row);
  }

  /** Inserts those rows that nothing is in the way of, and returns their ids. */
  async #insertFree(rows: readonly NewRow[], first: NewRow): Promise<ReadonlySet<string>> {
    const { session, parts } = this.#table;
    const names = [...first.columns.keys()].map((name) => session.dialect.quote(name));
    const head = `insert into ${quotedTable(session.dialect, parts.map)} (${names.join(", ")})`;
    const values = rows.map(({ columns }) => [...columns.values()]);
    const id = session.dialect.quote(parts.map.id.column);
    const tail = `${session.dialect.onAnyConflict} returning ${id} as id`;
    const inserted = await session.read<{ id: unknown }>(
      (p) => session.insertText(p, head, values, tail),
      this.#options,
    );
    return new Set(inserted.map(({ id }) => String(id)));
  }

  async #createAlone({ index, resource }: NewRow): Promise<void> {
    await this.#attempt(index, async (options) => (await this.#table.create(resource, options)).id);
  }

  /**
   * Refuses the rows whose unique values another resource has, and returns the others. What the database sees to itself
   * is looked for only once it has not inserted the rows.
   */
  async #refuseTaken(rows: readonly NewRow[], inserted: boolean): Promise<NewRow[]> {
    const refused = new Set<NewRow>();
    for (const column of this.#table.parts.rows.columns) {
      if (!column.unique || !(column.checkedInAnyCase || inserted)) continue;
      const values = new Map(
        rows.flatMap((row) => {
          const own = this.#table.conflicts
            .uniqueValues(row.columns)
            .find(([known]) => known === column);
          return own === undefined ? [] : [[row, own[1]] as const];
        }),
      );
      const holders = await this.#table.conflicts.holders(
        column,
        [...values.values()],
        this.#options,
      );
      for (const [row, value] of values) {
        const holder = holders.get(comparable(column, value));
        if (holder === undefined || refused.has(row)) continue;
        refused.add(row);
        this.#refuse(row.index, new UniquenessError(column.path, holder));
      }
    }
    return rows.filter((row) => !refused.has(row));
  }

  async #delete(writes: readonly Numbered<Delete>[]): Promise<void> {
    const stored = writes.flatMap(({ write }) => this.#table.stored(write.id) ?? []);
    let deleted: ReadonlySet<string>;
    try {
      deleted = await this.#table.session.atomically((session) =>
        this.#deleteRows(this.#table.in(session), stored),
      );
    } catch (error) {
      if (!isRefusal(await this.#table.conflicts.refusal(error, new Map()))) throw error;
      for (const write of writes) await this.#alone(write);
      return;
    }
    const left = new Set(deleted);
    for (const { index, write } of writes) {
      // An id that is given twice is deleted once.
      if (left.delete(String(this.#table.stored(write.id)))) {
        this.#results[index] = { written: true, id: write.id };
      } else this.#refuse(index, new NotFoundError(write.id));
    }
  }

  async #deleteRows(
    table: ResourceTable<T>,
    ids: readonly StoredId[],
  ): Promise<ReadonlySet<string>> {
    const { session, parts } = table;
    const id = session.dialect.quote(parts.map.id.column);
    const deleted = new Set<string>();
    await table.dependents.holdOwners(ids, this.#options);
    const known = await table.known(ids, this.#options);
    await table.dependents.remove(known, this.#options);
    for (const part of lists(known)) {
      const rows = await session.read<{ id: unknown }>(
        (p) => `delete from ${quotedTable(session.dialect, parts.map)}
          where ${parts.isOwn ? `${id} in ${p.list(part)}` : isAmong(p, id, part, parts.map.id.type)}
          returning ${id} as id`,
        this.#options,
      );
      for (const row of rows) deleted.add(String(row.id));
    }
    return deleted;
  }
}
