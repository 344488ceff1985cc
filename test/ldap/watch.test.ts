import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { InvalidValueError } from "concordat";
import type { ChangeStream } from "concordat/changes";
import {
  inetOrgPerson,
  LdapConnectError,
  LdapCredentialsError,
  LdapFilterError,
  LdapResultError,
  profile,
  type WatchEvent,
  type WatchOptions,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { type Directory, type DirectoryOptions, startDirectory } from "concordat/testing/directory";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changesOf, Mirror, Watching } from "./watching.js";

const people = "ou=people,dc=example,dc=com";
const groups = "ou=groups,dc=example,dc=com";

/** The options for a directory, without waiting before a reconnect. */
function optionsFor({ url, suffix, adminDn, password }: Directory): WatchOptions {
  return {
    url,
    base: suffix,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
    reconcileEvery: false,
  };
}

function watch(directory: Directory, changes: Partial<WatchOptions> = {}): ChangeStream {
  return watchDirectory({ ...optionsFor(directory), ...changes });
}

function addPerson(directory: Directory, uid: string, below = people): string {
  const dn = `uid=${uid},${below}`;
  return directory.add(dn, { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid }).entryUUID;
}

let events: WatchEvent[];
const listen = (event: unknown) => events.push(event as WatchEvent);
beforeEach(() => {
  events = [];
  subscribe(watchChannelName, listen);
});
afterEach(() => {
  unsubscribe(watchChannelName, listen);
});
const resets = () => events.flatMap((event) => (event.event === "reset" ? [event.reason] : []));

/** Reads a stream to its end, without following it. */
async function readOnce(stream: ChangeStream, after?: string) {
  const options = after === undefined ? {} : { after };
  const batches = [];
  for await (const batch of stream.read({ ...options, follow: false })) batches.push(batch);
  return batches;
}

/** A directory, one round of watching it, and the checkpoint of that. */
async function watchedOnce(options: DirectoryOptions = {}, changes: Partial<WatchOptions> = {}) {
  const directory = await startDirectory(options);
  const ids = ["ann", "bob", "cyd"].map((uid) => addPerson(directory, uid));
  const mirror = new Mirror();
  await using watching = new Watching(watch(directory, changes));
  for (const batch of await watching.refreshed()) mirror.apply(batch);
  if (watching.checkpoint === undefined) throw new Error("There is no checkpoint.");
  return { directory, ids, mirror, checkpoint: watching.checkpoint };
}

describe("a stream that is not followed", () => {
  test("ends once everything is read, and is resumed in the same way", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    const stream = watch(directory);
    const first = await readOnce(stream);
    expect(first.at(-1)).toMatchObject({ phase: "snapshot", refresh: "ends" });
    const checkpoint = first.at(-1)?.checkpoint;

    const bob = addPerson(directory, "bob");
    const second = await readOnce(stream, checkpoint);
    const told = changesOf(second).flatMap((change) =>
      change.kind === "upsert" ? [change.sourceId] : [],
    );
    expect(told).toContain(bob);
    expect(told).not.toContain(ann);
    expect(second.at(-1)?.checkpoint).not.toBe(checkpoint);
  });

  test("is followed all the same by who asks for that, whatever the mode", async () => {
    await using directory = await startDirectory();
    const stream = watch(directory, { mode: "refreshOnly" });
    const stop = new AbortController();
    const read = stream.read({ follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    for (;;) if ((await read.next()).value?.refresh === "ends") break;
    const ann = addPerson(directory, "ann");
    expect((await read.next()).value?.changes).toMatchObject([{ sourceId: ann }]);
    stop.abort();
    await read.return?.();
  });
});

describe("a first refresh", () => {
  test("begins before anything is asked, tells everything, and sweeps", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    await using watching = new Watching(watch(directory));
    expect(await watching.next()).toEqual({
      phase: "snapshot",
      refresh: "begins",
      changes: [],
      // Of its own changes a server holds all that there are.
      state: ["99999999999999.999999Z#ffffff#000#ffffff"],
    });
    // The request has not been sent yet, so this belongs to the refresh.
    const bob = addPerson(directory, "bob");
    const batches = await watching.refreshed();
    expect(changesOf(batches)).toMatchObject([
      { kind: "upsert", sourceId: ann },
      { kind: "upsert", sourceId: bob },
      { kind: "sweep" },
    ]);
    expect(batches.filter((batch) => batch.checkpoint !== undefined)).toEqual([batches.at(-1)]);
  });

  test("of an empty directory has a batch that begins and one that ends it", async () => {
    await using directory = await startDirectory();
    await using watching = new Watching(watch(directory));
    await watching.refreshed();
    expect(watching.batches).toMatchObject([
      { refresh: "begins", changes: [] },
      { refresh: "ends", changes: [{ kind: "sweep" }] },
    ]);
  });

  test("comes in batches of limited size, the sweep last", async () => {
    await using directory = await startDirectory();
    for (let i = 0; i < 25; i++) addPerson(directory, `u${i}`);
    await using watching = new Watching(watch(directory, { batchSize: 10 }));
    await watching.refreshed();
    const sizes = watching.batches.map((batch) => batch.changes.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(changesOf(watching.batches)).toHaveLength(26);
    expect(watching.batches.at(-1)?.changes.at(-1)).toEqual({
      kind: "sweep",
      stamp: expect.any(String),
    });
    expect(watching.batches.map((batch) => batch.refresh)).toEqual([
      "begins",
      ...sizes.slice(2).map(() => "continues"),
      "ends",
    ]);
  });

  test("is all there is in the mode refreshOnly", async () => {
    await using directory = await startDirectory();
    addPerson(directory, "ann");
    const stream = watch(directory, { mode: "refreshOnly" });
    const checkpoints: (string | undefined)[] = [];
    for await (const batch of stream.read()) checkpoints.push(batch.checkpoint);
    const after = checkpoints.at(-1) ?? "";
    const bob = addPerson(directory, "bob");
    const second = [];
    for await (const batch of stream.read({ after })) second.push(batch);
    expect(changesOf(second)).toMatchObject([{ kind: "upsert", sourceId: bob }]);
    expect(second.at(-1)).toHaveProperty("checkpoint");
    await expect.poll(() => directory.connections).toBe(0);
  });

  test("tells in the mode refreshOnly also what is written while it is sent, and so does not sweep it", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    directory.faults.duringRefresh(() => {
      directory.modify(`uid=ann,${people}`, { replace: { title: "Clerk" } });
    });
    const batches = [];
    const stream = watch(directory, { mode: "refreshOnly" });
    for await (const batch of stream.read()) batches.push(batch);
    expect(changesOf(batches)).toMatchObject([
      { kind: "upsert", sourceId: ann, resource: { title: "Clerk" } },
      { kind: "sweep" },
    ]);
  });

  test("of several bases tells what is below any of them", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    addPerson(directory, "bob", directory.suffix);
    await using watching = new Watching(watch(directory, { base: [people, groups] }));
    expect(changesOf(await watching.refreshed())).toMatchObject([
      { kind: "upsert", sourceId: ann },
      { kind: "sweep" },
    ]);
  });

  test("narrows the profile by a filter", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    addPerson(directory, "bob");
    await using watching = new Watching(watch(directory, { filter: "(uid=a*)" }));
    await watching.refreshed();
    expect(changesOf(watching.batches)).toMatchObject([
      { kind: "upsert", sourceId: ann },
      { kind: "sweep" },
    ]);
  });
});

describe("live changes", () => {
  test("each come at once, with the number of the change and a checkpoint", async () => {
    await using directory = await startDirectory();
    await using watching = new Watching(watch(directory));
    await watching.refreshed();

    const ann = addPerson(directory, "ann");
    const added = await watching.next();
    expect(added).toMatchObject({
      phase: "live",
      changes: [
        { kind: "upsert", sourceId: ann, stamp: directory.entry(`uid=ann,${people}`)?.entryCSN },
      ],
    });
    expect(added).not.toHaveProperty("refresh");
    expect(added).toHaveProperty("checkpoint");

    directory.modify(`uid=ann,${people}`, { replace: { title: "Boss" } });
    expect((await watching.next()).changes).toMatchObject([{ resource: { title: "Boss" } }]);

    directory.rename(`uid=ann,${people}`, `uid=eve,${groups}`);
    expect((await watching.next()).changes).toMatchObject([
      {
        sourceId: ann,
        resource: { userName: "eve" },
        names: [
          { kind: "dn", key: "uid=eve,ou=groups,dc=example,dc=com" },
          { kind: "uid", key: "eve" },
        ],
      },
    ]);

    directory.delete(`uid=eve,${groups}`);
    const { changes } = await watching.next();
    expect(changes).toEqual([
      { kind: "delete", sourceId: ann, stamp: expect.stringMatching(/^\d{14}\.\d{6}Z#/) },
    ]);
  });

  test("of entries that leave the content and come back", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    await using watching = new Watching(watch(directory, { filter: "(!(title=gone))" }));
    await watching.refreshed();
    directory.modify(`uid=ann,${people}`, { replace: { title: "gone" } });
    expect((await watching.next()).changes).toMatchObject([{ kind: "delete", sourceId: ann }]);
    directory.modify(`uid=ann,${people}`, { replace: { title: "back" } });
    expect((await watching.next()).changes).toMatchObject([{ kind: "upsert", sourceId: ann }]);
  });

  test("of entries whose class is only derived from one of the profile are as in a refresh", async () => {
    await using directory = await startDirectory();
    const ann = addPerson(directory, "ann");
    const dn = `uid=ann,${people}`;
    const asPerson = { replace: { objectClass: ["person", "uidObject"] } };
    directory.modify(dn, asPerson);
    const changes = { profile: profile({ extends: inetOrgPerson, userClasses: ["person"] }) };
    await using watching = new Watching(watch(directory, changes));
    await watching.refreshed();
    expect(changesOf(watching.batches)).toMatchObject([{ kind: "upsert" }, { kind: "sweep" }]);
    const whilePerson = watching.checkpoint;

    // The directory sends it, since every inetOrgPerson is a person.
    directory.modify(dn, { replace: { objectClass: "inetOrgPerson" } });
    const stamp = directory.entry(dn)?.entryCSN;
    expect((await watching.next()).changes).toEqual([{ kind: "delete", sourceId: ann, stamp }]);

    await using resumed = new Watching(watch(directory, changes), whilePerson);
    expect(changesOf(await resumed.refreshed())).toEqual([
      { kind: "delete", sourceId: ann, stamp },
    ]);
    await using fresh = new Watching(watch(directory, changes));
    expect(changesOf(await fresh.refreshed())).toEqual([
      { kind: "sweep", stamp: expect.any(String) },
    ]);
  });

  test("outside the content move the checkpoint on", async () => {
    await using directory = await startDirectory();
    await using watching = new Watching(watch(directory));
    await watching.refreshed();
    const before = watching.checkpoint;
    directory.modify(groups, { replace: { description: "x" } });
    expect(await watching.next()).toEqual({
      phase: "live",
      ordered: true,
      changes: [],
      checkpoint: expect.any(String),
    });
    expect(watching.checkpoint).not.toBe(before);
  });

  test("with a bare cookie have no checkpoint", async () => {
    await using directory = await startDirectory({
      bareCookies: ({ kind }) => kind === "delete",
    });
    addPerson(directory, "ann");
    await using watching = new Watching(watch(directory));
    await watching.refreshed();
    directory.delete(`uid=ann,${people}`);
    const bare = await watching.next();
    expect(bare).toMatchObject({ phase: "live", changes: [{ kind: "delete" }] });
    expect(bare).not.toHaveProperty("checkpoint");
    expect(bare.changes[0]).not.toHaveProperty("stamp");
    addPerson(directory, "bob");
    expect(await watching.next()).toHaveProperty("checkpoint");
  });
});

describe("a resume", () => {
  test("with a session log tells what changed and what was deleted, and then looks again", async () => {
    const { directory, ids, checkpoint } = await watchedOnce();
    await using _ = directory;
    const [ann, bob] = ids;
    directory.delete(`uid=ann,${people}`);
    directory.modify(`uid=bob,${people}`, { replace: { title: "Boss" } });
    await using watching = new Watching(watch(directory), checkpoint);
    const refresh = await watching.refreshed();
    expect(refresh[0]).toMatchObject({ phase: "snapshot", refresh: "begins", changes: [] });
    expect(changesOf(refresh)).toEqual([
      { kind: "delete", sourceId: ann, stamp: expect.stringMatching(/^\d{14}\.\d{6}Z#/) },
      expect.objectContaining({ kind: "upsert", sourceId: bob }),
    ]);
    expect(watching.batches.some((batch) => batch.checkpoint !== undefined)).toBe(false);
    const check = await watching.reconciled();
    expect(check).toMatchObject([
      { phase: "reconcile", refresh: "begins", changes: [] },
      { phase: "reconcile", refresh: "ends", changes: [], checkpoint: expect.any(String) },
    ]);
    expect(events.filter((event) => event.event === "checked")).toMatchObject([
      { check: "secondPass", swept: false },
    ]);
  });

  test("without a session log tells what is still there, and sweeps", async () => {
    const { directory, ids, mirror, checkpoint } = await watchedOnce({ sessionLog: 0 });
    await using _ = directory;
    const [, bob = "", cyd = ""] = ids;
    directory.delete(`uid=ann,${people}`);
    directory.modify(`uid=bob,${people}`, { replace: { title: "Boss" } });
    await using watching = new Watching(watch(directory), checkpoint);
    const refresh = await watching.refreshed();
    expect(changesOf(refresh)).toEqual([
      expect.objectContaining({ kind: "upsert", sourceId: bob }),
      { kind: "present", entries: [{ sourceId: cyd }] },
      { kind: "sweep", stamp: expect.any(String) },
    ]);
    await watching.reconciled();
    for (const batch of watching.batches) mirror.apply(batch);
    expect([...mirror.entries.keys()].sort()).toEqual([bob, cyd].sort());
  });

  test("with nothing new costs next to nothing", async () => {
    const { directory, checkpoint } = await watchedOnce();
    await using _ = directory;
    await using watching = new Watching(watch(directory), checkpoint);
    await watching.reconciled();
    expect(changesOf(watching.batches)).toEqual([]);
    expect(watching.checkpoint).toBe(checkpoint);
  });

  test("goes on after the server was restarted", async () => {
    const { directory, mirror, checkpoint } = await watchedOnce();
    await using _ = directory;
    await using watching = new Watching(watch(directory), checkpoint);
    await watching.reconciled();
    watching.ask();
    await directory.restart();
    directory.delete(`uid=ann,${people}`);
    addPerson(directory, "dan");
    await watching.refreshed();
    await watching.reconciled();
    for (const batch of watching.batches) mirror.apply(batch);
    await using fresh = new Watching(watch(directory));
    const expected = new Mirror();
    for (const batch of await fresh.refreshed()) expected.apply(batch);
    expect(mirror.content).toEqual(expected.content);
    expect(events.some((event) => event.event === "reconnecting")).toBe(true);
  });

  test("finds a deletion that overtook another write, before the next change is covered", async () => {
    const { directory, ids, checkpoint } = await watchedOnce();
    await using _ = directory;
    const late = directory.faults.delayWrite(() => addPerson(directory, "dan"));
    directory.delete(`uid=ann,${people}`);
    late.complete();
    await using watching = new Watching(watch(directory), checkpoint);
    await watching.reconciled();
    const gone = { kind: "delete", sourceId: ids[0] };
    expect(changesOf(watching.batches)).not.toContainEqual(expect.objectContaining(gone));
    const eva = addPerson(directory, "eva");
    const batches = await watching.until((batch) => batch.checkpoint !== undefined);
    const live = { kind: "upsert", sourceId: eva };
    expect(changesOf(batches)).toMatchObject([live, gone, live]);
    // That was once: from here on every change moves the checkpoint.
    addPerson(directory, "fay");
    expect(await watching.next()).toMatchObject({ phase: "live", checkpoint: expect.anything() });
  });

  test("of several providers keeps the number of each", async () => {
    const { directory, checkpoint } = await watchedOnce({ serverId: 1 });
    await using _ = directory;
    await using watching = new Watching(watch(directory), checkpoint);
    await watching.reconciled();
    directory.modify(`uid=ann,${people}`, { replace: { title: "A" } }, { serverId: 2 });
    await watching.next();
    directory.modify(`uid=ann,${people}`, { replace: { title: "B" } }, { serverId: 1 });
    // The first change of the provider that was resumed from is followed by one more check.
    await watching.reconciled();
    const position = JSON.parse(watching.checkpoint ?? "[]")[4];
    expect(position).toMatch(/^rid=000,csn=[^;,]*#001#[^;,]*;[^;,]*#002#[^;,]*,parents=\w+$/);
    await using again = new Watching(watch(directory), watching.checkpoint);
    await again.reconciled();
    expect(changesOf(again.batches)).toEqual([]);
  });
});

describe("a checkpoint that is of no use leads to a full refresh", () => {
  /** What a resume from a checkpoint tells. */
  async function resumed(directory: Directory, after: string, changes: Partial<WatchOptions> = {}) {
    await using watching = new Watching(watch(directory, changes), after);
    const batches = await watching.refreshed();
    return changesOf(batches).map((change) => change.kind);
  }
  const full = ["upsert", "upsert", "upsert", "sweep"];

  test("when it is damaged", async () => {
    const { directory, checkpoint } = await watchedOnce();
    await using _ = directory;
    const damaged = [
      "",
      "garbage",
      "null",
      "[]",
      checkpoint.slice(0, -2),
      checkpoint.replace("csn=2", "csn=3"),
      checkpoint.replace(/"[^"]*"\]$/, '"x"]'),
      `"${"x".repeat(100_000)}"`,
      JSON.stringify([1, 2, 3, 4, 5, 6]),
    ];
    for (const after of damaged) {
      events = [];
      expect(await resumed(directory, after)).toEqual(full);
      expect(resets()).toEqual(["damaged"]);
    }
  });

  test("when another version made it", async () => {
    const { directory, checkpoint } = await watchedOnce();
    await using _ = directory;
    expect(await resumed(directory, checkpoint.replace("[1,", "[2,"))).toEqual(full);
    expect(resets()).toEqual(["version"]);
  });

  test("when what is read has changed", async () => {
    const { directory, checkpoint } = await watchedOnce();
    await using _ = directory;
    const { adminDn, password } = directory;
    const changed: Partial<WatchOptions>[] = [
      { filter: "(uid=*)" },
      { scope: "sub", filter: "(cn=*)" },
      { profile: profile({ extends: inetOrgPerson, user: { title: undefined } }) },
      { profile: profile({ extends: inetOrgPerson, user: { active: () => true } }) },
      { profile: profile({ extends: inetOrgPerson, revision: "2" }) },
    ];
    for (const changes of changed) {
      events = [];
      expect(await resumed(directory, checkpoint, changes)).toEqual(full);
      expect(resets()).toEqual(["content"]);
    }
    // What is the same in other words is the same.
    events = [];
    const same = {
      base: "DC=Example, dc=com",
      scope: "sub",
      bind: { method: "simple", dn: adminDn.toUpperCase(), password },
    } as const;
    expect(await resumed(directory, checkpoint, same)).toEqual([]);
    expect(resets()).toEqual([]);
  });

  test("when it is of another directory with the same names", async () => {
    const { directory, checkpoint } = await watchedOnce();
    await directory.stop();
    const other = await watchedOnce();
    await using _ = other.directory;
    events = [];
    expect(await resumed(other.directory, checkpoint)).toEqual(full);
    expect(resets()).toEqual(["server"]);
  });

  test("when the server says that it is of the future", async () => {
    const { directory, checkpoint } = await watchedOnce({
      now: () => new Date("2030-01-01T00:00:00Z"),
    });
    const entries = directory.entries().map(({ dn, attributes, entryUUID }) => ({
      dn,
      attributes: { ...attributes, entryUUID },
    }));
    await directory.stop();
    // The same directory, restored from a backup.
    await using restored = await startDirectory({
      entries,
      now: () => new Date("2029-01-01T00:00:00Z"),
    });
    expect(await resumed(restored, checkpoint)).toEqual(full);
    expect(resets()).toEqual(["refused"]);
  });

  test("when the server does not know any more what changed since", async () => {
    const { directory, checkpoint } = await watchedOnce({ sessionLog: 0, reloadHint: true });
    await using _ = directory;
    for (const { dn } of directory.entries()) {
      directory.modify(dn, { replace: { description: "touched" } });
    }
    await using watching = new Watching(watch(directory), checkpoint);
    const first = await watching.until((batch) => batch.refresh === "begins");
    expect(first).toHaveLength(1);
    const second = await watching.refreshed();
    // A refresh that came to nothing has begun, and another begins.
    expect(second[0]).toMatchObject({ refresh: "begins" });
    expect(changesOf(second).map((change) => change.kind)).toEqual(full);
    expect(second.at(-1)).toHaveProperty("checkpoint");
    expect(resets()).toEqual(["refreshRequired"]);
  });
});

describe("a list of names, from time to time", () => {
  test("asks a server once more what it holds that has not said so before", async () => {
    await using directory = await startDirectory();
    const sleeps: (() => void)[] = [];
    directory.faults.spoilCookies("empty", 1);
    const stream = watch(directory, {
      reconcileEvery: 60_000,
      sleep: () => new Promise((resolve) => sleeps.push(resolve)),
    });
    await using watching = new Watching(stream);
    const [first] = await watching.refreshed();
    expect(first).toEqual({ phase: "snapshot", refresh: "begins", changes: [] });
    watching.ask();
    await expect.poll(() => sleeps.length).toBe(1);
    sleeps[0]?.();
    const check = await watching.reconciled();
    const begins = { phase: "reconcile", refresh: "begins", changes: [], state: expect.any(Array) };
    expect(check.find(({ phase }) => phase === "reconcile")).toEqual(begins);
  });

  test("repairs the names below a parent that was renamed", async () => {
    await using directory = await startDirectory();
    directory.add(`ou=staff,${people}`, { objectClass: "organizationalUnit", ou: "staff" });
    const ann = addPerson(directory, "ann", `ou=staff,${people}`);
    const sleeps: (() => void)[] = [];
    const stream = watch(directory, {
      reconcileEvery: 60_000,
      parentClasses: false,
      random: () => 0.5,
      sleep: (milliseconds) => {
        expect(milliseconds).toBe(60_000);
        return new Promise((resolve) => sleeps.push(resolve));
      },
    });
    const mirror = new Mirror();
    await using watching = new Watching(stream);
    await watching.refreshed();
    watching.ask();
    directory.rename(`ou=staff,${people}`, `ou=team,${people}`);
    await expect.poll(() => sleeps.length).toBe(1);
    sleeps[0]?.();
    const check = await watching.reconciled();
    for (const batch of watching.batches) mirror.apply(batch);
    expect(mirror.entries.get(ann)?.names).toEqual([
      "dn:uid=ann,ou=team,ou=people,dc=example,dc=com",
      "uid:ann",
    ]);
    expect(check.filter(({ phase }) => phase === "reconcile")).toEqual([
      { phase: "reconcile", refresh: "begins", changes: [], state: expect.any(Array) },
      {
        phase: "reconcile",
        refresh: "ends",
        changes: [
          {
            kind: "present",
            entries: [expect.objectContaining({ sourceId: ann, stamp: expect.any(String) })],
          },
          { kind: "sweep", stamp: expect.any(String) },
        ],
        checkpoint: expect.any(String),
      },
    ]);
    watching.ask();
    // And again, when the time has passed again.
    await expect.poll(() => sleeps.length).toBe(2);
    sleeps[1]?.();
    await watching.reconciled();
  });
});

describe("failures", () => {
  test("that pass are waited out, longer each time, up to a limit", async () => {
    const directory = await startDirectory();
    const options = optionsFor(directory);
    await directory.stop();
    const delays: number[] = [];
    const stream = watchDirectory({
      ...options,
      reconnect: { initialDelay: 100, maxDelay: 1000, maxAttempts: 6 },
      random: () => 0.5,
      sleep: async (milliseconds) => {
        delays.push(milliseconds);
      },
    });
    await using watching = new Watching(stream);
    await expect(watching.next()).rejects.toThrow(LdapConnectError);
    expect(delays).toEqual([75, 150, 300, 600, 750, 750]);
    expect(events.map((event) => event.event)).toEqual(Array(6).fill("reconnecting"));
    expect(JSON.stringify(events)).not.toContain(directory.password);
  });

  test("are waited out: nobody connects before the pause has ended", async () => {
    await using directory = await startDirectory();
    const pauses: (() => void)[] = [];
    const sleep = () => new Promise<void>((resolve) => pauses.push(resolve));
    await using watching = new Watching(watch(directory, { sleep }));
    await watching.refreshed();
    watching.ask();
    await directory.restart();
    await expect.poll(() => pauses.length).toBe(1);
    expect(await watching.nextWithin(200)).toBeUndefined();
    expect(pauses).toHaveLength(1);
    pauses[0]?.();
    await watching.refreshed();
  });

  test("are over with a password that was changed meanwhile, since it is asked for at each connection", async () => {
    await using directory = await startDirectory();
    const dn = `cn=reader,${directory.suffix}`;
    const entry = { objectClass: ["person"], cn: "reader", sn: "reader" };
    directory.add(dn, { ...entry, userPassword: "first" });
    const passwords = ["first", "second"];
    const password = () => passwords.shift() ?? "";
    await using watching = new Watching(
      watch(directory, { bind: { method: "simple", dn, password } }),
    );
    await watching.refreshed();
    watching.ask();
    directory.modify(dn, { replace: { userPassword: "second" } });
    await directory.restart();
    await watching.refreshed();
    expect(passwords).toEqual([]);
  });

  test("start with short delays again once a refresh has ended", async () => {
    await using directory = await startDirectory();
    const attempts = () =>
      events.flatMap((event) => (event.event === "reconnecting" ? [event.attempt] : []));
    await using watching = new Watching(watch(directory));
    await watching.refreshed();
    for (let i = 0; i < 3; i++) {
      watching.ask();
      await directory.restart();
      await watching.refreshed();
    }
    expect(attempts().filter((attempt) => attempt === 1)).toHaveLength(3);
  });

  test("are thrown at once without reconnect", async () => {
    const directory = await startDirectory();
    await using watching = new Watching(watch(directory, { reconnect: false }));
    await watching.refreshed();
    watching.ask();
    await directory.stop();
    await expect(watching.next()).rejects.toMatchObject({ code: "ldap_connection_lost" });
  });

  test.each<[string, Partial<WatchOptions>, abstract new (...args: never[]) => Error]>([
    [
      "a wrong password",
      { bind: { method: "simple", dn: "cn=admin,dc=example,dc=com", password: "no" } },
      LdapCredentialsError,
    ],
    ["a base that does not exist", { base: "ou=nowhere,dc=example,dc=com" }, LdapResultError],
    ["a host that does not exist", { url: "ldap://host.invalid" }, LdapConnectError],
  ])("that do not pass are thrown: %s", async (_, changes, expected) => {
    await using directory = await startDirectory();
    await using watching = new Watching(watch(directory, changes));
    await expect(watching.refreshed()).rejects.toThrow(expected);
    expect(events.filter((event) => event.event === "reconnecting")).toEqual([]);
  });

  test.each<[string, Partial<WatchOptions>]>([
    ["a base that is no name", { base: "nowhere" }],
    ["no base", { base: [] }],
    ["bases of two trees", { base: ["dc=com", "dc=org"] }],
    ["several bases and one level", { base: ["ou=a,dc=x", "ou=b,dc=x"], scope: "one" }],
    ["a URL that is none", { url: "directory" }],
    ["an empty name", { source: "" }],
    ["a batch of nothing", { batchSize: 0 }],
    ["a time of nothing", { reconcileEvery: 0 }],
    ["a time that is no number", { reconcileEvery: Number.NaN }],
    ["a time that no timer can wait", { reconcileEvery: 2 ** 31 }],
    ["a time without an end", { reconcileEvery: Number.POSITIVE_INFINITY }],
    ["no first delay", { reconnect: { initialDelay: 0 } }],
    ["a first delay that is no number", { reconnect: { initialDelay: Number.NaN } }],
    ["a longest delay that no timer can wait", { reconnect: { maxDelay: 2 ** 31 } }],
    ["a longest delay without an end", { reconnect: { maxDelay: Number.POSITIVE_INFINITY } }],
    ["a number of attempts that is none", { reconnect: { maxAttempts: Number.NaN } }],
  ])("of the caller are thrown by watchDirectory: %s", async (_, changes) => {
    expect(() => watchDirectory({ url: "ldap://localhost", base: "dc=x", ...changes })).toThrow(
      InvalidValueError,
    );
  });

  // Beside the profile's own condition, any but the last would be a condition more or none at all.
  test.each(["(uid=a)(uid=b)", "", ")(uid=b", "uid=a", "(uid=*", "(uid=a))((uid=b)"])(
    "of the caller are thrown by watchDirectory: the filter %j",
    (filter) => {
      const options = { url: "ldap://localhost", base: "dc=x", filter };
      expect(() => watchDirectory(options)).toThrow(LdapFilterError);
    },
  );

  test("none are the limits themselves", () => {
    const options = {
      url: "ldap://localhost",
      base: "dc=x",
      reconcileEvery: 2 ** 31 - 1,
      reconnect: { initialDelay: 1, maxDelay: 2 ** 31 - 1, maxAttempts: Number.POSITIVE_INFINITY },
    };
    expect(() => watchDirectory(options)).not.toThrow();
  });

  test("a signal ends the reading without an error, wherever it is", async () => {
    await using directory = await startDirectory();
    const reason = new Error("enough");
    const reading = (signal: AbortSignal) =>
      watch(directory).read({ signal })[Symbol.asyncIterator]();

    const end = { done: true, value: undefined };
    expect(await reading(AbortSignal.abort(reason)).next()).toEqual(end);

    const live = new AbortController();
    const batches = reading(live.signal);
    for (let batch = await batches.next(); batch.value?.refresh !== "ends"; ) {
      batch = await batches.next();
    }
    const waiting = batches.next();
    live.abort(reason);
    expect(await waiting).toEqual(end);
    await expect.poll(() => directory.connections).toBe(0);
  });

  test("return() ends a reading that waits", async () => {
    await using directory = await startDirectory();
    const batches = watch(directory).read()[Symbol.asyncIterator]();
    for (let batch = await batches.next(); batch.value?.refresh !== "ends"; ) {
      batch = await batches.next();
    }
    const waiting = batches.next();
    expect(await batches.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    await expect.poll(() => directory.connections).toBe(0);

    const unread = watch(directory).read()[Symbol.asyncIterator]();
    expect(await unread.return?.()).toEqual({ done: true, value: undefined });
    expect(await unread.next()).toEqual({ done: true, value: undefined });
  });

  test("leaving the loop closes the connection", async () => {
    await using directory = await startDirectory();
    for await (const batch of watch(directory).read()) {
      if (batch.refresh === "ends") break;
    }
    await expect.poll(() => directory.connections).toBe(0);
  });
});

describe("the name of the source", () => {
  test.each([
    [
      "ldap://Directory.Example.com",
      "dc=Example, dc=com",
      "ldap:directory.example.com/dc=example,dc=com",
    ],
    [
      "ldaps://directory.example.com:636",
      "dc=example,dc=com",
      "ldap:directory.example.com/dc=example,dc=com",
    ],
    ["ldap://[::1]:3890", "dc=x", "ldap:::1:3890/dc=x"],
    ["ldapi://%2Frun%2Fldapi", ["ou=b,dc=x", "ou=a,dc=x"], "ldapi:/run/ldapi/ou=a,dc=x|ou=b,dc=x"],
  ])("%s", (url, base, source) => {
    expect(watchDirectory({ url, base }).source).toBe(source);
  });

  test("can be chosen", () => {
    expect(watchDirectory({ url: "ldap://a", base: "dc=x", source: "staff" }).source).toBe("staff");
  });
});
