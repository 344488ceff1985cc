/** What has limits of time while it is under way. */
export interface Timed {
  /** Where it is among the others; kept by the sweeper. */
  position: number;
  /** Checks whether it has to be given up. */
  check(now: number): void;
}

/** How often it is checked, in milliseconds: by how much a limit may be exceeded. */
const interval = 20;

/**
 * Checks everything that is under way, with one timer for all: whether it is late, and whether the client still waits
 * for it. A timer and a listener for each request would cost it more than the rest of what is done about its limits,
 * nearly always for nothing.
 *
 * An array, and not a set: when V8 gives a set a larger table or a tidier one, the table before points to it. As soon
 * as one of them is old, all after it live until the next full collection, with every request that was in them.
 */
export class TimeoutSweeper {
  readonly #timed: Timed[] = [];
  #timer: NodeJS.Timeout | undefined;

  begin(timed: Timed): void {
    timed.position = this.#timed.push(timed) - 1;
    this.#timer ??= setInterval(() => this.#sweep(), interval).unref();
  }

  /** Checks it no longer. The last one gets its position. */
  end(timed: Timed): void {
    if (this.#timed[timed.position] !== timed) return;
    const last = this.#timed.pop();
    if (last === undefined || last === timed) return;
    this.#timed[timed.position] = last;
    last.position = timed.position;
  }

  #sweep(): void {
    if (this.#timed.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    // A copy, since those that are given up end.
    for (const timed of [...this.#timed]) timed.check(now);
  }
}
