import type { Name } from "../changes/index.js";
import type { SessionsEnded } from "../repositories/index.js";

/** An entry of the source and the resource that stands for it. */
export interface Subject {
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
  readonly kind: "deactivated" | "deleted";
  /** What became of a user's sessions, which is tried after the change is committed. Absent for groups. */
  readonly sessions?: SessionsEnded;
}

/** A member came into a group or left it. */
export interface MembershipOutcome {
  readonly kind: "memberAdded" | "memberRemoved";
  readonly group: Subject;
  readonly member: Subject;
}

/**
 * A membership cannot be made or ended for now. It is tried again; since it follows from references, no list keeps it.
 */
export interface MembershipDeferredOutcome {
  readonly kind: "memberDeferred";
  readonly group: Subject;
  readonly member: Subject;
  /** The code of the error. */
  readonly code: string;
  readonly message: string;
}

/**
 * A group states a member that is an account of another source (`MemberReference.foreign`): no account can be made a
 * member for it. It is said when the group comes to state it; `streamState` lists it for as long as it does.
 */
export interface MembershipIgnoredOutcome {
  readonly kind: "memberIgnored";
  readonly group: Subject;
  /** How the source names the member: a foreign security principal by its security identifier. */
  readonly reference: Name;
  readonly code: "foreign";
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
  readonly message: string;
  readonly attempts: number;
  /** When it is tried next, in milliseconds since the epoch. */
  readonly nextAttempt: number;
}

/** What a batch would have taken away, had it not been for the limit. */
export interface Removals {
  /** At most 1,000 of them. */
  readonly deletions: readonly Subject[];
  readonly deactivations: readonly Subject[];
  /** Members that would have left, group by group. */
  readonly memberships: readonly { readonly group: Subject; readonly members: number }[];
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
  | { readonly kind: "refreshed"; readonly phase: "snapshot" | "reconcile" | "live" }
  /** Everything up to here is applied; this is where a later run resumes. */
  | { readonly kind: "checkpoint"; readonly checkpoint: string }
  /** The stored state does not fit the stream: everything is read anew. */
  | { readonly kind: "restarted"; readonly reason: string }
  /** A store is unavailable; the batch is tried again after `delay` milliseconds. */
  | {
      readonly kind: "waiting";
      readonly error: unknown;
      readonly attempt: number;
      readonly delay: number;
    }
  /** An entry exists and could not be read; what is known of it stays. */
  | {
      readonly kind: "unreadable";
      readonly sourceId: string;
      /** Why, to switch on: `too_large`. */
      readonly code: string;
      readonly message: string;
    }
  /** A limit was hit. Nothing of the step was changed, and synchronisation ends with `TooManyError`. */
  | {
      readonly kind: "limited";
      /** Which one. */
      readonly option: "maxDeletes" | "maxCleared";
      readonly limit: number;
      /** How many removals, or cleared entries, the step would bring. */
      readonly count: number;
      /** Those that counted before this step, within the window of time or in the refresh under way. */
      readonly before: number;
      readonly removals: Removals;
      /** Entries that would have lost the value of an attribute; at most 1,000 of them. */
      readonly cleared: readonly Cleared[];
    };

/** The report of a run, as it goes on. */
export type Outcomes = AsyncGenerator<Outcome, void, undefined>;
