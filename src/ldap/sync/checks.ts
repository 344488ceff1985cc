import { LdapResultError } from "../wire/errors.js";
import type { EncodedMessage } from "../wire/message.js";
import type { MessageBuffer } from "./message-buffer.js";
import { idsPerSearch, type Pass } from "./pass.js";

/**
 * A look at the content that is to be made beside the live changes: the second pass after a resume; the names of all
 * entries; all groups; the entries below a parent that was moved; or some entries, of at most {@link idsPerSearch} ids.
 */
export type DueCheck =
  | { readonly kind: "secondPass" | "names" | "groups"; readonly gates: boolean }
  | { readonly kind: "below"; readonly base: string; readonly gates: true }
  | DueEntries;

/** Some entries that are to be read again. */
export interface DueEntries {
  readonly kind: "entries";
  readonly ids: readonly string[];
  readonly gates: boolean;
  /** What it means that one is not found: that it is gone, or nothing, where that is reported in another way. */
  readonly missing: "gone" | "ignored";
}

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
    if (same === undefined || check.kind === "entries") this.#due.push(check);
    else if (check.gates && !same.gates) this.#due.splice(this.#due.indexOf(same), 1, check);
  }

  /** Plans to read entries again. */
  addEntries(
    ids: Iterable<string>,
    { gates, missing }: Pick<DueEntries, "gates" | "missing">,
  ): void {
    const left = new Set(ids);
    // Those that wait already are asked for together with these, as far as one search goes.
    const last = this.#due.length > (this.#isBegun ? 1 : 0) ? this.#due.at(-1) : undefined;
    if (last?.kind === "entries" && last.gates === gates && last.missing === missing) {
      for (const id of last.ids) left.add(id);
      this.#due.pop();
    }
    const all = [...left];
    for (let from = 0; from < all.length; from += idsPerSearch) {
      const chunk = all.slice(from, from + idsPerSearch);
      this.add({ kind: "entries", ids: chunk, gates, missing });
    }
  }

  /** Whether the first is of this kind, and none of the others is. */
  isOnly(kind: DueCheck["kind"]): boolean {
    return (
      this.first?.kind === kind && this.#due.filter((check) => check.kind === kind).length === 1
    );
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
