import {
  type GroupMap,
  KyselyGroupRepository,
  KyselyUserRepository,
  type MemberMap,
  type UserMap,
} from "concordat/kysely";
import { bindFilter, eq, userResourceType } from "concordat/scim";
import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { afterAll, describe, expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn, type TestDatabase } from "./databases.js";

/** An integer that the database counts up, a text that can be unique, and one of which only the same is equal. */
const types: Record<DatabaseKind["name"], Record<"id" | "text" | "key", RawBuilder<unknown>>> = {
  SQLite: { id: sql`integer primary key autoincrement`, text: sql`text`, key: sql`text` },
  PostgreSQL: {
    id: sql`integer generated always as identity primary key`,
    text: sql`text`,
    key: sql`text`,
  },
  PGlite: {
    id: sql`integer generated always as identity primary key`,
    text: sql`text`,
    key: sql`text`,
  },
  MariaDB: {
    id: sql`integer auto_increment primary key`,
    text: sql`varchar(180)`,
    key: sql`varchar(180) collate utf8mb4_nopad_bin`,
  },
};

/**
 * The tables of an application that was there before: its own ids, names of columns, and rules. The collation is the
 * database's own.
 */
async function application(database: DatabaseKind): Promise<TestDatabase> {
  const { id, text, key } = types[database.name];
  const opened = await database.open({ tables: false });
  const { db } = opened;
  await sql`create table account (
    id ${id},
    login ${text} not null,
    login_key ${key} not null unique,
    first_name ${text} not null default '',
    mail ${text} unique,
    disabled integer not null default 0,
    age integer check (age is null or age > 0)
  )`.execute(db);
  await sql`create table team (
    id ${id},
    title ${text} not null,
    revision integer not null
  )`.execute(db);
  await sql`create table team_member (
    team_id integer not null references team (id),
    account_id integer not null references account (id),
    primary key (team_id, account_id)
  )`.execute(db);
  return opened;
}

const accounts: UserMap = {
  table: "account",
  id: { column: "id", type: "integer", reused: false },
  attributes: {
    userName: { column: "login", key: "login_key" },
    "name.givenName": { column: "first_name", unassigned: "" },
    emails: { column: "mail", unique: true },
    active: { column: "disabled", invert: true, unassigned: 0 },
  },
  others: "refuse",
  dependents: [{ table: "team_member", column: "account_id" }],
};

const teams: { readonly groups: GroupMap; readonly members: MemberMap } = {
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
    member: "account_id",
    memberType: "integer",
  },
};

for (const database of databases) {
  const { text } = types[database.name];
  describeOn(database, "users in a table of the application", () => {
    test("are rows as the application writes them, and its rows are users", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      const ann = await users.create({
        userName: "Ann",
        name: { givenName: "Ann" },
        emails: [{ value: "ann@example.org" }],
        active: false,
      });
      expect(await rowsOf(db, "account")).toEqual([
        {
          id: 1,
          login: "Ann",
          login_key: "ann",
          first_name: "Ann",
          mail: "ann@example.org",
          disabled: 1,
          age: null,
        },
      ]);
      expect(ann).toEqual({
        id: "1",
        meta: { resourceType: "User" },
        userName: "Ann",
        name: { givenName: "Ann" },
        emails: [{ value: "ann@example.org", type: "work", primary: true }],
        active: false,
      });
      await sql`insert into account (login, login_key, age) values ('Bob', 'bob', 7)`.execute(db);
      expect(await users.get("2")).toEqual({
        id: "2",
        meta: { resourceType: "User" },
        userName: "Bob",
        active: true,
      });
      expect(users.capabilities).toMatchObject({
        versions: "none",
        delete: "hard",
      });
      const text = ["pr", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
      expect(users.capabilities.filter).toEqual({
        id: text,
        userName: text,
        name: ["pr", "valuePath"],
        "name.givenName": ["pr"],
        emails: ["pr", "valuePath"],
        // Without a key, the address itself is not compared.
        "emails.value": ["pr"],
        "emails.display": text,
        "emails.type": text,
        "emails.primary": ["pr", "eq", "ne"],
        active: ["pr", "eq", "ne"],
      });
    });

    test("are changed in place, and nothing of the application's is touched", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      await sql`insert into account (login, login_key, mail, age) values ('Bob', 'bob', 'b', 7)`.execute(
        db,
      );
      await users.modify("1", { set: { active: false }, unset: ["name"] });
      await users.replace("1", { userName: "Rob" });
      expect(await rowsOf(db, "account")).toEqual([
        { id: 1, login: "Rob", login_key: "rob", first_name: "", mail: null, disabled: 0, age: 7 },
      ]);
    });

    test.each([
      ["NULL", null],
      ["JSON's null", "null"],
      ["an object", '{"shoeSize":42}'],
    ])("keep what has no column, where the column for it holds %s", async (_, extra) => {
      await using opened = await application(database);
      const { db } = opened;
      await sql`alter table account add column extra text`.execute(db);
      await sql`insert into account (login, login_key, extra) values ('Bob', 'bob', ${extra})`.execute(
        db,
      );
      const map: UserMap = {
        ...accounts,
        attributes: { userName: { column: "login", key: "login_key" } },
        others: { column: "extra" },
      };
      const users = new KyselyUserRepository(db, { map });
      await users.modify("1", { unset: ["nickName"] });
      await users.modify("1", { set: { active: false, title: "Dr." }, unset: ["nickName"] });
      await users.modify("1", { set: { locale: "de" } });
      expect(await users.get("1")).toMatchObject({ active: false, title: "Dr.", locale: "de" });
      const [row] = await rowsOf(db, "account");
      expect(JSON.parse(Object(row).extra)).toEqual({
        ...JSON.parse(extra ?? "{}"),
        active: false,
        title: "Dr.",
        locale: "de",
      });
    });

    test("are found by name in any case, by flags, and by ids that can be", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      await users.create({ userName: "Éclair", active: true });
      await users.create({ userName: "jose", active: false });
      const find = async (path: string, value: string | boolean): Promise<string[]> =>
        (await users.find({ filter: bindFilter(eq(path, value), userResourceType) })).resources.map(
          (user) => user.userName,
        );
      expect(await find("userName", "éCLAIR")).toEqual(["Éclair"]);
      expect(await find("userName", "josé")).toEqual([]);
      expect(await find("active", false)).toEqual(["jose"]);
      expect(await find("id", "2")).toEqual(["jose"]);
      for (const id of ["2x", "02", "2.0", "1e0", " 2", "", "9".repeat(30)]) {
        expect(await find("id", id)).toEqual([]);
        expect(await users.get(id)).toBeUndefined();
        await expect(users.delete(id)).rejects.toMatchObject({ code: "not_found", id });
      }
      await expect(find("emails", "x")).rejects.toMatchObject({ code: "unsupported" });
      await expect(find("name.givenName", "x")).rejects.toMatchObject({ code: "unsupported" });
      await expect(find("title", "x")).rejects.toMatchObject({ code: "unsupported" });
    });

    test("say which attribute is taken, and by whom", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      const emails = [{ value: "ann@example.org" }];
      const ann = await users.create({ userName: "ann", emails });
      await expect(users.create({ userName: "ANN" })).rejects.toMatchObject({
        code: "uniqueness",
        attribute: "userName",
        resourceId: ann.id,
      });
      await expect(users.create({ userName: "bob", emails })).rejects.toMatchObject({
        code: "uniqueness",
        attribute: "emails",
        resourceId: ann.id,
      });
    });

    test("refuse what has no place, what does not fit, and what no database can hold", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const map: UserMap = { ...accounts, attributes: { ...accounts.attributes, title: "age" } };
      const users = new KyselyUserRepository(db, { map });
      await expect(users.create({ userName: "ann", nickName: "A" })).rejects.toMatchObject({
        code: "invalid_value",
        path: "nickName",
      });
      await expect(
        users.create({ userName: "ann", name: { givenName: "A", familyName: "B" } }),
      ).rejects.toMatchObject({ code: "invalid_value", path: "name.familyName" });
      await expect(users.create({ userName: "a\u0000b" })).rejects.toMatchObject({
        code: "invalid_value",
        path: "userName",
      });
      await expect(users.create({ userName: "ann", title: "-1" })).rejects.toMatchObject({
        code: "invalid_value",
      });
      expect(await rowsOf(db, "account")).toEqual([]);
    });

    test("are written in batches, where a refused one stops no other", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      await users.create({ userName: "taken" });
      const results = await users.write([
        { kind: "create", resource: { userName: "ann" } },
        { kind: "create", resource: { userName: "TAKEN" } },
        { kind: "create", resource: { userName: "Ann" } },
        { kind: "create", resource: { userName: "bob", title: "no place" } },
        { kind: "modify", id: "1", modification: { set: { userName: "free" } } },
        { kind: "create", resource: { userName: "taken" } },
        { kind: "delete", id: "77" },
        { kind: "delete", id: "1" },
        { kind: "delete", id: "1" },
      ]);
      expect(results.map((result) => (result.written ? result.id : result.error))).toMatchObject([
        "2",
        { code: "uniqueness", attribute: "userName", resourceId: "1" },
        { code: "uniqueness", attribute: "userName", resourceId: "2" },
        { code: "invalid_value", path: "title" },
        "1",
        expect.stringMatching(/^\d$/),
        { code: "not_found", id: "77" },
        "1",
        { code: "not_found", id: "1" },
      ]);
    });

    test("have names of which case does not matter, in a table without a key column too", async () => {
      await using opened = await application(database);
      const { db } = opened;
      await sql`create table login (id ${text} primary key, name ${text} not null unique)`.execute(
        db,
      );
      const users = new KyselyUserRepository(db, {
        map: {
          table: "login",
          id: { column: "id", generate: () => crypto.randomUUID() },
          attributes: { userName: { column: "name", lower: true } },
          others: "ignore",
        },
      });
      const ann = await users.create({ userName: "Ann", title: "ignored" });
      const taken = { code: "uniqueness", attribute: "userName", resourceId: ann.id };
      await expect(users.create({ userName: "aNN" })).rejects.toMatchObject(taken);
      const bob = await users.create({ userName: "bob" });
      await expect(users.modify(bob.id, { set: { userName: "ANN" } })).rejects.toMatchObject(taken);
      await users.modify(ann.id, { set: { userName: "ANN" } });
      const [batched] = await users.write([
        { kind: "create", resource: { userName: "ann" } },
        { kind: "create", resource: { userName: "eve" } },
      ]);
      expect(batched).toMatchObject({ written: false, error: taken });
      const filter = bindFilter(eq("userName", "eVE"), userResourceType);
      expect((await users.find({ filter })).totalResults).toBe(1);
    });

    test("may be deactivated where they cannot be deleted, or not even that", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: { ...accounts, delete: "deactivate" } });
      const { id } = await users.create({ userName: "ann" });
      await users.delete(id);
      expect((await users.get(id))?.active).toBe(false);
      const kept = new KyselyUserRepository(db, { map: { ...accounts, delete: "none" } });
      await expect(kept.delete(id)).rejects.toMatchObject({ code: "unsupported" });
    });

    test("can be in tables and columns of any name", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const table = 'acc"ount; drop table account; --';
      const column = "na`me\" as x, ? $1 'q'";
      await sql`create table ${sql.table(table)} (
        ${sql.id("i.d")} ${text} primary key, ${sql.id(column)} ${text} unique)`.execute(db);
      const users = new KyselyUserRepository(db, {
        map: {
          table,
          id: { column: "i.d", generate: () => "the id" },
          attributes: { userName: column },
          others: "refuse",
        },
      });
      await users.create({ userName: "ann" });
      await users.modify("the id", { set: { userName: "'; drop table account; --" } });
      expect((await users.get("the id"))?.userName).toBe("'; drop table account; --");
      expect((await users.find({})).totalResults).toBe(1);
      expect(await rowsOf(db, "account")).toEqual([]);
    });

    test.each([
      ["an attribute that has sub-attributes", { userName: "login", name: "first_name" }, "name"],
      ["a member of a list", { userName: "login", "emails.value": "mail" }, "emails.value"],
      ["an unknown attribute", { userName: "login", shoeSize: "age" }, "shoeSize"],
      ["a password", { userName: "login", password: "mail" }, "password"],
      ["no name", { displayName: "login" }, "userName"],
    ])("cannot map %s", async (_, attributes, path) => {
      await using opened = await application(database);
      const { db } = opened;
      expect(() => new KyselyUserRepository(db, { map: { ...accounts, attributes } })).toThrow(
        expect.objectContaining({ code: "invalid_value", path }),
      );
    });
  });

  describeOn(database, "groups in tables of the application", () => {
    test("have members whose rows refer to the application's own", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      const groups = new KyselyGroupRepository(db, { map: teams });
      const ann = await users.create({ userName: "ann" });
      const bob = await users.create({ userName: "bob" });
      const staff = await groups.create({ displayName: "staff", members: [{ value: ann.id }] });
      await groups.changeMembers(staff.id, { add: [{ value: bob.id }, { value: ann.id }] });
      expect(await rowsOf(db, "team_member")).toEqual([
        { team_id: 1, account_id: 1 },
        { team_id: 1, account_id: 2 },
      ]);
      await expect(
        groups.changeMembers(staff.id, { add: [{ value: "99" }] }),
      ).rejects.toMatchObject({
        code: "invalid_value",
        path: "members",
      });
      await expect(
        groups.changeMembers(staff.id, { add: [{ value: "1", type: "Group" }] }),
      ).rejects.toMatchObject({ code: "invalid_value", path: "members.type" });
      await users.delete(ann.id);
      expect(await groups.members(staff.id)).toEqual({
        members: [{ value: bob.id, type: "User" }],
      });
      await expect(groups.members(staff.id, { after: "none" })).rejects.toMatchObject({
        code: "invalid_value",
        path: "after",
      });
      await groups.delete(staff.id);
      expect(await rowsOf(db, "team_member")).toEqual([]);
    });

    test("tell user 7 from group 7", async () => {
      await using opened = await application(database);
      const { db } = opened;
      await sql`create table team_part (
      team_id integer not null references team (id),
      part_id integer not null,
      kind ${text} not null,
      primary key (team_id, part_id, kind)
    )`.execute(db);
      const part = { table: "team_part", column: "part_id", type: "kind" };
      const users = new KyselyUserRepository(db, { map: { ...accounts, dependents: [part] } });
      const groups = new KyselyGroupRepository(db, {
        map: {
          groups: { ...teams.groups, dependents: [part] },
          members: {
            table: "team_part",
            group: "team_id",
            member: "part_id",
            memberType: "integer",
            type: "kind",
          },
        },
      });
      const staff = await groups.create({ displayName: "staff" });
      const user = await users.create({ userName: "ann" });
      const second = await groups.create({ displayName: "second" });
      await users.create({ userName: "bob" });
      const parts = [
        { value: second.id, type: "User" },
        { value: second.id, type: "Group" },
        { value: user.id, type: "User" },
      ] as const;
      const members = async () => (await groups.members(staff.id)).members;
      const key = ({ type, value }: (typeof parts)[number]) => `${value} ${type}`;
      await groups.changeMembers(staff.id, { add: parts });
      const paged: { readonly value: string; readonly type: string }[] = [];
      for (let after: string | undefined; ; ) {
        const page = { count: 1, ...(after === undefined ? {} : { after }) };
        const {
          members: [member],
          next,
        } = await groups.members(staff.id, page);
        if (member !== undefined) paged.push(member);
        after = next;
        if (after === undefined) break;
      }
      expect(paged).toEqual([...parts].sort((one, other) => (key(one) < key(other) ? -1 : 1)));
      await groups.write([
        {
          kind: "modify",
          id: staff.id,
          modification: { relations: { members: { remove: [{ value: user.id, type: "Group" }] } } },
        },
        {
          kind: "modify",
          id: second.id,
          modification: { relations: { members: { add: [{ value: user.id }] } } },
        },
      ]);
      expect(await members()).toHaveLength(3);
      await groups.delete(second.id);
      expect(await members()).toEqual([parts[2], parts[0]]);
      await groups.changeMembers(staff.id, { add: [{ value: user.id, type: "Group" }] });
      await users.delete(user.id);
      expect(await members()).toEqual([{ value: user.id, type: "Group" }, parts[0]]);
    });

    test("are as they were when a member among others is refused", async () => {
      await using opened = await application(database);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: accounts });
      const groups = new KyselyGroupRepository(db, { map: teams });
      const ann = await users.create({ userName: "ann" });
      const staff = await groups.create({ displayName: "staff" });
      await expect(
        groups.modify(staff.id, {
          set: { displayName: "crew" },
          relations: { members: { add: [{ value: ann.id }, { value: "99" }] } },
        }),
      ).rejects.toMatchObject({ code: "invalid_value" });
      expect(await groups.get(staff.id, { attributes: ["members"] })).toEqual(staff);
    });
  });

  describeOn(database, "the contracts on tables of the application", async () => {
    const opened = await application(database);
    const { db } = opened;
    afterAll(() => opened[Symbol.asyncDispose]());
    const emptied = async (): Promise<void> => {
      for (const table of ["team_member", "team", "account"]) {
        await sql`delete from ${sql.table(table)}`.execute(db);
      }
    };
    const map: UserMap = { ...accounts, others: "ignore" };
    const contracts = {
      users: await userRepositoryContract(async () => {
        await emptied();
        return new KyselyUserRepository(db, { map });
      }),
      groups: await groupRepositoryContract(async () => {
        await emptied();
        return {
          groups: new KyselyGroupRepository(db, { map: teams }),
          users: new KyselyUserRepository(db, { map }),
        };
      }),
    };
    for (const [name, cases] of Object.entries(contracts)) {
      describe(name, () => {
        for (const { name, skip, run } of cases) {
          test.skipIf(skip !== undefined)(name, run);
        }
      });
    }
  });
}

async function rowsOf(db: Kysely<unknown>, table: string): Promise<unknown[]> {
  return (await sql`select * from ${sql.table(table)}`.execute(db)).rows.map((row) => ({
    ...Object(row),
  }));
}
