import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { expect, test } from "vitest";
import { refreshEnd, type SyncScript, startSyncScript, uuid } from "./sync-script.js";
import { changesOf, Watching } from "./watching.js";

/** As the server puts it where its changelog has nothing of a change. */
const unnumbered = "host:389#reader#4294967295";

const rootDse = {
  vendorName: ["389 Project"],
  supportedControl: ["1.3.6.1.4.1.4203.1.9.1.1"],
  namingContexts: ["dc=com"],
  firstChangeNumber: ["3"],
  lastChangeNumber: ["7"],
  lastusn: ["500"],
};

function optionsFor(server: SyncScript, dialect = "freeipa"): WatchOptions {
  return {
    url: server.url,
    base: server.base,
    dialect,
    allowCleartext: true,
    reconcileEvery: false,
  };
}

/** The id of an entry that is made at this moment, in milliseconds since the epoch (RFC 9562 §5.1). */
function idMadeAt(milliseconds: number): string {
  const ticks = (BigInt(milliseconds) + 12_219_292_800_000n) * 10_000n;
  const digits = ticks.toString(16).padStart(15, "0");
  return [
    digits.slice(7),
    digits.slice(3, 7),
    `1${digits.slice(0, 3)}`,
    "8000",
    "000000000001",
  ].join("-");
}

/** Answers what is asked before the first synchronization, and that with one entry. */
async function connect(server: SyncScript, id: string): Promise<void> {
  const attributes = { nsUniqueId: [id], entryUSN: ["499"] };
  // Whether ids can be read, and numbers.
  for (let times = 0; times < 2; times++) {
    const sample = await server.next();
    sample.entry(undefined, id, "ann", { attributes });
    sample.done();
  }
}

test("FreeIPA is resumed at the end of its changelog, and its changes are searched from 50 numbers before", async () => {
  await using server = await startSyncScript({ rootDse });
  const ann = uuid(1);
  const attributes = { nsUniqueId: [ann], entryUSN: ["499"] };
  await using watching = new Watching(watchDirectory(optionsFor(server)));
  const refreshed = watching.refreshed();
  await connect(server, ann);
  const first = await server.next();
  expect(first).toMatchObject({ mode: "refreshAndPersist", cookie: undefined });
  first.entry(1, ann, "ann", { attributes });
  first.info(refreshEnd(1, unnumbered));
  await refreshed;
  const looked = watching.until(({ checkpoint }) => checkpoint !== undefined);
  for (let times = 0; times < 2; times++) {
    const look = await server.next();
    expect(look.mode).toBe("plain");
    look.entry(undefined, ann, "ann", { attributes });
    look.done();
  }
  await looked;
  await watching.stop();

  await using again = new Watching(watchDirectory(optionsFor(server)), watching.checkpoint);
  const resuming = again.until(() => false).catch(() => undefined);
  await connect(server, ann);
  const resumed = await server.next();
  // The server would take any lower number, and read its changelog from there.
  expect(resumed).toMatchObject({ mode: "refreshAndPersist", cookie: "host:389#reader#7" });
  resumed.info(refreshEnd(1, unnumbered));
  // Changes overtake each other: 500 was the highest number, and an entry with a lower one may have come after it.
  const changed = await server.next();
  expect(changed.mode).toBe("plain");
  expect(changed.text).toContain("entryUSN");
  expect(changed.text).toContain("450");
  await again.stop();
  await resuming;
});

test("FreeIPA is compared from 50 numbers before the last comparison, however far the position is", async () => {
  const numbers = { ...rootDse };
  await using server = await startSyncScript({ rootDse: numbers });
  const ann = uuid(1);
  const attributes = { nsUniqueId: [ann], entryUSN: ["499"] };
  await using watching = new Watching(
    watchDirectory({ ...optionsFor(server), reconcileEvery: 1_000_000, sleep: async () => {} }),
  );
  const reading = watching.until(() => false).catch(() => undefined);
  await connect(server, ann);
  const live = await server.next();
  live.entry(1, ann, "ann", { attributes });
  live.info(refreshEnd(1, unnumbered));
  numbers.lastusn = ["900"];
  const later = { nsUniqueId: [ann], entryUSN: ["900"] };
  live.entry(2, ann, "ann", { attributes: later, cookie: unnumbered });
  const searchedFrom: string[] = [];
  while (searchedFrom.length < 3) {
    const search = await server.next();
    searchedFrom.push(...(/[48]50/.exec(search.text) ?? []));
    search.entry(undefined, ann, "ann", { attributes: later });
    search.done();
  }
  // After the refresh, and then with the first list of names, which is when numbers up to 900 are compared.
  expect(searchedFrom).toEqual(["450", "450", "850"]);
  await watching.stop();
  await reading;
});

test("389 Directory Server is resumed 50 changes before, as far as its changelog goes back", async () => {
  await using server = await startSyncScript({ rootDse: { ...rootDse, lastChangeNumber: ["58"] } });
  const ann = uuid(1);
  const attributes = { nsUniqueId: [ann] };
  let checkpoint: string | undefined;
  /** Reads from a checkpoint up to the next, of a server whose last change has this number. */
  const readUpTo = async (number: number): Promise<string | undefined> => {
    await using watching = new Watching(watchDirectory(optionsFor(server, "389ds")), checkpoint);
    const read = watching.until((batch) => batch.checkpoint !== undefined);
    const sample = await server.next();
    sample.entry(undefined, ann, "ann", { attributes });
    sample.done();
    const search = await server.next();
    expect(search.mode).toBe("refreshAndPersist");
    if (search.cookie === undefined) search.entry(1, ann, "ann", { attributes });
    search.info(refreshEnd(1, `host:389#reader#${number}`));
    const pass = await server.next();
    expect(pass.mode).toBe("refreshOnly");
    pass.done({ cookie: `host:389#reader#${number}` });
    const names = await server.next();
    expect(names.mode).toBe("plain");
    names.entry(undefined, ann, "ann", { attributes });
    names.done();
    await read;
    checkpoint = watching.checkpoint;
    return search.cookie;
  };
  expect(await readUpTo(7)).toBe(undefined);
  expect(await readUpTo(58)).toBe("host:389#reader#3");
  // Changes overtake each other: one with a lower number may have come after that with 58.
  expect(await readUpTo(58)).toBe("host:389#reader#8");
});

test("of a list of all names, new entries are read whole, since they may not have been reported yet", async () => {
  await using server = await startSyncScript({ rootDse });
  const now = Date.now();
  const ann = uuid(1);
  const [young, older] = [idMadeAt(now - 1_000), idMadeAt(now - 60_000)];
  const attributesOf = (id: string) => ({ nsUniqueId: [id], entryUSN: ["499"] });
  const options = { ...optionsFor(server), now: () => now };
  await using watching = new Watching(watchDirectory(options));
  const refreshed = watching.refreshed();
  await connect(server, ann);
  const first = await server.next();
  for (const [id, uid] of [
    [ann, "ann"],
    [older, "old"],
  ] as const) {
    first.entry(1, id, uid, { attributes: attributesOf(id) });
  }
  first.info(refreshEnd(1, unnumbered));
  await refreshed;
  const looked = watching.until(({ checkpoint }) => checkpoint !== undefined);
  (await server.next()).done();
  const names = await server.next();
  for (const [id, uid] of [
    [ann, "ann"],
    [older, "old"],
    [young, "new"],
  ] as const) {
    names.entry(undefined, id, uid, { attributes: attributesOf(id) });
  }
  names.done();
  const whole = await server.next();
  expect(whole.mode).toBe("plain");
  whole.entry(undefined, young, "new", {
    attributes: { ...attributesOf(young), title: ["whole"] },
  });
  whole.done();
  const listed = changesOf(await looked);
  const known = listed.flatMap((change) =>
    change.kind === "present" ? change.entries.map(({ sourceId }) => sourceId) : [],
  );
  expect(known).toEqual([ann, older]);
  expect(listed.filter(({ kind }) => kind !== "present")).toMatchObject([
    { kind: "upsert", sourceId: young, resource: { userName: "new", title: "whole" } },
    { kind: "sweep" },
  ]);
});
