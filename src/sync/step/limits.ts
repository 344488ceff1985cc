import { TooManyError } from "../../core/index.js";
import type { StreamPosition, TakenAway } from "../../repositories/index.js";
import type { Cleared, Outcome, Removals } from "../outcome.js";
import type { Limit, Settings } from "../settings.js";

type Limited = Outcome & { readonly kind: "limited" };

/** What a step is about to take away. */
export interface TakingAway {
  /** Accounts that are disabled or deleted, and members who leave groups. */
  readonly removals?: number;
  /** Entries that lose the value of an attribute. */
  readonly cleared?: number;
}

/** What the caller is told of it. */
export interface TakingAwayInWords {
  readonly removals?: Removals;
  readonly cleared?: readonly Cleared[];
}

/** Ends a step that would take away too much. */
export class LimitReached extends Error {
  readonly outcome: Limited;

  constructor(outcome: Limited) {
    super();
    this.outcome = outcome;
  }

  /** What the caller of synchronisation is told. */
  toError(): TooManyError {
    const { option, limit, count, before } = this.outcome;
    const earlier = before === 0 ? "" : ` after ${before} before it`;
    const what =
      option === "maxDeletes"
        ? "deletions, deactivations and members leaving groups"
        : "entries that lose the value of an attribute";
    const remedy =
      option === "maxDeletes"
        ? "Raise it if this is what the directory means."
        : "Raise it if this is what the directory means, or give the account the right to read them back.";
    return new TooManyError(
      `Nothing was changed: the step would bring ${count} ${what}${earlier}, and ${option} allows ${limit}. ${remedy}`,
      limit,
    );
  }
}

/** How much may be taken away however little there is. */
const LEAST = 10;

/** How many entries of what was taken away are kept with the position: what is taken in one interval is one entry. */
const KEPT = 100;

/**
 * Counts what is taken away, and refuses what is too much.
 *
 * What counts is all that was taken within a window of time, whether by refreshes or live changes, in this process or in one before
 * it: it is stored with the position. A refresh counts as a whole, however long it takes. Without that, whoever owns the directory
 * could take away everything in portions.
 */
export class Limits {
  readonly #settings: Settings;
  /** What was taken within the window, the earliest first, as it is stored. */
  #taken: readonly TakenAway[] = [];
  /** When the refresh began that is under way. */
  #refreshSince: number | undefined;
  /** What the step under way takes. */
  #ofStep = { removals: 0, cleared: 0 };
  /** Members whose leaving was counted when their groups stated it, and who have not left yet. */
  #foreseen = 0;
  /** The last two as they were before the step. */
  #before: { readonly taken: readonly TakenAway[]; readonly foreseen: number } | undefined;
  /** Whether lost values count: not while everything is read by another profile for the first time. */
  countsCleared = true;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Goes on from what is stored. */
  load({ taken = [] }: StreamPosition): void {
    this.#taken = taken;
  }

  beginRefresh(): void {
    this.#refreshSince = this.#settings.now();
    this.#foreseen = 0;
  }

  endRefresh(): void {
    this.#refreshSince = undefined;
    this.#foreseen = 0;
  }

  beginStep(): void {
    this.#ofStep = { removals: 0, cleared: 0 };
    // Live changes are settled in their own step; what is left over is not for others.
    if (this.#refreshSince === undefined) this.#foreseen = 0;
    this.#before = { taken: this.#taken, foreseen: this.#foreseen };
  }

  /** What the step has taken is stored as {@link window} said. */
  stored(taken: readonly TakenAway[]): void {
    this.#taken = taken;
    this.#ofStep = { removals: 0, cleared: 0 };
  }

  endStep(): void {
    this.#before = undefined;
  }

  /** The step has failed and is done again, or not at all. */
  undoStep(): void {
    if (this.#before === undefined) return;
    this.#taken = this.#before.taken;
    this.#foreseen = this.#before.foreseen;
    this.#before = undefined;
  }

  /**
   * What is to be stored for a step that has taken something; undefined where it has not.
   *
   * @param linked counts the entries that are linked; it is asked once for each window.
   */
  async window(linked: () => Promise<number>): Promise<readonly TakenAway[] | undefined> {
    const { removals, cleared } = this.#ofStep;
    if (removals === 0 && cleared === 0) return undefined;
    const recent = this.#recent();
    const before = recent[0]?.linked ?? (await linked());
    return compact([...recent, { at: this.#settings.now(), removals, cleared, linked: before }]);
  }

  /**
   * Counts what a step is about to take away.
   *
   * @param linked counts the entries that are linked; it is asked only where it matters.
   * @throws {LimitReached} where it is too much, with what it is in words.
   */
  async take(
    { removals = 0, cleared = 0 }: TakingAway,
    linked: () => Promise<number>,
    inWords: TakingAwayInWords = {},
  ): Promise<void> {
    await this.#check("maxDeletes", "removals", removals, linked, inWords);
    if (this.countsCleared) {
      await this.#check("maxCleared", "cleared", cleared, linked, inWords);
    }
    this.#ofStep.removals += removals;
    this.#ofStep.cleared += cleared;
  }

  /** So many members will leave groups when memberships are settled: they are counted now, and not once more then. */
  foresee(members: number): void {
    this.#foreseen += members;
  }

  /** Of so many members who leave now, how many nobody has counted yet. */
  unforeseen(members: number): number {
    const counted = Math.min(members, this.#foreseen);
    this.#foreseen -= counted;
    return members - counted;
  }

  async #check(
    option: "maxDeletes" | "maxCleared",
    counter: "removals" | "cleared",
    count: number,
    linked: () => Promise<number>,
    inWords: TakingAwayInWords,
  ): Promise<void> {
    if (count === 0) return;
    const setting = this.#settings[option];
    const recent = this.#recentFor(setting);
    const before = recent.reduce((sum, taken) => sum + taken[counter], 0) + this.#ofStep[counter];
    // To count what is linked takes longer than to take one thing away.
    if (before + count <= Math.min(setting.count, LEAST)) return;
    const limit = limitOf(setting, recent[0]?.linked, await linked());
    if (before + count <= limit) return;
    const { removals = nothing, cleared = [] } = inWords;
    throw new LimitReached({ kind: "limited", option, limit, count, before, removals, cleared });
  }

  #recentFor({ within }: Limit): readonly TakenAway[] {
    const since = this.#settings.now() - within;
    const refreshSince = this.#refreshSince ?? Number.POSITIVE_INFINITY;
    return this.#taken.filter(({ at }) => at > since || at >= refreshSince);
  }

  /** What counts towards either limit. */
  #recent(): readonly TakenAway[] {
    const { maxDeletes, maxCleared } = this.#settings;
    const within = Math.max(maxDeletes.within, maxCleared.within);
    return this.#recentFor({ ...maxDeletes, within });
  }
}

const nothing: Removals = { deletions: [], deactivations: [], memberships: [] };

/** Entries that came since the window began do not raise what may be taken away within it. */
function limitOf({ count, fraction }: Limit, before: number | undefined, now: number): number {
  if (fraction === Number.POSITIVE_INFINITY) return count;
  const linked = before === undefined ? now : Math.min(before, now);
  return Math.min(count, Math.max(LEAST, Math.floor(linked * fraction)));
}

/** Joins neighbours where there are many, which makes the earlier one count for as long as the later one. */
function compact(taken: readonly TakenAway[]): readonly TakenAway[] {
  if (taken.length <= KEPT) return taken;
  const joined: TakenAway[] = [];
  for (let index = 0; index < taken.length; index += 2) {
    const [one, other] = [taken[index], taken[index + 1]];
    if (one === undefined) break;
    joined.push(
      other === undefined
        ? one
        : {
            at: other.at,
            removals: one.removals + other.removals,
            cleared: one.cleared + other.cleared,
            linked: Math.min(one.linked, other.linked),
          },
    );
  }
  return joined;
}
