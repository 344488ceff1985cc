import { setImmediate } from "node:timers/promises";
import { createChangeLogTables, KyselyChangeLog, nodeSqliteDialect } from "concordat/kysely";
import { type ChangeLog, InMemoryChangeLog } from "concordat/repositories";
import fc from "fast-check";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { liveThrough, logRun } from "./log-model.js";

// As for the model of synchronisation; a run takes longer than one of those.
const { CONCORDAT_RUNS: asked, CONCORDAT_PATH: path } = process.env;
const { CONCORDAT_SEED: seed = asked === undefined ? "1" : String(Date.now() % 2 ** 31) } =
  process.env;

/** A log, and what is to be done when it is not used any more. */
interface Opened {
  readonly log: ChangeLog;
  close(): Promise<void>;
}

const kinds: readonly { kind: string; open(page: number): Promise<Opened> }[] = [
  {
    kind: "in memory",
    open: async (page) => ({
      log: new InMemoryChangeLog({ maxRecords: page, pageSize: page }),
      close: async () => {},
    }),
  },
  {
    kind: "in SQLite",
    open: async (pageSize) => {
      const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
      await createChangeLogTables(db);
      const log = new KyselyChangeLog(db, { pageSize, pollInterval: 1 });
      return { log, close: () => db.destroy() };
    },
  },
];

describe.each(kinds)("a log $kind", ({ kind, open }) => {
  test("whatever is cut, every application that reads the log ends as the directory is", async () => {
    const totals = { runs: 0, publisherCuts: 0, consumerCuts: 0 };
    let done = 0;
    const property = fc.asyncProperty(logRun, async (run) => {
      const index = done++;
      const { log, close } = await open(run.page);
      const result = await liveThrough(run, log, () => setImmediate()).finally(close);
      totals.runs++;
      totals.publisherCuts += result.publisherCuts;
      totals.consumerCuts += result.consumerCuts;
      if (result.differences.length > 0) {
        console.error(
          `${kind}: CONCORDAT_SEED=${seed} CONCORDAT_PATH=${index} is bad:`,
          result.differences,
        );
      }
      expect(result.differences).toEqual([]);
    });
    await fc.assert(property, {
      numRuns: path !== undefined ? 1 : asked === undefined ? 40 : Math.ceil(Number(asked) / 20),
      seed: Number(seed),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    });
    if (asked !== undefined) console.info({ kind, seed, ...totals });
  }, 3_600_000);
});
