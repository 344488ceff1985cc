import {
  createTables,
  dropTables,
  KyselyCheckpointRepository,
  KyselyUserRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import { Kysely, sql } from "kysely";
import { describe, expect, test } from "vitest";
import { testDatabase } from "./database.js";

describe("createTables", () => {
  test("leaves what is there as it is", async () => {
    await using database = await testDatabase();
    const users = new KyselyUserRepository(database.db);
    const ann = await users.create({ userName: "ann" });
    await createTables(database.db);
    await createTables(database.db);
    expect(await users.get(ann.id)).toEqual(ann);
  });

  test("takes part in a transaction that is under way", async () => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await expect(
      db.transaction().execute(async (transaction) => {
        await createTables(transaction);
        throw new Error("undo");
      }),
    ).rejects.toThrow("undo");
    expect(await tablesIn(db)).toEqual([]);
    await db.destroy();
  });

  test("refuses tables of a later release", async () => {
    await using database = await testDatabase();
    await sql`update concordat_version set version = 1000`.execute(database.db);
    await expect(createTables(database.db)).rejects.toMatchObject({ code: "unsupported" });
  });

  test("keeps two sets of tables apart by their prefix", async () => {
    await using database = await testDatabase();
    const { db } = database;
    await createTables(db, { prefix: "Tenant_2_" });
    await new KyselyUserRepository(db).create({ userName: "ann" });
    await new KyselyCheckpointRepository(db, { prefix: "Tenant_2_" }).save("ldap", {
      generation: 1,
      revision: 0,
    });
    const other = new KyselyUserRepository(db, { prefix: "Tenant_2_" });
    expect((await other.find({})).totalResults).toBe(0);
    expect(await new KyselyCheckpointRepository(db).load("ldap")).toBeUndefined();
  });

  test.each(['x"; drop table "account"; --', "a b", "", "1st", "a".repeat(33)])(
    "refuses the prefix %j",
    async (prefix) => {
      await using database = await testDatabase();
      await expect(createTables(database.db, { prefix })).rejects.toMatchObject({
        code: "invalid_value",
        path: "prefix",
      });
      expect(() => new KyselyUserRepository(database.db, { prefix })).toThrow(/prefix/);
    },
  );
});

describe("dropTables", () => {
  test("removes every table of its prefix, and can do so again", async () => {
    await using database = await testDatabase();
    await createTables(database.db, { prefix: "other_" });
    await new KyselyUserRepository(database.db).create({ userName: "ann" });
    await dropTables(database.db);
    expect((await tablesIn(database.db)).filter((name) => !name.startsWith("other_"))).toEqual([]);
    await dropTables(database.db);
    await createTables(database.db);
    expect((await new KyselyUserRepository(database.db).find({})).totalResults).toBe(0);
  });
});

async function tablesIn(db: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table'
  `.execute(db);
  return rows.map(({ name }) => name);
}
