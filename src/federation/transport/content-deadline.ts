import type { BodyDeadline, BodyProgress } from "../../http/index.js";
import { FederationError } from "../errors.js";
import type { Timed, TimeoutSweeper } from "./timeout-sweeper.js";

/** How long a client may take for its content, in milliseconds. */
export interface ContentLimits {
  /** For the next piece of it. */
  readonly content: number;
  /** For all of it. */
  readonly total: number;
}

/** How long content is waited for that is read before it is known which server it goes to. */
export class ContentDeadline implements BodyDeadline {
  readonly #sweeper: TimeoutSweeper;
  readonly #limits: () => Promise<ContentLimits>;

  /** @param limits asked for when content does not come at once, since it nearly always does. */
  constructor(sweeper: TimeoutSweeper, limits: () => Promise<ContentLimits>) {
    this.#sweeper = sweeper;
    this.#limits = limits;
  }

  begin(giveUp: (error: Error) => void): BodyProgress {
    const awaited = new AwaitedContent(this.#sweeper, this.#limits, giveUp);
    this.#sweeper.begin(awaited);
    return awaited;
  }
}

class AwaitedContent implements BodyProgress, Timed {
  position = 0;
  readonly #sweeper: TimeoutSweeper;
  readonly #giveUp: (error: Error) => void;
  readonly #ask: () => Promise<ContentLimits>;
  readonly #begun: number = performance.now();
  #since: number = this.#begun;
  #isAsked = false;
  #limits: ContentLimits | undefined;

  constructor(
    sweeper: TimeoutSweeper,
    ask: () => Promise<ContentLimits>,
    giveUp: (error: Error) => void,
  ) {
    this.#sweeper = sweeper;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  moved(): void {
    this.#since = performance.now();
  }

  end(): void {
    this.#sweeper.end(this);
  }

  check(now: number): void {
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
    this.#giveUp(new FederationError("content_timeout"));
  }
}
