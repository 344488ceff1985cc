import type { Change, Present } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import { Mentioned } from "./mentioned.js";
import { isAhead, isEarlier, isLeaving, knownStamp, type Ordering } from "./order.js";
import { readBound } from "./stamp.js";

type ListedEntry = Present["entries"][number];

/** What a refresh shows, besides what it sends: entries that are not as they were when they were sent last. */
export class Comparison {
  readonly mentioned: Mentioned = new Mentioned();
  /** Entries of which live changes came since it began: what it lists of them may be older. */
  readonly #touched = new Set<string>();
  /** Entries that are listed as they were before they were sent last, though the source held that. */
  readonly #wentBack = new Set<string>();
  /** Entries that are listed later than they were sent last. */
  readonly #unsent = new Set<string>();

  #namesUnchanged = false;
  #sweeps = false;

  /** What is to be remembered of a change, whatever becomes of it. */
  note(change: Change, isLive: boolean): void {
    if (isLive && "sourceId" in change) this.#touched.add(change.sourceId);
    if (change.kind === "present") this.#namesUnchanged = true;
    if (change.kind === "sweep") this.#sweeps = true;
  }

  /** Whether everything that exists was sent with all that it has. */
  get isWhole(): boolean {
    return this.#sweeps && !this.#namesUnchanged;
  }

  /**
   * Compares an entry that is listed with what is known of it.
   *
   * @returns what to make of the entry: it is `there`; it is `gone`, since it is listed as it was before it was
   * reported as deleted; or it is `missing`, since nothing is known of it, or it is listed later than it was deleted.
   */
  compare(
    entry: ListedEntry,
    link: Link | undefined,
    ordering: Ordering,
  ): "there" | "gone" | "missing" {
    if (link === undefined) return "missing";
    if (isLeaving(link)) {
      const { goneStamp } = link;
      if (goneStamp === undefined) return "missing";
      const { latest, isBound } = readBound(goneStamp);
      if (isEarlier(latest, entry.stamp)) return "missing";
      if (isAhead(goneStamp, ordering)) return "gone";
      // When it went is not known, and it may have come back since.
      if (isBound) return "missing";
      if (ordering.state === undefined || entry.stamp === undefined) {
        // A delete that came while the content was being compared makes the comparison stale, and nothing else.
        return ordering.order === "snapshot" ? "missing" : "gone";
      }
      this.#wentBack.add(entry.sourceId);
      return "gone";
    }
    const known = knownStamp(link);
    if (ordering.state === undefined) return "there";
    // A crash may have left it half done, and the position may be one that it had before.
    const isHalfDone = link.state === "entering" && link.failure === undefined;
    if (isHalfDone || isEarlier(known, entry.stamp)) this.#unsent.add(entry.sourceId);
    else if (isEarlier(entry.stamp, known) && !isAhead(known, ordering)) {
      this.#wentBack.add(entry.sourceId);
    }
    return "there";
  }

  /** Whether the directory has gone back in time, as one does that is restored from a backup. */
  get wentBack(): boolean {
    return [...this.#wentBack].some((id) => !this.#touched.has(id));
  }

  /** The entries that have changed without being sent. */
  get unsent(): readonly string[] {
    return [...this.#unsent].filter((id) => !this.#touched.has(id));
  }
}
