import type { Sweep } from "../../changes/index.js";
import type { DueChecks } from "./checks.js";
import type { Wakeup } from "./message-buffer.js";
import type { Positions } from "./protocol.js";

/** How long a position waits that comes with no changes, in milliseconds. */
const newsDelay = 10;

/** What the changes that were read cover, and which of it may be handed over as a position. */
export class Covered<P> {
  readonly #positions: Positions<P>;
  readonly #due: DueChecks;
  readonly #wakeup: Wakeup;
  /** What the changes that were read cover, all of them together. */
  #position: P | undefined;
  /** The position that was handed over last, or resumed from. */
  #handed: P | undefined;
  /** What the refresh covered when it ended, before live changes. */
  #refreshed: P | undefined;
  /** Runs while a position waits that comes with no changes. */
  #newsTimer: NodeJS.Timeout | undefined;
  #isNewsTime = false;

  /** @param due while a check in it gates, nothing is handed over. */
  constructor(positions: Positions<P>, resumedFrom: P | undefined, due: DueChecks, wakeup: Wakeup) {
    this.#positions = positions;
    this.#position = resumedFrom;
    this.#handed = resumedFrom;
    this.#due = due;
    this.#wakeup = wakeup;
  }

  get position(): P | undefined {
    return this.#position;
  }

  /** Where the second pass starts. */
  get refreshed(): P | undefined {
    return this.#refreshed;
  }

  includes(stamp: string): boolean {
    if (this.#position === undefined) return false;
    return this.#positions.stamps?.isCovered(this.#position, stamp) ?? false;
  }

  /** @returns all that is covered now. */
  advance(covered: P): P {
    this.#position = this.#positions.merge(this.#position, covered);
    return this.#position;
  }

  /** Whatever was not mentioned went before what is covered by now. */
  sweep(): Sweep {
    const position = this.#position;
    const stamp = position === undefined ? undefined : this.#positions.stamps?.newest(position);
    return stamp === undefined ? { kind: "sweep" } : { kind: "sweep", stamp };
  }

  /** The refresh has ended, and live changes come from now on. */
  endRefresh(): void {
    this.#refreshed = this.#position;
  }

  /**
   * Whether a position is to be handed over that comes with no changes. It waits for a moment, since changes may come,
   * or more such positions: each is a commit for the consumer.
   */
  get isNewsDue(): boolean {
    if (this.#news === undefined) return false;
    if (this.#isNewsTime) return true;
    this.#newsTimer ??= setTimeout(() => {
      this.#isNewsTime = true;
      this.#wakeup.wake();
    }, newsDelay);
    return false;
  }

  /**
   * The position to hand over now.
   *
   * @param inAnyCase also where it says no more than the one before.
   */
  hand(inAnyCase: boolean): P | undefined {
    const news = this.#news;
    if (news !== undefined) this.stop();
    this.#handed = news ?? this.#handed;
    return inAnyCase ? this.#handed : news;
  }

  /** Nothing waits any more. */
  stop(): void {
    clearTimeout(this.#newsTimer);
    this.#newsTimer = undefined;
    this.#isNewsTime = false;
  }

  /** The position that can be handed over, where it says more than the one before. */
  get #news(): P | undefined {
    const position = this.#position;
    if (position === undefined || this.#due.areGating) return undefined;
    const isKnown = this.#handed !== undefined && this.#positions.includes(this.#handed, position);
    return isKnown ? undefined : position;
  }
}
