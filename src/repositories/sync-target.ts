import type { CheckpointRepository } from "./checkpoint-repository.js";
import type { GroupRepository } from "./group-repository.js";
import type { LinkRepository } from "./link-repository.js";
import type { MembershipRepository } from "./membership-repository.js";
import type { UserRepository } from "./user-repository.js";

/** The stores that a change stream is applied to: the application's own, and those of what is known about the source. */
export interface SyncTarget {
  readonly users: UserRepository;
  /** Without it, groups are passed over. */
  readonly groups?: GroupRepository;
  readonly links: LinkRepository;
  readonly memberships: MembershipRepository;
  readonly checkpoints: CheckpointRepository;
  /**
   * Runs `work` with repositories that are bound to one transaction, which is committed when `work` resolves and rolled
   * back when it rejects. Called on the target that `work` was given, it makes a savepoint.
   *
   * Leave it out where the stores cannot share a transaction: the order of writes then keeps what is stored safe.
   */
  transaction?<R>(work: (target: SyncTarget) => Promise<R>): Promise<R>;
}
