import type { CheckpointRepository } from "./checkpoint-repository.js";
import type { GroupRepository } from "./group-repository.js";
import type { LinkRepository } from "./link-repository.js";
import type { MembershipRepository } from "./membership-repository.js";
import type { SettlementStore } from "./settlement-store.js";
import type { UserRepository } from "./user-repository.js";

/**
 * The stores that a change stream is applied to: the application's own, and those of what is known about the source.
 */
export interface SyncTarget {
  /** The users of the application. */
  readonly users: UserRepository;
  /** Without it, groups are ignored. */
  readonly groups?: GroupRepository;
  /** Which entry stands for which resource, and what is unfinished. */
  readonly links: LinkRepository;
  /** Which members groups state, and which memberships were made for it. */
  readonly memberships: MembershipRepository;
  /** How far each stream was followed, and by whom. */
  readonly checkpoints: CheckpointRepository;
  /**
   * Compares references with grants where they are stored. Leave it out where that cannot be done: `links` and
   * `memberships` are read then, and compared. It is used in transactions only, and not with nested groups that are
   * flattened.
   */
  readonly settlement?: SettlementStore;
  /**
   * Runs `work` with repositories that are bound to one transaction, which is committed when `work` resolves and rolled
   * back when it rejects. Called on the target that `work` was given, it makes a savepoint.
   *
   * Leave it out where the stores cannot share a transaction: the order of writes then keeps what is stored safe.
   */
  transaction?<R>(work: (target: SyncTarget) => Promise<R>): Promise<R>;
  /**
   * The stores of what is known about the source for one runner of a stream, where there is no transaction: every write
   * is made only while this epoch is the stream's, as one step with the look at it, and else throws `StreamTakenError`.
   *
   * Leave it out where the stores cannot do that: two runners at one time may then leave accounts behind that no link
   * knows. With `transaction` it is not needed, since each transaction begins with `checkpoints.hold`.
   */
  fence?(stream: string, epoch: number): Pick<SyncTarget, "links" | "memberships" | "checkpoints">;
}
