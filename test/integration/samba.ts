import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, lstat, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { describe, test } from "vitest";
import { makeCertificates } from "./certificates.js";

const run = promisify(execFile);

const samba = "/usr/sbin/samba";
const python = "/usr/bin/python3";
const script: string = fileURLToPath(new URL("samba-domain.py", import.meta.url));
const templates = process.env["CONCORDAT_SAMBA_SETUP"] ?? "/usr/share/samba/setup";
const packages =
  "install the Debian packages samba-ad-dc, samba-ad-provision, samba-dsdb-modules, winbind and python3-samba, as root";

const suffix = "DC=example,DC=test";
const password = "Passw0rd.1";

/** Its ports cannot be chosen, so that each server has an address of its own, and is started by root. */
const isInstalled =
  existsSync(samba) && existsSync(join(templates, "provision.ldif")) && process.getuid?.() === 0;

/**
 * `describe` for tests that need Samba as a domain controller: skipped in words without it, but in CI they fail.
 *
 * @param missing what else to install that they need, where it is not.
 */
export function describeWithSamba(name: string, body: () => void, missing?: string): void {
  const toInstall = isInstalled ? missing : packages;
  if (toInstall === undefined) describe(name, body);
  else if (process.env["CI"] === "true") {
    test(name, () => {
      throw new Error(`Something is missing here: ${toInstall}.`);
    });
  } else describe.skip(`${name} (${toInstall})`, body);
}

/** An account that can bind. */
export interface Account {
  readonly dn: string;
  readonly password: string;
}

/** How the controller is set up. */
export interface SambaOptions {
  /** Whether it has a key distribution centre. Default false. */
  readonly kerberos?: boolean;
  /** The controller that it is a copy of, with another `invocationId`; that must be stopped. Default: a new domain. */
  readonly copyOf?: Samba;
}

/** A copy of the database of a controller. */
export interface SambaBackup {
  readonly path: string;
}

/** A domain controller with a domain of its own, which is deleted on dispose. */
export interface Samba extends AsyncDisposable {
  readonly url: string;
  readonly address: string;
  readonly suffix: string;
  /** May do everything. */
  readonly administrator: Account;
  /** May read, and see what was deleted. */
  readonly reader: Account;
  /** May read, and is not shown what was deleted. */
  readonly plainReader: Account;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  start(): Promise<void>;
  /** Copies the folder of the server, which must be stopped. */
  backUp(): Promise<SambaBackup>;
  /** Replaces the folder of the server, which must be stopped, by a copy. */
  restore(backup: SambaBackup): Promise<void>;
  /** Whether binds have to protect messages, from the next start on, unless TLS and the kind of bind do. */
  requireStrongAuth(required: boolean): void;
  /** The keys of an account in a file, with the option `kerberos`. */
  keytab(account: string): Promise<string>;
  /** What clients need in their environment to know its key distribution centre, with the option `kerberos`. */
  readonly environment: Readonly<Record<"KRB5_CONFIG", string>>;
  /** The PEM file of the authority that signed its certificate, which is for `dc1.example.test` and its address. */
  readonly caFile: string;
  /** Where its files are. */
  readonly folder: string;
  /** A client bound as the administrator. */
  client(): Promise<Client>;
}

/** Makes a domain and starts its controller, on an address of this machine whose port 389 is free. */
export async function startSamba({ kerberos = false, copyOf }: SambaOptions = {}): Promise<Samba> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-samba-"));
  const { address, claim } = await claimAddress();
  const domain = async (...command: readonly string[]) => {
    await run(python, [script, ...command], { maxBuffer: 16_777_216 });
  };
  if (copyOf === undefined) {
    await domain("provision", folder, address);
    for (const name of ["reader", "plain"]) await domain("account", folder, name, password);
    await domain("grant", folder, "reader");
  } else {
    await copyController(copyOf.folder, folder);
    await domain("renew", folder);
  }
  await makeCertificates(folder, `DNS:dc1.example.test,IP:${address}`);
  await chmod(join(folder, "server.key"), 0o600);
  if (kerberos) {
    await domain("name", folder, "ldap/dc1.example.test");
    await writeFile(join(folder, "krb5.conf"), kerberosConfiguration(address));
  }

  let server: ChildProcess | undefined;
  let strongAuth = "no";
  const accountOf = (name: string): Account => ({ dn: `${name}@example.test`, password });
  const controller: Samba = {
    url: `ldap://${address}`,
    address,
    suffix,
    administrator: accountOf("administrator"),
    reader: accountOf("reader"),
    plainReader: accountOf("plain"),
    async stop(signal = "SIGTERM") {
      const ending = server;
      server = undefined;
      if (ending?.pid === undefined || ending.exitCode !== null) return;
      const ended = once(ending, "exit");
      // Its children are of its group.
      process.kill(-ending.pid, signal);
      await ended;
    },
    async start() {
      const options = [
        `ldap server require strong auth = ${strongAuth}`,
        `server services = ldap${kerberos ? " kdc" : ""}`,
        "tls enabled = yes",
        `tls keyfile = ${folder}/server.key`,
        `tls certfile = ${folder}/server.pem`,
        `tls cafile = ${folder}/ca.pem`,
      ];
      server = await startServer(folder, address, options);
      await untilItAnswers(controller);
    },
    requireStrongAuth(required) {
      strongAuth = required ? "yes" : "no";
    },
    async keytab(name) {
      const path = join(folder, `${name}.keytab`);
      await domain("keytab", folder, name, path);
      return path;
    },
    environment: { KRB5_CONFIG: join(folder, "krb5.conf") },
    caFile: join(folder, "ca.pem"),
    folder,
    async backUp() {
      const path = await mkdtemp(join(folder, "backup-"));
      await copyFiles(join(folder, "dc"), path);
      return { path };
    },
    async restore({ path }) {
      await rm(join(folder, "dc"), { recursive: true });
      await cp(path, join(folder, "dc"), { recursive: true });
    },
    async client() {
      const client = new Client({ url: controller.url });
      await client.bind(controller.administrator.dn, password);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await controller.stop("SIGKILL");
      claim.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await controller.start();
  return controller;
}

/** Copies the files of a controller, but for its sockets, which cannot be. */
async function copyFiles(from: string, to: string): Promise<void> {
  const filter = async (file: string) => !(await lstat(file)).isSocket();
  await cp(from, to, { recursive: true, filter });
}

/** Copies a controller, whose configuration names its folder. */
async function copyController(from: string, to: string): Promise<void> {
  await copyFiles(join(from, "dc"), join(to, "dc"));
  const path = join(to, "dc", "etc", "smb.conf");
  await writeFile(path, (await readFile(path, "utf8")).replaceAll(from, to));
}

async function startServer(
  folder: string,
  address: string,
  more: readonly string[],
): Promise<ChildProcess> {
  for (const part of ["run", "log", "winbindd"])
    await mkdir(join(folder, part), { recursive: true });
  const options = [
    ...more,
    `pid directory = ${folder}/run`,
    `ncalrpc dir = ${folder}/run/ncalrpc`,
    `lock directory = ${folder}/dc`,
    `log file = ${folder}/log/samba.log`,
    `winbindd socket directory = ${folder}/winbindd`,
    // Without the length of the network it would listen nowhere.
    `interfaces = ${address}/8`,
    "bind interfaces only = yes",
    "nsupdate command = /bin/true",
  ].map((option) => `--option=${option}`);
  const log = await open(join(folder, "log", "output"), "a");
  const server = spawn(
    samba,
    ["-F", "--no-process-group", "-M", "single", "-s", `${folder}/dc/etc/smb.conf`, ...options],
    { detached: true, stdio: ["ignore", log.fd, log.fd] },
  );
  await log.close();
  return server;
}

function kerberosConfiguration(address: string): string {
  return `[libdefaults]
  default_realm = EXAMPLE.TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  EXAMPLE.TEST = {
    kdc = ${address}:88
  }
`;
}

async function untilItAnswers({ url }: Samba): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const client = new Client({ url });
    try {
      await client.search("", { scope: "base", attributes: ["currentTime"] });
      return;
    } catch (error) {
      if (attempt === 300) throw error;
      await sleep(100);
    } finally {
      await client.unbind().catch(() => undefined);
    }
  }
}

/** Addresses of the loopback network that are for these controllers, and a port by which one says that it has one. */
const addresses = Array.from({ length: 20 }, (_, index) => `127.0.0.${60 + index}`);
const claimPort = 390;

/** Takes an address without an LDAP server, which no other test has taken, until the claim is closed. */
async function claimAddress(): Promise<{ readonly address: string; readonly claim: Server }> {
  for (const address of addresses) {
    const claim = await listening(address, claimPort);
    if (claim === undefined) continue;
    const probe = await listening(address, 389);
    probe?.close();
    if (probe !== undefined) return { address, claim };
    claim.close();
  }
  throw new Error(`All of ${addresses[0]} to ${addresses.at(-1)} have a server.`);
}

async function listening(host: string, port: number): Promise<Server | undefined> {
  const server = createServer().unref();
  try {
    server.listen({ host, port });
    await once(server, "listening");
    return server;
  } catch {
    server.close();
    return undefined;
  }
}
