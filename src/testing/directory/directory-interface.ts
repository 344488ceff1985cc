import type { Scope } from "./entries/entry.js";
import type { DirectoryFaults } from "./faults.js";
import type { AttributesInput, DirectoryEntry, NewEntry, WriteOptions } from "./records.js";

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
   * Whether renames and deletions rewrite the DNs in `member`, `uniqueMember`, `owner`, `manager` and `seeAlso`,
   * shortly after. With `true` as OpenLDAP's refint overlay does it: the rewritten entries keep their `entryCSN`, and
   * no consumer is told. With `"replicated"` by writes of their own, which consumers see. Default false.
   */
  readonly refint?: boolean | "replicated";
  /** Whether a resume that cannot be served is answered with e-syncRefreshRequired (4096). Default: all is sent. */
  readonly reloadHint?: boolean;
  /**
   * Which live changes come with a cookie that lacks its CSN, as those of a busy OpenLDAP do: a probability from 0 to
   * 1, or a choice by change. Default 0.
   */
  readonly bareCookies?: number | ((write: DirectoryWrite) => boolean);
  /** The number of this server in CSNs and cookies, 0 to 4095. Default 0. */
  readonly serverId?: number;
  /** How many changes may wait for a client that does not read them, before its search is ended. Default 100,000. */
  readonly maxQueuedChanges?: number;
  /** The clock of timestamps and CSNs. CSNs rise even where it does not. */
  readonly now?: () => Date;
  /** Numbers from 0 to 1 for the choice of cookies without a CSN and for new UUIDs. Default: real randomness. */
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

/** What a directory held at some time. */
export interface DirectoryBackup {
  readonly entries: readonly DirectoryEntry[];
}

/**
 * An LDAP directory in this process.
 *
 * Its methods change and read it directly; LDAP clients reach it at {@link Directory.url}. All that it holds is in
 * memory.
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
   * distinguishedNameMatch, integerMatch and OpenLDAP's dnSubtreeMatch; with any other nothing matches (RFC 4511
   * §4.5.1.7.7).
   *
   * @throws {DirectoryError} protocolError where the filter is none (RFC 4515).
   */
  entries(query?: { base?: string; scope?: Scope; filter?: string }): DirectoryEntry[];
  /** Makes a backup of what the directory holds now. */
  backUp(): DirectoryBackup;
  /**
   * Stops, puts back all that a backup of this directory holds, and listens again on the same port. As with a real
   * server, everything is as it was then, what the server says of its state too; it remembers none of the changes
   * since.
   *
   * @throws {InvalidValueError} the backup is of another directory.
   */
  restore(backup: DirectoryBackup): Promise<void>;
  /**
   * Sets the clock of the server forward, or back, by so many milliseconds. What is written after it was set back gets
   * an earlier CSN than what was written before.
   */
  setClock(by: number): void;
  /** Closes all connections and listens no more. What the directory holds is kept. */
  stop(): Promise<void>;
  /** Stops and listens again, on the same port and with the same entries. */
  restart(options?: {
    /** Whether resumes are still served from the session log; a real server forgets it. Default false. */
    keepSessionLog?: boolean;
  }): Promise<void>;
}
