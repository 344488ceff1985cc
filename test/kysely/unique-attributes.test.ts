import { createTables, KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { groupId, inMemory, patch, provider } from "../scim-server/provider.js";
import { databases, describeOn } from "./databases.js";

for (const kind of databases) {
  describeOn(kind, "an attribute that is to be unique in the package's own tables", () => {
    test("is refused where another one has it, and may be absent everywhere", async () => {
      await using opened = await kind.open();
      const { db } = opened;
      const unique = { users: ["externalId"], groups: ["displayName", "externalId"] } as const;
      await createTables(db, { unique });
      await createTables(db, { unique });
      const users = new KyselyUserRepository(db);
      const groups = new KyselyGroupRepository(db);
      for (const userName of ["ada", "bob"]) await users.create({ userName });
      await users.create({ userName: "cy", externalId: "x" });
      const taken = (attribute: string) => ({ code: "uniqueness", attribute });
      const sent = users.create({ userName: "dan", externalId: "x" });
      await expect(sent).rejects.toMatchObject(taken("externalId"));
      await groups.create({ displayName: "Admins", externalId: "g" });
      const { id } = await groups.create({ displayName: "Others" });
      const same = groups.create({ displayName: "ADMINS" });
      await expect(same).rejects.toMatchObject(taken("displayName"));
      const renamed = groups.modify(id, { set: { displayName: "admins" } });
      await expect(renamed).rejects.toMatchObject(taken("displayName"));
      const results = await groups.write([
        { kind: "create", resource: { displayName: "admins" } },
        { kind: "create", resource: { displayName: "More", externalId: "g" } },
        { kind: "create", resource: { displayName: "Most", externalId: "G" } },
      ]);
      expect(results.map(({ written }) => written)).toEqual([false, false, true]);
      const { call } = provider({ users, groups });
      const body = { schemas: [groupId], displayName: "admins" };
      expect(await call("POST", "/Groups", body)).toMatchObject({
        status: 409,
        body: { scimType: "uniqueness" },
      });
    });

    test("is refused in tables of the application, where the map says so and there is an index", async () => {
      await using opened = await kind.open({ tables: false });
      const { db } = opened;
      await sql`create table team (id varchar(60) primary key, title varchar(60) not null,
        title_key varchar(60) not null unique, code varchar(60) unique)`.execute(db);
      await sql`create table team_member (team varchar(60) not null, person varchar(60) not null)`.execute(
        db,
      );
      let made = 0;
      const groups = new KyselyGroupRepository(db, {
        map: {
          groups: {
            table: "team",
            id: { column: "id", generate: () => `team-${++made}` },
            attributes: {
              displayName: { column: "title", key: "title_key", unique: true },
              externalId: { column: "code", unique: true },
            },
            others: "ignore",
          },
          members: { table: "team_member", group: "team", member: "person" },
        },
      });
      const { id } = await groups.create({ displayName: "Admins", externalId: "g" });
      await groups.create({ displayName: "Others" });
      const { call } = provider({ ...inMemory(), groups });
      const conflict = { status: 409, body: { scimType: "uniqueness" } };
      for (const attributes of [{ displayName: "ADMINS" }, { displayName: "x", externalId: "g" }]) {
        const body = { schemas: [groupId], ...attributes };
        expect(await call("POST", "/Groups", body)).toMatchObject(conflict);
      }
      const operation = { op: "replace", path: "displayName", value: "others" };
      expect(await call("PATCH", `/Groups/${id}`, patch(operation))).toMatchObject(conflict);
    });
  });
}
