import type { NewGroup, NewUser } from "../scim/index.js";

/**
 * How a directory can refer to an entry: by distinguished name, by `uid` (RFC 2307's `memberUid`), or by permanent id.
 */
export type NameKind = "dn" | "uid" | "id";

/**
 * A name by which other entries may refer to an entry.
 *
 * The key is normalised by the source, so that two names are equal exactly when their keys are equal strings. The
 * key of kind `id` is the `sourceId` itself.
 */
export interface Name {
  /** What the key is: a distinguished name, a `uid`, or a permanent id. */
  readonly kind: NameKind;
  /** The name itself, normalised. */
  readonly key: string;
  /**
   * Of a name of kind `uid`: it is not the one by which the source names the entry, but another value of the same
   * attribute. It means the entry only where no other entry has it for its proper name.
   */
  readonly alias?: true;
}

/** A member as the source states it: a name that may or may not belong to an entry that is known already. */
export interface MemberReference extends Name {
  /**
   * It is an account of another source, of which this one knows nothing but the key, and no entry of it ever is meant:
   * in Active Directory a foreign security principal, whose key, of kind `id`, is its security identifier.
   */
  readonly foreign?: true;
}

/** What a change says of a group's members: all of them, or only what came and went. */
export type MemberChange =
  | {
      readonly kind: "all";
      /** Every member that the group has; whoever is not listed is none. Empty: it has none. */
      readonly members: readonly MemberReference[];
    }
  | {
      readonly kind: "delta";
      /** Those that came; one that is known already changes nothing. */
      readonly add: readonly MemberReference[];
      /** Those that went; one that is not known changes nothing. */
      readonly remove: readonly MemberReference[];
    };

/** The resource types that a stream carries, by name. */
export interface ResourceTypes {
  /** What a stream says of an entry that is a user. */
  User: NewUser;
  /** What a stream says of an entry that is a group; its members are in `Upsert.members`. */
  Group: NewGroup;
}

/**
 * The attributes of a resource that a source manages. `null` is SCIM's "unassigned" (RFC 7643 §2.5): the source knows
 * the attribute and the entry has no value for it. An attribute that is not named at all is not the source's business.
 */
export type ManagedAttributes<N> = { readonly [K in keyof N]?: N[K] | null };

/**
 * An entry exists, with these attributes.
 *
 * There is one kind for created and modified entries, since real directories report a modified entry as added after a
 * resume (RFC 4533 §3.3.1).
 */
export type Upsert<R = ResourceTypes> = {
  [K in keyof R & string]: {
    readonly kind: "upsert";
    /** What the entry is: a key of {@link ResourceTypes}, unless the stream has types of its own. */
    readonly type: K;
    /** The directory's permanent id of the entry; it survives renames and moves. */
    readonly sourceId: string;
    /** Every name by which references may mean this entry. */
    readonly names: readonly Name[];
    /**
     * The version of the entry. Stamps of one source compare as strings, as far as the clocks of its servers go
     * forward. For OpenLDAP the `entryCSN`; see `originOf` for what several servers are.
     */
    readonly stamp?: string;
    /**
     * Where the source does not say which of several values is the `userName` or `displayName`: all of them, in a fixed
     * order, of which `resource` has the first. An account that has one of them already keeps it.
     */
    readonly nameCandidates?: readonly string[];
    /** The attributes; a group's `members` are not among them. Never a password. */
    readonly resource: ManagedAttributes<R[K]>;
    /** Whether `resource` and `names` hold everything that the source manages, or only what changed. */
    readonly complete: boolean;
    /** A group's members, when they were read. */
    readonly members?: MemberChange;
  };
}[keyof R & string];

/** An entry is no longer in the content: deleted, or no longer matched by the filter. */
export interface Delete {
  readonly kind: "delete";
  /** The permanent id of the entry that is gone. */
  readonly sourceId: string;
  /** No version of the entry later than this one is meant. */
  readonly stamp?: string;
}

/** These entries are as they were at the checkpoint that was resumed from (RFC 4533 §3.3.2, the present phase). */
export interface Present {
  readonly kind: "present";
  /** The entries; in any number of such changes of one refresh. */
  readonly entries: readonly {
    /** The permanent id of the entry. */
    readonly sourceId: string;
    /**
     * The names that the entry has now, where they were read: a renamed parent changes its children's without an event.
     */
    readonly names?: readonly Name[];
    /** The version that the entry has now, where it was read. */
    readonly stamp?: string;
  }[];
}

/** An entry exists and could not be read: what is known of it stays. */
export interface Unreadable {
  readonly kind: "unreadable";
  /** The permanent id of the entry. */
  readonly sourceId: string;
  /** Why, as a stable value to switch on. `too_large`: it is longer than the reader takes. */
  readonly code: string;
  /** Why, in words, with what names the entry in the source. */
  readonly message: string;
}

/** The refresh has mentioned all that there is: whatever it did not mention is gone. */
export interface Sweep {
  readonly kind: "sweep";
  /**
   * Up to which stamp the source was known, so that whatever is gone went no later. A source that lags behind may list
   * such entries still; it is believed only once it holds the change with this stamp.
   */
  readonly stamp?: string;
}

/** One change. Plain JSON, so that it can be recorded, replayed, or carried by a broker. */
export type Change<R = ResourceTypes> = Upsert<R> | Delete | Present | Unreadable | Sweep;

/**
 * Changes that belong together.
 *
 * `snapshot` batches bring the content up to date at the start or after a reconnect, `live` ones follow changes as they
 * happen, and `reconcile` ones check, while live changes go on, that nothing was missed.
 */
export interface ChangeBatch<R = ResourceTypes> {
  /** What the changes are for: bringing up to date, following, or checking. */
  readonly phase: "snapshot" | "live" | "reconcile";
  /**
   * Where in a refresh this batch stands; absent in `live`. A refresh always has one batch that begins it and a later
   * one that ends it. One that begins anew without having ended was interrupted, and what it mentioned counts for
   * nothing.
   */
  readonly refresh?: "begins" | "continues" | "ends";
  /**
   * In a batch that begins a refresh: up to which stamps the source itself held everything when it began, one for each
   * server that makes changes (see `isCovered`). An entry that is stated with an earlier stamp than it was known with
   * went back in time if that one is covered, and is of a source that lags behind if not. Absent where the source does
   * not say.
   */
  readonly state?: readonly string[];
  /**
   * Of a `live` batch: changes of one entry come in the order in which they happened, and after everything that was
   * sent before. What comes later is then later, whatever its stamp: the clock of a server can be set back. Where this
   * is absent, stamps decide.
   */
  readonly ordered?: true;
  /** The changes, in the order in which they are to be applied. May be empty, as where only the checkpoint is new. */
  readonly changes: readonly Change<R>[];
  /** Where to resume once these changes, and all before them, are applied. Opaque. */
  readonly checkpoint?: string;
}

/** How far a source has gone on since a checkpoint, as far as it can say. */
export type SourceLag =
  | {
      readonly known: true;
      /** Whether there are later changes. They need not be of entries that the stream is about. */
      readonly isAhead: boolean;
      /** How many, where the source counts them. */
      readonly changes?: number;
      /** Up to when the checkpoint covers the changes, by the clock of the source, in milliseconds since the epoch. */
      readonly readUntil?: number;
      /** When the last change was made, by the same clock. */
      readonly changedAt?: number;
    }
  | {
      readonly known: false;
      /** Why the source cannot say it. */
      readonly reason: string;
    };

/** A source of changes. */
export interface ChangeStream<R = ResourceTypes> {
  /**
   * Names the source; it keys everything that is stored about it and must not change while the stored state is kept.
   */
  readonly source: string;
  /**
   * Says how entries become resources, in short. Where it is another one than before, values may be gone because of
   * that, and the source is not asked about it.
   */
  readonly mapping?: string;
  /**
   * Follows the source from a checkpoint, or from nothing.
   *
   * Asking for the next batch acknowledges the one before it, so batches are applied at least once. A source whose
   * content can be followed yields for as long as it is asked; one that only refreshes ends after the refresh.
   *
   * A read that waits for a change is ended by aborting the signal. The streams of this package then end without an
   * error, as after a `break`; one that fails with the signal's reason is treated the same. A stream must heed the
   * signal, since nothing else can end the wait of an async generator: its `return` is queued behind the `next` that
   * waits. So the end of a loop does not say that everything was read where the caller has aborted its signal.
   *
   * With `follow: false` it ends once everything is read that the source had when reading began. A stream that cannot
   * tell when that is goes on as ever.
   *
   * @throws {ConcordatError} what cannot be mended by trying again, such as refused credentials.
   */
  read(options?: {
    after?: string | undefined;
    follow?: boolean | undefined;
    signal?: AbortSignal | undefined;
  }): AsyncIterable<ChangeBatch<R>>;
  /**
   * Reads entries as they are now, beside the stream. Those that are not in the content are left out.
   *
   * It is for what a source changes without telling: OpenLDAP's refint overlay, for one, rewrites the members of groups
   * when a member is renamed or deleted, and no consumer hears of it.
   *
   * What wraps a stream must pass this on: the consumer takes a stream without it for one whose source
   * changes nothing in silence, and a membership may then go to the next entry that gets the name of its member.
   *
   * @throws {ConcordatError} the source cannot be read now.
   */
  reread?(
    sourceIds: readonly string[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<readonly Upsert<R>[]>;
  /**
   * Asks the source how far it has gone on since a checkpoint, beside the stream. A stream without it cannot say.
   *
   * @throws {ConcordatError} the source cannot be asked now.
   */
  lagBehind?(
    checkpoint: string,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<SourceLag>;
}
