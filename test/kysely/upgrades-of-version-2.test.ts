import { createTables, dropTables, kyselyTarget } from "concordat/kysely";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";
import { everythingStored } from "./everything-stored.js";
import { formOf, killedAfter } from "./upgrading.js";
import { asked, definitionsOn, fill, stored } from "./version-2.js";

/** That release's tables of synchronisation. */
const former = ["link", "name", "reference", "grant", "position"];

async function assertEverything(db: Kysely<unknown>): Promise<void> {
  const target = kyselyTarget({ db });
  for (const [source, expected] of Object.entries(stored)) {
    expect(await everythingStored(target, source, asked)).toEqual(expected);
  }
  expect(await target.checkpoints.load("directory")).toMatchObject({
    checkpoint: "c",
    generation: 3,
    mapping: "m",
    taken: [{ at: 1, removals: 2, cleared: 3, linked: 4 }],
  });
  expect(await target.checkpoints.load(`${"x".repeat(400)}stream`)).toMatchObject({ revision: 1 });
}

async function countOf(db: Kysely<unknown>, table: string): Promise<number> {
  const { rows } = await sql<{ count: number | string }>`
    select count(*) as count from ${sql.table(`concordat_sync_${table}`)}`.execute(db);
  return Number(rows[0]?.count);
}

for (const kind of databases) {
  describeOn(kind, "tables of version 2", () => {
    test("lose nothing: links, names, references, and whose each membership is", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      await assertEverything(db);
      await createTables(db);
      await assertEverything(db);
    });

    test("are merged, but for references by other names and grants of what no entry stands for", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      expect(await countOf(db, "odd_reference")).toBe(13);
      // Of who is deleted or no resource, of an id that is too long to be told from its URI, and of a source without
      // links.
      expect(await countOf(db, "loose_grant")).toBe(7);
    });

    test("have the form of new ones, and nothing else is left", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      const upgraded = await formOf(kind, db);
      await dropTables(db);
      expect(await formOf(kind, db)).toEqual([]);
      await createTables(db);
      expect(upgraded.filter((text) => !text.includes("moved_to"))).toEqual(await formOf(kind, db));
    });

    test("are not written to by a process of the release that made them", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      const writes = async () => {
        for (const table of former) {
          const key = table === "position" ? "stream" : "source";
          const name = sql.table(`concordat_sync_${table}`);
          const failing = [
            sql`insert into ${name} (${sql.ref(key)}) values ('directory')`,
            sql`select ${sql.ref(key)} from ${name}`,
            sql`delete from ${name} where ${sql.ref(key)} = 'directory'`,
          ];
          for (const statement of failing) await expect(statement.execute(db)).rejects.toThrow();
        }
      };
      await writes();
      // What that release does when it is started, before it sees a later version: all that or nothing, where the
      // database can.
      const start = async (connection: Kysely<unknown>) => {
        for (const definition of definitionsOn(kind)) await sql.raw(definition).execute(connection);
        throw new Error("The tables have a later version.");
      };
      await expect(
        kind.name === "MariaDB" ? start(db) : db.transaction().execute(start),
      ).rejects.toThrow(kind.name === "MariaDB" ? /Key column/ : /later version/);
      await writes();
      await assertEverything(db);
    });

    test("are gone on with after a kill between any two statements", async () => {
      let count = Number.POSITIVE_INFINITY;
      // Where definitions are part of a transaction, nothing is left of what was begun: a few kills show it.
      const every = kind.name === "MariaDB" ? 1 : 9;
      for (let last = 0; last < count; last += every) {
        await using database = await kind.open({ tables: false, connections: 1 } as object);
        const { db } = database;
        await fill(kind, db);
        const killed = await createTables(killedAfter(last, db)).then(
          () => false,
          () => true,
        );
        if (!killed) {
          count = last;
          break;
        }
        // Its connection is closed, and the lock is free.
        if (kind.name === "MariaDB") await sql`select release_all_locks()`.execute(db);
        await createTables(db);
        await assertEverything(db);
      }
      expect(count).toBeGreaterThan(10);
    }, 300_000);
  });
}
