import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createTables, kyselyTarget } from "concordat/kysely";
import { nodeListener } from "concordat/node";
import { entraProfile } from "concordat/scim";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";

/** What one of the processes of a service provider is told, as JSON in its only argument. */
export interface ProviderOptions {
  readonly port: number;
  /** Where clients find all of them. */
  readonly baseUrl: string;
  readonly token: string;
  readonly cursorKey: string;
  /** The folder of the socket of the PostgreSQL server, and the schema. */
  readonly host: string;
  readonly schema: string;
}

const options: ProviderOptions = JSON.parse(process.argv[2] ?? "");

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

const pool = new Pool({
  host: options.host,
  user: "postgres",
  database: "postgres",
  options: `-c search_path=${options.schema}`,
});
pool.on("error", () => undefined);
const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
await createTables(db);
const { users, groups } = kyselyTarget({ db });
if (groups === undefined) throw new Error("There are no groups.");
const sha256 = createHash("sha256").update(options.token).digest("hex");
const scim = createScimServer({
  baseUrl: options.baseUrl,
  profile: entraProfile,
  cursors: { key: new TextEncoder().encode(options.cursorKey) },
  authenticate: bearerTokens([{ sha256, principal: { id: "entra" } }]),
  repositories: () => ({ users, groups }),
});
createServer(nodeListener(scim)).listen(options.port, "127.0.0.1", () => {
  process.stdout.write("listening\n");
});
