import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPrograms, type Programs } from "./directory-to-scim-programs.js";
import { describePlan, planFor, runPlan } from "./directory-to-scim-run.js";

// How many seeds to run in full, and the first of them: a seed that failed is run again by naming it.
const { CONCORDAT_SEEDS: asked, CONCORDAT_SEED: first = "1" } = process.env;
const plans =
  asked === undefined
    ? [planFor(1, { rounds: 1, kills: 3, cuts: 12 })]
    : Array.from({ length: Number(asked) }, (_, i) =>
        planFor(Number(first) + i, { rounds: 3, kills: 6, cuts: 40 }),
      );

describe("a directory is followed into a service provider in another process, whatever is killed or cut", () => {
  let programs: Programs;
  beforeAll(async () => {
    programs = await installPrograms();
  }, 60_000);
  afterAll(() => programs[Symbol.asyncDispose]());

  test.each(plans.map((plan) => [describePlan(plan), plan] as const))(
    "%s",
    async (name, plan) => {
      const report = await runPlan(plan, programs);
      const { differences, ...figures } = report;
      if (asked !== undefined) console.info(name, JSON.stringify(figures));
      expect(
        differences.map(({ text }) => text),
        name,
      ).toEqual([]);
      expect(report.consumerKills).toBe(plan.kills * plan.rounds);
      expect(report.providerKills).toBe(plan.kills * plan.rounds);
      expect(report.directoryCuts + report.providerCuts).toBeGreaterThanOrEqual(plan.cuts);
      expect(report.memberships).toBeGreaterThan(0);
    },
    300_000,
  );
});
