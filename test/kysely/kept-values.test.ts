import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { KyselyUserRepository, type UserMap } from "concordat/kysely";
import { InMemoryGroupRepository } from "concordat/repositories";
import {
  enterpriseUserId,
  entraProfile,
  type NewUser,
  oktaProfile,
  type ScimProfile,
} from "concordat/scim";
import { type RequestEvent, requestChannelName } from "concordat/scim-server";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { patch, provider, userId } from "../scim-server/provider.js";
import { type DatabaseKind, databases, describeOn, type TestDatabase } from "./databases.js";

/** A column that has a text of its own where there is no name. */
const givenName = { column: "given", unassigned: "-" };

/** What becomes of what has no column. */
const policies = {
  ignore: "ignore",
  refuse: "refuse",
  "a column of JSON": { column: "extra" },
  "columns of JSON and keys": { column: "extra", key: "extra_key" },
} as const satisfies Record<string, UserMap["others"]>;

type Policy = keyof typeof policies;

const tables: Record<DatabaseKind["name"], string> = {
  SQLite: "text",
  PostgreSQL: "text",
  PGlite: "text",
  MariaDB: "varchar(180)",
};

async function application(kind: DatabaseKind): Promise<TestDatabase> {
  const opened = await kind.open({ tables: false });
  const text = sql.raw(tables[kind.name]);
  await sql`create table account (
    id ${text} primary key,
    login ${text} not null,
    login_key ${text} not null unique,
    mail ${text},
    phone ${text},
    mobile ${text},
    given ${text},
    extra ${sql.raw(kind.name === "MariaDB" ? "longtext" : "text")},
    extra_key ${sql.raw(kind.name === "MariaDB" ? "longtext" : "text")}
  )`.execute(opened.db);
  return opened;
}

function mapped(policy: Policy, attributes: UserMap["attributes"] = {}): UserMap {
  return {
    table: "account",
    id: { column: "id", generate: () => crypto.randomUUID() },
    attributes: {
      userName: { column: "login", key: "login_key" },
      "name.givenName": "given",
      emails: "mail",
      phoneNumbers: "phone",
      ...attributes,
    },
    others: policies[policy],
  };
}

/** A client of a service provider over the table, who also sees what the request log says was ignored. */
function client(db: Kysely<unknown>, map: UserMap, profile: ScimProfile = entraProfile) {
  const users = new KyselyUserRepository(db, { map });
  const { call } = provider({ users, groups: new InMemoryGroupRepository() }, { profile });
  return async (method: string, path: string, body?: unknown) => {
    const ignored: string[] = [];
    const note = (event: unknown): void => {
      ignored.push(...(event as RequestEvent).ignored.map((part) => part.path));
    };
    subscribe(requestChannelName, note);
    try {
      return { ...(await call(method, path, body)), ignored };
    } finally {
      unsubscribe(requestChannelName, note);
    }
  };
}

const ada = {
  schemas: [userId],
  userName: "ada@example.org",
  externalId: "58342554-38d6-4ec8-948c-50044d0a33fd",
  active: true,
  emails: [{ primary: true, type: "work", value: "ada@example.org" }],
};

/** An account as both identity providers create one, in columns for all that they send. */
async function withAda(db: Kysely<unknown>, policy: Policy, profile: ScimProfile) {
  await sql`alter table account add column external_id varchar(180)`.execute(db);
  await sql`alter table account add column active integer`.execute(db);
  const map = mapped(policy, { externalId: "external_id", active: "active" });
  const call = client(db, map, profile);
  const { status, body, ignored } = await call("POST", "/Users", ada);
  expect([status, ignored]).toEqual([201, []]);
  return { call, path: `/Users/${body.id}` };
}

async function mailOf(db: Kysely<unknown>): Promise<unknown> {
  return (await sql<{ mail: unknown }>`select mail from account`.execute(db)).rows[0]?.mail;
}

const work = 'emails[type eq "work"]';

/** What Entra and Okta send of an address, and the address afterwards. */
const changes: readonly (readonly [string, ScimProfile, readonly object[], string | null])[] = [
  [
    "Entra replaces the address at work",
    entraProfile,
    [{ op: "Replace", path: `${work}.value`, value: "lovelace@example.org" }],
    "lovelace@example.org",
  ],
  [
    "Entra adds an address at work",
    entraProfile,
    [{ op: "Add", path: `${work}.value`, value: "lovelace@example.org" }],
    "lovelace@example.org",
  ],
  [
    "Entra sends dotted keys without a path",
    entraProfile,
    [{ op: "replace", value: { [`${work}.value`]: "lovelace@example.org" } }],
    "lovelace@example.org",
  ],
  ["Entra removes the address at work", entraProfile, [{ op: "Remove", path: work }], null],
  ["a client removes all addresses", entraProfile, [{ op: "remove", path: "emails" }], null],
  [
    "Entra replaces the primary address",
    entraProfile,
    [{ op: "Replace", path: "emails[primary eq true].value", value: "lovelace@example.org" }],
    "lovelace@example.org",
  ],
  [
    "Okta replaces the list",
    oktaProfile,
    [
      {
        op: "replace",
        value: { emails: [{ value: "lovelace@example.org", type: "work", primary: true }] },
      },
    ],
    "lovelace@example.org",
  ],
];

/** What a client may ask for; not all of it fits into the columns. */
const asked: readonly Readonly<Partial<NewUser>>[] = [
  { emails: [{ value: "a@x.org" }] },
  { emails: [{ value: "a@x.org", primary: true }] },
  { emails: [{ value: "a@x.org", type: "home" }] },
  { emails: [{ value: "a@x.org", type: "home", primary: true }] },
  { emails: [{ value: "a@x.org", type: "Work", primary: false }] },
  { emails: [{ value: "a@x.org", type: "work", display: "A" }] },
  { emails: [{ type: "work", display: "A" }, { value: "b@x.org" }] },
  {
    emails: [
      { value: "a@x.org", type: "work" },
      { value: "b@x.org", type: "work", primary: true },
    ],
  },
  {
    emails: [
      { value: "a@x.org", type: "home", primary: true },
      { value: "b@x.org", type: "work" },
    ],
  },
  { emails: [{ value: "a@x.org" }, { value: "b@x.org" }, { value: "c@x.org" }] },
  { phoneNumbers: [{ value: "1", type: "mobile" }] },
  {
    phoneNumbers: [
      { value: "1", type: "work" },
      { value: "2", type: "mobile" },
    ],
  },
  { name: { givenName: "Ada" } },
  { name: { givenName: "Ada", familyName: "Lovelace" } },
  { name: { givenName: "-" } },
  { name: { formatted: "Ada Lovelace" } },
  { title: "Countess" },
  { [enterpriseUserId]: { department: "Engines", costCenter: "1843" } },
  { photos: [{ value: "https://example.org/ada.png", type: "photo" }] },
  { active: false },
];

/** What of a value is not in another, by a comparison without any art. */
function missing(path: string, value: unknown, stored: unknown): string[] {
  if (Array.isArray(value)) {
    const others: unknown[] = Array.isArray(stored) ? [...stored] : [];
    return value.every((item) => {
      const at = others.findIndex((other) => missing("", item, other).length === 0);
      return at >= 0 && others.splice(at, 1).length === 1;
    })
      ? []
      : [path];
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, inside]) => {
      const separator = path.startsWith("urn:") && path.endsWith(":User") ? ":" : ".";
      return missing(`${path}${separator}${name}`, inside, Reflect.get(Object(stored), name));
    });
  }
  if (path.endsWith(".type")) {
    return String(value).toLowerCase() === String(stored).toLowerCase() ? [] : [path];
  }
  return value === stored || (path.endsWith(".primary") && value === false && stored !== true)
    ? []
    : [path];
}

for (const kind of databases) {
  describeOn(kind, "what a write asks for in a table of the application", () => {
    test.each(
      changes.flatMap((change) =>
        (Object.keys(policies) as Policy[]).map((policy) => [change[0], policy, change] as const),
      ),
    )("is there where %s (%s)", async (_, policy, [, profile, operations, mail]) => {
      await using opened = await application(kind);
      const { call, path } = await withAda(opened.db, policy, profile);
      const changed = await call("PATCH", path, patch(...operations));
      expect([changed.status, changed.ignored]).toEqual([200, []]);
      expect(await mailOf(opened.db)).toBe(mail);
      const { body } = await call("GET", path);
      expect(body.emails).toEqual(
        mail === null ? undefined : [{ value: mail, type: "work", primary: true }],
      );
    });

    test.each(Object.keys(policies) as Policy[])(
      "is kept, refused or reported, never answered as done (%s)",
      async (policy) => {
        await using opened = await application(kind);
        const call = client(opened.db, mapped(policy, { "name.givenName": givenName }));
        const outcomes = new Set<string>();
        for (const [at, attributes] of asked.entries()) {
          const { body: bare } = await call("POST", "/Users", {
            schemas: [userId],
            userName: `changed-${at}`,
          });
          for (const [method, path, body] of [
            ["POST", "/Users", { schemas: [userId], userName: `created-${at}`, ...attributes }],
            ["PATCH", `/Users/${bare.id}`, patch({ op: "add", value: attributes })],
            [
              "PUT",
              `/Users/${bare.id}`,
              { schemas: [userId], userName: `put-${at}`, ...attributes },
            ],
          ] as const) {
            const answer = await call(method, path, body);
            if (answer.status >= 400) {
              expect([policy, answer.status, answer.body.scimType]).not.toContain(500);
              outcomes.add("refused");
              continue;
            }
            const { body: read } = await call("GET", `/Users/${answer.body.id}`);
            const lost = Object.entries(attributes).flatMap(([name, value]) =>
              missing(name, value, read[name]),
            );
            expect(answer.ignored, `${method} ${JSON.stringify(attributes)}`).toEqual(lost);
            outcomes.add(lost.length > 0 ? "reported" : "kept");
          }
        }
        const others = policy === "ignore" ? "reported" : "refused";
        expect(outcomes).toEqual(new Set(["kept", others]));
      },
    );

    test("is told of each of a batch", async () => {
      await using opened = await application(kind);
      const users = new KyselyUserRepository(opened.db, { map: mapped("ignore") });
      const results = await users.write([
        { kind: "create", resource: { userName: "ann", title: "Dr." } },
        { kind: "create", resource: { userName: "bob" } },
        { kind: "create", resource: { userName: "eve", nickName: "E" } },
      ]);
      expect(results.map((result) => result.written && result.ignored)).toEqual([
        ["title"],
        undefined,
        ["nickName"],
      ]);
      const [first] = results;
      const id = first?.written ? first.id : "";
      expect(
        await users.write([
          { kind: "modify", id, modification: { set: { locale: "de", title: "Prof." } } },
          { kind: "replace", id, resource: { userName: "ann", emails: [{ value: "a" }] } },
        ]),
      ).toEqual([
        { written: true, id, ignored: ["locale", "title"] },
        { written: true, id },
      ]);
    });

    test("has a column for each of several types of value", async () => {
      await using opened = await application(kind);
      const map = mapped("refuse", {
        phoneNumbers: [{ column: "phone" }, { column: "mobile", type: "mobile", primary: false }],
      });
      const call = client(opened.db, map);
      const { body } = await call("POST", "/Users", { schemas: [userId], userName: "ada" });
      const value = (type: string): string => `phoneNumbers[type eq "${type}"].value`;
      const { status } = await call(
        "PATCH",
        `/Users/${body.id}`,
        patch(
          { op: "Add", path: value("mobile"), value: "2" },
          { op: "Add", path: value("work"), value: "1" },
        ),
      );
      expect(status).toBe(200);
      expect((await call("GET", `/Users/${body.id}`)).body.phoneNumbers).toEqual([
        { value: "1", type: "work", primary: true },
        { value: "2", type: "mobile" },
      ]);
      const { rows } = await sql`select phone, mobile from account`.execute(opened.db);
      expect(rows).toEqual([{ phone: "1", mobile: "2" }]);
      const fax = { op: "Add", path: value("fax"), value: "3" };
      expect(await call("PATCH", `/Users/${body.id}`, patch(fax))).toMatchObject({
        status: 400,
        body: { scimType: "invalidValue" },
      });
    });

    test.each(["ignore", "refuse", "a column of JSON"] as const)(
      "is not the primary one without a word, where it is said not to be, by the policy %j",
      async (policy) => {
        await using opened = await application(kind);
        const { call, path } = await withAda(opened.db, policy, entraProfile);
        const address = { value: "ada@example.org", type: "work", primary: false };
        const replaced = await call(
          "PATCH",
          path,
          patch({ op: "Replace", path: "emails", value: [address] }),
        );
        if (policy === "refuse") {
          expect(replaced).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
        } else if (policy === "ignore")
          expect(replaced).toMatchObject({ status: 200, ignored: ["emails"] });
        else {
          expect(replaced).toMatchObject({ status: 200, ignored: [] });
          expect((await call("GET", path)).body.emails).toEqual([address]);
        }
        const unsaid = [{ value: "lovelace@example.org", type: "work" }];
        const plain = patch({ op: "Replace", path: "emails", value: unsaid });
        expect(await call("PATCH", path, plain)).toMatchObject({ status: 200, ignored: [] });
      },
    );

    test("is one value of any type, where the map says so", async () => {
      await using opened = await application(kind);
      const users = new KyselyUserRepository(opened.db, {
        map: mapped("ignore", { emails: { column: "mail", type: null } }),
      });
      const ignored: string[] = [];
      const { id } = await users.create(
        {
          userName: "ada",
          emails: [
            { value: "a", type: "work" },
            { value: "b", type: "home", primary: true },
          ],
        },
        { onIgnored: (paths) => ignored.push(...paths) },
      );
      expect(ignored).toEqual(["emails"]);
      expect((await users.get(id))?.emails).toEqual([{ value: "b", primary: true }]);
    });

    test("is read with what the application has put into the column since", async () => {
      await using opened = await application(kind);
      const users = new KyselyUserRepository(opened.db, { map: mapped("a column of JSON") });
      const { id } = await users.create({
        userName: "ada",
        emails: [
          { value: "home", type: "home", primary: true },
          { value: "work", type: "work", display: "At work" },
        ],
      });
      await sql`update account set mail = 'new'`.execute(opened.db);
      expect((await users.get(id))?.emails).toEqual([
        { value: "home", type: "home", primary: true },
        { value: "new", type: "work", display: "At work" },
      ]);
      await sql`update account set mail = null`.execute(opened.db);
      expect((await users.get(id))?.emails).toEqual([
        { value: "home", type: "home", primary: true },
        { type: "work", display: "At work" },
      ]);
    });
  });
}

test.each([
  ["addresses", "has no value of its own", { addresses: "mail" }],
  ["a value of an empty type", "is none", { emails: { column: "mail", type: "" } }],
  [
    "two columns for one value",
    "is too many",
    { title: [{ column: "mail" }, { column: "phone" }] },
  ],
])("a map with %s is refused: it %s", async (_, __, attributes) => {
  await using opened = await application(databases[0] ?? expect.fail());
  const map = mapped("ignore", attributes as UserMap["attributes"]);
  expect(() => new KyselyUserRepository(opened.db, { map })).toThrow(
    expect.objectContaining({ code: "invalid_value" }),
  );
});
