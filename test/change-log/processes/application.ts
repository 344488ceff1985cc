import { connect } from "@nats-io/transport-node";
import { changeLog } from "concordat/change-log";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { openedLog } from "./opened-log.ts";

/** What the process that is killed again and again is told, as JSON in its only argument. */
export interface ApplicationOptions {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly database: string;
  readonly transactions: boolean;
}

const options: ApplicationOptions = JSON.parse(process.argv[2] ?? "");

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

const { database, transactions } = options;
const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: database, durable: false }) });
await createTables(db);
const servers = [...options.servers];
const connection = await connect({
  servers,
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
  reconnectTimeWait: 50,
});
const changes = changeLog(await openedLog(connection, options.stream), { source: "directory-log" });
const outcomes = synchronize(changes, kyselyTarget({ db, transactions }), {
  maxDeletes: Number.POSITIVE_INFINITY,
  maxCleared: Number.POSITIVE_INFINITY,
  takeoverDelay: 1_000,
});
for await (const { kind } of outcomes) {
  if (kind === "checkpoint") process.stdout.write("checkpoint\n");
}
