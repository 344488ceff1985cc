/** Something that has to be over by some time. */
export interface Timed {
  /** When, by `performance.now()`. It may change. */
  readonly deadline: number;
  /** Called when the deadline has passed; again, if it is still watched when a later one has. */
  expire(now: number): void;
}

/** How often deadlines are looked at, in milliseconds: by how much a limit may be exceeded. */
const resolution = 20;

/**
 * Watches the deadlines of everything that is under way, with one timer for all. A timer for each request would cost it more than
 * the rest of what is done about its limits, and nearly all of them would be for nothing.
 */
export class Deadlines {
  readonly #watched = new Set<Timed>();
  #timer: NodeJS.Timeout | undefined;

  watch(timed: Timed): void {
    this.#watched.add(timed);
    this.#timer ??= setInterval(() => this.#look(), resolution).unref();
  }

  forget(timed: Timed): void {
    this.#watched.delete(timed);
  }

  #look(): void {
    if (this.#watched.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const timed of this.#watched) if (now >= timed.deadline) timed.expire(now);
  }
}
