import type { Change, Present } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import { Mentioned } from "./mentioned.js";
import { isAhead, isEarlier, isLeaving, knownStamp, type Ordering } from "./order.js";
import { readBound } from "./stamp.js";

type ListedEntry = Present["entries"][number];

/** What a refresh shows, besides what it tells: entries that are not as they were when they were told last. */
export class Comparison {
  readonly mentioned: Mentioned = new Mentioned();
  /** Entries of which live changes have told since it began: what it lists of them may be older. */
  readonly #touched = new Set<string>();
  /** Entries that are listed as they were before they were told last, though the source held that. */
  readonly #wentBack = new Set<string>();
  /** Entries that are listed later than they were told last. */
  readonly #untold = new Set<string>();

  #namesUnchanged = false;
  #sweeps = false;
  #isBehind = false;

  /** What is to be remembered of a change, whatever becomes of it. */
  note(change: Change, isLive: boolean): void {
    if (isLive && "sourceId" in change) this.#touched.add(change.sourceId);
    if (change.kind === "present") this.#namesUnchanged = true;
    if (change.kind === "sweep") this.#sweeps = true;
  }

  /** Something is known that the source has yet to receive. */
  noteBehind(): void {
    this.#isBehind = true;
  }

  /** Whether the source lags behind what is known: it will tell of changes that are older. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Whether everything that exists was told with all that it has. */
  get isWhole(): boolean {
    return this.#sweeps && !this.#namesUnchanged;
  }

  /**
   * Compares an entry that is listed with what is known of it.
   *
   * @returns what to make of the entry: it is `there`; it is `gone`, since it is listed as it was before it was told to
   * be gone; or it is `missing`, since nothing is known of it, or it is listed later than it was told to be gone.
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
      if (isAhead(goneStamp, ordering)) {
        this.noteBehind();
        return "gone";
      }
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
    // A crash may have left it half done, and the position may be one that it was told before.
    const isHalfDone = link.state === "entering" && link.failure === undefined;
    if (isHalfDone || isEarlier(known, entry.stamp)) this.#untold.add(entry.sourceId);
    else if (isEarlier(entry.stamp, known)) {
      if (isAhead(known, ordering)) this.noteBehind();
      else this.#wentBack.add(entry.sourceId);
    }
    return "there";
  }

  /** Whether the directory has gone back in time, as one does that is restored from a backup. */
  get wentBack(): boolean {
    return [...this.#wentBack].some((id) => !this.#touched.has(id));
  }

  /** The entries that have changed without being told. */
  get untold(): readonly string[] {
    return [...this.#untold].filter((id) => !this.#touched.has(id));
  }
}
