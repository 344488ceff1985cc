import { randomInt } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithSlapd } from "../integration/slapd.js";
import { type ConsumerProgram, installConsumer } from "./consumer-program.js";
import { describePlan, longExtent, planFor, type Step, shortExtent } from "./plan.js";
import { type RunReport, runPlan } from "./run.js";

/** With all that one server can do; and two servers, without transactions or a session log, with standbys. */
const shortSeeds = [84, 227];
// `CONCORDAT_SEED` names the seeds to run in full, separated by commas; `CONCORDAT_SEEDS` says how many to choose at random.
const { CONCORDAT_SEED: named, CONCORDAT_SEEDS: count } = process.env;
const seeds = longSeeds();
const plans =
  seeds === undefined
    ? shortSeeds.map((seed) => planFor(seed, shortExtent))
    : seeds.map((seed) => planFor(seed, longExtent));
if (seeds !== undefined) console.info(`CONCORDAT_SEED=${seeds.join(",")}`);

function longSeeds(): readonly number[] | undefined {
  if (named !== undefined) return named.split(",").map(Number);
  if (count === undefined) return undefined;
  return Array.from({ length: Number(count) }, () => randomInt(1_000_000));
}

describeWithSlapd("after any faults the application equals the directory", () => {
  let program: ConsumerProgram;
  const reports: (RunReport & { plan: string })[] = [];
  beforeAll(async () => {
    program = await installConsumer();
  }, 60_000);
  afterAll(async () => {
    await program[Symbol.asyncDispose]();
    if (seeds !== undefined) console.info(summaryOf(reports));
  });

  test.each(plans.map((plan) => [describePlan(plan), plan] as const))(
    "%s",
    async (name, plan) => {
      const report = await runPlan(plan, program);
      reports.push({ ...report, plan: name });
      if (seeds !== undefined) console.info(lineOf(name, report));
      expect(
        report.differences.map(({ text }) => text),
        `${name}\n${report.history}`,
      ).toEqual([]);
      expect(report.cuts).toBeGreaterThanOrEqual(plan.cuts);
      const planned = Object.entries(plan.steps).filter(([, count]) => count > 0);
      expect(Object.fromEntries(report.steps)).toEqual(Object.fromEntries(planned));
    },
    600_000,
  );
});

function lineOf(name: string, report: RunReport): string {
  const { history: _, differences, passing, resets, steps, ...figures } = report;
  const rounded = Object.entries(figures).map(([key, value]) => `${key} ${Math.round(value)}`);
  const reasons = Object.entries(resets).map(([reason, count]) => `${count} ${reason}`);
  const found = `${differences.length} differences, ${passing.length} for a moment`;
  const resetsText = `resets ${reasons.join(", ") || 0}`;
  const stepsText = [...steps].map(([step, count]) => `${step} ${count}`).join(", ");
  const text = `${name}: ${found}, ${rounded.join(", ")}, ${resetsText}, ${stepsText}`;
  return [text, ...passing].join("\n  ");
}

function summaryOf(reports: readonly RunReport[]): string {
  const total = (count: (report: RunReport) => number) =>
    reports.reduce((sum, report) => sum + count(report), 0);
  const allSteps = Object.keys(longExtent.steps) as Step[];
  const failed = reports.filter(({ differences }) => differences.length > 0).length;
  return [
    `${reports.length} seeds, ${failed} with differences`,
    `${total(({ differences }) => differences.length)} differences, ${total(({ passing }) => passing.length)} for a moment`,
    `${total(({ writes }) => writes)} writes`,
    `${total(({ cuts }) => cuts)} cuts`,
    `${total(({ kills }) => kills)} consumers killed`,
    `${total(({ superseded }) => superseded)} ended after another began`,
    ...allSteps.map((step) => `${step} ${total(({ steps }) => steps.get(step) ?? 0)}`),
    `${total(({ reconnects }) => reconnects)} reconnects`,
    `refreshes: ${total(({ full }) => full)} full, ${total(({ fromLog }) => fromLog)} from the log, ${total(({ byPresence }) => byPresence)} by presence, ${total(({ interrupted }) => interrupted)} interrupted`,
    `${total(({ secondPasses }) => secondPasses)} second passes`,
    `${total(({ reread }) => reread)} groups read again`,
    `${Math.round(total(({ took }) => took) / 1000)} s`,
  ].join(" · ");
}
