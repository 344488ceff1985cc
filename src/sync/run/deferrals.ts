import type { Unconfirmed } from "../../repositories/index.js";
import { type Occasion, retryRefused } from "../entries/refused.js";
import { dirtyAfter, settleDirty, settleLinks } from "../memberships/settle.js";
import type { Settings } from "../settings.js";
import type { Step } from "../step/step.js";

const never = Number.POSITIVE_INFINITY;

/** What is deferred to another occasion, and when that is. All times are in milliseconds since the epoch. */
export class Deferrals {
  readonly #settings: Settings;
  /** When the next refused change is to be tried. */
  #refusedAt = never;
  /** When to look at what superseded runners had begun. */
  #confirmationAt = never;
  /** Entries whose memberships were refused or are doubtful. */
  readonly #waiting = new Set<string>();
  /** When these are to be settled. */
  #settlingAt = never;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** How long it is until something is due, in milliseconds; infinite where nothing waits. */
  get delay(): number {
    const dueAt = Math.min(this.#refusedAt, this.#settlingAt, this.#confirmationAt);
    return Math.max(0, dueAt - this.#settings.now());
  }

  get isRefusedDue(): boolean {
    return this.#refusedAt <= this.#settings.now();
  }

  get isConfirmationDue(): boolean {
    return this.#confirmationAt <= this.#settings.now();
  }

  /** A change was refused. */
  refused(nextAttempt: number): void {
    this.#refusedAt = Math.min(this.#refusedAt, nextAttempt);
  }

  /** What superseded runners had begun can be looked at once no request of theirs is under way any more. */
  awaitConfirmation(unconfirmed: Unconfirmed | undefined): void {
    const { takeoverDelay } = this.#settings;
    this.#confirmationAt = unconfirmed === undefined ? never : unconfirmed.since + takeoverDelay;
  }

  /** Tries again what was refused. */
  async retryRefused(step: Step, occasion: Occasion): Promise<void> {
    this.#refusedAt = (await retryRefused(step, occasion)) ?? never;
  }

  /** Tries again what waits for an account that gave up its name in this very step, or in a circle. */
  async retryFreed(step: Step): Promise<void> {
    const isRefused = step.outcomes.some((outcome) => outcome.kind === "deferred");
    if (isRefused || !step.freed.isEmpty) await this.retryRefused(step, "freed");
  }

  /** Settles what is dirty, and of what was refused before only what this step has made dirty again. */
  async settleNew(step: Step): Promise<void> {
    for (const id of step.links.dirty) this.#waiting.delete(id);
    await this.settleOthers(step);
  }

  /** Settles all that is dirty. */
  async settleAll(step: Step): Promise<void> {
    this.#waiting.clear();
    await this.settleOthers(step);
  }

  /** Settles what is dirty, but for what was refused on this occasion. */
  async settleOthers(step: Step): Promise<void> {
    this.#wait(await settleDirty(step, this.#waiting));
  }

  /** All that is dirty is to be settled, page by page. */
  beginSettling(): void {
    this.#waiting.clear();
    this.#settlingAt = never;
  }

  /** @returns the last entry of the page that was settled; undefined after the last page. */
  async settlePage(step: Step, after: string | undefined): Promise<string | undefined> {
    const page = await dirtyAfter(step, after);
    this.#wait(await settleLinks(step, page));
    return page.at(-1)?.sourceId;
  }

  /** The next occasion to settle comes after this time, in milliseconds. */
  settleIn(delay: number): void {
    this.#settlingAt = this.#settings.now() + delay;
  }

  #wait(sourceIds: readonly string[]): void {
    if (sourceIds.length === 0) return;
    for (const id of sourceIds) this.#waiting.add(id);
    if (this.#settlingAt === never) this.settleIn(this.#settings.refusals.delay);
  }
}
