import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { UnsupportedError } from "concordat";
import {
  LdapProtocolError,
  LdapResultError,
  type WatchEvent,
  type WatchOptions,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { describe, expect, test } from "vitest";
import {
  csn,
  idSet,
  newCookie,
  openLdapRootDse,
  refreshEnd,
  type SyncScript,
  type SyncScriptOptions,
  type SyncSearch,
  startSyncScript,
  uuid,
} from "./sync-script.js";
import { changesOf, Watching } from "./watching.js";

/** What the states of RFC 4533 §2.3 are on the wire. */
const state = { present: 0, add: 1, modify: 2, delete: 3 } as const;
const cookie = (...numbers: string[]) => `rid=000,csn=${numbers.join(";")}`;

function watch(script: SyncScript, changes: Partial<WatchOptions> = {}) {
  return watchDirectory({
    url: script.url,
    base: script.base,
    sleep: async () => {},
    reconcileEvery: false,
    parentClasses: false,
    ...changes,
  });
}

/** A first refresh that has begun, and its search, which waits for answers. */
async function firstRefresh(script: SyncScript, changes?: Partial<WatchOptions>) {
  const watching = new Watching(watch(script, changes));
  await watching.next();
  watching.ask();
  return { watching, search: await script.next() };
}

/** A watching whose first refresh has ended with the cookie of second 10, and its search. */
async function live(options: SyncScriptOptions = {}) {
  const script = await startSyncScript(options);
  const { watching, search } = await firstRefresh(script);
  search.entry(state.add, uuid(1), "ann", { csn: csn(1) });
  search.info(refreshEnd(1, cookie(csn(10))));
  await watching.refreshed();
  return { script, watching, search };
}

/** The same, resumed: the search of the refresh has been sent and not been answered. */
async function resumed(options: SyncScriptOptions = {}) {
  const { script, watching: first } = await live(options);
  await first.stop();
  const watching = new Watching(watch(script), first.checkpoint);
  await watching.next();
  watching.ask();
  const search = await script.next();
  expect(search).toMatchObject({ mode: "refreshAndPersist", cookie: cookie(csn(10)) });
  return { script, watching, search };
}

const aSweep = expect.objectContaining({ kind: "sweep" });

/** Reads what has been sent, up to a mark sent after it. */
async function upTo(watching: Watching, search: SyncSearch, mark: number) {
  search.entry(state.modify, uuid(mark), "mark", { csn: csn(mark) });
  return await watching.until((batch) =>
    batch.changes.some((change) => change.kind === "upsert" && change.sourceId === uuid(mark)),
  );
}

describe("a refresh", () => {
  test("may tell of each entry that it is present, and then sweeps", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.entry(state.present, uuid(1), "ann");
    // As OpenLDAP does, it lists an entry that it then sends.
    search.info(idSet(false, [uuid(2)]));
    search.entry(state.add, uuid(2), "bob", { csn: csn(11) });
    search.info(refreshEnd(2, cookie(csn(11))));
    expect(changesOf(await watching.refreshed())).toEqual([
      expect.objectContaining({ kind: "upsert", sourceId: uuid(2) }),
      { kind: "present", entries: [{ sourceId: uuid(1) }] },
      { kind: "sweep", stamp: csn(11) },
    ]);
  });

  test("may have a present phase before its delete phase, and then sweeps at the end", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.info(idSet(false, [uuid(1), uuid(2)]));
    search.info(refreshEnd(2, cookie(csn(11)), false));
    search.entry(state.delete, uuid(2), "bob");
    search.info(refreshEnd(1, cookie(csn(12))));
    expect(changesOf(await watching.refreshed())).toEqual([
      { kind: "delete", sourceId: uuid(2) },
      { kind: "present", entries: [{ sourceId: uuid(1) }] },
      { kind: "sweep", stamp: csn(12) },
    ]);
  });

  test("that is the only one, and tells what the cookie covers, is made anew, without the cookie", async () => {
    const { script, watching: first } = await live();
    await using _ = script;
    await first.stop();
    const stream = watch(script, { mode: "refreshOnly" });
    await using watching = new Watching(stream, first.checkpoint);
    await watching.next();
    watching.ask();
    const ignorant = await script.next();
    expect(ignorant.cookie).toBe(cookie(csn(10)));
    ignorant.entry(state.add, uuid(2), "bob", { csn: csn(9) });
    ignorant.info(refreshEnd(1, cookie(csn(12))));
    const anew = script.next();
    // The refresh begins once more, without having ended.
    expect(await watching.next()).toEqual({ phase: "snapshot", refresh: "begins", changes: [] });
    watching.ask();
    const search = await anew;
    expect(search.cookie).toBeUndefined();
    search.entry(state.add, uuid(2), "bob", { csn: csn(9) });
    search.info(refreshEnd(1, cookie(csn(12))));
    expect(changesOf(await watching.refreshed())).toMatchObject([
      { kind: "upsert", sourceId: uuid(2) },
      { kind: "sweep", stamp: csn(12) },
    ]);
    await expect(watching.next()).rejects.toThrow("The stream has ended.");
  });

  test("of a server that lags is followed by changes in no sure order, until all that was known has come", async () => {
    const holds = `rid=000,sid=002,csn=${csn(5)}`;
    const { script, watching, search } = await resumed({ state: holds });
    await using _ = script;
    await using __ = watching;
    search.info(refreshEnd(1, cookie(csn(5))));
    await watching.refreshed();
    // They come together, and the last of them is all that was known.
    search.entry(state.modify, uuid(1), "ann", { csn: csn(7), cookie: cookie(csn(7)) });
    search.entry(state.modify, uuid(1), "ann", { csn: csn(10), cookie: cookie(csn(10)) });
    const known = await watching.until(({ changes }) =>
      changes.some((change) => "stamp" in change && change.stamp === csn(10)),
    );
    const [older] = known.filter(({ changes }) =>
      changes.some((change) => "stamp" in change && change.stamp === csn(7)),
    );
    expect(older).toMatchObject({ phase: "live" });
    expect(older).not.toHaveProperty("ordered");
    const next = await upTo(watching, search, 11);
    expect(next.at(-1)).toMatchObject({ phase: "live", ordered: true });
  });

  test("in batches: a set of deletions that is larger than a batch is divided", async () => {
    const { script, watching: first } = await live();
    await using _ = script;
    await first.stop();
    await using watching = new Watching(watch(script, { batchSize: 2 }), first.checkpoint);
    await watching.next();
    watching.ask();
    const search = await script.next();
    search.info(idSet(true, [1, 2, 3, 4, 5].map(uuid)));
    search.info(refreshEnd(1, cookie(csn(12))));
    const batches = await watching.refreshed();
    expect(Math.max(...batches.map(({ changes }) => changes.length))).toBe(2);
    expect(changesOf(batches)).toEqual(
      [1, 2, 3, 4, 5].map((number) => ({ kind: "delete", sourceId: uuid(number) })),
    );
  });

  test("ignores intermediate responses of other kinds, and cookies in the middle", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.info(Buffer.from("whatever"), "1.2.3.4");
    search.info(newCookie(cookie(csn(20))));
    search.info(refreshEnd(1, "rid=000"));
    const [ends] = await watching.refreshed();
    expect(ends).toEqual({ phase: "snapshot", refresh: "ends", changes: [] });
    // Neither the cookie in the middle nor the bare one at the end counts.
    await watching.next();
    watching.ask();
    expect(await script.next()).toMatchObject({ mode: "refreshOnly", cookie: cookie(csn(10)) });
  });

  test("whose second pass gets everything instead of a list sweeps by a list, which leaves nothing out", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.info(refreshEnd(1, cookie(csn(12))));
    await watching.refreshed();
    await watching.next();
    watching.ask();
    const secondPass = await script.next();
    secondPass.entry(state.add, uuid(1), "ann", { csn: csn(13) });
    secondPass.done({ refreshDeletes: false });
    expect(changesOf(await watching.reconciled())).not.toContainEqual(aSweep);
    await watching.next();
    watching.ask();
    const list = await script.next();
    list.entry(undefined, uuid(1), "ann", { csn: csn(13) });
    list.entry(undefined, uuid(2), "bob", { csn: csn(14) });
    list.done();
    expect(changesOf(await watching.reconciled()).at(-1)).toEqual({
      kind: "sweep",
      stamp: csn(12),
    });
  });

  test("that sends what the cookie covers has ignored it: everything is listed, and swept by that", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.entry(state.add, uuid(1), "ann", { csn: csn(9) });
    search.info(refreshEnd(1, cookie(csn(12))));
    expect(changesOf(await watching.refreshed())).not.toContainEqual(aSweep);
    await watching.next();
    watching.ask();
    (await script.next()).done({ refreshDeletes: true });
    const [secondPass] = await watching.reconciled();
    expect(secondPass).not.toHaveProperty("checkpoint");
    await watching.next();
    watching.ask();
    const list = await script.next();
    expect(list.mode).toBe("plain");
    list.entry(undefined, uuid(1), "ann", { csn: csn(9) });
    list.done();
    const listed = await watching.reconciled();
    expect(changesOf(listed)).toMatchObject([
      { kind: "present", entries: [{ sourceId: uuid(1) }] },
      { kind: "sweep", stamp: csn(12) },
    ]);
    expect(listed.at(-1)).toHaveProperty("checkpoint");
  });

  test("whose end covers several servers is followed by a list, since deletions may be left out", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.info(refreshEnd(1, cookie(csn(12), csn(14, 2))));
    expect(changesOf(await watching.refreshed())).toEqual([]);
    await watching.next();
    watching.ask();
    (await script.next()).done({ refreshDeletes: true });
    const [secondPass] = await watching.reconciled();
    expect(secondPass).not.toHaveProperty("checkpoint");
    await watching.next();
    watching.ask();
    const list = await script.next();
    expect(list.mode).toBe("plain");
    list.done();
    const listed = await watching.reconciled();
    expect(changesOf(listed)).toEqual([{ kind: "sweep", stamp: csn(14, 2) }]);
    expect(listed.at(-1)).toHaveProperty("checkpoint");
  });

  test("whose end covers several servers is read anew by a reader that leaves, if the state has moved", async () => {
    const { script, watching: first } = await live();
    await using _ = script;
    await first.stop();
    const of = { mode: "refreshOnly" } as const;
    await using watching = new Watching(watch(script, of), first.checkpoint);
    await watching.next();
    watching.ask();
    (await script.next()).info(refreshEnd(1, cookie(csn(12), csn(14, 2))));
    const anew = script.next();
    expect(await watching.next()).toEqual({ phase: "snapshot", refresh: "begins", changes: [] });
    watching.ask();
    const search = await anew;
    expect(search.cookie).toBeUndefined();
    search.info(refreshEnd(1, cookie(csn(12), csn(14, 2))));
    const whole = await watching.refreshed();
    expect(changesOf(whole)).toEqual([{ kind: "sweep", stamp: csn(14, 2) }]);
    // A state that has not moved claims nothing that was not told.
    await using later = new Watching(watch(script, of), whole.at(-1)?.checkpoint);
    await later.next();
    later.ask();
    (await script.next()).info(refreshEnd(1, cookie(csn(12), csn(14, 2))));
    expect(changesOf(await later.refreshed())).toEqual([]);
  });

  test("may have ignored the cookie where even the base is new", async () => {
    const { script, watching, search } = await resumed({ baseCsn: csn(11) });
    await using _ = script;
    await using __ = watching;
    search.entry(state.add, uuid(1), "ann", { csn: csn(11) });
    search.info(refreshEnd(1, cookie(csn(12))));
    await watching.refreshed();
    await watching.next();
    watching.ask();
    (await script.next()).done({ refreshDeletes: true });
    await watching.reconciled();
    await watching.next();
    watching.ask();
    expect((await script.next()).mode).toBe("plain");
  });
});

describe("an entry", () => {
  test("that is neither a user nor a group is left out and counted", async () => {
    await using script = await startSyncScript();
    const problems: unknown[] = [];
    const listen = (event: unknown) => {
      if ((event as WatchEvent).event === "problem") problems.push(event);
    };
    subscribe(watchChannelName, listen);
    const { search, watching } = await firstRefresh(script);
    await using _ = watching;
    // A class that is derived from one of the profile's, which is not named itself.
    const derived = { objectClass: ["top", "examplePerson"] };
    search.entry(state.add, uuid(1), "ann", { attributes: derived });
    search.entry(state.add, uuid(2), "bob", { attributes: derived });
    search.entry(state.add, uuid(3), "cyd");
    search.info(refreshEnd(1, cookie(csn(10))));
    const changes = changesOf(await watching.refreshed());
    unsubscribe(watchChannelName, listen);
    expect(changes).toMatchObject([{ kind: "upsert", sourceId: uuid(3) }, { kind: "sweep" }]);
    const problem = {
      source: expect.any(String),
      event: "problem",
      problem: "neitherUserNorGroup",
    };
    expect(problems).toEqual([
      { ...problem, sourceId: uuid(1), count: 1 },
      { ...problem, sourceId: uuid(2), count: 2 },
    ]);
  });

  test("may have members that are no names: they are left out", async () => {
    await using script = await startSyncScript();
    const { search, watching } = await firstRefresh(script);
    await using _ = watching;
    search.entry(state.add, uuid(1), "staff", {
      attributes: {
        objectClass: ["groupOfNames"],
        member: ["nobody", "uid=ann,dc=example,dc=com", "uid=bob;dc=example"],
      },
    });
    search.info(refreshEnd(1, cookie(csn(10))));
    expect(changesOf(await watching.refreshed())[0]).toMatchObject({
      type: "Group",
      members: { kind: "all", members: [{ kind: "dn", key: "uid=ann,dc=example,dc=com" }] },
    });
  });

  test("whose id may not be read keeps a list of names from sweeping", async () => {
    const due: (() => void)[] = [];
    const sleep = () => new Promise<void>((resolve) => due.push(resolve));
    await using script = await startSyncScript();
    const { search, watching } = await firstRefresh(script, { reconcileEvery: 1000, sleep });
    await using _ = watching;
    search.entry(state.add, uuid(1), "ann");
    search.info(refreshEnd(1, cookie(csn(10))));
    await watching.refreshed();
    watching.ask();
    await expect.poll(() => due.length).toBe(1);
    due[0]?.();
    await watching.next();
    watching.ask();
    const list = await script.next();
    list.entry(undefined, uuid(2), "bob");
    list.entry(undefined, uuid(1), "ann", { attributes: { entryUUID: [] } });
    list.done();
    expect(changesOf(await watching.reconciled())).toMatchObject([
      { kind: "present", entries: [{ sourceId: uuid(2) }] },
    ]);
  });
});

describe("the second pass", () => {
  /** A resumed refresh has ended at second 12, and the second pass has been asked for. */
  async function inSecondPass() {
    const { script, watching, search } = await resumed();
    search.info(refreshEnd(1, cookie(csn(12))));
    await watching.refreshed();
    expect(await watching.next()).toMatchObject({ phase: "reconcile", refresh: "begins" });
    watching.ask();
    const pass = await script.next();
    return { script, watching, search, pass };
  }

  test("starts where the refresh ended, whatever came live since", async () => {
    const { script, watching, search } = await resumed();
    await using _ = script;
    await using __ = watching;
    search.info(refreshEnd(1, cookie(csn(12))));
    search.entry(state.modify, uuid(3), "cyd", { csn: csn(14), cookie: cookie(csn(14)) });
    await watching.until((batch) => batch.phase === "reconcile");
    watching.ask();
    expect(await script.next()).toMatchObject({ mode: "refreshOnly", cookie: cookie(csn(12)) });
  });

  test("tells deletions with their bound, and keeps checkpoints back until it has ended", async () => {
    const { script, watching, search, pass } = await inSecondPass();
    await using _ = script;
    await using __ = watching;
    search.entry(state.modify, uuid(3), "cyd", { csn: csn(14), cookie: cookie(csn(14)) });
    const [first] = await watching.until(({ phase }) => phase === "live");
    expect(first).not.toHaveProperty("checkpoint");
    const bounded = `${cookie(csn(13))},delcsn=${csn(13)}`;
    pass.info(idSet(true, [uuid(1)], bounded));
    pass.done({ refreshDeletes: true, cookie: cookie(csn(99)) });
    const check = await watching.reconciled();
    expect(changesOf(check)).toEqual([{ kind: "delete", sourceId: uuid(1), stamp: csn(13) }]);
    // What the pass itself claims to cover is not taken for granted: live changes may be on their way.
    expect(JSON.parse(check.at(-1)?.checkpoint ?? "[]")[4]).toBe(cookie(csn(14)));
  });

  test("is ignored where the live changes know better", async () => {
    const { script, watching, search, pass } = await inSecondPass();
    await using _ = script;
    await using __ = watching;
    search.entry(state.modify, uuid(1), "ann", { csn: csn(14) });
    search.entry(state.delete, uuid(2), "bob", { cookie: cookie(csn(15)) });
    await upTo(watching, search, 30);
    pass.info(idSet(true, [uuid(1), uuid(4)]));
    pass.info(idSet(false, [uuid(2)]));
    pass.entry(state.add, uuid(2), "bob", { csn: csn(13) });
    pass.entry(state.add, uuid(5), "eve", { csn: csn(13) });
    pass.done({ refreshDeletes: true });
    expect(changesOf(await watching.reconciled())).toEqual([
      { kind: "delete", sourceId: uuid(4) },
      expect.objectContaining({ kind: "upsert", sourceId: uuid(5), stamp: csn(13) }),
    ]);
  });

  test("sweeps where the server lists what is present", async () => {
    const { script, watching, pass } = await inSecondPass();
    await using _ = script;
    await using __ = watching;
    const many = Array.from({ length: 600 }, (_, number) => uuid(number));
    pass.info(idSet(false, many));
    pass.done({ refreshDeletes: false });
    const changes = changesOf(await watching.reconciled());
    expect(changes.flatMap((change) => (change.kind === "present" ? change.entries : []))).toEqual(
      many.map((sourceId) => ({ sourceId })),
    );
    expect(changes.map(({ kind }) => kind)).toEqual(["present", "present", "present", "sweep"]);
  });

  test("that the server cannot serve leads to a full refresh", async () => {
    const { script, watching, pass } = await inSecondPass();
    await using _ = script;
    await using __ = watching;
    pass.fail(4096);
    expect(await watching.next()).toEqual({ phase: "snapshot", refresh: "begins", changes: [] });
    watching.ask();
    expect(await script.next()).toMatchObject({ mode: "refreshAndPersist", cookie: undefined });
  });

  test("that the server cannot serve ends the search for parents beside it, which would fill up unread", async () => {
    await using script = await startSyncScript();
    const stream = watch(script, { parentClasses: ["organizationalUnit"] });
    const refresh = async (watching: Watching) => {
      await watching.next();
      watching.ask();
      const parents = await script.next();
      parents.done({ refreshDeletes: true });
      const search = await script.next();
      search.info(refreshEnd(1, cookie(csn(10))));
      await watching.refreshed();
      return watching;
    };
    const first = await refresh(new Watching(stream));
    await first.stop();
    await using watching = await refresh(new Watching(stream, first.checkpoint));
    await watching.next();
    watching.ask();
    const pass = await script.next();
    expect(pass.mode).toBe("refreshOnly");
    expect(await script.next()).toMatchObject({ mode: "refreshAndPersist" });
    const before = script.abandoned;
    pass.fail(4096);
    await watching.next();
    watching.ask();
    expect(await script.next()).toMatchObject({ mode: "refreshAndPersist", cookie: undefined });
    expect(script.abandoned - before).toBe(2);
  });
});

describe("the persist stage", () => {
  test("may tell of several deletions in one message", async () => {
    const { script, watching, search } = await live();
    await using _ = script;
    await using __ = watching;
    search.info(idSet(true, [uuid(1), uuid(2)], cookie(csn(12, 1), csn(11, 2))));
    const { changes } = await watching.next();
    expect(changes).toEqual([
      { kind: "delete", sourceId: uuid(1), stamp: csn(12, 1) },
      { kind: "delete", sourceId: uuid(2), stamp: csn(12, 1) },
    ]);
    expect(JSON.parse(watching.checkpoint ?? "[]")[4]).toBe(
      cookie(csn(10), csn(12, 1), csn(11, 2)),
    );
  });

  test("ended by the server is begun again", async () => {
    const { script, watching, search } = await live();
    await using _ = script;
    await using __ = watching;
    watching.ask();
    search.done({ cookie: cookie(csn(11)) });
    expect(await watching.next()).toMatchObject({ phase: "snapshot", refresh: "begins" });
    watching.ask();
    expect(await script.next()).toMatchObject({ cookie: cookie(csn(10)) });
  });

  test("resumes from the last batch that was acknowledged", async () => {
    const { script, watching, search } = await live();
    await using _ = script;
    await using __ = watching;
    search.entry(state.modify, uuid(1), "ann", { csn: csn(11), cookie: cookie(csn(11)) });
    await watching.next();
    search.entry(state.modify, uuid(1), "ann", { csn: csn(12), cookie: "rid=000" });
    await watching.next();
    watching.ask();
    search.fail(52);
    await watching.next();
    watching.ask();
    expect(await script.next()).toMatchObject({ cookie: cookie(csn(11)) });
  });
});

describe("a server", () => {
  test("that does not offer the operation is refused", async () => {
    await using script = await startSyncScript({ rootDse: { objectClass: ["top"] } });
    await using watching = new Watching(watch(script));
    await expect(watching.next()).rejects.toThrow(UnsupportedError);
  });

  test("that offers it in its own way is refused by name", async () => {
    await using script = await startSyncScript({
      rootDse: { ...openLdapRootDse, objectClass: ["top"], vendorName: ["Acme"] },
    });
    await using watching = new Watching(watch(script));
    await expect(watching.next()).rejects.toThrow(/Acme/);
  });

  test("that breaks the protocol is not asked again", async () => {
    await using script = await startSyncScript();
    await using watching = new Watching(watch(script));
    await watching.next();
    watching.ask();
    (await script.next()).entry(undefined, uuid(1), "ann");
    await expect(watching.next()).rejects.toThrow(LdapProtocolError);
  });

  test("that refuses even a refresh without a cookie is believed", async () => {
    await using script = await startSyncScript();
    await using watching = new Watching(watch(script));
    await watching.next();
    watching.ask();
    (await script.next()).fail(53);
    await expect(watching.next()).rejects.toThrow(LdapResultError);
  });
});
