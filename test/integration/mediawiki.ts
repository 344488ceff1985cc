import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, killWithThisProcess, untilItListens } from "./server-process.js";

const run = promisify(execFile);

/** Where Debian's package has it. */
const installed = "/usr/share/mediawiki";

/** What to install for tests that need a real MediaWiki; nothing where it is there. */
export const missingMediaWiki: string | undefined =
  existsSync(join(installed, "maintenance/install.php")) && existsSync("/usr/bin/php")
    ? undefined
    : "install the Debian packages mediawiki, php-cli and php-sqlite3";

/** The groups that the wiki declares beside those of every wiki: `group01` and so on, and some with names. */
export const declaredGroups: readonly string[] = [
  ...Array.from({ length: 60 }, (_, at) => `group${String(at + 1).padStart(2, "0")}`),
  ...["editors", "engineers", "builders"],
];

/** What is added to the settings that the installation wrote. */
function settingsFor(directory: string): string {
  return `
wfLoadExtension( 'Renameuser' );
$wgGroupPermissions['*']['createaccount'] = false;
$wgBlockDisablesLogin = true;
foreach ( ${JSON.stringify(declaredGroups)} as $group ) {
  $wgGroupPermissions[$group]['read'] = true;
}
// A test does not wait for the disk.
$wgDBservers = [ [ 'type' => 'sqlite', 'dbname' => $wgDBname, 'dbDirectory' => $wgSQLiteDataDir,
  'variables' => [ 'synchronous' => 'OFF' ], 'flags' => DBO_DEFAULT, 'load' => 1 ] ];
// The words of the language are the same for all.
$wgLocalisationCacheConf = [ 'store' => 'files', 'storeDirectory' => '${directory}' ] + $wgLocalisationCacheConf;
$wgJobRunRate = 0;
`;
}

/** Wikis that were installed once, and are copied. They are deleted on dispose. */
export interface Wikis extends AsyncDisposable {
  readonly directory: string;
  /** A new wiki, as it was installed. */
  copy(): Promise<Wiki>;
}

/** A wiki with data of its own. */
export interface Wiki {
  /** Its `LocalSettings.php`. */
  readonly settings: string;
  /** The directory of its database. */
  readonly data: string;
  /** What a process of PHP needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** The password of `Admin`, who installed the wiki. */
export const adminPassword = "Adm1n-passw0rd-x";

/**
 * Installs MediaWiki with a database of SQLite.
 *
 * @param more further lines for its settings, in PHP.
 */
export async function installWiki(more = ""): Promise<Wikis> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-mediawiki-"));
  const original = join(directory, "installed");
  await mkdir(original);
  const { MW_CONFIG_FILE: _, ...env } = process.env;
  await run(
    "php",
    [
      join(installed, "maintenance/install.php"),
      ...["--dbtype", "sqlite", "--dbpath", original, "--dbname", "wiki"],
      ...["--confpath", directory, "--server", "http://127.0.0.1", "--scriptpath", ""],
      ...["--lang", "en", "--pass", adminPassword, "Wiki", "Admin"],
    ],
    { env },
  );
  const file = join(directory, "LocalSettings.php");
  const written = await readFile(file, "utf8");
  // The wikis are alike but for their data.
  const shared = written.replace(
    /^\$wgSQLiteDataDir = .*$/m,
    "$wgSQLiteDataDir = getenv( 'WIKI_DATA' );",
  );
  if (shared === written) throw new Error("The settings do not say where the data are.");
  await writeFile(file, shared + settingsFor(directory) + more);
  let count = 0;
  return {
    directory,
    async copy() {
      const data = join(directory, `data${++count}`);
      await cp(original, data, { recursive: true });
      return {
        settings: file,
        data,
        env: { MW_CONFIG_FILE: file, MW_INSTALL_PATH: installed, WIKI_DATA: data },
        remove: () => rm(data, { recursive: true, force: true }),
      };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The web server of a wiki. */
export interface WikiServer extends AsyncDisposable {
  readonly url: string;
  /** What `api.php` answers. */
  api(
    parameters: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>;
}

/** Serves a wiki on a free port of 127.0.0.1, by the server that is in PHP. */
export async function serveWiki(wiki: Wiki): Promise<WikiServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server: ChildProcess = spawn("php", ["-S", `127.0.0.1:${port}`, "-t", installed], {
    env: { ...process.env, ...wiki.env, PHP_CLI_SERVER_WORKERS: "2" },
    stdio: "ignore",
    // Its workers are processes of their own.
    detached: true,
  });
  const guard = killWithThisProcess(server, join(wiki.data, "nothing"));
  await untilItListens(port, () => {
    if (server.exitCode !== null) throw new Error("The server of PHP has ended.");
  });
  return {
    url,
    async api(parameters, headers = {}) {
      const query = new URLSearchParams({ format: "json", formatversion: "2", ...parameters });
      const response = await fetch(`${url}/api.php?${query}`, { headers });
      return await response.json();
    },
    async [Symbol.asyncDispose]() {
      const ended = once(server, "exit");
      if (server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
      await ended;
      guard.kill("SIGKILL");
    },
  };
}
