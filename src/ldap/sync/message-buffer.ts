import { UnavailableError } from "../../core/index.js";
import type { EncodedMessage } from "../wire/message.js";

/** Lets one loop wait for several sources. A wake-up that comes before the wait is not lost. */
export class Wakeup {
  #woken = false;
  #resolve: (() => void) | undefined;

  readonly wake = (): void => {
    this.#woken = true;
    this.#resolve?.();
  };

  /** Fulfilled once {@link wake} has been called since the last wait. */
  async wait(): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#woken = false;
    this.#resolve = undefined;
  }
}

/**
 * The messages of one search: taken one by one without waiting, asked for by the array.
 *
 * Two searches that are waited for together would leave something behind in `Promise.race` at every pass of the loop,
 * for as long as the quieter one is quiet; so each calls a {@link Wakeup}.
 */
export class MessageBuffer {
  readonly #search: AsyncIterator<readonly EncodedMessage[]>;
  readonly #wake: () => void;
  #messages: readonly EncodedMessage[] = [];
  #taken = 0;
  #asked = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(search: AsyncIterable<readonly EncodedMessage[]>, wake: () => void) {
    this.#search = search[Symbol.asyncIterator]();
    this.#wake = wake;
  }

  /**
   * The next message that has arrived; undefined if there is none now.
   *
   * @throws what ended the search, after the last message.
   */
  take(): EncodedMessage | undefined {
    const message = this.#messages[this.#taken];
    if (message !== undefined) {
      this.#taken += 1;
      return message;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return undefined;
  }

  /**
   * Asks for more, unless that has been done, or there are messages that were not taken: they may have arrived since
   * the last look, and what comes next takes their place. The first call sends the request.
   */
  request(): void {
    if (this.#asked || this.#failure !== undefined || this.#taken < this.#messages.length) return;
    this.#asked = true;
    this.#search.next().then(
      (result) => {
        // After its last message a search is not asked any more, so `asked` stays set.
        if (result.done === true) return;
        this.#messages = result.value;
        this.#taken = 0;
        this.#asked = false;
        this.#wake();
      },
      (error: unknown) => {
        this.#failure = { error };
        this.#wake();
      },
    );
  }

  /** Gives up the search, if it has not ended. */
  async close(): Promise<void> {
    await this.#search.return?.();
  }
}

/** Of a search that was to go on for as long as the connection. */
export function endedByServer(): UnavailableError {
  return new UnavailableError("The directory ended a search that was to go on.");
}
