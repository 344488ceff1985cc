import { KyselyUserRepository, type MappedColumn } from "concordat/kysely";
import { bindFilter, parseFilter, userResourceType } from "concordat/scim";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn } from "./databases.js";

/** Names that a database's `lower` leaves as they are, composes not, or writes otherwise than Unicode does. */
const names = ["Éva", "ﬁona", "İstanbul", "ΚΩΣ", "Straße", "ＡＤＡ", "A\u0301bc", "\ud83d\ude00"];

/** The columns of keys of a table, in the ways of docs/sql.md. */
const ways: Readonly<Record<string, MappedColumn>> = {
  "an expression": { column: "login", lower: true },
  "a generated column": { column: "login", key: "login_key", generatedKey: true },
  "a column that is written": { column: "login", key: "login_key" },
};

const types: Record<DatabaseKind["name"], string> = {
  SQLite: "text",
  PostgreSQL: 'text collate "C"',
  PGlite: 'text collate "C"',
  MariaDB: "varchar(180) collate utf8mb4_nopad_bin",
};

const generated: Record<DatabaseKind["name"], string> = {
  SQLite: "lower(login)",
  PostgreSQL: "replace(lower(normalize(login, nfkc)), 'ς', 'σ')",
  PGlite: "replace(lower(normalize(login, nfkc)), 'ς', 'σ')",
  MariaDB: "lower(login)",
};

async function users(kind: DatabaseKind, db: Kysely<unknown>, way: string) {
  const text = types[kind.name];
  const key =
    way === "a generated column" ? ` generated always as (${generated[kind.name]}) stored` : "";
  await sql
    .raw(
      `create table account (id ${text} primary key, login ${text.replace(' collate "C"', "")} not null,
        login_key ${text}${key} unique)`,
    )
    .execute(db);
  if (way === "an expression" && kind.name !== "MariaDB") {
    await sql`create unique index account_login on account (lower(login))`.execute(db);
  }
  return new KyselyUserRepository(db, {
    map: {
      table: "account",
      id: { column: "id", generate: () => crypto.randomUUID() },
      attributes: { userName: ways[way] ?? expect.fail() },
      others: "ignore",
    },
  });
}

for (const kind of databases) {
  describeOn(kind, "a name beyond ASCII", () => {
    test.each(Object.keys(ways))(
      "is found as it is spelled, and belongs to one user, by the key of %s",
      async (way) => {
        await using opened = await kind.open({ tables: false });
        const accounts = await users(kind, opened.db, way);
        for (const userName of names) {
          const { id } = await accounts.create({ userName });
          // The quotes of a filter are JSON's.
          const text = `userName eq ${JSON.stringify(userName)}`;
          const filter = bindFilter(parseFilter(text), userResourceType);
          const { resources } = await accounts.find({ filter });
          expect(
            resources.map((user) => user.id),
            `${userName} by ${way}`,
          ).toEqual([id]);
          const taken = { code: "uniqueness", attribute: "userName", resourceId: id };
          await expect(accounts.create({ userName }), userName).rejects.toMatchObject(taken);
          const results = await accounts.write([
            { kind: "create", resource: { userName } },
            { kind: "create", resource: { userName: `${userName} the second` } },
          ]);
          expect(results.map(({ written }) => written)).toEqual([false, true]);
        }
      },
    );

    test("that is decomposed belongs to whoever has it composed", async () => {
      await using opened = await kind.open({ tables: false });
      const accounts = await users(kind, opened.db, "an expression");
      const { id } = await accounts.create({ userName: "ábc" });
      const taken = { code: "uniqueness", attribute: "userName", resourceId: id };
      await expect(accounts.create({ userName: "a\u0301bc" })).rejects.toMatchObject(taken);
      await expect(accounts.create({ userName: "ａ\u0301bc" })).rejects.toMatchObject(taken);
    });
  });
}
