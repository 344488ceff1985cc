import type { ChangeStream } from "concordat/changes";
import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { csn, newCookie, refreshEnd, startSyncScript, uuid } from "./sync-script.js";
import { changesOf, Mirror, Watching } from "./watching.js";

const suffix = "dc=example,dc=com";
const staff = `ou=staff,${suffix}`;
const outside = `ou=outside,${suffix}`;

/** People are watched below `ou=staff`, and there is a place that is not. */
async function staffDirectory() {
  const directory = await startDirectory();
  for (const dn of [staff, outside]) addUnit(directory, dn);
  return directory;
}

function addUnit(directory: Directory, dn: string): void {
  directory.add(dn, { objectClass: "organizationalUnit", ou: dn.slice(3, dn.indexOf(",")) });
}

function addPerson(directory: Directory, uid: string, below: string): string {
  const person = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid };
  return directory.add(`uid=${uid},${below}`, person).entryUUID;
}

function watch(directory: Directory, changes: Partial<WatchOptions> = {}): ChangeStream {
  return watchDirectory({
    url: directory.url,
    base: staff,
    bind: { method: "simple", dn: directory.adminDn, password: directory.password },
    allowCleartext: true,
    reconcileEvery: false,
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
    ...changes,
  });
}

/** What a mirror knows at the end of the next check, by the distinguished name. */
async function afterCheck(watching: Watching, mirror: Mirror): Promise<readonly string[]> {
  const known = watching.batches.length;
  await watching.reconciled();
  for (const batch of watching.batches.slice(known)) mirror.apply(batch);
  return namesIn(mirror);
}

function namesIn(mirror: Mirror): readonly string[] {
  return [...mirror.entries.values()].map(({ names }) => names[0] ?? "").sort();
}

async function watched(directory: Directory, changes: Partial<WatchOptions> = {}) {
  const mirror = new Mirror();
  const watching = new Watching(watch(directory, changes));
  for (const batch of await watching.refreshed()) mirror.apply(batch);
  return { watching, mirror };
}

test("who is below a parent that is renamed has another name at once", async () => {
  await using directory = await staffDirectory();
  addUnit(directory, `ou=a,${staff}`);
  addPerson(directory, "ann", `ou=a,${staff}`);
  addPerson(directory, "bob", staff);
  const { watching, mirror } = await watched(directory);
  await using _ = watching;
  directory.rename(`ou=a,${staff}`, `ou=b,${staff}`);
  expect(await afterCheck(watching, mirror)).toEqual([
    `dn:uid=ann,ou=b,${staff}`,
    `dn:uid=bob,${staff}`,
  ]);
  // Only who is below was read.
  const check = watching.batches.filter(({ phase }) => phase === "reconcile");
  expect(changesOf(check)).toHaveLength(1);
});

test("who is below a parent that comes into the base is told whole", async () => {
  await using directory = await staffDirectory();
  addUnit(directory, `ou=a,${outside}`);
  const ann = addPerson(directory, "ann", `ou=a,${outside}`);
  const { watching, mirror } = await watched(directory);
  await using _ = watching;
  expect(namesIn(mirror)).toEqual([]);
  directory.rename(`ou=a,${outside}`, `ou=a,${staff}`);
  expect(await afterCheck(watching, mirror)).toEqual([`dn:uid=ann,ou=a,${staff}`]);
  expect(changesOf(watching.batches)).toContainEqual(
    expect.objectContaining({ kind: "upsert", sourceId: ann, complete: true }),
  );
});

test("who is below a parent that leaves the base is swept", async () => {
  await using directory = await staffDirectory();
  addUnit(directory, `ou=a,${staff}`);
  addPerson(directory, "ann", `ou=a,${staff}`);
  addPerson(directory, "bob", staff);
  const { watching, mirror } = await watched(directory);
  await using _ = watching;
  directory.rename(`ou=a,${staff}`, `ou=a,${outside}`);
  expect(await afterCheck(watching, mirror)).toEqual([`dn:uid=bob,${staff}`]);
});

test("a parent that is changed and not moved has nothing read", async () => {
  await using directory = await staffDirectory();
  addUnit(directory, `ou=a,${staff}`);
  addPerson(directory, "ann", `ou=a,${staff}`);
  const { watching } = await watched(directory);
  await using _ = watching;
  directory.modify(`ou=a,${staff}`, { replace: { description: "the same place" } });
  directory.modify(`ou=a,${staff}`, { replace: { description: "still" } });
  addPerson(directory, "bob", staff);
  const batches = await watching.until((batch) => batch.changes.length > 0);
  expect(batches.map(({ phase }) => phase)).not.toContain("reconcile");
});

test("no checkpoint covers a move before it has been looked at", async () => {
  await using directory = await staffDirectory();
  addUnit(directory, `ou=a,${outside}`);
  const ann = addPerson(directory, "ann", `ou=a,${outside}`);
  const { watching } = await watched(directory);
  const before = watching.checkpoint;
  directory.rename(`ou=a,${outside}`, `ou=a,${staff}`);
  // Whatever is told before the check begins is resumed from without losing it.
  for (
    let batch = await watching.next();
    batch.phase !== "reconcile";
    batch = await watching.next()
  );
  const { checkpoint } = watching;
  await watching.stop();
  await using again = new Watching(watch(directory), checkpoint ?? before);
  await again.until((batch) => batch.checkpoint !== undefined);
  const listed = changesOf(again.batches).flatMap((change) =>
    change.kind === "present" ? change.entries.map(({ sourceId }) => sourceId) : [],
  );
  expect(listed).toContain(ann);
});

test.for(["refreshAndPersist", "present"] as const)(
  "what was moved while it was not followed is found by the resume (%s)",
  async (how) => {
    await using directory = await startDirectory({ sessionLog: how === "present" ? 0 : 1000 });
    for (const dn of [staff, outside, `ou=a,${outside}`, `ou=b,${staff}`]) addUnit(directory, dn);
    const ann = addPerson(directory, "ann", `ou=a,${outside}`);
    const bob = addPerson(directory, "bob", `ou=b,${staff}`);
    const { watching, mirror } = await watched(directory);
    const { checkpoint } = watching;
    await watching.stop();
    directory.rename(`ou=a,${outside}`, `ou=a,${staff}`);
    directory.rename(`ou=b,${staff}`, `ou=b,${outside}`);
    await using again = new Watching(watch(directory), checkpoint);
    await again.until((batch) => batch.checkpoint !== undefined);
    for (const batch of again.batches) mirror.apply(batch);
    const told = changesOf(again.batches);
    const listed = told.flatMap((change) => (change.kind === "present" ? change.entries : []));
    // Who came is called present and not known, so that the consumer has it read.
    expect(listed).toContainEqual(expect.objectContaining({ sourceId: ann }));
    expect(told.at(-1)).toEqual({ kind: "sweep", stamp: expect.any(String) });
    expect(mirror.entries.has(bob)).toBe(false);
  },
);

test("where nothing has changed outside of the content, a resume lists nothing", async () => {
  await using directory = await staffDirectory();
  addPerson(directory, "ann", staff);
  const { watching } = await watched(directory);
  const { checkpoint } = watching;
  await watching.stop();
  directory.modify(`uid=ann,${staff}`, { replace: { title: "Boss" } });
  await using again = new Watching(watch(directory), checkpoint);
  await again.until((batch) => batch.checkpoint !== undefined);
  const kinds = changesOf(again.batches).map((change) => change.kind);
  expect(new Set(kinds)).toEqual(new Set(["upsert"]));
});

test("the classes of parents can be set, and nothing is followed where there are none", async () => {
  await using directory = await staffDirectory();
  const place = { objectClass: "device", cn: "a" };
  directory.add(`cn=a,${staff}`, place);
  addPerson(directory, "ann", `cn=a,${staff}`);
  const { watching, mirror } = await watched(directory, { parentClasses: ["device"] });
  await using _ = watching;
  directory.rename(`cn=a,${staff}`, `cn=b,${staff}`);
  expect(await afterCheck(watching, mirror)).toEqual([`dn:uid=ann,cn=b,${staff}`]);

  const { watching: other } = await watched(directory, { parentClasses: false });
  await using __ = other;
  directory.rename(`cn=b,${staff}`, `cn=c,${staff}`);
  addPerson(directory, "bob", staff);
  const batches = await other.until((batch) => batch.changes.length > 0);
  expect(batches.map(({ phase }) => phase)).not.toContain("reconcile");
});

test("a class that cannot be one is refused", () => {
  const options = { url: "ldap://localhost", base: suffix, parentClasses: ["a)(b"] };
  expect(() => watchDirectory(options)).toThrow(/parentClasses/);
});

test("where parents cannot be followed, all names are listed, at most a hundredth of the time", async () => {
  await using script = await startSyncScript();
  let time = 1_000_000;
  const sleeps: { delay: number; end: () => void }[] = [];
  const stream = watchDirectory({
    url: script.url,
    base: script.base,
    reconcileEvery: false,
    now: () => time,
    sleep: (delay) =>
      new Promise((resolve) => {
        sleeps.push({ delay, end: resolve });
      }),
  });
  await using watching = new Watching(stream);
  await watching.next();
  watching.ask();
  const parents = await script.next();
  expect(parents).toMatchObject({ mode: "refreshOnly", cookie: undefined });
  parents.fail(50);
  const search = await script.next();
  search.entry(1, uuid(1), "ann", { csn: csn(1) });
  const cookie = (second: number) => `rid=000,csn=${csn(second)}`;
  search.info(refreshEnd(1, cookie(10)));
  await watching.refreshed();
  const listOnce = async () => {
    watching.ask();
    sleeps.shift()?.end();
    expect(await watching.next()).toMatchObject({ phase: "reconcile", refresh: "begins" });
    watching.ask();
    const list = await script.next();
    expect(list.mode).toBe("plain");
    time += 500;
    list.entry(undefined, uuid(1), "ann", { csn: csn(1) });
    list.done();
    await watching.reconciled();
  };
  search.info(newCookie(cookie(11)));
  await watching.next();
  await expect.poll(() => sleeps.map(({ delay }) => delay)).toEqual([1]);
  await listOnce();
  // Two occasions within the pause are one list, when it is over: 99 times as long as the last one took.
  search.info(newCookie(cookie(12)));
  search.info(newCookie(cookie(13)));
  await watching.until((batch) => batch.phase === "live");
  await expect.poll(() => sleeps.map(({ delay }) => delay)).toEqual([49_500]);
  await listOnce();
});
