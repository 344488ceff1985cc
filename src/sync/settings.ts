import { InvalidValueError } from "../core/index.js";
import { AcceptedRemovals, type Removal, type RemovalList } from "./accepted-removals.js";

/** A resource that may be protected. */
export interface Protectable {
  /** What the resource is. */
  readonly type: "User" | "Group";
  /** The id of the resource in the application, once there is one. */
  readonly id?: string;
  /** The `userName` or `displayName`. */
  readonly name?: string;
}

/** How much may be taken away before a person has to look. */
export interface Limit {
  /** The most that may be taken away. */
  readonly count: number;
  /**
   * The most as a part of the entries that are linked, where that is less than `count` but never less than 10. Entries
   * that came since the first removal that counts do not raise it.
   */
  readonly fraction: number;
  /**
   * How long what was taken away counts, in milliseconds. It is stored, so that a restart forgets nothing. A refresh
   * counts as a whole, however long it takes.
   */
  readonly within: number;
}

/** Options of {@link synchronize}. */
export interface SynchronizeOptions {
  /**
   * What becomes of a resource whose entry is gone. A user is deactivated or deleted; a group that we created is left
   * without our members, or deleted. A resource that was adopted is never deleted, and neither is any in a store that
   * cannot delete (`Capabilities.delete`). Default `deactivate`.
   */
  readonly onDelete?: "deactivate" | "delete" | undefined;
  /**
   * Take a resource that is there already, and that no source has linked, for the entry of the same name. Default:
   * neither.
   */
  readonly match?:
    | {
        /** Adopt the user of the same `userName`. Default: adopt none. */
        readonly users?: "userName" | undefined;
        /** Adopt the group of the same `displayName`. Default: adopt none. */
        readonly groups?: "displayName" | undefined;
        /**
         * What becomes of an active account that is taken for an inactive entry. `disableLater`: it is disabled in a step
         * of its own, which counts towards `maxDeletes`, so that the owner of the directory cannot lock out all local
         * accounts by entries of their names. `disable`: at once. Default `disableLater`.
         */
        readonly inactive?: "disableLater" | "disable" | undefined;
      }
    | undefined;
  /**
   * The most that may be taken away within a window of time: deletions, deactivations, and members leaving groups that
   * stay. A number is a count without a fraction; `Infinity` is no limit. What goes with a deleted entry is counted
   * once. Default: 1000, half of what is linked, an hour.
   */
  readonly maxDeletes?: number | Partial<Limit> | undefined;
  /**
   * Removals that an administrator has accepted, as a plan has listed them (`planChanges`): these do not count towards
   * `maxDeletes`. Whatever else is taken away counts as ever. Default: none.
   */
  readonly accept?: readonly Removal[] | undefined;
  /**
   * The most entries that may lose the value of an attribute within a window of time, all members of a group among
   * them: what an access rule hides reads as if it were gone. It does not hold in the first refresh after the profile
   * has changed. Default: 1000, a fifth of what is linked, an hour.
   */
  readonly maxCleared?: number | Partial<Limit> | undefined;
  /**
   * Resources that are never touched, by id or by name in any case, or by a rule. The name is both the one that the
   * source gave the resource and the one that it has now.
   */
  readonly protect?: readonly string[] | ((resource: Protectable) => boolean) | undefined;
  /**
   * Which names a user or a group may be given. `distinct`: none that people cannot distinguish from another: one that
   * begins or ends with a space, has two in a row, or has invisible characters, such as U+200B (RFC 8265 §3). Such a
   * change is kept as refused, with the code `invalid_value`; who has the name already keeps it. `any`: those too.
   * Default `distinct`.
   */
  readonly names?: "distinct" | "any" | undefined;
  /**
   * What becomes of the name of a user who is gone and whose account stays, when somebody else is to have it. `rename`: the
   * old account gives it up and is called `name~id`. `refuse`: the change is kept as refused, with the code `uniqueness`,
   * until a person has renamed the old account. Nobody gets the account itself either way. Default `rename`.
   */
  readonly namesOfGone?: "rename" | "refuse" | undefined;
  /**
   * Members of a group whose entry was renamed while the group still states the old name: kept until the group changes
   * or another entry takes the name, or dropped as the directory states it to the letter. Default `keep`.
   */
  readonly dangling?: "keep" | "drop" | undefined;
  /** Groups in groups: members as they are stated, or only users, however deep. Default `keep`. */
  readonly nested?: "keep" | "flatten" | undefined;
  /** `false`: end once everything is applied that the source had at the start. Default `true`. */
  readonly follow?: boolean | undefined;
  /** Report every outcome and write nothing. The stored state is copied into memory for it. Default `false`. */
  readonly dryRun?: boolean | undefined;
  /** How many writes to the application may be under way at once, where there is no transaction. Default 1. */
  readonly concurrency?: number | undefined;
  /** How often a batch is tried while a store is unavailable, and how long to wait, in milliseconds. */
  readonly outages?:
    | {
        /** Default 10. */
        readonly attempts?: number | undefined;
        /** The first wait; each is twice the one before it, or what the store asked for (`retryAfter`). Default 100. */
        readonly delay?: number | undefined;
        /** The longest wait. Default 30,000. */
        readonly maxDelay?: number | undefined;
      }
    | undefined;
  /**
   * How long a request of another process may be under way after this one has taken its place, in milliseconds; then
   * what that had begun is looked at again. It is of use where there is no transaction. Default 60,000.
   */
  readonly takeoverDelay?: number | undefined;
  /** How long to wait before a refused change is tried again, in milliseconds; each wait is twice the one before it. */
  readonly refusals?:
    | {
        /** Default 30,000. */
        readonly delay?: number | undefined;
        /** Default 3,600,000. */
        readonly maxDelay?: number | undefined;
      }
    | undefined;
  /**
   * Any number of processes are started with this, of which one works: the next takes its place once it has stored
   * nothing for as long as `lease`, in milliseconds, by its own clock; default 30,000. One that finds that another has
   * taken its place waits in turn, where it would end without this. That only one writes rests on the stores, and not on
   * clocks: they only say when the next one tries. All of the processes are to have it. Default `false`.
   */
  readonly standby?:
    | boolean
    | {
        /** How long nothing may have been stored, in milliseconds; at least 1. Default 30,000. */
        readonly lease?: number | undefined;
      }
    | undefined;
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /**
   * Ends synchronisation: a loop over the outcomes ends without an error, and what returns a promise rejects with the
   * signal's reason. What was committed stays.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The options with their defaults. */
export interface Settings {
  readonly onDelete: "deactivate" | "delete";
  readonly match: NonNullable<SynchronizeOptions["match"]>;
  readonly maxDeletes: Limit;
  readonly maxCleared: Limit;
  readonly accepted: AcceptedRemovals;
  /** Of a plan: what counts towards `maxDeletes` is listed here, and a limit that is reached ends nothing. */
  readonly foreseen: RemovalList | undefined;
  readonly protect: SynchronizeOptions["protect"];
  readonly names: "distinct" | "any";
  readonly namesOfGone: "rename" | "refuse";
  readonly dangling: "keep" | "drop";
  readonly nested: "keep" | "flatten";
  readonly follow: boolean;
  readonly concurrency: number;
  readonly outages: {
    readonly attempts: number;
    readonly delay: number;
    readonly maxDelay: number;
  };
  readonly takeoverDelay: number;
  readonly refusals: { readonly delay: number; readonly maxDelay: number };
  /** How long nothing may be stored before the next process takes over; undefined where none waits. */
  readonly lease: number | undefined;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** Reads the options. */
export function settingsFrom(options: SynchronizeOptions): Settings {
  return {
    onDelete: options.onDelete ?? "deactivate",
    match: options.match ?? {},
    maxDeletes: limitFrom("maxDeletes", options.maxDeletes, { ...usualLimit, fraction: 0.5 }),
    maxCleared: limitFrom("maxCleared", options.maxCleared, { ...usualLimit, fraction: 0.2 }),
    accepted: new AcceptedRemovals(options.accept ?? []),
    foreseen: undefined,
    protect: options.protect,
    names: options.names ?? "distinct",
    namesOfGone: options.namesOfGone ?? "rename",
    dangling: options.dangling ?? "keep",
    nested: options.nested ?? "keep",
    follow: options.follow ?? true,
    concurrency: atLeast(1, "concurrency", options.concurrency ?? 1),
    outages: {
      attempts: atLeast(1, "outages.attempts", options.outages?.attempts ?? 10),
      delay: atLeast(0, "outages.delay", options.outages?.delay ?? 100),
      maxDelay: atLeast(0, "outages.maxDelay", options.outages?.maxDelay ?? 30_000),
    },
    takeoverDelay: atLeast(0, "takeoverDelay", options.takeoverDelay ?? 60_000),
    refusals: {
      delay: atLeast(1, "refusals.delay", options.refusals?.delay ?? 30_000),
      maxDelay: atLeast(1, "refusals.maxDelay", options.refusals?.maxDelay ?? 3_600_000),
    },
    lease: leaseFrom(options.standby),
    now: options.now ?? Date.now,
    signal: options.signal,
  };
}

const usualLimit = { count: 1_000, within: 3_600_000 };

/** Reads how long nothing may be written before the next process takes over; undefined where none waits. */
export function leaseFrom(standby: SynchronizeOptions["standby"] = false): number | undefined {
  if (standby === false) return undefined;
  const { lease = 30_000 } = standby === true ? {} : standby;
  return atLeast(1, "standby.lease", lease);
}

/** Reads a limit that is a number, or parts of one. */
export function limitFrom(
  option: "maxDeletes" | "maxCleared",
  limit: number | Partial<Limit> | undefined,
  usual: Limit,
): Limit {
  const given =
    typeof limit === "number"
      ? { count: limit, fraction: Number.POSITIVE_INFINITY }
      : (limit ?? {});
  return {
    count: atLeast(0, option, given.count ?? usual.count),
    fraction: atLeast(0, `${option}.fraction`, given.fraction ?? usual.fraction),
    within: atLeast(0, `${option}.within`, given.within ?? usual.within),
  };
}

function atLeast(least: number, path: string, value: number): number {
  if (!(value >= least))
    throw new InvalidValueError(path, `must be a number of at least ${least}.`);
  return value;
}
