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
const chosen = seed === undefined ? Date.now() % 2 ** 31 : Number(seed);
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
  let begun = 0;
  let isGood = true;
  const property = fc.asyncProperty(anyRun, async (run) => {
    const index = begun++;
    try {
      await converges(run);
    } catch (error) {
      // What follows looks for a smaller run, for a long time: which it was is said at once.
      if (isGood) console.error(`CONCORDAT_SEED=${chosen} CONCORDAT_PATH=${index} is bad:`, error);
      isGood = false;
      throw error;
    }
  });
  await fc.assert(property, {
    numRuns: Number(asked),
    seed: chosen,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
}, 7_200_000);

afterAll(() => {
  if (process.env["CONCORDAT_RUNS"] !== undefined) console.info(totals);
});
