import type { Name } from "../changes/index.js";
import type { SessionsEnded } from "../repositories/index.js";

/** An entry of the source and the resource that stands for it. */
export interface Subject {
  /** What the entry is. */
  readonly type: "User" | "Group";
  /** The id of the entry in the source. */
  readonly sourceId: string;
  /** The id of the resource in the application; absent before it has one. */
  readonly resourceId?: string;
  /** The `userName` or `displayName`, where it is known. */
  readonly name?: string;
}

/** Something that was done to a resource. */
export interface ResourceOutcome extends Subject {
  /**
   * `created`; `adopted`: a resource that was there already is linked from now on; `updated`; `reactivated`: one that
   * we had disabled; `released`: the entry is gone and the resource stays as it is, because it is a group that is not
   * to be deleted, or protected.
   */
  readonly kind: "created" | "adopted" | "updated" | "reactivated" | "released";
}

/** A resource was given another name. */
export interface RenamedOutcome extends Subject {
  readonly kind: "renamed";
  /** The name that it had. */
  readonly from: string;
}

/**
 * A store was given attributes of a resource, and neither kept nor refused them. What else there was is said by another
 * outcome.
 */
export interface IgnoredOutcome extends Subject {
  readonly kind: "ignored";
  /** The paths of the attributes. */
  readonly attributes: readonly string[];
}

/** A resource was disabled or deleted. */
export interface RemovedOutcome extends Subject {
  /** `deactivated`: the resource stays, disabled. `deleted`: it is gone for good. */
  readonly kind: "deactivated" | "deleted";
  /** What became of a user's sessions, which is tried after the change is committed. Absent for groups. */
  readonly sessions?: SessionsEnded;
}

/** A member came into a group or left it. */
export interface MembershipOutcome {
  /** Whether the member came or left. */
  readonly kind: "memberAdded" | "memberRemoved";
  /** The group. */
  readonly group: Subject;
  /** Who came or left: a user, or a group within the group. */
  readonly member: Subject;
}

/**
 * A membership cannot be made or ended for now. It is tried again; since it follows from references, no list keeps it.
 */
export interface MembershipDeferredOutcome {
  readonly kind: "memberDeferred";
  /** The group. */
  readonly group: Subject;
  /** Who is to come or to leave. */
  readonly member: Subject;
  /** The code of the error. */
  readonly code: string;
  /** The message of the error, for people. */
  readonly message: string;
}

/**
 * A group states a member that is an account of another source (`MemberReference.foreign`): no account can be made a
 * member for it. It is said when the group comes to state it; `streamState` lists it for as long as it does.
 */
export interface MembershipIgnoredOutcome {
  readonly kind: "memberIgnored";
  /** The group that states the member. */
  readonly group: Subject;
  /** How the source names the member: a foreign security principal by its security identifier. */
  readonly reference: Name;
  /** Why, to switch on. */
  readonly code: "foreign";
  /** Why, for people. */
  readonly message: string;
}

/** A change cannot be applied for now. It is kept, tried again, and listed by `refusedChanges`. */
export interface DeferredOutcome extends Subject {
  readonly kind: "deferred";
  /**
   * The code of the error, or `unlinked`: a resource that no source is linked to has the name; `conflict`: a user has
   * turned into a group, or the other way round; `protected`: the resource may not be touched; `adopted`: an account
   * that was there before is disabled in a step of its own.
   */
  readonly code: string;
  /** The message of the error, for people. */
  readonly message: string;
  /** How often it was tried, this time included; 0 with the code `adopted`, which is put off and not tried. */
  readonly attempts: number;
  /** When it is tried next, in milliseconds since the epoch. */
  readonly nextAttempt: number;
}

/** What a batch would have taken away, had it not been for the limit. */
export interface Removals {
  /** At most 1,000 of them. */
  readonly deletions: readonly Subject[];
  /** Users who would have been disabled, their entries still there. */
  readonly deactivations: readonly Subject[];
  /** Members that would have left, group by group. */
  readonly memberships: readonly {
    /** The group, which stays. */
    readonly group: Subject;
    /** How many members would have left it; at least 1. */
    readonly members: number;
  }[];
}

/** An entry that would have lost values. */
export interface Cleared extends Subject {
  /** The paths of the attributes without a value now, such as `name.familyName`, `phoneNumbers.mobile` or `members`. */
  readonly attributes: readonly string[];
}

/** One thing that synchronisation did, or could not do. */
export type Outcome =
  | ResourceOutcome
  | RenamedOutcome
  | IgnoredOutcome
  | RemovedOutcome
  | MembershipOutcome
  | MembershipDeferredOutcome
  | MembershipIgnoredOutcome
  | DeferredOutcome
  /** With `standby`: another process may be applying the stream, and this one waits for its turn. */
  | { readonly kind: "standby" }
  /** With `standby`: this process applies the stream from now on. */
  | { readonly kind: "began" }
  /** A refresh has ended, sweep and memberships included. */
  | {
      readonly kind: "refreshed";
      /** `snapshot`: at the start or after a reconnect; `reconcile`: a check beside the live changes. */
      readonly phase: "snapshot" | "reconcile" | "live";
    }
  /** Everything up to here is applied; this is where a later run resumes. */
  | {
      readonly kind: "checkpoint";
      /** The checkpoint that is stored now, as `ChangeBatch.checkpoint` had it; opaque. */
      readonly checkpoint: string;
    }
  /** The stored state does not fit the stream: everything is read anew. */
  | {
      readonly kind: "restarted";
      /** Why, for people; not a value to switch on. */
      readonly reason: string;
    }
  /** A store is unavailable; the batch is tried again after `delay` milliseconds. */
  | {
      readonly kind: "waiting";
      /** What the store failed with. */
      readonly error: unknown;
      /** How many attempts have failed, counted from 1. At `outages.attempts` the error is thrown instead. */
      readonly attempt: number;
      /** How long it is until the next attempt, in milliseconds; no less than the store asked for (`retryAfter`). */
      readonly delay: number;
    }
  /** An entry exists and could not be read; what is known of it stays. */
  | {
      readonly kind: "unreadable";
      /** The id of the entry in the source. */
      readonly sourceId: string;
      /** Why, to switch on: `too_large`. */
      readonly code: string;
      /** Why, in words, with what names the entry in the source. */
      readonly message: string;
    }
  /** A limit was hit. Nothing of the step was changed, and synchronisation ends with `TooManyError`. */
  | {
      readonly kind: "limited";
      /** Which one. */
      readonly option: "maxDeletes" | "maxCleared";
      /**
       * What the option allows, in removals or in entries: its `count`, or less by its `fraction` of what is linked,
       * but then never less than 10.
       */
      readonly limit: number;
      /** How many removals, or cleared entries, the step would bring. */
      readonly count: number;
      /** Those that counted before this step, within the window of time or in the refresh under way. */
      readonly before: number;
      /** What would have been taken away, as far as it was found ahead; all lists are empty where it was not. */
      readonly removals: Removals;
      /** Entries that would have lost the value of an attribute; at most 1,000 of them. */
      readonly cleared: readonly Cleared[];
    };

/** The report of a run, as it goes on. */
export type Outcomes = AsyncGenerator<Outcome, void, undefined>;
