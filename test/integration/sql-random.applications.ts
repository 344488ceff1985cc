import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../examples/sql/database.js";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { mariadbIsInstalled, startMariadb } from "../kysely/servers/mariadb.js";
import { postgresIsInstalled, startPostgres } from "../kysely/servers/postgres.js";
import type { SqlServer } from "../kysely/servers/sql-server.js";
import type { PersonRow } from "./random-directory.js";
import {
  type CopiedTemplate,
  copyTemplate,
  expectEqualAfterRandomChanges,
} from "./random-template.js";
import { describeWithSlapd } from "./slapd.js";

describeWithSlapd("random changes of a real slapd in the template for SQL", () => {
  let template: CopiedTemplate;
  beforeAll(async () => {
    template = await copyTemplate("sql");
  }, 90_000);
  afterAll(() => template?.[Symbol.asyncDispose]());

  test.each([1, 2, 3])(
    "its SQLite equals the directory after 200 changes and some kills, with the seed %i",
    async (seed) => {
      const file = join(template.installed.directory, `application${seed}.sqlite`);
      let page = startPage(template, file);
      const application = {
        env: { DATABASE_URL: file },
        kill: async () => {
          page.process.kill("SIGKILL");
          await page.ended;
          // Somebody else holds the database for longer than a write takes.
          using db = new DatabaseSync(file);
          db.exec("pragma busy_timeout = 5000; begin immediate");
          await new Promise((resolve) => setTimeout(resolve, 200));
          db.exec("rollback");
          page = startPage(template, file);
        },
        people: () => inDatabase(file),
      };
      try {
        const options = { seed, renamesGroups: true, keepsNames: false };
        await expectEqualAfterRandomChanges(template, application, options);
      } finally {
        page.process.kill("SIGKILL");
        await page.ended;
      }
    },
    120_000,
  );

  for (const { name, isInstalled, start, urlOf } of servers) {
    test.skipIf(!isInstalled && process.env["CI"] !== "true")(
      `its ${name} equals the directory after 200 changes, some kills and lost connections`,
      async () => {
        await using server = await start();
        await server.create("application");
        const url = urlOf(server);
        const application = {
          env: { DATABASE_URL: url },
          kill: () => server.endConnections(),
          people: () => inDatabase(url),
        };
        const options = { seed: 4, renamesGroups: true, keepsNames: false };
        await expectEqualAfterRandomChanges(template, application, options);
      },
      120_000,
    );

    test.skipIf(!isInstalled && process.env["CI"] !== "true")(
      `its own tests pass on ${name}`,
      async () => {
        await using server = await start();
        await server.create("application");
        const env = { PATH: process.env["PATH"] ?? "", TEST_DATABASE_URL: urlOf(server) };
        const args = ["--test", "--test-reporter=tap", "test/application.test.ts"];
        const run = await launch(process.execPath, args, template.folder, { env }).ended;
        expect(run.stdout.match(/^ *not ok .*$/gm) ?? [], run.stdout + run.stderr).toEqual([]);
        expect(Number(/^# pass (\d+)$/m.exec(run.stdout)?.[1])).toBeGreaterThan(75);
      },
      120_000,
    );
  }
});

const servers = [
  {
    name: "PostgreSQL",
    isInstalled: postgresIsInstalled,
    start: startPostgres,
    urlOf: ({ socket }: SqlServer) =>
      `postgres://postgres@${encodeURIComponent(dirname(socket))}/postgres?options=-csearch_path%3Dapplication`,
  },
  {
    name: "MariaDB",
    isInstalled: mariadbIsInstalled,
    start: startMariadb,
    urlOf: ({ socket }: SqlServer) =>
      `mysql://root@localhost/application?socketPath=${encodeURIComponent(socket)}`,
  },
];

function startPage(template: CopiedTemplate, file: string): RunningProgram {
  const env = { DATABASE_URL: file, PORT: "0" };
  return launch(process.execPath, ["main.ts"], template.folder, { env });
}

/** Who can sign in, with addresses and teams. */
async function inDatabase(url: string): Promise<readonly PersonRow[]> {
  const db = await openDatabase(url);
  try {
    const people = await db.selectFrom("person").selectAll().where("disabled", "=", 0).execute();
    const members = await db
      .selectFrom("team_member")
      .innerJoin("team", "team.id", "team_member.team_id")
      .select(["team_member.person_id", "team.title"])
      .execute();
    return people.map(({ id, login, email }) => ({
      userName: login,
      cn: undefined,
      email: email ?? undefined,
      groups: members
        .filter((member) => member.person_id === id)
        .map(({ title }) => title)
        .sort(),
    }));
  } finally {
    await db.destroy();
  }
}
