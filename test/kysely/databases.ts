import type { PGlite } from "@electric-sql/pglite";
import { createTables, nodeSqliteDialect } from "concordat/kysely";
import { type Dialect, Kysely, PGliteDialect, sql } from "kysely";
import { afterAll, describe, test } from "vitest";
import { mariadbIsInstalled, startMariadb } from "./servers/mariadb.js";
import { postgresIsInstalled, startPostgres } from "./servers/postgres.js";
import type { PoolOptions, SqlServer } from "./servers/sql-server.js";

/** A database that a test has for itself. */
export interface TestDatabase extends AsyncDisposable {
  readonly db: Kysely<unknown>;
  /** The statements that were run on `db`, without those that made the package's tables. */
  readonly statements: string[];
}

/** A kind of database. */
export interface DatabaseKind {
  readonly name: "SQLite" | "PostgreSQL" | "PGlite" | "MariaDB";
  /** What to install for it, where it is not. */
  readonly missing?: string;
  /** An empty database; with the package's own tables, unless `tables` is false. */
  open(options?: { readonly tables?: boolean }): Promise<TestDatabase>;
}

/** A kind of database that is a server, with connections that can be lost, and transactions that run side by side. */
export interface ServerKind extends DatabaseKind {
  readonly name: "PostgreSQL" | "MariaDB";
  /** The server, which is started when it is first asked for, and ends with the tests of the file. */
  server(): Promise<SqlServer>;
  open(options?: PoolOptions & { readonly tables?: boolean }): Promise<TestDatabase>;
}

export const sqlite: DatabaseKind = {
  name: "SQLite",
  open: (options) => database(nodeSqliteDialect({ path: ":memory:" }), options),
};

export const postgres: ServerKind = serverKind(
  "PostgreSQL",
  startPostgres,
  postgresIsInstalled ? undefined : "install the Debian package postgresql",
);

export const mariadb: ServerKind = serverKind(
  "MariaDB",
  startMariadb,
  mariadbIsInstalled ? undefined : "install the Debian package mariadb-server",
);

/** PostgreSQL in the process, with one connection: it stands in where there is no server. */
export const pglite: DatabaseKind = pgliteKind();

/** One of each kind. */
export const databases: readonly DatabaseKind[] = [
  sqlite,
  postgres.missing === undefined ? postgres : pglite,
  mariadb,
];

/** Those that are servers. */
export const servers: readonly ServerKind[] = [postgres, mariadb];

/**
 * `describe` for tests that need a database. Where it is not installed they are skipped under a name that says what to
 * install, and fail in continuous integration, where a skipped test would pass unnoticed.
 */
export function describeOn(
  { name, missing }: DatabaseKind,
  what: string,
  body: () => void | Promise<void>,
): void {
  const title = `${what} on ${name}`;
  if (missing === undefined) {
    describe(title, body);
  } else if (process.env["CI"] === "true") {
    test(title, () => {
      throw new Error(`There is no ${name} here: ${missing}.`);
    });
  } else {
    describe.skip(`${title} (${missing})`, body);
  }
}

/** Empties the package's own tables. */
export async function emptyTables(db: Kysely<unknown>): Promise<void> {
  for (const table of ownTables) await sql`delete from ${sql.table(table)}`.execute(db);
}

const ownTables = [
  "group_member",
  "group",
  "user",
  "sync_stream",
  "nonce",
  "server",
  "consumer",
  "sign_on_token",
  "identity",
  "group_mapping",
  "sync_loose_grant",
  "sync_odd_reference",
  "sync_membership",
  "sync_entry_name",
  "sync_entry",
].map((name) => `concordat_${name}`);

function serverKind(
  name: ServerKind["name"],
  start: () => Promise<SqlServer>,
  missing: string | undefined,
): ServerKind {
  let started: Promise<SqlServer> | undefined;
  let databaseCount = 0;
  const server = (): Promise<SqlServer> => {
    started ??= start();
    return started;
  };
  afterAll(async () => {
    await (await started)?.[Symbol.asyncDispose]();
  });
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    server,
    async open({ tables, ...pool } = {}) {
      const running = await server();
      const own = `test_${++databaseCount}`;
      await running.create(own);
      const opened = await database(
        running.dialect(own, pool),
        tables === undefined ? {} : { tables },
      );
      return {
        ...opened,
        async [Symbol.asyncDispose]() {
          await opened[Symbol.asyncDispose]();
          await running.drop(own);
        },
      };
    },
  };
}

function pgliteKind(): DatabaseKind {
  let started: Promise<PGlite> | undefined;
  const schemas: string[] = [];
  let schemaCount = 0;
  afterAll(async () => {
    await (await started)?.close();
  });
  return {
    name: "PGlite",
    async open(options) {
      started ??= import("@electric-sql/pglite").then(({ PGlite }) => PGlite.create());
      const instance = await started;
      // The one connection looks into the schema that was opened last.
      const own = `test_${++schemaCount}`;
      schemas.push(own);
      await instance.exec(`create schema ${own}; set search_path to ${own}`);
      const opened = await database(new PGliteDialect({ pglite: instance }), options);
      return {
        ...opened,
        async [Symbol.asyncDispose]() {
          schemas.splice(schemas.indexOf(own), 1);
          await instance.exec(
            `drop schema ${own} cascade; set search_path to ${schemas.at(-1) ?? "public"}`,
          );
        },
      };
    },
  };
}

async function database(
  dialect: Dialect,
  { tables = true }: { readonly tables?: boolean } = {},
): Promise<TestDatabase> {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect,
    log: ({ query }) => {
      statements.push(query.sql.replaceAll(/\s+/g, " "));
    },
  });
  if (tables) await createTables(db);
  statements.length = 0;
  return { db, statements, [Symbol.asyncDispose]: () => db.destroy() };
}
