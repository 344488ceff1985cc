import { caseless, InvalidValueError } from "../core/index.js";

/** A resource that may be protected. */
export interface Protectable {
  readonly type: "User" | "Group";
  /** The id of the resource in the application, once there is one. */
  readonly id?: string;
  /** The `userName` or `displayName`. */
  readonly name?: string;
}

/** How much may be taken away before a person has to look. */
export interface DeleteLimit {
  /** The most removals. Default 1000. */
  readonly count?: number;
  /** The most removals as a part of the entries that are linked, where that is less than `count` but never less than 10. Default 0.5. */
  readonly fraction?: number;
  /** How long live removals count, in milliseconds. Default 60,000. In a refresh, all of its removals count. */
  readonly within?: number;
}

/** Options of {@link synchronize}. */
export interface SynchronizeOptions {
  /**
   * What becomes of a resource whose entry is gone. A user is deactivated or deleted; a group that we created is left
   * without our members, or deleted. A resource that was adopted is never deleted, and neither is any in a store that cannot
   * delete (`Capabilities.delete`). Default `deactivate`.
   */
  readonly onDelete?: "deactivate" | "delete";
  /** Take a resource that is there already, and that no source has linked, for the entry of the same name. Default: neither. */
  readonly match?: { readonly users?: "userName"; readonly groups?: "displayName" };
  /**
   * The most that may be taken away at once: deletions, deactivations, and members leaving groups that stay. A number is a
   * count without a fraction; `Infinity` is no limit. What goes with a deleted entry is counted once.
   */
  readonly maxDeletes?: number | DeleteLimit;
  /** Resources that are never touched, by id or by name in any case, or by a rule. */
  readonly protect?: readonly string[] | ((resource: Protectable) => boolean);
  /**
   * Members of a group whose entry was renamed while the group still states the old name: kept until the group changes or
   * another entry takes the name, or dropped as the directory states it to the letter. Default `keep`.
   */
  readonly dangling?: "keep" | "drop";
  /** Groups in groups: members as they are stated, or only users, however deep. Default `keep`. */
  readonly nested?: "keep" | "flatten";
  /** Report every outcome and write nothing. The stored state is copied into memory for it. Default `false`. */
  readonly dryRun?: boolean;
  /** How many writes to the application may be under way at once, where there is no transaction. Default 1. */
  readonly concurrency?: number;
  /** How often a batch is tried while a store cannot answer, and how long to wait, in milliseconds. */
  readonly outages?: {
    /** Default 10. */
    readonly attempts?: number;
    /** The first wait; each is twice the one before it, or what the store asked for (`retryAfter`). Default 100. */
    readonly delay?: number;
    /** The longest wait. Default 30,000. */
    readonly maxDelay?: number;
  };
  /** How long to wait before a refused change is tried again, in milliseconds; each wait is twice the one before it. */
  readonly refusals?: {
    /** Default 30,000. */
    readonly delay?: number;
    /** Default 3,600,000. */
    readonly maxDelay?: number;
  };
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Ends synchronisation; it rejects with the signal's reason. What was committed stays. */
  readonly signal?: AbortSignal;
}

/** The options with their defaults. */
export interface Settings {
  readonly onDelete: "deactivate" | "delete";
  readonly match: { readonly users?: "userName"; readonly groups?: "displayName" };
  readonly maxDeletes: {
    readonly count: number;
    readonly fraction: number;
    readonly within: number;
  };
  readonly isProtected: (resource: Protectable) => boolean;
  readonly dangling: "keep" | "drop";
  readonly nested: "keep" | "flatten";
  readonly concurrency: number;
  readonly outages: {
    readonly attempts: number;
    readonly delay: number;
    readonly maxDelay: number;
  };
  readonly refusals: { readonly delay: number; readonly maxDelay: number };
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** Reads the options. */
export function settingsFrom(options: SynchronizeOptions): Settings {
  return {
    onDelete: options.onDelete ?? "deactivate",
    match: options.match ?? {},
    maxDeletes: deleteLimit(options.maxDeletes),
    isProtected: protection(options.protect),
    dangling: options.dangling ?? "keep",
    nested: options.nested ?? "keep",
    concurrency: atLeast(1, "concurrency", options.concurrency ?? 1),
    outages: {
      attempts: atLeast(1, "outages.attempts", options.outages?.attempts ?? 10),
      delay: atLeast(0, "outages.delay", options.outages?.delay ?? 100),
      maxDelay: atLeast(0, "outages.maxDelay", options.outages?.maxDelay ?? 30_000),
    },
    refusals: {
      delay: atLeast(1, "refusals.delay", options.refusals?.delay ?? 30_000),
      maxDelay: atLeast(1, "refusals.maxDelay", options.refusals?.maxDelay ?? 3_600_000),
    },
    now: options.now ?? Date.now,
    signal: options.signal,
  };
}

function deleteLimit(limit: SynchronizeOptions["maxDeletes"] = {}): Settings["maxDeletes"] {
  const given =
    typeof limit === "number" ? { count: limit, fraction: Number.POSITIVE_INFINITY } : limit;
  return {
    count: atLeast(0, "maxDeletes", given.count ?? 1000),
    fraction: atLeast(0, "maxDeletes.fraction", given.fraction ?? 0.5),
    within: atLeast(0, "maxDeletes.within", given.within ?? 60_000),
  };
}

function atLeast(least: number, path: string, value: number): number {
  if (!(value >= least))
    throw new InvalidValueError(path, `must be a number of at least ${least}.`);
  return value;
}

function protection(protect: SynchronizeOptions["protect"] = []): Settings["isProtected"] {
  if (typeof protect === "function") return protect;
  const kept = new Set(protect.map(caseless));
  if (kept.size === 0) return () => false;
  return ({ id, name }) =>
    (id !== undefined && kept.has(caseless(id))) ||
    (name !== undefined && kept.has(caseless(name)));
}
