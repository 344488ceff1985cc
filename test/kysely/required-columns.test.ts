import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { KyselyUserRepository, type UserMap } from "concordat/kysely";
import { InMemoryGroupRepository } from "concordat/repositories";
import { type RequestEvent, requestChannelName } from "concordat/scim-server";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { patch, provider, userId } from "../scim-server/provider.js";
import { type DatabaseKind, databases, describeOn, type TestDatabase } from "./databases.js";

const long = "n".repeat(41);

/** A table that requires more than SCIM knows of. */
async function application(kind: DatabaseKind): Promise<TestDatabase> {
  const opened = await kind.open({ tables: false });
  const key = sql.raw(kind.name === "MariaDB" ? "collate utf8mb4_nopad_bin" : "");
  const length = sql.raw(kind.name === "SQLite" ? "check (length(login) <= 40)" : "");
  await sql`create table account (
    id varchar(40) primary key,
    login varchar(40) not null ${length},
    login_key varchar(60) ${key} not null unique,
    shown varchar(40) not null,
    tenant varchar(40) not null,
    slug varchar(40) not null
  )`.execute(opened.db);
  return opened;
}

const map: UserMap = {
  table: "account",
  id: { column: "id", generate: () => crypto.randomUUID() },
  attributes: { userName: { column: "login", key: "login_key" }, displayName: "shown" },
  others: "ignore",
};

const defaults = {
  tenant: "acme",
  slug: (attributes: { readonly userName?: string }) => `u-${attributes.userName}`,
  shown: "nobody",
};

function client(db: Kysely<unknown>, of: UserMap) {
  const users = new KyselyUserRepository(db, { map: of });
  const { call } = provider({ users, groups: new InMemoryGroupRepository() });
  return async (method: string, path: string, body: unknown) => {
    let error: unknown;
    const note = (event: unknown): void => {
      error = (event as RequestEvent).error;
    };
    subscribe(requestChannelName, note);
    try {
      return { ...(await call(method, path, body)), error };
    } finally {
      unsubscribe(requestChannelName, note);
    }
  };
}

const ada = { schemas: [userId], userName: "ada", displayName: "Ada" };

for (const kind of databases) {
  describeOn(kind, "columns of an application that no attribute is mapped to", () => {
    test("have what the map says, alone and in batches", async () => {
      await using opened = await application(kind);
      const { db } = opened;
      const users = new KyselyUserRepository(db, { map: { ...map, defaults } });
      const { id } = await users.create({ userName: "ada", displayName: "Ada" });
      await users.write(
        ["bob", "eve"].map((userName) => ({ kind: "create", resource: { userName } })),
      );
      await sql`update account set tenant = 'other' where id = ${id}`.execute(db);
      await users.replace(id, { userName: "ada", displayName: "A." });
      const { rows } =
        await sql`select login, shown, tenant, slug from account order by login`.execute(db);
      expect(rows).toEqual([
        { login: "ada", shown: "A.", tenant: "other", slug: "u-ada" },
        { login: "bob", shown: "nobody", tenant: "acme", slug: "u-bob" },
        { login: "eve", shown: "nobody", tenant: "acme", slug: "u-eve" },
      ]);
    });

    test("are the host's to fill: the client is not blamed, and the log has the cause", async () => {
      await using opened = await application(kind);
      const call = client(opened.db, map);
      const { status, body, error } = await call("POST", "/Users", ada);
      expect([status, body.scimType]).toEqual([501, undefined]);
      expect(JSON.stringify(body)).not.toContain("tenant");
      expect(String(Object(Object(error).cause).message)).toMatch(/tenant/);
    });

    test("are told apart from a value of the client's that is missing or too long", async () => {
      await using opened = await application(kind);
      const { shown: _, ...others } = defaults;
      const call = client(opened.db, { ...map, defaults: others });
      const missing = await call("POST", "/Users", { schemas: [userId], userName: "ada" });
      expect(missing).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
      expect(missing.body.detail).toContain("displayName");
      const tooLong = await call("POST", "/Users", { ...ada, userName: long });
      expect(tooLong).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
      if (kind.name !== "SQLite") expect(tooLong.body.detail).toContain("userName");
      const { body } = await call("POST", "/Users", ada);
      const renamed = await call(
        "PATCH",
        `/Users/${body.id}`,
        patch({ op: "replace", path: "userName", value: long }),
      );
      expect(renamed).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
      if (kind.name !== "SQLite") expect(renamed.body.detail).toContain("userName");
    });
  });
}
