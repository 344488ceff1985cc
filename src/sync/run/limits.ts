import type { StreamPosition } from "../../repositories/index.js";
import type { Settings } from "../settings.js";
import { type Counted, StepLimits } from "../step/limits.js";

/**
 * How much was taken away.
 *
 * What counts is all that was taken within a window of time, whether by refreshes or live changes, in this process or
 * in one before it: it is stored with the position. A refresh counts as a whole, however long it takes. Without that,
 * the owner of the directory could take away everything in portions.
 */
export class Limits {
  readonly #settings: Settings;
  #counted: Counted = { taken: [], foreseen: 0, refreshSince: undefined };
  /** Whether lost values count: not while everything is read by another profile for the first time. */
  countsCleared = true;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Goes on from what is stored. */
  load({ taken = [] }: StreamPosition): void {
    this.#counted = { ...this.#counted, taken };
  }

  beginRefresh(): void {
    const { taken } = this.#counted;
    this.#counted = { taken, foreseen: 0, refreshSince: this.#settings.now() };
  }

  endRefresh(): void {
    this.#counted = { taken: this.#counted.taken, foreseen: 0, refreshSince: undefined };
  }

  /** The limits of a step. @param storeFirst stores what is about to be taken away, where there is no transaction. */
  beginStep(storeFirst?: () => Promise<void>): StepLimits {
    const before = this.#counted;
    // Live changes are settled in their own step; what is left over is not for others.
    const counted = before.refreshSince === undefined ? { ...before, foreseen: 0 } : before;
    return new StepLimits(this.#settings, this.countsCleared, counted, storeFirst);
  }

  /** The step is done. Of one that failed nothing counts, since it is done again or not at all. */
  endStep(step: StepLimits): void {
    this.#counted = step.counted;
  }
}
