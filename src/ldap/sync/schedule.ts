import { maxInt } from "../wire/request.js";
import type { Check, DueChecks } from "./checks.js";
import type { Wakeup } from "./message-buffer.js";
import type { Reading, Sleep } from "./reading.js";

/** Calls something after a time, and meanwhile does not let itself be set again. */
export class Timer {
  readonly #sleep: Sleep;
  readonly #stop = new AbortController();
  isSet = false;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  set(delay: number, call: () => void): void {
    this.isSet = true;
    this.#sleep(Math.min(Math.max(1, delay), maxInt), this.#stop.signal).then(
      () => {
        this.isSet = false;
        call();
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

/** Has all names looked at from time to time, and all groups where that is wanted. */
export class Schedule {
  readonly #reading: Reading;
  readonly #due: DueChecks;
  readonly #wakeup: Wakeup;
  readonly #timer: Timer;

  constructor(reading: Reading, due: DueChecks, wakeup: Wakeup) {
    this.#reading = reading;
    this.#due = due;
    this.#wakeup = wakeup;
    this.#timer = new Timer(reading.sleep);
  }

  /** Plans the next look, unless it is planned. */
  plan(): void {
    const { content, reconcileEvery, reconcileGroups, random } = this.#reading;
    if (reconcileEvery === undefined || this.#timer.isSet) return;
    // Applications that were started together are not to ask all at once.
    this.#timer.set(Math.round(reconcileEvery * (0.9 + 0.2 * random())), () => {
      this.#due.add({ kind: "names", gates: false });
      if (reconcileGroups && content.groupFilter !== undefined) {
        this.#due.add({ kind: "groups", gates: false });
      }
      this.#wakeup.wake();
    });
  }

  stop(): void {
    this.#timer.stop();
  }
}

/** How much longer than a list the pause after it is, so that lists take at most one part in a hundred of the time. */
const pause = 99;

/**
 * Lists all names whenever something outside of the content has changed, which may have been a parent: for servers that
 * do not report parents. Changes that come while it may not be made are one occasion.
 */
export class Occasions {
  readonly #list: () => void;
  readonly #timer: Timer;
  #nextAt = 0;

  constructor(sleep: Sleep, list: () => void) {
    this.#list = list;
    this.#timer = new Timer(sleep);
  }

  /** Something has changed. */
  come(now: number): void {
    if (!this.#timer.isSet) this.#timer.set(this.#nextAt - now, this.#list);
  }

  /** A check has ended. */
  listed({ kind, since }: Check<unknown>, now: number): void {
    if (kind === "names") this.#nextAt = now + (now - since) * pause;
  }

  stop(): void {
    this.#timer.stop();
  }
}
