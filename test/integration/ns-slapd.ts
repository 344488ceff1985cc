import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { describe, test } from "vitest";
import { freeIpaLdif, freeIpaPlugins, freeIpaSchema } from "./free-ipa-layout.js";
import { freePort, killWithThisProcess, untilItListens } from "./server-process.js";

const run = promisify(execFile);

const serverPath = "/usr/sbin/ns-slapd";
const templates = "/usr/share/dirsrv/data";
const suffix = "dc=example,dc=com";
const adminDn = "cn=Directory Manager";
const password = "secret123";
const readerDn = `uid=reader,${suffix}`;
const readerPassword = "readerpw";
const packages = "install the Debian package 389-ds-base";

/** Whether a real 389 Directory Server can be started on this machine. */
export const nsSlapdIsInstalled: boolean = existsSync(serverPath) && existsSync(templates);

/**
 * `describe` for tests that need a real ns-slapd. Without one they are skipped under a name that says what to install,
 * and fail in continuous integration, where a skipped test would pass unnoticed.
 */
export function describeWithNsSlapd(name: string, body: () => void): void {
  if (nsSlapdIsInstalled) describe(name, body);
  else if (process.env["CI"] === "true") {
    test(name, () => {
      throw new Error(`Something is missing here: ${packages}.`);
    });
  } else describe.skip(`${name} (${packages})`, body);
}

/** How the server is set up. */
export interface NsSlapdOptions {
  /** `freeIpa`: with the tree, the plugins and the object classes of FreeIPA. Default: `plain`. */
  readonly layout?: "plain" | "freeIpa";
  /**
   * The trees whose changes the retro changelog has. Default: all of `plain`; of `freeIpa`, as FreeIPA has it, only
   * `cn=dns`.
   */
  readonly changelogOf?: readonly string[];
  /** After how long changes leave the retro changelog, such as `1s`. Default: never. */
  readonly changelogAge?: string;
  /** Whether entries have an `entryusn`. Default: with `freeIpa` only. */
  readonly usn?: boolean;
  /** Whether a rename or a deletion rewrites the DNs in `member` and its like. Default: with `freeIpa` only. */
  readonly refint?: boolean;
  /** What the database holds at first. Default: the suffix, `ou=people` and `ou=groups`, or FreeIPA's tree. */
  readonly ldif?: string;
  /** Another suffix with a database of its own, in which nothing is at first: below the first suffix, or beside it. */
  readonly secondSuffix?: string;
  /** Whether all databases number their entries together (`nsslapd-entryusn-global`). Default: yes, as FreeIPA has it. */
  readonly globalUsn?: boolean;
  /** Where the server says that it is, which is part of its cookies. Default: `localhost`. */
  readonly host?: string;
}

/** A running ns-slapd with a directory of its own, which is deleted on dispose. */
export interface NsSlapd extends AsyncDisposable {
  /** `ldap://127.0.0.1:` and the port. */
  readonly url: string;
  readonly suffix: string;
  /** The directory manager, whom no limit and no access control binds. */
  readonly adminDn: string;
  readonly password: string;
  /** An account that may read everything but passwords, tombstones and the change log. */
  readonly readerDn: string;
  readonly readerPassword: string;
  /** The temporary directory with the configuration and the database. */
  readonly directory: string;
  /** Ends the server and keeps its data. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts the server again, on the same port and with the same data. */
  start(): Promise<void>;
  /** Changes the configuration of the server, which must be stopped. */
  configure(change: (dse: string) => string): Promise<void>;
  /** Copies the database of the server, which must be stopped. */
  backUp(): Promise<string>;
  /** Puts a copy where the database of the server was, which must be stopped. */
  restore(backup: string): Promise<void>;
  /** A client bound as the directory manager; it is closed on dispose. */
  client(): Promise<Client>;
}

/** What makes an account of an entry that may read the content, whatever the size of it. */
const reader = `dn: ${readerDn}
objectClass: account
objectClass: simpleSecurityObject
objectClass: extensibleObject
uid: reader
userPassword: ${readerPassword}
nsSizeLimit: -1
nsLookThroughLimit: -1
nsIDListScanLimit: -1
nsTimeLimit: -1
`;

/** An aci by which every known account may read all attributes but passwords, and these. */
export function aciToReadAllBut(...hidden: readonly string[]): string {
  const attributes = ["userPassword", "aci", ...hidden].join(" || ");
  const rule = 'version 3.0; acl "read"; allow (read,search,compare) userdn="ldap:///all";';
  return `(targetattr!="${attributes}")(${rule})`;
}

/** The line of LDIF with an aci by which every known account may read all attributes but passwords. */
export const readingAci: string = `aci: ${aciToReadAllBut()}`;

const plainLdif = `dn: ${suffix}
objectClass: organization
objectClass: dcObject
o: Example
dc: example
${readingAci}

dn: ou=people,${suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,${suffix}
objectClass: organizationalUnit
ou: groups
`;

/** Starts an ns-slapd with a new database. It listens on a free port of 127.0.0.1. */
export async function startNsSlapd(options: NsSlapdOptions = {}): Promise<NsSlapd> {
  // A name with "slapd-" in it, ns-slapd takes for the name of an instance.
  const directory = await mkdtemp(join(tmpdir(), "concordat-389-"));
  const isFreeIpa = options.layout === "freeIpa";
  const port = await freePort();
  const url = `ldap://127.0.0.1:${port}`;
  const folders = ["config/schema", "lock", "tmp", "cert", "ldif", "bak", "run", "inst", "log"];
  for (const folder of [...folders, "db/userRoot", "db/second"]) {
    await mkdir(join(directory, folder), { recursive: true });
  }
  const dse = join(directory, "config", "dse.ldif");
  await writeFile(dse, await configuration(directory, port, options));
  for (const [from, to] of [
    ["/etc/dirsrv/schema/99user.ldif", "config/schema"],
    ["/etc/dirsrv/config/slapd-collations.conf", "config"],
    ["/etc/dirsrv/config/certmap.conf", "config"],
  ] as const) {
    await cp(from, join(directory, to, from.slice(from.lastIndexOf("/") + 1)));
  }
  if (isFreeIpa) await writeFile(join(directory, "config/schema/98free-ipa.ldif"), freeIpaSchema);
  const first = join(directory, "ldif", "first.ldif");
  const ldif = options.ldif ?? (isFreeIpa ? freeIpaLdif(suffix, readingAci) : plainLdif);
  await writeFile(first, `${ldif}\n${reader}`);
  const configured = ["-D", join(directory, "config")];
  await run(serverPath, ["ldif2db", ...configured, "-n", "userRoot", "-i", first]);

  let server: ChildProcess | undefined;
  let backups = 0;
  const clients = new Set<Client>();

  async function start(): Promise<void> {
    if (server !== undefined) return;
    // A log level, even none, keeps ns-slapd in the foreground, so that the process started here is the server.
    const pid = join(directory, "run", "pid");
    const args = [...configured, "-i", pid, "-d", "0"];
    const nsSlapd = spawn(serverPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let complaint = "";
    nsSlapd.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    server = nsSlapd;
    const guard = killWithThisProcess(nsSlapd, directory);
    nsSlapd.once("exit", () => {
      guard.kill();
      if (server === nsSlapd) server = undefined;
    });
    await untilItListens(port, () => {
      if (server !== nsSlapd) throw new Error(`ns-slapd ended at once: ${complaint}`);
    });
  }

  async function stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const nsSlapd = server;
    if (nsSlapd === undefined) return;
    const exit = once(nsSlapd, "exit");
    nsSlapd.kill(signal);
    await exit;
  }

  function mustBeStopped(): void {
    if (server !== undefined) throw new Error("The server is running.");
  }

  await start();
  return {
    url,
    suffix,
    adminDn,
    password,
    readerDn,
    readerPassword,
    directory,
    start,
    stop,
    async configure(change) {
      mustBeStopped();
      await writeFile(dse, change(await readFile(dse, "utf8")));
    },
    async backUp() {
      mustBeStopped();
      const backup = join(directory, "bak", String(++backups));
      await cp(join(directory, "db"), backup, { recursive: true });
      return backup;
    },
    async restore(backup) {
      mustBeStopped();
      await rm(join(directory, "db"), { recursive: true });
      await cp(backup, join(directory, "db"), { recursive: true });
    },
    async client() {
      const client = new Client({ url, timeout: 10_000 });
      await client.bind(adminDn, password);
      clients.add(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...clients].map((client) => client.unbind()));
      await stop("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The package's own template, with one database and the plugins that are wanted. */
async function configuration(
  directory: string,
  port: number,
  options: NsSlapdOptions,
): Promise<string> {
  const isFreeIpa = options.layout === "freeIpa";
  const { usn = isFreeIpa, refint = isFreeIpa, host = "localhost", secondSuffix } = options;
  const changelogOf = options.changelogOf ?? (isFreeIpa ? [`cn=dns,${suffix}`] : []);
  const values: Readonly<Record<string, string>> = {
    schema_dir: join(directory, "config/schema"),
    lock_dir: join(directory, "lock"),
    tmp_dir: join(directory, "tmp"),
    cert_dir: join(directory, "cert"),
    ldif_dir: join(directory, "ldif"),
    bak_dir: join(directory, "bak"),
    run_dir: join(directory, "run"),
    inst_dir: join(directory, "inst"),
    log_dir: join(directory, "log"),
    config_dir: join(directory, "config"),
    db_dir: join(directory, "db"),
    db_home_dir: join(directory, "db"),
    db_lib: "bdb",
    fqdn: host,
    ds_port: `${port}\nnsslapd-listenhost: 127.0.0.1`,
    ds_user: userInfo().username,
    ds_passwd: hashed(password),
    ds_suffix: suffix,
    ds_bename: "userRoot",
    rootdn: adminDn,
    ldapi: join(directory, "run/socket"),
    ldapi_enabled: "off",
    ldapi_autobind: "off",
  };
  const template = await readFile(join(templates, "template-dse.ldif"), "utf8");
  const [database = ""] = (await readFile(join(templates, "template-suffix-db.ldif"), "utf8"))
    .replace(/^#.*\n/gm, "")
    .split(/\n\n(?=dn: %ds_suffix%\nchangetype)/);
  const second = { ...values, ds_suffix: secondSuffix ?? "", ds_bename: "second" };
  const parent = secondSuffix?.endsWith(`,${suffix}`) ? `nsslapd-parent-suffix: ${suffix}\n` : "";
  const secondDatabase =
    secondSuffix === undefined ? "" : `${filled(database.trim(), second)}\n${parent}`;
  const dse = `${filled(`${template}\n${database}`, values)}\n${secondDatabase}\n`
    .replace(/\n{3,}/g, "\n\n")
    .replace("nsslapd-localhost:", `nsslapd-defaultnamingcontext: ${suffix}\nnsslapd-localhost:`);
  const plugins: Record<string, readonly string[]> = {
    "Content Synchronization": [],
    "Retro Changelog Plugin": [
      "nsslapd-attribute: nsuniqueid:targetUniqueId",
      ...(options.changelogAge === undefined
        ? []
        : [
            `nsslapd-changelogmaxage: ${options.changelogAge}`,
            "nsslapd-changelog-trim-interval: 1",
          ]),
      ...changelogOf.map((tree) => `nsslapd-include-suffix: ${tree}`),
    ],
    ...(usn ? { USN: [] } : {}),
    ...(refint ? { "referential integrity postoperation": [] } : {}),
    ...(isFreeIpa ? freeIpaPlugins(suffix) : {}),
  };
  const global = usn && options.globalUsn !== false ? "nsslapd-entryusn-global: on\n" : "";
  return Object.entries(plugins).reduce(
    (text, [name, lines]) => withPlugin(text, name, lines),
    dse.replace("nsslapd-localhost:", `${global}nsslapd-localhost:`),
  );
}

function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/%([a-z_]+)%/g, (_, name: string) => values[name] ?? "");
}

/** The form in which a configuration file has a password. */
function hashed(secret: string): string {
  const salt = randomBytes(8);
  const digest = createHash("sha1").update(secret).update(salt).digest();
  return `{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`;
}

function withPlugin(dse: string, name: string, lines: readonly string[]): string {
  const isIt = (text: string) =>
    text.toLowerCase().startsWith(`dn: cn=${name.toLowerCase()},cn=plugins,cn=config\n`);
  const entries = dse.split("\n\n");
  if (!entries.some(isIt)) throw new Error(`There is no plugin ${name}.`);
  return entries
    .map((text) => {
      if (!isIt(text)) return text;
      const replaced = new Set(lines.map((line) => line.slice(0, line.indexOf(":")).toLowerCase()));
      const kept = text
        .split("\n")
        .filter((line) => !replaced.has(line.slice(0, line.indexOf(":")).toLowerCase()))
        .map((line) => line.replace(/^(nsslapd-pluginEnabled:).*/i, "$1 on"));
      return [...kept, ...lines].join("\n");
    })
    .join("\n\n");
}
