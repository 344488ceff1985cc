import { maxInt } from "../wire/request.js";
import type { Check, DueChecks } from "./checks.js";
import type { Wakeup } from "./message-buffer.js";
import type { Reading, Sleep } from "./reading.js";

/** Has all names looked at from time to time, and all groups where that is wanted. */
export class Schedule {
  readonly #reading: Reading;
  readonly #due: DueChecks;
  readonly #wakeup: Wakeup;
  readonly #stop = new AbortController();
  #isWaiting = false;

  constructor(reading: Reading, due: DueChecks, wakeup: Wakeup) {
    this.#reading = reading;
    this.#due = due;
    this.#wakeup = wakeup;
  }

  /** Plans the next look, unless it is planned. */
  plan(): void {
    const { content, reconcileEvery, reconcileGroups, sleep, random } = this.#reading;
    if (reconcileEvery === undefined || this.#isWaiting) return;
    this.#isWaiting = true;
    // Applications that were started together are not to ask all at once.
    const delay = Math.max(1, Math.round(reconcileEvery * (0.9 + 0.2 * random())));
    sleep(Math.min(delay, maxInt), this.#stop.signal).then(
      () => {
        this.#isWaiting = false;
        this.#due.add({ kind: "names", gates: false });
        if (reconcileGroups && content.groupFilter !== undefined) {
          this.#due.add({ kind: "groups", gates: false });
        }
        this.#wakeup.wake();
      },
      () => {
        // The connection has ended; the next one makes its own plans.
      },
    );
  }

  stop(): void {
    this.#stop.abort();
  }
}

/** How much longer than a list the pause after it is, so that lists take at most one part in a hundred of the time. */
const pause = 99;

/**
 * Lists all names whenever something outside of the content has changed, which may have been a parent: for servers that
 * do not tell of parents. Changes that come while it may not be made are one occasion.
 */
export class Occasions {
  readonly #sleep: Sleep;
  readonly #list: () => void;
  readonly #stop = new AbortController();
  #nextAt = 0;
  #isWaiting = false;

  constructor(sleep: Sleep, list: () => void) {
    this.#sleep = sleep;
    this.#list = list;
  }

  /** Something has changed. */
  come(now: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const delay = Math.min(Math.max(1, this.#nextAt - now), maxInt);
    this.#sleep(delay, this.#stop.signal).then(
      () => {
        this.#isWaiting = false;
        this.#list();
      },
      () => {
        // The connection has ended.
      },
    );
  }

  /** A check has ended. */
  listed({ kind, since }: Check<unknown>, now: number): void {
    if (kind === "names") this.#nextAt = now + (now - since) * pause;
  }

  stop(): void {
    this.#stop.abort();
  }
}
