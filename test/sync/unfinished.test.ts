import { InvalidValueError, StreamTakenError, UnavailableError } from "concordat";
import type { Change, ChangeBatch, ChangeStream, Upsert } from "concordat/changes";
import type { SynchronizeOptions } from "concordat/sync";
import { expect, test } from "vitest";
import { application, type Call, interferedWith, onEveryTarget, type Target } from "./stores.js";
import {
  apply,
  follow,
  gone,
  inWords,
  live,
  partOfPerson,
  person,
  present,
  refresh,
  refused,
  sweep,
} from "./streams.js";

/** A number of a change of the first server. */
function csn(second: number): string {
  return `20260102${String(second).padStart(6, "0")}.000000Z#000000#001#000000`;
}

const endOfTime = (server: number) => `99999999999999.999999Z#ffffff#00${server}#ffffff`;
/** What the first server says that it holds: whatever it changed. */
const own = [endOfTime(1)];

/** A look at all names and versions. */
function listed(entries: readonly Upsert[], state: readonly string[] = own): ChangeBatch[] {
  const names = entries.map(({ sourceId, names, stamp = "" }) => ({ sourceId, names, stamp }));
  return [
    { phase: "reconcile", refresh: "begins", changes: [], state },
    { phase: "reconcile", refresh: "continues", changes: [present(...names)] },
    { phase: "reconcile", refresh: "ends", changes: [sweep], checkpoint: "c" },
  ];
}

function ordered(...changes: readonly Change[]): ChangeBatch {
  return { phase: "live", ordered: true, changes, checkpoint: "live" };
}

/** A stream of batches, and what is found where entries are read beside it. */
function streamOf(
  batches: readonly ChangeBatch[],
  reread: (ids: readonly string[]) => Promise<readonly Upsert[]>,
): ChangeStream {
  return {
    source: "directory",
    async *read() {
      yield* batches;
    },
    reread,
  };
}

function answering(...found: readonly Upsert[]) {
  return async (ids: readonly string[]) => found.filter((one) => ids.includes(one.sourceId));
}

/** The process ends when it has written to the application, and before it says so. */
async function dieBeforeConfirming(target: Target, batches: readonly ChangeBatch[]): Promise<void> {
  let isDead = false;
  const mortal = interferedWith(target, {
    before: ({ store, method }: Call) => {
      if (isDead) throw new Error("The process has ended.");
      isDead = store === "users" && method === "write";
    },
  });
  await expect(apply(mortal, batches, { outages: { attempts: 1 } })).rejects.toThrow("has ended");
}

const minute = 60_000;
const begun = Date.now();

/** The options of a runner that begins so many seconds after the first. */
function after(seconds: number): SynchronizeOptions {
  return { now: () => begun + seconds * 1_000, outages: { attempts: 3, delay: 1 } };
}

onEveryTarget(({ open, transactions }) => {
  test("a step that is done again after an outage brings nobody back whom its batch has told to be gone", async () => {
    const ann = person("1", "ann", { stamp: csn(10) });
    const target = await open();
    await apply(target, refresh([ann]));
    let fails = 1;
    const shaky = interferedWith(target, {
      before: ({ store, method, args }) => {
        const isBob =
          store === "users" && method === "write" && JSON.stringify(args).includes("bob");
        if (isBob && fails-- > 0) throw new UnavailableError("The connection was cut.");
      },
    });
    const batch = ordered(
      person("1", "ann", { stamp: csn(11), resource: { title: "Dr" } }),
      gone("1", csn(12)),
      person("2", "bob", { stamp: csn(13) }),
    );
    const done = await apply(shaky, [batch]);
    expect(fails).toBeLessThanOrEqual(0);
    expect(done.filter((line) => line !== "waiting")).toEqual([
      "updated ann",
      "deactivated ann",
      "created bob",
    ]);
    const [link] = await target.links.get("directory", ["1"]);
    expect(link).toMatchObject({ state: "gone", goneStamp: csn(12) });
  });

  test.skipIf(transactions)(
    "what a superseded runner had begun is looked at in time, however often others have begun since",
    async () => {
      const target = await open();
      const ann = (active: boolean) =>
        person("0", "ann", { resource: { externalId: "0", active } });
      // Of a change that is refused, it is not known at a start whether the runner before was about to try it again.
      await target.users.create({ userName: "cid" });
      await apply(target, refresh([ann(false), person("1", "cid")]), after(-600));
      expect(await refused(target)).toHaveLength(1);
      let isFirst = true;
      const slow = interferedWith(target, {
        async before({ store, method, args }) {
          const isAnn =
            store === "users" && method === "write" && JSON.stringify(args).includes("true");
          if (!isAnn || !isFirst) return;
          isFirst = false;
          // While the request is under way that enables her, the next runner reads that she is gone.
          await apply(target, refresh([person("1", "cid")]), after(0));
        },
      });
      const elder = apply(slow, [live([ann(true)])], after(-10));
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).users).toMatchObject({ ann: "active" });
      const done: string[] = [];
      for (const seconds of [20, 40, 61, 80, 100, 122]) {
        done.push(...(await apply(target, [], after(seconds))));
      }
      expect(done).toContain("deactivated ann");
      // What was found meanwhile is looked at later, and then nothing is left.
      await apply(target, [live([gone("1")])], after(184));
      await apply(target, [], after(300));
      const position = await target.checkpoints.load("directory");
      expect(position).not.toHaveProperty("unconfirmed");
    },
  );

  test.skipIf(transactions)(
    "an account that was renamed before the process ended has its name again where a backup brings it back",
    async () => {
      const ann = person("1", "ann", { stamp: csn(10) });
      const target = await open();
      await follow(streamOf(listed([ann]), answering(ann)), target, after(-600));
      await dieBeforeConfirming(target, [ordered(person("1", "anna", { stamp: csn(11) }))]);
      expect((await application(target)).users).toEqual({ anna: "active" });
      // The entry is as it was, with the number that it had, so no list tells of it.
      const lists = streamOf(listed([ann]), answering(ann));
      await follow(lists, target, after(0));
      let fails = 1;
      const twice = streamOf([...listed([ann]), ...listed([ann])], async (ids) => {
        if (fails-- > 0) throw new Error("The connection was cut.");
        return await answering(ann)(ids);
      });
      expect(inWords(await follow(twice, target, after(61)))).toEqual(["waiting", "updated ann"]);
      expect((await application(target)).users).toEqual({ ann: "active" });
    },
  );

  test.skipIf(transactions)(
    "nothing is read beside a stream before it has told what the source holds",
    async () => {
      const ann = person("1", "ann", { stamp: csn(10) });
      const target = await open();
      const disabled = person("1", "ann", { stamp: csn(20), resource: { active: false } });
      await follow(streamOf(listed([ann]), answering(ann)), target, after(-600));
      await apply(target, [ordered(disabled)]);
      const titled = { active: false, title: "Dr" };
      await dieBeforeConfirming(target, [
        ordered(person("1", "ann", { stamp: csn(25), resource: titled })),
      ]);
      await apply(target, [], after(0));
      // The server has yet to receive that she was disabled.
      const lagging = streamOf(listed([ann], [csn(15), endOfTime(2)]), answering(ann));
      expect(inWords(await follow(lagging, target, after(minute / 1_000 + 1)))).toEqual([]);
      expect((await application(target)).users).toEqual({ ann: "inactive" });
    },
  );

  test("a checkpoint that was held back is stored once, and not again after a later one", async () => {
    const ann = person("1", "ann", { stamp: csn(10) });
    const target = await open();
    await follow(streamOf(listed([ann]), answering(ann)), target);
    await apply(target, refresh([ann]));
    const outdated = { ...ann, stamp: csn(4) };
    const batches: readonly ChangeBatch[] = [
      ...listed([ann]),
      { phase: "live", changes: [outdated], checkpoint: "1" },
      { phase: "live", changes: [person("2", "bob", { stamp: csn(11) })], checkpoint: "2" },
      { phase: "live", changes: [outdated] },
    ];
    const outcomes = await follow(streamOf(batches, answering(ann)), target);
    expect(
      outcomes.flatMap((outcome) => (outcome.kind === "checkpoint" ? [outcome.checkpoint] : [])),
    ).toEqual(["c", "1", "2"]);
    expect((await target.checkpoints.load("directory"))?.checkpoint).toBe("2");
  });

  test("that everything has to be read is not forgotten where it shows at the start", async () => {
    const target = await open();
    const ann = person("1", "ann", { stamp: csn(10) });
    await apply(target, refresh([ann]), after(-600));
    const strict = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        store === "users" && method === "write" && JSON.stringify(args).includes("Dr")
          ? new InvalidValueError("title", "No.")
          : undefined,
    });
    await apply(
      strict,
      [live([partOfPerson("1", { title: "Dr" }, { stamp: csn(11) })])],
      after(-600),
    );
    expect(await refused(target)).toHaveLength(1);
    const [link] = await target.links.get("directory", ["1"]);
    await target.users.delete(link?.resourceId ?? "");
    const stream: ChangeStream = {
      source: "directory",
      async *read({ after: checkpoint } = {}) {
        if (checkpoint === undefined) yield* refresh([{ ...ann, stamp: csn(12) }]);
      },
    };
    expect(inWords(await follow(stream, target, after(0)))).toContain("created ann");
  });
});
