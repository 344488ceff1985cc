import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { Kysely } from "kysely";
import { Tryton } from "./client.ts";
import { TrytonGroups } from "./groups.ts";
import type { Settings } from "./settings.ts";
import { TrytonUsers } from "./users.ts";

/** Tryton as synchronisation sees it, and what closes it. */
export interface TrytonTarget {
  readonly target: SyncTarget;
  /** Looks whether the service account can sign in, and read users and groups. */
  readonly check: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Tryton, and what synchronisation keeps of it in a file of its own.
 *
 * @param state The file, of SQLite. If it is lost, users and groups are found again by `match`.
 */
export async function trytonTarget(settings: Settings, state: string): Promise<TrytonTarget> {
  const tryton = new Tryton(settings.tryton);
  const users = new TrytonUsers(tryton, settings.users);
  const groups = new TrytonGroups(tryton, settings.groups);
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: state }) });
  await createTables(db, { sets: ["sync"] });
  return {
    // Tryton takes part in no transaction, so none is begun.
    target: kyselyTarget({ db, users: () => users, groups: () => groups, transactions: false }),
    async check() {
      await users.find({ count: 1 });
      await groups.find({ count: 1 });
    },
    close: () => db.destroy(),
  };
}
