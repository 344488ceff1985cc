import type { Change } from "../../changes/index.js";
import type { EntryMapper } from "../profile/mapper.js";
import type { EncodedEntry, EncodedMessage, OversizedEntry } from "../wire/message.js";
import { readSyncDone, readSyncInfo, readSyncState, syncInfoOid } from "../wire/sync-messages.js";
import { entriesPerChange, type PassOptions, unreadable } from "./pass.js";
import type { Positions, RefreshPass } from "./protocol.js";

/** The refresh stage of a sync search (RFC 4533 §3.3, §3.4.1). */
export class Refresh<P> implements RefreshPass<P> {
  readonly resumedFrom: P | undefined;
  readonly #positions: Positions<P>;
  readonly #mapper: EntryMapper;
  readonly #touched: ReadonlySet<string> | undefined;
  /** What the entries that were sent cover, with what was resumed from. */
  #covered: P | undefined;
  /**
   * The ids of unchanged entries, so far. OpenLDAP first lists every entry that exists, the new and the changed ones
   * too, and then sends those: only at the end is it known which were unchanged.
   */
  readonly #present = new Set<string>();
  #presentPhase = false;
  #listed = false;
  #deletions = false;
  #sentOldEntry = false;
  #ended = false;
  #cookie: P | undefined;
  #held: P | undefined;

  /** @param resumedFrom the position that was sent, if any. */
  constructor(
    positions: Positions<P>,
    resumedFrom: P | undefined,
    { mapper, touched }: PassOptions,
  ) {
    this.#positions = positions;
    this.resumedFrom = resumedFrom;
    this.#covered = resumedFrom;
    this.#mapper = mapper;
    this.#touched = touched;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * A refresh without a cookie sends the whole content, even where it ends with refreshDeletes set to TRUE, as
   * OpenLDAP's does: that flag says that deletions were sent, not that this was an increment.
   */
  get sweeps(): boolean {
    return this.resumedFrom === undefined || this.#presentPhase;
  }

  /**
   * Whether everything was sent instead of being listed: what OpenLDAP answers a cookie with that is older than all
   * that exists. A refreshOnly search then leaves out what is newer than its end, so what was not mentioned may exist.
   */
  get isReload(): boolean {
    return this.resumedFrom !== undefined && this.#presentPhase && !this.#listed;
  }

  /** What the content now covers, as the server said at the end. */
  get cookie(): P | undefined {
    return this.#cookie;
  }

  /** What the server itself holds, as it said at the end: less than what was resumed from where it lags behind. */
  get held(): P | undefined {
    return this.#held;
  }

  /** Whether a deletion was sent. */
  get sentDeletions(): boolean {
    return this.#deletions;
  }

  /** Whether an entry was sent that is covered by what was resumed from. */
  get sentOldEntry(): boolean {
    return this.#sentOldEntry;
  }

  /**
   * Whether the state at the end is later than all entries that were sent. A deletion says nothing, since a session log
   * names any entry as one that is not in the content.
   */
  get isBeyondEntries(): boolean {
    const [covered, cookie] = [this.#covered, this.#cookie];
    if (cookie === undefined) return false;
    return covered === undefined || !this.#positions.includes(covered, cookie);
  }

  read(message: EncodedMessage, changes: Change[]): void {
    switch (message.kind) {
      case "oversized":
      case "entry":
        this.#readEntry(message, changes);
        break;
      case "intermediate":
        // Other intermediate responses are none of ours, and may be ignored (RFC 4511 §4.13).
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
          if (this.#mapper.isWithin?.(entry.dn) !== false) changes.push(unreadable(id, entry));
          return;
        }
        const change = this.#mapper.map(id, entry);
        // A refresh of the whole content removes what it does not mention.
        if (change.kind === "delete" && this.resumedFrom === undefined) return;
        const { stamp } = change;
        if (stamp !== undefined && this.resumedFrom !== undefined) {
          const { stamps } = this.#positions;
          this.#sentOldEntry ||= stamps?.isCovered(this.resumedFrom, stamp) ?? false;
          const position = stamps?.positionOf(stamp);
          if (position !== undefined)
            this.#covered = this.#positions.merge(this.#covered, position);
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
          this.#addDeletions(info.ids, info.cookie, changes);
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

  #addDeletions(ids: readonly string[], cookie: Uint8Array | undefined, changes: Change[]): void {
    const position = this.#positions.parse(cookie);
    const stamp =
      position === undefined ? undefined : this.#positions.stamps?.ofDeletions(position);
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
    const covered = this.#positions.parse(cookie);
    this.#held = covered;
    this.#cookie =
      covered === undefined ? this.resumedFrom : this.#positions.merge(this.resumedFrom, covered);
  }
}
