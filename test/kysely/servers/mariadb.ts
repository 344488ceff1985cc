import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { MysqlDialect } from "kysely";
import { createConnection, createPool, type RowDataPacket } from "mysql2";
import { serverDirectory, startServer } from "./server-process.js";
import { type SqlServer, until } from "./sql-server.js";

const run = promisify(execFile);

const serverPath = "/usr/sbin/mariadbd";
const installerPath = "/usr/bin/mariadb-install-db";

/** Whether a MariaDB server can be started on this machine. */
export const mariadbIsInstalled: boolean = existsSync(serverPath) && existsSync(installerPath);

/** Starts a MariaDB server on a socket of its own, with the character set of Debian's; nothing waits for the disk. */
export async function startMariadb(): Promise<SqlServer> {
  const directory = await serverDirectory("mariadb");
  const data = `--datadir=${join(directory, "data")}`;
  const owner = process.getuid?.() === 0 ? ["--user=root"] : [];
  await run(installerPath, [
    "--no-defaults",
    data,
    ...owner,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    "--skip-name-resolve",
    logSize,
  ]);
  const socketPath = join(directory, "socket");
  const config = { user: "root", socketPath };
  const server = await startServer(directory, {
    path: serverPath,
    args: ["--no-defaults", data, ...owner, `--socket=${socketPath}`, ...settings],
    end: "SIGKILL",
    async answers() {
      const connection = createConnection(config);
      // What goes wrong is told to the one who waits, and to nobody else.
      connection.on("error", () => undefined);
      await connection.promise().connect();
      connection.destroy();
    },
  });
  const administrator = createPool({ ...config, connectionLimit: 2 }).promise();
  return {
    socket: socketPath,
    async create(name) {
      await administrator.query(`create database ${name}`);
    },
    async drop(name) {
      await administrator.query(`drop database ${name}`);
    },
    dialect: (name, { socket = socketPath, connections = 10, countsChanged = false } = {}) =>
      new MysqlDialect({
        pool: createPool({
          user: "root",
          socketPath: socket,
          database: name,
          connectionLimit: connections,
          ...(countsChanged ? { flags: ["-FOUND_ROWS"] } : {}),
        }),
      }),
    async endConnections() {
      const [rows] = await administrator.query<RowDataPacket[]>(
        "select id from information_schema.processlist where db is not null",
      );
      for (const { id } of rows) {
        await administrator.query(`kill ${id}`).catch(() => undefined);
      }
    },
    untilSomebodyWaits: () =>
      until(async () => {
        const [rows] = await administrator.query<RowDataPacket[]>(
          "show global status like 'innodb_row_lock_current_waits'",
        );
        return rows[0]?.["Value"] !== "0";
      }),
    async [Symbol.asyncDispose]() {
      await administrator.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

const logSize = "--innodb-log-file-size=4M";

const settings = [
  logSize,
  "--skip-networking",
  "--character-set-server=utf8mb4",
  "--collation-server=utf8mb4_general_ci",
  "--innodb-flush-log-at-trx-commit=0",
  "--innodb-flush-method=nosync",
  "--skip-innodb-doublewrite",
  "--sync-frm=0",
  "--skip-log-bin",
  "--max-connections=200",
];
