import assert from "node:assert/strict";
import { VersionConflictError } from "../core/index.js";
import type { CheckpointRepository } from "../repositories/index.js";
import {
  type ContractCase,
  type Demand,
  demandOneWinner,
  hostileStrings,
  longStrings,
  type Make,
  toCases,
} from "./contract.js";

/** What is demanded of a {@link CheckpointRepository}. */
export async function checkpointRepositoryContract(
  make: Make<CheckpointRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, demands);
}

const demands: readonly Demand<CheckpointRepository>[] = [
  {
    name: "a stream of which nothing was saved has no position",
    async check(checkpoints) {
      for (const stream of hostileStrings) {
        assert.equal(await checkpoints.load(stream), undefined, stream);
      }
    },
  },
  {
    name: "each save counts the revision, and load returns what was saved",
    async check(checkpoints) {
      const first = await checkpoints.save("s", { generation: 1, revision: 0 });
      assert.deepEqual(first, { generation: 1, revision: 1 });
      const second = await checkpoints.save("s", { ...first, checkpoint: "c", generation: 2 });
      assert.deepEqual(second, { checkpoint: "c", generation: 2, revision: 2 });
      assert.deepEqual(await checkpoints.load("s"), second);
      const third = await checkpoints.save("s", { generation: 3, revision: 2 });
      assert.deepEqual(third, { generation: 3, revision: 3 });
      assert.deepEqual(await checkpoints.load("s"), third);
    },
  },
  {
    name: "a save against another revision is VersionConflictError and changes nothing",
    async check(checkpoints) {
      const early = { checkpoint: "x", generation: 9, revision: 1 };
      await assert.rejects(checkpoints.save("s", early), VersionConflictError);
      assert.equal(await checkpoints.load("s"), undefined);
      const first = await checkpoints.save("s", { checkpoint: "a", generation: 1, revision: 0 });
      const second = await checkpoints.save("s", { ...first, checkpoint: "b" });
      for (const revision of [0, 1, 3]) {
        await assert.rejects(checkpoints.save("s", { ...early, revision }), VersionConflictError);
      }
      assert.deepEqual(await checkpoints.load("s"), second);
    },
  },
  {
    name: "of 20 concurrent saves against one revision exactly one is done",
    async check(checkpoints) {
      const saves = (revision: number): Promise<PromiseSettledResult<unknown>[]> =>
        Promise.allSettled(
          Array.from({ length: 20 }, (_, runner) =>
            checkpoints.save("s", { checkpoint: `${runner}`, generation: 1, revision }),
          ),
        );
      for (const revision of [0, 1]) {
        const results = await saves(revision);
        demandOneWinner(results, VersionConflictError);
        const winner = results.findIndex((result) => result.status === "fulfilled");
        assert.deepEqual(await checkpoints.load("s"), {
          checkpoint: `${winner}`,
          generation: 1,
          revision: revision + 1,
        });
      }
    },
  },
  {
    name: "streams are kept apart, and checkpoints are opaque",
    async check(checkpoints) {
      const opaque = [...hostileStrings, "", "rid=001,csn=;", "x".repeat(100_000)];
      for (const [at, text] of opaque.entries()) {
        await checkpoints.save(`stream ${at}`, { checkpoint: text, generation: at, revision: 0 });
      }
      for (const [at, text] of opaque.entries()) {
        assert.deepEqual(await checkpoints.load(`stream ${at}`), {
          checkpoint: text,
          generation: at,
          revision: 1,
        });
      }
      for (const stream of [...hostileStrings, ...longStrings]) {
        await checkpoints.save(stream, { checkpoint: stream, generation: 1, revision: 0 });
      }
      for (const stream of [...hostileStrings, ...longStrings]) {
        assert.equal((await checkpoints.load(stream))?.checkpoint, stream);
      }
    },
  },
];
