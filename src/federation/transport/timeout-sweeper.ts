/** What is looked at every now and then, while it is under way. */
export interface Watched {
  /** Where it is among the others; kept by the watch. */
  place: number;
  /** Looks whether it has to be given up. */
  look(now: number): void;
}

/** How often it is looked, in milliseconds: by how much a limit may be exceeded. */
const interval = 20;

/**
 * Looks at everything that is under way, with one timer for all: whether it is late, and whether anybody still waits for it. A timer and
 * a listener for each request would cost it more than the rest of what is done about its limits, nearly always for nothing.
 *
 * An array, and not a set: when V8 gives a set a larger table or a tidier one, the table before points to it. As soon as one of them
 * is old, all after it live until the next full collection, with every request that was in them.
 */
export class Watch {
  readonly #watched: Watched[] = [];
  #timer: NodeJS.Timeout | undefined;

  begin(watched: Watched): void {
    watched.place = this.#watched.push(watched) - 1;
    this.#timer ??= setInterval(() => this.#look(), interval).unref();
  }

  /** Looks at it no longer. The last one gets its place. */
  end(watched: Watched): void {
    if (this.#watched[watched.place] !== watched) return;
    const last = this.#watched.pop();
    if (last === undefined || last === watched) return;
    this.#watched[watched.place] = last;
    last.place = watched.place;
  }

  #look(): void {
    if (this.#watched.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    // A copy, since those that are given up end.
    for (const watched of [...this.#watched]) watched.look(now);
  }
}
