import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { installedPeer } from "../foreign-peers.js";

/** The folder of privacyIDEA, where it is installed. */
export const installedPrivacyIdea: string | undefined = installedPeer("privacyidea");

/** A privacyIDEA of one's own. */
export interface PrivacyIdea extends AsyncDisposable {
  readonly url: string;
  /** The public key that it signs its answers with, in PEM. */
  readonly responseKey: string;
  /** Its configuration. */
  readonly configuration: string;
  /** The interpreter that has its code. */
  readonly python: string;
  /** Asks its API as the administrator. Fails with the text of the answer, unless that is a success. */
  readonly api: (method: string, path: string, parameters?: object) => Promise<ApiResult>;
  /** The token of the administrator. */
  readonly administrator: string;
}

/** What an answer of the API says, as far as tests look at it. */
export interface ApiResult {
  // The API has many results; a test knows which one it asks for.
  readonly value: unknown;
}

/** A folder with an instance that nobody has used yet, and its configuration. */
export async function privacyIdeaFolder(): Promise<{
  readonly folder: string;
  readonly configuration: string;
  readonly python: string;
}> {
  if (installedPrivacyIdea === undefined) throw new Error("privacyIDEA is not installed.");
  const folder = await mkdtemp(join(tmpdir(), "concordat-privacyidea-"));
  await cp(join(installedPrivacyIdea, "instance"), folder, { recursive: true });
  await writeFile(
    join(folder, "passwd"),
    [
      "cornelius:x:1000:1000:Cornelius K,,,c@example.com:/home/c:/bin/bash",
      "jürgen:x:1001:1001:Jürgen Ü,,,j@example.com:/home/j:/bin/bash",
      "",
    ].join("\n"),
  );
  const configuration = join(folder, "pi.cfg");
  await writeFile(
    configuration,
    [
      "SUPERUSER_REALM = ['super']",
      `SQLALCHEMY_DATABASE_URI = 'sqlite:///${folder}/pi.db'`,
      // One for all instances, so that the token of one of them is good at the others.
      "SECRET_KEY = 'of the instances of the tests, and long enough'",
      "PI_PEPPER = 'of the instances of the tests'",
      `PI_ENCFILE = '${folder}/enckey'`,
      `PI_AUDIT_KEY_PRIVATE = '${folder}/private.pem'`,
      `PI_AUDIT_KEY_PUBLIC = '${folder}/public.pem'`,
      `PI_LOGFILE = '${folder}/pi.log'`,
      "PI_LOGLEVEL = 20",
      "",
    ].join("\n"),
  );
  return { folder, configuration, python: join(installedPrivacyIdea, "venv", "bin", "python") };
}

/** Starts an instance with the realm `realm1`, which is the default one, and the users cornelius and jürgen. */
export async function startPrivacyIdea(): Promise<PrivacyIdea> {
  const { folder, configuration, python } = await privacyIdeaFolder();
  const application =
    `privacyidea.app:create_app(config_name='production', config_file='${configuration}', ` +
    `silent=True)`;
  const server = spawn(
    python,
    ["-m", "gunicorn", "-w", "1", "--threads", "8", "--timeout", "120", "-b", "127.0.0.1:0"].concat(
      application,
    ),
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  let url: string | undefined;
  const lines: string[] = [];
  for await (const line of createInterface(server.stderr)) {
    lines.push(line);
    url = /Listening at: (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (url !== undefined) break;
  }
  server.stderr.resume();
  if (url === undefined) {
    await stop();
    throw new Error(`privacyIDEA does not start: ${lines.join("\n")}`);
  }
  try {
    const administrator = await logIn(url);
    const api = apiOf(url, administrator);
    await api("POST", "/resolver/pw", { type: "passwdresolver", fileName: join(folder, "passwd") });
    await api("POST", "/realm/realm1", { resolvers: "pw" });
    await api("POST", "/defaultrealm/realm1");
    const responseKey = await readFile(join(folder, "public.pem"), "utf8");
    return {
      url,
      responseKey,
      configuration,
      python,
      api,
      administrator,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function logIn(url: string): Promise<string> {
  const response = await fetch(`${url}/auth`, {
    method: "POST",
    body: new URLSearchParams({ username: "admin", password: "adminpw" }),
  });
  const { result } = (await response.json()) as { result: { value: { token: string } } };
  return result.value.token;
}

function apiOf(url: string, authorization: string): PrivacyIdea["api"] {
  return async (method, path, parameters) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization,
        ...(parameters === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(parameters === undefined ? {} : { body: JSON.stringify(parameters) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (JSON.parse(text) as { result: ApiResult }).result;
  };
}
