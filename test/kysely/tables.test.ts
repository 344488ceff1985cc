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
import { databases, describeOn, mariadb, postgres, servers } from "./databases.js";

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

  test("makes the tables of the sets that are wanted, and the others when they are", async () => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    const versions = ["concordat_set_version", "concordat_version"];
    await createTables(db, { sets: ["federation", "nonces"] });
    expect((await tablesIn(db)).sort()).toEqual([
      "concordat_nonce",
      "concordat_server",
      ...versions,
    ]);
    await createTables(db);
    const ann = await new KyselyUserRepository(db).create({ userName: "ann" });
    await createTables(db, { sets: ["nonces"] });
    await dropTables(db, { sets: ["sync", "sso", "federation", "identity", "groupMapping"] });
    expect((await tablesIn(db)).filter((name) => name.startsWith("concordat")).sort()).toEqual([
      "concordat_group",
      "concordat_group_member",
      "concordat_nonce",
      "concordat_set_version",
      "concordat_user",
      "concordat_version",
    ]);
    expect(await new KyselyUserRepository(db).get(ann.id)).toEqual(ann);
    await createTables(db);
    expect(await new KyselyCheckpointRepository(db).load("ldap")).toBeUndefined();
    await db.destroy();
  });

  test("refuses what is said of users and groups where their tables are not wanted", async () => {
    await using database = await testDatabase();
    for (const [path, option] of Object.entries({
      unique: { unique: { users: ["externalId"] } },
      indexes: { indexes: { users: ["title"] } },
    } as const)) {
      await expect(createTables(database.db, { sets: ["sso"], ...option })).rejects.toMatchObject({
        code: "invalid_value",
        path,
      });
    }
  });

  test("refuses a set that is unknown before anything is made or removed", async () => {
    await using database = await testDatabase();
    // As from JavaScript, or from a configuration.
    const sets = ["sso", "tokens"] as never;
    const refusal = { code: "invalid_value", path: "sets[1]" };
    const before = await tablesIn(database.db);
    await expect(createTables(database.db, { sets, prefix: "other_" })).rejects.toMatchObject(
      refusal,
    );
    await expect(dropTables(database.db, { sets })).rejects.toMatchObject(refusal);
    await expect(createTables(database.db, { sets: ["toString"] as never })).rejects.toMatchObject({
      code: "invalid_value",
    });
    expect(await tablesIn(database.db)).toEqual(before);
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
      epoch: 0,
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

for (const server of servers) {
  describeOn(server, "createTables", () => {
    test("may be called by eight processes at once", async () => {
      await using database = await server.open({ connections: 8, tables: false });
      await Promise.all(Array.from({ length: 8 }, () => createTables(database.db)));
      const { rows } = await sql`select version from concordat_version`.execute(database.db);
      expect(rows).toEqual([{ version: 2 }]);
    });
  });
}

describeOn(postgres, "createTables", () => {
  test("takes part in a transaction that is under way", async () => {
    await using database = await postgres.open({ tables: false });
    const { db } = database;
    const failing = db.transaction().execute(async (transaction) => {
      await createTables(transaction);
      await new KyselyUserRepository(transaction).create({ userName: "ann" });
      throw new Error("undo");
    });
    await expect(failing).rejects.toThrow("undo");
    await expect(sql`select version from concordat_version`.execute(db)).rejects.toThrow(
      /does not exist/,
    );
  });
});

describeOn(mariadb, "createTables", () => {
  test("refuses a transaction, which it would commit", async () => {
    await using database = await mariadb.open();
    const { db } = database;
    for (const define of [createTables, dropTables]) {
      const failing = db.transaction().execute(async (transaction) => {
        await new KyselyUserRepository(transaction).create({ userName: "ann" });
        await define(transaction);
      });
      await expect(failing).rejects.toMatchObject({ code: "unsupported" });
    }
    expect((await new KyselyUserRepository(db).find({})).totalResults).toBe(0);
  });

  test.each([
    ["cuts values that do not fit", "", "STRICT_TRANS_TABLES"],
    ["has no escape in texts", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES", "NO_BACKSLASH_ESCAPES"],
  ])("refuses a mode that %s", async (_, mode, named) => {
    await using database = await mariadb.open({ tables: false });
    await database.db.connection().execute(async (connection) => {
      await sql`set session sql_mode = ${mode}`.execute(connection);
      await expect(createTables(connection)).rejects.toMatchObject({
        code: "unsupported",
        message: expect.stringContaining(named),
      });
    });
  });
});

for (const database of databases) {
  describeOn(database, "dropTables", () => {
    test("removes the tables of a set, and no others", async () => {
      await using opened = await database.open();
      const { db } = opened;
      await new KyselyCheckpointRepository(db).save("ldap", {
        generation: 1,
        epoch: 0,
        revision: 0,
      });
      await dropTables(db, { sets: ["resources"] });
      await expect(new KyselyUserRepository(db).find({})).rejects.toThrow(/concordat_user/);
      await createTables(db, { sets: ["resources"] });
      expect((await new KyselyUserRepository(db).find({})).totalResults).toBe(0);
      expect(await new KyselyCheckpointRepository(db).load("ldap")).toMatchObject({
        generation: 1,
      });
    });

    test("removes every table of its prefix, and can do so again", async () => {
      await using opened = await database.open();
      const { db } = opened;
      await createTables(db, { prefix: "other_" });
      await new KyselyUserRepository(db).create({ userName: "ann" });
      await new KyselyUserRepository(db, { prefix: "other_" }).create({ userName: "eve" });
      await dropTables(db);
      await expect(new KyselyUserRepository(db).find({})).rejects.toThrow(/concordat_user/);
      await dropTables(db);
      await createTables(db);
      expect((await new KyselyUserRepository(db).find({})).totalResults).toBe(0);
      expect((await new KyselyUserRepository(db, { prefix: "other_" }).find({})).totalResults).toBe(
        1,
      );
    });
  });
}

async function tablesIn(db: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table'
  `.execute(db);
  return rows.map(({ name }) => name);
}
