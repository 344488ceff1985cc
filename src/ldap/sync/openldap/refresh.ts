import type { Change } from "../../../changes/index.js";
import type { EntryMapper } from "../../profile/mapper.js";
import type { EncodedEntry, EncodedMessage, OversizedEntry } from "../../wire/message.js";
import {
  readSyncDone,
  readSyncInfo,
  readSyncState,
  syncInfoOid,
} from "../../wire/sync-messages.js";
import { entriesPerChange, type Pass, type PassOptions } from "../pass.js";
import { unreadable } from "../unreadable.js";
import { type CsnCookie, covers, isCsn, mergeCookies, oldestCsn, parseCookie } from "./cookie.js";

/** The refresh stage of a sync search (RFC 4533 §3.3, §3.4.1). */
export class Refresh implements Pass {
  readonly #mapper: EntryMapper;
  /** What the entries that were told cover, with what was resumed from. */
  #told: CsnCookie | undefined;
  readonly #touched: ReadonlySet<string> | undefined;
  readonly #resumedFrom: CsnCookie | undefined;
  /**
   * The ids of unchanged entries, so far. OpenLDAP first lists every entry that exists, the new and the changed ones too,
   * and then sends those: only at the end is it known which were unchanged.
   */
  readonly #present = new Set<string>();
  #presentPhase = false;
  #listed = false;
  #deletions = false;
  #sentOldEntry = false;
  #ended = false;
  #cookie: CsnCookie | undefined;
  #held: CsnCookie | undefined;

  /** @param resumedFrom - The cookie that was sent, if any. */
  constructor(resumedFrom: CsnCookie | undefined, { mapper, touched }: PassOptions) {
    this.#resumedFrom = resumedFrom;
    this.#told = resumedFrom;
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

  /**
   * Whether everything was sent instead of being listed: what OpenLDAP answers a cookie with that is older than all that exists.
   * A refreshOnly search then leaves out what is newer than its end, so what was not mentioned may exist.
   */
  get isReload(): boolean {
    return this.#resumedFrom !== undefined && this.#presentPhase && !this.#listed;
  }

  /** What the content now covers, as the server said at the end. */
  get cookie(): CsnCookie | undefined {
    return this.#cookie;
  }

  /** What the server itself holds, as it said at the end: where it lags behind another one, less than what was resumed from. */
  get held(): CsnCookie | undefined {
    return this.#held;
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

  /**
   * Whether the state at the end is later than all entries that were told: something outside of the content may have changed, such as
   * a parent of what is in it. A deletion says nothing, since a session log tells of any entry that it is not in the content.
   */
  get isBeyondWhatWasTold(): boolean {
    const told = this.#told;
    return this.#cookie?.csns.some((csn) => told === undefined || !covers(told, csn)) ?? false;
  }

  read(message: EncodedMessage, changes: Change[]): void {
    switch (message.kind) {
      case "oversized":
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

  #readEntry(entry: EncodedEntry | OversizedEntry, changes: Change[]): void {
    const { state, id } = readSyncState(entry.controls);
    if (state === "present") {
      this.#listed = true;
      this.#present.add(id);
      return;
    }
    this.#present.delete(id);
    if (this.#touched?.has(id)) return;
    switch (state) {
      case "add":
      case "modify": {
        if (entry.kind === "oversized") {
          changes.push(unreadable(id, entry));
          return;
        }
        const change = this.#mapper.map(id, entry);
        // What is told whole is swept of whatever it does not mention.
        if (change.kind === "delete" && this.#resumedFrom === undefined) return;
        const { stamp } = change;
        if (stamp !== undefined && this.#resumedFrom !== undefined) {
          this.#sentOldEntry ||= covers(this.#resumedFrom, stamp);
          if (isCsn(stamp)) this.#told = mergeCookies(this.#told, { csns: [stamp] });
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
          this.#listed = true;
          for (const id of info.ids) this.#present.add(id);
        }
        break;
      case "newCookie":
        // In the middle of a refresh no cookie is safe to resume from: what was not sent yet would be missing.
        break;
    }
  }

  #addDeletions(ids: readonly string[], stamp: string | undefined, changes: Change[]): void {
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
    this.#held = covered;
    this.#cookie =
      covered === undefined ? this.#resumedFrom : mergeCookies(this.#resumedFrom, covered);
  }
}
