import { DatabaseSync } from "node:sqlite";
import { NotFoundError, UniquenessError } from "concordat";
import {
  createTables,
  joinTransaction,
  KyselyCheckpointRepository,
  KyselyLinkRepository,
  KyselyMembershipRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import {
  assertDeclared,
  type Capabilities,
  type Page,
  type Query,
  type SyncTarget,
  UserRepository,
} from "concordat/repositories";
import { bindFilter, eq as equal, type NewUser, type User, userResourceType } from "concordat/scim";
import { syncTargetContract } from "concordat/testing";
import { eq } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";

const accounts = sqliteTable("account", {
  id: integer("id").primaryKey(),
  login: text("login").notNull(),
  loginKey: text("login_key").notNull().unique(),
  active: integer("active", { mode: "boolean" }).notNull(),
});

/** A row that the application writes with every account. */
const welcomes = sqliteTable("welcome", { account: integer("account").notNull() });

type Db = Pick<SqliteRemoteDatabase, "select" | "insert" | "update" | "delete">;
type Account = typeof accounts.$inferSelect;

/** Users of an application that uses Drizzle: what the abstract class asks for, and no more. */
class DrizzleUsers extends UserRepository {
  override readonly capabilities: Capabilities = {
    filter: { userName: ["eq"] },
    maxPageSize: 100,
    versions: "none",
    delete: "hard",
    rename: true,
    sessions: false,
  };
  readonly #db: Db;

  constructor(db: Db) {
    super();
    this.#db = db;
  }

  override async get(id: string): Promise<User | undefined> {
    const [account] = await this.#db
      .select()
      .from(accounts)
      .where(eq(accounts.id, Number(id)));
    return account && toUser(account);
  }

  override async find(query: Query): Promise<Page<User>> {
    assertDeclared(query, this.capabilities);
    const { filter, startIndex = 1, count = 100 } = query;
    const name =
      filter?.operator === "eq"
        ? eq(accounts.loginKey, String(filter.value).toLowerCase())
        : undefined;
    const found = await this.#db.select().from(accounts).where(name).orderBy(accounts.id);
    return {
      totalResults: found.length,
      startIndex,
      resources: found.slice(startIndex - 1, startIndex - 1 + count).map(toUser),
    };
  }

  override async create(resource: NewUser): Promise<User> {
    await this.#assertFree(resource.userName);
    const [account] = await this.#db.insert(accounts).values(toRow(resource)).returning();
    if (account === undefined) throw new Error("No row was inserted.");
    await this.#db.insert(welcomes).values({ account: account.id });
    return toUser(account);
  }

  override async replace(id: string, resource: NewUser | User): Promise<User> {
    await this.#assertFree(resource.userName, id);
    const [account] = await this.#db
      .update(accounts)
      .set(toRow(resource))
      .where(eq(accounts.id, Number(id)))
      .returning();
    if (account === undefined) throw new NotFoundError(id);
    return toUser(account);
  }

  override async delete(id: string): Promise<void> {
    const deleted = await this.#db
      .delete(accounts)
      .where(eq(accounts.id, Number(id)))
      .returning();
    if (deleted.length === 0) throw new NotFoundError(id);
  }

  async #assertFree(userName: string, own?: string): Promise<void> {
    const filter = bindFilter(equal("userName", userName), userResourceType);
    const [other] = (await this.find({ filter })).resources;
    if (other !== undefined && other.id !== own) throw new UniquenessError("userName", other.id);
  }
}

function toUser({ id, login, active }: Account): User {
  return { id: String(id), userName: login, active };
}

function toRow({ userName, active = true }: NewUser | User): Omit<Account, "id"> {
  return { login: userName, loginKey: userName.toLowerCase(), active };
}

/** One connection that Drizzle and Kysely share, and the application's own seam: its transaction is the target's. */
async function application(): Promise<{
  db: SqliteRemoteDatabase;
  target: SyncTarget;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const connection = new DatabaseSync(":memory:");
  connection.exec(`create table account (
    id integer primary key, login text not null, login_key text not null unique, active integer not null
  )`);
  connection.exec("create table welcome (account integer not null)");
  const kysely = new Kysely<unknown>({ dialect: nodeSqliteDialect({ database: connection }) });
  await createTables(kysely);
  const db = drizzle(async (query, parameters, method) => {
    const statement = connection.prepare(query);
    statement.setReturnArrays(true);
    const rows = statement.all(...parameters);
    return { rows: method === "get" ? (rows[0] as never) : rows };
  });

  let last: Promise<unknown> = Promise.resolve();
  const target: SyncTarget = {
    ...stores(db, kysely),
    transaction(work) {
      // There is one connection, so one transaction waits for the other.
      const done = last.then(() =>
        db.transaction((inside) => work(targetIn(inside, joinTransaction(kysely)))),
      );
      last = done.catch(() => undefined);
      return done;
    },
  };
  return { db, target, [Symbol.asyncDispose]: async () => connection.close() };
}

type DrizzleTransaction = Parameters<Parameters<SqliteRemoteDatabase["transaction"]>[0]>[0];

function targetIn(
  transaction: DrizzleTransaction,
  joined: ReturnType<typeof joinTransaction>,
): SyncTarget {
  return {
    ...stores(transaction, joined),
    transaction: (work) => transaction.transaction((inside) => work(targetIn(inside, joined))),
  };
}

function stores(
  db: Db,
  kysely: ReturnType<typeof joinTransaction>,
): Omit<SyncTarget, "transaction"> {
  return {
    users: new DrizzleUsers(db),
    links: new KyselyLinkRepository(kysely),
    memberships: new KyselyMembershipRepository(kysely),
    checkpoints: new KyselyCheckpointRepository(kysely),
  };
}

describe("an application that uses Drizzle", () => {
  const work = async (target: SyncTarget): Promise<void> => {
    const ann = await target.users.create({ userName: "ann" });
    await target.users.modify(ann.id, { set: { active: false } });
    await target.checkpoints.save("ldap", {
      generation: 1,
      epoch: 0,
      revision: 0,
      checkpoint: "c",
    });
  };

  test("commits its rows, its users and the package's state together", async () => {
    await using host = await application();
    await host.target.transaction?.(work);
    expect(await host.db.select().from(accounts)).toMatchObject([{ login: "ann", active: false }]);
    expect(await host.db.select().from(welcomes)).toEqual([{ account: 1 }]);
    expect(await host.target.checkpoints.load("ldap")).toMatchObject({ checkpoint: "c" });
  });

  test("rolls all of them back together", async () => {
    await using host = await application();
    const failing = host.target.transaction?.(async (inside) => {
      await work(inside);
      throw new Error("undo");
    });
    await expect(failing).rejects.toThrow("undo");
    expect(await host.db.select().from(accounts)).toEqual([]);
    expect(await host.db.select().from(welcomes)).toEqual([]);
    expect(await host.target.checkpoints.load("ldap")).toBeUndefined();
  });
});

const cases = await syncTargetContract(async () => {
  const { target, ...host } = await application();
  return { ...target, [Symbol.asyncDispose]: host[Symbol.asyncDispose] };
});

describe("the contract of a target whose transactions are Drizzle's", () => {
  for (const { name, skip, run } of cases) test.skipIf(skip !== undefined)(name, run);
});
