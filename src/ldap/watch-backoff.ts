import { setTimeout as sleep } from "node:timers/promises";

/** How to go on after the connection was lost, or could not be made. */
export interface ReconnectOptions {
  /** The delay before the first attempt, in milliseconds; it doubles with each. Default: 500. */
  readonly initialDelay?: number;
  /** The longest delay, in milliseconds. Default: 60 000. */
  readonly maxDelay?: number;
  /** How many attempts in a row may fail before the failure is thrown. Default: no limit. */
  readonly maxAttempts?: number;
}

/** Waits. The promise is rejected with the signal's reason when that is aborted. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** Waits by the timers of Node. */
export const systemSleep: Sleep = async (milliseconds, signal) => {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
};

/** Delays that double up to a limit, each shortened at random by up to half, so that clients do not return in step. */
export class Backoff {
  readonly #initialDelay: number;
  readonly #maxDelay: number;
  readonly #maxAttempts: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: ReconnectOptions, random: () => number) {
    this.#initialDelay = options.initialDelay ?? 500;
    this.#maxDelay = options.maxDelay ?? 60_000;
    this.#maxAttempts = options.maxAttempts ?? Number.POSITIVE_INFINITY;
    this.#random = random;
  }

  /** Which attempt in a row {@link next} was last asked for. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The delay before the next attempt, in milliseconds; undefined when there have been enough. */
  next(): number | undefined {
    if (this.#attempt >= this.#maxAttempts) return undefined;
    const longest = Math.min(this.#maxDelay, this.#initialDelay * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(longest / 2 + (this.#random() * longest) / 2);
  }

  /** The directory does its work again. */
  reset(): void {
    this.#attempt = 0;
  }
}
