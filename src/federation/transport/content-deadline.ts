import type { Watch, Watched } from "./timeout-sweeper.js";

/** How long a client may take for its content, in milliseconds. */
export interface ContentLimits {
  /** For the next piece of it. */
  readonly content: number;
  /** For all of it. */
  readonly total: number;
}

/** Content that is waited for. */
export interface Waiting {
  /** A piece of it has come. */
  moved(): void;
  /** It is waited for no longer. */
  end(): void;
}

/** How long content is waited for that is read before it is known which server it goes to. */
export class Patience {
  readonly #watch: Watch;
  readonly #limits: () => Promise<ContentLimits>;

  /** @param limits asked for when content does not come at once, since it nearly always does. */
  constructor(watch: Watch, limits: () => Promise<ContentLimits>) {
    this.#watch = watch;
    this.#limits = limits;
  }

  /** Begins to wait. @param giveUp called once, when it has taken too long. */
  begin(giveUp: () => void): Waiting {
    const waiting = new WatchedContent(this.#watch, this.#limits, giveUp);
    this.#watch.begin(waiting);
    return waiting;
  }
}

class WatchedContent implements Waiting, Watched {
  place = 0;
  readonly #watch: Watch;
  readonly #giveUp: () => void;
  readonly #ask: () => Promise<ContentLimits>;
  readonly #begun: number = performance.now();
  #since: number = this.#begun;
  #isAsked = false;
  #limits: ContentLimits | undefined;

  constructor(watch: Watch, ask: () => Promise<ContentLimits>, giveUp: () => void) {
    this.#watch = watch;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  moved(): void {
    this.#since = performance.now();
  }

  end(): void {
    this.#watch.end(this);
  }

  look(now: number): void {
    if (!this.#isAsked) {
      this.#isAsked = true;
      void this.#ask().then((limits) => {
        this.#limits = limits;
      });
    }
    if (this.#limits === undefined) return;
    const { content, total } = this.#limits;
    if (now - this.#since < content && now - this.#begun < total) return;
    this.end();
    this.#giveUp();
  }
}
