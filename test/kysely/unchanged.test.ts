import {
  type GroupMap,
  KyselyGroupRepository,
  KyselyUserRepository,
  type UserMap,
} from "concordat/kysely";
import type { AttributeValues } from "concordat/repositories";
import { enterpriseUserId, type NewUser } from "concordat/scim";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { provider } from "../scim-server/provider.js";
import { type DatabaseKind, databases, describeOn } from "./databases.js";

const ada = {
  userName: "Ada",
  externalId: "1815",
  displayName: 'Ada "Ä" Lovelace\n',
  active: true,
  title: "Countess",
  name: { givenName: "Ada", familyName: "Lovelace", middleName: "King" },
  emails: [
    { value: "ada@example.org", type: "work", primary: true },
    { value: "é@example.org", type: "home" },
  ],
  [enterpriseUserId]: { department: "Engines", costCenter: "1843" },
} as const satisfies NewUser;

/** What a change says that is so already. */
const same: readonly AttributeValues<NewUser>[] = [
  ...Object.entries(ada).map(([name, value]) => ({ [name]: value })),
  ada,
];

/** What differs, some of it only where texts are compared with care. */
const different: readonly AttributeValues<NewUser>[] = [
  { userName: "ada" },
  { displayName: 'Ada "A" Lovelace\n' },
  { displayName: 'Ada "A" Lovelace' },
  { active: false },
  { title: "countess" },
  { title: "Countéss" },
  { name: { givenName: "Ada", familyName: "Lovelace" } },
  { emails: [{ value: "ada@example.org", type: "work", primary: true }] },
  { externalId: "1815 " },
  { nickName: "" },
  { [enterpriseUserId]: { department: "Engines" } },
];

const careless: Record<DatabaseKind["name"], string> = {
  SQLite: "text collate nocase",
  PostgreSQL: "text",
  PGlite: "text",
  MariaDB: "varchar(180)",
};

/** The package's own table, and one of an application with JSON for what has no column. */
async function mapOf(kind: DatabaseKind, db: Kysely<unknown>): Promise<UserMap> {
  const text = sql.raw(careless[kind.name]);
  const json = sql.raw(
    { SQLite: "text", PostgreSQL: "json", PGlite: "json", MariaDB: "longtext" }[kind.name],
  );
  const flag = sql.raw(kind.name === "SQLite" ? "integer" : "boolean");
  await sql`create table account (id ${text} primary key, login ${text} not null, badge ${text},
    shown ${text}, mail ${text}, given ${text}, active ${flag}, extra ${json},
    revision integer not null, changed ${text})`.execute(db);
  return {
    table: "account",
    id: { column: "id", generate: () => crypto.randomUUID() },
    attributes: {
      userName: { column: "login", lower: true, unique: false },
      externalId: "badge",
      displayName: "shown",
      emails: "mail",
      "name.givenName": "given",
      active: "active",
    },
    others: { column: "extra" },
    version: "revision",
    lastModified: "changed",
  };
}

for (const kind of databases) {
  describeOn(kind, "a change that nobody has read", () => {
    test.each(["the package's own table", "a table of an application"])(
      "that changes nothing gives no version and no time in %s",
      async (table) => {
        await using opened = await kind.open();
        const { db } = opened;
        let time = 0;
        const users = new KyselyUserRepository(db, {
          now: () => new Date(++time),
          ...(table === "a table of an application" && { map: await mapOf(kind, db) }),
        });
        const { id, meta } = await users.create(ada);
        for (const set of same) {
          await users.modify(id, { set });
          expect((await users.get(id))?.meta, JSON.stringify(set)).toEqual(meta);
        }
        await users.modify(id, { unset: ["nickName", "photos"] });
        await users.write([{ kind: "modify", id, modification: { set: ada } }]);
        expect((await users.get(id))?.meta).toEqual(meta);
        for (const set of different) {
          await users.replace(id, ada);
          const before = await users.get(id);
          await users.modify(id, { set });
          const after = await users.get(id);
          expect(after, JSON.stringify(set)).toMatchObject(set);
          expect(after?.meta?.version, JSON.stringify(set)).not.toBe(before?.meta?.version);
        }
        const { meta: last } = (await users.get(id)) ?? expect.fail();
        const ifVersion = 'W/"999"';
        await expect(users.modify(id, { set: ada }, { ifVersion })).rejects.toMatchObject({
          code: "version_conflict",
        });
        await users.modify(id, { unset: ["title"] });
        expect((await users.get(id))?.meta?.version).not.toBe(last?.version);
        await expect(users.modify("nobody", { set: ada })).rejects.toMatchObject({
          code: "not_found",
        });
      },
    );

    test("of the name that a group has gives no version, and members come all the same", async () => {
      await using opened = await kind.open();
      const groups = new KyselyGroupRepository(opened.db, { users: "elsewhere" });
      const { id, meta } = await groups.create({ displayName: "staff", externalId: "7" });
      await groups.modify(id, { set: { displayName: "staff", externalId: "7" } });
      const members = { add: [] };
      await groups.modify(id, { set: { displayName: "staff" }, relations: { members } });
      expect((await groups.get(id))?.meta).toEqual(meta);
      await groups.modify(id, {
        set: { displayName: "staff" },
        relations: { members: { add: [{ value: "ann" }] } },
      });
      expect((await groups.get(id))?.meta?.version).not.toBe(meta?.version);
    });

    test("a group of which a member was deleted has another version, and is read again by whoever asks", async () => {
      await using opened = await kind.open();
      const { db } = opened;
      const text = sql.raw(kind.name === "MariaDB" ? "varchar(180)" : "text");
      await sql`create table account (id ${text} primary key, login ${text} not null)`.execute(db);
      await sql`create table team (id ${text} primary key, name ${text} not null, revision integer)`.execute(
        db,
      );
      await sql`create table seat (team ${text} not null, kind ${text} not null, occupant ${text} not null,
        primary key (team, kind, occupant))`.execute(db);
      const groupMap: GroupMap = {
        table: "team",
        id: { column: "id", generate: () => crypto.randomUUID() },
        attributes: { displayName: { column: "name", lower: true } },
        others: "ignore",
        version: "revision",
      };
      const accounts = (dependents: UserMap["dependents"] = []): UserMap => ({
        table: "account",
        id: { column: "id", generate: () => crypto.randomUUID() },
        attributes: { userName: { column: "login", lower: true, unique: false } },
        others: "ignore",
        dependents,
      });
      const ofOwn = accounts([
        { table: "concordat_group_member", column: "member_id", type: "member_type" },
      ]);
      const ofTeam = accounts([
        {
          ...{ table: "seat", column: "occupant", type: "kind" },
          owner: { column: "team", of: groupMap },
        },
      ]);
      const seats = { table: "seat", group: "team", member: "occupant", type: "kind" };
      const kinds = [
        { users: new KyselyUserRepository(db), groups: new KyselyGroupRepository(db) },
        {
          users: new KyselyUserRepository(db, { map: ofOwn }),
          groups: new KyselyGroupRepository(db, { users: ofOwn }),
        },
        {
          users: new KyselyUserRepository(db, { map: ofTeam }),
          groups: new KyselyGroupRepository(db, {
            map: { groups: groupMap, members: seats },
            users: ofTeam,
          }),
        },
      ];
      for (const stores of kinds) {
        const { call } = provider(stores);
        const created = await stores.users.write(
          ["ann", "bob", "eve"].map((userName) => ({ kind: "create", resource: { userName } })),
        );
        const [ann = "", bob = "", eve = ""] = created.map((result) =>
          result.written ? result.id : expect.fail(),
        );
        const inner = await stores.groups.create({ displayName: "inner" });
        const { id } = await stores.groups.create({
          displayName: "staff",
          members: [
            ...[ann, bob, eve].map((value) => ({ value })),
            { value: inner.id, type: "Group" },
          ],
        });
        const leaving = [
          () => stores.users.delete(ann),
          () => stores.users.write([bob, eve].map((one) => ({ kind: "delete", id: one }))),
          () => stores.groups.delete(inner.id),
        ];
        for (const leave of leaving) {
          const before = await call("GET", `/Groups/${id}`);
          const again = { "if-none-match": before.body.meta.version };
          expect((await call("GET", `/Groups/${id}`, undefined, again)).status).toBe(304);
          await leave();
          const after = await call("GET", `/Groups/${id}`, undefined, again);
          expect(after.status).toBe(200);
          expect(after.body.members ?? []).not.toEqual(before.body.members);
        }
        expect(await stores.groups.members(id)).toEqual({ members: [] });
      }
    });

    test("of the members that a group has gives no version, and of one of them does", async () => {
      await using opened = await kind.open();
      const groups = new KyselyGroupRepository(opened.db, { users: "elsewhere" });
      const inner = await groups.create({ displayName: "inner" });
      const members = [
        { value: "ann", type: "User" },
        { value: "bob", type: "User" },
        { value: inner.id, type: "Group" },
      ] as const;
      const { id } = await groups.create({ displayName: "staff", members });
      const { meta } = (await groups.get(id)) ?? expect.fail();
      const replace = (add: readonly { value: string; type: "User" | "Group" }[]) =>
        groups.modify(id, { set: {}, relations: { members: { clear: true, add } } });
      await replace(members);
      await replace([...members, { value: "bob", type: "User" }]);
      expect((await groups.get(id))?.meta).toEqual(meta);
      await replace([
        { value: "ann", type: "User" },
        { value: "bob", type: "User" },
        { value: inner.id, type: "User" },
      ]);
      const after = await groups.get(id, { attributes: ["members"] });
      expect(after?.meta?.version).not.toBe(meta?.version);
      expect(after?.members?.every(({ type }) => type === "User")).toBe(true);
    });
  });
}
