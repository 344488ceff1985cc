import type { EncodedMessage } from "../../wire/message.js";
import {
  readSyncDone,
  readSyncInfo,
  readSyncState,
  syncInfoOid,
} from "../../wire/sync-messages.js";
import type { Positions, RefreshPass } from "../protocol.js";

/**
 * A resumed refresh of 389 Directory Server, which differs from RFC 4533 in what it leaves out:
 *
 * - A refreshOnly search ends with refreshDeletes set to FALSE, which says that all entries were listed that still
 *   exist, and lists none. It has reported what was deleted, so nothing is swept.
 * - Entries come without operational attributes, asked for or not, so that a locked account looks unlocked. Only their
 *   ids are taken, and the entries are to be read again.
 * - Of one that is deleted, only the id is taken, too: what is not found any more is gone.
 * - An entry that left the filter is not reported. A list of names has to follow.
 */
export class Increment<P> implements RefreshPass<P> {
  readonly resumedFrom: P;
  readonly sweeps = false;
  readonly isBeyondEntries = false;
  readonly #positions: Positions<P>;
  readonly #ids = new Set<string>();
  #ended = false;
  #cookie: P | undefined;

  constructor(positions: Positions<P>, resumedFrom: P) {
    this.#positions = positions;
    this.resumedFrom = resumedFrom;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get cookie(): P | undefined {
    return this.#cookie;
  }

  get held(): P | undefined {
    return this.#cookie;
  }

  /** The entries that have changed and are to be read again. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  read(message: EncodedMessage): void {
    switch (message.kind) {
      case "entry":
      case "oversized": {
        const { state, id } = readSyncState(message.controls);
        if (state !== "present") this.#ids.add(id);
        return;
      }
      case "intermediate": {
        if (message.oid !== syncInfoOid || message.value === undefined) return;
        const info = readSyncInfo(message.value);
        if (info.kind === "idSet" && info.refreshDeletes) {
          for (const id of info.ids) this.#ids.add(id);
        } else if (info.kind === "refreshDelete" || info.kind === "refreshPresent") {
          if (info.refreshDone) this.#end(info.cookie);
        }
        return;
      }
      case "done":
        this.#end(readSyncDone(message.controls).cookie);
        return;
      case "reference":
        return;
    }
  }

  #end(cookie: Uint8Array | undefined): void {
    this.#ended = true;
    this.#cookie = this.#positions.parse(cookie);
  }
}
