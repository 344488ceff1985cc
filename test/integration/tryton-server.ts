import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { installedPeer } from "../foreign-peers.js";

const run = promisify(execFile);

/** What is to be installed, where it is not. */
export const trytonIsMissing: string | undefined = existsSync("/usr/bin/trytond")
  ? undefined
  : "install the Debian package tryton-server";

/** The name of the database, and what the service account signs in with. */
export const database = "company";
export const serviceAccount = { login: "concordat", password: "S3rvice-acc0unt" };

/** The password of the account `admin`. */
export const adminPassword = "Adm1n-passw0rd-x";

/** A Tryton with a database of its own, which is deleted on dispose. */
export interface TrytonServer extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  /** The environment of the template's programs. */
  readonly environment: Readonly<Record<string, string>>;
  /** The command that runs Python with Tryton's models loaded, as user 0. */
  readonly console: readonly string[];
  /** Runs Python by Tryton's own console, where `pool` and `transaction` are. @returns what that prints. */
  python(program: string): Promise<string>;
  /**
   * Calls Tryton as one of its users, by its password; as the service account by default.
   *
   * @returns the result; `undefined` where it does not let the user in.
   */
  as(login: string, password: string): Promise<TrytonSession | undefined>;
  /** Makes deleted accounts of all users, by its database, and removes all groups, as if there were nothing. */
  setAside(): void;
  start(): Promise<void>;
  /** Ends the server and keeps its data. */
  stop(): Promise<void>;
}

/** A session in Tryton. */
export interface TrytonSession {
  /** Calls a method; the context is added. @throws an error with what Tryton has answered. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>;
}

/** Where Tryton's programs are, and what differs between its releases. */
export interface TrytonRelease {
  /** The folder of `trytond` and `trytond-admin`. */
  readonly bin: string;
  /** Where RPC is answered, below the name of the database. */
  readonly path: string;
}

/** What Debian has. */
export const debian: TrytonRelease = { bin: "/usr/bin", path: "" };

const peer = installedPeer("tryton");

/** The newest release, where `.ci/peers/install tryton` has installed it. */
export const newest: TrytonRelease | undefined =
  peer === undefined ? undefined : { bin: join(peer, "venv/bin"), path: "rpc/" };

/** Tryton with a service account, made once, to be copied. */
export interface Trytons extends AsyncDisposable {
  /** A Tryton of its own, running. */
  copy(configuration?: string): Promise<TrytonServer>;
}

/** Makes a database with a service account. */
export async function installTryton(release: TrytonRelease = debian): Promise<Trytons> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-tryton-"));
  const made = join(directory, `${database}.sqlite`);
  try {
    const configuration = join(directory, "trytond.conf");
    await writeFile(configuration, `[database]\nuri = sqlite://\npath = ${directory}\n`);
    await writeFile(join(directory, "password"), `${adminPassword}\n`);
    await (await open(made, "w")).close();
    await run(
      join(release.bin, "trytond-admin"),
      ["-c", configuration, "-d", database, "--all", "--email", "admin@example.com"],
      { env: { ...process.env, TRYTONPASSFILE: join(directory, "password") } },
    );
    const { login, password } = serviceAccount;
    await python(
      [join(release.bin, "trytond-console"), "-c", configuration, "-d", database],
      `User = pool.get("res.user")
account = User(login="${login}", name="Concordat", password=${JSON.stringify(password)})
if hasattr(User, "administrator"):
    account.administrator = True
else:
    account.groups = pool.get("res.group").search([("name", "=", "Administration")])
account.save()
transaction.commit()
`,
    );
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    async copy(configuration = "") {
      const own = await mkdtemp(join(tmpdir(), "concordat-tryton-"));
      await mkdir(join(own, "db"));
      await copyFile(made, join(own, "db", `${database}.sqlite`));
      return await startTryton(own, release, configuration);
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function startTryton(
  directory: string,
  { bin, path }: TrytonRelease,
  more: string,
): Promise<TrytonServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const configuration = join(directory, "trytond.conf");
  await writeFile(
    configuration,
    `[database]\nuri = sqlite://\npath = ${join(directory, "db")}\n[web]\nlisten = 127.0.0.1:${port}\n${more}`,
  );
  const command = [join(bin, "trytond-console"), "-c", configuration, "-d", database];
  const endpoint = new URL(`${database}/${path}`, url);
  let server: ChildProcess | undefined;

  async function post(body: unknown, header?: string): Promise<Response> {
    return await fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(header !== undefined && { authorization: header }),
      },
      body: JSON.stringify(body),
    });
  }

  async function start(): Promise<void> {
    server = spawn(join(bin, "trytond"), ["-c", configuration, "-d", database], {
      stdio: "ignore",
      detached: true,
    });
    for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
      if (Date.now() > deadline) throw new Error("Tryton has not started.");
      try {
        await post({ id: 0, method: "system.listMethods", params: [] });
        return;
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

  await start();
  return {
    url,
    directory,
    environment: {
      TRYTON_URL: url,
      TRYTON_DATABASE: database,
      TRYTON_LOGIN: serviceAccount.login,
      TRYTON_PASSWORD: serviceAccount.password,
      TRYTON_CONSOLE: command.join(" "),
    },
    console: command,
    python: (program) => python(command, program),
    async as(login, password) {
      const signIn = { id: 0, method: "common.db.login", params: [login, { password }, "en"] };
      const answer = await post(signIn);
      if (!answer.ok) return undefined;
      const { result } = (await answer.json()) as { result?: readonly unknown[] };
      if (result == null) return undefined;
      const credentials = Buffer.from(`${login}:${result[0]}:${result[1]}`).toString("base64");
      return {
        async call(method, ...params) {
          const context = { active_test: false };
          const called = await post(
            { id: 1, method, params: [...params, context] },
            `Session ${credentials}`,
          );
          if (!called.ok) throw new Error(`Tryton has answered ${called.status}.`);
          const body = (await called.json()) as { result?: unknown; error?: unknown };
          if (body.error !== undefined) throw new Error(JSON.stringify(body.error));
          return body.result;
        },
      };
    },
    setAside() {
      using db = new DatabaseSync(join(directory, "db", `${database}.sqlite`));
      db.exec("pragma busy_timeout = 10000");
      db.exec(`delete from "res_user-res_group" where "user" > 2;
        update res_user set active = 0, login = login || '~retired~' || id where id > 2 and login not like '%~retired~%';
        delete from res_group where name <> 'Administration'`);
    },
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** @returns what it prints. */
async function python(command: readonly string[], program: string): Promise<string> {
  const [file = "", ...args] = command;
  const running = run(file, args);
  running.child.stdin?.end(program);
  const { stdout, stderr } = await running;
  // The console ends with 0, whatever happens in it.
  if (stderr.includes("Traceback")) throw new Error(stderr);
  return stdout.trim();
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
