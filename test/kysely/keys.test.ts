import { KyselyUserRepository, type UserMap } from "concordat/kysely";
import { bindFilter, eq, userResourceType } from "concordat/scim";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn, type TestDatabase } from "./databases.js";

const texts: Record<DatabaseKind["name"], RawBuilder<unknown>> = {
  SQLite: sql`text`,
  PostgreSQL: sql`text`,
  PGlite: sql`text`,
  MariaDB: sql`varchar(180) character set utf8mb4 collate utf8mb4_nopad_bin`,
};

/** A table of an application that had rows before it had a column of keys. */
async function application(kind: DatabaseKind): Promise<TestDatabase> {
  const text = texts[kind.name];
  const opened = await kind.open({ tables: false });
  const { db } = opened;
  await sql`create table account (id ${text} primary key, login ${text} not null, mail ${text})`.execute(
    db,
  );
  await sql`insert into account values ('1', 'Ada', 'ada@x.org'), ('2', 'Éva', null)`.execute(db);
  await sql`alter table account add column login_key ${text}`.execute(db);
  await sql`create unique index account_login_key on account (login_key)`.execute(db);
  return opened;
}

const map: UserMap = {
  table: "account",
  id: { column: "id", generate: () => crypto.randomUUID() },
  attributes: { userName: { column: "login", key: "login_key" }, emails: "mail" },
  others: "ignore",
};

const named = (userName: string) => ({
  filter: bindFilter(eq("userName", userName), userResourceType),
});

async function keys(db: Kysely<unknown>): Promise<unknown> {
  return (await sql`select login, login_key from account order by id`.execute(db)).rows;
}

for (const kind of databases) {
  describeOn(kind, "keys of an application's table", () => {
    test("that are empty let nobody be looked for, created or renamed", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map });
      const refused = { code: "unsupported", message: expect.stringContaining("fillKeys") };
      await expect(users.find(named("ada"))).rejects.toMatchObject(refused);
      await expect(users.create({ userName: "ada" })).rejects.toMatchObject(refused);
      await expect(users.modify("1", { set: { userName: "eva" } })).rejects.toMatchObject(refused);
      await expect(
        users.write(["ada", "eva"].map((userName) => ({ kind: "create", resource: { userName } }))),
      ).rejects.toMatchObject(refused);
      expect(await users.checkKeys()).toEqual({
        rows: 2,
        wrongKeys: 2,
        examples: [
          { id: "1", column: "login_key", reason: "empty" },
          { id: "2", column: "login_key", reason: "empty" },
        ],
      });
      expect(await users.fillKeys()).toEqual({ rows: 2, written: 2, clashes: [] });
      expect(await users.checkKeys()).toMatchObject({ wrongKeys: 0, examples: [] });
      expect(await keys(db)).toEqual([
        { login: "Ada", login_key: "ada" },
        { login: "Éva", login_key: "éva" },
      ]);
      expect((await users.find(named("ADA"))).resources).toMatchObject([{ id: "1" }]);
      await expect(users.create({ userName: "ADA" })).rejects.toMatchObject({
        code: "uniqueness",
        resourceId: "1",
      });
    });

    test("that are stale since the application renamed somebody are found and written", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map });
      await users.fillKeys();
      await sql`update account set login = 'Grace' where id = '1'`.execute(db);
      expect(await users.checkKeys()).toMatchObject({
        wrongKeys: 1,
        examples: [{ id: "1", column: "login_key", reason: "stale" }],
      });
      expect(await users.fillKeys()).toEqual({ rows: 2, written: 1, clashes: [] });
      expect((await users.find(named("ada"))).resources).toEqual([]);
      expect((await users.find(named("grace"))).resources).toMatchObject([{ id: "1" }]);
    });

    test("that two rows would have are named, and left as they are", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      await sql`insert into account (id, login) values ('3', 'ADA')`.execute(db);
      const users = new KyselyUserRepository(db, { map });
      expect(await users.fillKeys()).toEqual({
        rows: 3,
        written: 2,
        clashes: [{ id: "3", attribute: "userName", holder: "1" }],
      });
      await expect(users.find(named("ada"))).rejects.toMatchObject({ code: "unsupported" });
    });

    test("of names that were passed on or exchanged are written, since nobody has two of them", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      const rows = [
        // Bob has the name of Ada, who has another one.
        ["1", "ada", "bob"],
        ["2", "ada 2", "ada"],
        // Two have exchanged their names, and so have three.
        ["3", "eve", "kim"],
        ["4", "kim", "eve"],
        ["5", "x", "y"],
        ["6", "y", "z"],
        ["7", "z", "x"],
        // One who takes part in that has the name of somebody else, too.
        ["8", "lee", "max"],
        ["9", "MAX", "lee"],
        ["91", "max", "max 2"],
      ];
      await sql`delete from account`.execute(db);
      for (const row of rows) {
        await sql`insert into account (id, login, login_key) values (${sql.join(row)})`.execute(db);
      }
      const users = new KyselyUserRepository(db, { map });
      const filled = await users.fillKeys();
      const clash = { id: "91", attribute: "userName", holder: "9" };
      expect(filled).toEqual({ rows: 10, written: 9, clashes: [clash] });
      expect(await users.checkKeys()).toEqual({
        rows: 10,
        wrongKeys: 1,
        examples: [{ id: "91", column: "login_key", reason: "taken", holder: "9" }],
      });
      for (const [id, name = ""] of rows.slice(0, 9)) {
        const { resources } = await users.find(named(name));
        expect(
          resources.map((user) => user.id),
          name,
        ).toEqual([id]);
      }
    });

    test("are written of more rows than one statement reads, and in documents", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      await sql`alter table account add column extra text`.execute(db);
      await sql`alter table account add column extra_key text`.execute(db);
      for (let from = 100; from < 700; from += 100) {
        const values = Array.from({ length: 100 }, (_, at) => `('${from + at}', 'U${from + at}')`);
        await sql`insert into account (id, login) values ${sql.raw(values.join(", "))}`.execute(db);
      }
      await sql`update account set extra = '{"title":"Dr. Á"}' where id = '650'`.execute(db);
      const users = new KyselyUserRepository(db, {
        map: { ...map, others: { column: "extra", key: "extra_key" } },
      });
      const titled = { filter: bindFilter(eq("title", "DR. á"), userResourceType) };
      await expect(users.find(titled)).rejects.toMatchObject({ code: "unsupported" });
      expect(await users.fillKeys()).toEqual({ rows: 602, written: 602, clashes: [] });
      expect((await users.find(titled)).resources).toMatchObject([{ userName: "U650" }]);
      const mailed = { filter: bindFilter(eq("emails", "ADA@X.ORG"), userResourceType) };
      expect((await users.find(mailed)).resources).toMatchObject([{ id: "1" }]);
    });

    test("cannot be stale where the database compares by `lower`", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      const users = new KyselyUserRepository(db, {
        map: { ...map, attributes: { userName: { column: "login", lower: true } } },
      });
      expect((await users.find(named("ADA"))).resources).toMatchObject([{ id: "1" }]);
      expect((await users.find(named("Éva"))).resources).toMatchObject([{ id: "2" }]);
      await sql`update account set login = 'Grace' where id = '1'`.execute(db);
      expect((await users.find(named("ada"))).resources).toEqual([]);
      expect((await users.find(named("GRACE"))).resources).toMatchObject([{ id: "1" }]);
      await expect(users.create({ userName: "grace" })).rejects.toMatchObject({
        code: "uniqueness",
        resourceId: "1",
      });
      expect(await users.checkKeys()).toEqual({ rows: 2, wrongKeys: 0, examples: [] });
    });

    test("cannot be stale where the database makes them itself", async () => {
      const text = texts[kind.name];
      await using opened = await kind.open({ tables: false });
      const { db } = opened;
      const form = sql.raw(
        kind.name === "SQLite" || kind.name === "MariaDB"
          ? "lower(login)"
          : "lower(normalize(login, nfkc))",
      );
      await sql`create table account (id ${text} primary key, login ${text} not null,
        login_key ${text} generated always as (${form}) stored)`.execute(db);
      await sql`create unique index account_login_key on account (login_key)`.execute(db);
      await sql`insert into account (id, login) values ('1', 'Ada')`.execute(db);
      const users = new KyselyUserRepository(db, {
        map: {
          ...map,
          attributes: { userName: { column: "login", key: "login_key", generatedKey: true } },
        },
      });
      await sql`update account set login = 'Grace' where id = '1'`.execute(db);
      expect((await users.find(named("ada"))).resources).toEqual([]);
      expect((await users.find(named("GRACE"))).resources).toMatchObject([{ id: "1" }]);
      await expect(users.create({ userName: "grace" })).rejects.toMatchObject({
        code: "uniqueness",
        resourceId: "1",
      });
      await users.modify("1", { set: { userName: "Eve" } });
      expect((await users.find(named("eve"))).resources).toMatchObject([{ id: "1" }]);
    });
  });
}
