import assert from "node:assert/strict";
import { after, test } from "node:test";
import { synchronize } from "concordat/sync";
import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { sql } from "kysely";
import { openDatabase } from "../database.ts";
import { page } from "../page.ts";
import { applicationTarget, createAllTables } from "../repositories.ts";
import { personOf, signIn } from "../sessions.ts";

/** A database that is there for the tests alone, and is emptied by each; by default, each has one in memory. */
const url = process.env["TEST_DATABASE_URL"];
const shared = url === undefined ? undefined : await openDatabase(url);
const inMemory = ":memory:";
after(() => shared?.destroy());

async function application() {
  const db = shared ?? (await openDatabase(inMemory));
  await createAllTables(db, url ?? inMemory);
  const target = applicationTarget(db);
  if (shared !== undefined) {
    const tables = await shared.introspection.getTables();
    const ours = tables.map(({ name }) => name).filter((name) => name.startsWith("concordat_sync"));
    for (const name of ["session", "team_member", "team", "person", ...ours]) {
      await sql`delete from ${sql.table(name)}`.execute(db);
    }
  }
  return { db, target };
}

// What every part of the package expects of users and groups is expected of these. It opens
// the database before the first test begins.
const contracts = {
  people: await userRepositoryContract(async () => (await application()).target.users),
  teams: await groupRepositoryContract(async () => {
    const { users, groups } = (await application()).target;
    assert.ok(groups !== undefined);
    return { users, groups };
  }),
};

/** A directory of two people and a team, as a stream that ends. */
function directory({ active = true } = {}) {
  const person = (sourceId: string, userName: string, more: object = {}) => ({
    kind: "upsert" as const,
    type: "User" as const,
    sourceId,
    names: [{ kind: "dn" as const, key: `uid=${userName}` }],
    resource: { userName, active: true, ...more },
    complete: true,
  });
  return {
    source: "test",
    async *read() {
      yield { phase: "snapshot" as const, refresh: "begins" as const, changes: [] };
      yield {
        phase: "snapshot" as const,
        refresh: "ends" as const,
        changes: [
          person("1", "ada", { name: { givenName: "Ada", familyName: "<Lovelace>" }, active }),
          person("2", "grace"),
          {
            kind: "upsert" as const,
            type: "Group" as const,
            sourceId: "3",
            names: [{ kind: "dn" as const, key: "cn=engineers" }],
            resource: { displayName: "Engineers" },
            complete: true,
            members: { kind: "all" as const, members: [{ kind: "dn" as const, key: "uid=ada" }] },
          },
          { kind: "sweep" as const },
        ],
        checkpoint: "1",
      };
    },
  };
}

async function apply(
  stream: ReturnType<typeof directory>,
  { target }: Awaited<ReturnType<typeof application>>,
) {
  const outcomes = [];
  for await (const outcome of synchronize(stream, target)) outcomes.push(outcome);
  return outcomes;
}

test("people and teams of the directory are on the page", async () => {
  const app = await application();
  await apply(directory(), app);
  const html = await page(app.db);
  assert.match(html, /Ada &#60;Lovelace&#62;/);
  assert.match(html, /<th[^>]*>Engineers<\/th><td[^>]*>ada<\/td><\/tr>/);
});

test("somebody signs in to the account that the directory made, and is signed out when it is disabled", async () => {
  const app = await application();
  await apply(directory(), app);
  const signedIn = await signIn(app.db, "ADA");
  assert.ok("session" in signedIn);
  assert.equal(await personOf(app.db, signedIn.session), "ada");
  const outcomes = await apply(directory({ active: false }), app);
  const disabled = outcomes.find(({ kind }) => kind === "deactivated");
  assert.equal(disabled && "sessions" in disabled && disabled.sessions, "revoked");
  assert.equal(await personOf(app.db, signedIn.session), undefined);
  assert.deepEqual(await signIn(app.db, "ada"), { refused: "disabled" });
  assert.deepEqual(await signIn(app.db, "nobody"), { refused: "unknown" });
});

for (const [subject, cases] of Object.entries(contracts)) {
  for (const { name, skip, run } of cases) {
    test(`${subject}: ${name}`, { skip: skip ?? false }, run);
  }
}
