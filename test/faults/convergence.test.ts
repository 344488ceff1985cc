import { inMemoryTarget } from "concordat/repositories";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { differences } from "./differences.js";
import { anyRun, type Run } from "./steps.js";
import { World } from "./world.js";

// How many runs, and where a series begins, for a long night and for the morning after it; with a path, the one run of the series
// that it leads to. The short series is always the same, so that a failure is of the change at hand; the long one begins anywhere.
const { CONCORDAT_PATH: path } = process.env;
const { CONCORDAT_RUNS: asked = path === undefined ? "150" : "1" } = process.env;
const { CONCORDAT_SEED: seed = process.env["CONCORDAT_RUNS"] === undefined ? "2" : undefined } =
  process.env;
const totals = {
  runs: 0,
  operations: 0,
  faults: 0,
  crashes: 0,
  reconnects: 0,
  resets: 0,
  writes: 0,
};

async function converges(run: Run): Promise<void> {
  await using world = await World.create(run, inMemoryTarget({ transactions: run.transactions }));
  await world.live();
  expect(await differences(world)).toEqual([]);
  totals.runs += 1;
  totals.operations += world.staff.operations;
  totals.faults += world.faults;
  for (const [fate, count] of Object.entries(world.fates))
    totals[fate as keyof typeof totals] += count;
}

test("whatever happens, the application equals the directory in the end", async () => {
  await fc.assert(fc.asyncProperty(anyRun, converges), {
    numRuns: Number(asked),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
}, 7_200_000);

afterAll(() => {
  if (process.env["CONCORDAT_RUNS"] !== undefined) console.info(totals);
});
