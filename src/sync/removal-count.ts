import { TooManyError } from "../core/index.js";
import { type Forecast, leastLimit, limitFor } from "./limit.js";
import type { Outcome } from "./outcome.js";
import type { Settings } from "./settings.js";
import type { Step } from "./step.js";

type Limited = Outcome & { readonly kind: "limited" };

/** Ends a step that would take away too much. */
export class LimitReached extends Error {
  readonly outcome: Limited;

  constructor(outcome: Limited) {
    super();
    this.outcome = outcome;
  }

  /** What the caller of synchronisation is told. */
  toError(): TooManyError {
    const { limit, count, before } = this.outcome;
    const earlier = before === 0 ? "" : ` after ${before} before it`;
    return new TooManyError(
      `Nothing was changed: the batch would bring ${count} deletions, deactivations and members leaving groups${earlier}, and maxDeletes allows ${limit}. Raise it if this is what the directory means.`,
      limit,
    );
  }
}

/**
 * Counts what is taken away. A live burst is what came within a window of time; a refresh is one burst, however long it takes. What a
 * step takes away counts once it is committed.
 */
export class RemovalCount {
  readonly #settings: Settings;
  #ofRefresh = 0;
  #recent: { readonly at: number; readonly count: number }[] = [];
  #ofStep = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  beginRefresh(): void {
    this.#ofRefresh = 0;
  }

  beginStep(): void {
    this.#ofStep = 0;
  }

  endStep(): void {
    if (this.#ofStep === 0) return;
    this.#ofRefresh += this.#ofStep;
    this.#recent.push({ at: this.#settings.now(), count: this.#ofStep });
  }

  /** @throws {LimitReached} with what the step would take away, the limit does not allow it. */
  async refuseAbove(
    phase: Step["phase"],
    step: Step,
    { removals, count }: Pick<Forecast, "removals" | "count">,
  ): Promise<void> {
    if (count === 0) return;
    const since = this.#settings.now() - this.#settings.maxDeletes.within;
    this.#recent = this.#recent.filter(({ at }) => at > since);
    const recent = this.#recent.reduce((sum, one) => sum + one.count, 0);
    const before = (phase === "live" ? recent : this.#ofRefresh) + this.#ofStep;
    // To count what is linked takes longer than to take one thing away.
    const limit =
      before + count > leastLimit(step) ? await limitFor(step) : Number.POSITIVE_INFINITY;
    if (before + count > limit) {
      throw new LimitReached({ kind: "limited", limit, count, before, removals });
    }
    this.#ofStep += count;
  }
}
