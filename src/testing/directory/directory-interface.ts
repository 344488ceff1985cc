import type { ActiveDirectoryOptions } from "./dirsync/domain.js";
import type { Scope } from "./entries/entry.js";
import type { DirectoryFaults } from "./faults.js";
import type { AttributesInput, NewEntry, ReplicatedWriteOptions, StoredEntry } from "./records.js";
import type { DirectoryKind } from "./sync/provider.js";

/** A change of the directory, as {@link DirectoryOptions.bareCookies} sees it. */
export interface DirectoryWrite {
  /** What was done to the entry. */
  readonly kind: "add" | "modify" | "rename" | "delete";
  /** The CSN of the write. */
  readonly csn: string;
  /** The `entryUUID` of the entry. */
  readonly entryUUID: string;
}

/** How {@link startDirectory} sets the directory up. */
export interface DirectoryOptions {
  /**
   * Which server it plays, by how it speaks RFC 4533 and by what its entries are known: OpenLDAP, 389 Directory Server
   * with what that gets wrong, or FreeIPA, which is one whose changelog has nothing. Default `openldap`.
   */
  readonly kind?: DirectoryKind | undefined;
  /** The DN of the topmost entry. Default `dc=example,dc=com`. */
  readonly suffix?: string | undefined;
  /** Who may do everything. Default `cn=admin,` and the suffix. */
  readonly adminDn?: string | undefined;
  /** The administrator's password. Default `secret`. */
  readonly password?: string | undefined;
  /**
   * What the directory holds at first: LDIF (RFC 2849), or entries, each after the one above it. Default: the suffix,
   * `ou=people` and `ou=groups`.
   */
  readonly entries?: string | Iterable<NewEntry> | undefined;
  /** The port to listen on at 127.0.0.1. Default: a free one. */
  readonly port?: number | undefined;
  /** A certificate and its key in PEM; with them, the directory offers ldaps and StartTLS. */
  readonly tls?:
    | {
        /** The certificate in PEM; it should be one for `localhost`, which {@link Directory.ldapsUrl} names. */
        readonly cert: string | Buffer;
        /** The private key of the certificate, in PEM. */
        readonly key: string | Buffer;
      }
    | undefined;
  /** Whether clients that did not bind may search. Default false. */
  readonly anonymousRead?: boolean | undefined;
  /** How many writes the provider remembers for resumes (RFC 4533's delete phase); 0 for none. Default 1000. */
  readonly sessionLog?: number | undefined;
  /**
   * Whether renames and deletions rewrite the DNs in `member`, `uniqueMember`, `owner`, `manager` and `seeAlso`,
   * shortly after. With `true` as OpenLDAP's refint overlay does it: the rewritten entries keep their `entryCSN`, and
   * no consumer sees it. With `"replicated"` by writes of their own, which consumers see. Default false.
   */
  readonly refint?: boolean | "replicated" | undefined;
  /** Whether a resume that cannot be served is answered with e-syncRefreshRequired (4096). Default: all is sent. */
  readonly reloadHint?: boolean | undefined;
  /**
   * Which live changes come with a cookie that lacks its CSN, as those of a busy OpenLDAP do: a probability from 0 to
   * 1, or a choice by change. Default 0.
   */
  readonly bareCookies?: number | ((write: DirectoryWrite) => boolean) | undefined;
  /** The number of this server in CSNs and cookies, 0 to 4095. Default 0. */
  readonly serverId?: number | undefined;
  /** How many changes may wait for a client that does not read them, before its search is ended. Default 100,000. */
  readonly maxQueuedChanges?: number | undefined;
  /**
   * Plays a domain controller of Active Directory in place of an OpenLDAP: DirSync, the change notification, and what a
   * controller keeps by itself (`objectGUID`, `objectSid`, `memberOf`, primary groups, deleted objects). Default:
   * false.
   */
  readonly activeDirectory?: boolean | ActiveDirectoryOptions | undefined;
  /** The clock of timestamps and CSNs. CSNs rise even where it does not. */
  readonly now?: (() => Date) | undefined;
  /** Numbers from 0 to 1 for the choice of cookies without a CSN and for new UUIDs. Default: real randomness. */
  readonly random?: (() => number) | undefined;
}

/** What {@link Directory.modify} changes; taken in the order delete, add, replace. RFC 4511 §4.6 */
export interface AttributeChanges {
  /** Values to remove; an empty array removes all of them. */
  readonly delete?: AttributesInput;
  /** Values to add. */
  readonly add?: AttributesInput;
  /** Values that an attribute has from now on; an empty array removes it. */
  readonly replace?: AttributesInput;
}

/** What a directory held at some time. */
export interface DirectoryBackup {
  /** The entries, as they can be read. What else is put back, such as the server's state, is not in it. */
  readonly entries: readonly StoredEntry[];
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
  /** The DN of the topmost entry. */
  readonly suffix: string;
  /** The DN of the administrator, who may do everything. */
  readonly adminDn: string;
  /** The administrator's password. */
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
  add(dn: string, attributes: AttributesInput, options?: ReplicatedWriteOptions): StoredEntry;
  /** Changes attributes of an entry. */
  modify(dn: string, changes: AttributeChanges, options?: ReplicatedWriteOptions): StoredEntry;
  /** Gives an entry another DN, below the same entry or another one. The old RDN's value is removed. */
  rename(dn: string, newDn: string, options?: ReplicatedWriteOptions): StoredEntry;
  /** Deletes an entry. */
  delete(dn: string, options?: ReplicatedWriteOptions): void;
  /**
   * Adds all entries of a text in LDIF, or of a list. Operational attributes such as `entryUUID` are kept.
   *
   * @throws {InvalidValueError} where the text is not LDIF. What stands before the fault was not added.
   */
  load(entries: string | Iterable<NewEntry>): void;
  /** The entry of this DN, if there is one. */
  entry(dn: string): StoredEntry | undefined;
  /**
   * The entries that match. Default: all.
   *
   * Of the matching rules that a filter can name, the directory knows caseIgnoreMatch, caseExactMatch,
   * distinguishedNameMatch, integerMatch and OpenLDAP's dnSubtreeMatch; with any other nothing matches (RFC 4511
   * §4.5.1.7.7).
   *
   * @throws {DirectoryError} protocolError where the filter is none (RFC 4515).
   */
  entries(query?: { base?: string; scope?: Scope; filter?: string }): StoredEntry[];
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
  /** Of a domain controller: makes another one of it to its clients, as a supported restore does. */
  renewInvocationId(): void;
  /** Closes all connections and listens no more. What the directory holds is kept. */
  stop(): Promise<void>;
  /** Stops and listens again, on the same port and with the same entries. */
  restart(options?: {
    /** Whether resumes are still served from the session log; a real server forgets it. Default false. */
    keepSessionLog?: boolean;
  }): Promise<void>;
}
