import { TooManyError } from "../../core/index.js";
import type { TakenAway } from "../../repositories/index.js";
import type { Cleared, Outcome, Removals } from "../outcome.js";
import type { Limit, Settings } from "../settings.js";
import type { StepContext } from "./context.js";

type Limited = Outcome & { readonly kind: "limited" };

/** What a step is about to take away. */
export interface TakingAway {
  /** Accounts that are disabled or deleted, and members who leave groups. */
  readonly removals?: number;
  /** Entries that lose the value of an attribute. */
  readonly cleared?: number;
}

/** What the caller gets to know of it. */
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

  /** What the caller of synchronisation gets. */
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

/** What was taken away before a step. */
export interface Counted {
  /** What was taken within the window, the earliest first, as it is stored. */
  readonly taken: readonly TakenAway[];
  /** Members whose leaving was counted when their groups stated it, and who have not left yet. */
  readonly foreseen: number;
  /** When the refresh began that is under way. */
  readonly refreshSince: number | undefined;
}

/** Counts what a step takes away, and refuses what is too much. */
export class StepLimits {
  readonly #settings: Settings;
  /** Whether lost values count. */
  readonly countsCleared: boolean;
  #counted: Counted;
  /** Stores what is about to be taken away. */
  readonly #storeFirst: (() => Promise<void>) | undefined;
  /** What is taken and not stored yet. */
  #taken = { removals: 0, cleared: 0 };

  /** @param storeFirst stores what is about to be taken away, where there is no transaction. */
  constructor(
    settings: Settings,
    countsCleared: boolean,
    before: Counted,
    storeFirst?: () => Promise<void>,
  ) {
    this.#settings = settings;
    this.countsCleared = countsCleared;
    this.#counted = before;
    this.#storeFirst = storeFirst;
  }

  /** What was taken away once the step is done. */
  get counted(): Counted {
    return this.#counted;
  }

  /** What is to be stored with the position; undefined where nothing was taken since it was stored last. */
  async unstored(context: StepContext): Promise<readonly TakenAway[] | undefined> {
    const { removals, cleared } = this.#taken;
    if (removals === 0 && cleared === 0) return undefined;
    const recent = this.#recent();
    const before = recent[0]?.linked ?? (await linkedCount(context));
    return compact([...recent, { at: this.#settings.now(), removals, cleared, linked: before }]);
  }

  /** What {@link unstored} has said is stored. */
  stored(taken: readonly TakenAway[]): void {
    this.#counted = { ...this.#counted, taken };
    this.#taken = { removals: 0, cleared: 0 };
  }

  /**
   * Counts what the step is about to take away.
   *
   * @throws {LimitReached} where it is too much, with what it is in words.
   */
  async take(
    context: StepContext,
    { removals = 0, cleared = 0 }: TakingAway,
    inWords: TakingAwayInWords = {},
  ): Promise<void> {
    await this.#check(context, "maxDeletes", "removals", removals, inWords);
    if (this.countsCleared) {
      await this.#check(context, "maxCleared", "cleared", cleared, inWords);
    }
    this.#taken.removals += removals;
    this.#taken.cleared += cleared;
    await this.#storeFirst?.();
  }

  /** So many members will leave groups when memberships are settled: they are counted now, and not once more then. */
  foresee(members: number): void {
    this.#counted = { ...this.#counted, foreseen: this.#counted.foreseen + members };
  }

  /** Of so many members who leave now, how many have not been counted yet. */
  unforeseen(members: number): number {
    const { foreseen } = this.#counted;
    const known = Math.min(members, foreseen);
    this.#counted = { ...this.#counted, foreseen: foreseen - known };
    return members - known;
  }

  async #check(
    context: StepContext,
    option: "maxDeletes" | "maxCleared",
    counter: "removals" | "cleared",
    count: number,
    inWords: TakingAwayInWords,
  ): Promise<void> {
    if (count === 0) return;
    const setting = this.#settings[option];
    const recent = this.#recentFor(setting);
    const before = recent.reduce((sum, taken) => sum + taken[counter], 0) + this.#taken[counter];
    if (before + count <= Math.min(setting.count, LEAST)) return;
    const limit = limitOf(setting, recent[0]?.linked, await linkedCount(context));
    if (before + count <= limit) return;
    const { removals = nothing, cleared = [] } = inWords;
    const outcome = { kind: "limited", option, limit, count, before, removals, cleared } as const;
    if (this.#settings.foreseen === undefined) throw new LimitReached(outcome);
    context.outcomes.push(outcome);
  }

  #recentFor({ within }: Limit): readonly TakenAway[] {
    const since = this.#settings.now() - within;
    const { taken, refreshSince = Number.POSITIVE_INFINITY } = this.#counted;
    return taken.filter(({ at }) => at > since || at >= refreshSince);
  }

  /** What counts towards either limit. */
  #recent(): readonly TakenAway[] {
    const { maxDeletes, maxCleared } = this.#settings;
    const within = Math.max(maxDeletes.within, maxCleared.within);
    return this.#recentFor({ ...maxDeletes, within });
  }
}

/** How many entries of the source are linked. To count them takes longer than to take one thing away. */
async function linkedCount({ target, source }: StepContext): Promise<number> {
  return await target.links.count(source, { states: ["entering", "live", "leaving"] });
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
