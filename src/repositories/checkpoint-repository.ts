/** How far a stream was followed. */
export interface StreamPosition {
  /** Where to resume; absent before the first refresh has ended, and after a reset. */
  readonly checkpoint?: string;
  /** Counts the refreshes that were begun. */
  readonly generation: number;
  /** Counts the saves. */
  readonly revision: number;
}

/** A store of the positions of streams. */
export abstract class CheckpointRepository {
  /** The position of a stream; `undefined` when nothing was saved. */
  abstract load(stream: string): Promise<StreamPosition | undefined>;

  /**
   * Stores a position with the next revision, as one step, if the stored one still has the revision that `position` has (0:
   * nothing is stored).
   *
   * @returns the position as it is stored now.
   * @throws {VersionConflictError} another runner follows the same stream.
   */
  abstract save(stream: string, position: StreamPosition): Promise<StreamPosition>;
}
