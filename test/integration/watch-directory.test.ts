import { createHash } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { UnsupportedError } from "concordat";
import type { ChangeStream } from "concordat/changes";
import {
  LdapTlsError,
  rfc2307,
  type WatchEvent,
  type WatchOptions,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { AlreadyExistsError, type Client, NoSuchObjectError } from "ldapts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { changesOf, Mirror, Watching } from "../ldap/watching.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

const suffix = "dc=example,dc=com";
const people = `ou=people,${suffix}`;
const groups = `ou=groups,${suffix}`;

function optionsFor({ url, adminDn, password }: Slapd): WatchOptions {
  return {
    url,
    base: suffix,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    reconnect: { initialDelay: 10, maxDelay: 50 },
  };
}

function watch(slapd: Slapd, changes: Partial<WatchOptions> = {}): ChangeStream {
  return watchDirectory({ ...optionsFor(slapd), ...changes });
}

async function addPerson(client: Client, uid: string, below = people): Promise<string> {
  const dn = `uid=${uid},${below}`;
  await client.add(dn, { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
  return dn;
}

async function setTitle(client: Client, dn: string, title: string): Promise<void> {
  const { Attribute, Change } = await import("ldapts");
  const modification = new Attribute({ type: "title", values: [title] });
  await client.modify(dn, new Change({ operation: "replace", modification }));
}

/** What a stream that starts anew tells. */
async function contentOf(stream: ChangeStream): Promise<Mirror["content"]> {
  const mirror = new Mirror();
  await using watching = new Watching(stream);
  for (const batch of await watching.refreshed()) mirror.apply(batch);
  return mirror.content;
}

/** The checkpoint with another cookie in it, and the right checksum. */
function withPosition(checkpoint: string | undefined, position: string): string {
  const fields = [...JSON.parse(checkpoint ?? "").slice(0, 4), position];
  const digest = createHash("sha256").update(JSON.stringify(fields)).digest("base64url");
  return JSON.stringify([...fields, digest.slice(0, 16)]);
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

describeWithSlapd("watchDirectory() with a real slapd", () => {
  describe("live", () => {
    let slapd: Slapd;
    let client: Client;
    let watching: Watching;
    beforeAll(async () => {
      slapd = await startSlapd();
      client = await slapd.client();
      watching = new Watching(watch(slapd));
      await watching.refreshed();
    });
    afterAll(async () => {
      await watching.stop();
      await slapd[Symbol.asyncDispose]();
    });

    test("add, modify, rename, move, delete", async () => {
      await addPerson(client, "ann");
      const added = (await watching.next()).changes[0];
      expect(added).toMatchObject({
        kind: "upsert",
        type: "User",
        names: [
          { kind: "dn", key: "uid=ann,ou=people,dc=example,dc=com" },
          { kind: "uid", key: "ann" },
        ],
        stamp: expect.stringMatching(/^\d{14}\.\d{6}Z#/),
        complete: true,
        resource: { userName: "ann", title: null },
      });
      const sourceId = added?.kind === "upsert" ? added.sourceId : "";

      await setTitle(client, `uid=ann,${people}`, "Boss");
      expect((await watching.next()).changes).toMatchObject([
        { kind: "upsert", sourceId, resource: { title: "Boss" } },
      ]);

      await client.modifyDN(`uid=ann,${people}`, "uid=eve");
      expect((await watching.next()).changes).toMatchObject([
        { sourceId, resource: { userName: "eve" }, names: [{}, { kind: "uid", key: "eve" }] },
      ]);

      await client.modifyDN(`uid=eve,${people}`, `uid=eve,${groups}`);
      expect((await watching.next()).changes).toMatchObject([
        { sourceId, names: [{ kind: "dn", key: "uid=eve,ou=groups,dc=example,dc=com" }, {}] },
      ]);

      await client.del(`uid=eve,${groups}`);
      const deleted = await watching.next();
      expect(deleted).toEqual({
        phase: "live",
        ordered: true,
        changes: [{ kind: "delete", sourceId, stamp: expect.stringMatching(/^\d{14}\.\d{6}Z#/) }],
        checkpoint: expect.any(String),
      });
    });

    test("groups by distinguished name", async () => {
      await client.add(`cn=staff,${groups}`, {
        objectClass: "groupOfNames",
        cn: "staff",
        member: [`UID=Ann,OU=people,${suffix}`, `cn=J\\C3\\B6rg\\, jr.,${people}`],
      });
      expect((await watching.next()).changes).toMatchObject([
        {
          type: "Group",
          resource: { displayName: "staff" },
          members: {
            kind: "all",
            members: [
              { kind: "dn", key: "uid=ann,ou=people,dc=example,dc=com" },
              { kind: "dn", key: "cn=jörg\\, jr.,ou=people,dc=example,dc=com" },
            ],
          },
        },
      ]);
    });

    test("a change outside the content moves the checkpoint on", async () => {
      await client.add(`ou=other,${suffix}`, { objectClass: "organizationalUnit", ou: "other" });
      // It may be that of a parent, so what is below it is looked at first.
      const { phase, changes } = await watching.next();
      expect({ phase, changes }).toEqual({ phase: "reconcile", changes: [] });
      const check = await watching.reconciled();
      expect(changesOf(check)).toEqual([]);
      expect(check.at(-1)).toHaveProperty("checkpoint");
      await client.add(`cn=device,${suffix}`, { objectClass: "device", cn: "device" });
      expect(await watching.next()).toEqual({
        phase: "live",
        ordered: true,
        changes: [],
        checkpoint: expect.any(String),
      });
    });

    test("groups by uid", async () => {
      await using posix = new Watching(watch(slapd, { profile: rfc2307 }));
      await posix.refreshed();
      await client.add(`cn=wheel,${groups}`, {
        objectClass: "posixGroup",
        cn: "wheel",
        gidNumber: "10",
        memberUid: ["Ann", "bob"],
      });
      expect((await posix.next()).changes).toMatchObject([
        {
          type: "Group",
          members: {
            members: [
              { kind: "uid", key: "ann" },
              { kind: "uid", key: "bob" },
            ],
          },
        },
      ]);
      // The other stream is told that something changed that is none of its business.
      expect((await watching.next()).changes).toEqual([]);
    });

    test("an entry that leaves the filter and enters it again", async () => {
      await addPerson(client, "fay");
      await using filtered = new Watching(watch(slapd, { filter: "(!(title=gone))" }));
      await filtered.refreshed();
      await setTitle(client, `uid=fay,${people}`, "gone");
      const [left] = (await filtered.next()).changes;
      expect(left).toMatchObject({ kind: "delete" });
      await setTitle(client, `uid=fay,${people}`, "back");
      const [entered] = (await filtered.next()).changes;
      expect(entered).toMatchObject({ kind: "upsert", resource: { userName: "fay" } });
      expect(entered).toHaveProperty("sourceId", left?.kind === "delete" ? left.sourceId : "");
    });

    test("several bases are one content", async () => {
      await addPerson(client, "gus");
      await using several = new Watching(watch(slapd, { base: [people, groups] }));
      await several.refreshed();
      await client.modifyDN(`uid=gus,${people}`, `uid=gus,${groups}`);
      const [within] = (await several.next()).changes;
      expect(within).toMatchObject({ kind: "upsert", resource: { userName: "gus" } });
      await client.modifyDN(`uid=gus,${groups}`, `uid=gus,ou=other,${suffix}`);
      const [out] = (await several.next()).changes;
      expect(out).toMatchObject({ kind: "delete" });
      expect(within).toHaveProperty("sourceId", out?.kind === "delete" ? out.sourceId : "");
      await client.modifyDN(`uid=gus,ou=other,${suffix}`, `uid=gus,${people}`);
      expect((await several.next()).changes).toMatchObject([{ kind: "upsert" }]);

      await using missing = new Watching(watch(slapd, { base: [people, `ou=no,${suffix}`] }));
      await expect(missing.next()).rejects.toMatchObject({ resultName: "noSuchObject" });
    });

    test("several bases are refused to who may not search entryDN, and no base is then empty", async () => {
      await using strict = await startSlapd({
        access: ["access to attrs=entryDN by * none", "access to * by * read"],
      });
      const administrator = await strict.client();
      await addPerson(administrator, "ann");
      const { bind: _, ...anonymous } = optionsFor(strict);
      const base = [people, groups];
      await using several = new Watching(watchDirectory({ ...anonymous, base }));
      await expect(several.refreshed()).rejects.toThrow(UnsupportedError);
      expect(changesOf(several.batches)).toEqual([]);
      await using one = new Watching(watchDirectory({ ...anonymous, base: people }));
      expect(changesOf(await one.refreshed())).toMatchObject([
        { kind: "upsert", resource: { userName: "ann" } },
        { kind: "sweep", stamp: expect.any(String) },
      ]);
      await using allowed = new Watching(watch(strict, { base }));
      expect(changesOf(await allowed.refreshed())).toHaveLength(2);
    });

    test("a parent that is renamed changes the names of what is below it, by a list of names", async () => {
      await client.add(`ou=staff,${people}`, { objectClass: "organizationalUnit", ou: "staff" });
      await addPerson(client, "hal", `ou=staff,${people}`);
      const mirror = new Mirror();
      await using listing = new Watching(watch(slapd, { reconcileEvery: 50 }));
      await listing.refreshed();
      await client.modifyDN(`ou=staff,${people}`, "ou=team");
      const name = "dn:uid=hal,ou=team,ou=people,dc=example,dc=com";
      await listing.until((batch) =>
        batch.changes.some(
          (change) =>
            change.kind === "present" &&
            change.entries.some(({ names }) => names?.some(({ key }) => `dn:${key}` === name)),
        ),
      );
      await listing.reconciled();
      for (const batch of listing.batches) mirror.apply(batch);
      expect(mirror.content).toEqual(await contentOf(watch(slapd)));
    });
  });

  describe.each([
    ["a session log", 1000],
    ["a session log that is too small", 2],
    ["no session log", 0],
  ])("resumes with %s", (_, sessionLog) => {
    test.each(["the client", "the server", "the server, killed"])(
      "after a restart of %s",
      async (who) => {
        await using slapd = await startSlapd({ sessionLog });
        await using client = await slapd.client();
        for (let i = 0; i < 10; i++) await addPerson(client, `u${i}`);
        const mirror = new Mirror();
        const change = async () => {
          for (let i = 0; i < 4; i++) await client.del(`uid=u${i},${people}`);
          await setTitle(client, `uid=u4,${people}`, "Boss");
          await client.modifyDN(`uid=u5,${people}`, "uid=v5");
          await addPerson(client, "new");
        };
        const watching = new Watching(watch(slapd));
        await watching.refreshed();
        if (who === "the client") {
          await watching.stop();
          for (const batch of watching.batches) mirror.apply(batch);
          await change();
          await using again = new Watching(watch(slapd), watching.checkpoint);
          await again.reconciled();
          for (const batch of again.batches) mirror.apply(batch);
          expect(resets()).toEqual([]);
        } else {
          watching.ask();
          await slapd.stop(who === "the server" ? "SIGTERM" : "SIGKILL");
          await slapd.start();
          await using later = await slapd.client();
          for (let i = 0; i < 4; i++) await later.del(`uid=u${i},${people}`);
          await setTitle(later, `uid=u4,${people}`, "Boss");
          await addPerson(later, "new");
          // Changes may arrive by the refresh or live, whichever comes first.
          const name = "uid=new,ou=people,dc=example,dc=com";
          await watching.until((batch) => batch.phase === "reconcile" && batch.refresh === "ends");
          const knows = () =>
            watching.batches.some((batch) =>
              batch.changes.some(
                (change) =>
                  change.kind === "upsert" && change.names.some(({ key }) => key === name),
              ),
            );
          while (!knows()) await watching.next();
          for (const batch of watching.batches) mirror.apply(batch);
          await watching.stop();
        }
        expect(mirror.lost).toBe(false);
        expect(mirror.content).toEqual(await contentOf(watch(slapd)));
      },
    );
  });

  describe("starts anew from a cookie that is of no use", () => {
    /** A directory that has lost an entry since the checkpoint, and the copy from before. */
    async function outdated(options: Parameters<typeof startSlapd>[0] = {}) {
      const slapd = await startSlapd(options);
      await using client = await slapd.client();
      await addPerson(client, "ann");
      await addPerson(client, "bob");
      const mirror = new Mirror();
      await using watching = new Watching(watch(slapd));
      for (const batch of await watching.refreshed()) mirror.apply(batch);
      await client.del(`uid=ann,${people}`);
      return { slapd, mirror, checkpoint: watching.checkpoint };
    }
    const old = "rid=000,csn=20000101000000.000000Z#000000#000#000000";
    const future = "rid=000,csn=20990101000000.000000Z#000000#000#000000";

    test.each<[string, string | ((checkpoint: string) => string), string[], boolean]>([
      ["garbage in the envelope", "garbage", ["damaged"], false],
      ["a bare cookie", "rid=000", ["damaged"], false],
      ["a broken envelope", (checkpoint) => checkpoint.slice(1), ["damaged"], false],
      ["a cookie of the future (53)", future, ["refused"], false],
      ["a cookie that the server calls stale (4096)", old, ["refreshRequired"], true],
    ])("%s", async (_, position, expected, reloadHint) => {
      const { slapd, mirror, checkpoint = "" } = await outdated({ reloadHint, sessionLog: 0 });
      await using __ = slapd;
      const after =
        typeof position === "string" ? withPosition(checkpoint, position) : position(checkpoint);
      await using watching = new Watching(watch(slapd), after);
      const batches = await watching.refreshed();
      expect(changesOf(batches).at(-1)).toEqual({ kind: "sweep", stamp: expect.any(String) });
      expect(batches.at(-1)).toHaveProperty("checkpoint");
      for (const batch of watching.batches) mirror.apply(batch);
      expect(mirror.content).toEqual(await contentOf(watch(slapd)));
      expect(resets()).toEqual(expected);
    });

    test("a cookie that the server ignores without a word", async () => {
      const { slapd, mirror, checkpoint } = await outdated({ sessionLog: 0 });
      await using _ = slapd;
      await using watching = new Watching(watch(slapd), withPosition(checkpoint, old));
      await watching.until((batch) => batch.checkpoint !== undefined);
      for (const batch of watching.batches) mirror.apply(batch);
      expect(mirror.content).toEqual(await contentOf(watch(slapd)));
      expect(mirror.entries.size).toBe(1);
    });

    test.each(["refreshAndPersist", "refreshOnly"] as const)(
      "a session log that begins after the server was killed, in the mode %s",
      async (mode) => {
        // A server that ends of its own accord stores where its state stands, from where the log of one that is killed
        // begins.
        await using slapd = await startSlapd({ sessionLog: 1000 });
        await slapd.stop();
        await slapd.start();
        const mirror = new Mirror();
        let checkpoint: string | undefined;
        {
          await using client = await slapd.client();
          await addPerson(client, "ann");
          await addPerson(client, "bob");
          await using watching = new Watching(watch(slapd));
          for (const batch of await watching.refreshed()) mirror.apply(batch);
          ({ checkpoint } = watching);
          await client.del(`uid=ann,${people}`);
        }
        await slapd.stop("SIGKILL");
        await slapd.start();
        await using client = await slapd.client();
        await addPerson(client, "carol");
        await using watching = new Watching(watch(slapd, { mode }), checkpoint);
        await watching.until((batch) => batch.checkpoint !== undefined);
        for (const batch of watching.batches) mirror.apply(batch);
        expect(mirror.content).toEqual(await contentOf(watch(slapd)));
        expect(resets()).toEqual(mode === "refreshOnly" ? ["serverRestarted"] : []);
      },
    );

    test("another directory with the same names", async () => {
      const { slapd, checkpoint = "" } = await outdated();
      await slapd[Symbol.asyncDispose]();
      const other = await outdated();
      await using _ = other.slapd;
      events = [];
      await using watching = new Watching(watch(other.slapd), checkpoint);
      expect(changesOf(await watching.refreshed()).at(-1)).toEqual({
        kind: "sweep",
        stamp: expect.any(String),
      });
      expect(resets()).toEqual(["server"]);
    });
  });

  describe("over TLS and sockets", () => {
    let slapd: Slapd;
    beforeAll(async () => {
      slapd = await startSlapd({ tls: true, ldapi: true });
      await using client = await slapd.client();
      await addPerson(client, "ann");
    });
    afterAll(async () => {
      await slapd[Symbol.asyncDispose]();
    });
    const told = async (changes: Partial<WatchOptions>) => {
      const { allowCleartext: _, ...options } = optionsFor(slapd);
      return await contentOf(watchDirectory({ ...options, ...changes }));
    };

    test("ldaps with a private authority", async () => {
      const ca = await readFile(slapd.caFile ?? "");
      expect(await told({ url: slapd.ldapsUrl ?? "", tls: { ca } })).not.toEqual({});
      await expect(told({ url: slapd.ldapsUrl ?? "" })).rejects.toThrow(LdapTlsError);
    });

    test("a server that drops connections before TLS begins, as while it starts, is tried again", async () => {
      await using restarted = await startSlapd({ tls: true });
      const ca = await readFile(restarted.caFile ?? "");
      const url = restarted.ldapsUrl ?? "";
      await using watching = new Watching(watch(restarted, { url, tls: { ca } }));
      await watching.refreshed();
      // It may be told of a check first: slapd answers the search for parents with noSuchObject (32) while it shuts
      // down.
      const refreshedAgain = watching.refreshed();
      refreshedAgain.catch(() => undefined);
      await restarted.stop();
      const dropping = createServer((socket) => socket.destroy());
      dropping.listen(Number(new URL(url).port), "localhost");
      const dropped = (event: WatchEvent) =>
        event.event === "reconnecting" && event.error instanceof LdapTlsError;
      await expect.poll(() => events.some(dropped)).toBe(true);
      dropping.close();
      await once(dropping, "close");
      await restarted.start();
      const begins = expect.objectContaining({ phase: "snapshot", refresh: "begins" });
      expect(await refreshedAgain).toContainEqual(begins);
    });

    test("StartTLS", async () => {
      const url = slapd.url.replace("127.0.0.1", "localhost");
      const ca = await readFile(slapd.caFile ?? "");
      expect(await told({ url, startTls: true, tls: { ca } })).not.toEqual({});
    });

    test("ldapi with SASL EXTERNAL", async () => {
      const url = slapd.ldapiUrl ?? "";
      expect(await told({ url, bind: { method: "external" } })).not.toEqual({});
    });
  });

  // Without the second pass, or with checkpoints before its end, this fails more often than not.
  test("loses nothing while several clients write and the reader comes and goes", async () => {
    await using slapd = await startSlapd({ sessionLog: 1000 });
    const writers = [0, 1, 2, 3, 4, 5, 6, 7];
    let writing = true;
    const write = async (writer: number) => {
      await using client = await slapd.client();
      for (let i = 0; i < 1500; i++) {
        const dn = `uid=w${writer}-${i % 10},${people}`;
        try {
          // Three of four writes are an add or a delete, since deletions are what gets lost.
          if (i % 4 === 3) await setTitle(client, dn, `${i}`);
          else if (Math.floor(i / 10) % 2 === 0) await addPerson(client, `w${writer}-${i % 10}`);
          else await client.del(dn);
        } catch (error) {
          // Whether the entry exists just now is left to chance.
          if (!(error instanceof NoSuchObjectError || error instanceof AlreadyExistsError)) {
            throw error;
          }
        }
      }
    };
    const written = Promise.all(writers.map(write)).then(() => {
      writing = false;
    });
    const mirror = new Mirror();
    let checkpoint: string | undefined;
    let rounds = 0;
    while (writing) {
      await using watching = new Watching(watch(slapd), checkpoint);
      rounds += 1;
      // Each time it leaves at another point: in the refresh, in the check after it, or live.
      for (let i = 0; i < rounds % 9; i++) {
        const batch = await Promise.race([watching.next(), written]);
        if (batch === undefined) break;
        mirror.apply(batch);
        checkpoint = batch.checkpoint ?? checkpoint;
      }
    }
    await written;
    await using last = new Watching(watch(slapd), checkpoint);
    for (const batch of await last.until((batch) => batch.checkpoint !== undefined)) {
      mirror.apply(batch);
    }
    expect(mirror.content).toEqual(await contentOf(watch(slapd)));
    expect(mirror.lost).toBe(false);
    expect(rounds).toBeGreaterThan(5);
  });
});
