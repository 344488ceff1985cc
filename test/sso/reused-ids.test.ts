import {
  createTables,
  KyselyIdentityMapRepository,
  KyselyUserRepository,
  kyselyTarget,
  nodeSqliteDialect,
  type UserMap,
} from "concordat/kysely";
import {
  InMemoryConsumerRepository,
  InMemoryLinkRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
  inMemoryTarget,
  type LinkRepository,
  type UserRepository,
  withIdentityMap,
} from "concordat/repositories";
import {
  type AccountStores,
  accountFor,
  type Identity,
  linkAccount,
  linkedAccount,
  readSignOnUser,
  signOnServer,
} from "concordat/sso";
import { Kysely, sql } from "kysely";
import { describe, expect, onTestFinished, test } from "vitest";

/** Stores whose table gives the id of an account that was deleted to the next one, and a way to use them. */
interface World {
  /** Does something with the stores, in one transaction if there are any. */
  within<R>(work: (stores: AccountStores) => Promise<R>): Promise<R>;
}

/** Makes a store in memory give the one id that it has again and again. */
function reusing<U extends UserRepository>(users: U): U {
  const capabilities = { ...users.capabilities, ids: "reused" };
  return Object.defineProperty(users, "capabilities", { value: capabilities });
}

async function inMemory(transactions: boolean): Promise<World> {
  let time = 0;
  const users = { newId: () => "1", now: () => new Date(time++) };
  const target = inMemoryTarget({ transactions, users });
  return {
    within: (work) =>
      target.transaction === undefined
        ? work({ users: reusing(target.users), links: target.links })
        : target.transaction(({ users, links }) => work({ users: reusing(users), links })),
  };
}

const accounts: UserMap = {
  table: "account",
  id: { column: "id", type: "integer" },
  attributes: { userName: { column: "login", key: "login_key" }, active: "active" },
  others: "ignore",
  mark: "token",
};

async function opened(mark = sql`(lower(hex(randomblob(16))))`): Promise<Kysely<unknown>> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
  onTestFinished(() => db.destroy());
  await createTables(db);
  await sql`create table account (id integer primary key, login text not null, login_key text unique,
    active integer default 1, token text default ${mark})`.execute(db);
  return db;
}

async function inSqlite(transactions: boolean): Promise<World> {
  const target = kyselyTarget({
    db: await opened(),
    transactions,
    users: (inside) => new KyselyUserRepository(inside, { map: accounts }),
  });
  return {
    within: (work) =>
      target.transaction === undefined
        ? work(target)
        : target.transaction(({ users, links }) => work({ users, links })),
  };
}

const server = "https://sso.example/server/";

function identityOf(subject: string, username = subject): Identity {
  return { server, subject, user: readSignOnUser({ username }) };
}

/** Removes an account and makes another one, which gets its id. */
async function replace({ users }: AccountStores, id: string, userName: string): Promise<void> {
  await users.delete(id);
  expect(await users.create({ userName })).toMatchObject({ id });
}

describe.each([
  ["in memory, in transactions", () => inMemory(true)],
  ["in memory, without", () => inMemory(false)],
  ["in SQLite, in transactions", () => inSqlite(true)],
  ["in SQLite, without", () => inSqlite(false)],
] as const)("an id that is used again, %s", (_, open) => {
  test.each(["root", "ann"])("is not that of a deleted user, though it is %s's", async (next) => {
    const { within } = await open();
    const { id } = await within((stores) => accountFor(identityOf("1", "ann"), stores));
    expect(await within((stores) => linkedAccount(identityOf("1"), stores))).toMatchObject({
      id,
    });
    await within((stores) => replace(stores, id, next));
    await within(async (stores) => {
      expect(await linkedAccount(identityOf("1"), stores)).toBeUndefined();
      const again = accountFor(identityOf("1", next), stores);
      await expect(again).rejects.toMatchObject({ reason: "user_name_taken" });
    });
  });

  test("is linked with its owner of now, whoever had it before", async () => {
    const { within } = await open();
    const { id } = await within((stores) => accountFor(identityOf("1", "ann"), stores));
    await within((stores) => replace(stores, id, "bob"));
    await within(async (stores) => {
      const adopt = async () => id;
      expect(await accountFor(identityOf("2", "bob"), { ...stores, adopt })).toMatchObject({ id });
      expect(await linkedAccount(identityOf("1"), stores)).toBeUndefined();
    });
    await within(async (stores) => {
      expect(await linkedAccount(identityOf("2"), stores)).toMatchObject({ userName: "bob" });
    });
  });

  test("is not believed of a link that has no mark, as of a release before, until it is linked again", async () => {
    const { within } = await open();
    await within(async ({ users, links }) => {
      const account = await accountFor(identityOf("1", "ann"), { users, links });
      await forgetMark(links);
      expect(await linkedAccount(identityOf("1"), { users, links })).toBeUndefined();
      await linkAccount({ users, links }, identityOf("1"), account);
      expect(await linkedAccount(identityOf("1"), { users, links })).toEqual(account);
    });
  });
});

async function forgetMark(links: LinkRepository): Promise<void> {
  const [link] = await links.get(`sign-on ${server}`, ["1"]);
  if (link === undefined) throw new Error("There is no link.");
  const { resourceMark: _, ...before } = link;
  await links.save(`sign-on ${server}`, [before]);
}

test("an account without a mark is not linked, and none is left behind", async () => {
  const db = await opened(sql`null`);
  const users = new KyselyUserRepository(db, { map: accounts });
  const links = new InMemoryLinkRepository();
  const refused = accountFor(identityOf("1", "ann"), { users, links });
  await expect(refused).rejects.toMatchObject({ code: "unsupported" });
  expect((await users.find({})).resources).toEqual([]);
});

test("a server tells no client of ids that are used again, but of those of an identity map", async () => {
  const db = await opened();
  const users = new KyselyUserRepository(db, { map: accounts });
  const options = {
    url: server,
    consumers: new InMemoryConsumerRepository(),
    tokens: new InMemorySignOnTokenRepository(),
    nonces: new InMemoryNonceRepository(),
    visitor: async () => undefined,
    signInUrl: () => "/login",
  };
  expect(() => signOnServer({ ...options, users })).toThrow(
    expect.objectContaining({ code: "unsupported" }),
  );
  signOnServer({ ...options, users: withIdentityMap(users, new KyselyIdentityMapRepository(db)) });
  signOnServer({ ...options, users: new InMemoryUserRepository() });
});
