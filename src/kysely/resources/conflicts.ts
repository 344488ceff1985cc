import {
  caseless,
  caselessSpellings,
  InvalidValueError,
  UniquenessError,
  UnsupportedError,
} from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import { type ColumnOfAttribute, isCaseless } from "../column-map/attribute-columns.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { StoredId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import { type DriverFailure, driverFailure } from "../sql/driver-failure.js";
import { lists, type Parameters } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";

type UniqueFailure = Extract<DriverFailure, { readonly kind: "unique" }>;

/**
 * What can be in the way of a write to a table of resources: which resource has a value already, and what a refusal
 * means.
 */
export class Conflicts {
  readonly #session: Session;
  readonly #map: ResourceMap;
  readonly #table: string;
  readonly #id: string;
  readonly #columns: readonly ColumnOfAttribute[];

  constructor(session: Session, map: ResourceMap, columns: readonly ColumnOfAttribute[]) {
    this.#session = session;
    this.#map = map;
    this.#table = quotedTable(session.dialect, map);
    this.#id = session.dialect.quote(map.id.column);
    this.#columns = columns;
  }

  /**
   * Which resources have values that must be unique, by the value in the form in which it is compared (`comparable`).
   */
  async holders(
    column: ColumnOfAttribute,
    values: readonly unknown[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<unknown, string>> {
    const { quote } = this.#session.dialect;
    const quoted = quote(column.column);
    const found = new Map<unknown, string>();
    for (const part of lists([...new Set(values)])) {
      const rows = await this.#session.read<{ id: unknown; value: unknown }>(
        (p) => `select ${this.#id} as id, ${quoted} as value from ${this.#table}
          where ${isHeld(column, part, quote, p)}`,
        options,
      );
      for (const { id, value } of rows) found.set(comparable(column, value), String(id));
    }
    return found;
  }

  /** The unique attributes among these columns, and their values. */
  uniqueValues(columns: ReadonlyMap<string, unknown>): [ColumnOfAttribute, unknown][] {
    return this.#columns.flatMap((column): [ColumnOfAttribute, unknown][] => {
      const value = columns.get(column.column);
      const isSet = value !== undefined && value !== null && value !== column.unassigned;
      return column.unique && isSet ? [[column, value]] : [];
    });
  }

  /**
   * Looks whether another resource has a unique value, where the database itself would not see it: its index goes by
   * the value as it is written, and names are compared without regard to case.
   */
  async assertFree(
    columns: ReadonlyMap<string, unknown>,
    own: StoredId | undefined,
    options?: CallOptions,
  ): Promise<void> {
    for (const [column, value] of this.uniqueValues(columns)) {
      if (!column.checkedInAnyCase) continue;
      const holders = await this.holders(column, [value], options);
      const holder = holders.get(comparable(column, value));
      if (holder !== undefined && holder !== String(own)) {
        throw new UniquenessError(column.path, holder);
      }
    }
  }

  /** What a failed statement means to the caller. */
  async refusal(
    error: unknown,
    columns: ReadonlyMap<string, unknown>,
    own?: StoredId,
  ): Promise<unknown> {
    if (error instanceof InvalidValueError) return await this.#refusedValue(error, columns);
    const failure = driverFailure(error);
    if (failure?.kind === "foreignKey") {
      return new UnsupportedError(
        "Other rows refer to the resource, or it to one that is not there.",
        {
          cause: error,
        },
      );
    }
    if (failure?.kind !== "unique") return error;
    const names = await this.#columnsIn(failure);
    const named = this.#columns.filter(
      ({ column, key }) => names.includes(column) || (key !== undefined && names.includes(key)),
    );
    const unique = this.uniqueValues(columns);
    for (const [column, value] of unique) {
      // One whose value is equal to the database alone is in the way too.
      const holders = await this.holders(column, [value]);
      const holder = holders.get(comparable(column, value)) ?? holders.values().next().value;
      if (holder !== undefined && holder !== String(own)) {
        return new UniquenessError(column.path, holder, { cause: error });
      }
    }
    const attribute = named[0]?.path ?? names[0] ?? failure.index ?? unique[0]?.[0].path;
    return new UniquenessError(attribute ?? "value", undefined, { cause: error });
  }

  /** The columns whose values are taken together. MariaDB names the index alone. */
  async #columnsIn({ columns, index }: UniqueFailure): Promise<readonly string[]> {
    if (index === undefined || this.#session.dialect.name !== "mariadb") return columns;
    const { schema, table } = this.#map;
    const rows = await this.#session.read<{ name: string }>(
      (p) => `select column_name as name from information_schema.statistics
        where table_schema = ${schema === undefined ? "database()" : p.value(schema)}
        and table_name = ${p.value(table)} and index_name = ${p.value(index)}
        order by seq_in_index`,
    );
    return rows.map(({ name }) => name);
  }

  /**
   * A value that the database does not take, with the attribute that it is of. Where it requires a value for a column
   * that is mapped to no attribute, no client can help that.
   */
  async #refusedValue(
    error: InvalidValueError,
    columns: ReadonlyMap<string, unknown>,
  ): Promise<unknown> {
    const { cause } = error;
    const failure = driverFailure(cause);
    if (failure?.kind !== "value") return error;
    const name =
      failure.column ?? (failure.reason === "length" ? await this.#tooLong(columns) : undefined);
    const column = this.#columns.find((known) => known.column === name || known.key === name);
    if (column !== undefined && name !== undefined) {
      return new InvalidValueError(column.path, "the database cannot hold it.", { cause });
    }
    if (failure.reason !== "missing") return error;
    return new UnsupportedError(
      "The table requires a value for a column that no attribute is mapped to, and the map has no default for it.",
      { cause },
    );
  }

  /** The column for which a text is too long, which PostgreSQL does not name. */
  async #tooLong(columns: ReadonlyMap<string, unknown>): Promise<string | undefined> {
    if (this.#session.dialect.name !== "postgres") return undefined;
    const { schema, table } = this.#map;
    const rows = await this.#session.read<{ name: string; length: number }>(
      (p) => `select column_name as name, character_maximum_length as length
        from information_schema.columns where character_maximum_length is not null
        and table_schema = ${schema === undefined ? "any (current_schemas(false))" : p.value(schema)}
        and table_name = ${p.value(table)}`,
    );
    return rows.find(({ name, length }) => {
      const value = columns.get(name);
      return typeof value === "string" && Array.from(value).length > length;
    })?.name;
  }
}

/** A value in the form in which values of its column are compared. */
export function comparable(column: ColumnOfAttribute, value: unknown): unknown {
  return typeof value === "string" && isCaseless(column) ? caseless(value) : value;
}

/** The condition that a row has one of these values. */
function isHeld(
  column: ColumnOfAttribute,
  values: readonly unknown[],
  quote: (name: string) => string,
  p: Parameters,
): string {
  const { key, generatedKey } = column;
  const name = quote(key ?? column.column);
  if (!isCaseless(column)) return `${name} in ${p.list(values)}`;
  if (key !== undefined && !generatedKey) {
    return `${name} in ${p.list(values.map((value) => comparable(column, value)))}`;
  }
  const own = key === undefined ? [] : values.map((value) => p.value(comparable(column, value)));
  const spellings = values.flatMap((value) => caselessSpellings(String(value)));
  const lowered = spellings.map((spelling) => `lower(${p.value(spelling)})`);
  return `${key === undefined ? `lower(${name})` : name} in (${[...own, ...lowered].join(", ")})`;
}
