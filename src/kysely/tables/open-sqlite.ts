import { Kysely } from "kysely";
import { type NodeSqliteFile, nodeSqliteDialect } from "../sql/node-sqlite-dialect.js";
import { createTables } from "./create-tables.js";
import type { TableSet } from "./definitions.js";

/** Options of {@link openSqlite}, which passes to `createTables` what is not of the file. */
export interface SqliteOptions
  extends NodeSqliteFile,
    Omit<NonNullable<Parameters<typeof createTables>[1]>, "sets"> {
  /**
   * The sets of tables that are made where they are not there; see `createTables`. To follow a directory takes `sync`,
   * to have users and groups in the package's own tables `resources`, signed requests `nonces`, a sign-on server `sso`.
   */
  readonly sets: readonly TableSet[];
  /** How long to wait while another connection writes, in milliseconds. Default: 5000. */
  readonly busyTimeout?: number | undefined;
}

/**
 * Opens a file of SQLite by `node:sqlite`, with the package's own tables that are wanted. It is `nodeSqliteDialect` and
 * `createTables` in one call; end it with `destroy()` of what it returns.
 *
 * ```ts
 * const db = await openSqlite({ path: "application.sqlite", sets: ["sync", "resources"] });
 * ```
 *
 * @throws as `createTables` does; the file is closed then.
 */
export async function openSqlite<DB = unknown>(options: SqliteOptions): Promise<Kysely<DB>> {
  const { path, durable, busyTimeout, ...tables } = options;
  const dialect = nodeSqliteDialect({
    path,
    ...(durable !== undefined && { durable }),
    ...(busyTimeout !== undefined && { busyTimeout }),
  });
  const db = new Kysely<DB>({ dialect });
  try {
    await createTables(db, tables);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return db;
}
