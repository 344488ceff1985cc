import { UnavailableError } from "concordat";
import {
  type Outcome,
  planChanges,
  retryRefusedChanges,
  StreamTakenError,
  synchronize,
} from "concordat/sync";
import { expect, test } from "vitest";
import { application, interferedWith, onEveryTarget } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  inWords,
  live,
  person,
  present,
  refresh,
  resumable,
  scripted,
  sweep,
  team,
  uid,
  waiting,
} from "./streams.js";

onEveryTarget(({ open, transactions }) => {
  test.for([new UnavailableError("down"), new Error("socket hang up")])(
    "a batch is tried again while a store cannot answer: %s",
    async (error) => {
      const target = await open();
      let failures = 3;
      const shaky = interferedWith(target, {
        before: ({ store, method }) => {
          if (store === "users" && method === "write" && failures-- > 0) throw error;
        },
      });
      const batches = refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]);
      const outages = { attempts: 4, delay: 1, maxDelay: 3 };
      const outcomes = await follow(scripted(batches), shaky, { outages });
      expect(outcomes.filter((outcome) => outcome.kind === "waiting")).toEqual(
        [1, 2, 3].map((delay, index) => ({ kind: "waiting", error, attempt: index + 1, delay })),
      );
      expect(inWords(outcomes).filter((word) => word !== "waiting")).toEqual([
        "created ann",
        "created staff",
        "ann into staff",
      ]);
    },
  );

  test("after so many attempts it gives up, and a later run loses nothing", async () => {
    const target = await open();
    let down = true;
    const shaky = interferedWith(target, {
      before: ({ store, method, args }) => {
        if (
          down &&
          store === "users" &&
          method === "write" &&
          JSON.stringify(args).includes("bob")
        ) {
          throw new UnavailableError("down");
        }
      },
    });
    const stream = resumable([...refresh([person("1", "ann")]), live([person("2", "bob")], "2")]);
    const kinds: string[] = [];
    const run = async (): Promise<void> => {
      const options = { outages: { attempts: 3, delay: 1 } };
      for await (const { kind } of synchronize(stream, shaky, options)) kinds.push(kind);
    };
    await expect(run()).rejects.toThrow(UnavailableError);
    expect(kinds.filter((kind) => kind === "waiting")).toHaveLength(2);
    down = false;
    await run();
    expect(stream.readFrom).toEqual([undefined, "refreshed"]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("what was done before an outage is told, so that sessions are ended", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    let failures = 1;
    const shaky = interferedWith(target, {
      before: ({ store, method, args }) => {
        const text = JSON.stringify(args);
        if (store === "links" && method === "save" && text.includes('"gone"') && failures-- > 0) {
          throw new UnavailableError("down");
        }
      },
    });
    const done = await apply(shaky, [live([gone("1"), gone("2")])]);
    expect([...done].sort()).toEqual(["deactivated ann", "deactivated bob", "waiting"]);
  });

  test("a second runner of a stream is told that the stream is taken", async () => {
    const target = await open();
    const first = synchronize(waiting([...refresh([person("1", "ann")]), live([], "2")]), target);
    await first.next();
    await follow(scripted([live([], "elsewhere")]), target);
    const rest = async (): Promise<void> => {
      for await (const _ of first);
    };
    await expect(rest()).rejects.toThrow(StreamTakenError);
    await expect(target.checkpoints.load("directory")).resolves.toMatchObject({
      checkpoint: "elsewhere",
    });
  });

  test("where only the position tells that a stream is taken, the error has the conflict for its cause", async () => {
    const { transaction: _, fence: __, ...target } = await open();
    const first = synchronize(scripted([...refresh([person("1", "ann")]), live([], "2")]), target);
    await first.next();
    await follow(scripted([live([], "elsewhere")]), target);
    const rest = async (): Promise<void> => {
      for await (const _ of first);
    };
    const taken = rest();
    await expect(taken).rejects.toThrow(StreamTakenError);
    await expect(taken).rejects.toHaveProperty("cause.code", "version_conflict");
  });

  test("an entry that is called present before the event that tells of it: nothing is read anew", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")], { checkpoint: "old" }));
    const outcomes = await follow(
      scripted([
        { phase: "snapshot", refresh: "begins", changes: [] },
        { phase: "snapshot", refresh: "ends", changes: [present("1", "2", "3"), sweep] },
        live([person("2", "bob"), gone("3")]),
        { phase: "reconcile", refresh: "begins", changes: [] },
        { phase: "reconcile", refresh: "ends", changes: [], checkpoint: "new" },
      ]),
      target,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual([
      "refreshed",
      "created",
      "refreshed",
      "checkpoint",
    ]);
  });

  test("a skip never skips what is unfinished", async () => {
    const target = await open();
    const batches = refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]);
    // However far the first run comes, the second finishes what the first began.
    for (let writes = 0; writes < 30; writes++) {
      const fresh = await open();
      let left = writes;
      const dying = interferedWith(fresh, {
        before: ({ method }) => {
          const writing = /^(write|save|set|mark|remove|delete)/.test(method);
          if (writing && left-- <= 0) throw new Error("the process ended");
        },
      });
      await apply(dying, batches, { outages: { attempts: 1 } }).catch(() => undefined);
      await apply(fresh, batches);
      expect(await application(fresh)).toEqual({
        users: { ann: "active" },
        groups: { staff: ["ann"] },
      });
    }
    expect(await application(target)).toEqual({ users: {}, groups: {} });
  });

  test("one refusal in a batch loses nothing else of it, in any transaction", async () => {
    const target = await open();
    await target.users.create({ userName: "p7" });
    const people = Array.from({ length: 20 }, (_, index) => person(`${index}`, `p${index}`));
    await apply(target, [live(people)]);
    expect(Object.keys((await application(target)).users)).toHaveLength(20);
  });

  test("an aborted signal ends it without an error, and what was committed stays", async () => {
    const target = await open();
    const abort = new AbortController();
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      const stream = waiting([live([person("1", "ann")], "1")]);
      for await (const { kind } of synchronize(stream, target, { signal: abort.signal })) {
        seen.push(kind);
        if (kind === "checkpoint") queueMicrotask(() => abort.abort(new Error("enough")));
      }
    };
    await run();
    expect(seen).toEqual(["created", "checkpoint"]);
    expect((await application(target)).users).toEqual({ ann: "active" });
    const { signal } = abort;
    expect(await follow(scripted(refresh([person("2", "bob")])), target, { signal })).toEqual([]);
    const retried: Outcome[] = [];
    for await (const outcome of retryRefusedChanges(target, "directory", { signal }))
      retried.push(outcome);
    expect(retried).toEqual([]);
    await expect(planChanges(scripted([]), target, { signal })).rejects.toThrow("enough");
    expect((await application(target)).users).toEqual({ ann: "active" });
  });

  test("an aborted signal is the end although the stream ends quietly", async () => {
    const target = await open();
    const abort = new AbortController();
    const stream = {
      source: "directory",
      async *read({ signal }: { signal?: AbortSignal } = {}) {
        yield live([person("1", "ann")], "1");
        if (signal?.aborted !== false) return;
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      },
    };
    const run = async (): Promise<void> => {
      for await (const { kind } of synchronize(stream, target, { signal: abort.signal })) {
        if (kind === "checkpoint") queueMicrotask(() => abort.abort(new Error("enough")));
      }
    };
    await run();
  });

  test("an aborted signal stops the writes that are under way", async () => {
    const target = await open();
    const abort = new AbortController();
    let begun = 0;
    const counted = interferedWith(target, {
      before: ({ store, method }) => {
        if (store !== "users" || method !== "write") return;
        if (++begun === 3) abort.abort(new Error("enough"));
      },
    });
    const people = Array.from({ length: 25 }, (_, index) => person(`${index}`, `p${index}`));
    const done = follow(scripted(refresh(people)), counted, { signal: abort.signal });
    await done;
    const written = Object.keys((await application(target)).users).length;
    expect(written).toBe(transactions ? 0 : 2);
    expect(begun).toBe(3);
    await apply(target, refresh(people));
    expect(Object.keys((await application(target)).users)).toHaveLength(25);
  });

  test("an aborted signal ends the wait for a store", async () => {
    const target = await open();
    const abort = new AbortController();
    const down = interferedWith(target, {
      before: () => {
        throw new UnavailableError("down");
      },
    });
    const run = async (): Promise<void> => {
      const options = { signal: abort.signal, outages: { delay: 1_000_000, maxDelay: 1_000_000 } };
      for await (const { kind } of synchronize(scripted([]), down, options)) {
        if (kind === "waiting") queueMicrotask(() => abort.abort(new Error("enough")));
      }
    };
    await run();
  });

  test("leaving the loop ends the reading, and a later run goes on from there", async () => {
    const target = await open();
    let closed = 0;
    const inner = resumable([live([person("1", "ann")], "1"), live([person("2", "bob")], "2")]);
    const stream = {
      source: "directory",
      async *read(options: { after?: string; signal?: AbortSignal } = {}) {
        try {
          yield* inner.read(options);
        } finally {
          closed++;
        }
      },
    };
    for await (const outcome of synchronize(stream, target)) {
      if (outcome.kind === "checkpoint") break;
    }
    expect(closed).toBe(1);
    expect((await application(target)).users).toEqual({ ann: "active" });
    await follow(stream, target);
    expect(inner.readFrom).toEqual([undefined, "1"]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("as many writes as allowed are under way at once, where there is no transaction", async () => {
    const target = await open();
    let underWay = 0;
    let most = 0;
    const counted = interferedWith(target, {
      before: async ({ store, method }) => {
        if (store !== "users" || method !== "write") return;
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
      },
    });
    const people = Array.from({ length: 25 }, (_, index) => person(`${index}`, `p${index}`));
    await apply(counted, refresh(people), { concurrency: 4 });
    expect(most).toBe(transactions ? 1 : 4);
    expect(Object.keys((await application(target)).users)).toHaveLength(25);
  });
});
