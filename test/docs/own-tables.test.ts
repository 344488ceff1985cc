import { createRequire } from "node:module";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { PGlite } from "@electric-sql/pglite";
import * as concordat from "concordat";
import * as repositories from "concordat/repositories";
import * as scim from "concordat/scim";
import { userRepositoryContract } from "concordat/testing";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, describe, test } from "vitest";
import { functionsOfGuide } from "./guide.js";

const requireInstalled = createRequire(import.meta.url);
const modules = {
  concordat,
  "concordat/repositories": repositories,
  "concordat/scim": scim,
};

/** What Knex asks of better-sqlite3, over Node's own SQLite, which needs no build. */
class NodeSqlite {
  readonly #database = new DatabaseSync(":memory:");

  prepare(text: string): object {
    const statement = this.#database.prepare(text);
    const plain = (values: readonly unknown[]): SQLInputValue[] =>
      values.map((value) =>
        typeof value === "boolean" ? Number(value) : (value as SQLInputValue),
      );
    return {
      reader: statement.columns().length > 0,
      all: (values: readonly unknown[]) => statement.all(...plain(values)),
      run: (values: readonly unknown[]) => statement.run(...plain(values)),
    };
  }

  close(): void {
    this.#database.close();
  }
}

interface KnexGuide {
  createAccounts(db: unknown): Promise<void>;
  KnexUsers: new (db: unknown, dialect: "sqlite") => repositories.UserRepository;
}

describe("the repository of the guide for Knex", async () => {
  const guide = functionsOfGuide<KnexGuide>("knex.md", ["createAccounts", "KnexUsers"], modules);
  const knex = requireInstalled("knex");
  const Client = requireInstalled("knex/lib/dialects/better-sqlite3/index.js");
  class Client_NodeSqlite extends Client {
    _driver(): typeof NodeSqlite {
      return NodeSqlite;
    }
  }
  const cases = await userRepositoryContract(async () => {
    const db = knex({
      client: Client_NodeSqlite,
      connection: { filename: ":memory:" },
      useNullAsDefault: true,
    });
    await guide.createAccounts(db);
    const users = new guide.KnexUsers(db, "sqlite");
    return Object.assign(users, { [Symbol.asyncDispose]: () => db.destroy() });
  });
  for (const { name, skip, run } of cases) test.skipIf(skip !== undefined)(name, run);
});

interface DrizzleGuide {
  DrizzleUsers: new (db: unknown) => repositories.UserRepository;
}

describe("the repository of the guide for Drizzle", async () => {
  const { DrizzleUsers } = functionsOfGuide<DrizzleGuide>("drizzle.md", ["DrizzleUsers"], modules);
  // What the suite has depends on what the repository declares, so that it is asked before the tests begin.
  const server = await PGlite.create();
  await drizzle(server).execute(
    sql`create table account (id serial primary key, login text not null,
      login_key text not null unique, external_id text, active boolean not null)`,
  );
  afterAll(() => server.close());
  const cases = await userRepositoryContract(async () => {
    const db = drizzle(server);
    await db.execute(sql`truncate account`);
    return new DrizzleUsers(db);
  });
  for (const { name, skip, run } of cases) test.skipIf(skip !== undefined)(name, run);
});
