import { StreamTakenError, VersionConflictError } from "../core/index.js";

/** What a source took away at some time, which counts towards the limits for as long as they look back. */
export interface TakenAway {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** Accounts that were disabled or deleted, and members who left groups. */
  readonly removals: number;
  /** Entries that lost the value of an attribute. */
  readonly cleared: number;
  /** How many entries were linked when the first of what counts together was taken. */
  readonly linked: number;
}

/**
 * What a runner had begun when it was superseded, where there is no transaction. A write to the application that was
 * under way then may be done after those of its successor, who looks at these again when that can be no more.
 */
export interface Unconfirmed {
  /** When it was superseded, in milliseconds since the epoch. */
  readonly since: number;
  /** Entries whose accounts were being written; with the name, where the account was being created. */
  readonly accounts: readonly {
    /** The id of the entry in the source. */
    readonly sourceId: string;
    /** What the entry is. */
    readonly type: "User" | "Group";
    /** The `userName` or `displayName` of the account that was being created; absent where it was there already. */
    readonly name?: string;
  }[];
  /** Memberships that were being made or ended, as grants name them. */
  readonly memberships: readonly {
    /** The id of the group in the application. */
    readonly group: string;
    /** The member by its relative URI, `Users/<id>` or `Groups/<id>`. */
    readonly member: string;
    /** Whether it is this source's to take away, as `Grant.ours` says. */
    readonly ours: boolean;
  }[];
  /**
   * What was being written when yet other runners were superseded, since then. It is looked at when that is long ago,
   * too.
   */
  readonly later?: Omit<Unconfirmed, "later">;
}

/** How far a stream was followed, and by which runner. */
export interface StreamPosition {
  /** Where to resume; absent before the first refresh has ended, and after a reset. */
  readonly checkpoint?: string;
  /** Counts the refreshes that were begun. */
  readonly generation: number;
  /** Counts the runners that have followed the stream. Only the last of them may write. */
  readonly epoch: number;
  /** Counts the saves. */
  readonly revision: number;
  /** How the source made resources of its entries when everything was last read (`ChangeStream.mapping`). */
  readonly mapping?: string;
  /** What was taken away lately. */
  readonly taken?: readonly TakenAway[];
  /** What is to be looked at again since a runner was superseded. */
  readonly unconfirmed?: Unconfirmed;
}

/** From how many numbers the first epoch of a stream is chosen: as many again are left in an integer of 32 bits. */
const firstEpochs = 2 ** 30;

/** How often a runner tries to become the one that follows a stream, where others try at the same time. */
const attempts = 100;

/** A store of the positions of streams. */
export abstract class CheckpointRepository {
  /** The position of a stream; `undefined` when nothing was saved. */
  abstract load(stream: string): Promise<StreamPosition | undefined>;

  /**
   * Stores a position with the next revision, as one step, if the stored one still has the revision that `position` has
   * (0: nothing is stored).
   *
   * @returns the position as it is stored now.
   * @throws {VersionConflictError} another runner follows the same stream.
   */
  abstract save(stream: string, position: StreamPosition): Promise<StreamPosition>;

  /**
   * Makes sure that the runner of this epoch is still the one that follows the stream, and stays so until the
   * transaction that this repository is bound to has ended: no `save` of another epoch is committed in between. It is
   * the first statement of each transaction of a runner. A store that can lock a row locks the one with the position.
   *
   * @throws {StreamTakenError} another runner has claimed the stream.
   */
  abstract hold(stream: string, epoch: number): Promise<void>;

  /**
   * Makes the caller the one runner of a stream: the position gets the next epoch, so that a runner that has followed
   * the stream until now can write nothing more. Where nothing is stored the epochs begin at a number that is chosen at
   * random: the position may have been lost, and the former runner has another one.
   *
   * @param options `expected` is the position that the caller has seen, `null` for none: only that is taken over.
   * @returns the position as it is stored now.
   * @throws {StreamTakenError} what is stored is not what was expected: another runner has been at work since.
   */
  async claim(
    stream: string,
    { expected }: { readonly expected?: Pick<StreamPosition, "epoch" | "revision"> | null } = {},
  ): Promise<StreamPosition> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.load(stream);
      const isExpected =
        expected === undefined ||
        (found?.epoch === expected?.epoch && found?.revision === expected?.revision);
      if (!isExpected) throw new StreamTakenError(stream);
      const stored = found ?? {
        generation: 0,
        epoch: Math.floor(Math.random() * firstEpochs),
        revision: 0,
      };
      try {
        return await this.save(stream, { ...stored, epoch: stored.epoch + 1 });
      } catch (error) {
        // The runner of the stream may have saved meanwhile.
        if (!(error instanceof VersionConflictError) || attempt === attempts) throw error;
      }
    }
  }
}
