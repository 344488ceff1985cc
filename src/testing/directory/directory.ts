import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import { InvalidValueError } from "../../core/index.js";
import type {
  AttributeChanges,
  Directory,
  DirectoryBackup,
  DirectoryOptions,
  DirectoryWrite,
} from "./directory-interface.js";
import { Domain, type DomainState } from "./dirsync/domain.js";
import { CsnClock, type CsnSet } from "./entries/csn.js";
import { parseDn, printDn, printRdn } from "./entries/dn.js";
import type { Entry, GivenAttribute, Scope } from "./entries/entry.js";
import { evaluate, parseFilter } from "./entries/filter.js";
import type { Modification } from "./entries/modify.js";
import { repairReferences } from "./entries/refint.js";
import { attributeKey, attributeType } from "./entries/schema.js";
import { normalizedDnOf, Tree, type Write } from "./entries/tree.js";
import type { DelayedWrite } from "./faults.js";
import { parseLdif } from "./ldif.js";
import { PlannedFaults } from "./planned-faults.js";
import {
  type AttributesInput,
  type NewEntry,
  type ReplicatedWriteOptions,
  type StoredEntry,
  toGiven,
  toRecord,
} from "./records.js";
import { Connection } from "./session/connection.js";
import type { Service } from "./session/service.js";
import { ContentSync } from "./sync/content-sync.js";
import { NumberedSync } from "./sync/numbered-sync.js";
import type { DirectoryKind, SyncProvider } from "./sync/provider.js";

/**
 * Starts an LDAP directory in this process, which speaks LDAP v3 (RFC 4511) and the content synchronization operation
 * (RFC 4533) as OpenLDAP's slapd does. For tests, demonstrations and nothing else: it has one administrator, no schema
 * to speak of, and no disk. An entry that has a `userPassword` in plain text can bind with it, and read.
 *
 * @example
 * ```ts
 * await using directory = await startDirectory();
 * directory.add("uid=alice,ou=people,dc=example,dc=com", {
 *   objectClass: "inetOrgPerson", uid: "alice", cn: "Alice", sn: "Liddell",
 * });
 * ```
 */
export async function startDirectory(options: DirectoryOptions = {}): Promise<Directory> {
  const directory = new InProcessDirectory(options);
  await directory.start();
  return directory;
}

class InProcessDirectory implements Directory {
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  readonly faults: PlannedFaults;
  readonly #serverId: number;
  readonly #refint: boolean | "replicated";
  readonly #csnClock: CsnClock;
  readonly #tree: Tree;
  readonly #sync: SyncProvider;
  /** The number of the last write to an entry. */
  #usn = 0;
  #isUndoing = false;
  readonly #domain: Domain | undefined;
  readonly #service: Service;
  readonly #connections = new Set<Connection>();
  readonly #backups = new WeakMap<DirectoryBackup, Held>();
  #port: number;
  #tlsPort = 0;
  #servers: Server[] = [];

  constructor(options: DirectoryOptions) {
    this.suffix = options.suffix ?? "dc=example,dc=com";
    this.adminDn = options.adminDn ?? `cn=admin,${this.suffix}`;
    this.password = options.password ?? "secret";
    this.#serverId = options.serverId ?? 0;
    this.#refint = options.refint ?? false;
    this.#port = options.port ?? 0;
    const kind = options.kind ?? "openldap";
    const now = options.now ?? (() => new Date());
    const random = options.random ?? Math.random;
    this.#csnClock = new CsnClock(now);
    this.faults = new PlannedFaults({
      trimSessionLog: (keep) => this.#sync.trimLog(keep),
      delayWrite: (write, options) => this.#delay(write, options),
      undo: (write) => this.#undo(write),
    });
    this.#tree = new Tree({
      suffix: this.suffix,
      csnClock: this.#csnClock,
      now: () => this.#csnClock.now(),
      newUuid: newUuids(options, now, random),
      ...(kind === "openldap" ? {} : { numbers: (uuid: string) => this.#numbersOf(uuid) }),
      onWrite: (write) => this.#written(write),
    });
    const maxQueued = options.maxQueuedChanges ?? 100_000;
    const numbered = new NumberedSync({
      tree: this.#tree,
      port: () => this.#port,
      isLogged: kind === "389ds",
      maxQueued,
    });
    const contentSync = new ContentSync({
      tree: this.#tree,
      serverId: this.#serverId,
      sessionLog: options.sessionLog ?? 1000,
      reloadHint: options.reloadHint ?? false,
      isBare: bareCookies(options.bareCookies ?? 0, random),
      faults: this.faults,
      maxQueued,
    });
    this.#sync = kind === "openldap" ? contentSync : numbered;
    const { activeDirectory = false } = options;
    this.#domain =
      activeDirectory === false
        ? undefined
        : new Domain(
            this.#tree,
            () => this.#csnClock.now(),
            activeDirectory === true ? {} : activeDirectory,
          );
    this.#service = {
      tree: this.#tree,
      sync: this.#sync,
      kind,
      domain: this.#domain,
      numbers: () => {
        if (kind === "openldap") return {};
        const { first: firstChangeNumber, last: lastChangeNumber } = numbered.range;
        return { firstChangeNumber, lastChangeNumber, lastusn: this.#usn };
      },
      faults: this.faults,
      suffix: this.suffix,
      adminDn: this.adminDn,
      password: this.password,
      serverId: this.#serverId,
      anonymousRead: options.anonymousRead ?? false,
      secureContext: options.tls && createSecureContext(options.tls),
    };
    this.load(options.entries ?? usualEntries(this.suffix, kind));
    // What a server holds when it starts is not in its session log.
    this.#sync.clearLog();
    numbered.startNumbering();
  }

  get url(): string {
    return `ldap://127.0.0.1:${this.#port}`;
  }

  get ldapsUrl(): string | undefined {
    return this.#service.secureContext && `ldaps://localhost:${this.#tlsPort}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async start(): Promise<void> {
    this.#port = await this.#listen(this.#port, (socket) => socket);
    const { secureContext } = this.#service;
    if (secureContext !== undefined) {
      this.#tlsPort = await this.#listen(
        this.#tlsPort,
        (socket) => new TLSSocket(socket, { isServer: true, secureContext }),
      );
    }
  }

  async #listen(port: number, wrap: (socket: Socket) => Socket): Promise<number> {
    const server = createServer((socket) => {
      const connection: Connection = new Connection(wrap(socket), this.#service, () =>
        this.#connections.delete(connection),
      );
      this.#connections.add(connection);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => once(server, "close"));
    for (const server of servers) server.close();
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    await Promise.all(closed);
  }

  async restart(options?: { keepSessionLog?: boolean }): Promise<void> {
    await this.stop();
    if (options?.keepSessionLog !== true) this.#sync.clearLog();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.start();
        return;
      } catch (error) {
        // A client of this machine that tries to connect meanwhile may be given this very port, for a moment.
        if (!isInUse(error) || attempt === 100) throw error;
        await setTimeout(10);
      }
    }
  }

  backUp(): DirectoryBackup {
    const { entries } = this.#tree;
    const backup: DirectoryBackup = { entries: entries.map(toRecord) };
    const csns = this.#sync.save();
    const { state: domain } = this.#domain ?? {};
    this.#backups.set(backup, { entries, csns, usn: this.#usn, domain });
    return backup;
  }

  async restore(backup: DirectoryBackup): Promise<void> {
    const held = this.#backups.get(backup);
    if (held === undefined) throw new InvalidValueError("backup", "is of another directory.");
    await this.stop();
    this.#tree.restore(held.entries);
    this.#sync.restore(held.csns);
    this.#usn = held.usn;
    if (held.domain !== undefined) this.#domain?.restore(held.domain);
    await this.restart();
  }

  renewInvocationId(): void {
    if (this.#domain !== undefined) this.#domain.invocationId = randomUUID();
  }

  setClock(by: number): void {
    this.#csnClock.set(by);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  add(dn: string, attributes: AttributesInput, options?: ReplicatedWriteOptions): StoredEntry {
    return toRecord(this.#tree.add(dn, toGiven(attributes), this.#author(options)));
  }

  modify(dn: string, changes: AttributeChanges, options?: ReplicatedWriteOptions): StoredEntry {
    const modifications = (["delete", "add", "replace"] as const).flatMap((operation) =>
      toGiven(changes[operation] ?? {}).map(
        (attribute): Modification => ({ operation, attribute }),
      ),
    );
    return toRecord(this.#tree.modify(dn, modifications, this.#author(options)));
  }

  rename(dn: string, newDn: string, options?: ReplicatedWriteOptions): StoredEntry {
    const [rdn = [], ...superior] = parseDn(newDn) ?? [];
    const to = { newRdn: printRdn(rdn), deleteOldRdn: true, newSuperior: printDn(superior) };
    return toRecord(this.#tree.rename(dn, to, this.#author(options)));
  }

  delete(dn: string, options?: ReplicatedWriteOptions): void {
    this.#tree.delete(dn, this.#author(options));
  }

  load(entries: string | Iterable<NewEntry>): void {
    const list =
      typeof entries === "string"
        ? parseLdif(entries)
        : [...entries].map(({ dn, attributes }) => ({ dn, attributes: toGiven(attributes) }));
    for (const { dn, attributes } of list) {
      const isKept = ({ type }: GivenAttribute) =>
        attributeType(attributeKey(type))?.operational === true;
      this.#tree.add(
        dn,
        attributes.filter((attribute) => !isKept(attribute)),
        this.#author(),
        attributes.filter(isKept),
      );
    }
  }

  entry(dn: string): StoredEntry | undefined {
    const entry = this.#tree.get(normalizedDnOf(dn));
    return entry && toRecord(entry);
  }

  entries(query: { base?: string; scope?: Scope; filter?: string } = {}): StoredEntry[] {
    const base = normalizedDnOf(query.base ?? this.suffix);
    const filter = parseFilter(query.filter ?? "(objectClass=*)");
    return this.#tree
      .search(base, query.scope ?? "sub")
      .filter((entry) => evaluate(filter, entry, (key) => this.#tree.isKnown(key)) === true)
      .map(toRecord);
  }

  #author(options?: ReplicatedWriteOptions): { dn: string; serverId: number } {
    return { dn: this.adminDn, serverId: options?.serverId ?? this.#serverId };
  }

  #delay(write: () => unknown, options?: ReplicatedWriteOptions): DelayedWrite {
    const { serverId } = this.#author(options);
    const csn = this.#csnClock.next(serverId);
    this.#sync.begin(csn, serverId);
    return {
      csn,
      complete: () => {
        try {
          this.#csnClock.withTaken(csn, write);
        } finally {
          this.#sync.end(csn);
        }
      },
    };
  }

  /** What tells an entry of a 389 Directory Server, and its latest write, from others. */
  #numbersOf(uuid: string): readonly (readonly [string, string])[] {
    this.#usn += 1;
    const digits = uuid.replaceAll("-", "");
    const nsUniqueId = digits.match(/.{8}/g)?.join("-") ?? digits;
    return [
      ["nsUniqueId", nsUniqueId],
      ["entryUSN", String(this.#usn)],
    ];
  }

  #undo(write: () => unknown): void {
    const { entries } = this.#tree;
    this.#isUndoing = true;
    try {
      if (this.#sync instanceof NumberedSync) this.#sync.whileUndoing(write);
      else write();
    } finally {
      this.#isUndoing = false;
      this.#tree.restore(entries);
    }
  }

  #written(write: Write): void {
    if (this.#isUndoing && !(this.#sync instanceof NumberedSync)) return;
    this.#sync.record(write);
    this.#domain?.record(write);
    if (this.#refint !== false && (write.kind === "rename" || write.kind === "delete")) {
      const author = this.#refint === "replicated" ? this.#author() : undefined;
      // slapd does it shortly after the write was answered, and a client that reads in between sees the old names. Here
      // none can.
      repairReferences(this.#tree, write, author);
    }
  }
}

/** What a backup holds. */
interface Held {
  readonly entries: readonly Entry[];
  readonly csns: CsnSet;
  readonly usn: number;
  readonly domain: DomainState | undefined;
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/** New ids: those of a 389 Directory Server are made of the time. */
function newUuids(
  { kind = "openldap", random: given }: DirectoryOptions,
  now: () => Date,
  random: () => number,
): () => string {
  if (kind !== "openldap") {
    let count = 0;
    return () => {
      count += 1;
      return timeUuid(now().getTime(), count);
    };
  }
  return given === undefined ? randomUUID : () => uuidFrom(random);
}

/** A version 1 UUID (RFC 9562 §5.1). */
function timeUuid(milliseconds: number, count: number): string {
  const ticks = (BigInt(milliseconds) + 12_219_292_800_000n) * 10_000n + BigInt(count % 10_000);
  const digits = ticks.toString(16).padStart(15, "0");
  const node = Math.floor(count / 10_000)
    .toString(16)
    .padStart(12, "0");
  return `${digits.slice(7)}-${digits.slice(3, 7)}-1${digits.slice(0, 3)}-8000-${node}`;
}

function usualEntries(suffix: string, kind: DirectoryKind): NewEntry[] {
  const [rdn = []] = parseDn(suffix) ?? [];
  const naming = Object.fromEntries(rdn.map(({ type, value }) => [type, value]));
  const isDomain = attributeKey(rdn[0]?.type ?? "") === "dc";
  const info = kind === "freeipa" ? { info: "IPA V2.0" } : {};
  return [
    {
      dn: suffix,
      attributes: isDomain
        ? { objectClass: ["organization", "dcObject"], o: "Example", ...naming, ...info }
        : { objectClass: "organization", ...naming, ...info },
    },
    { dn: `ou=people,${suffix}`, attributes: { objectClass: "organizationalUnit", ou: "people" } },
    { dn: `ou=groups,${suffix}`, attributes: { objectClass: "organizationalUnit", ou: "groups" } },
  ];
}

function bareCookies(
  choice: number | ((write: DirectoryWrite) => boolean),
  random: () => number,
): (write: Write) => boolean {
  return typeof choice === "number"
    ? () => choice > 0 && random() < choice
    : ({ kind, csn, uuid }) => choice({ kind, csn, entryUUID: uuid });
}

/** A version 4 UUID (RFC 9562 §5.4) from given randomness, for runs that can be repeated. */
function uuidFrom(random: () => number): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
