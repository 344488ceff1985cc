import { readFileSync } from "node:fs";
import type { ChangeBatch } from "concordat/changes";
import { createTables, dropTables, KyselyUserRepository, kyselyTarget } from "concordat/kysely";
import { synchronize } from "concordat/sync";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { application, type Target, userNamed } from "../sync/stores.js";
import { apply, gone, inWords, live, person, quick, scripted } from "../sync/streams.js";
import { type DatabaseKind, databases, describeOn, mariadb } from "./databases.js";
import { formOf, killedAfter } from "./upgrading.js";

/**
 * What the release whose tables had the version 1 made and wrote: its definitions on each database, and the rows of two
 * streams. "directory" was killed after the account of Eve was made and before its link knew it; Carl was refused,
 * since the application has somebody of his name; Bob is gone and disabled; a member of the group "staff", Zoe, is not
 * there yet. "branch" was killed between making the group "board" and putting Fred into it.
 */
interface Made {
  readonly definitions: Readonly<Record<string, readonly string[]>>;
  readonly rows: Readonly<Record<string, readonly Readonly<Record<string, string | number>>[]>>;
}

const made: Made = JSON.parse(
  readFileSync(new URL("./upgrades/version-1.json", import.meta.url), "utf8"),
);

function definitionsOn({ name }: DatabaseKind): readonly string[] {
  return made.definitions[name === "PGlite" ? "PostgreSQL" : name] ?? [];
}

async function fill(kind: DatabaseKind, db: Kysely<unknown>): Promise<void> {
  for (const definition of definitionsOn(kind)) await sql.raw(definition).execute(db);
  for (const [table, rows] of Object.entries(made.rows)) {
    for (const row of rows) {
      const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
      const values = sql.join(Object.values(row));
      await sql`insert into ${sql.table(table)} (${columns}) values (${values})`.execute(db);
    }
  }
}

const stamp = (number: number) => ({
  stamp: `2026112610000${number}.000000Z#000000#001#000000`,
});

/** What the directory says since then. */
const later: readonly ChangeBatch[] = [
  live([person("5", "eve", stamp(8))], "third"),
  live([person("7", "zoe", stamp(9))], "fourth"),
  // An event that comes again, and one that is older than what is known: both are nothing new.
  live([gone("2", stamp(6).stamp)], "fifth"),
  live([person("1", "anna", { stamp: "20261126100000.000000Z#000000#001#000000" })], "sixth"),
  // Bob is there again.
  live([person("2", "bob", { stamp: "20261126100100.000000Z#000000#001#000000" })], "seventh"),
];

async function goOn(db: Kysely<unknown>): Promise<void> {
  const target = kyselyTarget({ db }) as Target;
  await target.users.modify((await userNamed(target, "carl")).id, {
    set: { userName: "carl.local" },
  });
  expect((await target.checkpoints.load("directory"))?.checkpoint).toBe("second");
  expect(await apply(target, [], { source: "branch" })).toEqual(["fred into board"]);
  const stream = scripted(later);
  const outcomes = [];
  // The time when Carl is tried again has come.
  for await (const outcome of synchronize(stream, target, quick)) outcomes.push(outcome);
  expect(stream.readFrom).toEqual(["second"]);
  expect(inWords(outcomes)).toEqual([
    "created eve",
    "created carl",
    "carl into staff",
    "updated eve",
    "created zoe",
    "zoe into staff",
    "reactivated bob",
    "bob into staff",
  ]);
  expect(await application(target)).toEqual({
    users: {
      ann: "active",
      bob: "active",
      "carl.local": "active",
      carl: "active",
      dora: "active",
      eve: "active",
      fred: "active",
      zoe: "active",
    },
    groups: { board: ["fred"], staff: ["ann", "bob", "carl", "zoe"] },
  });
  expect(await apply(target, [live([person("1", "anna", stamp(9))])])).toEqual([
    "renamed ann to anna",
  ]);
}

for (const kind of databases) {
  describeOn(kind, "tables of version 1", () => {
    test("are gone on with", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      await goOn(db);
      await createTables(db);
      expect((await application(kyselyTarget({ db }) as Target)).groups["board"]).toEqual(["fred"]);
    });

    test("are gone on with where another set was brought forward before", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db, { sets: ["sso"] });
      await createTables(db);
      await goOn(db);
    });

    test("are brought forward where users and groups were dropped", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await dropTables(db, { sets: ["resources"] });
      await createTables(db);
      expect((await new KyselyUserRepository(db).find({})).totalResults).toBe(0);
    });

    test("have the form of new ones", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      const upgraded = await formOf(kind, db);
      await dropTables(db);
      expect(await formOf(kind, db)).toEqual([]);
      await createTables(db);
      expect(upgraded.filter((text) => !text.includes("moved_to"))).toEqual(await formOf(kind, db));
    });

    test("are not written to by a process of the release that made them", async () => {
      await using database = await kind.open({ tables: false });
      const { db } = database;
      await fill(kind, db);
      await createTables(db);
      const writes = async () => {
        for (const table of ["link", "link_name", "reference", "grant", "checkpoint"]) {
          const key = table === "checkpoint" ? "stream" : "source";
          const name = sql.table(`concordat_${table}`);
          const failing = [
            sql`insert into ${name} (${sql.ref(key)}) values ('directory')`,
            sql`update ${name} set ${sql.ref(key)} = 'directory' where ${sql.ref(key)} = 'directory'`,
            sql`delete from ${name} where ${sql.ref(key)} = 'directory'`,
          ];
          for (const statement of failing) {
            await expect(statement.execute(db), table).rejects.toThrow();
          }
        }
      };
      await writes();
      // What that release does when it is started: all that or nothing, where the database can.
      const start = async (connection: Kysely<unknown>) => {
        for (const definition of definitionsOn(kind)) await sql.raw(definition).execute(connection);
        const { rows } = await sql<{
          version: number;
        }>`select version from concordat_version`.execute(connection);
        if (Number(rows[0]?.version) > 1) throw new Error("The tables have a later version.");
      };
      await expect(
        kind.name === "MariaDB" ? start(db) : db.transaction().execute(start),
      ).rejects.toThrow(kind.name === "MariaDB" ? /Key column/ : /later version/);
      await writes();
      await goOn(db);
    });
  });
}

describeOn(mariadb, "an upgrade", () => {
  // Each of them takes a database of its own: every third one here, and all of them in the long form.
  const step = process.env["CONCORDAT_RUNS"] === undefined ? 3 : 1;

  test("that is killed after any of its statements is gone on with", {
    timeout: 300_000,
  }, async () => {
    let count = Number.POSITIVE_INFINITY;
    for (let last = 0; last < count; last += step) {
      await using database = await mariadb.open({ tables: false, connections: 1 });
      const { db } = database;
      await fill(mariadb, db);
      const killed = await createTables(killedAfter(last, db)).then(
        () => false,
        () => true,
      );
      if (!killed) {
        count = last;
        break;
      }
      // Its connection is closed, and the lock is free.
      await sql`select release_all_locks()`.execute(db);
      await createTables(db);
      await goOn(db);
    }
    expect(count).toBeGreaterThan(10);
  });
});
