import {
  KyselyGroupRepository,
  KyselyUserRepository,
  kyselyTarget,
  type UserMap,
} from "concordat/kysely";
import { bindFilter, eq, type Resource, userResourceType } from "concordat/scim";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn, mariadb } from "./databases.js";

/** What columns can be declared as. */
interface ColumnTypes {
  /** Text in the collation that the database gives to columns by default. */
  readonly text: RawBuilder<unknown>;
  readonly flag: RawBuilder<unknown>;
  /** An id that the database makes and that is no integer. */
  readonly ownId: RawBuilder<unknown>;
  /** An integer of 64 bits that the database counts up. */
  readonly counted: RawBuilder<unknown>;
  /** Everything that can hold JSON. */
  readonly json: readonly string[];
}

const postgres: ColumnTypes = {
  text: sql`text`,
  flag: sql`boolean`,
  ownId: sql`uuid default gen_random_uuid() primary key`,
  counted: sql`bigint generated always as identity primary key`,
  json: ["text", "json", "jsonb"],
};

const columnTypes: Record<DatabaseKind["name"], ColumnTypes> = {
  SQLite: {
    // As careless as the other databases are by themselves.
    text: sql`text collate nocase`,
    flag: sql`integer`,
    ownId: sql`text default (lower(hex(randomblob(8)))) primary key`,
    counted: sql`integer primary key`,
    json: ["text"],
  },
  PostgreSQL: postgres,
  PGlite: postgres,
  MariaDB: {
    text: sql`varchar(180)`,
    flag: sql`boolean`,
    ownId: sql`varchar(40) default (uuid()) primary key`,
    counted: sql`bigint auto_increment primary key`,
    json: ["longtext", "json"],
  },
};

/** People in a table whose columns are as the database makes them when nobody says more. */
const people: UserMap = {
  table: "person",
  id: { column: "id", generate: () => crypto.randomUUID() },
  attributes: {
    userName: { column: "login", lower: true, unique: false },
    externalId: "badge",
    active: "active",
    title: "title",
  },
  others: "ignore",
};

async function personTable(
  database: DatabaseKind,
): Promise<{ db: Kysely<unknown> } & AsyncDisposable> {
  const { text, flag } = columnTypes[database.name];
  const opened = await database.open({ tables: false });
  await sql`create table person (
    id ${text} primary key, login ${text} not null, badge ${text}, active ${flag},
    title ${text} default 'new'
  )`.execute(opened.db);
  return opened;
}

for (const database of databases) {
  describeOn(database, "columns with the collation of the database", () => {
    test("are compared exactly, so that Jose is not José", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      const jose = await insert(table.db, "jose", "a1");
      const acute = await insert(table.db, "José", "A1");
      const grave = await insert(table.db, "josè", "á1");
      expect(await found(users, "userName", "JOSE")).toEqual([jose]);
      expect(await found(users, "userName", "josé")).toEqual([acute]);
      expect(await found(users, "userName", "josè")).toEqual([grave]);
      expect(await found(users, "externalId", "a1")).toEqual([jose]);
      expect(await found(users, "externalId", "A1")).toEqual([acute]);
      expect(await found(users, "externalId", "á1")).toEqual([grave]);
    });

    test("are compared with the spaces at their end", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      const id = await insert(table.db, "trail", "b ");
      expect(await found(users, "userName", "trail ")).toEqual([]);
      expect(await found(users, "externalId", "b")).toEqual([]);
      expect(await found(users, "externalId", "b ")).toEqual([id]);
    });

    test("name a resource by its id alone, and not by one that looks like it", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      await insert(table.db, "ann", "b", "abc");
      for (const id of ["ABC", "ábc", "abc ", "abc%", "ab_"]) {
        expect(await users.get(id)).toBeUndefined();
        expect(await found(users, "id", id)).toEqual([]);
        await expect(users.modify(id, { set: { title: "x" } })).rejects.toMatchObject({ id });
        await expect(users.delete(id)).rejects.toMatchObject({ code: "not_found", id });
        const [deleted] = await users.write([
          { kind: "delete", id },
          { kind: "delete", id: "nobody" },
        ]);
        expect(deleted).toMatchObject({ written: false, error: { code: "not_found" } });
      }
      expect(await users.get("abc")).toMatchObject({ userName: "ann" });
    });

    test("may call names equal that are not, and then say whose it is", async () => {
      await using table = await personTable(database);
      await sql`create unique index person_login on person (login)`.execute(table.db);
      const users = new KyselyUserRepository(table.db, {
        map: { ...people, attributes: { userName: { column: "login", lower: true } } },
      });
      const { id } = await users.create({ userName: "jose" });
      const other = await Promise.allSettled([users.create({ userName: "José" })]);
      expect(other).toMatchObject(
        database.name === "MariaDB"
          ? [{ reason: { code: "uniqueness", attribute: "userName", resourceId: id } }]
          : [{ value: { userName: "José" } }],
      );
    });

    test("are searched for what patterns are made of as for anything else", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      const values = [
        "%",
        "_",
        "a%",
        "a_",
        "\\",
        "\\%",
        "!",
        "[a]",
        "'",
        "''",
        "\\'",
        "abc",
        "?",
        "$1",
      ];
      const ids = new Map<string, string>();
      for (const value of values) ids.set(value, await insert(table.db, value, value));
      for (const value of values) {
        expect(await found(users, "userName", value)).toEqual([ids.get(value)]);
        expect(await found(users, "externalId", value)).toEqual([ids.get(value)]);
      }
    });

    test("that hold NULL are equal to nothing, not even to an empty text or to false", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      const none = await insert(table.db, "none", null);
      const empty = await insert(table.db, "empty", "");
      await users.modify(empty, { set: { active: false } });
      expect(await found(users, "externalId", "")).toEqual([empty]);
      expect(await found(users, "active", false)).toEqual([empty]);
      expect(await found(users, "active", true)).toEqual([]);
      expect(await users.get(none)).not.toHaveProperty("active");
    });

    test("are found to be there by a change that changes nothing", async () => {
      await using table = await personTable(database);
      const users = new KyselyUserRepository(table.db, { map: people });
      const id = await insert(table.db, "ann", "b");
      await users.modify(id, { set: { externalId: "b" } });
      await users.modify(id, { set: { externalId: "b" } });
      await users.replace(id, { userName: "ann", externalId: "b" });
      await users.replace(id, { userName: "ann", externalId: "b" });
      await expect(users.modify("nobody", { set: { externalId: "b" } })).rejects.toMatchObject({
        code: "not_found",
      });
    });
  });

  describeOn(database, "what no text may hold", () => {
    test.each([
      ["U+0000", "a\u0000b"],
      ["the first half of a surrogate pair", "a\ud83d"],
      ["the second half of a surrogate pair", "\ude00a"],
    ])("%s is refused, is nobody's, and ends no transaction", async (_, text) => {
      await using opened = await database.open();
      const target = kyselyTarget({ db: opened.db });
      await target.transaction?.(async ({ users, groups }) => {
        const { id } = await users.create({ userName: "ann" });
        const refusal = { code: "invalid_value" };
        await expect(users.create({ userName: text })).rejects.toMatchObject(refusal);
        await expect(users.modify(id, { set: { nickName: text } })).rejects.toMatchObject(refusal);
        await expect(
          users.modify(id, { set: { emails: [{ value: text }] } }),
        ).rejects.toMatchObject(refusal);
        await expect(users.modify(text, { set: { title: "x" } })).rejects.toMatchObject({
          code: "not_found",
        });
        expect(await users.get(text)).toBeUndefined();
        // A filter with half a surrogate pair in it cannot be made.
        for (const path of text.isWellFormed() ? ["id", "userName", "externalId"] : []) {
          expect(await found(users, path, text)).toEqual([]);
        }
        expect(await groups?.groupsOf(text)).toEqual([]);
        await users.modify(id, { set: { title: "Dr." } });
      });
      expect((await target.users.find({})).resources).toMatchObject([
        { userName: "ann", title: "Dr." },
      ]);
    });
  });

  describeOn(database, "rows", () => {
    test("that the database completes are returned as it has completed them", async () => {
      const { text, ownId } = columnTypes[database.name];
      await using opened = await database.open({ tables: false });
      await sql`create table person (id ${ownId}, login ${text} not null, title ${text} default 'new')`.execute(
        opened.db,
      );
      const users = new KyselyUserRepository(opened.db, {
        map: {
          table: "person",
          id: { column: "id" },
          attributes: { userName: { column: "login", lower: true }, title: "title" },
          others: "ignore",
        },
      });
      const ann = await users.create({ userName: "ann" });
      expect(ann.title).toBe("new");
      expect(await users.get(ann.id)).toEqual(ann);
      const results = await users.write([
        { kind: "create", resource: { userName: "bob" } },
        { kind: "create", resource: { userName: "eve" } },
      ]);
      for (const result of results) {
        expect(result.written && (await users.get(result.id))?.title).toBe("new");
      }
    });

    test("with ids of 64 bits are counted as changed", async () => {
      const { text, counted } = columnTypes[database.name];
      await using opened = await database.open({ tables: false });
      await sql`create table team (id ${counted}, title ${text} not null, revision integer not null)`.execute(
        opened.db,
      );
      await sql`create table team_member (
        team_id bigint not null, member_id bigint not null, primary key (team_id, member_id))`.execute(
        opened.db,
      );
      const groups = new KyselyGroupRepository(opened.db, {
        map: {
          groups: {
            table: "team",
            id: { column: "id", type: "integer", reused: false },
            attributes: { displayName: "title" },
            others: "ignore",
            version: "revision",
          },
          members: {
            table: "team_member",
            group: "team_id",
            member: "member_id",
            memberType: "integer",
          },
        },
      });
      const ids: string[] = [];
      for (const displayName of ["one", "two"]) ids.push((await groups.create({ displayName })).id);
      await groups.write(
        ids.map((id) => ({
          kind: "modify",
          id,
          modification: { relations: { members: { add: [{ value: "7" }] } } },
        })),
      );
      const versions = (await groups.find({})).resources.map(({ meta }) => meta?.version);
      expect(versions).toEqual(['W/"2"', 'W/"2"']);
      expect(await groups.groupsOf("7")).toEqual(ids);
    });

    test("say which attribute stands against another, whatever the index is called", async () => {
      await using opened = await database.open();
      await sql`create unique index groups_by_name on concordat_group (display_name_key)`.execute(
        opened.db,
      );
      const groups = new KyselyGroupRepository(opened.db, { users: "elsewhere" });
      await groups.create({ displayName: "staff" });
      const { id } = await groups.create({ displayName: "board" });
      const taken = { code: "uniqueness", attribute: "displayName" };
      await expect(groups.create({ displayName: "Staff" })).rejects.toMatchObject(taken);
      await expect(groups.replace(id, { displayName: "STAFF" })).rejects.toMatchObject(taken);
    });

    test("hold attributes of forty levels, or refuse them as a value", async () => {
      await using opened = await database.open();
      const users = new KyselyUserRepository(opened.db);
      let deep: unknown = "bottom";
      for (let level = 0; level < 40; level++) deep = { deep };
      const resource = { userName: "ann", "urn:example:deep": deep };
      const created = users.create(resource);
      if (database.name === "MariaDB") {
        await expect(created).rejects.toMatchObject({ code: "invalid_value" });
      } else {
        expect(await users.get((await created).id)).toMatchObject(resource);
      }
    });

    test("of members that are there already are no change, and give no version", async () => {
      await using opened = await database.open();
      const groups = new KyselyGroupRepository(opened.db, { users: "elsewhere" });
      const ids: string[] = [];
      for (const displayName of ["one", "two"]) ids.push((await groups.create({ displayName })).id);
      const add = [{ value: "ann" }, { value: "bob" }];
      const versions = async (): Promise<unknown[]> =>
        (await groups.find({})).resources.map(({ meta }) => meta?.version);
      for (const id of ids) await groups.changeMembers(id, { add });
      const before = await versions();
      for (const id of ids) await groups.changeMembers(id, { add, remove: [{ value: "eve" }] });
      await groups.write(
        ids.map((id) => ({
          kind: "modify",
          id,
          modification: { relations: { members: { add } } },
        })),
      );
      expect(await versions()).toEqual(before);
      for (const id of ids) await groups.changeMembers(id, { add: [...add, { value: "eve" }] });
      expect(await versions()).not.toEqual(before);
    });

    test.each(columnTypes[database.name].json)(
      "keep attributes without a column in one of %s",
      async (type) => {
        const { text } = columnTypes[database.name];
        for (const extra of [null, "null", '{"shoeSize":42,"title":"Mr."}']) {
          await using opened = await database.open({ tables: false });
          await sql`create table person (
            id ${text} primary key, login ${text} not null, extra ${sql.raw(type)})`.execute(
            opened.db,
          );
          await sql`insert into person (id, login, extra) values ('1', 'ann', ${extra})`.execute(
            opened.db,
          );
          const users = new KyselyUserRepository(opened.db, {
            map: {
              table: "person",
              id: { column: "id" },
              attributes: { userName: { column: "login", lower: true } },
              others: { column: "extra" },
            },
          });
          await users.modify("1", { unset: ["nickName"] });
          await users.modify("1", {
            set: {
              active: false,
              title: 'a "b" \\ \u{1F600}',
              emails: [{ value: "a@b", primary: true }],
            },
            unset: ["locale"],
          });
          expect(await users.get("1")).toMatchObject({
            userName: "ann",
            active: false,
            title: 'a "b" \\ \u{1F600}',
            emails: [{ value: "a@b", primary: true }],
            ...(extra?.startsWith("{") ? { shoeSize: 42 } : {}),
          });
          await users.modify("1", { unset: ["active", "title", "emails"] });
          expect(await users.get("1")).not.toHaveProperty("title");
        }
      },
    );
  });
}

describeOn(mariadb, "a driver that counts the rows that a statement changed", () => {
  test("is not taken to say that the others are not there", async () => {
    await using opened = await mariadb.open({ countsChanged: true });
    const { db } = opened;
    await sql`create table person (
      id varchar(40) primary key, login varchar(40) not null, badge varchar(40), active boolean,
      title varchar(40))`.execute(db);
    const users = new KyselyUserRepository(db, { map: people });
    const id = await insert(db, "ann", "b");
    await users.modify(id, { set: { externalId: "b" } });
    await expect(users.modify("nobody", { set: { externalId: "b" } })).rejects.toMatchObject({
      code: "not_found",
    });
    const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
    const staff = await groups.create({ displayName: "staff", members: [{ value: "ann" }] });
    await groups.changeMembers(staff.id, { add: [{ value: "ann" }] });
    expect((await groups.get(staff.id))?.meta?.version).toBe(staff.meta?.version);
  });
});

async function insert(
  db: Kysely<unknown>,
  login: string,
  badge: string | null,
  id: string = crypto.randomUUID(),
): Promise<string> {
  await sql`insert into person (id, login, badge) values (${id}, ${login}, ${badge})`.execute(db);
  return id;
}

async function found(
  users: { find: KyselyUserRepository["find"] },
  path: string,
  value: string | boolean,
): Promise<string[]> {
  const filter = bindFilter(eq(path, value), userResourceType);
  const { resources } = await users.find({ filter });
  return resources.map(({ id }: Resource) => id).sort();
}
