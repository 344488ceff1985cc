import { LdapResultError } from "../wire/errors.js";
import type { EncodedMessage } from "../wire/message.js";
import type { MessageBuffer } from "./message-buffer.js";
import type { Pass } from "./pass.js";

/**
 * A look at the content that is to be made beside the live changes: the second pass after a resume; the names of all
 * entries; all groups; or the entries below a parent that was moved.
 */
export type DueCheck =
  | { readonly kind: "secondPass" | "names" | "groups"; readonly gates: boolean }
  | { readonly kind: "below"; readonly base: string; readonly gates: true };

/** One of these that is under way. */
export interface Check<P> {
  readonly kind: DueCheck["kind"];
  readonly pass: Pass<P>;
  readonly messages: MessageBuffer;
  /** When it began, in milliseconds. */
  readonly since: number;
  /** The ids that live changes have spoken of since. */
  readonly touched: Set<string>;
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
export function takeMessage({ kind, messages }: Check<unknown>): EncodedMessage | undefined {
  try {
    return messages.take();
  } catch (error) {
    const isGone = error instanceof LdapResultError && error.resultCode === noSuchObject;
    if (kind === "below" && isGone) return { kind: "done", controls: [] };
    throw error;
  }
}

const noSuchObject = 32;
