import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { differences } from "./model-check.js";
import { type ModelRun, modelRun } from "./model-steps.js";
import { ModelWorld } from "./model-world.js";
import { onEveryTarget } from "./stores.js";

// Any number of runs on each kind of target, and where a series begins, for a long night. The short series is always the same,
// so that a failure is of the change at hand.
const { CONCORDAT_RUNS: asked } = process.env;
const { CONCORDAT_SEED: seed = asked === undefined ? "2" : undefined } = process.env;
const totals = { runs: 0, crashes: 0, takeovers: 0, restarts: 0, writes: 0 };

onEveryTarget(({ kind, open }) => {
  const usual = kind.startsWith("in memory") ? 150 : 25;
  test("whatever happens, one completed refresh leads to what the directory says", async () => {
    const property = fc.asyncProperty(modelRun, async (run: ModelRun) => {
      const closing: (() => Promise<void>)[] = [];
      const world = new ModelWorld(run, await open({ closeLater: (close) => closing.push(close) }));
      try {
        await world.live();
        expect(await differences(world)).toEqual([]);
      } finally {
        totals.runs++;
        totals.crashes += world.crashes;
        totals.takeovers += world.takeovers;
        totals.restarts += world.restarts;
        totals.writes += world.writes;
        for (const close of closing) await close();
      }
    });
    await fc.assert(property, {
      numRuns: asked === undefined ? usual : Number(asked),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    });
  }, 3_600_000);
});

afterAll(() => {
  if (asked !== undefined) console.info(totals);
});
