import { createTables, KyselyUserRepository, nodeSqliteDialect, tablesSql } from "concordat/kysely";
import { CompiledQuery, Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";

const dialects = {
  SQLite: "sqlite",
  PostgreSQL: "postgresql",
  PGlite: "postgresql",
  MariaDB: "mariadb",
} as const;

/** Runs a text of statements, as a migration tool does. */
async function run(db: Kysely<unknown>, text: string): Promise<void> {
  for (const statement of text.split(";\n").filter((one) => one !== "")) {
    await db.executeQuery(CompiledQuery.raw(statement));
  }
}

for (const kind of databases) {
  describeOn(kind, "tablesSql", () => {
    test("makes tables that createTables finds to be up to date", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await run(db, await tablesSql(dialects[kind.name]));
      const users = new KyselyUserRepository(db);
      const ada = await users.create({ userName: "ada" });
      expect(await createTables(db)).toEqual({ clashes: [] });
      expect(await users.get(ada.id)).toEqual(ada);
    });
  });
}

test("makes the same tables and indexes as createTables", async () => {
  const open = (): Kysely<unknown> =>
    new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
  const [one, other] = [open(), open()];
  const options = {
    sets: ["resources", "sso"],
    unique: { groups: ["displayName"] },
    indexes: { users: ["title"] },
  } as const;
  await createTables(one, options);
  await run(other, await tablesSql("sqlite", options));
  const content = async (db: Kysely<unknown>): Promise<unknown[]> => {
    const { rows } = await sql`select type, name, sql from sqlite_master order by name`.execute(db);
    const versions = await sql`select * from concordat_set_version order by name`.execute(db);
    return [...rows, ...versions.rows];
  };
  expect((await content(other)).length).toBeGreaterThan(5);
  expect(await content(other)).toEqual(await content(one));
  await one.destroy();
  await other.destroy();
});

test("refuses a dialect that there is not", async () => {
  await expect(tablesSql("oracle" as never)).rejects.toMatchObject({
    code: "invalid_value",
    path: "dialect",
  });
});
