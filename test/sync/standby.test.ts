import { InvalidValueError, UnsupportedError } from "concordat";
import type { ChangeBatch, ChangeStream } from "concordat/changes";
import { inMemoryTarget } from "concordat/repositories";
import { type Outcome, readAnew, retryRefusedChanges, synchronize } from "concordat/sync";
import { expect, test, vi } from "vitest";
import { application, interferedWith, onEveryTarget, type Target } from "./stores.js";
import { live, person, quick, refresh, resumable, team, uid, waiting } from "./streams.js";

const batches: readonly ChangeBatch[] = [
  ...refresh([person("1", "ann"), person("2", "bob"), team("g", "all", ["ann", "bob"].map(uid))]),
  live([person("3", "cid")], "2"),
];

/** No shorter than the clock of a timer: a tenth of it is waited between two looks. */
const standby = { lease: 50 };

/** A process that stands by, and what it reports. */
class Process {
  readonly reported: Outcome["kind"][] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  /** @param seen is called with each outcome before the next one is asked for. */
  constructor(
    stream: ChangeStream,
    target: Target,
    lease = standby.lease,
    seen: (kind: Outcome["kind"]) => unknown = () => undefined,
  ) {
    const { signal } = this.#stop;
    const options = { ...quick, standby: { lease }, signal };
    this.ended = (async () => {
      for await (const { kind } of synchronize(stream, target, options)) {
        this.reported.push(kind);
        await seen(kind);
      }
    })();
  }

  async until(kind: Outcome["kind"], count = 1): Promise<void> {
    const has = () => this.reported.filter((each) => each === kind).length >= count;
    // Whoever ends before is not waited for.
    await Promise.race([vi.waitUntil(has, { timeout: 20_000 }), this.ended]);
    expect(this.reported).toContain(kind);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}

class Died extends Error {}

/** The target as a process has it that dies before its write of this number, counted from where it began. */
function mortal(target: Target, life: number): Target {
  let left = life;
  return interferedWith(target, {
    before({ method }) {
      if (left <= 0) throw new Died();
      if (["save", "write", "changeMembers", "markSeen"].includes(method)) left--;
    },
  });
}

onEveryTarget(({ open, transactions }) => {
  test("one works; when it dies, wherever that is, the next one finishes what it had begun", async () => {
    for (let life = 1; life < 12; life++) {
      const target = await open();
      const options = { ...quick, outages: { attempts: 1 }, standby };
      const first = (async () => {
        for await (const _ of synchronize(resumable(batches), mortal(target, life), options));
      })();
      await first.catch((error) => expect(error).toBeInstanceOf(Died));
      const next = new Process(waiting(batches), target);
      await next.until("checkpoint");
      await vi.waitUntil(async () => "cid" in (await application(target)).users, {
        timeout: 20_000,
      });
      await next.stop();
      expect(await application(target)).toEqual({
        users: { ann: "active", bob: "active", cid: "active" },
        groups: { all: ["ann", "bob"] },
      });
    }
  });

  test("while one is alive, though nothing changes, none of the others begins", async () => {
    const target = await open();
    const others = Array.from({ length: 3 }, () => new Process(waiting(batches), target, 300));
    const { checkpoints } = target;
    await vi.waitUntil(async () => (await checkpoints.load("directory"))?.checkpoint === "2", {
      timeout: 20_000,
    });
    const { revision = 0 } = (await checkpoints.load("directory")) ?? {};
    // The one that works has shown it so often that it would have been superseded by now.
    await vi.waitUntil(
      async () => ((await checkpoints.load("directory"))?.revision ?? 0) > revision + 8,
      { timeout: 20_000 },
    );
    for (const each of others) await each.stop();
    const began = others.flatMap(({ reported }) => reported.filter((kind) => kind === "began"));
    expect(began).toHaveLength(1);
  });

  test("one that was taken for dead writes nothing more, and stands by", async () => {
    const target = await open();
    let next: Process | undefined;
    const isFrozen = Promise.withResolvers<void>();
    const stale = [batches[0], live([person("9", "late")], "9")].filter(
      (each) => each !== undefined,
    );
    const first = new Process(waiting(stale), target, standby.lease, async (kind) => {
      if (kind !== "began" || next !== undefined) return;
      // While it does nothing, the next one takes its place.
      next = new Process(waiting(batches), target);
      await next.until("checkpoint");
      isFrozen.resolve();
    });
    await isFrozen.promise;
    await first.until("standby", 2);
    await first.stop();
    await next?.stop();
    expect(first.reported.slice(0, 3)).toEqual(["standby", "began", "standby"]);
    expect((await application(target)).users).not.toHaveProperty("late");
  });

  test("a step that takes longer than the lease is not taken for death", async () => {
    const target = await open();
    const people = Array.from({ length: 12 }, (_, index) => person(`${index}`, `user${index}`));
    let writes = 0;
    const slow = interferedWith(target, {
      async before({ store, method }) {
        if (store === "users" && method === "write") writes++;
        // In a transaction, whoever wants to take over waits for its end.
        if (store === "users") await new Promise((resolve) => setTimeout(resolve, 40));
      },
    });
    const first = new Process(waiting(refresh(people)), slow, 400);
    await first.until("began");
    const next = new Process(waiting(batches), target, 400);
    await first.until("refreshed");
    expect(writes).toBeGreaterThan(0);
    await next.stop();
    await first.stop();
    expect(next.reported.filter((kind) => kind !== "waiting")).not.toContain("began");
    expect(first.reported.filter((kind) => kind === "began")).toHaveLength(1);
  });

  test("a stream that is taken by a command is taken back after it", async () => {
    const target = await open();
    const following = new Process(waiting(batches), target);
    await following.until("checkpoint");
    for await (const _ of retryRefusedChanges(target, "directory"));
    await following.until("began", 2);
    const before = following.reported.length;
    await readAnew(target.checkpoints, "directory");
    await vi.waitUntil(() => following.reported.includes("standby", before), { timeout: 20_000 });
    const since = following.reported.indexOf("standby", before);
    await vi.waitUntil(() => following.reported.includes("refreshed", since), { timeout: 20_000 });
    await following.stop();
  });

  test.runIf(transactions)("a dry run has no standbys", async () => {
    const target = await open();
    const outcomes = synchronize(waiting(batches), target, { standby: true, dryRun: true });
    await expect(outcomes.next()).rejects.toThrow(InvalidValueError);
  });
});

test("stores that cannot keep the one out that was cut off refuse standbys in words", async () => {
  const { fence: _, ...target } = inMemoryTarget({ transactions: false });
  const outcomes = synchronize(waiting(batches), target, { standby: true });
  await expect(outcomes.next()).rejects.toThrow(UnsupportedError);
  await expect(synchronize(waiting(batches), target, { standby: true }).next()).rejects.toThrow(
    "neither `transaction` nor `fence`",
  );
});

test("a lease is a time", () => {
  const target = inMemoryTarget();
  expect(() => synchronize(waiting(batches), target, { standby: { lease: 0 } })).toThrow(
    "standby.lease",
  );
});
