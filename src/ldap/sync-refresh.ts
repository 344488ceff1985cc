import type { Change } from "../changes/index.js";
import { type CsnCookie, covers, mergeCookies, oldestCsn, parseCookie } from "./cookie.js";
import type { SearchEntry, SearchMessage } from "./message.js";
import type { EntryMapper, IdentifiedEntry } from "./profile-mapper.js";
import { readSyncDone, readSyncInfo, readSyncState, syncInfoOid } from "./sync-messages.js";

/** A look at the content from which changes come: a refresh of RFC 4533, or a list of names. */
export interface Pass {
  /** Reads a message of the search, and adds what it means to the changes. */
  read(message: SearchMessage, changes: Change[]): void;
  /** Whether the last message has been read. */
  readonly ended: boolean;
  /** Whether all that exists was mentioned, so that whatever was not is gone. */
  readonly sweeps: boolean;
}

/** What a pass needs to know, besides its messages. */
export interface PassOptions {
  readonly mapper: EntryMapper;
  /** The ids that are passed over, since something newer is known of them. It grows while the pass is read. */
  readonly touched?: ReadonlySet<string>;
}

/** How many unchanged entries one change names at most. */
const entriesPerChange = 256;

/** The refresh stage of a sync search (RFC 4533 §3.3, §3.4.1). */
export class Refresh implements Pass {
  readonly #mapper: EntryMapper;
  readonly #touched: ReadonlySet<string> | undefined;
  readonly #resumedFrom: CsnCookie | undefined;
  /**
   * The ids of unchanged entries, so far. OpenLDAP first lists every entry that exists, the new and the changed ones too,
   * and then sends those: only at the end is it known which were unchanged.
   */
  readonly #present = new Set<string>();
  #presentPhase = false;
  #deletions = false;
  #sentOldEntry = false;
  #ended = false;
  #cookie: CsnCookie | undefined;

  /** @param resumedFrom - The cookie that was sent, if any. */
  constructor(resumedFrom: CsnCookie | undefined, { mapper, touched }: PassOptions) {
    this.#resumedFrom = resumedFrom;
    this.#mapper = mapper;
    this.#touched = touched;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * A refresh without a cookie tells the whole content, even where it ends with refreshDeletes set to TRUE, as
   * OpenLDAP's does: that flag says that deletions were told, not that this was an increment.
   */
  get sweeps(): boolean {
    return this.#resumedFrom === undefined || this.#presentPhase;
  }

  /** What the content now covers, as the server said at the end. */
  get cookie(): CsnCookie | undefined {
    return this.#cookie;
  }

  /**
   * Whether the server may have ignored the cookie and sent all that exists as if it were an increment, without the
   * deletions. OpenLDAP does so when it finds no entry as old as the cookie. It shows in an entry that the cookie covers,
   * or, where all entries are new, in the base being new. A mere suspicion is not enough to delete anything: it is a
   * reason to look at what exists.
   */
  isSuspect(baseStamp: string | undefined): boolean {
    const resumedFrom = this.#resumedFrom;
    if (resumedFrom === undefined || this.#presentPhase || this.#deletions) return false;
    return this.#sentOldEntry || (baseStamp !== undefined && baseStamp > oldestCsn(resumedFrom));
  }

  read(message: SearchMessage, changes: Change[]): void {
    switch (message.kind) {
      case "entry":
        this.#readEntry(message, changes);
        break;
      case "intermediate":
        // Other intermediate responses are none of ours, and may be passed over (RFC 4511 §4.13).
        if (message.oid === syncInfoOid && message.value !== undefined) {
          this.#readInfo(message.value, changes);
        }
        break;
      case "done": {
        const { refreshDeletes, cookie } = readSyncDone(message.controls);
        if (!refreshDeletes) this.#presentPhase = true;
        this.#end(cookie, changes);
        break;
      }
      case "reference":
        // What another server holds is not part of the content.
        break;
    }
  }

  #readEntry({ controls, dn, attributes }: SearchEntry, changes: Change[]): void {
    const { state, id } = readSyncState(controls);
    if (state === "present") {
      this.#present.add(id);
      return;
    }
    this.#present.delete(id);
    if (this.#touched?.has(id)) return;
    switch (state) {
      case "add":
      case "modify": {
        const change = this.#mapper.map(id, dn, attributes);
        if (change === undefined) return;
        const { stamp } = change;
        if (stamp !== undefined && this.#resumedFrom !== undefined) {
          this.#sentOldEntry ||= covers(this.#resumedFrom, stamp);
        }
        changes.push(change);
        break;
      }
      case "delete":
        this.#deletions = true;
        changes.push({ kind: "delete", sourceId: id });
        break;
    }
  }

  #readInfo(value: Uint8Array, changes: Change[]): void {
    const info = readSyncInfo(value);
    switch (info.kind) {
      case "refreshPresent":
      case "refreshDelete":
        if (info.kind === "refreshPresent") this.#presentPhase = true;
        if (info.refreshDone) this.#end(info.cookie, changes);
        break;
      case "idSet":
        if (info.refreshDeletes) {
          this.#deletions = true;
          this.#addDeletions(info.ids, parseCookie(info.cookie)?.deleteCsn, changes);
        } else {
          for (const id of info.ids) this.#present.add(id);
        }
        break;
      case "newCookie":
        // In the middle of a refresh no cookie is safe to resume from: what was not sent yet would be missing.
        break;
    }
  }

  /** The bound of the deletions guards entries that came back, but in a snapshot the server is right in any case. */
  #addDeletions(ids: readonly string[], deleteCsn: string | undefined, changes: Change[]): void {
    const stamp = this.#touched === undefined ? undefined : deleteCsn;
    for (const sourceId of ids) {
      this.#present.delete(sourceId);
      if (this.#touched?.has(sourceId)) continue;
      changes.push(
        stamp === undefined ? { kind: "delete", sourceId } : { kind: "delete", sourceId, stamp },
      );
    }
  }

  #end(cookie: Uint8Array | undefined, changes: Change[]): void {
    this.#ended = true;
    let entries: { readonly sourceId: string }[] = [];
    for (const sourceId of this.#present) {
      if (this.#touched?.has(sourceId)) continue;
      if (entries.length === 0) changes.push({ kind: "present", entries });
      entries.push({ sourceId });
      if (entries.length === entriesPerChange) entries = [];
    }
    this.#present.clear();
    const covered = parseCookie(cookie);
    this.#cookie =
      covered === undefined ? this.#resumedFrom : mergeCookies(this.#resumedFrom, covered);
  }
}

/**
 * A plain search for the names of all entries. It finds what no event tells: a parent that was renamed changes the names
 * of everything below it; and whatever a server forgot.
 */
export class NameList implements Pass {
  readonly #mapper: EntryMapper;
  readonly #touched: ReadonlySet<string> | undefined;
  readonly #isAhead: (stamp: string) => boolean;
  readonly #ahead: IdentifiedEntry[] = [];
  #ended = false;
  #isPartial = false;
  #entries: IdentifiedEntry[] = [];
  #change: Change | undefined;

  /** @param isAhead - Whether the change with this number has not been told by the live changes yet. */
  constructor({ mapper, touched }: PassOptions, isAhead: (stamp: string) => boolean) {
    this.#mapper = mapper;
    this.#touched = touched;
    this.#isAhead = isAhead;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Not if there was an entry whose id this account may not read: who knows which of the known ones it is. */
  get sweeps(): boolean {
    return !this.#isPartial;
  }

  read(message: SearchMessage, changes: Change[]): void {
    if (message.kind === "done") {
      for (const entry of this.#ahead) this.#add(entry, changes);
      this.#ended = true;
    }
    if (message.kind !== "entry") return;
    const entry = this.#mapper.identify(message.dn, message.attributes);
    if (entry === "hidden") this.#isPartial = true;
    if (entry === "hidden" || entry === "other") return;
    // An entry that was just created may be listed before the live changes tell of it, and "present" would then speak of
    // an entry that nobody knows. Those are kept until the end.
    if (entry.stamp !== undefined && this.#isAhead(entry.stamp)) this.#ahead.push(entry);
    else this.#add(entry, changes);
  }

  #add(entry: IdentifiedEntry, changes: Change[]): void {
    if (this.#touched?.has(entry.sourceId)) return;
    // The change that is being filled can be filled on until it has been handed over.
    const isOpen = this.#change !== undefined && changes.at(-1) === this.#change;
    if (!isOpen || this.#entries.length >= entriesPerChange) {
      this.#entries = [];
      this.#change = { kind: "present", entries: this.#entries };
      changes.push(this.#change);
    }
    this.#entries.push(entry);
  }
}
