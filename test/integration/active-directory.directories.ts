import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setTimeout } from "node:timers/promises";
import { activeDirectory, profile, type WatchOptions, watchChannelName } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { Client } from "ldapts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changesOf, Watching } from "../ldap/watching.js";
import { lagOf, readAll } from "./lag.js";
import { describeWithSamba, type Samba, startSamba } from "./samba.js";
import { changeOf, SambaWriter, watchSamba } from "./samba-writer.js";

describeWithSamba("Active Directory, by DirSync", () => {
  let samba: Samba;
  let writer: SambaWriter;
  beforeAll(async () => {
    samba = await startSamba();
    writer = await SambaWriter.of(samba);
  }, 600_000);
  afterAll(async () => {
    await writer?.[Symbol.asyncDispose]();
    await samba?.[Symbol.asyncDispose]();
  });

  const watch = (base: WatchOptions["base"], options: Partial<WatchOptions> = {}) =>
    watchSamba(samba, base, options);

  test("a refresh reads users and groups, and their changes follow as they happen", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann1", base);
    const staff = await writer.addGroup("staff1", base, [ann]);
    const annId = await writer.idOf(ann);
    await using watching = new Watching(watch(base));
    const first = changesOf(await watching.refreshed());
    expect(first).toMatchObject([
      {
        kind: "upsert",
        type: "User",
        sourceId: annId,
        resource: { userName: "ann1", active: true },
      },
      {
        kind: "upsert",
        type: "Group",
        resource: { displayName: "staff1" },
        members: { kind: "all", members: [{ kind: "id", key: annId }] },
      },
      { kind: "sweep" },
    ]);

    await writer.modify(ann, "replace", "title", "Professor");
    expect(await changeOf(watching, annId)).toMatchObject({ resource: { title: "Professor" } });
    await writer.modify(staff, "delete", "member", ann);
    expect(await changeOf(watching, await writer.idOf(staff))).toMatchObject({
      complete: false,
      members: { kind: "delta", add: [], remove: [{ kind: "id", key: annId }] },
    });
    await writer.client.del(ann);
    await changeOf(watching, annId, "delete");
  });

  test("says until when it was read, and whether it has gone on", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("lag1", base);
    const stream = watch(base);
    const began = Date.now();
    const checkpoint = await readAll(stream);
    const read = await lagOf(stream, checkpoint);
    expect(read).toEqual({ known: true, isAhead: false, readUntil: expect.any(Number) });
    // The domain says its time in whole seconds.
    const { readUntil = 0 } = read.known ? read : {};
    expect(readUntil).toBeGreaterThan(began - 2_000);
    expect(readUntil).toBeLessThan(Date.now() + 2_000);
    await writer.modify(ann, "replace", "title", "one");
    expect(await lagOf(stream, checkpoint)).toEqual({ known: true, isAhead: true, readUntil });
    const later = await readAll(stream, checkpoint);
    expect(await lagOf(stream, later)).toMatchObject({ known: true, isAhead: false });
  });

  test("what has changed without a connection follows after a resume, and nothing else", async () => {
    const base = await writer.unit();
    const [bob, eve, joe] = [
      await writer.addUser("bob2", base),
      await writer.addUser("eve2", base),
      await writer.addUser("joe2", base),
    ];
    const staff = await writer.addGroup("staff2", base, [bob, eve]);
    const [bobId, eveId, staffId] = [
      await writer.idOf(bob),
      await writer.idOf(eve),
      await writer.idOf(staff),
    ];
    const stream = watch(base);
    const before = new Watching(stream);
    await before.refreshed();
    await before.stop();

    await writer.modify(bob, "replace", "userAccountControl", "546");
    await writer.client.del(eve);
    const kim = await writer.addUser("kim2", base);
    await writer.modify(staff, "add", "member", joe, kim);
    await writer.modify(staff, "delete", "member", bob);

    await using after = new Watching(stream, before.checkpoint);
    const changes = changesOf(await after.refreshed());
    expect(changes).toHaveLength(4);
    expect(changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          sourceId: bobId,
          complete: true,
          resource: expect.objectContaining({ active: false, userName: "bob2" }),
        }),
        { kind: "delete", sourceId: eveId },
        expect.objectContaining({ sourceId: await writer.idOf(kim), type: "User" }),
        expect.objectContaining({
          sourceId: staffId,
          members: {
            kind: "delta",
            add: expect.arrayContaining([
              { kind: "id", key: await writer.idOf(joe) },
              { kind: "id", key: await writer.idOf(kim) },
            ]),
            remove: [{ kind: "id", key: bobId }],
          },
        }),
      ]),
    );
  });

  test("cn, sAMAccountName and userPrincipalName are renamed apart, and no rename ends a membership", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann3", base);
    await writer.addGroup("staff3", base, [ann]);
    const id = await writer.idOf(ann);
    const byPrincipal = profile({
      extends: activeDirectory,
      user: { userName: "userPrincipalName", nickName: "sAMAccountName" },
    });
    await writer.modify(ann, "replace", "userPrincipalName", "ann3@example.test");
    await using watching = new Watching(watch(base, { profile: byPrincipal }));
    await watching.refreshed();
    await writer.client.modifyDN(ann, `CN=Ann Lee,${base}`);
    expect(await changeOf(watching, id)).toMatchObject({
      names: expect.arrayContaining([{ kind: "dn", key: `cn=ann lee,${base.toLowerCase()}` }]),
      resource: { userName: "ann3@example.test", nickName: "ann3" },
    });
    await writer.modify(`CN=Ann Lee,${base}`, "replace", "sAMAccountName", "ann.lee3");
    expect(await changeOf(watching, id)).toMatchObject({
      resource: { userName: "ann3@example.test", nickName: "ann.lee3" },
    });
    await writer.modify(`CN=Ann Lee,${base}`, "replace", "userPrincipalName", "lee3@example.test");
    expect(await changeOf(watching, id)).toMatchObject({
      resource: { userName: "lee3@example.test", nickName: "ann.lee3" },
    });
    const groups = changesOf(watching.batches.slice(2)).filter(
      (change) => "type" in change && change.type === "Group",
    );
    expect(groups).toEqual([]);
  });

  test("a user who is moved out of the base leaves, and comes back with the move back", async () => {
    const [base, outside] = [await writer.unit(), await writer.unit()];
    const ann = await writer.addUser("ann4", base);
    const id = await writer.idOf(ann);
    await using watching = new Watching(watch(base));
    await watching.refreshed();
    await writer.client.modifyDN(ann, `CN=ann4,${outside}`);
    await changeOf(watching, id, "delete");
    await writer.client.modifyDN(`CN=ann4,${outside}`, ann);
    expect(await changeOf(watching, id)).toMatchObject({ resource: { userName: "ann4" } });
  });

  test("a unit that is renamed or moved takes those below with it, of whom nothing is reported", async () => {
    const [base, outside] = [await writer.unit(), await writer.unit()];
    const inner = await writer.unit(base);
    const deeper = await writer.unit(inner);
    const rdn = inner.slice(0, inner.indexOf(","));
    const ann = await writer.addUser("ann5", inner);
    const bob = await writer.addUser("bob5", deeper);
    const [annId, bobId] = [await writer.idOf(ann), await writer.idOf(bob)];
    const stream = watch(base);
    const watching = new Watching(stream);
    await watching.refreshed();
    await writer.client.modifyDN(inner, `OU=renamed5,${base}`);
    expect(await changeOf(watching, annId)).toMatchObject({
      names: expect.arrayContaining([
        { kind: "dn", key: `cn=ann5,ou=renamed5,${base.toLowerCase()}` },
      ]),
    });
    await writer.client.modifyDN(`OU=renamed5,${base}`, `${rdn},${outside}`);
    await changeOf(watching, bobId, "delete");
    await watching.stop();
    await writer.client.modifyDN(`${rdn},${outside}`, inner);
    await using resumed = new Watching(stream, watching.checkpoint);
    const back = changesOf(await resumed.refreshed());
    expect(back.map((change) => "sourceId" in change && change.sourceId)).toEqual(
      expect.arrayContaining([annId, bobId]),
    );
  });

  test("the primary group counts as a membership, though the directory keeps it elsewhere", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann6", base);
    const main = await writer.addGroup("main6", base, [ann]);
    const [annId, mainId] = [await writer.idOf(ann), await writer.idOf(main)];
    await using watching = new Watching(watch(base));
    await watching.refreshed();
    const { searchEntries } = await writer.client.search(main, {
      scope: "base",
      attributes: ["objectSid"],
    });
    const rid = Buffer.from(searchEntries[0]?.["objectSid"] as Buffer).readUInt32LE(24);
    // This takes the user out of the attribute.
    await writer.modify(ann, "replace", "primaryGroupID", String(rid));
    await changeOf(watching, annId);
    await writer.client.modifyDN(main, `CN=renamed6,${base}`);
    await watching.until(({ changes }) =>
      changes.some(
        (change) => "complete" in change && change.complete && change.sourceId === mainId,
      ),
    );
    const members = new Set<string>();
    for (const change of changesOf(watching.batches)) {
      if (change.kind !== "upsert" || change.sourceId !== mainId) continue;
      const { members: stated } = change;
      if (stated?.kind === "all") members.clear();
      for (const { key } of stated?.kind === "all" ? stated.members : (stated?.add ?? []))
        members.add(key);
      for (const { key } of stated?.kind === "delta" ? stated.remove : []) members.delete(key);
    }
    expect([...members]).toEqual([annId]);
  });

  test("members in nested groups are named by ids, those of other domains by security identifiers", async () => {
    const base = await writer.unit();
    const inner = await writer.addGroup("inner7", base);
    const outer = await writer.addGroup("outer7", base, [inner]);
    const problems: unknown[] = [];
    const note = (message: unknown) => problems.push(message);
    subscribe(watchChannelName, note);
    await using watching = new Watching(watch([base, `CN=Builtin,${samba.suffix}`]));
    const changes = changesOf(await watching.refreshed());
    unsubscribe(watchChannelName, note);
    const outerId = await writer.idOf(outer);
    expect(changes).toContainEqual(
      expect.objectContaining({
        sourceId: outerId,
        members: { kind: "all", members: [{ kind: "id", key: await writer.idOf(inner) }] },
      }),
    );
    const users = await writer.idOf(`CN=Users,CN=Builtin,${samba.suffix}`);
    expect(problems).toContainEqual(
      expect.objectContaining({ event: "problem", problem: "foreignPrincipal", sourceId: users }),
    );
    // Who is signed in, wherever, is in that group, and is what stands for them.
    const [known] = changes.filter((change) => "sourceId" in change && change.sourceId === users);
    expect(known).toMatchObject({
      members: {
        members: expect.arrayContaining([{ kind: "id", key: "S-1-5-11", foreign: true }]),
      },
    });
  });

  test("an account that may not see deleted objects is refused in words", async () => {
    const base = await writer.unit();
    const bind = { method: "simple", ...samba.plainReader } as const;
    await using refused = new Watching(watch(base, { bind }));
    await expect(refused.refreshed()).rejects.toThrow(
      /may not see deleted objects.*CN=Deleted Objects,DC=example,DC=test/,
    );
  });

  test("such an account misses deletions without an error where it is trusted, and a sweep finds them", async () => {
    const base = await writer.unit();
    const bind = { method: "simple", ...samba.plainReader } as const;
    const [ann, bob] = [await writer.addUser("ann9", base), await writer.addUser("bob9", base)];
    const [annId, bobId] = [await writer.idOf(ann), await writer.idOf(bob)];
    const trusting = watch(base, { bind, deletions: "trust" });
    const before = new Watching(trusting);
    await before.refreshed();
    await before.stop();
    await writer.client.del(ann);
    await writer.modify(bob, "replace", "title", "Head");
    await using trusted = new Watching(trusting, before.checkpoint);
    expect(changesOf(await trusted.refreshed())).toMatchObject([{ sourceId: bobId }]);
    await using swept = new Watching(watch(base, { bind, deletions: "sweep" }), before.checkpoint);
    await swept.refreshed();
    const checked = changesOf(await swept.reconciled());
    expect(checked).toMatchObject([
      { kind: "present", entries: [{ sourceId: bobId }] },
      { kind: "sweep" },
    ]);
    expect(JSON.stringify(checked)).not.toContain(annId);
  });

  test("a filter on memberOf follows the groups", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann10", base);
    const staff = await writer.addGroup("staff10", base);
    const id = await writer.idOf(ann);
    await using watching = new Watching(
      watch(base, { filter: `(|(objectClass=group)(memberOf=${staff}))` }),
    );
    expect(JSON.stringify(await watching.refreshed())).not.toContain(id);
    await writer.modify(staff, "add", "member", ann);
    expect(await changeOf(watching, id)).toMatchObject({ resource: { userName: "ann10" } });
    await writer.modify(staff, "delete", "member", ann);
    await changeOf(watching, id, "delete");
  });

  test("several bases are one stream, and only the first level where that is wanted", async () => {
    const [one, other] = [await writer.unit(), await writer.unit()];
    const inner = await writer.unit(one);
    const [ann, bob] = [await writer.addUser("ann11", one), await writer.addUser("bob11", inner)];
    const [annId, bobId] = [await writer.idOf(ann), await writer.idOf(bob)];
    await using both = new Watching(watch([one, other]));
    const all = JSON.stringify(await both.refreshed());
    expect([all.includes(annId), all.includes(bobId)]).toEqual([true, true]);
    await writer.client.modifyDN(bob, `CN=bob11,${other}`);
    expect(await changeOf(both, bobId)).toMatchObject({
      names: expect.arrayContaining([{ kind: "dn", key: `cn=bob11,${other.toLowerCase()}` }]),
    });
    await using first = new Watching(watch(one, { scope: "one" }));
    await first.refreshed();
    await writer.client.modifyDN(ann, `CN=ann11,${inner}`);
    await changeOf(first, annId, "delete");
  });

  test("a member that is deleted leaves its groups, of which nothing is reported, with the account", async () => {
    const base = await writer.unit();
    const [ann, bob] = [await writer.addUser("ann12", base), await writer.addUser("bob12", base)];
    await writer.addGroup("staff12", base, [ann, bob]);
    const target = inMemoryTarget();
    const stop = new AbortController();
    const outcomes = synchronize(watch(base), target, { signal: stop.signal });
    const [removed, leaving]: [unknown[], unknown[]] = [[], []];
    for await (const outcome of outcomes) {
      if (outcome.kind === "refreshed") await writer.client.del(ann);
      if (outcome.kind === "memberRemoved") removed.push(outcome);
      if (outcome.kind === "deactivated") leaving.push(outcome);
      if (removed.length > 0 && leaving.length > 0) break;
    }
    expect(removed).toMatchObject([
      { group: { name: "staff12" }, member: { sourceId: expect.any(String), name: "ann12" } },
    ]);
  });

  test("an account that expires is inactive from then on, also if that came without a connection", async () => {
    const base = await writer.unit();
    const [ann, bob] = [await writer.addUser("ann14", base), await writer.addUser("bob14", base)];
    const [annId, bobId] = [await writer.idOf(ann), await writer.idOf(bob)];
    const fileTime = (moment: number) =>
      String(BigInt(moment) * 10_000n + 116_444_736_000_000_000n);
    await writer.modify(bob, "replace", "accountExpires", fileTime(Date.now() + 4_000));
    const stream = watch(base);
    const before = new Watching(stream);
    const first = changesOf(await before.refreshed());
    expect(first).toContainEqual(
      expect.objectContaining({
        sourceId: bobId,
        resource: expect.objectContaining({ active: true }),
      }),
    );
    await writer.modify(ann, "replace", "accountExpires", fileTime(Date.now() + 1_000));
    expect(await changeOf(before, annId)).toMatchObject({ resource: { active: true } });
    expect(await changeOf(before, annId)).toMatchObject({ resource: { active: false } });
    before.ask();
    await before.stop();
    await setTimeout(4_500);
    await using after = new Watching(stream, before.checkpoint);
    expect(changesOf(await after.refreshed())).toContainEqual(
      expect.objectContaining({
        sourceId: bobId,
        resource: expect.objectContaining({ active: false }),
      }),
    );
  });

  test("wrong passwords lock an account out, which changes nothing", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann15", base);
    const id = await writer.idOf(ann);
    await using watching = new Watching(watch(base));
    await watching.refreshed();
    await writer.modify(samba.suffix, "replace", "lockoutThreshold", "2");
    for (let attempt = 0; attempt < 3; attempt++) {
      const guessing = new Client({ url: samba.url });
      await expect(guessing.bind("ann15@example.test", "wrong")).rejects.toThrow();
      await guessing.unbind();
    }
    const { searchEntries } = await writer.client.search(ann, {
      scope: "base",
      attributes: ["lockoutTime"],
    });
    expect(Number(searchEntries[0]?.["lockoutTime"])).toBeGreaterThan(0);
    await writer.modify(samba.suffix, "replace", "lockoutThreshold", "0");
    await writer.modify(ann, "replace", "title", "Dr");
    expect(await changeOf(watching, id)).toMatchObject({ resource: { active: true, title: "Dr" } });
    expect(JSON.stringify(watching.batches)).not.toContain('"active":false');
  });
});
