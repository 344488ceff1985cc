import { StreamTakenError, TooManyError } from "concordat";
import {
  changeLog,
  type PublishOptions,
  type PublishOutcome,
  publishChanges,
} from "concordat/change-log";
import type { Change, ChangeBatch, ChangeStream, Name, Upsert } from "concordat/changes";
import { createChangeLogTables, KyselyChangeLog, nodeSqliteDialect } from "concordat/kysely";
import { type ChangeLog, InMemoryChangeLog, inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { Kysely, sql } from "kysely";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { application, type Target } from "../sync/stores.js";
import { dn, person, team } from "../sync/streams.js";

/** A directory that sends what a test says, and whose groups can be read again. */
class Directory implements ChangeStream {
  readonly source = "directory";
  readonly batches: ChangeBatch[] = [];
  readonly groups = new Map<string, Upsert>();
  readonly asked: (readonly string[])[] = [];

  async *read(): AsyncGenerator<ChangeBatch, void> {
    yield* this.batches.splice(0);
  }

  async reread(ids: readonly string[]): Promise<readonly Upsert[]> {
    this.asked.push(ids);
    return ids.flatMap((id) => this.groups.get(id) ?? []);
  }

  /** Sends everything that there is. */
  refreshes(changes: readonly Change[], checkpoint: string): void {
    this.batches.push(
      { phase: "snapshot", refresh: "begins", changes: [] },
      { phase: "snapshot", refresh: "continues", changes },
      { phase: "snapshot", refresh: "ends", changes: [{ kind: "sweep" }], checkpoint },
    );
  }

  sends(changes: readonly Change[], checkpoint: string): void {
    this.batches.push({ phase: "live", ordered: true, changes, checkpoint });
  }
}

async function publish(
  stream: ChangeStream,
  log: ChangeLog,
  options: PublishOptions = {},
): Promise<readonly PublishOutcome[]> {
  const outcomes: PublishOutcome[] = [];
  for await (const outcome of publishChanges(stream, log, options)) outcomes.push(outcome);
  return outcomes;
}

async function read(log: ChangeLog, target: Target, now = Date.now): Promise<void> {
  const stream = changeLog(log, { source: "log", now });
  const options = { follow: false, maxDeletes: Number.POSITIVE_INFINITY };
  for await (const _ of synchronize(stream, target, options));
}

async function groupsIn(log: ChangeLog, target = inMemoryTarget() as Target) {
  await read(log, target);
  return (await application(target)).groups;
}

const renamed = (id: string, userName: string, name: string) =>
  person(id, userName, { names: [dn(name)] });

describe("members that the directory renames in silence", () => {
  test("a group is read again before the member's new name is written", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes([person("u1", "ada"), team("g1", "staff", [dn("cn=ada")])], "1");
    directory.groups.set("g1", team("g1", "staff", [dn("cn=augusta")]));
    directory.sends([renamed("u1", "ada", "cn=augusta")], "2");
    await publish(directory, log);
    expect(await groupsIn(log)).toEqual({ staff: ["ada"] });
    const keys = (await log.read(0)).map(({ key }) => key);
    const [user, staff] = ["u1", "g1"].map((id) => `e._${Buffer.from(id).toString("base64url")}`);
    expect(keys.indexOf(staff as string)).toBeLessThan(keys.indexOf(user as string));
  });

  test("who takes the name is no member, whatever the group said before", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes([person("u1", "ada"), team("g1", "staff", [dn("cn=ada")])], "1");
    await publish(directory, log);
    // A process that begins then has to look into the log to know who states the name.
    directory.groups.set("g1", team("g1", "staff", [dn("cn=augusta")]));
    directory.sends(
      [renamed("u1", "ada", "cn=augusta"), person("u2", "eve", { names: [dn("cn=ada")] })],
      "2",
    );
    await publish(directory, log);
    expect(await groupsIn(log)).toEqual({ staff: ["ada"] });
  });

  test("a name between two renames, that no entry ever had in the log, is read again after a while", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes([person("u1", "ada"), team("g1", "staff", [dn("cn=ada")])], "1");
    // The group is read between the two, and the entry after both.
    directory.groups.set("g1", team("g1", "staff", [dn("cn=between")]));
    directory.sends([renamed("u1", "ada", "cn=last")], "2");
    const outcomes = publishChanges(follows(directory), log, {
      recheck: { delay: 1, maxDelay: 5 },
    });
    for await (const outcome of outcomes) {
      if (outcome.kind === "checkpoint" && outcome.checkpoint === "2") {
        expect(directory.asked.length).toBeGreaterThan(0);
        directory.groups.set("g1", team("g1", "staff", [dn("cn=last")]));
        continue;
      }
      const [stored] = await log.get([`e._${Buffer.from("g1").toString("base64url")}`]);
      if (stored?.body.includes("cn=last") === true) break;
    }
    expect(await groupsIn(log)).toEqual({ staff: ["ada"] });
  });

  test("somebody takes such a name: the group is read again first", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes(
      [renamed("u1", "ada", "cn=last"), team("g1", "staff", [dn("cn=between")])],
      "1",
    );
    directory.groups.set("g1", team("g1", "staff", [dn("cn=last")]));
    directory.sends([person("u2", "eve", { names: [dn("cn=between")] })], "2");
    await publish(directory, log);
    expect(await groupsIn(log)).toEqual({ staff: ["ada"] });
  });
});

/** The same directory, which goes on after what it has sent. */
function follows(directory: Directory): ChangeStream {
  return {
    source: directory.source,
    reread: (ids) => directory.reread(ids),
    async *read({ signal } = {}) {
      yield* directory.read();
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    },
  };
}

test("a refresh in which nothing has changed writes the checkpoint and nothing else", async () => {
  const directory = new Directory();
  const log = new InMemoryChangeLog();
  const people = Array.from({ length: 1_000 }, (_, index) => person(`u${index}`, `n${index}`));
  const everybody = team(
    "g",
    "everybody",
    people.map(({ names }) => names[0] as Name),
  );
  directory.refreshes([...people, everybody], "1");
  await publish(directory, log, { largeGroup: 100 });
  const before = await log.last();
  directory.refreshes([everybody, ...people], "2");
  await publish(directory, log, { largeGroup: 100 });
  const written = (await log.read(before)).map(({ key }) => key);
  expect(written).toEqual(["owner", "checkpoint"]);
});

describe("a large group", () => {
  const names = Array.from({ length: 5_000 }, (_, index) => dn(`cn=n${index}`));
  const people = names.map(({ key }, index) => renamed(`u${index}`, `n${index}`, key));

  test("one member more or less is one block, for who goes on and for who begins", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes([...people, team("g", "everybody", names.slice(1))], "1");
    await publish(directory, log);
    const target = inMemoryTarget() as Target;
    await read(log, target);
    const before = await log.last();
    directory.sends([team("g", "everybody", names)], "2");
    directory.sends([team("g", "everybody", names.slice(0, -1))], "3");
    await publish(directory, log);
    const written = (await log.read(before)).map(({ key }) => key.split(".")[0]);
    expect(written.filter((key) => key === "m").length).toBeLessThanOrEqual(2);
    expect(written.filter((key) => key === "e")).toEqual([]);
    const expected = names
      .slice(0, -1)
      .map(({ key }) => key.slice(3))
      .sort();
    expect((await groupsIn(log, target))["everybody"]).toEqual(expected);
    expect((await groupsIn(log))["everybody"]).toEqual(expected);
  });
});

describe("what is taken away", () => {
  test("a sweep of more than maxDeletes writes nothing", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes(
      Array.from({ length: 30 }, (_, index) => person(`u${index}`, `n${index}`)),
      "1",
    );
    await publish(directory, log);
    const before = await log.last();
    directory.refreshes([person("u0", "n0")], "2");
    await expect(publish(directory, log, { maxDeletes: 28 })).rejects.toThrow(TooManyError);
    expect((await log.read(before)).map(({ key }) => key)).toEqual(["owner"]);
  });

  test("what went shortly before counts, in the next process too", async () => {
    const directory = new Directory();
    const log = new InMemoryChangeLog();
    directory.refreshes(
      Array.from({ length: 9 }, (_, index) => person(`u${index}`, `n${index}`)),
      "1",
    );
    directory.sends([{ kind: "delete", sourceId: "u0" }], "2");
    await publish(directory, log, { maxDeletes: 1 });
    directory.sends([{ kind: "delete", sourceId: "u1" }], "3");
    await expect(publish(directory, log, { maxDeletes: 1 })).rejects.toThrow(TooManyError);
  });
});

describe("an application that was away", () => {
  test("for longer than deletions are kept, it reads everything anew", async () => {
    let now = 0;
    const directory = new Directory();
    const log = new InMemoryChangeLog({ now: () => now });
    const options = { horizon: 1_000, now: () => now };
    const target = inMemoryTarget() as Target;
    directory.refreshes([person("u1", "ada"), person("u2", "eve")], "1");
    await publish(directory, log, options);
    await read(log, target, () => now);
    directory.sends([{ kind: "delete", sourceId: "u2" }], "2");
    await publish(directory, log, options);
    now = 1_000_000;
    expect((await log.read(0)).filter(({ key }) => key.startsWith("e."))).toHaveLength(1);
    await read(log, target, () => now);
    expect((await application(target)).users).toEqual({ ada: "active", eve: "inactive" });
  });

  test("nothing is swept before the publisher has written everything once", async () => {
    const directory = new Directory();
    const target = inMemoryTarget() as Target;
    directory.refreshes([person("u1", "ada"), person("u2", "eve")], "1");
    const log = new InMemoryChangeLog();
    await publish(directory, log);
    await read(log, target);
    // A log that was lost is written again, and not to the end.
    directory.refreshes([person("u1", "ada")], "2");
    directory.batches.pop();
    const other = new InMemoryChangeLog();
    await publish(directory, other);
    await read(other, target);
    expect((await application(target)).users).toEqual({ ada: "active", eve: "active" });
  });
});

test("the publisher that began last writes, and the other one ends", async () => {
  const log = new InMemoryChangeLog();
  const directory = new Directory();
  directory.refreshes([person("u1", "ada")], "1");
  const first = publishChanges(directory, log);
  await first.next();
  await publish(new Directory(), log);
  await expect(readToEnd(first)).rejects.toThrow(StreamTakenError);
});

async function readToEnd(outcomes: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of outcomes);
}

describe("a log that went back to a backup", () => {
  async function inSqlite() {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    onTestFinished(() => db.destroy());
    await createChangeLogTables(db);
    const tables = ["concordat_log", "concordat_log_head"];
    return {
      log: new KyselyChangeLog(db, { pollInterval: 5 }),
      backUp: async () => {
        for (const table of tables) {
          await sql.raw(`create table backup_of_${table} as select * from ${table}`).execute(db);
        }
      },
      restore: async () => {
        for (const table of tables) {
          await sql.raw(`delete from ${table}`).execute(db);
          await sql.raw(`insert into ${table} select * from backup_of_${table}`).execute(db);
        }
      },
    };
  }

  test("is written anew by the publisher that works, and read anew by who knew more", async () => {
    const { log, backUp, restore } = await inSqlite();
    const directory = new Directory();
    const target = inMemoryTarget() as Target;
    directory.refreshes([person("u1", "ada"), person("u2", "eve")], "1");
    directory.sends([{ kind: "delete", sourceId: "u2" }], "2");
    const outcomes = publishChanges(follows(directory), log);
    for await (const outcome of outcomes) {
      if (outcome.kind !== "checkpoint") continue;
      if (outcome.checkpoint === "2") break;
      await backUp();
      await read(log, target);
    }
    await read(log, target);
    expect((await application(target)).users).toEqual({ ada: "active", eve: "inactive" });
    await restore();
    // A source that only follows would not say it again: the checkpoint went back, too.
    directory.refreshes([person("u1", "ada"), person("u3", "bob")], "3");
    await publish(directory, log);
    await read(log, target);
    expect((await application(target)).users).toEqual({
      ada: "active",
      bob: "active",
      eve: "inactive",
    });
  });

  test("while it is written: the publisher sees it and begins a term, by which readers see it", async () => {
    const { log, backUp, restore } = await inSqlite();
    const directory = new Directory();
    directory.refreshes([person("u1", "ada")], "1");
    directory.sends([person("u2", "eve")], "2");
    directory.sends([person("u3", "bob")], "3");
    const target = inMemoryTarget() as Target;
    const reported: string[] = [];
    for await (const outcome of publishChanges(directory, log)) {
      reported.push(outcome.kind);
      if (outcome.kind !== "checkpoint") continue;
      if (outcome.checkpoint === "1") await backUp();
      if (outcome.checkpoint !== "2") continue;
      await read(log, target);
      await restore();
      // What it was told since the checkpoint that is restored, it is told again.
      directory.batches.unshift({ phase: "live", ordered: true, changes: [], checkpoint: "2b" });
      directory.sends([person("u2", "eve"), person("u3", "bob")], "3");
    }
    expect(reported.filter((kind) => kind === "restarted")).toHaveLength(1);
    expect(reported.filter((kind) => kind === "began")).toHaveLength(2);
    await read(log, target);
    const fresh = inMemoryTarget() as Target;
    await read(log, fresh);
    expect(await application(target)).toEqual(await application(fresh));
    expect((await application(fresh)).users).toEqual({
      ada: "active",
      bob: "active",
      eve: "active",
    });
  });
});

describe("publishers that stand by", () => {
  const standby = { lease: 60 };

  test("one works; the next takes over when it dies, and goes on from its checkpoint", async () => {
    const log = new InMemoryChangeLog();
    const directory = new Directory();
    directory.refreshes([person("u1", "ada")], "1");
    // Whoever is not asked for anything more does nothing more, as one that is dead.
    const first = publishChanges(follows(directory), log, { standby });
    for (let kind: string | undefined; kind !== "checkpoint"; )
      kind = (await first.next()).value?.kind;
    const stop = new AbortController();
    const { signal } = stop;
    const next = new Directory();
    const reported: string[] = [];
    next.sends([person("u2", "eve")], "2");
    for await (const outcome of publishChanges(follows(next), log, { standby, signal })) {
      reported.push(outcome.kind);
      if (outcome.kind === "checkpoint") stop.abort();
    }
    expect(reported).toEqual(["standby", "began", "published", "checkpoint"]);
    const target = inMemoryTarget() as Target;
    await read(log, target);
    expect((await application(target)).users).toEqual({ ada: "active", eve: "active" });
  });

  test("while one is alive, though nothing changes, none of the others begins", async () => {
    const log = new InMemoryChangeLog();
    const stop = new AbortController();
    const { signal } = stop;
    const began: string[] = [];
    const run = async (name: string) => {
      const options = { standby: { lease: 1_500 }, signal };
      const outcomes = publishChanges(follows(new Directory()), log, options);
      for await (const { kind } of outcomes) if (kind === "began") began.push(name);
    };
    const running = ["a", "b", "c"].map(run);
    // The one that works shows it so often that it would be superseded many times by now.
    await vi.waitUntil(async () => (await log.last()) > 8, { timeout: 20_000 });
    stop.abort();
    await Promise.all(running);
    expect(began).toHaveLength(1);
  });

  test("one that was taken for dead writes nothing more, and stands by", async () => {
    const log = new InMemoryChangeLog();
    const directory = new Directory();
    const stop = new AbortController();
    const { signal } = stop;
    directory.refreshes([person("u1", "ada")], "1");
    directory.sends([person("u1", "late")], "2");
    const reported: string[] = [];
    const outcomes = publishChanges(follows(directory), log, { standby, signal });
    for await (const outcome of outcomes) {
      reported.push(outcome.kind);
      // Another process begins while this one does nothing.
      if (outcome.kind === "refreshed") await publish(new Directory(), log);
      if (outcome.kind === "standby" && reported.length > 1) stop.abort();
    }
    expect(reported).toEqual([
      "standby",
      "began",
      "published",
      "refreshed",
      "checkpoint",
      "standby",
    ]);
    const target = inMemoryTarget() as Target;
    await read(log, target);
    expect((await application(target)).users).toEqual({ ada: "active" });
  });
});
