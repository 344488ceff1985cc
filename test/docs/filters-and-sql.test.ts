import { DatabaseSync } from "node:sqlite";
import { nodeSqliteDialect } from "concordat/kysely";
import {
  type BoundFilter,
  bindFilter,
  caseless,
  comparedForm,
  compileFilter,
  filterToSql,
  isAnsweredInSql,
  parseFilter,
  type SqlColumns,
  splitFilter,
  type User,
  userResourceType,
} from "concordat/scim";
import { Kysely, sql } from "kysely";
import { expect, test } from "vitest";

/** The columns of the guide, with instants as SQLite has them. */
const columns: SqlColumns = {
  table: "account",
  attributes: {
    id: { column: "id", type: "integer" },
    userName: { column: "login", key: "login_key" },
    externalId: "external_id",
    active: { column: "disabled", invert: true },
    "name.familyName": { column: "family_name", key: "family_name_key", unassigned: "" },
    "meta.lastModified": "changed_at",
    emails: {
      table: "account_email",
      owner: "account_id",
      id: "id",
      values: { value: { column: "address", key: "address_key" }, primary: "is_primary" },
    },
  },
  others: { json: "attributes_key", compared: true },
};

const users: readonly User[] = [
  {
    id: "1",
    userName: "BJensen",
    active: true,
    title: "Guide",
    name: { familyName: "Jensen" },
    emails: [
      { value: "b@work.example", primary: true },
      { value: "b@home.example.com", primary: false },
    ],
  },
  {
    id: "2",
    userName: "José",
    externalId: "X7",
    active: false,
    emails: [{ value: "jose@example.com", primary: true }],
    meta: { lastModified: "2026-01-01T00:00:00.000Z" },
  },
  { id: "3", userName: "jose", active: true },
];

function database(): DatabaseSync {
  const opened = new DatabaseSync(":memory:");
  opened.exec(`create table account (id integer primary key, login text, login_key text unique, external_id text,
      disabled integer, family_name text, family_name_key text, changed_at text, attributes_key text);
    create table account_email (account_id integer, address text, address_key text, is_primary integer)`);
  const insert = opened.prepare("insert into account values (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const insertEmail = opened.prepare("insert into account_email values (?, ?, ?, ?)");
  for (const { id, meta, userName, externalId, active, name, emails = [], ...others } of users) {
    const { familyName = "" } = name ?? {};
    const key = JSON.stringify(comparedForm(userResourceType, others));
    const changed = meta?.lastModified ?? null;
    insert.run(
      Number(id),
      userName,
      caseless(userName),
      externalId ?? null,
      active ? 0 : 1,
      familyName,
      caseless(familyName),
      changed,
      key,
    );
    for (const { value = "", primary } of emails) {
      insertEmail.run(Number(id), value, caseless(value), primary ? 1 : 0);
    }
  }
  return opened;
}

const bind = (text: string): BoundFilter => bindFilter(parseFilter(text), userResourceType);

const filters = [
  'userName sw "b" and active eq true',
  'userName eq "JOSÉ" or externalId eq "X7"',
  'emails[primary eq true and value co "example.com"]',
  'not (emails.value ew ".com") and name.familyName ne "jensen"',
  'title co "GUI"',
  'meta.lastModified lt "2026-01-01T02:00:00+01:00"',
];

test.each(filters)("in node:sqlite: %s", (text) => {
  using opened = database();
  const bound = bind(text);
  const { sql: where, parameters } = filterToSql(bound, columns, "sqlite");
  const rows = opened.prepare(`select id from account where ${where}`).all(...parameters);
  const matching = users.filter(compileFilter(bound));
  expect(rows.map(({ id }) => String(id))).toEqual(matching.map(({ id }) => id));
  expect(matching.length).toBeGreaterThan(0);
  expect(matching.length).toBeLessThan(users.length);
});

test("in a query of Kysely", async () => {
  await using db = new Kysely<{ account: { id: number; login: string } }>({
    dialect: nodeSqliteDialect({ database: database() }),
  });
  const { fragments, parameters } = filterToSql(bind('userName co "JENS"'), columns, "sqlite");
  const condition = sql<boolean>(Object.assign([...fragments], { raw: fragments }), ...parameters);
  expect(await db.selectFrom("account").select("login").where(condition).execute()).toEqual([
    { login: "BJensen" },
  ]);
});

test("in part, where the columns are not enough", () => {
  const known: SqlColumns = { table: "account", attributes: { userName: "login" } };
  const filter = bind('externalId eq "X7" and userName pr');
  const { pushed, rest } = splitFilter(filter, isAnsweredInSql(known, "sqlite"));
  using opened = database();
  const { sql: where } = filterToSql(pushed ?? filter, known, "sqlite");
  expect(opened.prepare(`select id from account where ${where}`).all()).toHaveLength(3);
  const left = rest === undefined ? users : users.filter(compileFilter(rest));
  expect(left.map(({ id }) => id)).toEqual(["2"]);
});
