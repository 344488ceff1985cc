import { setImmediate } from "node:timers/promises";
import type { Change } from "concordat/changes";
import { activeDirectory, inspectDirectory, kerberosPrincipal, profile } from "concordat/ldap";
import { startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import {
  addGroup,
  addUser,
  domain,
  eventsDuring,
  isOf,
  membersOf,
  optionsFor,
  other,
  staff,
  suffix,
  watch,
} from "./played-domain.js";
import { changesOf, Watching } from "./watching.js";

test("values in ranges are read to the last, entries in pages, and changes in pages of DirSync", async () => {
  await using directory = await domain({ maxValRange: 3, maxPageSize: 4, dirSyncPage: 2 });
  const users = Array.from({ length: 11 }, (_, index) => addUser(directory, `u${index}`));
  const dns = users.map((_, index) => `CN=u${index},${staff}`);
  const group = addGroup(directory, "all", dns);
  const stream = watch(directory);
  const before = new Watching(stream);
  const first = await before.refreshed();
  expect(membersOf(first, group)).toEqual([...users].sort());
  expect(changesOf(first).filter(({ kind }) => kind === "upsert")).toHaveLength(12);
  await before.stop();

  for (const dn of dns) directory.modify(dn, { replace: { title: "Dr" } });
  directory.rename(`CN=all,${staff}`, `CN=everybody,${staff}`);
  await using after = new Watching(stream, before.checkpoint);
  const changes = await after.refreshed();
  expect(changesOf(changes)).toHaveLength(12);
  expect(membersOf(changes, group)).toEqual([...users].sort());
});

test("a user who is renamed past the pages of a refresh, or comes while they are read, is not swept", async () => {
  await using directory = await domain({ maxPageSize: 2 });
  const [, , , last = ""] = ["a", "b", "c", "d"].map((name) => addUser(directory, name));
  await using watching = new Watching(watch(directory, { batchSize: 1 }));
  await watching.next();
  await watching.next();
  directory.rename(`CN=d,${staff}`, `CN=aa,${staff}`);
  const added = addUser(directory, "ab");
  await watching.refreshed();
  const upserts = changesOf(watching.batches).flatMap((change) =>
    change.kind === "upsert" ? change.sourceId : [],
  );
  expect(upserts).toEqual(expect.arrayContaining([last, added]));
});

test("a user who is taken out of a group since it is the primary one stays in it, whatever page says so", async () => {
  await using directory = await domain({ dirSyncPage: 1 });
  const ann = addUser(directory, "ann");
  const group = addGroup(directory, "main", [`CN=ann,${staff}`]);
  const sid = directory.entries({ filter: "(sAMAccountName=main)" })[0];
  expect(sid?.entryUUID).toBe(group);
  const stream = watch(directory);
  const before = new Watching(stream);
  await before.refreshed();
  await before.stop();
  // The second group that is made: ann's is 1101.
  directory.modify(`CN=ann,${staff}`, { replace: { primaryGroupID: "1102" } });
  await using after = new Watching(stream, before.checkpoint);
  await after.refreshed();
  expect(membersOf([...before.batches, ...after.batches], group)).toEqual([ann]);
  directory.modify(`CN=ann,${staff}`, { replace: { primaryGroupID: "513" } });
  after.ask();
  await after.until(({ changes }) =>
    changes.some((change) => "sourceId" in change && change.sourceId === ann),
  );
  expect(membersOf([...before.batches, ...after.batches], group)).toEqual([ann]);
  directory.modify(`CN=main,${staff}`, { delete: { member: `CN=ann,${staff}` } });
  after.ask();
  await after.until(isOf(group));
  expect(membersOf([...before.batches, ...after.batches], group)).toEqual([]);
});

test("where notifications are refused, the directory is asked from time to time", async () => {
  await using directory = await domain({ maxNotifications: 0 });
  const ann = addUser(directory, "ann");
  const waits: { milliseconds: number; wake: () => void }[] = [];
  const sleep = (milliseconds: number) =>
    new Promise<void>((wake) => {
      waits.push({ milliseconds, wake });
    });
  await using watching = new Watching(
    watch(directory, { sleep, pollEvery: 7_000, reconcileEvery: false }),
  );
  const events = await eventsDuring(async () => {
    await watching.refreshed();
    watching.ask();
    while (!waits.some(({ milliseconds }) => milliseconds === 7_000)) await setImmediate();
  });
  expect(events).toContainEqual(
    expect.objectContaining({
      event: "polling",
      error: expect.objectContaining({ resultCode: 11 }),
    }),
  );
  directory.modify(`CN=ann,${staff}`, { replace: { title: "Dr" } });
  waits.find(({ milliseconds }) => milliseconds === 7_000)?.wake();
  expect(await watching.next()).toMatchObject({
    phase: "live",
    changes: [{ sourceId: ann, resource: { title: "Dr" } }],
  });
});

test("another controller, or another life of the same one, is read anew", async () => {
  await using directory = await domain();
  const ann = addUser(directory, "ann");
  const stream = watch(directory);
  const before = new Watching(stream);
  await before.refreshed();
  await before.stop();
  directory.renewInvocationId();
  await using after = new Watching(stream, before.checkpoint);
  const events = await eventsDuring(() => after.refreshed());
  expect(events).toContainEqual(expect.objectContaining({ event: "reset", reason: "controller" }));
  expect(changesOf(after.batches)).toMatchObject([{ sourceId: ann }, { kind: "sweep" }]);
});

test("a controller that has no use for a cookie is read anew", async () => {
  await using directory = await domain();
  const ann = addUser(directory, "ann");
  const stream = watch(directory);
  const before = new Watching(stream);
  await before.refreshed();
  await before.stop();
  directory.faults.refuseResume(12);
  await using after = new Watching(stream, before.checkpoint);
  const events = await eventsDuring(() => after.refreshed());
  expect(events).toContainEqual(expect.objectContaining({ event: "reset", reason: "refused" }));
  expect(changesOf(after.batches)).toMatchObject([{ sourceId: ann }, { kind: "sweep" }]);
});

test("a controller that was set back is read anew, also once it has given the same numbers again", async () => {
  let now = Date.parse("2026-01-02T03:04:05Z");
  await using directory = await startDirectory({ activeDirectory: true, now: () => new Date(now) });
  directory.add(staff, { objectClass: "organizationalUnit" });
  addUser(directory, "ann");
  const backup = directory.backUp();
  now += 60_000;
  const lost = addUser(directory, "lost");
  const stream = watch(directory);
  const before = new Watching(stream);
  await before.refreshed();
  await before.stop();
  now += 60_000;
  await directory.restore(backup);
  for (const more of [0, 3]) {
    for (let index = 0; index < more; index++) addUser(directory, `more${index}`);
    await using after = new Watching(stream, before.checkpoint);
    const events = await eventsDuring(() => after.refreshed());
    expect(events).toContainEqual(expect.objectContaining({ event: "reset", reason: "setBack" }));
    expect(changesOf(after.batches)).toHaveLength(1 + more + 1);
    expect(JSON.stringify(after.batches)).not.toContain(lost);
  }
});

test("an account that may not see what was deleted is refused, misses it, or finds it by all names", async () => {
  await using directory = await domain({ seesDeleted: (dn) => dn.includes("admin") });
  directory.add(`cn=plain,${suffix}`, {
    objectClass: "person",
    cn: "plain",
    userPassword: "plain",
  });
  const bind = { method: "simple", dn: `cn=plain,${suffix}`, password: "plain" } as const;
  const ann = addUser(directory, "ann");
  const bob = addUser(directory, "bob");
  await expect(new Watching(watch(directory, { bind })).refreshed()).rejects.toThrow(
    /may not see deleted objects/,
  );
  const before = new Watching(watch(directory, { bind, deletions: "trust" }));
  await before.refreshed();
  await before.stop();
  directory.delete(`CN=ann,${staff}`);
  await using trusted = new Watching(
    watch(directory, { bind, deletions: "trust" }),
    before.checkpoint,
  );
  expect(changesOf(await trusted.refreshed())).toEqual([]);
  await using swept = new Watching(
    watch(directory, { bind, deletions: "sweep" }),
    before.checkpoint,
  );
  await swept.refreshed();
  expect(changesOf(await swept.reconciled())).toMatchObject([
    { kind: "present", entries: [{ sourceId: bob }] },
    { kind: "sweep" },
  ]);
  await using seeing = new Watching(watch(directory));
  await seeing.refreshed();
  directory.delete(`CN=bob,${staff}`);
  await seeing.until(isOf(bob));
  expect(changesOf(seeing.batches).at(-1)).toEqual({ kind: "delete", sourceId: bob });
  expect(ann).not.toBe(bob);
});

test("an account that may not read userAccountControl takes no user for active", async () => {
  await using directory = await domain();
  directory.add(`CN=ann,${staff}`, { objectClass: "user", sAMAccountName: "ann" });
  directory.modify(`CN=ann,${staff}`, { delete: { userAccountControl: [] } });
  await expect(new Watching(watch(directory)).refreshed()).rejects.toThrow(/active/);
});

test("the profile reads addresses, managers, principals and what disables an account", async () => {
  await using directory = await domain();
  const boss = addUser(directory, "boss");
  directory.add(`CN=Ann Lee,${staff}`, {
    objectClass: "user",
    sAMAccountName: "ann",
    userAccountControl: "66050",
    manager: `CN=boss,${staff}`,
    mail: "ann@example.com",
    proxyAddresses: [
      "smtp:lee@example.com",
      "SMTP:Ann@example.com",
      "x500:/o=x",
      "smtp:a@example.com",
    ],
    employeeID: "7",
    company: "Example",
  });
  const kerberos = profile({
    extends: activeDirectory,
    user: { userName: kerberosPrincipal },
  });
  await using watching = new Watching(watch(directory, { profile: kerberos }));
  const ann = changesOf(await watching.refreshed()).find(
    (change): change is Extract<Change, { kind: "upsert" }> =>
      change.kind === "upsert" && JSON.stringify(change).includes("Ann Lee"),
  );
  expect(ann?.resource).toMatchObject({
    userName: "ann@EXAMPLE.COM",
    active: false,
    displayName: "Ann Lee",
    emails: [
      { value: "ann@example.com", type: "work", primary: true },
      { value: "a@example.com", type: "work" },
      { value: "lee@example.com", type: "work" },
    ],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
      employeeNumber: "7",
      organization: "Example",
      manager: { value: boss },
    },
  });
});

test("what an account sees is counted by pages, and what it cannot see of accounts is said with its cost", async () => {
  await using directory = await domain({ maxPageSize: 2 });
  for (const name of ["ann", "bob", "joe"]) addUser(directory, name);
  addUser(directory, "outside", other);
  addGroup(directory, "team");
  const look = async () => {
    const { findings } = await inspectDirectory(optionsFor(directory, { base: [staff] }));
    return new Map(findings.map(({ topic, effect, message }) => [topic, { effect, message }]));
  };
  const plain = await look();
  expect(plain.get("content")).toEqual({
    effect: "none",
    message: expect.stringMatching(/3 users and 1 groups/),
  });
  // As if the right to them were missing: every account has them.
  expect(plain.get("accountLock")).toEqual({
    effect: "loss",
    message: expect.stringContaining("accountExpires"),
  });
  for (const name of ["ann", "bob", "joe"]) {
    directory.modify(`CN=${name},${staff}`, { replace: { accountExpires: "0" } });
  }
  expect((await look()).get("accountLock")).toMatchObject({ effect: "none" });
  directory.modify(`CN=ann,${staff}`, { delete: { primaryGroupID: [] } });
  expect((await look()).get("accountLock")).toMatchObject({
    effect: "loss",
    message: expect.stringContaining("primary group"),
  });
});

test("notifications that come while much is read do not fill what may wait, so that reading goes on", async () => {
  await using directory = await domain({ maxPageSize: 2 });
  for (let index = 0; index < 12; index++) addUser(directory, `u${index}`);
  const options = { batchSize: 1, highWaterMark: 4_000 };
  await using watching = new Watching(watch(directory, options));
  for (let batch = 0; batch < 5; batch++) {
    await watching.next();
    for (let change = 0; change < 100; change++) {
      directory.modify(`CN=u1,${staff}`, { replace: { title: `t${change}` } });
    }
  }
  expect(JSON.stringify(await watching.refreshed())).toContain('"t99"');
  directory.modify(`CN=u2,${staff}`, { replace: { title: "Head" } });
  await watching.until(({ changes }) => JSON.stringify(changes).includes('"Head"'));
});
