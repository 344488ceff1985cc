import { UniquenessError } from "concordat";
import {
  joinTransaction,
  KyselyLinkRepository,
  KyselyUserRepository,
  kyselyTarget,
} from "concordat/kysely";
import type { Link } from "concordat/repositories";
import type { NewUser, User } from "concordat/scim";
import { type Kysely, sql, type Transaction } from "kysely";
import { describe, expect, test } from "vitest";
import { testDatabase } from "./database.js";

type Application = { note: { text: string } };

/** The tables of the package beside one of the application's. */
async function application(): Promise<{
  db: Kysely<Application>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const database = await testDatabase();
  const db = database.db.$extendTables<Application>();
  await sql`create table note (text text not null unique)`.execute(db);
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** The application's own repository: it writes a row of its own with every user. */
class NotedUsers extends KyselyUserRepository {
  readonly #db: Kysely<Application>;

  constructor(db: Kysely<Application>) {
    super(db);
    this.#db = db;
  }

  override async create(resource: NewUser): Promise<User> {
    const user = await super.create(resource);
    await this.#db.insertInto("note").values({ text: resource.userName }).execute();
    return user;
  }
}

const link: Link = {
  sourceId: "1",
  type: "User",
  state: "live",
  adopted: false,
  seen: 1,
  disabledByUs: false,
  dirty: false,
};

describe("a transaction that the application began", () => {
  const work = async (transaction: Transaction<Application>): Promise<void> => {
    await transaction.insertInto("note").values({ text: "beside" }).execute();
    await new KyselyUserRepository(transaction).create({ userName: "ann" });
    const target = kyselyTarget({ db: transaction });
    await target.links.save("ldap", [link]);
    await target.transaction?.(async (inner) => {
      await inner.links.setNames("ldap", [{ sourceId: "1", names: [{ kind: "uid", key: "ann" }] }]);
    });
  };

  test("commits the repositories' rows with its own", async () => {
    await using host = await application();
    await host.db.transaction().execute(work);
    expect(await stateOf(host.db)).toEqual({ notes: ["beside"], users: ["ann"], holders: 1 });
  });

  test("rolls the repositories' rows back with its own", async () => {
    await using host = await application();
    const failing = host.db.transaction().execute(async (transaction) => {
      await work(transaction);
      throw new Error("undo");
    });
    await expect(failing).rejects.toThrow("undo");
    expect(await stateOf(host.db)).toEqual({ notes: [], users: [], holders: 0 });
  });

  test("goes on after a refused write", async () => {
    await using host = await application();
    await host.db.transaction().execute(async (transaction) => {
      const users = new KyselyUserRepository(transaction);
      await users.create({ userName: "ann" });
      await expect(users.create({ userName: "Ann" })).rejects.toThrow(UniquenessError);
      await transaction.insertInto("note").values({ text: "after" }).execute();
    });
    expect(await stateOf(host.db)).toEqual({ notes: ["after"], users: ["ann"], holders: 0 });
  });
});

describe("kyselyTarget with a repository of the application's", () => {
  test("commits what the repository writes beside, and undoes it with the savepoint", async () => {
    await using host = await application();
    const target = kyselyTarget({ db: host.db, users: (db) => new NotedUsers(db), groups: false });
    expect(target.groups).toBeUndefined();
    await target.transaction?.(async (inside) => {
      await inside.users.create({ userName: "ann" });
      await inside
        .transaction?.(async (inner) => {
          await inner.users.create({ userName: "bob" });
          throw new Error("undo");
        })
        .catch(() => undefined);
    });
    expect(await stateOf(host.db)).toEqual({ notes: ["ann"], users: ["ann"], holders: 0 });
  });

  test("runs savepoints of one transaction one after the other", async () => {
    await using host = await application();
    const target = kyselyTarget({ db: host.db, users: (db) => new NotedUsers(db) });
    await target.transaction?.(async (inside) => {
      const names = ["ann", "bob", "eve"];
      const results = await Promise.allSettled(
        names.map((userName) =>
          inside.transaction?.(async (inner) => {
            await inner.users.create({ userName });
            if (userName === "bob") throw new Error("undo");
          }),
        ),
      );
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
    expect(await stateOf(host.db)).toEqual({
      notes: ["ann", "eve"],
      users: ["ann", "eve"],
      holders: 0,
    });
  });
});

describe("joinTransaction", () => {
  test("keeps repositories from beginning a transaction inside one", async () => {
    await using host = await application();
    await sql`begin`.execute(host.db);
    const joined = joinTransaction(host.db);
    const users = new KyselyUserRepository(joined);
    const ann = await users.create({ userName: "ann" });
    await users.delete(ann.id);
    await new KyselyLinkRepository(joined).save("ldap", [link]);
    await sql`rollback`.execute(host.db);
    expect(await new KyselyLinkRepository(host.db).count("ldap", {})).toBe(0);
  });
});

async function stateOf(db: Kysely<Application>): Promise<object> {
  const notes = await db.selectFrom("note").select("text").orderBy("text").execute();
  const { resources } = await new KyselyUserRepository(db).find({});
  const names = [{ kind: "uid", key: "ann" } as const];
  return {
    notes: notes.map(({ text }) => text),
    users: resources.map(({ userName }) => userName).sort(),
    holders: (await new KyselyLinkRepository(db).holders("ldap", names)).length,
  };
}
