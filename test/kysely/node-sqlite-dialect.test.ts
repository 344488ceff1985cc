import { spawn } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import {
  createTables,
  KyselyCheckpointRepository,
  KyselyUserRepository,
  kyselyTarget,
  nodeSqliteDialect,
} from "concordat/kysely";
import { Kysely, sql } from "kysely";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "./database.js";

interface Notes {
  note: { id: number; text: string };
}

function open(path: string, busyTimeout?: number): Kysely<Notes> {
  return new Kysely<Notes>({
    dialect: nodeSqliteDialect({ path, ...(busyTimeout === undefined ? {} : { busyTimeout }) }),
  });
}

async function openWithNotes(path: string): Promise<Kysely<Notes>> {
  const db = open(path);
  await sql`create table note (id integer primary key, text text not null)`.execute(db);
  return db;
}

describe("nodeSqliteDialect", () => {
  test("says how many rows were written, which id was given, and what is returned", async () => {
    await using db = await openWithNotes(":memory:");
    const inserted = await db.insertInto("note").values({ id: 7, text: "a" }).executeTakeFirst();
    expect(inserted).toMatchObject({ insertId: 7n, numInsertedOrUpdatedRows: 1n });
    const returned = await db
      .insertInto("note")
      .values({ id: 8, text: "b" })
      .returning(["id", "text"])
      .execute();
    expect(returned).toEqual([{ id: 8, text: "b" }]);
    const updated = await db.updateTable("note").set({ text: "c" }).executeTakeFirst();
    expect(updated.numUpdatedRows).toBe(2n);
  });

  test("streams rows, as many as are asked for", async () => {
    await using db = await openWithNotes(":memory:");
    const notes = [1, 2, 3].map((id) => ({ id, text: String(id) }));
    await db.insertInto("note").values(notes).execute();
    const streamed: unknown[] = [];
    for await (const row of db.selectFrom("note").selectAll().orderBy("id").stream()) {
      streamed.push(row);
      if (row.id === 2) break;
    }
    expect(streamed).toEqual(notes.slice(0, 2));
    await db.deleteFrom("note").execute();
  });

  test("lets two transactions have the connection one after the other", async () => {
    await using db = await openWithNotes(":memory:");
    const seen: string[] = [];
    const transaction = (name: string): Promise<void> =>
      db.transaction().execute(async (inside) => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        await sql`select 1`.execute(inside);
        seen.push(`${name} ends`);
      });
    await Promise.all([transaction("one"), transaction("two")]);
    expect(seen).toEqual(["one begins", "one ends", "two begins", "two ends"]);
  });

  test("rolls back to a savepoint of Kysely's own", async () => {
    await using db = await openWithNotes(":memory:");
    const transaction = await db.startTransaction().execute();
    await transaction.insertInto("note").values({ id: 1, text: "kept" }).execute();
    const inner = await transaction.savepoint('odd " name').execute();
    await inner.insertInto("note").values({ id: 2, text: "undone" }).execute();
    await inner.rollbackToSavepoint('odd " name').execute();
    await transaction.commit().execute();
    expect(await db.selectFrom("note").select("id").execute()).toEqual([{ id: 1 }]);
  });

  test("opens a file with a write-ahead log and foreign keys", async () => {
    await using directory = await temporaryDirectory();
    await using db = open(directory.file("a.db"));
    const pragma = async (name: string): Promise<unknown> =>
      Object.values((await sql<object>`pragma ${sql.raw(name)}`.execute(db)).rows[0] ?? {})[0];
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("foreign_keys")).toBe(1);
    expect(await pragma("synchronous")).toBe(2);
  });

  test("says what is wrong with a file that cannot be opened, and tries again", async () => {
    await using directory = await temporaryDirectory();
    const db = open(directory.file("missing/a.db"));
    const users = new KyselyUserRepository(db);
    await expect(users.find({})).rejects.toMatchObject({ code: "unavailable" });
    await expect(users.find({})).rejects.toMatchObject({ code: "unavailable" });
  });

  test("leaves a connection of the application's open, and its settings alone", async () => {
    const database = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
    const db = new Kysely<Notes>({ dialect: nodeSqliteDialect({ database }) });
    await createTables(db);
    await db.destroy();
    expect(database.prepare("pragma foreign_keys").get()).toEqual({ foreign_keys: 0 });
    expect(database.prepare("select count(*) as users from concordat_user").get()).toEqual({
      users: 0,
    });
    database.close();
  });

  test("waits for another connection's transaction, without stopping the process", async () => {
    await using directory = await temporaryDirectory();
    await using one = await openWithNotes(directory.file("a.db"));
    await using two = open(directory.file("a.db"));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 1);
    const held = one.transaction().execute(async (inside) => {
      await inside.insertInto("note").values({ id: 1, text: "one" }).execute();
      while (ticks < 20) await new Promise((resolve) => setImmediate(resolve));
    });
    const waited = two.transaction().execute(async (inside) => {
      await inside.insertInto("note").values({ id: 2, text: "two" }).execute();
    });
    await Promise.all([held, waited]);
    clearInterval(ticking);
    expect(await two.selectFrom("note").select("text").orderBy("id").execute()).toEqual([
      { text: "one" },
      { text: "two" },
    ]);
  });

  test("gives up with UnavailableError when the other connection does not end", async () => {
    await using directory = await temporaryDirectory();
    await using one = open(directory.file("a.db"));
    await createTables(one);
    await using two = open(directory.file("a.db"), 20);
    await one.transaction().execute(async (inside) => {
      await sql`select 1`.execute(inside);
      await expect(new KyselyUserRepository(two).create({ userName: "ann" })).rejects.toMatchObject(
        { code: "unavailable", cause: { errcode: 5 } },
      );
      await expect(
        kyselyTarget({ db: two }).transaction?.(async () => undefined),
      ).rejects.toMatchObject({ code: "unavailable" });
    });
  });
});

describe("two processes", () => {
  test("one that is killed in a transaction leaves the file as it was before it", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("a.db");
    await using db = open(path);
    await createTables(db);
    await new KyselyUserRepository(db).create({ userName: "before" });
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end(`
      import { DatabaseSync } from "node:sqlite";
      const database = new DatabaseSync(${JSON.stringify(path)});
      database.exec("pragma cache_size = 1");
      database.exec("begin immediate");
      const insert = database.prepare("insert into concordat_user (id, user_name, user_name_key, attributes, attributes_key, version, created, last_modified) values (?, ?, ?, '{}', '{}', 1, '', '')");
      for (let at = 0; at < 5000; at++) insert.run("id" + at, "user" + at, "user" + at);
      console.log("written");
      setInterval(() => undefined, 1000);
    `);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const users = new KyselyUserRepository(db);
    expect((await users.find({})).totalResults).toBe(1);
    await users.create({ userName: "user1" });
    const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db);
    expect(rows).toEqual([{ integrity_check: "ok" }]);
  });

  test("of two that follow one stream, the second to save learns of the first", async () => {
    await using directory = await temporaryDirectory();
    await using one = open(directory.file("a.db"));
    await createTables(one);
    await using two = open(directory.file("a.db"));
    const [mine, theirs] = [one, two].map((db) => new KyselyCheckpointRepository(db));
    const begun = await mine?.save("ldap", { generation: 1, epoch: 0, revision: 0 });
    expect(begun).toEqual({ generation: 1, epoch: 0, revision: 1 });
    const seen = await theirs?.load("ldap");
    expect(seen).toEqual(begun);
    await theirs?.save("ldap", { generation: 2, epoch: 0, revision: 1, checkpoint: "b" });
    await expect(
      mine?.save("ldap", { generation: 1, epoch: 0, revision: 1, checkpoint: "a" }),
    ).rejects.toMatchObject({ code: "version_conflict" });
    await expect(
      mine?.save("ldap", { generation: 1, epoch: 0, revision: 0 }),
    ).rejects.toMatchObject({
      code: "version_conflict",
    });
    expect(await mine?.load("ldap")).toEqual({
      generation: 2,
      epoch: 0,
      revision: 2,
      checkpoint: "b",
    });
  });
});
