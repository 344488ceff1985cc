import { StreamTakenError } from "concordat";
import type { ChangeBatch } from "concordat/changes";
import { kyselyTarget } from "concordat/kysely";
import { expect, test } from "vitest";
import { describeOn, postgres } from "../kysely/databases.js";
import { application, interferedWith, onEveryTarget, type Target } from "./stores.js";
import { apply, follow, gone, person, refresh, team, uid } from "./streams.js";

const people = ["ann", "bob"].map((name) => person(name, name, { stamp: "1" }));
const staff = team("g", "staff", [uid("ann"), uid("bob")], { stamp: "1" });

/** What a step changes that stores no position, so that no revision of it tells that it is another one's. */
const steps: readonly (readonly [string, ChangeBatch])[] = [
  [
    "a batch in the middle of a refresh",
    {
      phase: "snapshot",
      refresh: "continues",
      changes: [person("ann", "anna", { stamp: "2" })],
    },
  ],
  [
    "a batch in the middle of a comparison",
    {
      phase: "reconcile",
      refresh: "continues",
      changes: [person("ann", "anna", { stamp: "2" })],
    },
  ],
  ["a live batch without a checkpoint", { phase: "live", changes: [person("x", "xia")] }],
];

/** A stream of which another runner takes possession before this batch comes. */
function takenBefore(target: Target, batch: ChangeBatch) {
  const { phase } = batch;
  return {
    source: "directory",
    async *read(): AsyncGenerator<ChangeBatch, void> {
      if (phase !== "live") yield { phase, refresh: "begins", changes: [] };
      await target.checkpoints.claim("directory");
      yield batch;
    },
  };
}

async function appliesNothing(target: Target, batch: ChangeBatch): Promise<void> {
  await apply(target, refresh([...people, staff]));
  const before = await application(target);
  const elder = follow(takenBefore(target, batch), target);
  await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
  expect(await application(target)).toEqual(before);
}

onEveryTarget(({ open }) => {
  test.for(steps)("a runner that was superseded does not apply %s", async ([, batch]) => {
    await appliesNothing(await open(), batch);
  });
});

describeOn(postgres, "the epoch of a runner", () => {
  test.for(steps)("keeps one that was superseded from applying %s", async ([, batch]) => {
    await using database = await postgres.open();
    await appliesNothing(kyselyTarget({ db: database.db, transactions: true }) as Target, batch);
  });

  test("has whoever takes the stream wait for the end of a step that is under way", async () => {
    await using database = await postgres.open();
    const target = kyselyTarget({ db: database.db, transactions: true }) as Target;
    await apply(target, refresh([...people, staff]));
    const order: string[] = [];
    let claimed: Promise<unknown> | undefined;
    const elder = interferedWith(target, {
      before: ({ store, method }) => {
        if (store !== "users" || method !== "write" || claimed !== undefined) return undefined;
        claimed = target.checkpoints.claim("directory").then(() => order.push("claimed"));
        // Were nothing locked, it would be done by then.
        return new Promise((resolve) => setTimeout(resolve, 200)).then(() => {
          order.push("written");
        });
      },
    });
    const stream = {
      source: "directory",
      async *read(): AsyncGenerator<ChangeBatch, void> {
        yield { phase: "live", changes: [gone("ann"), gone("bob")] };
        await claimed;
        yield { phase: "live", changes: [person("x", "xia")] };
      },
    };
    await expect(follow(stream, elder)).rejects.toBeInstanceOf(StreamTakenError);
    expect(order).toEqual(["written", "claimed"]);
    expect((await application(target)).users).toEqual({ ann: "inactive", bob: "inactive" });
  });
});
