import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import { Connection } from "./connection.js";
import { ContentSync } from "./content-sync.js";
import { CsnClock } from "./csn.js";
import { parseDn, printDn, printRdn } from "./dn.js";
import type { GivenAttribute, Scope } from "./entry.js";
import type { DelayedWrite, DirectoryFaults } from "./faults.js";
import { evaluate, parseFilter } from "./filter.js";
import { parseLdif } from "./ldif.js";
import type { Modification } from "./modify.js";
import { PlannedFaults } from "./planned-faults.js";
import {
  type AttributesInput,
  type DirectoryEntry,
  type NewEntry,
  toGiven,
  toRecord,
} from "./records.js";
import { repairReferences } from "./refint.js";
import { attributeKey, attributeType } from "./schema.js";
import type { Service } from "./service.js";
import { normalizedDnOf, Tree, type Write } from "./tree.js";

/** A change of the directory, as {@link DirectoryOptions.bareCookies} sees it. */
export interface DirectoryWrite {
  readonly kind: "add" | "modify" | "rename" | "delete";
  readonly csn: string;
  readonly entryUUID: string;
}

/** How {@link startDirectory} sets the directory up. */
export interface DirectoryOptions {
  /** The DN of the topmost entry. Default `dc=example,dc=com`. */
  readonly suffix?: string;
  /** Who may do everything. Default `cn=admin,` and the suffix. */
  readonly adminDn?: string;
  /** The administrator's password. Default `secret`. */
  readonly password?: string;
  /**
   * What the directory holds at first: LDIF (RFC 2849), or entries, each after the one above it. Default: the suffix,
   * `ou=people` and `ou=groups`.
   */
  readonly entries?: string | Iterable<NewEntry>;
  /** The port to listen on at 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** A certificate and its key in PEM; with them, the directory offers ldaps and StartTLS. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Whether clients that did not bind may search. Default false. */
  readonly anonymousRead?: boolean;
  /** How many writes the provider remembers for resumes (RFC 4533's delete phase); 0 for none. Default 1000. */
  readonly sessionLog?: number;
  /**
   * Whether renames and deletions rewrite the DNs in `member`, `uniqueMember`, `owner`, `manager` and `seeAlso`, shortly
   * after. With `true` as OpenLDAP's refint overlay does it: the rewritten entries keep their `entryCSN`, and no consumer
   * is told. With `"replicated"` by writes of their own, which consumers see. Default false.
   */
  readonly refint?: boolean | "replicated";
  /** Whether a resume that cannot be served is answered with e-syncRefreshRequired (4096). Default false: everything is sent. */
  readonly reloadHint?: boolean;
  /**
   * Which live changes come with a cookie that lacks its CSN, as those of a busy OpenLDAP do: a probability from 0 to 1,
   * or a choice by change. Default 0.
   */
  readonly bareCookies?: number | ((write: DirectoryWrite) => boolean);
  /** The number of this server in CSNs and cookies, 0 to 4095. Default 0. */
  readonly serverId?: number;
  /** How many changes may wait for a client that does not read them, before its search is ended. Default 100,000. */
  readonly maxQueuedChanges?: number;
  /** The clock of timestamps and CSNs. CSNs rise even where it does not. */
  readonly now?: () => Date;
  /** Numbers from 0 to 1 for the choice of bare cookies and for new UUIDs. Default: real randomness. */
  readonly random?: () => number;
}

/** What {@link Directory.modify} changes; taken in the order delete, add, replace. RFC 4511 §4.6 */
export interface AttributeChanges {
  /** Values to take away; an empty array takes all of them. */
  readonly delete?: AttributesInput;
  /** Values to add. */
  readonly add?: AttributesInput;
  /** Values that an attribute has from now on; an empty array removes it. */
  readonly replace?: AttributesInput;
}

/** A write that another server of a multi-provider directory made, and this one received. */
export interface WriteOptions {
  /** The number of the server that the CSN names. Default: this server's. */
  readonly serverId?: number;
}

/**
 * An LDAP directory in this process.
 *
 * Its methods change and read it directly; LDAP clients reach it at {@link Directory.url}. All that it holds is in memory.
 */
export interface Directory extends AsyncDisposable {
  /** `ldap://127.0.0.1:` and the port. */
  readonly url: string;
  /** `ldaps://localhost:` and the port, where there is a certificate. */
  readonly ldapsUrl: string | undefined;
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  /** Makes things go wrong. */
  readonly faults: DirectoryFaults;
  /** How many clients are connected. */
  readonly connections: number;
  /**
   * Adds an entry.
   *
   * @throws {DirectoryError} with the result code that a client would get; so do all methods that write.
   */
  add(dn: string, attributes: AttributesInput, options?: WriteOptions): DirectoryEntry;
  /** Changes attributes of an entry. */
  modify(dn: string, changes: AttributeChanges, options?: WriteOptions): DirectoryEntry;
  /** Gives an entry another DN, below the same entry or another one. The old RDN's value is taken away. */
  rename(dn: string, newDn: string, options?: WriteOptions): DirectoryEntry;
  /** Deletes an entry. */
  delete(dn: string, options?: WriteOptions): void;
  /**
   * Adds all entries of a text in LDIF, or of a list. Operational attributes such as `entryUUID` are kept.
   *
   * @throws {InvalidValueError} where the text is not LDIF. What stands before the fault was not added.
   */
  load(entries: string | Iterable<NewEntry>): void;
  /** The entry of this DN, if there is one. */
  entry(dn: string): DirectoryEntry | undefined;
  /**
   * The entries that match. Default: all.
   *
   * Of the matching rules that a filter can name, the directory knows caseIgnoreMatch, caseExactMatch,
   * distinguishedNameMatch, integerMatch and OpenLDAP's dnSubtreeMatch; with any other nothing matches (RFC 4511 §4.5.1.7.7).
   *
   * @throws {DirectoryError} protocolError where the filter is none (RFC 4515).
   */
  entries(query?: { base?: string; scope?: Scope; filter?: string }): DirectoryEntry[];
  /** Closes all connections and listens no more. What the directory holds is kept. */
  stop(): Promise<void>;
  /** Stops and listens again, on the same port and with the same entries. */
  restart(options?: {
    /** Whether resumes are still served from the session log; a real server forgets it. Default false. */
    keepSessionLog?: boolean;
  }): Promise<void>;
}

/**
 * Starts an LDAP directory in this process, which speaks LDAP v3 (RFC 4511) and the content synchronization operation
 * (RFC 4533) as OpenLDAP's slapd does. For tests, demonstrations and nothing else: it has one administrator, no schema to
 * speak of, and no disk. An entry that has a `userPassword` in plain text can bind with it, and read.
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
  readonly #sync: ContentSync;
  readonly #service: Service;
  readonly #connections = new Set<Connection>();
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
    const now = options.now ?? (() => new Date());
    const random = options.random ?? Math.random;
    this.#csnClock = new CsnClock(now);
    this.faults = new PlannedFaults({
      trimSessionLog: (keep) => this.#sync.trimLog(keep),
      delayWrite: (write, options) => this.#delay(write, options),
    });
    this.#tree = new Tree({
      suffix: this.suffix,
      csnClock: this.#csnClock,
      now,
      newUuid: options.random === undefined ? randomUUID : () => uuidFrom(random),
      onWrite: (write) => this.#written(write),
    });
    this.#sync = new ContentSync({
      tree: this.#tree,
      serverId: this.#serverId,
      sessionLog: options.sessionLog ?? 1000,
      reloadHint: options.reloadHint ?? false,
      isBare: bareCookies(options.bareCookies ?? 0, random),
      faults: this.faults,
      maxQueued: options.maxQueuedChanges ?? 100_000,
    });
    this.#service = {
      tree: this.#tree,
      sync: this.#sync,
      faults: this.faults,
      suffix: this.suffix,
      adminDn: this.adminDn,
      password: this.password,
      serverId: this.#serverId,
      anonymousRead: options.anonymousRead ?? false,
      secureContext: options.tls && createSecureContext(options.tls),
    };
    this.load(options.entries ?? usualEntries(this.suffix));
    // What a server holds when it starts is not in its session log.
    this.#sync.clearLog();
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  add(dn: string, attributes: AttributesInput, options?: WriteOptions): DirectoryEntry {
    return toRecord(this.#tree.add(dn, toGiven(attributes), this.#author(options)));
  }

  modify(dn: string, changes: AttributeChanges, options?: WriteOptions): DirectoryEntry {
    const modifications = (["delete", "add", "replace"] as const).flatMap((operation) =>
      toGiven(changes[operation] ?? {}).map(
        (attribute): Modification => ({ operation, attribute }),
      ),
    );
    return toRecord(this.#tree.modify(dn, modifications, this.#author(options)));
  }

  rename(dn: string, newDn: string, options?: WriteOptions): DirectoryEntry {
    const [rdn = [], ...superior] = parseDn(newDn) ?? [];
    const to = { newRdn: printRdn(rdn), deleteOldRdn: true, newSuperior: printDn(superior) };
    return toRecord(this.#tree.rename(dn, to, this.#author(options)));
  }

  delete(dn: string, options?: WriteOptions): void {
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

  entry(dn: string): DirectoryEntry | undefined {
    const entry = this.#tree.get(normalizedDnOf(dn));
    return entry && toRecord(entry);
  }

  entries(query: { base?: string; scope?: Scope; filter?: string } = {}): DirectoryEntry[] {
    const base = normalizedDnOf(query.base ?? this.suffix);
    const filter = parseFilter(query.filter ?? "(objectClass=*)");
    return this.#tree
      .search(base, query.scope ?? "sub")
      .filter((entry) => evaluate(filter, entry, (key) => this.#tree.isKnown(key)) === true)
      .map(toRecord);
  }

  #author(options?: WriteOptions): { dn: string; serverId: number } {
    return { dn: this.adminDn, serverId: options?.serverId ?? this.#serverId };
  }

  #delay(write: () => unknown, options?: WriteOptions): DelayedWrite {
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

  #written(write: Write): void {
    this.#sync.record(write);
    if (this.#refint !== false && (write.kind === "rename" || write.kind === "delete")) {
      const author = this.#refint === "replicated" ? this.#author() : undefined;
      // slapd does it shortly after the write was answered, and who reads in between sees the old names. Here nobody can.
      repairReferences(this.#tree, write, author);
    }
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function usualEntries(suffix: string): NewEntry[] {
  const [rdn = []] = parseDn(suffix) ?? [];
  const naming = Object.fromEntries(rdn.map(({ type, value }) => [type, value]));
  const isDomain = attributeKey(rdn[0]?.type ?? "") === "dc";
  return [
    {
      dn: suffix,
      attributes: isDomain
        ? { objectClass: ["organization", "dcObject"], o: "Example", ...naming }
        : { objectClass: "organization", ...naming },
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
