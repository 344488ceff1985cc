import { once } from "node:events";
import { connect } from "node:net";
import {
  type Directory,
  DirectoryError,
  ResultCode,
  startDirectory,
} from "concordat/testing/directory";
import { Client } from "ldapts";
import { describe, expect, test } from "vitest";
import { WireClient } from "../../integration/directory-scenario-wire.js";
import { lineOf, refreshLines } from "./sync-lines.js";

const people = "ou=people,dc=example,dc=com";
const content = { base: people, scope: 1, attributes: ["1.1"] } as const;
const dnOf = (uid: string) => `uid=${uid},${people}`;

function add(directory: Directory, ...uids: readonly string[]): void {
  for (const uid of uids) {
    directory.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
  }
}

/** A directory whose clock stands still, so that a CSN is told by its count. */
async function directoryWith(...uids: readonly string[]): Promise<Directory> {
  const directory = await startDirectory({ now: () => new Date("2026-01-02T03:04:05Z") });
  add(directory, ...uids);
  return directory;
}

const csn = (count: number) => `20260102030405.000000Z#00000${count}#000#000000`;
const cookie = (count: number) => `rid=000,csn=${csn(count)}`;

/** A refresh that ends, from a cookie or from nothing. */
function refresh(client: WireClient, from?: string): Promise<string[]> {
  const sync = { mode: 1, ...(from === undefined ? {} : { cookie: from }) } as const;
  return refreshLines(client, client.search({ ...content, sync }));
}

/** A search that persists, whose refresh has been read. */
async function followed(client: WireClient, from?: string): Promise<number> {
  const sync = { mode: 3, ...(from === undefined ? {} : { cookie: from }) } as const;
  const live = client.search({ ...content, sync });
  await refreshLines(client, live);
  return live;
}

describe("a connection is dropped", () => {
  test("before the next message", async () => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    directory.faults.dropConnection();
    expect(await refresh(client)).toEqual(["closed"]);
    await expect.poll(() => directory.connections).toBe(0);
  });

  test("at a message, whichever client it is for, and only once", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using one = await WireClient.connect(directory);
    await using other = await WireClient.connect(directory);
    directory.faults.dropConnection({ afterMessages: 4 });
    expect(await refresh(one)).toHaveLength(3);
    expect(await refresh(other)).toEqual(["add uid=ann", "closed"]);
    expect(await refresh(one)).toHaveLength(3);
  });

  test("at a byte", async () => {
    await using directory = await directoryWith();
    const { hostname, port } = new URL(directory.url);
    directory.faults.dropConnection({ afterBytes: 5 });
    const socket = connect(Number(port), hostname);
    const received: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.write(Buffer.from("300c020101600702010304008000", "hex"));
    await once(socket, "close");
    // Of the BindResponse 300c02010161070a010004000400.
    expect(Buffer.concat(received).toString("hex")).toBe("300c020101");
  });

  test("in the middle of a refresh, or after it, whatever else is sent", async () => {
    await using directory = await directoryWith("ann", "bob", "cyd");
    await using client = await WireClient.connect(directory);
    await using other = await WireClient.connect(directory);
    const live = await followed(other);
    directory.faults.dropConnection({ of: "refresh", afterMessages: 2 });
    directory.faults.dropConnection({ of: "live", afterMessages: 1 });
    directory.delete(dnOf("cyd"));
    expect(lineOf(await other.next(live))).toContain("delete uid=cyd");
    await client.next(client.search({ base: people, attributes: ["1.1"] }));
    expect(await refresh(client)).toEqual(["add uid=ann", "add uid=bob", "closed"]);
    directory.delete(dnOf("bob"));
    expect(lineOf(await other.next(live))).toBe("closed");
  });
});

describe("a resume", () => {
  test.each([
    [undefined, "result 4096"],
    [ResultCode.unwillingToPerform, "result 53"],
  ])("is refused with %s, but not a refresh of everything", async (code, line) => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    directory.faults.refuseResume(code);
    expect(await refresh(client)).toEqual(["add uid=ann", `done refreshDeletes <${cookie(3)}>`]);
    expect(await refresh(client, cookie(3))).toEqual([line]);
    expect(await refresh(client, cookie(3))).toEqual(["done refreshDeletes"]);
  });

  test("is answered with everything, as if that were what changed", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using client = await WireClient.connect(directory);
    directory.delete(dnOf("ann"));
    directory.faults.ignoreCookie();
    expect(await refresh(client, cookie(4))).toEqual(["add uid=bob", "done refreshDeletes <>"]);
    expect(await refresh(client, cookie(4))).toEqual([
      `deletes 1 <${cookie(4)},delcsn=${csn(5)}>`,
      `done refreshDeletes <${cookie(5)}>`,
    ]);
  });

  test("finds the session log trimmed", async () => {
    await using directory = await directoryWith("ann", "bob", "cyd");
    await using client = await WireClient.connect(directory);
    directory.delete(dnOf("ann"));
    directory.delete(dnOf("bob"));
    directory.faults.trimSessionLog(1);
    expect((await refresh(client, cookie(6)))[0]).toContain("deletes 1");
    expect(await refresh(client, cookie(5))).toEqual(["presents 1", `done <${cookie(7)}>`]);
    directory.faults.trimSessionLog();
    expect(await refresh(client, cookie(6))).toEqual(["presents 1", `done <${cookie(7)}>`]);
  });

  test.each([
    [true, ["deletes 1", "done refreshDeletes"]],
    [false, ["presents 1", "done"]],
  ])("after a restart: is the session log kept? %s", async (keepSessionLog, lines) => {
    await using directory = await directoryWith("ann", "bob");
    directory.delete(dnOf("ann"));
    await directory.restart({ keepSessionLog });
    await using client = await WireClient.connect(directory);
    const words = (await refresh(client, cookie(4))).map((line) => line.replace(/ <.*/, ""));
    expect(words).toEqual(lines);
  });
});

test("cookies are spoilt, those of live changes and of refreshes", async () => {
  await using directory = await directoryWith();
  await using client = await WireClient.connect(directory);
  const live = await followed(client);
  directory.faults.spoilCookies("bare", 2);
  directory.faults.spoilCookies("garbage");
  directory.faults.spoilCookies("empty");
  add(directory, "ann", "bob", "cyd");
  expect(lineOf(await client.next(live))).toBe("add uid=ann <rid=000>");
  expect(lineOf(await client.next(live))).toBe("add uid=bob <rid=000>");
  expect(lineOf(await client.next(live))).toBe("add uid=cyd <no cookie of this server>");
  expect((await refresh(client)).at(-1)).toBe("done refreshDeletes <>");
  add(directory, "dan");
  expect(lineOf(await client.next(live))).toBe(`add uid=dan <${cookie(6)}>`);
});

describe("a write is overtaken by later ones", () => {
  test("they come with bare cookies, it with its own, and the next one makes up for all", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using client = await WireClient.connect(directory);
    const live = await followed(client);
    const late = directory.faults.delayWrite(() => add(directory, "cyd"));
    directory.delete(dnOf("ann"));
    expect(lineOf(await client.next(live))).toBe("delete uid=ann <rid=000>");
    expect(directory.entry(dnOf("cyd"))).toBeUndefined();
    late.complete();
    late.complete();
    expect(directory.entry(dnOf("cyd"))?.entryCSN).toBe(late.csn);
    expect(late.csn).toBe(csn(5));
    expect(lineOf(await client.next(live))).toBe(`add uid=cyd <${cookie(5)}>`);
    add(directory, "dan");
    expect(lineOf(await client.next(live))).toBe(`add uid=dan <${cookie(7)}>`);
  });

  test("a deletion among those is not told to who resumes, until there is another write", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using client = await WireClient.connect(directory);
    const late = directory.faults.delayWrite(() => add(directory, "cyd"));
    directory.delete(dnOf("ann"));
    expect(await refresh(client, cookie(4))).toEqual(["done refreshDeletes"]);
    late.complete();
    const resumed = ["add uid=cyd", `done refreshDeletes <${cookie(5)}>`];
    expect(await refresh(client, cookie(4))).toEqual(resumed);
    expect(await refresh(client, cookie(5))).toEqual(["done refreshDeletes"]);
    add(directory, "dan");
    expect(await refresh(client, cookie(5))).toEqual([
      `deletes 1 <${cookie(5)},delcsn=${csn(6)}>`,
      "add uid=dan",
      `done refreshDeletes <${cookie(7)}>`,
    ]);
  });

  test("an entry that overtook is sent only to who persists", async () => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    const late = directory.faults.delayWrite(() => add(directory, "cyd"));
    directory.modify(dnOf("ann"), { replace: { title: "boss" } });
    expect(await refresh(client)).toEqual([`done refreshDeletes <${cookie(3)}>`]);
    const live = client.search({ ...content, sync: { mode: 3 } });
    late.complete();
    expect(await refreshLines(client, live)).toEqual([
      "add uid=ann",
      "add uid=cyd",
      `refreshDelete <${cookie(4)}>`,
    ]);
  });

  test("a search that is to persist waits until no write is under way", async () => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    const late = directory.faults.delayWrite(() => directory.delete(dnOf("ann")));
    const live = client.search({ ...content, sync: { mode: 3 } });
    // What was asked later is answered first.
    expect(await refresh(client)).toHaveLength(2);
    late.complete();
    expect(await refreshLines(client, live)).toEqual([`refreshDelete <${cookie(4)}>`]);
  });

  test("a write that is not possible any more is given up", async () => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    const late = directory.faults.delayWrite(() => directory.delete(dnOf("bob")));
    expect(() => late.complete()).toThrow(DirectoryError);
    const live = client.search({ ...content, sync: { mode: 3 } });
    expect(await refreshLines(client, live)).toHaveLength(2);
  });
});

test("an entry that is added during a refresh is listed as present, and told after it", async () => {
  await using directory = await directoryWith("ann", "bob");
  await using client = await WireClient.connect(directory);
  directory.delete(dnOf("bob"));
  directory.faults.trimSessionLog();
  directory.faults.duringRefresh(() => add(directory, "cyd"));
  directory.faults.duringRefresh(() => add(directory, "dan"), 1);
  directory.faults.duringRefresh(() => add(directory, "eva"), 9);
  const live = client.search({ ...content, sync: { mode: 3, cookie: cookie(4) } });
  expect(await refreshLines(client, live)).toEqual([
    "presents 2",
    "add uid=cyd",
    `refreshPresent <${cookie(5)}>`,
  ]);
  expect(lineOf(await client.next(live))).toBe(`add uid=cyd <${cookie(6)}>`);
  expect((await refresh(client))[0]).toBe("add uid=ann");
  expect(lineOf(await client.next(live))).toBe(`add uid=dan <${cookie(7)}>`);
  expect(await refresh(client, cookie(7))).toEqual(["done refreshDeletes"]);
  expect(lineOf(await client.next(live))).toBe(`add uid=eva <${cookie(8)}>`);
});

describe("a directory that is slow", () => {
  test("sends nothing for a while, and then entries as they are by then", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using client = await WireClient.connect(directory);
    const begun = new Promise<void>((resolve) => directory.faults.duringRefresh(resolve));
    const stall = directory.faults.stopSending();
    const refreshed = refresh(client);
    await begun;
    directory.delete(dnOf("bob"));
    stall.end();
    expect(await refreshed).toEqual(["add uid=ann", `done refreshDeletes <${cookie(4)}>`]);
  });

  test("waits before each message, until that is over", async () => {
    await using directory = await directoryWith("ann", "bob");
    await using client = await WireClient.connect(directory);
    let pauses = 0;
    directory.faults.sendSlowly(async () => {
      pauses += 1;
    });
    expect(await refresh(client)).toHaveLength(3);
    expect(pauses).toBe(3);
    directory.faults.clear();
    expect(await refresh(client)).toHaveLength(3);
    expect(pauses).toBe(3);
  });

  test("drops a connection whose pause fails", async () => {
    await using directory = await startDirectory();
    directory.faults.sendSlowly(() => Promise.reject(new Error("no timer")));
    const client = new Client({ url: directory.url });
    await expect(client.bind(directory.adminDn, directory.password)).rejects.toThrow();
    directory.faults.clear();
  });

  test("does not read what it is asked for, until all stalls have ended", async () => {
    await using directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    const one = directory.faults.stopReading();
    const other = directory.faults.stopReading();
    const refreshed = refresh(client);
    one.end();
    add(directory, "bob");
    other.end();
    expect(await refreshed).toHaveLength(3);
  });

  test("is stopped although it stands still", async () => {
    const directory = await directoryWith("ann");
    await using client = await WireClient.connect(directory);
    directory.faults.stopSending();
    const refreshed = refresh(client);
    await directory.stop();
    expect(await refreshed).toEqual(["closed"]);
  });
});

test("whatever was planned is forgotten, and what was delayed happens", async () => {
  await using directory = await directoryWith("ann");
  await using client = await WireClient.connect(directory);
  const { faults } = directory;
  faults.dropConnection();
  faults.refuseResume();
  faults.ignoreCookie();
  faults.spoilCookies("bare");
  faults.duringRefresh(() => add(directory, "eva"));
  faults.stopSending();
  faults.stopReading();
  faults.delayWrite(() => add(directory, "bob"));
  faults.delayWrite(() => directory.delete(dnOf("cyd")));
  faults.clear();
  expect(await refresh(client, cookie(3))).toEqual([
    "add uid=bob",
    `done refreshDeletes <${cookie(4)}>`,
  ]);
});
