import assert from "node:assert/strict";
import { StreamTakenError, VersionConflictError } from "../../core/index.js";
import type { CheckpointRepository, StreamPosition } from "../../repositories/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import {
  assertOneWinner,
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
} from "../contract.js";

/** What is required of a {@link CheckpointRepository}. */
export async function checkpointRepositoryContract(
  make: Make<CheckpointRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const requirements: readonly Requirement<CheckpointRepository>[] = [
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
      const first = await checkpoints.save("s", { generation: 1, epoch: 0, revision: 0 });
      assert.deepEqual(first, { generation: 1, epoch: 0, revision: 1 });
      const second = await checkpoints.save("s", { ...first, checkpoint: "c", generation: 2 });
      assert.deepEqual(second, { checkpoint: "c", generation: 2, epoch: 0, revision: 2 });
      assert.deepEqual(await checkpoints.load("s"), second);
      const third = await checkpoints.save("s", { generation: 3, epoch: 0, revision: 2 });
      assert.deepEqual(third, { generation: 3, epoch: 0, revision: 3 });
      assert.deepEqual(await checkpoints.load("s"), third);
    },
  },
  {
    name: "a save against another revision is VersionConflictError and changes nothing",
    async check(checkpoints) {
      const early = { checkpoint: "x", generation: 9, epoch: 0, revision: 1 };
      await assertRefusal(checkpoints.save("s", early), VersionConflictError);
      assert.equal(await checkpoints.load("s"), undefined);
      const first = await checkpoints.save("s", {
        checkpoint: "a",
        generation: 1,
        epoch: 0,
        revision: 0,
      });
      const second = await checkpoints.save("s", { ...first, checkpoint: "b" });
      for (const revision of [0, 1, 3]) {
        await assertRefusal(checkpoints.save("s", { ...early, revision }), VersionConflictError);
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
            checkpoints.save("s", { checkpoint: `${runner}`, generation: 1, epoch: 0, revision }),
          ),
        );
      for (const revision of [0, 1]) {
        const results = await saves(revision);
        assertOneWinner(results, VersionConflictError);
        const winner = results.findIndex((result) => result.status === "fulfilled");
        assert.deepEqual(await checkpoints.load("s"), {
          checkpoint: `${winner}`,
          generation: 1,
          epoch: 0,
          revision: revision + 1,
        });
      }
    },
  },
  {
    name: "a position is kept whole",
    async check(checkpoints) {
      const whole: StreamPosition = {
        checkpoint: "c",
        generation: 3,
        epoch: 4,
        revision: 0,
        mapping: "m",
        taken: [
          { at: 1_795_000_000_000, removals: 2, cleared: 0, linked: 100 },
          { at: 1_795_000_000_001, removals: 0, cleared: 3, linked: 100 },
        ],
        unconfirmed: {
          since: 1_795_000_000_002,
          accounts: [{ sourceId: "1", type: "User", name: "é" }],
          memberships: [{ group: "g", member: "Users/1", ours: true }],
        },
      };
      const saved = await checkpoints.save("s", whole);
      assert.deepEqual(saved, { ...whole, revision: 1 });
      assert.deepEqual(await checkpoints.load("s"), saved);
    },
  },
  {
    name: "a claim counts the epoch up and keeps all else, and a save against the position before fails",
    async check(checkpoints) {
      const first = await checkpoints.claim("s");
      const isCounted = Number.isSafeInteger(first.epoch) && first.epoch > 0;
      assertThat(isCounted, `an epoch is a whole number above 0, not ${first.epoch}`);
      assert.deepEqual(await checkpoints.load("s"), first);
      const saved = await checkpoints.save("s", { ...first, checkpoint: "c", generation: 5 });
      const second = await checkpoints.claim("s");
      assert.deepEqual(second, { ...saved, epoch: first.epoch + 1, revision: saved.revision + 1 });
      assert.deepEqual(await checkpoints.load("s"), second);
      await assertRefusal(checkpoints.save("s", saved), VersionConflictError);
      await checkpoints.save("s", second);
    },
  },
  {
    name: "a claim of a position that was seen takes over that one alone",
    async check(checkpoints) {
      const first = await checkpoints.claim("s", { expected: null });
      await assertRefusal(checkpoints.claim("s", { expected: null }), StreamTakenError);
      const saved = await checkpoints.save("s", { ...first, checkpoint: "c" });
      await assertRefusal(checkpoints.claim("s", { expected: first }), StreamTakenError);
      const second = await checkpoints.claim("s", { expected: saved });
      assert.equal(second.epoch, first.epoch + 1);
      const both = [1, 2].map(() => checkpoints.claim("s", { expected: second }));
      const results = await Promise.allSettled(both);
      const taken = results.filter(({ status }) => status === "fulfilled");
      assert.equal(taken.length, 1, "of two that have seen the same, one takes over");
    },
  },
  {
    name: "of 20 concurrent claims each gets an epoch of its own",
    async check(checkpoints) {
      const claims = Array.from({ length: 20 }, () => checkpoints.claim("s"));
      const epochs = (await Promise.all(claims)).map((position) => position.epoch);
      assert.deepEqual(
        epochs.sort((one, other) => one - other),
        Array.from({ length: 20 }, (_, index) => Math.min(...epochs) + index),
      );
    },
  },
  {
    name: "where nothing is stored the epochs begin anywhere, since the position may have been lost",
    async check(checkpoints) {
      const { epoch } = await checkpoints.claim("s");
      assert.notEqual((await checkpoints.claim("other")).epoch, epoch);
    },
  },
  {
    name: "hold passes for the epoch that claimed last, and is StreamTakenError for every other",
    async check(checkpoints) {
      await assertRefusal(checkpoints.hold("s", 0), StreamTakenError);
      await assertRefusal(checkpoints.hold("s", 1), StreamTakenError);
      const first = await checkpoints.claim("s");
      await checkpoints.hold("s", first.epoch);
      const other = await checkpoints.claim("other");
      const second = await checkpoints.claim("s");
      await assertRefusal(checkpoints.hold("s", first.epoch), StreamTakenError);
      await checkpoints.hold("s", second.epoch);
      await checkpoints.hold("other", other.epoch);
      const position = await checkpoints.load("s");
      assert.equal(position?.epoch, second.epoch);
    },
  },
  {
    name: "streams are kept apart, and checkpoints are opaque",
    async check(checkpoints) {
      const opaque = [...hostileStrings, "", "rid=001,csn=;", "x".repeat(100_000)];
      for (const [at, text] of opaque.entries()) {
        await checkpoints.save(`stream ${at}`, {
          checkpoint: text,
          generation: at,
          epoch: 0,
          revision: 0,
        });
      }
      for (const [at, text] of opaque.entries()) {
        assert.deepEqual(await checkpoints.load(`stream ${at}`), {
          checkpoint: text,
          generation: at,
          epoch: 0,
          revision: 1,
        });
      }
      for (const stream of [...hostileStrings, ...longStrings]) {
        await checkpoints.save(stream, {
          checkpoint: stream,
          generation: 1,
          epoch: 0,
          revision: 0,
        });
      }
      for (const stream of [...hostileStrings, ...longStrings]) {
        assert.equal((await checkpoints.load(stream))?.checkpoint, stream);
      }
    },
  },
];
