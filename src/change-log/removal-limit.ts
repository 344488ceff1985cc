import { TooManyError } from "../core/index.js";
import type { Limit } from "../sync/index.js";
import type { Taken } from "./records.js";

/** How many removals are remembered one by one. */
const KEPT = 100;

/** However few entries there are, so many may go. */
const LEAST = 10;

/** Counts the entries that go, and refuses what is too much. */
export class RemovalLimit {
  readonly #limit: Limit;
  readonly #now: () => number;
  #taken: readonly Taken[];
  #refreshSince: number | undefined;

  constructor(limit: Limit, now: () => number, taken: readonly Taken[]) {
    this.#limit = limit;
    this.#now = now;
    this.#taken = taken;
  }

  /** What is to be stored with the position. */
  get taken(): readonly Taken[] {
    return this.#recent().slice(-KEPT);
  }

  /** A refresh counts as a whole, however long it takes. */
  beginRefresh(): void {
    this.#refreshSince = this.#now();
  }

  endRefresh(): void {
    this.#refreshSince = undefined;
  }

  /**
   * So many entries are about to go.
   *
   * @param entries how many there are.
   * @throws {TooManyError} it is too much.
   */
  take(count: number, entries: number): void {
    if (count === 0) return;
    const recent = this.#recent();
    const before = recent.reduce((sum, taken) => sum + taken.count, 0);
    const allowed = this.#allowed(Math.min(entries, recent[0]?.entries ?? entries));
    if (before + count > allowed) {
      const earlier = before === 0 ? "" : ` after ${before} before them`;
      throw new TooManyError(
        `Nothing was written: ${count} entries would go${earlier}, and maxDeletes allows ${allowed}. ` +
          "Raise it if this is what the directory means.",
        allowed,
      );
    }
    const last = recent.at(-1);
    // What goes with little time in between is remembered as one.
    const isSoon = last !== undefined && this.#now() - last.at < this.#limit.within / KEPT;
    this.#taken = isSoon
      ? [...recent.slice(0, -1), { ...last, count: last.count + count }]
      : [...recent, { at: this.#now(), count, entries }];
  }

  #recent(): readonly Taken[] {
    const since = this.#now() - this.#limit.within;
    const refresh = this.#refreshSince ?? Number.POSITIVE_INFINITY;
    return this.#taken.filter(({ at }) => at > since || at >= refresh);
  }

  #allowed(entries: number): number {
    const { count, fraction } = this.#limit;
    if (fraction === Number.POSITIVE_INFINITY) return count;
    return Math.min(count, Math.max(LEAST, Math.floor(entries * fraction)));
  }
}
