import {
  InMemoryCheckpointRepository,
  InMemoryConsumerRepository,
  InMemoryGroupMappingRepository,
  InMemoryGroupRepository,
  InMemoryIdentityMapRepository,
  InMemoryLinkRepository,
  InMemoryMembershipRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
  inMemoryTarget,
} from "concordat/repositories";
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
  signOnTokenRepositoryContract,
  syncTargetContract,
  userRepositoryContract,
} from "concordat/testing";
import { describe, test } from "vitest";

function exercise(title: string, cases: readonly ContractCase[]): void {
  describe(title, () => {
    for (const { name, skip, run } of cases) {
      if (skip === undefined) test(name, run);
      else test.skip(`${name}: ${skip}`);
    }
  });
}

exercise("users in memory", await userRepositoryContract(() => new InMemoryUserRepository()));
exercise(
  "users in memory with sessions, passwords and small pages",
  await userRepositoryContract(
    () =>
      new InMemoryUserRepository({
        maxPageSize: 2,
        revokeSessions: async () => {},
        setPassword: async () => {},
      }),
  ),
);
exercise("groups and users in memory", await groupRepositoryContract(() => inMemoryTarget()));
exercise(
  "groups in memory with unique names and small pages",
  await groupRepositoryContract(() => ({
    groups: new InMemoryGroupRepository({ uniqueDisplayName: true, maxPageSize: 2 }),
  })),
);
exercise(
  "identities in memory",
  await identityMapRepositoryContract(() => new InMemoryIdentityMapRepository()),
);
exercise("links in memory", await linkRepositoryContract(() => new InMemoryLinkRepository()));
exercise(
  "memberships in memory",
  await membershipRepositoryContract(() => new InMemoryMembershipRepository()),
);
exercise(
  "checkpoints in memory",
  await checkpointRepositoryContract(() => new InMemoryCheckpointRepository()),
);
exercise("nonces in memory", await nonceRepositoryContract(() => new InMemoryNonceRepository()));
exercise(
  "consumers in memory",
  await consumerRepositoryContract(() => new InMemoryConsumerRepository()),
);
exercise(
  "sign-on tokens in memory",
  await signOnTokenRepositoryContract(() => new InMemorySignOnTokenRepository()),
);
exercise(
  "mappings of groups in memory",
  await groupMappingRepositoryContract(() => new InMemoryGroupMappingRepository()),
);
exercise("a target in memory", await syncTargetContract(() => inMemoryTarget()));
exercise(
  "a target in memory without transactions",
  await syncTargetContract(() => inMemoryTarget({ transactions: false })),
);
