import type { Sleep } from "../watch/backoff.js";
import { LdapResultError } from "../wire/errors.js";
import type { EncodedMessage } from "../wire/message.js";
import { maxInt } from "../wire/request.js";
import type { Arrivals } from "./message-buffer.js";
import type { Pass } from "./pass.js";

/**
 * A look at the content that is to be made beside the live changes: the second pass after a resume; the names of all entries; all
 * groups; or the entries below a parent that was moved.
 */
export type DueCheck =
  | { readonly kind: "secondPass" | "names" | "groups"; readonly gates: boolean }
  | { readonly kind: "below"; readonly base: string; readonly gates: true };

/** One of these that is under way. */
export interface Check {
  readonly kind: DueCheck["kind"];
  readonly pass: Pass;
  readonly arrivals: Arrivals;
  /** When it began, in milliseconds. */
  readonly since: number;
}

/** The checks that are still to be made, one after the other. */
export class DueChecks {
  #due: DueCheck[] = [];
  #isBegun = false;

  /** The check that is under way, or is next. */
  get first(): DueCheck | undefined {
    return this.#due[0];
  }

  get isEmpty(): boolean {
    return this.#due.length === 0;
  }

  /** Whether no position may be handed over yet: what it would claim to cover may have been missed. */
  get areGating(): boolean {
    return this.#due.some((check) => check.gates);
  }

  /** Plans a check, unless the same is planned and has not begun. */
  add(check: DueCheck): void {
    const waiting = this.#isBegun ? this.#due.slice(1) : this.#due;
    const same = waiting.find(
      (other) => other.kind === check.kind && baseOf(other) === baseOf(check),
    );
    if (same === undefined) this.#due.push(check);
    else if (check.gates && !same.gates) this.#due.splice(this.#due.indexOf(same), 1, check);
  }

  includes(kind: DueCheck["kind"]): boolean {
    return this.#due.some((check) => check.kind === kind);
  }

  begin(): DueCheck | undefined {
    this.#isBegun = this.#due.length > 0;
    return this.first;
  }

  end(): void {
    this.#due.shift();
    this.#isBegun = false;
  }

  clear(): void {
    this.#due = [];
    this.#isBegun = false;
  }
}

function baseOf(check: DueCheck): string | undefined {
  return check.kind === "below" ? check.base : undefined;
}

/** The next message of a check. A parent that was moved may have gone meanwhile, and then nothing is below it. */
export function takeMessage(kind: Check["kind"], arrivals: Arrivals): EncodedMessage | undefined {
  try {
    return arrivals.take();
  } catch (error) {
    const isGone = error instanceof LdapResultError && error.resultCode === noSuchObject;
    if (kind === "below" && isGone) return { kind: "done", controls: [] };
    throw error;
  }
}

const noSuchObject = 32;

/** How much longer than a list the pause after it is, so that lists take at most one part in a hundred of the time. */
const pause = 99;

/**
 * Lists all names whenever something outside of the content has changed, which may have been a parent: for servers that do not tell
 * of parents. Changes that come while it may not be made are one occasion.
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
  listed({ kind, since }: Check, now: number): void {
    if (kind === "names") this.#nextAt = now + (now - since) * pause;
  }

  stop(): void {
    this.#stop.abort();
  }
}
