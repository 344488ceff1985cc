import { InvalidValueError } from "../core/index.js";
import type { Limit } from "../sync/index.js";
import { leaseFrom, limitFrom } from "../sync/internal.js";
import type { Outages } from "./writer.js";

/** Options of {@link publishChanges}. */
export interface PublishOptions {
  /**
   * The most entries that may go within a window of time. A number is a count without a fraction; `Infinity` is no
   * limit. What members of groups lose is for each application to judge. Default: 1000, half of the entries, an hour.
   */
  readonly maxDeletes?: number | Partial<Limit> | undefined;
  /** `false`: end once everything is written that the source had at the start. Default `true`. */
  readonly follow?: boolean | undefined;
  /**
   * For how long deletions are kept, in milliseconds: an application that was away for longer reads everything anew.
   * Default: 30 days.
   */
  readonly horizon?: number | undefined;
  /** How many members a group has at most whose members are written as one record. Default 1000. */
  readonly largeGroup?: number | undefined;
  /**
   * When to read groups again that state a name which no entry has: the source may have renamed a member in silence,
   * and may be about to. In milliseconds.
   */
  readonly recheck?:
    | {
        /** The first wait; each is twice the one before it. Default 1,000. */
        readonly delay?: number | undefined;
        /** The longest wait. Default 3,600,000. */
        readonly maxDelay?: number | undefined;
      }
    | undefined;
  /** How often something is tried while the log or the source is unavailable, and how long to wait, in milliseconds. */
  readonly outages?:
    | {
        /** Default 10. */
        readonly attempts?: number | undefined;
        /** The first wait; each is twice the one before it, or what was asked for (`retryAfter`). Default 100. */
        readonly delay?: number | undefined;
        /** The longest wait. Default 30,000. */
        readonly maxDelay?: number | undefined;
      }
    | undefined;
  /**
   * Any number of processes are started with this, of which one works: the next takes its place once nothing has been
   * written for as long as `lease`, in milliseconds, by its own clock; default 30,000. One that finds that another has
   * taken its place waits in turn, where it would end without this. That only one writes rests on the log, and not on
   * clocks: they only say when the next one tries. All of the processes are to have it. Default `false`.
   */
  readonly standby?:
    | boolean
    | {
        /** How long nothing may have been written, in milliseconds; at least 1. Default 30,000. */
        readonly lease?: number | undefined;
      }
    | undefined;
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Ends publishing without an error. What was written stays. */
  readonly signal?: AbortSignal | undefined;
}

/** The options with their defaults. */
export interface PublishSettings {
  readonly maxDeletes: Limit;
  readonly follow: boolean;
  readonly horizon: number;
  readonly largeGroup: number;
  readonly recheck: { readonly delay: number; readonly maxDelay: number };
  readonly outages: Outages;
  /** How long nothing may be written before the next process takes over; undefined where none waits. */
  readonly lease: number | undefined;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

const day = 24 * 3_600_000;

/** Reads the options. */
export function publishSettings(options: PublishOptions): PublishSettings {
  const { recheck = {}, outages = {} } = options;
  return {
    maxDeletes: limitFrom("maxDeletes", options.maxDeletes, {
      count: 1_000,
      fraction: 0.5,
      within: 3_600_000,
    }),
    follow: options.follow ?? true,
    horizon: atLeast(1_000, "horizon", options.horizon ?? 30 * day),
    largeGroup: atLeast(0, "largeGroup", options.largeGroup ?? 1_000),
    recheck: {
      delay: atLeast(0, "recheck.delay", recheck.delay ?? 1_000),
      maxDelay: atLeast(0, "recheck.maxDelay", recheck.maxDelay ?? 3_600_000),
    },
    outages: {
      attempts: atLeast(1, "outages.attempts", outages.attempts ?? 10),
      delay: atLeast(0, "outages.delay", outages.delay ?? 100),
      maxDelay: atLeast(0, "outages.maxDelay", outages.maxDelay ?? 30_000),
    },
    lease: leaseFrom(options.standby),
    now: options.now ?? Date.now,
    signal: options.signal,
  };
}

function atLeast(least: number, path: string, value: number): number {
  if (value >= least) return value;
  throw new InvalidValueError(path, `must be a number of at least ${least}.`);
}
