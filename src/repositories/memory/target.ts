import type { SyncTarget } from "../sync-target.js";
import { InMemoryCheckpointRepository } from "./checkpoint-repository.js";
import { type InMemoryGroupOptions, InMemoryGroupRepository } from "./group-repository.js";
import { InMemoryLinkRepository } from "./link-repository.js";
import { InMemoryMembershipRepository } from "./membership-repository.js";
import { Session } from "./session.js";
import { type InMemoryUserOptions, InMemoryUserRepository } from "./user-repository.js";

/** Options of {@link inMemoryTarget}. */
export interface InMemoryTargetOptions {
  /** Whether the stores share transactions. Default `true`. */
  readonly transactions?: boolean;
  readonly users?: InMemoryUserOptions;
  readonly groups?: Omit<InMemoryGroupOptions, "users">;
}

/** A {@link SyncTarget} of which every store is in memory. */
export interface InMemoryTarget extends SyncTarget {
  readonly users: InMemoryUserRepository;
  readonly groups: InMemoryGroupRepository;
  readonly links: InMemoryLinkRepository;
  readonly memberships: InMemoryMembershipRepository;
  readonly checkpoints: InMemoryCheckpointRepository;
  /**
   * Transactions run one after the other, and what is asked of the target itself meanwhile waits for their end. `work`
   * must therefore use the target that it was given: waiting for the outer one, it would wait for itself.
   */
  transaction?<R>(work: (target: InMemoryTarget) => Promise<R>): Promise<R>;
}

/** Empty stores in memory for `synchronize` to fill: for tests, and for trying things out. */
export function inMemoryTarget(options: InMemoryTargetOptions = {}): InMemoryTarget {
  const session = new Session();
  const users = new InMemoryUserRepository(options.users ?? {}, session);
  const stores: InMemoryTarget = {
    users,
    groups: new InMemoryGroupRepository({ ...options.groups, users }, session),
    links: new InMemoryLinkRepository(session),
    memberships: new InMemoryMembershipRepository(session),
    checkpoints: new InMemoryCheckpointRepository(session),
  };
  return options.transactions === false
    ? withoutTransactions(stores, session)
    : withTransactions(stores, session);
}

function withoutTransactions(stores: InMemoryTarget, session: Session): InMemoryTarget {
  return {
    ...stores,
    fence(stream, epoch) {
      const guarded = session.guardedBy(() => stores.checkpoints.checkEpoch(stream, epoch));
      return {
        links: stores.links.in(guarded),
        memberships: stores.memberships.in(guarded),
        checkpoints: stores.checkpoints.in(guarded),
      };
    },
  };
}

function withTransactions(stores: InMemoryTarget, session: Session): InMemoryTarget {
  return {
    ...stores,
    transaction: (work) =>
      session.transaction((inside) =>
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
