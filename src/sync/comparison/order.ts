import type { ChangeBatch } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import type { Phase } from "../step/context.js";
import { isCovered, readBound } from "./stamp.js";

/**
 * What decides whether a change is newer than what is known of its entry.
 *
 * `snapshot`: what a refresh says counts, since a restored directory goes back in time; unless the source has yet to
 * receive what is known. `arrival`: changes come in the order in which they happened. `stamps`: the later stamp.
 * `answer`: the entry was read again just now, so that the answer counts, with the same exception.
 */
export type Order = "snapshot" | "arrival" | "stamps" | "answer";

/**
 * Entries that are to be read again beside the stream, between two steps, so that no transaction is held open
 * meanwhile.
 */
export class ReadAgain {
  /** What is read, and whether it was told to be gone: if it is not found, that counts. */
  readonly #asked = new Map<string, { readonly isGone: boolean }>();
  /** What was read since the connection of the stream was made: changes of these may have been on their way before. */
  readonly #answered = new Set<string>();

  get size(): number {
    return this.#asked.size;
  }

  get ids(): readonly string[] {
    return [...this.#asked.keys()];
  }

  ask(sourceId: string, isGone = false): void {
    this.#asked.set(sourceId, { isGone });
  }

  /** Those of the entries that were told to be gone. */
  goneAmong(sourceIds: readonly string[]): readonly string[] {
    return sourceIds.filter((id) => this.#asked.get(id)?.isGone === true);
  }

  /** These were read, and what was found is applied. */
  answered(sourceIds: readonly string[]): void {
    for (const id of sourceIds) {
      this.#asked.delete(id);
      this.#answered.add(id);
    }
  }

  /** Whether the order of the stream says nothing of this entry, since it was read beside it. */
  isAnswered(sourceId: string): boolean {
    return this.#answered.has(sourceId);
  }

  /** The stream has a new connection. */
  connected(): void {
    this.#answered.clear();
  }

  /** Nothing is read: everything is, anew. */
  clear(): void {
    this.#asked.clear();
  }
}

/** How many stamps are remembered of what was told. */
const mostTold = 10_000;

/**
 * The stamps of changes that the stream has told beyond what the source said that it held. It holds them all the same:
 * it may be late to say so, as a server is whose messages do not all carry its state.
 */
export class Told {
  readonly #stamps = new Set<string>();

  note(stamp: string | undefined, state: readonly string[] | undefined): void {
    if (stamp === undefined || state === undefined || isCovered(stamp, state)) return;
    this.#stamps.add(stamp);
    if (this.#stamps.size <= mostTold) return;
    for (const oldest of this.#stamps) {
      this.#stamps.delete(oldest);
      return;
    }
  }

  has(stamp: string): boolean {
    return this.#stamps.has(readBound(stamp).latest);
  }

  /** The stream has a new connection, which may lead to another server. */
  connected(): void {
    this.#stamps.clear();
  }
}

/** What a step knows of the order of changes. */
export interface Ordering {
  readonly order: Order;
  /** What the source has told beyond its state. */
  readonly told: Pick<Told, "has">;
  /** Up to which stamps the source held everything when its last refresh began, where it says so. */
  readonly state: readonly string[] | undefined;
  /** Absent where the source cannot be read beside the stream. */
  readonly again?: ReadAgain;
}

/** Whether the source has yet to receive the change with this stamp, so that what it says of the entry is older. */
export function isAhead(
  stamp: string | undefined,
  { state, told }: Pick<Ordering, "state" | "told">,
): boolean {
  if (stamp === undefined || state === undefined) return false;
  return !isCovered(stamp, state) && !told.has(stamp);
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
export function isOutdated(ordering: Ordering, phase: Phase, change: Stamped, link: Link): boolean {
  switch (orderOf(ordering, change.sourceId)) {
    case "arrival":
      return false;
    case "answer":
    case "snapshot": {
      const latest = latestStamp(link);
      return isEarlier(change.stamp, latest) && isAhead(latest, ordering);
    }
    case "stamps": {
      return (
        isDeletedSince(ordering, phase, change, link) || isEarlier(change.stamp, knownStamp(link))
      );
    }
  }
}

/** Whether the entry is known to have gone after it was as a change says. */
function isDeletedSince(ordering: Ordering, phase: Phase, { stamp }: Stamped, link: Link): boolean {
  const { goneStamp } = link;
  if (!isLeaving(link) || goneStamp === undefined || stamp === undefined) return false;
  const { latest, isBound } = readBound(goneStamp);
  if (latest < stamp) return false;
  // In a comparison, a deletion with the same stamp as the entry was told later.
  return (phase === "reconcile" && !isBound) || isAhead(goneStamp, ordering);
}

/** Whether a delete is older than what is known of its entry. */
export function isOutdatedDelete(ordering: Ordering, change: Stamped, link: Link): boolean {
  const order = orderOf(ordering, change.sourceId);
  if (order === "arrival" || order === "answer") return false;
  const known = knownStamp(link);
  // What a refresh says counts, as it does of entries that are there.
  if (order === "snapshot" && !isAhead(known, ordering)) return false;
  return isEarlier(change.stamp, known);
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
  return order === "arrival" && again?.isAnswered(sourceId) === true ? "stamps" : order;
}

/** What decides whether the changes of a batch are newer than what is known. */
export function orderOfBatch({ phase, ordered }: ChangeBatch, isBehind: boolean): Order {
  if (phase === "snapshot") return "snapshot";
  return phase === "live" && ordered === true && !isBehind ? "arrival" : "stamps";
}
