import { SortedKeys } from "./sorted-keys.js";
import type { Journal } from "./transaction-scope.js";

/**
 * Rows under unique keys, with indexes over them.
 *
 * An index sorts rows into buckets; a row may be in none, one or several buckets of each. Within a bucket, rows are
 * ordered by key in code unit order. Rows are values: they are replaced, never changed.
 */
export class Table<Row, Index extends string = never> {
  readonly #rows = new Map<string, Row>();
  readonly #keyOf: (row: Row) => string;
  readonly #bucketsOf: Readonly<Record<Index, (row: Row) => readonly string[]>>;
  readonly #indexes = new Map<Index, Map<string, SortedKeys>>();

  constructor(
    keyOf: (row: Row) => string,
    bucketsOf: Readonly<Record<Index, (row: Row) => readonly string[]>>,
  ) {
    this.#keyOf = keyOf;
    this.#bucketsOf = bucketsOf;
    for (const index of this.#indexNames()) this.#indexes.set(index, new Map());
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** Stores a row; it replaces the one with the same key. */
  put(journal: Journal, row: Row): void {
    const key = this.#keyOf(row);
    const before = this.#rows.get(key);
    this.#change(key, before, row);
    journal.push(() => this.#change(key, row, before));
  }

  /** Removes a row; a key without one is ignored. */
  delete(journal: Journal, key: string): void {
    const before = this.#rows.get(key);
    if (before === undefined) return;
    this.#change(key, before, undefined);
    journal.push(() => this.#change(key, undefined, before));
  }

  /** The rows of a bucket, in order, after the key given. The table must not be changed meanwhile. */
  *rows(index: Index, bucket: string, after?: string): Generator<Row, void> {
    for (const key of this.#indexes.get(index)?.get(bucket)?.after(after) ?? []) {
      const row = this.#rows.get(key);
      if (row !== undefined) yield row;
    }
  }

  /** The rows at these positions of a bucket, counted from 0. */
  slice(index: Index, bucket: string, start: number, count: number): Row[] {
    const keys = this.#indexes.get(index)?.get(bucket)?.slice(start, count) ?? [];
    return keys.flatMap((key) => this.#rows.get(key) ?? []);
  }

  /** The keys of the rows of a bucket, in order. */
  keys(index: Index, bucket: string): Iterable<string> {
    return this.#indexes.get(index)?.get(bucket)?.after() ?? [];
  }

  /** How many rows of a bucket have keys before this one. */
  countBefore(index: Index, bucket: string, key: string): number {
    return this.#indexes.get(index)?.get(bucket)?.countBefore(key) ?? 0;
  }

  /** How many rows are in a bucket. */
  count(index: Index, bucket: string): number {
    return this.#indexes.get(index)?.get(bucket)?.size ?? 0;
  }

  /** The names of the buckets that have rows. */
  buckets(index: Index): Iterable<string> {
    return this.#indexes.get(index)?.keys() ?? [];
  }

  #change(key: string, before: Row | undefined, after: Row | undefined): void {
    if (after === undefined) this.#rows.delete(key);
    else this.#rows.set(key, after);
    for (const index of this.#indexNames()) {
      const from = before === undefined ? [] : this.#bucketsOf[index](before);
      const to = after === undefined ? [] : this.#bucketsOf[index](after);
      for (const bucket of from) if (!to.includes(bucket)) this.#leave(index, bucket, key);
      for (const bucket of to) if (!from.includes(bucket)) this.#enter(index, bucket, key);
    }
  }

  #enter(index: Index, bucket: string, key: string): void {
    const buckets = this.#indexes.get(index);
    const keys = buckets?.get(bucket) ?? new SortedKeys();
    keys.add(key);
    buckets?.set(bucket, keys);
  }

  #leave(index: Index, bucket: string, key: string): void {
    const buckets = this.#indexes.get(index);
    const keys = buckets?.get(bucket);
    keys?.delete(key);
    if (keys?.size === 0) buckets?.delete(bucket);
  }

  #indexNames(): readonly Index[] {
    return Object.keys(this.#bucketsOf) as Index[];
  }
}

/**
 * One key of several parts. Different parts give different keys, whatever characters they hold, and keys sort as their
 * parts do, one after the other.
 */
export function composite(...parts: readonly string[]): string {
  return parts.map((part) => `${part.replaceAll("\u0000", "\u0000\u0001")}\u0000\u0000`).join("");
}

/** The first rows, at most so many. */
export function take<Row>(rows: Iterable<Row>, count: number): Row[] {
  const taken: Row[] = [];
  if (count <= 0) return taken;
  for (const row of rows) {
    taken.push(row);
    if (taken.length >= count) break;
  }
  return taken;
}
