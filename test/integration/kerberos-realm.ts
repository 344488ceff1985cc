import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, killWithThisProcess, untilItListens } from "./server-process.js";

const run = promisify(execFile);

const kdcPath = "/usr/sbin/krb5kdc";
const saslPlugin = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/sasl2/libgssapiv2.so`,
);
const packages =
  "install the Debian packages krb5-kdc, krb5-admin-server, krb5-user and libsasl2-modules-gssapi-mit";

/** What is missing on this machine for tests with Kerberos, in words; undefined if nothing is. */
export const kerberosIsMissing: string | undefined = missing();

function missing(): string | undefined {
  if (!existsSync(kdcPath) || !saslPlugin.some((path) => existsSync(path))) return packages;
  return gssapiIsMissing();
}

/** What is missing on this machine for the adapter over libgssapi. */
export function gssapiIsMissing(): string | undefined {
  try {
    createRequire(import.meta.url)("koffi").load("libgssapi_krb5.so.2");
    return undefined;
  } catch {
    return "install the npm package koffi, by npm ci, and the Debian package libgssapi-krb5-2";
  }
}

/** How the realm is set up. */
export interface RealmOptions {
  /** How long tickets last, in krb5.conf's notation. Default: `10h`. */
  readonly ticketLifetime?: string;
  /** By how many seconds clocks may differ, by which an expired ticket may still be good. Default: 300. */
  readonly clockSkew?: number;
}

/** A key distribution centre with a realm of its own, EXAMPLE.TEST, which is deleted on dispose. */
export interface Realm extends AsyncDisposable {
  /** The directory for all that belongs to it. */
  readonly directory: string;
  /** What clients and servers need in their environment to know the realm. */
  readonly environment: Readonly<Record<"KRB5_CONFIG", string>>;
  /** Adds principals with random keys, and gives a keytab with all of them. */
  keytab(...principals: readonly string[]): Promise<string>;
  /** Gets a ticket by a keytab into a cache of its own, as kinit does, and gives the name of the cache. */
  ticket(principal: string, keytab: string): Promise<string>;
  /** Runs a command of kadmin. */
  administer(command: string): Promise<void>;
  /** Ends the key distribution centre. */
  stop(): Promise<void>;
}

/** Starts a key distribution centre on a free port of 127.0.0.1. */
export async function startRealm(options: RealmOptions = {}): Promise<Realm> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-realm-"));
  const at = (name: string) => join(directory, name);
  const port = await freePort();
  await mkdir(at("kdc"));
  await writeFile(at("krb5.conf"), clientConfiguration(port, options));
  await writeFile(at("kdc.conf"), serverConfiguration(directory, port));
  const environment = { KRB5_CONFIG: at("krb5.conf") };
  const env = { ...process.env, ...environment, KRB5_KDC_PROFILE: at("kdc.conf") };
  await run("/usr/sbin/kdb5_util", ["create", "-s", "-r", "EXAMPLE.TEST", "-P", "master"], { env });

  const kdc = spawn(kdcPath, ["-n", "-r", "EXAMPLE.TEST"], { stdio: "ignore", env });
  const guard = killWithThisProcess(kdc, directory);
  const exit = once(kdc, "exit").then(() => guard.kill());
  await untilItListens(port, () => {
    if (kdc.exitCode !== null) throw new Error("krb5kdc ended at once.");
  });

  let count = 0;
  async function administer(command: string): Promise<void> {
    const query = ["-r", "EXAMPLE.TEST", "-q", command];
    const { stderr } = await run("/usr/sbin/kadmin.local", query, { env });
    // It succeeds whatever happens, and also warns that a principal has no policy.
    const complaint = stderr.split("\n").find((line) => /^(kadmin|add_principal|ktadd)/.test(line));
    if (complaint !== undefined) throw new Error(complaint);
  }
  return {
    directory,
    environment,
    administer,
    async keytab(...principals) {
      count += 1;
      const path = at(`${count}.keytab`);
      for (const principal of principals) {
        await administer(`addprinc -randkey ${principal}`);
        await administer(`ktadd -k ${path} ${principal}`);
      }
      await chmod(path, 0o600);
      return path;
    },
    async ticket(principal, keytab) {
      count += 1;
      const cache = `FILE:${at(`${count}.cache`)}`;
      await run("kinit", ["-c", cache, "-k", "-t", keytab, principal], { env });
      return cache;
    },
    async stop() {
      kdc.kill();
      await exit;
    },
    async [Symbol.asyncDispose]() {
      kdc.kill();
      await exit;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function clientConfiguration(port: number, options: RealmOptions): string {
  return `[libdefaults]
  default_realm = EXAMPLE.TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  ticket_lifetime = ${options.ticketLifetime ?? "10h"}
  clockskew = ${options.clockSkew ?? 300}
  udp_preference_limit = 1
[realms]
  EXAMPLE.TEST = {
    kdc = 127.0.0.1:${port}
  }
`;
}

function serverConfiguration(directory: string, port: number): string {
  return `[kdcdefaults]
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  EXAMPLE.TEST = {
    database_name = ${directory}/kdc/principal
    key_stash_file = ${directory}/kdc/stash
    acl_file = ${directory}/kdc/acl
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
[logging]
  kdc = FILE:${directory}/kdc/log
`;
}
