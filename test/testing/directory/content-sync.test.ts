import { type Directory, type DirectoryWrite, startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { BerReader } from "ldapts";
import { describe, expect, test } from "vitest";
import { WireClient, type WireMessage } from "../../integration/directory-scenario-wire.js";

const suffix = "dc=example,dc=com";
const syncState = "1.3.6.1.4.1.4203.1.9.1.2";
const syncDone = "1.3.6.1.4.1.4203.1.9.1.3";

function person(uid: string): { dn: string; attributes: Record<string, string> } {
  const attributes = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid };
  return { dn: `uid=${uid},ou=people,${suffix}`, attributes };
}

function addPerson(directory: Directory, uid: string): void {
  const { dn, attributes } = person(uid);
  directory.add(dn, attributes);
}

/** The cookies of the next events of a search that persists. */
async function cookies(client: WireClient, messageId: number, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const message = await client.next(messageId);
    const control = message?.controls.get(syncState);
    if (control === undefined) continue;
    const reader = new BerReader(control);
    reader.readSequence();
    reader.readEnumeration();
    reader.readString();
    if (reader.remain > 0) found.push(reader.readString() ?? "");
  }
  return found;
}

const followed = { base: `ou=people,${suffix}`, attributes: ["1.1"], sync: { mode: 3 } } as const;

describe("cookies", () => {
  test("lack their CSN by choice", async () => {
    const seen: DirectoryWrite[] = [];
    await using directory = await startDirectory({
      bareCookies: (write) => {
        seen.push(write);
        return write.kind === "modify";
      },
    });
    await using client = await WireClient.connect(directory);
    const live = client.search(followed);
    await client.next(live);
    addPerson(directory, "alice");
    directory.modify(person("alice").dn, { add: { title: "boss" } });
    directory.delete(person("alice").dn);
    const [added, modified, deleted] = await cookies(client, live, 3);
    expect(modified).toBe("rid=000");
    expect(added).toBe(`rid=000,csn=${seen[0]?.csn}`);
    expect(deleted).toBe(`rid=000,csn=${seen[2]?.csn}`);
    expect(seen.map(({ kind }) => kind)).toEqual(["add", "modify", "delete"]);
  });

  test.each([
    [0.4, "rid=000"],
    [0.6, expect.stringContaining("csn=")],
  ])("lack their CSN at random: %d", async (number, cookie) => {
    await using directory = await startDirectory({ bareCookies: 0.5, random: () => number });
    await using client = await WireClient.connect(directory);
    const live = client.search(followed);
    await client.next(live);
    addPerson(directory, "alice");
    expect(await cookies(client, live, 1)).toEqual([cookie]);
  });

  test("name only the server whose change they follow, and after a refresh all of them", async () => {
    await using directory = await startDirectory({ serverId: 1 });
    const first = directory.entry(`ou=groups,${suffix}`)?.entryCSN;
    await using client = await WireClient.connect(directory);
    const live = client.search(followed);
    await client.next(live);
    const { dn, attributes } = person("alice");
    const elsewhere = directory.add(dn, attributes, { serverId: 2 }).entryCSN;
    expect(elsewhere).toMatch(/#002#000000$/);
    expect(await cookies(client, live, 1)).toEqual([`rid=000,sid=001,csn=${elsewhere}`]);

    const refresh = client.search({ ...followed, sync: { mode: 1 } });
    let message: WireMessage | undefined;
    do message = await client.next(refresh);
    while (message?.tag === 0x64);
    const done = new BerReader(message?.controls.get(syncDone) ?? Buffer.alloc(0));
    done.readSequence();
    expect(done.readString()).toBe(`rid=000,sid=001,csn=${first};${elsewhere}`);
  });

  test("that present the consumer as a server keep that server's writes from it", async () => {
    await using directory = await startDirectory({ serverId: 1 });
    const csn = directory.entry(`ou=groups,${suffix}`)?.entryCSN;
    await using client = await WireClient.connect(directory);
    const sync = { mode: 3, cookie: `rid=000,sid=002,csn=${csn}` } as const;
    const live = client.search({ ...followed, sync });
    await client.next(live);
    const { dn, attributes } = person("alice");
    directory.add(dn, attributes, { serverId: 2 });
    const { entryCSN } = directory.modify(dn, { add: { title: "boss" } });
    expect(await cookies(client, live, 1)).toEqual([`rid=000,sid=001,csn=${entryCSN}`]);
  });
});

describe("a restart", () => {
  async function resume(keepSessionLog: boolean): Promise<number[]> {
    await using directory = await startDirectory();
    const cookie = `rid=000,csn=${directory.entry(`ou=groups,${suffix}`)?.entryCSN}`;
    addPerson(directory, "alice");
    directory.delete(person("alice").dn);
    await directory.restart({ keepSessionLog });
    await using client = await WireClient.connect(directory);
    const search = client.search({ ...followed, sync: { mode: 1, cookie } });
    const shape: number[] = [];
    for (;;) {
      const message = await client.next(search);
      if (message === undefined || message.tag === 0x65) return shape;
      const info = new BerReader(message.operation);
      info.readString(0x80);
      const set = new BerReader(info.readString(0x81, true) ?? Buffer.alloc(0));
      set.readSequence(0xa3);
      if (set.peek() === 0x04) set.readString();
      shape.push(set.peek() === 0x01 ? 1 : 0);
    }
  }

  test("forgets the session log, unless it is kept", async () => {
    expect(await resume(true)).toEqual([1]); // what was deleted
    expect(await resume(false)).toEqual([0]); // what is present
  });
});

/** A copy of a content that is kept by the letter of RFC 4533. */
class Copy {
  readonly entries = new Map<string, string>();
  #cookie: string | undefined;

  async refresh(directory: Directory, filter: string): Promise<void> {
    await using client = await WireClient.connect(directory);
    const search = client.search({
      base: suffix,
      filter,
      attributes: ["*"],
      sync: { mode: 1, ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }) },
    });
    const mentioned = new Set<string>();
    // OpenLDAP ends the first refresh as if it were an increment.
    const isFirst = this.#cookie === undefined;
    for (;;) {
      const message = await client.next(search);
      if (message === undefined) throw new Error("The connection was closed.");
      if (message.tag === 0x65) {
        const done = new BerReader(message.controls.get(syncDone) ?? Buffer.alloc(0));
        done.readSequence();
        if (done.remain > 0 && done.peek() === 0x04) this.#cookie = done.readString() ?? "";
        const refreshDeletes = done.remain > 0 && done.readBoolean() === true;
        if (isFirst || !refreshDeletes) {
          for (const uuid of this.entries.keys()) {
            if (!mentioned.has(uuid)) this.entries.delete(uuid);
          }
        }
        return;
      }
      this.#apply(message, mentioned);
    }
  }

  #apply(message: WireMessage, mentioned: Set<string>): void {
    const state = message.controls.get(syncState);
    if (state !== undefined) {
      const reader = new BerReader(state);
      reader.readSequence();
      reader.readEnumeration();
      const uuid = reader.readString(0x04, true)?.toString("hex") ?? "";
      mentioned.add(uuid);
      const entry = new BerReader(message.operation);
      entry.readString();
      this.entries.set(uuid, entry.remainingBuffer.toString("hex"));
      return;
    }
    const info = new BerReader(message.operation);
    info.readString(0x80);
    const set = new BerReader(info.readString(0x81, true) ?? Buffer.alloc(0));
    set.readSequence(0xa3);
    if (set.peek() === 0x04) set.readString();
    const refreshDeletes = set.peek() === 0x01 ? set.readBoolean() : false;
    set.readSequence(0x31);
    while (set.remain > 0) {
      const uuid = set.readString(0x04, true)?.toString("hex") ?? "";
      if (refreshDeletes) this.entries.delete(uuid);
      else mentioned.add(uuid);
    }
  }
}

type Step = { readonly kind: string; readonly uid: string; readonly to: string };

const uids = fc.constantFrom("a", "b", "c", "d", "e");
const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("add", "promote", "demote", "rename", "delete", "refresh", "restart"),
  uid: uids,
  to: uids,
});

async function take(directory: Directory, step: Step, copy: Copy, filter: string): Promise<void> {
  const { dn } = person(step.uid);
  const exists = directory.entry(dn) !== undefined;
  switch (step.kind) {
    case "add":
      if (!exists) addPerson(directory, step.uid);
      break;
    case "promote":
      if (exists) directory.modify(dn, { replace: { title: "boss" } });
      break;
    case "demote":
      if (exists) directory.modify(dn, { replace: { title: "clerk" } });
      break;
    case "rename":
      if (exists && !directory.entry(person(step.to).dn)) directory.rename(dn, person(step.to).dn);
      break;
    case "delete":
      if (exists) directory.delete(dn);
      break;
    case "refresh":
      await copy.refresh(directory, filter);
      break;
    case "restart":
      await directory.restart();
  }
}

test("a copy that is kept by RFC 4533 equals the content after any changes and restarts", async () => {
  const filter = "(title=boss)";
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 20 }),
      fc.constantFrom(0, 1, 3, 1000),
      async (sequence, sessionLog) => {
        await using directory = await startDirectory({ sessionLog });
        for (const uid of ["a", "b", "c", "d"]) {
          addPerson(directory, uid);
          directory.modify(person(uid).dn, { add: { title: "boss" } });
        }
        const copy = new Copy();
        await copy.refresh(directory, filter);
        for (const step of sequence) await take(directory, step, copy, filter);
        await copy.refresh(directory, filter);
        const fresh = new Copy();
        await fresh.refresh(directory, filter);
        expect(copy.entries).toEqual(fresh.entries);
        expect(copy.entries.size).toBe(directory.entries({ filter }).length);
      },
    ),
    { numRuns: 100 },
  );
});
