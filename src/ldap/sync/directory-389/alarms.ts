import type { Change } from "../../../changes/index.js";
import type { EncodedMessage } from "../../wire/message.js";
import { readSyncInfo, readSyncState, syncInfoOid } from "../../wire/sync-messages.js";
import type { DueChecks } from "../checks.js";
import { endedByServer } from "../message-buffer.js";
import { unreadable } from "../pass.js";
import type { ReaderTools } from "../protocol.js";

/** How entries are read again that a refresh has named: before a position is handed over. */
export const rereading = { gates: true, missing: "gone" } as const;

/** How entries are read again that a live change has named: what it covers counts once they have been. */
const alarmed = { gates: false, missing: "gone" } as const;

/** What live changes cover, of which the entries are read again before that counts. */
export class Alarms<P> {
  readonly #due: DueChecks;
  readonly #merge: (one: P | undefined, other: P) => P;
  /** What the alarms cover that were read. */
  #read: P | undefined;
  /** What is covered once the entries have been read that are being read. */
  #underWay: P | undefined;

  constructor(due: DueChecks, merge: (one: P | undefined, other: P) => P) {
    this.#due = due;
    this.#merge = merge;
  }

  /** @param covered - What a live change covers. */
  note(covered: P | undefined): void {
    if (covered !== undefined) this.#read = this.#merge(this.#read, covered);
  }

  /** A check is about to begin: entries beyond one search are read by one after it. */
  beforeCheck(): void {
    this.#underWay = this.#due.isOnly("entries") ? this.#read : undefined;
  }

  /** @returns what is covered now that these entries were read. */
  checked(): P | undefined {
    const covered = this.#underWay;
    this.#underWay = undefined;
    return covered;
  }
}

/**
 * Reads a message of the persist stage, of which only is believed that an entry may have changed: the entry is read
 * again. The server reports changes by threads of their own, also those of an operation that a plug-in has refused and
 * that was undone, and reports these late, when the same connection writes the next time.
 *
 * @returns the cookie.
 */
export function readAlarm(
  message: EncodedMessage,
  changes: Change[],
  { due, reading: { mapper } }: Pick<ReaderTools, "due" | "reading">,
): Uint8Array | undefined {
  switch (message.kind) {
    case "entry":
    case "oversized": {
      const { state, id, cookie } = readSyncState(message.controls);
      if (message.kind === "oversized" && state !== "delete") {
        if (mapper.isWithin?.(message.dn) !== false) changes.push(unreadable(id, message));
      } else if (state !== "present") due.addEntries([id], alarmed);
      return cookie;
    }
    case "intermediate": {
      if (message.oid !== syncInfoOid || message.value === undefined) return undefined;
      const info = readSyncInfo(message.value);
      if (info.kind === "idSet") due.addEntries(info.ids, alarmed);
      return info.cookie;
    }
    case "done":
      throw endedByServer();
    case "reference":
      return undefined;
  }
}
