import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import fc from "fast-check";
import { Kysely } from "kysely";
import { expect, test } from "vitest";
import { differences } from "../sync/model-check.js";
import { type ModelRun, modelRun } from "../sync/model-steps.js";
import { ModelWorld } from "../sync/model-world.js";
import type { Target } from "../sync/stores.js";
import { throughVersion2 } from "./version-2.js";

const { CONCORDAT_RUNS: asked, CONCORDAT_SEED: seed = "5" } = process.env;

test.each([true, false])(
  "a history goes on in tables that were moved forward from version 2 after each crash (transactions: %s)",
  async (transactions) => {
    let upgrades = 0;
    const property = fc.asyncProperty(modelRun, async (run: ModelRun) => {
      const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
      try {
        await createTables(db);
        const target = kyselyTarget({ db, transactions }) as Target;
        const world = new ModelWorld(run, target, async () => {
          upgrades += 1;
          await throughVersion2(db);
        });
        await world.live();
        expect(await differences(world)).toEqual([]);
      } finally {
        await db.destroy();
      }
    });
    const numRuns = asked === undefined ? 15 : Number(asked);
    await fc.assert(property, { numRuns, seed: Number(seed) });
    expect(upgrades).toBeGreaterThan(numRuns);
  },
  3_600_000,
);
