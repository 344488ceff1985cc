import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from "kysely";

/** A database file that the dialect opens, and closes when Kysely is destroyed. */
export interface NodeSqliteFile {
  /** The path of the file, or `:memory:`. */
  readonly path: string;
  /**
   * Whether a commit waits until it is on the disk. Without, a loss of power can undo the last commits, never more than
   * that. Default: true.
   */
  readonly durable?: boolean;
}

/** A connection that the application opened itself. Its settings are left as they are, and it is never closed. */
export interface NodeSqliteConnection {
  /** The connection. Only one Kysely may use it, since Kysely is what keeps its transactions apart. */
  readonly database: DatabaseSync;
}

/** What {@link nodeSqliteDialect} opens. */
export type NodeSqliteOptions = (NodeSqliteFile | NodeSqliteConnection) & {
  /**
   * How long to wait while another connection writes, in milliseconds; then the error is SQLite's "database is locked".
   * Default: 5000.
   */
  readonly busyTimeout?: number;
};

/**
 * A Kysely dialect over Node's own `node:sqlite`, which is loaded when the first query runs.
 *
 * A file is opened with write-ahead logging and foreign keys. There is one connection, and Kysely lets one transaction
 * after the other have it. A transaction takes the write lock at its beginning: one that read first and wanted the lock
 * later would fail at once if another process had written meanwhile, however long it was willing to wait.
 *
 * ```ts
 * const db = new Kysely<Database>({ dialect: nodeSqliteDialect({ path: "application.db" }) });
 * ```
 */
export function nodeSqliteDialect(options: NodeSqliteOptions): Dialect {
  return {
    createDriver: () => new NodeSqliteDriver(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class NodeSqliteDriver implements Driver {
  readonly #options: NodeSqliteOptions;
  #connection: NodeSqliteSession | undefined;

  constructor(options: NodeSqliteOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    this.#connection = new NodeSqliteSession(
      "database" in this.#options ? this.#options.database : await open(this.#options),
      this.#options.busyTimeout ?? 5000,
    );
  }

  async acquireConnection(): Promise<NodeSqliteSession> {
    if (this.#connection === undefined) throw new Error("The database is not open.");
    return this.#connection;
  }

  async beginTransaction(
    connection: NodeSqliteSession,
    settings: TransactionSettings,
  ): Promise<void> {
    await connection.executeQuery(
      CompiledQuery.raw(settings.accessMode === "read only" ? "begin" : "begin immediate"),
    );
  }

  async commitTransaction(connection: NodeSqliteSession): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: NodeSqliteSession): Promise<void> {
    // Some errors, such as a full disk, have rolled back already.
    if (connection.inTransaction) await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  async savepoint(connection: NodeSqliteSession, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`savepoint ${quote(name)}`));
  }

  async rollbackToSavepoint(connection: NodeSqliteSession, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`rollback to savepoint ${quote(name)}`));
  }

  async releaseSavepoint(connection: NodeSqliteSession, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`release savepoint ${quote(name)}`));
  }

  async releaseConnection(): Promise<void> {
    // There is one connection, and it stays open.
  }

  async destroy(): Promise<void> {
    if ("path" in this.#options) this.#connection?.close();
    this.#connection = undefined;
  }
}

async function open({ path, durable = true }: NodeSqliteFile): Promise<DatabaseSync> {
  const sqlite = await import("node:sqlite");
  const database = new sqlite.DatabaseSync(path);
  try {
    database.exec("pragma busy_timeout = 1000");
    database.exec("pragma journal_mode = wal");
    database.exec(`pragma synchronous = ${durable ? "full" : "normal"}`);
    database.exec("pragma foreign_keys = on");
    // A batch touches pages all over its indexes: 16 MB keep most of them, and in the log for several batches.
    database.exec("pragma cache_size = -16384");
    database.exec("pragma wal_autocheckpoint = 4000");
    // From here on `NodeSqliteSession` waits, which does not stop the rest of the process as SQLite's own waiting does.
    database.exec("pragma busy_timeout = 0");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** How many prepared statements are kept. */
const statementLimit = 256;

/** Milliseconds between two tries of a statement that found the database locked. */
const busyPause = 5;

/** SQLite's result code `SQLITE_BUSY`, in the low byte of the extended ones. */
const busy = 5;

interface PreparedStatement {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

type RowValues = readonly unknown[];

class NodeSqliteSession implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #busyTimeout: number;
  /** Prepared statements by their text, least recently used first. */
  readonly #statements = new Map<string, PreparedStatement>();

  constructor(database: DatabaseSync, busyTimeout: number) {
    this.#database = database;
    this.#busyTimeout = busyTimeout;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** Runs a statement; while another connection has the lock, again and again until the time is over. */
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const deadline = performance.now() + this.#busyTimeout;
    for (;;) {
      try {
        return this.#run<R>(sql, parameters);
      } catch (error) {
        const waits = isBusy(error) && !this.inTransaction && performance.now() < deadline;
        if (!waits) throw error;
        await wait(busyPause);
      }
    }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    // Not one of the kept statements: running that one again would end this iteration.
    const statement = this.#database.prepare(query.sql);
    for (const row of statement.iterate(...bindable(query.parameters))) {
      yield { rows: [row as R] };
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #run<R>(sql: string, parameters: readonly unknown[]): QueryResult<R> {
    const { statement, returnsRows } = this.#prepared(sql);
    const values = bindable(parameters);
    if (returnsRows) {
      const found: readonly unknown[] = statement.all(...values);
      // Asked for after the statement has run, since another one may have changed the table meanwhile.
      const rows = found.length === 0 ? [] : rowsOf(found as RowValues[], statement);
      return { rows: rows as R[], numAffectedRows: BigInt(rows.length) };
    }
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #prepared(sql: string): PreparedStatement {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) {
      // While there is room for all, it does not matter which was used last.
      if (this.#statements.size < statementLimit / 2) return kept;
      this.#statements.delete(sql);
      this.#statements.set(sql, kept);
      return kept;
    }
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    if (this.#statements.size > statementLimit) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest);
        break;
      }
    }
    return prepared;
  }
}

/**
 * The rows as objects. Those that `node:sqlite` makes are dictionaries, which take twice as long to make, and longer to
 * read, than objects that share a shape.
 */
function rowsOf(found: readonly RowValues[], statement: StatementSync): Record<string, unknown>[] {
  const names = statement.columns().map(({ name }) => name);
  return found.map((values) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < names.length; index += 1) row[names[index] ?? ""] = values[index];
    return row;
  });
}

/** The parameters as SQLite takes them: it has no boolean. */
function bindable(parameters: readonly unknown[]): readonly SQLInputValue[] {
  // Most have none, and may be thousands.
  if (!parameters.some((value) => typeof value === "boolean")) {
    return parameters as readonly SQLInputValue[];
  }
  return parameters.map((value) =>
    typeof value === "boolean" ? Number(value) : (value as SQLInputValue),
  );
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errcode" in error &&
    typeof error.errcode === "number" &&
    (error.errcode & 0xff) === busy
  );
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
