import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { PostgresDialect } from "kysely";
import { Client, type ClientConfig, Pool } from "pg";
import { type RunAs, serverDirectory, startServer } from "./server-process.js";
import { type SqlServer, until } from "./sql-server.js";

const run = promisify(execFile);

const programs: string | undefined = installed();

/** Whether a PostgreSQL server can be started on this machine. */
export const postgresIsInstalled: boolean = programs !== undefined;

/**
 * Starts a PostgreSQL server on a socket of its own. It sorts as people do (ICU, English), which is not how strings are
 * compared in JavaScript; nothing waits for the disk.
 */
export async function startPostgres(): Promise<SqlServer> {
  if (programs === undefined) throw new Error("PostgreSQL is not installed.");
  const directory = await serverDirectory("postgres");
  const owner = await serverOwner();
  if (owner.uid !== undefined && owner.gid !== undefined) {
    await chown(directory, owner.uid, owner.gid);
  }
  const data = join(directory, "data");
  await run(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", ...icu],
    { ...owner, cwd: directory },
  );
  const config = { user: "postgres", database: "postgres" };
  const server = await startServer(directory, {
    ...owner,
    path: join(programs, "postgres"),
    args: ["-D", data, "-k", directory, ...settings.flatMap((setting) => ["-c", setting])],
    end: "SIGQUIT",
    async answers() {
      const client = new Client({ ...config, host: directory });
      await client.connect();
      await client.end();
    },
  });
  const administrator = new Pool({ ...config, host: directory, max: 1 });
  const pool = (name: string, settings: ClientConfig & { max?: number }): Pool => {
    const made = new Pool({ ...config, options: `-c search_path=${name}`, ...settings });
    // A connection that is lost while no statement runs on it is told to its listeners alone, and ends a process
    // without them.
    made.on("connect", (client) => client.on("error", () => undefined));
    made.on("error", () => undefined);
    return made;
  };
  return {
    socket: join(directory, ".s.PGSQL.5432"),
    async create(name) {
      await administrator.query(`create schema ${name}`);
    },
    async drop(name) {
      await administrator.query(`drop schema ${name} cascade`);
    },
    dialect: (name, { socket, connections = 10 } = {}) =>
      new PostgresDialect({
        pool: pool(name, {
          host: socket === undefined ? directory : dirname(socket),
          max: connections,
        }),
      }),
    async endConnections() {
      await administrator.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = " +
          "'client backend'",
      );
    },
    untilSomebodyWaits: () =>
      until(async () => {
        const { rows } = await administrator.query(
          "select pid from pg_stat_activity where wait_event_type = 'Lock'",
        );
        return rows.length > 0;
      }),
    async [Symbol.asyncDispose]() {
      await administrator.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

const icu = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"];

const settings = [
  "listen_addresses=",
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "max_connections=200",
  "deadlock_timeout=100ms",
];

/** Where Debian has the programs of the latest version that is installed. */
function installed(): string | undefined {
  const versions = "/usr/lib/postgresql";
  if (!existsSync(versions)) return undefined;
  const latest = readdirSync(versions)
    .map(Number)
    .sort((one, other) => other - one);
  return latest
    .map((version) => join(versions, String(version), "bin"))
    .find((path) => existsSync(join(path, "initdb")));
}

/** PostgreSQL refuses to be run by the administrator of the machine. */
async function serverOwner(): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, "postgres"])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}
