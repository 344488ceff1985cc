import type { Kysely, Transaction } from "kysely";
import type { GroupRepository, SyncTarget, UserRepository } from "../../repositories/index.js";
import type { TableOptions } from "../column-map/table-names.js";
import { type KyselyGroupOptions, KyselyGroupRepository } from "../resources/group-repository.js";
import { KyselyUserRepository } from "../resources/user-repository.js";
import { dialectOf } from "../sql/dialect.js";
import { Session } from "../sql/session.js";
import { runTransaction } from "../sql/transaction.js";
import { KyselyCheckpointRepository } from "./checkpoint-repository.js";
import { KyselyLinkRepository } from "./link-repository.js";
import { KyselyMembershipRepository } from "./membership-repository.js";
import { KyselySettlement } from "./settlement.js";

/** Options of {@link kyselyTarget}. */
export interface KyselyTargetOptions<DB> {
  /** The database of the application, or a transaction of it. */
  readonly db: Kysely<DB> | Transaction<DB>;
  /**
   * Makes the repository of users on the database, or on a transaction of it. What it writes beside, on what it was
   * given, is part of the transaction. Default: the users of the tables that `createTables` makes.
   */
  readonly users?: ((db: Kysely<DB>) => UserRepository) | undefined;
  /** Makes the repository of groups in the same way; `false` passes groups over. */
  readonly groups?: ((db: Kysely<DB>) => GroupRepository) | false | undefined;
  /** The package's own tables. */
  readonly tables?: TableOptions | undefined;
  /** Whether the repositories share transactions; not, where users or groups are elsewhere. Default: true. */
  readonly transactions?: boolean | undefined;
}

/**
 * A {@link SyncTarget} in a database: the application's users and groups, and what synchronisation keeps beside them.
 *
 * The database is SQLite, PostgreSQL or MariaDB; MySQL is not supported, and `createTables` refuses it.
 *
 * The work of a transaction must use the target that it is given. On SQLite, which has one connection, anything asked
 * of the outer one waits for the transaction to end. `db` may be a transaction itself: its owner then commits.
 */
export function kyselyTarget<DB>(options: KyselyTargetOptions<DB>): SyncTarget {
  const { db, transactions = true } = options;
  const { tables = {} } = options;
  // What is made of options is made once for all transactions.
  const given = { ...options, tables: { ...tables } };
  const dialect = dialectOf(db);
  const session = new Session(db, dialect);
  if (!transactions) return { ...storesOn(session, db, given), fence: fenceOn(db, given) };
  if (db.isTransaction) return insideTransaction(session, storesInTransaction(session, db, given));
  return {
    ...storesInTransaction(session, db, given),
    transaction: (work) =>
      runTransaction(db.transaction(), dialect, (inside) => {
        const bound = new Session(inside, dialect);
        return work(insideTransaction(bound, storesInTransaction(bound, inside, given)));
      }),
  };
}

type Stores = Omit<SyncTarget, "transaction">;

/**
 * The target in a transaction, in which transactions are savepoints: one after the other, since savepoints only nest.
 */
function insideTransaction(session: Session, stores: Stores): SyncTarget {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...stores,
    transaction(work) {
      const before = last;
      const done = before.then(() =>
        session.savepoint("concordat_target", () => work(insideTransaction(session, stores))),
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

function storesInTransaction<DB>(
  session: Session,
  db: Kysely<DB>,
  options: KyselyTargetOptions<DB>,
): Stores {
  return {
    ...storesOn(session, db, options),
    settlement: new KyselySettlement(session, options.tables),
  };
}

function storesOn<DB>(
  session: Session,
  db: Kysely<DB>,
  { users, groups, tables = {} }: KyselyTargetOptions<DB>,
): Stores {
  return {
    users: users?.(db) ?? new KyselyUserRepository(session, tables),
    ...(groups === false
      ? {}
      : { groups: groups?.(db) ?? ownGroups(session, users !== undefined, tables) }),
    links: new KyselyLinkRepository(session, tables),
    memberships: new KyselyMembershipRepository(session, tables),
    checkpoints: new KyselyCheckpointRepository(session, tables),
  };
}

/** The groups of the package's own tables, whose members are the users wherever these are. */
function ownGroups(session: Session, areElsewhere: boolean, tables: TableOptions): GroupRepository {
  return new KyselyGroupRepository(session, areElsewhere ? withUsersElsewhere(tables) : tables);
}

/** Options of groups whose members are elsewhere, by those of tables: what is made of options is made once. */
const elsewhere = new WeakMap<TableOptions, KyselyGroupOptions>();

function withUsersElsewhere(tables: TableOptions): KyselyGroupOptions {
  const known = elsewhere.get(tables) ?? { ...tables, users: "elsewhere" };
  elsewhere.set(tables, known);
  return known;
}
