import type { Kysely, Transaction } from "kysely";
import type { GroupRepository, SyncTarget, UserRepository } from "../repositories/index.js";
import { KyselyCheckpointRepository } from "./checkpoint-repository.js";
import { dialectOf } from "./dialect.js";
import { KyselyGroupRepository } from "./group-repository.js";
import { KyselyLinkRepository } from "./link-repository.js";
import { KyselyMembershipRepository } from "./membership-repository.js";
import { Session } from "./session.js";
import { KyselySettlement } from "./settlement.js";
import type { TableOptions } from "./table-names.js";
import { runTransaction } from "./transaction.js";
import { KyselyUserRepository } from "./user-repository.js";

/** Options of {@link kyselyTarget}. */
export interface KyselyTargetOptions<DB> {
  /** The database of the application, or a transaction of it. */
  readonly db: Kysely<DB> | Transaction<DB>;
  /**
   * Makes the repository of users on the database, or on a transaction of it. What it writes beside, on what it was given,
   * is part of the transaction. Default: the users of the tables that `createTables` makes.
   */
  readonly users?: (db: Kysely<DB>) => UserRepository;
  /** Makes the repository of groups in the same way; `false` passes groups over. */
  readonly groups?: ((db: Kysely<DB>) => GroupRepository) | false;
  /** The package's own tables. */
  readonly tables?: TableOptions;
  /** Whether the repositories share transactions; not, where users or groups are elsewhere. Default: true. */
  readonly transactions?: boolean;
}

/**
 * A {@link SyncTarget} in a database: the application's users and groups, and what synchronisation keeps beside them.
 *
 * The database is SQLite, PostgreSQL or MariaDB; MySQL is not supported, and `createTables` refuses it.
 *
 * The work of a transaction must use the target that it is given. On SQLite, which has one connection, anything asked of
 * the outer one waits for the transaction to end. `db` may be a transaction itself: its owner then commits.
 */
export function kyselyTarget<DB>(options: KyselyTargetOptions<DB>): SyncTarget {
  const { db, transactions = true } = options;
  if (!transactions) return { ...storesOn(db, options), fence: fenceOn(db, options) };
  if (db.isTransaction) return insideTransaction(db, options, new Session(db));
  return {
    ...storesOn(db, options),
    settlement: new KyselySettlement(db, options.tables),
    transaction: (work) =>
      runTransaction(db.transaction(), dialectOf(db), (inside) =>
        work(insideTransaction(inside, options, new Session(inside))),
      ),
  };
}

/** The target in a transaction, in which transactions are savepoints: one after the other, since savepoints only nest. */
function insideTransaction<DB>(
  db: Kysely<DB>,
  options: KyselyTargetOptions<DB>,
  session: Session,
): SyncTarget {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...storesOn(db, options),
    settlement: new KyselySettlement(db, options.tables),
    transaction(work) {
      const before = last;
      const done = before.then(() =>
        session.savepoint("concordat_target", () => work(insideTransaction(db, options, session))),
      );
      last = done.catch(() => undefined);
      return done;
    },
  };
}

/** For stores that share no transaction: each write of what synchronisation keeps is one with the look at the epoch. */
function fenceOn<DB>(
  db: Kysely<DB>,
  options: KyselyTargetOptions<DB>,
): NonNullable<SyncTarget["fence"]> {
  const { tables } = options;
  return (stream, epoch) => {
    const session = new Session(db, dialectOf(db), (inside) =>
      new KyselyCheckpointRepository(inside, tables).hold(stream, epoch),
    );
    return {
      links: new KyselyLinkRepository(session, tables),
      memberships: new KyselyMembershipRepository(session, tables),
      checkpoints: new KyselyCheckpointRepository(session, tables),
    };
  };
}

/** The groups of the package's own tables, whose members are the users wherever these are. */
function ownGroups<DB>(
  db: Kysely<DB>,
  users: KyselyTargetOptions<DB>["users"],
  tables: TableOptions,
): GroupRepository {
  return new KyselyGroupRepository(db, { ...tables, ...(users && { users: "elsewhere" }) });
}

function storesOn<DB>(
  db: Kysely<DB>,
  { users, groups, tables = {} }: KyselyTargetOptions<DB>,
): Omit<SyncTarget, "transaction"> {
  return {
    users: users?.(db) ?? new KyselyUserRepository(db, tables),
    ...(groups === false ? {} : { groups: groups?.(db) ?? ownGroups(db, users, tables) }),
    links: new KyselyLinkRepository(db, tables),
    memberships: new KyselyMembershipRepository(db, tables),
    checkpoints: new KyselyCheckpointRepository(db, tables),
  };
}
