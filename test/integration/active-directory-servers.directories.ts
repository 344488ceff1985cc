import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { watchChannelName, watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changesOf, Watching } from "../ldap/watching.js";
import { describeWithSamba, type Samba, startSamba } from "./samba.js";
import { SambaWriter, sambaOptions, watchSamba } from "./samba-writer.js";

describeWithSamba("controllers of Active Directory", () => {
  let first: Samba;
  let second: Samba | undefined;
  let writer: SambaWriter;
  beforeAll(async () => {
    first = await startSamba();
    writer = await SambaWriter.of(first);
  }, 240_000);
  afterAll(async () => {
    await writer?.[Symbol.asyncDispose]();
    await first?.[Symbol.asyncDispose]();
    await second?.[Symbol.asyncDispose]();
  });

  test.each([
    ["LDAPS", false],
    ["StartTLS", true],
  ])(
    "is followed over %s, and not where its certificate is of another authority",
    async (name, startTls) => {
      const base = await writer.unit();
      const ann = await writer.addUser(`ann.${name}`, base);
      const url = startTls ? first.url : `ldaps://${first.address}`;
      const encrypted = { url, startTls, allowCleartext: false };
      const tls = { ca: await readFile(first.caFile) };
      const stream = watchSamba(first, base, { ...encrypted, tls });
      const watching = new Watching(stream);
      expect(changesOf(await watching.refreshed())).toHaveLength(2);
      await writer.modify(ann, "replace", "title", "Head");
      expect((await watching.next()).changes).toMatchObject([{ resource: { title: "Head" } }]);
      await watching.stop();
      await writer.modify(ann, "replace", "title", "Dean");
      await using resumed = new Watching(stream, watching.checkpoint);
      expect(changesOf(await resumed.refreshed())).toMatchObject([{ resource: { title: "Dean" } }]);
      await using untrusting = new Watching(watchSamba(first, base, encrypted));
      await expect(untrusting.refreshed()).rejects.toMatchObject({ code: "ldap_tls" });
    },
  );

  test("another controller is read anew, with what only it has, and so is the first one when it is back", async () => {
    const base = await writer.unit();
    const [ann, bob, joe] = [
      await writer.addUser("ann.several", base),
      await writer.addUser("bob.several", base),
      await writer.addUser("joe.several", base),
    ];
    await writer.addGroup("team.several", base, [ann, bob, joe]);
    await first.stop();
    second = await startSamba({ copyOf: first });
    const other = second;
    await first.start();
    await writer.reconnect();
    await using there = await SambaWriter.of(other);

    const target = inMemoryTarget();
    const events: { readonly event: string; readonly reason?: string }[] = [];
    const note = (event: unknown) => events.push(event as (typeof events)[number]);
    subscribe(watchChannelName, note);
    const { url: _, ...rest } = sambaOptions(first, base, { source: "domain" });
    const urls = [first.url, other.url];
    const follow = async () => {
      const stream = watchDirectory({ ...rest, urls, mode: "refreshOnly" });
      for await (const _outcome of synchronize(stream, target, { onDelete: "delete" })) {
        // To the end.
      }
      const { resources } = await target.users.find({});
      const [team] = (await target.groups.find({})).resources;
      const { members } = await target.groups.members(team?.id ?? "", { count: 10 });
      const titled = resources.map(({ userName, title }) => `${userName} ${title ?? ""}`.trim());
      return [...titled.sort(), members.length];
    };
    expect(await follow()).toEqual(["ann.several", "bob.several", "joe.several", 3]);

    // The other one has as many changes of its own, whose numbers the position of the first covers.
    await there.modify(ann, "replace", "title", "Head");
    await there.client.del(bob);
    await there.addUser("kim.several", base);
    await writer.modify(joe, "replace", "title", "Dean");
    await first.stop();
    expect(await follow()).toEqual(["ann.several Head", "joe.several", "kim.several", 2]);
    // By its own cookie from now on.
    await there.modify(joe, "replace", "title", "Tutor");
    expect(await follow()).toEqual(["ann.several Head", "joe.several Tutor", "kim.several", 2]);

    await first.start();
    await writer.reconnect();
    expect(await follow()).toEqual(["ann.several", "bob.several", "joe.several Dean", 3]);
    unsubscribe(watchChannelName, note);
    const resets = events.filter(({ event }) => event === "reset");
    expect(resets.map(({ reason }) => reason)).toEqual(["controller", "controller"]);
  }, 240_000);

  test("a controller whose files were set back is read anew, also once it has come as far again", async () => {
    const base = await writer.unit();
    const ann = await writer.addUser("ann13", base);
    const id = await writer.idOf(ann);
    await first.stop();
    const backup = await first.backUp();
    await first.start();
    await writer.reconnect();
    await writer.modify(ann, "replace", "title", "after the backup");
    const stream = watchSamba(first, base);
    const before = new Watching(stream);
    await before.refreshed();
    await before.stop();
    await first.stop();
    await first.restore(backup);
    // Times are in whole seconds: what is done in the second of the position looks like what was done before.
    await setTimeout(1_100);
    await first.start();
    await writer.reconnect();
    const reasons: unknown[] = [];
    const note = (message: unknown) => reasons.push((message as { reason?: string }).reason);
    subscribe(watchChannelName, note);
    await using behind = new Watching(stream, before.checkpoint);
    const changes = changesOf(await behind.refreshed());
    expect(changes).toMatchObject([{ sourceId: id, resource: { title: null } }, { kind: "sweep" }]);
    // The numbers that were given to the changes that are gone are given again, to others.
    for (let more = 0; more < 12; more++) await writer.addUser(`more13.${more}`, base);
    await using beyond = new Watching(stream, before.checkpoint);
    expect(changesOf(await beyond.refreshed())).toHaveLength(14);
    unsubscribe(watchChannelName, note);
    expect(reasons.filter(Boolean)).toEqual(["setBack", "setBack"]);
  }, 120_000);
});
