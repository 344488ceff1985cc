import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { describe, test } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.js";
import { makeServerClock, type ServerClock } from "./server-clock.js";
import { freePort, killWithThisProcess, untilItListens } from "./server-process.js";

const run = promisify(execFile);

const slapdPath = "/usr/sbin/slapd";
const slapaddPath = "/usr/sbin/slapadd";
const suffix = "dc=example,dc=com";
const adminDn = `cn=admin,${suffix}`;
const password = "secret";
const packages = "install the Debian packages slapd and ldap-utils";

/** Whether a real OpenLDAP server can be started on this machine. */
export const slapdIsInstalled: boolean = existsSync(slapdPath) && existsSync(slapaddPath);

/**
 * `describe` for tests that need a real slapd. Without one the tests are skipped under a name that says what to
 * install, and fail in continuous integration, where a skipped test would pass unnoticed.
 *
 * @param missing what else to install that they need, where it is not.
 */
export function describeWithSlapd(name: string, body: () => void, missing?: string): void {
  const { CI } = process.env;
  const toInstall = slapdIsInstalled ? missing : packages;
  if (toInstall === undefined) {
    describe(name, body);
  } else if (CI === "true") {
    test(name, () => {
      throw new Error(`Something is missing here: ${toInstall}.`);
    });
  } else {
    describe.skip(`${name} (${toInstall})`, body);
  }
}

/** How the server is set up. */
export interface SlapdOptions {
  /** How many deletions and changes syncprov remembers for resumes; 0 for no session log. Default 1000. */
  readonly sessionLog?: number;
  /** Whether a rename or a deletion rewrites the DNs in `member` and its like. Default false. */
  readonly refint?: boolean;
  /** Whether a resume that the server cannot serve is answered with e-syncRefreshRequired. Default false. */
  readonly reloadHint?: boolean;
  /** The number of the server in its CSNs and cookies. Default: none. */
  readonly serverId?: number;
  /** Whether the server has a certificate for localhost and offers ldaps and StartTLS. Default false. */
  readonly tls?: boolean;
  /**
   * Whether the server listens on a Unix socket, where this process is the administrator by SASL EXTERNAL. Default
   * false.
   */
  readonly ldapi?: boolean;
  /** Rules of access (slapd.access(5)), which the administrator is above. Default: everybody may read everything. */
  readonly access?: readonly string[];
  /** What the database holds at first. Default: the suffix, `ou=people` and `ou=groups`. */
  readonly ldif?: string;
  /** A copy of a database to begin with, in place of `ldif`. */
  readonly backup?: Backup;
  /** Whether the overlay syncprov is on the database; its module is loaded in any case. Default true. */
  readonly syncprov?: boolean;
  /** Further lines of configuration for the database. */
  readonly databaseLines?: readonly string[];
  /** Whether the server has a clock of its own, which can be set; it takes a C compiler. Default false. */
  readonly clock?: boolean;
  /** Further lines of configuration for the server. */
  readonly serverLines?: readonly string[];
  /** Variables for the environment of the server. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Whether posixGroup is a structural class with `memberUid` (`nis`) or an auxiliary one (`rfc2307bis`). Default
   * `nis`.
   */
  readonly schema?: "nis" | "rfc2307bis";
}

/** A copy of a database, in a file of the server's directory. */
export interface Backup {
  readonly path: string;
}

/** A running slapd with a directory of its own, which is deleted on dispose. */
export interface Slapd extends AsyncDisposable {
  /** `ldap://127.0.0.1:` and the port. */
  readonly url: string;
  /** `ldaps://localhost:` and the port, with the option `tls`. */
  readonly ldapsUrl?: string;
  /** The percent-encoded path of the socket, with the option `ldapi`. */
  readonly ldapiUrl?: string;
  /** The PEM file of the authority that signed the server's certificate, with the option `tls`. */
  readonly caFile?: string;
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  /** The temporary directory with the configuration and the database. */
  readonly directory: string;
  /** Ends the server and keeps its data. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts the server again, on the same port and with the same data. */
  start(): Promise<void>;
  /** Copies the database as it is at this moment, as a snapshot of the disk does: the server may be running. */
  backUp(): Promise<Backup>;
  /** Sets the rules of access, which the server goes by when it is started next. */
  setAccess(rules: readonly string[]): Promise<void>;
  /** Puts a copy in the place of the database of the server, which must be stopped. */
  restore(backup: Backup): Promise<void>;
  /** The clock of the server, with the option `clock`. */
  readonly clock?: ServerClock;
  /** A client bound as the administrator; it is closed on dispose. */
  client(): Promise<Client>;
}

const defaultLdif = `dn: ${suffix}
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: ou=people,${suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,${suffix}
objectClass: organizationalUnit
ou: groups
`;

/** Starts a slapd with a new database. It listens on a free port of 127.0.0.1. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-slapd-"));
  const certificates = options.tls ? await makeCertificates(directory) : undefined;
  const clock = options.clock ? await makeServerClock(directory) : undefined;
  const database = join(directory, "db", "data.mdb");
  await mkdir(join(directory, "db"));
  await writeFile(join(directory, "slapd.conf"), configuration(directory, options, certificates));
  const configured = ["-f", join(directory, "slapd.conf")];
  if (options.backup === undefined) {
    const first = join(directory, "first.ldif");
    await writeFile(first, options.ldif ?? defaultLdif);
    // -w sets contextCSN, without which the first cookie is empty.
    const numbered = options.serverId === undefined ? [] : ["-S", String(options.serverId)];
    await run(slapaddPath, [...configured, ...numbered, "-q", "-w", "-l", first]);
  } else await copySparse(options.backup.path, database);

  const port = await freePort();
  const tlsPort = options.tls ? await freePort() : undefined;
  const url = `ldap://127.0.0.1:${port}`;
  const ldapsUrl = tlsPort && `ldaps://localhost:${tlsPort}`;
  const ldapiUrl = options.ldapi && `ldapi://${encodeURIComponent(join(directory, "ldapi"))}`;
  const listeners = [url, ...(ldapsUrl ? [ldapsUrl] : []), ...(ldapiUrl ? [ldapiUrl] : [])];

  let server: ChildProcess | undefined;
  let backups = 0;
  const clients = new Set<Client>();

  async function start(): Promise<void> {
    if (server !== undefined) return;
    // "-d 0" keeps slapd in the foreground, so that the process started here is the server.
    const args = [...configured, "-h", listeners.join(" "), "-d", "0"];
    const slapd = spawn(slapdPath, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...clock?.environment, ...options.environment },
    });
    let complaint = "";
    slapd.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    server = slapd;
    const guard = killWithThisProcess(slapd, directory);
    slapd.once("exit", () => {
      guard.kill();
      if (server === slapd) server = undefined;
    });
    await untilItListens(port, () => {
      if (server !== slapd) throw new Error(`slapd ended at once: ${complaint}`);
    });
  }

  async function stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const slapd = server;
    if (slapd === undefined) return;
    const exit = once(slapd, "exit");
    slapd.kill(signal);
    await exit;
  }

  async function backUp(): Promise<Backup> {
    const path = join(directory, `backup-${++backups}.mdb`);
    // LMDB never writes to a page that the last commit refers to, so what a server that stands still has on disk is
    // whole.
    server?.kill("SIGSTOP");
    await copySparse(database, path).finally(() => server?.kill("SIGCONT"));
    return { path };
  }

  async function setAccess(access: readonly string[]): Promise<void> {
    const text = configuration(directory, { ...options, access }, certificates);
    await writeFile(join(directory, "slapd.conf"), text);
  }

  async function restore({ path }: Backup): Promise<void> {
    if (server !== undefined) throw new Error("The server is running.");
    await copySparse(path, database);
    await rm(join(directory, "db", "lock.mdb"), { force: true });
  }

  await start();
  return {
    url,
    ...(ldapsUrl ? { ldapsUrl } : {}),
    ...(ldapiUrl ? { ldapiUrl } : {}),
    ...(certificates ? { caFile: certificates.caFile } : {}),
    suffix,
    adminDn,
    password,
    directory,
    stop,
    start,
    backUp,
    restore,
    setAccess,
    ...(clock ? { clock } : {}),
    async client() {
      const client = new Client({ url, timeout: 10_000 });
      await client.bind(adminDn, password);
      clients.add(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...clients].map((client) => client.unbind()));
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function configuration(
  directory: string,
  options: SlapdOptions,
  certificates: Certificates | undefined,
): string {
  const posix =
    options.schema === "rfc2307bis"
      ? new URL("rfc2307bis.schema", import.meta.url).pathname
      : "/etc/ldap/schema/nis.schema";
  const sessionLog = options.sessionLog ?? 1000;
  const syncprov = [
    "overlay syncprov",
    "syncprov-checkpoint 100 1",
    sessionLog > 0 && `syncprov-sessionlog ${sessionLog}`,
    options.reloadHint && "syncprov-reloadhint TRUE",
  ];
  const lines: (string | false | undefined)[] = [
    "include /etc/ldap/schema/core.schema",
    "include /etc/ldap/schema/cosine.schema",
    `include ${posix}`,
    "include /etc/ldap/schema/inetorgperson.schema",
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload syncprov",
    options.refint && "moduleload refint",
    `pidfile ${directory}/slapd.pid`,
    `argsfile ${directory}/slapd.args`,
    "sizelimit unlimited",
    "timelimit unlimited",
    "threads 8",
    options.serverId !== undefined && `serverID ${options.serverId}`,
    certificates && `TLSCACertificateFile ${certificates.caFile}`,
    certificates && `TLSCertificateFile ${certificates.certFile}`,
    certificates && `TLSCertificateKeyFile ${certificates.keyFile}`,
    // Whoever runs the tests is the administrator on the socket.
    options.ldapi &&
      `authz-regexp gidNumber=[^,]*\\+uidNumber=${process.getuid?.() ?? 0},cn=peercred,cn=external,cn=auth ${adminDn}`,
    ...(options.serverLines ?? []),
    "database mdb",
    `suffix "${suffix}"`,
    `rootdn "${adminDn}"`,
    `rootpw ${password}`,
    `directory ${directory}/db`,
    ...(options.access ?? []),
    ...(options.databaseLines ?? []),
    "maxsize 4294967296",
    // A killed process loses nothing that it wrote; only a crash of the machine would.
    "envflags nosync",
    "index objectClass eq",
    "index uid eq",
    "index cn eq",
    "index member eq",
    "index entryUUID eq",
    "index entryCSN eq",
    ...(options.syncprov === false ? [] : syncprov),
    options.refint && "overlay refint",
    options.refint && "refint_attributes member uniqueMember owner manager seeAlso",
  ];
  return `${lines.filter((line) => typeof line === "string").join("\n")}\n`;
}

/** LMDB makes a file as long as it may ever become, nearly all of which are holes. */
async function copySparse(from: string, to: string): Promise<void> {
  await run("cp", ["--sparse=always", from, to]);
}
