import { execFile, spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connect } from "@nats-io/transport-node";
import { createChangeLogTables, KyselyChangeLog, nodeSqliteDialect } from "concordat/kysely";
import { NatsChangeLog } from "concordat/nats";
import type { ChangeLog } from "concordat/repositories";
import { Kysely } from "kysely";

/** Where the log is, and how each process opens it. */
export interface LogPlace extends AsyncDisposable {
  /** What it is, for people. */
  readonly description: string;
  /** A connection of its own to it, as each process has. */
  open(): Promise<OpenLog>;
}

/** A log with its connection. */
export interface OpenLog extends AsyncDisposable {
  readonly log: ChangeLog;
}

/** Which log is wanted: a running server of NATS, one to start, or without either a file of SQLite. */
export interface LogChoice {
  readonly url?: string | undefined;
  readonly server?: string | undefined;
}

/** The choice that the environment makes: a server that is on the path is enough. */
export async function chosenLog(): Promise<LogChoice> {
  const { NATS_URL: url, NATS_SERVER = "nats-server" } = process.env;
  if (url !== undefined) return { url };
  return (await isNewEnough(NATS_SERVER)) ? { server: NATS_SERVER } : {};
}

/** Finds a place for a log, below a folder where it is not on a server that is running already. */
export async function placeLog({ url, server }: LogChoice, folder: string): Promise<LogPlace> {
  if (url !== undefined) return onNats(url, async () => {});
  if (server === undefined) return inSqlite(join(folder, "log.sqlite"));
  const started = await startNats(server, folder);
  return onNats(started.url, started.stop);
}

function onNats(url: string, stop: () => Promise<void>): LogPlace {
  return {
    description: `NATS JetStream at ${url}`,
    async open() {
      const connection = await connect({
        servers: url,
        maxReconnectAttempts: -1,
        waitOnFirstConnect: true,
      });
      // Three servers have `replicas: 3`. An application that may only read has `create: false`.
      const log = await NatsChangeLog.open(connection, { stream: "DIRECTORY" });
      return { log, [Symbol.asyncDispose]: () => connection.close() };
    },
    [Symbol.asyncDispose]: stop,
  };
}

function inSqlite(path: string): LogPlace {
  return {
    description: "a file of SQLite",
    async open() {
      const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path }) });
      await createChangeLogTables(db);
      const log = new KyselyChangeLog(db, { pollInterval: 100 });
      return { log, [Symbol.asyncDispose]: () => db.destroy() };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Servers before 2.12 have no atomic batches; they are refused. */
async function isNewEnough(server: string): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(server, ["-v"]);
    const [, major = 0, minor = 0] = /v(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
    return major > 2 || (major === 2 && minor >= 12);
  } catch {
    return false;
  }
}

/** Starts a server on a free port, which keeps what it has below a folder. */
async function startNats(
  server: string,
  folder: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const configuration = join(folder, "nats.conf");
  await writeFile(
    configuration,
    `listen: "127.0.0.1:-1"
     ports_file_dir: "${folder}"
     max_payload: 8MB
     jetstream { store_dir: "${folder}/nats", sync_interval: always }`,
  );
  const child = spawn(server, ["-c", configuration], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  for (let attempt = 0; child.exitCode === null && attempt < 200; attempt++) {
    const file = (await readdir(folder)).find((name) => name.endsWith(".ports"));
    const text = file === undefined ? "" : await readFile(join(folder, file), "utf8");
    const [url] = /nats:\/\/[\d.:]+/.exec(text) ?? [];
    if (url !== undefined) return { url, stop };
    await sleep(50);
  }
  await stop();
  throw new Error(`${server} does not say where it listens.`);
}
