import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { InvalidValueError } from "../../core/index.js";
import { createTables } from "./create-tables.js";

/** A kind of database that the package's own tables can be made in. */
export type TablesDialect = "sqlite" | "postgresql" | "mariadb";

/** Options of {@link tablesSql}: those of `createTables`, which it describes. */
export type TablesSqlOptions = Omit<NonNullable<Parameters<typeof createTables>[1]>, "signal">;

/**
 * The statements by which {@link createTables} makes the tables in a database that has none of them, as the text of a
 * migration: each ends with a semicolon and a line break. No database is needed for it.
 *
 * It is for a first migration, by a tool that runs SQL alone. What a later release changes depends on what is stored, so
 * that an upgrade is a call of `createTables`; on tables that are up to date, that call changes nothing.
 *
 * @throws {InvalidValueError} the dialect or a set is unknown, or there is no order by an attribute of `indexes`.
 * @throws {UnsupportedError} an index is asked for on MariaDB, which has none over expressions.
 */
export async function tablesSql(
  dialect: TablesDialect,
  options: TablesSqlOptions = {},
): Promise<string> {
  if (!Object.hasOwn(parts, dialect)) {
    throw new InvalidValueError("dialect", `it is none of ${Object.keys(parts).join(", ")}.`);
  }
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: { ...parts[dialect], createDriver: () => new NotingDriver(statements) },
  });
  await createTables(db, options);
  return statements.map((text) => `${text};\n`).join("");
}

const parts: Readonly<Record<TablesDialect, Omit<Dialect, "createDriver">>> = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  },
  postgresql: {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  },
  mariadb: {
    createAdapter: () => new MysqlAdapter(),
    createQueryCompiler: () => new MysqlQueryCompiler(),
    createIntrospector: (db) => new MysqlIntrospector(db),
  },
};

/** Runs nothing: it is a database that is empty, and notes what would have been written. */
class NotingDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(statements: string[]) {
    this.#connection = {
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        if (!/^\s*select\b/i.test(query.sql)) statements.push(withValues(query));
        return { rows: [] };
      },
      async *streamQuery() {},
    };
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async init(): Promise<void> {}
  async beginTransaction(): Promise<void> {}
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

/** The text with its values, which are versions and names of sets. Only statements without other literals have any. */
function withValues({ sql, parameters }: CompiledQuery): string {
  const text = sql.trim();
  if (parameters.length === 0) return text;
  let at = 0;
  return text.replaceAll(/\?|\$\d+/g, () => {
    const value = parameters[at++];
    return typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
  });
}
