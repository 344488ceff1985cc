import { setTimeout as sleep } from "node:timers/promises";
import { InvalidValueError } from "../../core/index.js";
import type { Sleep } from "../sync/reading.js";
import { maxInt } from "../wire/request.js";

/** How to go on after the connection was lost, or could not be made. */
export interface ReconnectOptions {
  /** The delay before the first attempt, in milliseconds, 1 to 2 147 483 647; it doubles with each. Default: 500. */
  readonly initialDelay?: number | undefined;
  /** The longest delay, in milliseconds, from 1 to 2 147 483 647. Default: 60 000. */
  readonly maxDelay?: number | undefined;
  /** How many attempts in a row may fail before the failure is thrown. Default: `Infinity`, no limit. */
  readonly maxAttempts?: number | undefined;
}

/**
 * Refuses a time that a timer cannot wait: it takes one that is too long, or no number, for a single millisecond.
 *
 * @throws {InvalidValueError} if it is not from 1 to 2 147 483 647.
 */
export function checkDelay(path: string, milliseconds: number | undefined): void {
  if (milliseconds === undefined || (milliseconds >= 1 && milliseconds <= maxInt)) return;
  throw new InvalidValueError(path, `A number of milliseconds from 1 to ${maxInt} is wanted.`);
}

/** @throws {InvalidValueError} if an option would make attempts without a pause, or never one. */
export function checkReconnect({
  initialDelay,
  maxDelay,
  maxAttempts = 0,
}: ReconnectOptions): void {
  checkDelay("reconnect.initialDelay", initialDelay);
  checkDelay("reconnect.maxDelay", maxDelay);
  if (!(maxAttempts >= 0 && (Number.isInteger(maxAttempts) || maxAttempts === Infinity))) {
    throw new InvalidValueError("reconnect.maxAttempts", "A whole number, or Infinity, is wanted.");
  }
}

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
