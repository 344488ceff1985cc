import { connect } from "@nats-io/transport-node";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { NatsChangeLog } from "concordat/nats";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";

/** The longest message of LDAP that is read, in bytes: that of a group with a million members has about 60 MB. */
export const maxMessageSize = 256 * 1024 * 1024;

/** The log on a server of NATS. */
export async function openLog(servers) {
  const connection = await connect({ servers, maxReconnectAttempts: -1 });
  return [
    await NatsChangeLog.open(connection, { stream: "DIRECTORY", timeout: 30_000 }),
    connection,
  ];
}

/** The application's database, which is described in JSON: a file of SQLite, or a socket and schema of PostgreSQL. */
export async function openTarget(described) {
  const { sqlite, host, schema } = JSON.parse(described);
  const dialect =
    sqlite === undefined
      ? new PostgresDialect({
          pool: new pg.Pool({
            host,
            user: "postgres",
            database: "postgres",
            options: `-c search_path=${schema}`,
            max: 4,
          }),
        })
      : nodeSqliteDialect({ path: sqlite });
  const db = new Kysely({ dialect });
  await createTables(db);
  return [kyselyTarget({ db }), db];
}

/** Prints what there is to say, as a line of JSON. */
export function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
