import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { nodeListener } from "concordat/node";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";

/** What the service provider that is killed again and again is told, as JSON in its only argument. */
export interface ProviderOptions {
  readonly port: number;
  readonly token: string;
  /** A file of SQLite, or a schema of a PostgreSQL server that listens on a socket in `host`. */
  readonly database: { readonly path: string } | { readonly host: string; readonly schema: string };
}

const options: ProviderOptions = JSON.parse(process.argv[2] ?? "");

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

function dialect() {
  const { database } = options;
  if ("path" in database) return nodeSqliteDialect({ path: database.path, durable: false });
  const pool = new Pool({
    host: database.host,
    user: "postgres",
    database: "postgres",
    options: `-c search_path=${database.schema}`,
  });
  pool.on("error", () => undefined);
  return new PostgresDialect({ pool });
}

const db = new Kysely<unknown>({ dialect: dialect() });
await createTables(db);
const { users, groups } = kyselyTarget({ db });
if (groups === undefined) throw new Error("There are no groups.");
const sha256 = createHash("sha256").update(options.token).digest("hex");
const scim = createScimServer({
  baseUrl: `http://127.0.0.1:${options.port}/scim/v2`,
  authenticate: bearerTokens([{ sha256, principal: { id: "directory" } }]),
  repositories: () => ({ users, groups }),
});
createServer(nodeListener(scim)).listen(options.port, "127.0.0.1", () => {
  process.stdout.write("listening\n");
});
