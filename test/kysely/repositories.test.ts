import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotFoundError } from "concordat";
import {
  type GroupMap,
  type KyselyRepositoriesOptions,
  kyselyRepositories,
  type MemberMap,
  openSqlite,
  type UserMap,
} from "concordat/kysely";
import { type Kysely, sql } from "kysely";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DatabaseKind, databases, describeOn } from "./databases.js";

const idTypes: Readonly<Record<DatabaseKind["name"], string>> = {
  SQLite: "integer primary key autoincrement",
  PostgreSQL: "integer generated always as identity primary key",
  PGlite: "integer generated always as identity primary key",
  MariaDB: "integer auto_increment primary key",
};

const users: UserMap = {
  table: "account",
  id: { column: "id", type: "integer", reused: false },
  attributes: { userName: { column: "login", lower: true }, displayName: "full_name" },
  others: "ignore",
};

const groups: { readonly groups: GroupMap; readonly members: MemberMap } = {
  groups: {
    table: "team",
    id: { column: "id", type: "integer", reused: false },
    attributes: { displayName: { column: "title", lower: true } },
    others: "ignore",
    version: "revision",
  },
  members: { table: "seat", group: "team", member: "account", memberType: "integer" },
};

/** The package's own tables, and those of an application beside them. */
async function open(database: DatabaseKind): Promise<Kysely<unknown>> {
  const { db, [Symbol.asyncDispose]: close } = await database.open();
  onTestFinished(() => close());
  const id = sql.raw(idTypes[database.name]);
  await sql`create table account (id ${id}, login varchar(99) not null, full_name varchar(99))`.execute(
    db,
  );
  await sql`create table team (id ${id}, title varchar(99) not null, revision integer not null)`.execute(
    db,
  );
  await sql`create table seat (team integer not null, account integer not null, primary key (team, account))`.execute(
    db,
  );
  return db;
}
for (const database of databases)
  describeOn(database, "the users and groups in one call", () => {
    const maps: [string, KyselyRepositoriesOptions][] = [
      ["the package's own", {}],
      ["users in a table of the application", { users }],
      ["users and groups in tables of the application", { users, groups }],
    ];

    test.each(maps)(
      "%s: a member is there, and leaves its groups when deleted",
      async (_, options) => {
        const { users, groups } = kyselyRepositories(await open(database), options);
        const ann = await users.create({ userName: "ann", displayName: "Ann" });
        const bob = await users.create({ userName: "bob" });
        const staff = await groups.create({
          displayName: "Staff",
          members: [{ value: ann.id }, { value: bob.id }],
        });
        const before = (await groups.get(staff.id))?.meta?.version;
        await users.delete(ann.id);
        const after = await groups.get(staff.id, { attributes: ["members"] });
        expect(after?.members?.map(({ value }) => value)).toEqual([bob.id]);
        expect(after?.meta?.version).not.toBe(before);
        const nobody = groups.changeMembers(staff.id, { add: [{ value: "4711" }] });
        await expect(nobody).rejects.toThrow();
      },
    );

    test.each(maps)("%s: a transaction that fails leaves nothing", async (_, options) => {
      const stores = kyselyRepositories(await open(database), options);
      const failing = stores.transaction(async ({ users, groups }) => {
        await users.create({ userName: "ann" });
        await groups.create({ displayName: "Staff" });
        throw new Error("enough");
      });
      await expect(failing).rejects.toThrow("enough");
      expect((await stores.users.find({})).resources).toEqual([]);
      expect((await stores.groups.find({})).resources).toEqual([]);
      await stores.transaction(({ users }) => users.create({ userName: "ann" }));
      expect((await stores.users.find({})).resources).toHaveLength(1);
    });

    test("without groups there are none, and sessions end by what is given", async () => {
      const ended: string[] = [];
      const stores = kyselyRepositories(await open(database), {
        groups: false,
        users,
        revokeSessions: async (id) => void ended.push(id),
      });
      expect(stores).not.toHaveProperty("groups");
      const ann = await stores.users.create({ userName: "ann" });
      await stores.users.revokeSessions?.(ann.id);
      expect(ended).toEqual([ann.id]);
      await expect(stores.users.replace("4711", { userName: "zoe" })).rejects.toThrow(
        NotFoundError,
      );
    });
  });

describe("opening SQLite", () => {
  test("makes the tables that are wanted, and no others, also the second time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "concordat-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "application.sqlite");
    for (let time = 0; time < 2; time++) {
      const db = await openSqlite({ path, sets: ["nonces"] });
      const { rows } = await sql<{
        name: string;
      }>`select name from sqlite_master where type = 'table' order by name`.execute(db);
      await db.destroy();
      expect(rows.map(({ name }) => name)).toEqual([
        "concordat_nonce",
        "concordat_set_version",
        "concordat_version",
      ]);
    }
  });

  test("closes the file again where the tables cannot be made", async () => {
    const folder = await mkdtemp(join(tmpdir(), "concordat-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "application.sqlite");
    const wrong = openSqlite({ path, sets: ["nonces"], indexes: { users: ["title"] } });
    await expect(wrong).rejects.toThrow("indexes");
  });
});
