import { createChangeLogTables, KyselyChangeLog, nodeSqliteDialect } from "concordat/kysely";
import { InMemoryChangeLog } from "concordat/repositories";
import { type ContractCase, changeLogContract } from "concordat/testing";
import { Kysely, sql } from "kysely";
import { describe, test } from "vitest";
import { postgres } from "../kysely/databases.js";

function exercise(title: string, cases: readonly ContractCase[]): void {
  describe(title, () => {
    for (const { name, run } of cases) test(name, run);
  });
}

exercise("a log in memory", await changeLogContract(() => new InMemoryChangeLog()));

exercise(
  "a log in SQLite",
  await changeLogContract(async () => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await createChangeLogTables(db);
    return closing(new KyselyChangeLog(db, { pollInterval: 5, maxRecordBytes: 100_000 }), db);
  }),
);

describe.skipIf(postgres.missing !== undefined)("a log in PostgreSQL", async () => {
  const cases = await changeLogContract(async () => {
    const { db } = await postgres.open({ tables: false });
    await createChangeLogTables(db);
    await sql`delete from concordat_log`.execute(db);
    await sql`delete from concordat_log_head`.execute(db);
    return closing(new KyselyChangeLog(db, { pollInterval: 5, maxRecordBytes: 100_000 }), db);
  });
  for (const { name, run } of cases) test(name, run);
});

/** The log, whose database is closed when a case is over. */
function closing(log: KyselyChangeLog, db: Kysely<unknown>): KyselyChangeLog & AsyncDisposable {
  return Object.assign(log, { [Symbol.asyncDispose]: () => db.destroy() });
}
