import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { Kysely } from "kysely";
import type { Bridge } from "./bridge.ts";
import { WikiGroupRepository } from "./groups.ts";
import type { WikiName } from "./names.ts";
import { WikiUserRepository } from "./users.ts";

/** A wiki as synchronisation sees it. */
export interface WikiTarget extends AsyncDisposable {
  readonly target: SyncTarget;
}

/**
 * The users and groups of a wiki, and what synchronisation keeps of them in a file of its own. A file that is lost is
 * no harm where `match` is given: the accounts are found again by their names.
 *
 * @param state The file, of SQLite.
 */
export async function wikiTarget(
  bridge: Bridge,
  state: string,
  wikiName?: WikiName,
): Promise<WikiTarget> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: state }) });
  await createTables(db, { sets: ["sync"] });
  const users = new WikiUserRepository(bridge, wikiName);
  const groups = new WikiGroupRepository(bridge);
  return {
    // The wiki has a database of its own, so that nothing is one transaction with the file.
    target: kyselyTarget({ db, users: () => users, groups: () => groups, transactions: false }),
    async [Symbol.asyncDispose]() {
      await bridge[Symbol.asyncDispose]();
      await db.destroy();
    },
  };
}
