import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "../examples/installed-example.js";
import { mariadbIsInstalled, startMariadb } from "../kysely/servers/mariadb.js";
import { postgresIsInstalled, startPostgres } from "../kysely/servers/postgres.js";
import type { SqlServer } from "../kysely/servers/sql-server.js";
import { adminPassword, declaredGroups, missingMediaWiki } from "./mediawiki.js";
import { type CopiedTemplate, copyTemplate } from "./random-template.js";

const run = promisify(execFile);
const mediaWiki = "/usr/share/mediawiki";

const databases = [
  {
    name: "MariaDB",
    module: "mysqli",
    package: "php-mysql",
    isInstalled: mariadbIsInstalled,
    start: startMariadb,
    options: ({ socket }: SqlServer) => [
      ...["--dbtype", "mysql", "--dbserver", `localhost:${socket}`, "--dbuser", "root"],
      ...["--dbname", "wiki"],
    ],
  },
  {
    name: "PostgreSQL",
    module: "pgsql",
    package: "php-pgsql",
    isInstalled: postgresIsInstalled,
    start: startPostgres,
    options: ({ socket }: SqlServer) => [
      ...["--dbtype", "postgres", "--dbserver", dirname(socket), "--dbport", "5432"],
      ...["--dbuser", "postgres", "--dbname", "wiki", "--dbschema", "mediawiki"],
    ],
  },
];

const modules = missingMediaWiki === undefined ? (await run("php", ["-m"])).stdout : "";

// The other tests of MediaWiki have it on SQLite.
for (const { name, module, package: needed, isInstalled, start, options } of databases) {
  const isMissing = missingMediaWiki !== undefined || !isInstalled || !modules.includes(module);
  const title = `MediaWiki on ${name}${isMissing ? ` (install mediawiki, ${name} and ${needed})` : ""}`;
  describe.skipIf(isMissing)(title, () => {
    let template: CopiedTemplate;
    let server: SqlServer;
    let directory: string;

    beforeAll(async () => {
      [template, server] = await Promise.all([copyTemplate("mediawiki"), start()]);
      directory = await mkdtemp(join(tmpdir(), "concordat-mediawiki-"));
      const { MW_CONFIG_FILE: _, ...env } = process.env;
      await run(
        "php",
        [
          join(mediaWiki, "maintenance/install.php"),
          ...options(server),
          ...["--confpath", directory, "--server", "http://127.0.0.1", "--scriptpath", ""],
          ...["--lang", "en", "--pass", adminPassword, "Wiki", "Admin"],
        ],
        { env },
      );
      await appendFile(
        join(directory, "LocalSettings.php"),
        `
wfLoadExtension( 'Renameuser' );
$wgBlockDisablesLogin = true;
foreach ( ${JSON.stringify(declaredGroups)} as $group ) {
  $wgGroupPermissions[$group]['read'] = true;
}
`,
      );
    }, 240_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    });

    test("its users and groups are what every part of the package expects of users and groups", async () => {
      const settings = join(directory, "LocalSettings.php");
      const env = {
        PATH: process.env["PATH"] ?? "",
        MW_CONFIG_FILE: settings,
        MW_INSTALL_PATH: mediaWiki,
        TEST_MW_CONFIG_FILE: settings,
      };
      const args = ["--test", "--test-reporter=tap", "test/wiki.test.ts"];
      const { stdout, stderr } = await launch(process.execPath, args, template.folder, { env })
        .ended;
      expect(stdout.match(/^ *not ok .*$/gm) ?? [], stdout + stderr).toEqual([]);
      expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(75);
    }, 1_800_000);
  });
}
