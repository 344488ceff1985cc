import {
  KyselyCheckpointRepository,
  KyselyConsumerRepository,
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyIdentityMapRepository,
  KyselyLinkRepository,
  KyselyMembershipRepository,
  KyselyNonceRepository,
  KyselyServerRepository,
  KyselySignOnTokenRepository,
  KyselyUserRepository,
  kyselyTarget,
} from "concordat/kysely";
import {
  type ContractCase,
  checkpointRepositoryContract,
  consumerRepositoryContract,
  groupMappingRepositoryContract,
  groupRepositoryContract,
  identityMapRepositoryContract,
  linkRepositoryContract,
  membershipRepositoryContract,
  nonceRepositoryContract,
  serverRepositoryContract,
  signOnTokenRepositoryContract,
  syncTargetContract,
  userRepositoryContract,
} from "concordat/testing";
import type { Kysely } from "kysely";
import { afterAll, describe, test } from "vitest";
import { databases, describeOn, emptyTables, pglite } from "./databases.js";

/** The suites. The tables are emptied for each case, which takes a tenth of the time that new ones would. */
function suites(db: Kysely<unknown>): Record<string, () => Promise<readonly ContractCase[]>> {
  const make = async <S>(subject: (db: Kysely<unknown>) => S): Promise<S> => {
    await emptyTables(db);
    return subject(db);
  };
  return {
    users: () => userRepositoryContract(() => make((db) => new KyselyUserRepository(db))),
    groups: () =>
      groupRepositoryContract(() =>
        make((db) => ({ groups: new KyselyGroupRepository(db, { users: "elsewhere" }) })),
      ),
    "groups with users": () =>
      groupRepositoryContract(() =>
        make((db) => ({
          groups: new KyselyGroupRepository(db),
          users: new KyselyUserRepository(db),
        })),
      ),
    identities: () =>
      identityMapRepositoryContract(() => make((db) => new KyselyIdentityMapRepository(db))),
    links: () => linkRepositoryContract(() => make((db) => new KyselyLinkRepository(db))),
    memberships: () =>
      membershipRepositoryContract(() => make((db) => new KyselyMembershipRepository(db))),
    checkpoints: () =>
      checkpointRepositoryContract(() => make((db) => new KyselyCheckpointRepository(db))),
    nonces: () => nonceRepositoryContract(() => make((db) => new KyselyNonceRepository(db))),
    servers: () =>
      serverRepositoryContract(() =>
        make((db) => {
          const servers = new KyselyServerRepository(db);
          return {
            servers,
            put: async (all) => {
              for (const server of all) await servers.put(server);
            },
          };
        }),
      ),
    consumers: () =>
      consumerRepositoryContract(() => make((db) => new KyselyConsumerRepository(db))),
    "sign-on tokens": () =>
      signOnTokenRepositoryContract(() => make((db) => new KyselySignOnTokenRepository(db))),
    "mappings of groups": () =>
      groupMappingRepositoryContract(() => make((db) => new KyselyGroupMappingRepository(db))),
    target: () => syncTargetContract(() => make((db) => kyselyTarget({ db }))),
    "target without transactions": () =>
      syncTargetContract(() => make((db) => kyselyTarget({ db, transactions: false }))),
  };
}

for (const database of new Set([...databases, pglite])) {
  describeOn(database, "the contract", async () => {
    const opened = await database.open();
    afterAll(() => opened[Symbol.asyncDispose]());
    for (const [name, cases] of Object.entries(suites(opened.db))) {
      describe(name, async () => {
        for (const { name, skip, run } of await cases()) {
          test.skipIf(skip !== undefined)(name, run);
        }
      });
    }
  });
}
