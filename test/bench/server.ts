import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { pinned, serverCore } from "./measured.ts";
import { adminDn, password, suffix, writeLdif } from "./people.ts";

const run = promisify(execFile);

/** A slapd with a directory of made-up people. Its files are removed on dispose. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /**
   * What the programs need to know to watch it, below a base; `attributes` are asked for beside those of the profile.
   */
  describe(base: string, attributes?: readonly string[]): string;
  /** A directory for whatever is written while the server runs. */
  readonly directory: string;
  /** Ends the server, keeps its data, and starts it again with a session log of so many changes. */
  restart(sessionLog: number): Promise<void>;
}

/** Loads a directory of so many people, and starts a server for it on a core of its own. */
export async function startServer(entries: number): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-bench-"));
  const port = await freePort();
  const configuration = join(directory, "slapd.conf");
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const [command, ...args] = pinned(serverCore, [
      "/usr/sbin/slapd",
      ...["-f", configuration, "-h", `ldap://127.0.0.1:${port}`, "-d", "0"],
    ]);
    server = spawn(command, args, { stdio: "ignore" });
    await untilItListens(port);
  }

  async function stop(): Promise<void> {
    if (server === undefined) return;
    const exit = once(server, "exit");
    server.kill();
    await exit;
    server = undefined;
  }

  const dispose = async (): Promise<void> => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await mkdir(join(directory, "db"));
    await writeFile(configuration, configured(directory, 1_000));
    const ldif = join(directory, "people.ldif");
    await writeLdif(ldif, entries);
    // -w sets contextCSN, without which the first cookie is empty.
    await run("/usr/sbin/slapadd", ["-f", configuration, "-q", "-w", "-l", ldif]);
    await rm(ldif);
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  const url = `ldap://127.0.0.1:${port}`;
  return {
    url,
    directory,
    describe: (base, attributes = []) =>
      JSON.stringify({ url, base, attributes, bind: { dn: adminDn, password } }),
    async restart(sessionLog) {
      await stop();
      await writeFile(configuration, configured(directory, sessionLog));
      await start();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function configured(directory: string, sessionLog: number): string {
  const lines = [
    "include /etc/ldap/schema/core.schema",
    "include /etc/ldap/schema/cosine.schema",
    "include /etc/ldap/schema/inetorgperson.schema",
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload syncprov",
    `pidfile ${directory}/slapd.pid`,
    "sizelimit unlimited",
    "timelimit unlimited",
    "database mdb",
    `suffix "${suffix}"`,
    `rootdn "${adminDn}"`,
    `rootpw ${password}`,
    `directory ${directory}/db`,
    "maxsize 8589934592",
    "envflags nosync",
    "index objectClass eq",
    "index uid eq",
    "index entryUUID eq",
    "index entryCSN eq",
    "overlay syncprov",
    ...(sessionLog > 0 ? [`syncprov-sessionlog ${sessionLog}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

async function untilItListens(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("slapd does not listen.");
}
