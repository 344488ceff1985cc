import { subscribe } from "node:diagnostics_channel";
import { openSync, writeSync } from "node:fs";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { activeDirectory, profile, watchChannelName, watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";

/** The options of the process that is killed again and again, as JSON in its only argument. */
export interface ConsumerOptions {
  readonly url: string;
  readonly base: readonly string[];
  readonly bindDn: string;
  readonly password: string;
  readonly database: string;
  /** The file to which everything that happens is appended, line by line. */
  readonly journal: string;
  readonly transactions: boolean;
  readonly onDelete: "deactivate" | "delete";
}

const options: ConsumerOptions = JSON.parse(process.argv[2] ?? "");
const journal = openSync(options.journal, "a");

/** Written at once: the system keeps it when the process is killed. */
function note(line: object): void {
  writeSync(journal, `${JSON.stringify({ at: Date.now(), pid: process.pid, ...line })}\n`);
}

subscribe(watchChannelName, (event) => note({ event }));

// The input ends when the test that started this process is gone, however that went, and would not kill it any more.
process.stdin.resume().once("end", () => process.exit());

const db = new Kysely<unknown>({
  // A process that is killed loses nothing that it wrote; only a crash of the machine would.
  dialect: nodeSqliteDialect({ path: options.database, durable: false }),
});
await createTables(db);
const directory = watchDirectory({
  url: options.url,
  source: "directory",
  base: options.base,
  profile: profile({ extends: activeDirectory, user: { displayName: "cn" } }),
  bind: { method: "simple", dn: options.bindDn, password: options.password },
  allowCleartext: true,
  // Neither a list of names nor a question from time to time is to hide what was lost, or what rang no alarm.
  reconcileEvery: false,
  pollEvery: 3_600_000,
  reconnect: { initialDelay: 10, maxDelay: 100 },
});
const target = kyselyTarget({ db, transactions: options.transactions });
const stream = {
  ...directory,
  async *read(request: Parameters<typeof directory.read>[0]) {
    for await (const batch of directory.read(request)) {
      note({ batch });
      if (batch.refresh === "begins") process.stdout.write("reading\n");
      yield batch;
    }
  },
};
const outcomes = synchronize(stream, target, {
  onDelete: options.onDelete,
  maxDeletes: Number.POSITIVE_INFINITY,
  maxCleared: Number.POSITIVE_INFINITY,
  // What a killed process had asked of the file is done, or will never be.
  takeoverDelay: 1_000,
});
for await (const outcome of outcomes) note({ outcome });
