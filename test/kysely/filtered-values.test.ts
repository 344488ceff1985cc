import { KyselyUserRepository, type UserMap } from "concordat/kysely";
import {
  bindFilter,
  caseless,
  compileFilter,
  type NewUser,
  parseFilter,
  userResourceType,
} from "concordat/scim";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";

const people: readonly NewUser[] = [
  { userName: "ada", emails: [{ value: "Ada@Example.org", type: "work", primary: true }] },
  { userName: "bob", emails: [{ value: "bob@example.com", type: "work", primary: true }] },
  {
    userName: "eve",
    phoneNumbers: [
      { value: "1", type: "work", primary: true },
      { value: "2", type: "mobile" },
    ],
  },
  { userName: "zoe", phoneNumbers: [{ value: "1", type: "mobile" }] },
  { userName: "nil" },
];

const filters = [
  'emails eq "ada@example.ORG"',
  'emails.value eq "ADA@example.org"',
  'emails ne "ada@example.org"',
  'emails co "EXAMPLE"',
  'emails sw "bob" and emails ew ".com"',
  'emails.value gt "b"',
  "emails pr",
  "not (emails pr)",
  "emails.type pr",
  'emails.type eq "WORK"',
  'emails.type eq "home"',
  'emails.type ne "home"',
  'emails.type co "or"',
  'emails.type lt "x"',
  'emails.type gt "x"',
  "emails.display pr",
  'emails.display ne "x"',
  "emails.primary eq true",
  'emails[type eq "work"]',
  'emails[type eq "work" and value eq "ada@example.org"]',
  'emails[type eq "home" and value eq "ada@example.org"]',
  'emails[not (type eq "home") and value co "bob"]',
  'emails[primary eq true and value co "@example"]',
  "emails[primary eq false]",
  'phoneNumbers[type eq "mobile" and value eq "1"]',
  'phoneNumbers[type eq "mobile"]',
  'phoneNumbers[type eq "work" and primary eq true]',
  "phoneNumbers[primary eq false]",
  "phoneNumbers[not (primary eq true)]",
  'phoneNumbers.value eq "1"',
  'phoneNumbers.value ne "1"',
];

for (const kind of databases) {
  describeOn(kind, "one of several values in a column", () => {
    test.each(["key", "lower"] as const)("is found by filters, by %s", async (way) => {
      await using opened = await kind.open({ tables: false });
      const { db } = opened;
      const text = sql.raw(kind.name === "MariaDB" ? "varchar(180)" : "text");
      await sql`create table account (id ${text} primary key, login ${text}, login_key ${text},
        mail ${text}, mail_key ${text}, phone ${text}, mobile ${text})`.execute(db);
      const compared = (column: string) =>
        way === "key" && column !== "phone" && column !== "mobile"
          ? { column, key: `${column}_key` }
          : { column, lower: true };
      const map: UserMap = {
        table: "account",
        id: { column: "id", generate: () => crypto.randomUUID() },
        attributes: {
          userName: compared("login"),
          emails: { ...compared("mail"), unique: true },
          phoneNumbers: [
            compared("phone"),
            { ...compared("mobile"), type: "mobile", primary: false },
          ],
        },
        others: "ignore",
      };
      const users = new KyselyUserRepository(db, { map });
      for (const person of people) await users.create(person);
      const all = (await users.find({})).resources;
      for (const filter of filters) {
        const bound = bindFilter(parseFilter(filter), userResourceType);
        const matches = compileFilter(bound);
        const expected = all.filter((user) => matches(user)).map(({ userName }) => userName);
        const { resources, totalResults } = await users.find({ filter: bound });
        expect(resources.map(({ userName }) => userName).sort(), filter).toEqual(expected.sort());
        expect(totalResults, filter).toBe(expected.length);
      }
      expect(users.capabilities.filter).toMatchObject({
        emails: expect.arrayContaining(["pr", "valuePath"]),
        "emails.value": expect.arrayContaining(["eq", "co"]),
      });
      const { rows } = await sql`select mail_key as form from account where login = 'ada'`.execute(
        db,
      );
      expect(rows).toEqual([{ form: way === "key" ? caseless("Ada@Example.org") : null }]);
    });
  });
}
