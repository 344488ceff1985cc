import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const library = "/usr/share/request-tracker5/lib";
const serverPath = "/usr/share/request-tracker5/libexec/rt-server";

/** What is to be installed, where it is not. */
export const requestTrackerIsMissing: string | undefined = existsSync(serverPath)
  ? undefined
  : "install the Debian packages request-tracker5, rt5-standalone, rt5-db-sqlite and dma";

/** A Request Tracker with a database of its own, which is deleted on dispose. */
export interface RequestTrackerServer extends AsyncDisposable {
  /** Where it is. */
  readonly url: string;
  /** The token of a service account with the rights that synchronisation needs. */
  readonly token: string;
  /** The environment in which its programs find its configuration. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Runs Perl with its modules loaded, `RT::Init` called. @returns what that prints. */
  perl(program: string, ...args: readonly string[]): Promise<string>;
  /** Whether its own validator finds nothing wrong with the database. @returns what it says; "" where all is right. */
  validate(): Promise<string>;
  /** Ends the server and keeps its data. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Gives what is there other names, by its database, as if there were nothing: users and groups cannot be deleted. */
  setAside(): void;
}

/** The names of what {@link RequestTrackerServer.setAside} has set aside. */
export function isSetAside(name: string): boolean {
  return name.startsWith("set-aside-");
}

/** How a Request Tracker is set up. */
export interface RequestTrackerServerOptions {
  /**
   * How costly it is to hash the token, which is done for each request: a third of a second by its default of 12. Default 4,
   * a millisecond.
   */
  readonly bcryptCost?: number;
  /** How many requests it serves at once. A browser holds several connections, each of which takes one. Default 1. */
  readonly workers?: number;
  /** Further settings, in Perl. */
  readonly settings?: string;
  /** A directory with modules of Perl that come before its own. */
  readonly library?: string;
}

/** Makes a Request Tracker and starts it on a free port of 127.0.0.1. */
export async function startRequestTracker({
  bcryptCost = 4,
  workers = 1,
  settings = "",
  library: ours,
}: RequestTrackerServerOptions = {}): Promise<RequestTrackerServer> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-rt-"));
  const port = await freePort();
  const database = join(directory, "rt5.db");
  await mkdir(join(directory, "conf.d"));
  // By default all trackers of a machine have theirs in one folder.
  await mkdir(join(directory, "sessions"));
  await writeFile(
    join(directory, "RT_SiteConfig.pm"),
    `Set($rtname, 'test'); Set($Organization, 'test.example');
Set($WebDomain, '127.0.0.1'); Set($WebPort, ${port}); Set($WebPath, '');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '${database}');
Set($MailCommand, 'testfile'); Set($Timezone, 'UTC'); Set($LogToSyslog, undef); Set($LogToSTDERR, 'warning');
Set($BcryptCost, ${bcryptCost});
$RT::MasonSessionDir = '${join(directory, "sessions")}';
${settings}
1;
`,
  );
  const environment = {
    PATH: process.env["PATH"] ?? "",
    RT_SITE_CONFIG: join(directory, "RT_SiteConfig.pm"),
    RT_SITE_CONFIG_DIR: join(directory, "conf.d"),
    ...(ours === undefined ? {} : { PERL5LIB: ours }),
  };
  const url = `http://127.0.0.1:${port}/`;
  let server: ChildProcess | undefined;
  let token = "";

  async function perl(program: string, ...args: readonly string[]): Promise<string> {
    const text = `use strict; use lib '${library}'; use RT; RT::LoadConfig(); RT::Init(); ${program}`;
    const { stdout } = await run("perl", ["-e", text, ...args], { env: environment });
    return stdout;
  }

  async function start(): Promise<void> {
    const args = ["--server", "Starlet", "--host", "127.0.0.1", "--port", String(port)];
    server = spawn(serverPath, [...args, "--max-workers", String(workers)], {
      env: environment,
      stdio: "ignore",
      // Its workers end with it.
      detached: true,
    });
    for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
      if (Date.now() > deadline) throw new Error("Request Tracker has not started.");
      try {
        const answer = await fetch(`${url}REST/2.0/rt`, {
          headers: { authorization: `token ${token}` },
        });
        if (answer.ok) return;
      } catch {
        // Not yet.
      }
    }
  }

  async function stop(): Promise<void> {
    const running = server;
    server = undefined;
    if (running?.pid === undefined || running.exitCode !== null) return;
    const exit = once(running, "exit");
    process.kill(-running.pid, "SIGKILL");
    await exit;
  }

  try {
    await run("rt-setup-database-5", ["--action", "init"], { env: environment });
    token = (
      await perl(`my $u = RT::User->new(RT->SystemUser);
        $u->Create(Name => 'concordat', Privileged => 1, EmailAddress => 'concordat@localhost');
        $u->PrincipalObj->GrantRight(Right => $_, Object => RT->System)
          for qw(AdminUsers SeeGroup AdminGroup AdminGroupMembership);
        my ($ok, $m, $t) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $u->Id, Description => 'x');
        print $t;`)
    ).trim();
    await start();
  } catch (error) {
    await stop();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    url,
    token,
    environment,
    directory,
    perl,
    start,
    stop,
    async validate() {
      // It exits with something else than 0, too, where it finds something.
      const { stdout } = await run("rt-validator-5", ["--check"], { env: environment });
      return stdout;
    },
    setAside() {
      using db = new DatabaseSync(database);
      db.exec("pragma busy_timeout = 5000");
      db.exec(
        `update Users set Name = 'set-aside-' || id, EmailAddress = null
          where Name not like 'set-aside-%' and Name not in ('RT_System', 'Nobody', 'root', 'concordat')`,
      );
      db.exec(
        `update Groups set Name = 'set-aside-' || id
          where Domain = 'UserDefined' and Name not like 'set-aside-%'`,
      );
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || address === null) throw new Error("There is no free port.");
  return address.port;
}
