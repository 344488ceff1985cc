import type { SyncTarget } from "../sync-target.js";
import { InMemoryCheckpointRepository } from "./checkpoint-repository.js";
import { type InMemoryGroupOptions, InMemoryGroupRepository } from "./group-repository.js";
import { InMemoryLinkRepository } from "./link-repository.js";
import { InMemoryMembershipRepository } from "./membership-repository.js";
import { TransactionScope } from "./transaction-scope.js";
import { type InMemoryUserOptions, InMemoryUserRepository } from "./user-repository.js";

/** Options of {@link inMemoryTarget}. */
export interface InMemoryTargetOptions {
  /** Whether the stores share transactions. Default `true`. */
  readonly transactions?: boolean | undefined;
  /** Options of the users. Default: those of {@link InMemoryUserRepository}. */
  readonly users?: InMemoryUserOptions | undefined;
  /** Options of the groups. Default: those of {@link InMemoryGroupRepository}. */
  readonly groups?: Omit<InMemoryGroupOptions, "users"> | undefined;
}

/** A {@link SyncTarget} of which every store is in memory. */
export interface InMemoryTarget extends SyncTarget {
  /** The users, who are also those that can be members of groups. */
  readonly users: InMemoryUserRepository;
  /** The groups; always there. */
  readonly groups: InMemoryGroupRepository;
  /** The links. */
  readonly links: InMemoryLinkRepository;
  /** The references and grants. */
  readonly memberships: InMemoryMembershipRepository;
  /** The positions of streams. */
  readonly checkpoints: InMemoryCheckpointRepository;
  /**
   * Transactions run one after the other, and what is asked of the target itself meanwhile waits for their end. `work`
   * must therefore use the target that it was given: waiting for the outer one, it would wait for itself.
   */
  transaction?<R>(work: (target: InMemoryTarget) => Promise<R>): Promise<R>;
}

/** Empty stores in memory for `synchronize` to fill: for tests, and for trying things out. */
export function inMemoryTarget(options: InMemoryTargetOptions = {}): InMemoryTarget {
  const scope = new TransactionScope();
  const users = new InMemoryUserRepository(options.users ?? {}, scope);
  const stores: InMemoryTarget = {
    users,
    groups: new InMemoryGroupRepository({ ...options.groups, users }, scope),
    links: new InMemoryLinkRepository(scope),
    memberships: new InMemoryMembershipRepository(scope),
    checkpoints: new InMemoryCheckpointRepository(scope),
  };
  return options.transactions === false
    ? withoutTransactions(stores, scope)
    : withTransactions(stores, scope);
}

function withoutTransactions(stores: InMemoryTarget, scope: TransactionScope): InMemoryTarget {
  return {
    ...stores,
    fence(stream, epoch) {
      const guarded = scope.guardedBy(() => stores.checkpoints.checkEpoch(stream, epoch));
      return {
        links: stores.links.in(guarded),
        memberships: stores.memberships.in(guarded),
        checkpoints: stores.checkpoints.in(guarded),
      };
    },
  };
}

function withTransactions(stores: InMemoryTarget, scope: TransactionScope): InMemoryTarget {
  return {
    ...stores,
    transaction: (work) =>
      scope.transaction((inside) =>
        work(
          withTransactions(
            {
              users: stores.users.in(inside),
              groups: stores.groups.in(inside),
              links: stores.links.in(inside),
              memberships: stores.memberships.in(inside),
              checkpoints: stores.checkpoints.in(inside),
            },
            inside,
          ),
        ),
      ),
  };
}
