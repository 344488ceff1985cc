import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { inetOrgPerson, profile, watchDirectory } from "concordat/ldap";
import { type Outcome, type SynchronizeOptions, synchronize } from "concordat/sync";
import { startDirectory } from "concordat/testing/directory";
import { type Dialect, Kysely } from "kysely";
import { Attribute, Change, Client } from "ldapts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeOn, type ServerKind, servers } from "../kysely/databases.js";
import { describeWithSlapd, startSlapd } from "./slapd.js";

const suffix = "dc=example,dc=com";
const people = `ou=people,${suffix}`;
const groups = `ou=groups,${suffix}`;

/** Groups that state members by DN and groups that state them by uid; whoever has left is disabled. */
const staff = profile({
  extends: inetOrgPerson,
  groupClasses: ["groupOfNames", "posixGroup"],
  members: [
    { attribute: "member", kind: "dn" },
    { attribute: "memberUid", kind: "uid" },
  ],
  user: {
    active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== "left" },
  },
});

/** A server that the tests can stop and start, in a process of its own or in this one. */
interface Server extends AsyncDisposable {
  readonly url: string;
  readonly adminDn: string;
  readonly password: string;
  restart(): Promise<void>;
}

async function realServer(): Promise<Server> {
  const slapd = await startSlapd();
  return {
    url: slapd.url,
    adminDn: slapd.adminDn,
    password: slapd.password,
    async restart() {
      await slapd.stop();
      await slapd.start();
    },
    [Symbol.asyncDispose]: () => slapd[Symbol.asyncDispose](),
  };
}

async function serverInTheProcess(): Promise<Server> {
  const directory = await startDirectory();
  return {
    url: directory.url,
    adminDn: directory.adminDn,
    password: directory.password,
    restart: () => directory.restart(),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** A database that outlives the connections to it. */
interface Store extends AsyncDisposable {
  connect(): Dialect;
}

async function sqliteFile(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-"));
  return {
    connect: () => nodeSqliteDialect({ path: join(folder, "app.sqlite") }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function databaseOn(kind: ServerKind): Promise<Store> {
  const server = await kind.server();
  const name = `application_${crypto.randomUUID().slice(0, 8)}`;
  await server.create(name);
  return {
    connect: () => server.dialect(name),
    [Symbol.asyncDispose]: () => server.drop(name),
  };
}

/** The application: a database, and the programme that keeps it up to date, which can be stopped and started. */
class Application implements AsyncDisposable {
  readonly #server: Server;
  readonly #store: Store;
  readonly #transactions: boolean;
  readonly outcomes: Outcome[] = [];
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #db: Kysely<unknown> | undefined;
  #failure: unknown;

  constructor(server: Server, store: Store, transactions: boolean) {
    this.#server = server;
    this.#store = store;
    this.#transactions = transactions;
  }

  async start(options: SynchronizeOptions = {}): Promise<void> {
    this.#stop = new AbortController();
    const db = new Kysely<unknown>({ dialect: this.#store.connect() });
    this.#db = db;
    await createTables(db);
    const { url, adminDn, password } = this.#server;
    const directory = watchDirectory({
      url,
      base: suffix,
      filter: "(!(ou=archive))",
      profile: staff,
      bind: { method: "simple", dn: adminDn, password },
      allowCleartext: true,
      reconnect: { initialDelay: 10, maxDelay: 100 },
    });
    this.#running = this.#follow(
      synchronize(directory, kyselyTarget({ db, transactions: this.#transactions }), {
        ...options,
        signal: this.#stop.signal,
      }),
    );
  }

  async #follow(outcomes: AsyncIterable<Outcome>): Promise<unknown> {
    try {
      for await (const outcome of outcomes) this.outcomes.push(outcome);
      return undefined;
    } catch (error) {
      // A test that waits for something to happen is to know that nothing will.
      if (!this.#stop.signal.aborted) this.#failure = error;
      return error;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    expect(await this.#running).toBeUndefined();
    await this.#db?.destroy();
    this.#db = undefined;
  }

  /** The users, each with its title or that it is disabled, and who is in which group. */
  async content(): Promise<Record<string, unknown>> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#db === undefined) throw new Error("The application is stopped.");
    const { users, groups } = kyselyTarget({ db: this.#db });
    const names = new Map<string, string>();
    const content: Record<string, unknown> = {};
    for (const user of (await users.find({})).resources) {
      names.set(user.id, user.userName);
      content[user.userName] = user.active === false ? "disabled" : (user.title ?? "");
    }
    for (const { id, displayName } of (await groups?.find({}))?.resources ?? []) {
      const page = await groups?.members(id);
      content[displayName] = page?.members.map(({ value }) => names.get(value)).sort();
    }
    return content;
  }

  async becomes(content: Record<string, unknown>): Promise<void> {
    await expect.poll(() => this.content(), { timeout: 10_000, interval: 5 }).toEqual(content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#db !== undefined) await this.stop();
  }
}

async function addPerson(client: Client, uid: string, title?: string): Promise<void> {
  await client.add(`uid=${uid},${people}`, {
    objectClass: "inetOrgPerson",
    uid,
    cn: uid,
    sn: uid,
    ...(title === undefined ? {} : { title }),
  });
}

async function change(
  client: Client,
  dn: string,
  operation: "add" | "replace" | "delete",
  type: string,
  ...values: string[]
): Promise<void> {
  await client.modify(dn, new Change({ operation, modification: new Attribute({ type, values }) }));
}

function follows(
  start: () => Promise<Server>,
  transactions: boolean,
  makeStore: () => Promise<Store> = sqliteFile,
): void {
  let store: Store;
  let server: Server;
  let client: Client;
  let app: Application;
  beforeEach(async () => {
    store = await makeStore();
    server = await start();
    client = await bound(server);
    app = new Application(server, store, transactions);
  });
  afterEach(async () => {
    await client.unbind();
    await app[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  test("people come, change, are renamed, moved, disabled, and go", async () => {
    await addPerson(client, "anna", "Clerk");
    await app.start();
    await app.becomes({ anna: "Clerk" });
    await addPerson(client, "ben");
    await app.becomes({ anna: "Clerk", ben: "" });
    await change(client, `uid=anna,${people}`, "replace", "title", "Head");
    await app.becomes({ anna: "Head", ben: "" });
    await client.modifyDN(`uid=anna,${people}`, "uid=anne");
    await app.becomes({ anne: "Head", ben: "" });
    await client.modifyDN(`uid=anne,${people}`, `uid=anne,${groups}`);
    await change(client, `uid=anne,${groups}`, "replace", "title");
    await app.becomes({ anne: "", ben: "" });
    await change(client, `uid=ben,${people}`, "add", "employeeType", "left");
    await app.becomes({ anne: "", ben: "disabled" });
    await change(client, `uid=ben,${people}`, "delete", "employeeType");
    await app.becomes({ anne: "", ben: "" });
    await client.del(`uid=ben,${people}`);
    await app.becomes({ anne: "", ben: "disabled" });
    await addPerson(client, "ben", "Other");
    await expect.poll(() => app.content()).toMatchObject({ ben: "Other" });
    expect(Object.values(await app.content()).sort()).toEqual(["", "Other", "disabled"]);
  });

  test("groups of both kinds, named before their members are there, and without them again", async () => {
    await app.start();
    await client.add(`cn=board,${groups}`, {
      objectClass: "groupOfNames",
      cn: "board",
      member: [`uid=anna,${people}`, `UID=Ben, ${people}`],
    });
    await client.add(`cn=web,${groups}`, {
      objectClass: "posixGroup",
      cn: "web",
      gidNumber: "100",
      memberUid: ["anna", "carl"],
    });
    await addPerson(client, "anna");
    await addPerson(client, "ben");
    await addPerson(client, "carl");
    await app.becomes({
      anna: "",
      ben: "",
      carl: "",
      board: ["anna", "ben"],
      web: ["anna", "carl"],
    });
    await change(client, `cn=board,${groups}`, "delete", "member", `uid=anna,${people}`);
    await change(client, `cn=web,${groups}`, "add", "memberUid", "ben");
    await change(client, `cn=web,${groups}`, "delete", "memberUid", "carl");
    await app.becomes({ anna: "", ben: "", carl: "", board: ["ben"], web: ["anna", "ben"] });
    await client.del(`cn=board,${groups}`);
    await app.becomes({ anna: "", ben: "", carl: "", board: [], web: ["anna", "ben"] });
  });

  test("who leaves the filter is disabled and out of the groups, and in again on return", async () => {
    await addPerson(client, "anna");
    await addPerson(client, "ben");
    await client.add(`cn=board,${groups}`, {
      objectClass: "groupOfNames",
      cn: "board",
      member: [`uid=anna,${people}`, `uid=ben,${people}`],
    });
    await app.start();
    await app.becomes({ anna: "", ben: "", board: ["anna", "ben"] });
    await change(client, `uid=anna,${people}`, "add", "ou", "archive");
    await app.becomes({ anna: "disabled", ben: "", board: ["ben"] });
    await change(client, `uid=anna,${people}`, "delete", "ou");
    await app.becomes({ anna: "", ben: "", board: ["anna", "ben"] });
    expect(app.outcomes.filter(({ kind }) => kind === "created")).toHaveLength(3);
  });

  test("a restart of the directory, and one of the application, lose nothing", async () => {
    await addPerson(client, "anna");
    await addPerson(client, "ben");
    await app.start();
    await app.becomes({ anna: "", ben: "" });

    await client.unbind();
    await server.restart();
    client = await bound(server);
    await addPerson(client, "carl");
    await app.becomes({ anna: "", ben: "", carl: "" });

    await app.stop();
    await client.del(`uid=ben,${people}`);
    await client.modifyDN(`uid=anna,${people}`, "uid=anne");
    await addPerson(client, "dora");
    app.outcomes.length = 0;
    await app.start();
    await app.becomes({ anne: "", ben: "disabled", carl: "", dora: "" });
    expect(app.outcomes.filter(({ kind }) => kind === "updated")).toEqual([]);
  });
}

async function bound({ url, adminDn, password }: Server): Promise<Client> {
  const client = new Client({ url });
  await client.bind(adminDn, password);
  return client;
}

describe("a directory in the process is followed into SQLite", () => {
  describe("in transactions", () => follows(serverInTheProcess, true));
  describe("without a transaction", () => follows(serverInTheProcess, false));
});

for (const kind of servers) {
  describeOn(kind, "a directory in the process is followed into a database", () => {
    const makeStore = (): Promise<Store> => databaseOn(kind);
    describe("in transactions", () => follows(serverInTheProcess, true, makeStore));
    describe("without a transaction", () => follows(serverInTheProcess, false, makeStore));
  });
}

describeWithSlapd("a real slapd is followed into SQLite", () => {
  describe("in transactions", () => follows(realServer, true));
  describe("without a transaction", () => follows(realServer, false));
});

/** Starts a slapd whose refint overlay rewrites members without telling anybody. */
async function serverWithRefint(): Promise<Server> {
  const slapd = await startSlapd({ refint: true });
  return { ...slapd, restart: async () => undefined };
}

function followsRewrittenMembers(start: () => Promise<Server>, transactions: boolean): void {
  test(`whoever takes the DN of a former member is not one (${transactions})`, async () => {
    await using server = await start();
    const client = await bound(server);
    await using store = await sqliteFile();
    try {
      for (const uid of ["anna", "ben", "carl"]) await addPerson(client, uid);
      await client.add(`cn=board,${groups}`, {
        objectClass: "groupOfNames",
        cn: "board",
        member: ["anna", "ben", "carl"].map((uid) => `uid=${uid},${people}`),
      });
      await using app = new Application(server, store, transactions);
      await app.start({ onDelete: "delete" });
      await app.becomes({ anna: "", ben: "", carl: "", board: ["anna", "ben", "carl"] });

      await client.modifyDN(`uid=anna,${people}`, "uid=anne");
      await client.del(`uid=ben,${people}`);
      await app.becomes({ anne: "", carl: "", board: ["anne", "carl"] });
      // The directory has rewritten the group by now, and no event said so.
      await expect
        .poll(() => membersOf(client, `cn=board,${groups}`))
        .toEqual([`uid=anne,${people}`, `uid=carl,${people}`]);
      await addPerson(client, "anna");
      await addPerson(client, "ben");
      await addPerson(client, "dora");
      await app.becomes({
        anna: "",
        anne: "",
        ben: "",
        carl: "",
        dora: "",
        board: ["anne", "carl"],
      });

      // The same while nobody listens.
      await app.stop();
      await client.del(`uid=carl,${people}`);
      await addPerson(client, "carl");
      await client.modifyDN(`uid=dora,${people}`, "uid=doris");
      await app.start({ onDelete: "delete" });
      await app.becomes({ anna: "", anne: "", ben: "", carl: "", doris: "", board: ["anne"] });
    } finally {
      await client.unbind();
    }
  });
}

async function membersOf(client: Client, dn: string): Promise<readonly string[]> {
  const { searchEntries } = await client.search(dn, { scope: "base", attributes: ["member"] });
  return [searchEntries[0]?.["member"] ?? []].flat().map(String).sort();
}

describe("a directory in the process that rewrites members in silence", () => {
  const start = async (): Promise<Server> => {
    const directory = await startDirectory({ refint: true });
    const { url, adminDn, password } = directory;
    return {
      url,
      adminDn,
      password,
      restart: () => directory.restart(),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  };
  followsRewrittenMembers(start, true);
  followsRewrittenMembers(start, false);
});

describeWithSlapd("a real slapd that rewrites members in silence", () => {
  followsRewrittenMembers(serverWithRefint, true);
  followsRewrittenMembers(serverWithRefint, false);
});
