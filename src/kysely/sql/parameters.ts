import type { SqlDialect } from "./dialect.js";

/** The most rows that one statement inserts, and the most values in one list. */
export const rowsPerStatement = 64;
export const valuesPerStatement = 512;

/** The most rows of three short values that one statement inserts. */
export const narrowRows = 256;

/**
 * The bind parameters of a statement, in the order of its text. Each method returns the text that stands for the values
 * it was given.
 */
export class Parameters {
  readonly values: unknown[] = [];
  readonly dialect: SqlDialect;

  constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }

  /** One value. */
  readonly value = (value: unknown): string => {
    this.values.push(value);
    return this.dialect.placeholders(this.values.length, 1);
  };

  /**
   * The condition that the text in a column is this one, whatever the collation of the column calls equal. An index
   * serves the first comparison.
   */
  isText(column: string, value: string): string {
    return `${column} = ${this.value(value)} and ${this.dialect.exact(column)} = ${this.value(value)}`;
  }

  /**
   * The right side of `in`. The last value is repeated until the length is a power of two, so that lists of all lengths
   * make a few texts, each of which the driver prepares once.
   */
  list(values: readonly unknown[]): string {
    return this.#tuple(padded(values));
  }

  /**
   * The condition that these columns have, together, one of the tuples of values, which are padded in the same way. For
   * a list of one tuple MariaDB would read the whole table.
   */
  among(columns: readonly string[], tuples: readonly (readonly unknown[])[]): string {
    const [first] = tuples;
    return first !== undefined && tuples.length === 1
      ? columns.map((column, at) => `${column} = ${this.value(first[at])}`).join(" and ")
      : `(${columns.join(", ")}) in ${this.dialect.tuples(this.rows(padded(tuples)))}`;
  }

  /** Rows after `values`. */
  rows(rows: readonly (readonly unknown[])[]): string {
    return rows.map((row) => this.#tuple(row)).join(", ");
  }

  #tuple(values: readonly unknown[]): string {
    const placeholders = this.dialect.placeholders(this.values.length + 1, values.length);
    for (const value of values) this.values.push(value);
    return `(${placeholders})`;
  }
}

function padded<T>(values: readonly T[]): readonly T[] {
  const last = values.at(-1);
  if (last === undefined) return values;
  const length = 2 ** Math.ceil(Math.log2(values.length));
  return [...values, ...Array<T>(length - values.length).fill(last)];
}

/** Values in parts that fit into a list. */
export function lists<T>(values: readonly T[], most: number = valuesPerStatement): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < values.length; at += most) {
    parts.push(values.slice(at, at + most));
  }
  return parts;
}

/** Tuples in parts of which each fits into a list of tuples. */
export function tuples<T>({ tuplesPerStatement }: SqlDialect, values: readonly T[]): T[][] {
  return lists(values, tuplesPerStatement);
}

/** Rows in parts of which the lengths are powers of two, so that inserts of any number of rows make a few texts. */
export function batches<T>(rows: readonly T[], most: number = rowsPerStatement): T[][] {
  const parts: T[][] = [];
  let length = most;
  for (let at = 0; at < rows.length; at += length) {
    while (length > rows.length - at) length /= 2;
    parts.push(rows.slice(at, at + length));
  }
  return parts;
}
