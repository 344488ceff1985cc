import {
  createTables,
  KyselyCheckpointRepository,
  KyselyGroupRepository,
  KyselyLinkRepository,
  KyselyMembershipRepository,
  KyselyNonceRepository,
  KyselyUserRepository,
  kyselyTarget,
  nodeSqliteDialect,
} from "concordat/kysely";
import {
  type ContractCase,
  checkpointRepositoryContract,
  groupRepositoryContract,
  linkRepositoryContract,
  membershipRepositoryContract,
  nonceRepositoryContract,
  syncTargetContract,
  userRepositoryContract,
} from "concordat/testing";
import { Kysely } from "kysely";
import { describe, test } from "vitest";

/** An empty database, and how a subject disposes of it. */
async function emptyDatabase(): Promise<{
  db: Kysely<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
  await createTables(db);
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** A subject with the disposal of its database. */
async function make<S extends object>(
  subject: (db: Kysely<unknown>) => S,
): Promise<S & { [Symbol.asyncDispose](): Promise<void> }> {
  const { db, [Symbol.asyncDispose]: dispose } = await emptyDatabase();
  return Object.assign(subject(db), { [Symbol.asyncDispose]: dispose });
}

const suites: Record<string, readonly ContractCase[]> = {
  users: await userRepositoryContract(() => make((db) => new KyselyUserRepository(db))),
  groups: await groupRepositoryContract(() =>
    make((db) => ({ groups: new KyselyGroupRepository(db) })),
  ),
  "groups with users": await groupRepositoryContract(() =>
    make((db) => ({
      groups: new KyselyGroupRepository(db),
      users: new KyselyUserRepository(db),
    })),
  ),
  links: await linkRepositoryContract(() => make((db) => new KyselyLinkRepository(db))),
  memberships: await membershipRepositoryContract(() =>
    make((db) => new KyselyMembershipRepository(db)),
  ),
  checkpoints: await checkpointRepositoryContract(() =>
    make((db) => new KyselyCheckpointRepository(db)),
  ),
  nonces: await nonceRepositoryContract(() => make((db) => new KyselyNonceRepository(db))),
  target: await syncTargetContract(() => make((db) => kyselyTarget({ db }))),
  "target without transactions": await syncTargetContract(() =>
    make((db) => kyselyTarget({ db, transactions: false })),
  ),
};

for (const [name, cases] of Object.entries(suites)) {
  describe(`${name} in SQLite`, () => {
    for (const { name: demand, skip, run } of cases) {
      test.skipIf(skip !== undefined)(demand, run);
    }
  });
}
