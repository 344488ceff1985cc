import { createTables, kyselyTarget } from "concordat/kysely";
import { refusedChanges, synchronize } from "concordat/sync";
import { type RawBuilder, sql } from "kysely";
import { expect, test } from "vitest";
import { person, refresh, scripted } from "../sync/streams.js";
import { databases, describeOn } from "./databases.js";

/** A rule of the application, as each database has it. */
const rules: Readonly<Record<string, readonly RawBuilder<unknown>[]>> = {
  SQLite: [
    sql`create trigger no_root before insert on concordat_user when new.user_name = 'root'
      begin select raise(abort, 'That name is reserved.'); end`,
  ],
  PostgreSQL: [
    sql`create function no_root() returns trigger language plpgsql as $$
      begin if new.user_name = 'root' then raise exception 'That name is reserved.'; end if; return new; end $$`,
    sql`create trigger no_root before insert on concordat_user for each row execute function no_root()`,
  ],
  MariaDB: [
    sql`create trigger no_root before insert on concordat_user for each row
      if new.user_name = 'root' then signal sqlstate '45000' set message_text = 'That name is reserved.'; end if`,
  ],
};

for (const kind of databases) {
  describeOn(kind, "a trigger of the application", () => {
    test.each([true, false])(
      "whom a trigger refuses is kept with its reason, and the others are there; in transactions: %s",
      async (transactions) => {
        await using database = await kind.open({ tables: false });
        const { db } = database;
        await createTables(db);
        for (const rule of rules[kind.name] ?? []) await rule.execute(db);
        const target = kyselyTarget({ db, transactions });
        const people = ["ann", "root", "zoe"].map((name) => person(name, name));
        const outcomes = [];
        for await (const { kind } of synchronize(scripted(refresh(people)), target)) {
          outcomes.push(kind);
        }
        expect(outcomes.filter((each) => each === "created")).toHaveLength(2);
        expect(outcomes).not.toContain("waiting");
        const refused = [];
        for await (const { name, failure } of refusedChanges(target.links, "directory")) {
          refused.push([name, failure.code, failure.message]);
        }
        expect(refused).toEqual([
          [
            "root",
            "invalid_value",
            expect.stringContaining("the database refuses it: That name is reserved."),
          ],
        ]);
      },
    );
  });
}
