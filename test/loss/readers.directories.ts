import { randomInt } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConsumerProgram, installConsumer } from "./consumer-program.js";
import { kinds } from "./readers/kinds.js";
import { type ReaderPlan, type ReaderReport, runReader } from "./readers/reader-run.js";

// `CONCORDAT_READER` names the kind of server, `CONCORDAT_SEED` the seeds to run in full, `CONCORDAT_SEEDS` how many.
const { CONCORDAT_READER: reader, CONCORDAT_SEED: named, CONCORDAT_SEEDS: count } = process.env;
const short = { cuts: 60, consumerKills: 4, serverKills: 1 };
const long = { cuts: 300, consumerKills: 15, serverKills: 4 };
const isLong = reader !== undefined;
const plans: readonly ReaderPlan[] = isLong
  ? longSeeds().map((seed) => ({ seed, ...long }))
  : [{ seed: 19, ...short }];

function longSeeds(): readonly number[] {
  if (named !== undefined) return named.split(",").map(Number);
  return Array.from({ length: Number(count ?? 5) }, () => randomInt(1_000_000));
}

for (const kind of kinds) {
  if (isLong && kind.name !== reader) continue;
  kind.describe(`after any faults the application equals the directory, of ${kind.name}`, () => {
    let program: ConsumerProgram;
    const reports: ReaderReport[] = [];
    beforeAll(async () => {
      program = await installConsumer();
    }, 60_000);
    afterAll(async () => {
      await program[Symbol.asyncDispose]();
      if (isLong) console.info(summaryOf(kind.name, reports));
    });

    test.each(plans)(
      "seed $seed, $cuts reconnects",
      async (plan) => {
        const report = await runReader(kind, plan, program);
        reports.push(report);
        expect(report.differences, report.history).toEqual([]);
        expect(report.cuts).toBeGreaterThanOrEqual(plan.cuts);
        expect(report.kills).toBe(plan.consumerKills);
        expect(report.lateConnections).toBe(0);
      },
      isLong ? 1_800_000 : 600_000,
    );
  });
}

function summaryOf(name: string, reports: readonly ReaderReport[]): string {
  const total = (figure: (report: ReaderReport) => number) =>
    reports.reduce((sum, report) => sum + figure(report), 0);
  const resets: Record<string, number> = {};
  for (const report of reports) {
    for (const [reason, times] of Object.entries(report.resets)) {
      resets[reason] = (resets[reason] ?? 0) + times;
    }
  }
  return [
    `${name}: ${reports.length} seeds`,
    `${total(({ differences }) => differences.length)} differences`,
    `${total(({ writes }) => writes)} writes`,
    `${total(({ cuts }) => cuts)} cuts`,
    `${total(({ kills }) => kills)} consumers killed`,
    `${total(({ reconnects }) => reconnects)} reconnects`,
    `refreshes: ${total(({ full }) => full)} full`,
    `${total(({ fromLog }) => fromLog)} resumed`,
    `${total(({ interrupted }) => interrupted)} interrupted`,
    `${total(({ secondPasses }) => secondPasses)} second passes`,
    `resets ${JSON.stringify(resets)}`,
  ].join(" · ");
}
