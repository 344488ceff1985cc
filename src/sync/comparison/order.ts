import type { Change, ChangeBatch } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import { isCovered, originOf, readBound } from "./stamp.js";

/**
 * What decides whether a change is newer than what is known of its entry.
 *
 * `snapshot`: what a refresh says counts, since a restored directory goes back in time. `arrival`: changes come in the
 * order in which they happened. `reread`: the entry was read again just now, so that what was read counts. In all of
 * these, what the source has yet to receive counts more. `stamps`: the later stamp.
 */
export type Order = "snapshot" | "arrival" | "stamps" | "reread";

/**
 * Entries that are to be read again beside the stream, between two steps, so that no transaction is held open
 * meanwhile.
 */
export class ReadAgain {
  /** What is read, and whether it was reported as deleted: if it is not found, that counts. */
  readonly #asked = new Map<string, { readonly isGone: boolean }>();
  /** What was read since the connection of the stream was made: changes of these may have been on their way before. */
  readonly #reread = new Set<string>();

  get size(): number {
    return this.#asked.size;
  }

  get ids(): readonly string[] {
    return [...this.#asked.keys()];
  }

  ask(sourceId: string, isGone = false): void {
    this.#asked.set(sourceId, { isGone });
  }

  /** Those of the entries that were reported as deleted. */
  goneAmong(sourceIds: readonly string[]): readonly string[] {
    return sourceIds.filter((id) => this.#asked.get(id)?.isGone === true);
  }

  /** These were read, and what was found is applied. */
  noteReread(sourceIds: readonly string[]): void {
    for (const id of sourceIds) {
      this.#asked.delete(id);
      this.#reread.add(id);
    }
  }

  /** Whether the order of the stream says nothing of this entry, since it was read beside it. */
  wasReread(sourceId: string): boolean {
    return this.#reread.has(sourceId);
  }

  /** The stream has a new connection. */
  connected(): void {
    this.#reread.clear();
  }

  /** Nothing is read: everything is, anew. */
  clear(): void {
    this.#asked.clear();
  }
}

/** How many stamps are remembered one by one of what was sent. */
const mostStamps = 10_000;

/**
 * The stamps of changes that the stream has sent beyond what the source said that it held. It holds them all the same:
 * it may be late to say so, as a server is whose messages do not all carry its state.
 */
export class SentStamps {
  readonly #stamps = new Set<string>();
  /**
   * By the server that made the changes, the latest stamp of those that are not remembered one by one any more. So long
   * ago, what came before it has arrived, too.
   */
  readonly #former = new Map<string, string>();

  /**
   * Notes changes as they are about to be applied. Of a deletion, only a live change says when it was: elsewhere its
   * stamp is a bound, and may be that of a change that the server has yet to receive.
   */
  note(
    changes: readonly Change[],
    phase: ChangeBatch["phase"],
    state: readonly string[] | undefined,
  ): void {
    for (const change of changes) {
      if (change.kind === "upsert" || (change.kind === "delete" && phase === "live")) {
        this.#noteOne(change.stamp, state);
      }
    }
  }

  #noteOne(stamp: string | undefined, state: readonly string[] | undefined): void {
    if (stamp === undefined || state === undefined || isCovered(stamp, state)) return;
    this.#stamps.add(stamp);
    if (this.#stamps.size <= mostStamps) return;
    for (const oldest of this.#stamps) {
      const origin = originOf(oldest);
      if (oldest > (this.#former.get(origin) ?? "")) this.#former.set(origin, oldest);
      this.#stamps.delete(oldest);
      return;
    }
  }

  has(stamp: string): boolean {
    const { latest } = readBound(stamp);
    return this.#stamps.has(latest) || latest <= (this.#former.get(originOf(latest)) ?? "");
  }

  /** The stream has a new connection, which may lead to another server. */
  connected(): void {
    this.#stamps.clear();
    this.#former.clear();
  }
}

/** What a step knows of the order of changes. */
export interface Ordering {
  readonly order: Order;
  /** What the source has sent beyond its state. */
  readonly sent: SentStamps;
  /** Up to which stamps the source held everything when its last refresh began, where it says so. */
  readonly state: readonly string[] | undefined;
  /** Absent where the source cannot be read beside the stream. */
  readonly again?: ReadAgain;
}

/** Whether the source has yet to receive the change with this stamp, so that what it says of the entry is older. */
export function isAhead(stamp: string | undefined, { state, sent }: Ordering): boolean {
  if (stamp === undefined || state === undefined) return false;
  return !isCovered(stamp, state) && !sent.has(stamp);
}

/** The stamp of the latest that is known of an entry, its deletion and what was refused included. */
export function latestStamp(link: Link): string | undefined {
  return isLeaving(link) ? (link.goneStamp ?? knownStamp(link)) : knownStamp(link);
}

/** The stamp of the latest that is known of an entry while it was there. */
export function knownStamp({ failure, stamp }: Link): string | undefined {
  return failure?.change.stamp ?? stamp;
}

/** Whether the entry has left the content, or is about to. */
export function isLeaving({ state }: Link): boolean {
  return state === "leaving" || state === "gone";
}

/**
 * Whether a stamp is earlier than another, or than the latest that the other can be; a stamp that is not known is not.
 */
export function isEarlier(stamp: string | undefined, than: string | undefined): boolean {
  return stamp !== undefined && than !== undefined && stamp < readBound(than).latest;
}

/** What a change says of when it was made. */
type Stamped = { readonly sourceId: string; readonly stamp?: string };

/** Whether a change that says how an entry is, is older than what is known of the entry. */
export function isOutdated(
  ordering: Ordering,
  phase: ChangeBatch["phase"],
  change: Stamped,
  link: Link,
): boolean {
  if (orderOf(ordering, change.sourceId) === "stamps") {
    return (
      isDeletedSince(ordering, phase, change, link) || isEarlier(change.stamp, knownStamp(link))
    );
  }
  const latest = latestStamp(link);
  return isEarlier(change.stamp, latest) && isAhead(latest, ordering);
}

/** Whether the entry is known to have gone after it was as a change says. */
function isDeletedSince(
  ordering: Ordering,
  phase: ChangeBatch["phase"],
  { stamp }: Stamped,
  link: Link,
): boolean {
  const { goneStamp } = link;
  if (!isLeaving(link) || goneStamp === undefined || stamp === undefined) return false;
  const { latest, isBound } = readBound(goneStamp);
  if (latest < stamp) return false;
  // In a comparison, a deletion with the same stamp as the entry was sent later.
  return (phase === "reconcile" && !isBound) || isAhead(goneStamp, ordering);
}

/** Whether a delete is older than what is known of its entry. */
export function isOutdatedDelete(ordering: Ordering, change: Stamped, link: Link): boolean {
  const known = knownStamp(link);
  const counts = orderOf(ordering, change.sourceId) !== "stamps" && !isAhead(known, ordering);
  return !counts && isEarlier(change.stamp, known);
}

/**
 * Has the entry of an outdated change read again, where the source held what is known of it, so that either this change
 * is old or the clock was set back.
 */
export function readAgainIfUnsure(
  ordering: Ordering,
  change: { readonly sourceId: string; readonly kind: "upsert" | "delete" },
  link: Link,
): void {
  if (ordering.order === "snapshot" || ordering.state === undefined) return;
  if (isAhead(latestStamp(link), ordering)) return;
  ordering.again?.ask(change.sourceId, change.kind === "delete");
}

function orderOf({ order, again }: Ordering, sourceId: string): Order {
  return order === "arrival" && again?.wasReread(sourceId) === true ? "stamps" : order;
}

/** What decides whether the changes of a batch are newer than what is known. */
export function orderOfBatch({ phase, ordered }: ChangeBatch): Order {
  if (phase === "snapshot") return "snapshot";
  return phase === "live" && ordered === true ? "arrival" : "stamps";
}
