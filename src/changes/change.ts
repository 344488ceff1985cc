import type { NewGroup, NewUser } from "../scim/index.js";

/** How a directory can refer to an entry: by distinguished name, by `uid` (RFC 2307's `memberUid`), or by permanent id. */
export type NameKind = "dn" | "uid" | "id";

/**
 * A name by which other entries may refer to an entry.
 *
 * The key is normalised by the source, so that two names are equal exactly when their keys are equal strings. The
 * key of kind `id` is the `sourceId` itself.
 */
export interface Name {
  readonly kind: NameKind;
  readonly key: string;
}

/** A member as the source states it: a name that may or may not belong to an entry that is known already. */
export type MemberReference = Name;

/** What a change says of a group's members: all of them, or only what came and went. */
export type MemberChange =
  | { readonly kind: "all"; readonly members: readonly MemberReference[] }
  | {
      readonly kind: "delta";
      readonly add: readonly MemberReference[];
      readonly remove: readonly MemberReference[];
    };

/** The resource types that a stream carries, by name. */
export interface ResourceTypes {
  User: NewUser;
  Group: NewGroup;
}

/**
 * The attributes of a resource that a source manages. `null` is SCIM's "unassigned" (RFC 7643 §2.5): the source knows the
 * attribute and the entry has no value for it. An attribute that is not named at all is not the source's business.
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
    readonly type: K;
    /** The directory's permanent id of the entry; it survives renames and moves. */
    readonly sourceId: string;
    /** Every name by which references may mean this entry. */
    readonly names: readonly Name[];
    /** The version of the entry. Stamps of one source compare as strings. For OpenLDAP the `entryCSN`. */
    readonly stamp?: string;
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
  readonly sourceId: string;
  /** No version of the entry later than this one is meant. */
  readonly stamp?: string;
}

/** These entries are as they were at the checkpoint that was resumed from (RFC 4533 §3.3.2, the present phase). */
export interface Present {
  readonly kind: "present";
  readonly entries: readonly {
    readonly sourceId: string;
    /** The names that the entry has now, where they were read: a renamed parent changes its children's without an event. */
    readonly names?: readonly Name[];
    readonly stamp?: string;
  }[];
}

/** The refresh has mentioned all that there is: whatever it did not mention is gone. */
export interface Sweep {
  readonly kind: "sweep";
}

/** One change. Plain JSON, so that it can be recorded, replayed, or carried by a broker. */
export type Change<R = ResourceTypes> = Upsert<R> | Delete | Present | Sweep;

/**
 * Changes that belong together.
 *
 * `snapshot` batches bring the content up to date at the start or after a reconnect, `live` ones follow changes as they
 * happen, and `reconcile` ones check, while live changes go on, that nothing was missed.
 */
export interface ChangeBatch<R = ResourceTypes> {
  readonly phase: "snapshot" | "live" | "reconcile";
  /**
   * Where in a refresh this batch stands; absent in `live`. A refresh always has one batch that begins it and a later one
   * that ends it. One that begins anew without having ended was interrupted, and what it mentioned counts for nothing.
   */
  readonly refresh?: "begins" | "continues" | "ends";
  readonly changes: readonly Change<R>[];
  /** Where to resume once these changes, and all before them, are applied. Opaque. */
  readonly checkpoint?: string;
}

/** A source of changes. */
export interface ChangeStream<R = ResourceTypes> {
  /** Names the source; it keys everything that is stored about it and must not change while the stored state is kept. */
  readonly source: string;
  /**
   * Follows the source from a checkpoint, or from nothing.
   *
   * Asking for the next batch acknowledges the one before it, so batches are applied at least once. A source whose
   * content can be followed yields for as long as it is asked; one that only refreshes ends after the refresh.
   *
   * A read that waits for a change is ended by aborting the signal, with whose reason it then fails. A stream must heed it,
   * since nothing else can end the wait of an async generator: its `return` is queued behind the `next` that waits.
   *
   * @throws {ConcordatError} what cannot be mended by trying again, such as refused credentials.
   */
  read(options?: { after?: string; signal?: AbortSignal }): AsyncIterable<ChangeBatch<R>>;
  /**
   * Reads entries as they are now, beside the stream. Those that are not in the content are left out.
   *
   * It is for what a source changes without telling: OpenLDAP's refint overlay, for one, rewrites the members of groups when
   * a member is renamed or deleted, and no consumer hears of it.
   *
   * What wraps a stream must pass this on: whoever applies the changes takes a stream without it for one whose source
   * changes nothing in silence, and a membership may then go to whoever is given the name of its member next.
   *
   * @throws {ConcordatError} the source cannot be read now.
   */
  reread?(
    sourceIds: readonly string[],
    options?: { signal?: AbortSignal },
  ): Promise<readonly Upsert<R>[]>;
}
