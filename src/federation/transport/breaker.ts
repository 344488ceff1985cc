/**
 * `closed`: requests go through. `open`: none does. `half-open`: a single one does, to see whether the server is back;
 * another one, if it takes longer than the pause.
 */
export type BreakerState = "closed" | "open" | "half-open";

/** When a server is left in peace. */
export interface BreakerOptions {
  /** How many failures in a row it takes. Default: 5. */
  readonly failures?: number | undefined;
  /** How long, in milliseconds, before a single request tries again. Default: 10,000. */
  readonly pause?: number | undefined;
}

/** How a request to the server ended: what it says of the server. */
export type Verdict = "well" | "failed" | "unknown";

/**
 * Keeps requests from a server that fails, so that they need not wait for it and it need not wait for them.
 *
 * A request that was let through by {@link enter} must {@link leave}.
 */
export class Breaker {
  readonly #failures: number;
  readonly #pause: number;
  readonly #changed: (state: BreakerState) => void;
  readonly #now: () => number;
  #state: BreakerState = "closed";
  #failedInRow = 0;
  /** When the server was left in peace, or the single request sent. */
  #since = 0;

  constructor(
    { failures = 5, pause = 10_000 }: BreakerOptions,
    changed: (state: BreakerState) => void,
    now: () => number,
  ) {
    this.#failures = failures;
    this.#pause = pause;
    this.#changed = changed;
    this.#now = now;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When the server is tried again, in milliseconds from now; 0 when it may be tried now. */
  get remaining(): number {
    return this.#state === "closed" ? 0 : Math.max(0, this.#since + this.#pause - this.#now());
  }

  /** Asks to be let through. `probe`: the caller is the single one that tries. `undefined`: not now. */
  enter(): "request" | "probe" | undefined {
    if (this.#state === "closed") return "request";
    // A single request that takes as long as that is not waited for: any client can make a slow one.
    if (this.remaining > 0) return undefined;
    this.#since = this.#now();
    this.#become("half-open");
    return "probe";
  }

  /** Says how it ended. A request that was let through before the server failed says nothing about it now. */
  leave(passage: "request" | "probe", verdict: Verdict): void {
    if (passage === "probe" && this.#state !== "closed") {
      if (verdict === "well") this.#close();
      else if (verdict === "failed") this.#open();
      else if (this.#state === "half-open") {
        // Nothing was learnt: the next one may try at once.
        this.#since = this.#now() - this.#pause;
        this.#become("open");
      }
    } else if (this.#state === "closed") {
      if (verdict === "well") this.#failedInRow = 0;
      else if (verdict === "failed") {
        this.#failedInRow += 1;
        if (this.#failedInRow >= this.#failures) this.#open();
      }
    }
  }

  /** What a health check has found, which needs no passage. */
  learn(verdict: "well" | "failed"): void {
    if (verdict === "failed") this.leave("request", verdict);
    else if (this.#state === "open") this.#close();
    else this.leave("request", verdict);
  }

  #close(): void {
    this.#failedInRow = 0;
    this.#become("closed");
  }

  #open(): void {
    this.#since = this.#now();
    this.#become("open");
  }

  #become(state: BreakerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#changed(state);
  }
}
