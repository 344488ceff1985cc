import { dirname } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import {
  type BoundFilter,
  bindFilter,
  filterToSql,
  parseFilter,
  type SqlColumns,
  userResourceType,
} from "concordat/scim";
import { and, gt, sql } from "drizzle-orm";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/pglite";
import { Client } from "pg";
import { expect, test } from "vitest";
import { describeOn, postgres } from "../../../kysely/databases.js";

const columns: SqlColumns = {
  table: "account",
  attributes: {
    id: { column: "id", type: "integer" },
    userName: { column: "login", key: "login_key" },
    emails: { json: "mail", compared: true },
  },
};

const table = `create temporary table account (
  id integer primary key, login text not null, login_key text not null unique, mail jsonb not null
)`;
const rows = `insert into account values
  (1, 'Babs', 'babs', '[{"type": "work", "value": "babs@example.com"}]'),
  (2, 'José', 'josé', '[{"type": "home", "value": "jose@example.com"}, {"type": "work", "value": "j@example.org"}]'),
  (3, 'Jose', 'jose', '[]')`;

const filter: BoundFilter = bindFilter(
  parseFilter('userName sw "JOS" and not (emails[type eq "Work" and value ew ".COM"])'),
  userResourceType,
);

describeOn(postgres, "a filter in a statement of pg", () => {
  test("goes behind the parameters that are there already", async () => {
    const { socket } = await postgres.server();
    const client = new Client({ host: dirname(socket), user: "postgres", database: "postgres" });
    await client.connect();
    await client.query(table);
    await client.query(rows);
    const { sql: condition, parameters } = filterToSql(filter, columns, "postgres", {
      parametersBefore: 1,
    });
    const found = await client.query(
      `select login from account where id < $1 and ${condition} order by id limit $${2 + parameters.length}`,
      [3, ...parameters, 10],
    );
    await client.end();
    expect(found.rows).toEqual([{ login: "José" }]);
  });
});

test("a filter becomes part of a query of Drizzle", async () => {
  const account = pgTable("account", { id: integer().primaryKey(), login: text().notNull() });
  await using client = await PGlite.create();
  await client.exec(`${table}; ${rows}`);
  const { fragments, parameters } = filterToSql(filter, columns, "postgres");
  const condition = sql(Object.assign([...fragments], { raw: fragments }), ...parameters);
  const found = await drizzle(client)
    .select({ login: account.login })
    .from(account)
    .where(and(gt(account.id, 1), condition))
    .orderBy(account.id);
  expect(found).toEqual([{ login: "José" }, { login: "Jose" }]);
});
