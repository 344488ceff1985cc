import { createTables, KyselyIdentityMapRepository, nodeSqliteDialect } from "concordat/kysely";
import {
  type IdentityMapRepository,
  InMemoryGroupRepository,
  InMemoryIdentityMapRepository,
  InMemoryUserRepository,
  mirrored,
  withIdentityMap,
} from "concordat/repositories";
import {
  type ContractCase,
  type GroupsUnderTest,
  groupRepositoryContract,
  userRepositoryContract,
} from "concordat/testing";
import { Kysely } from "kysely";
import { describe, test } from "vitest";
import { RpcGroupRepository, RpcUserRepository } from "./rpc-repositories.js";
import { RpcServer } from "./rpc-server.js";
import { WriteOnlyGroups, WriteOnlyUsers } from "./write-only.js";

function exercise(title: string, cases: readonly ContractCase[]): void {
  describe(title, () => {
    for (const { name, skip, run } of cases) {
      if (skip === undefined) test(name, run);
      else test.skip(`${name}: ${skip}`);
    }
  });
}

/** The users and groups of an application that has nothing but remote procedure calls. */
function remote(): Required<GroupsUnderTest> {
  const server = new RpcServer();
  return { users: new RpcUserRepository(server), groups: new RpcGroupRepository(server) };
}

/** The same by ids that last. */
function mapped(
  { users, groups }: Required<GroupsUnderTest>,
  identities: IdentityMapRepository = new InMemoryIdentityMapRepository(),
): Required<GroupsUnderTest> {
  return {
    users: withIdentityMap(users, identities, { groups }),
    groups: withIdentityMap(groups, identities),
  };
}

/** The same, and the ids last in a database. */
async function mappedInSqlite(): Promise<Required<GroupsUnderTest>> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
  await createTables(db);
  return mapped(remote(), new KyselyIdentityMapRepository(db));
}

/** Stores in memory with ids that are small numbers, the same for users and groups. */
function numbered(): Required<GroupsUnderTest> {
  const [users, groups] = [0, 0];
  const last = { users, groups };
  return {
    users: new InMemoryUserRepository({
      newId: () => String(++last.users),
      revokeSessions: async () => {},
    }),
    groups: new InMemoryGroupRepository({ newId: () => String(++last.groups) }),
  };
}

exercise("users over remote calls", await userRepositoryContract(() => remote().users));
exercise("groups over remote calls", await groupRepositoryContract(() => remote()));
exercise(
  "users over remote calls with an identity map",
  await userRepositoryContract(() => mapped(remote()).users),
);
exercise(
  "groups over remote calls with an identity map",
  await groupRepositoryContract(() => mapped(remote())),
);
exercise(
  "users over remote calls with an identity map in SQLite",
  await userRepositoryContract(async () => (await mappedInSqlite()).users),
);
exercise(
  "groups over remote calls with an identity map in SQLite",
  await groupRepositoryContract(mappedInSqlite),
);
exercise(
  "users in memory with an identity map",
  await userRepositoryContract(() => mapped(numbered()).users),
);
exercise(
  "groups in memory with an identity map",
  await groupRepositoryContract(() => mapped(numbered())),
);
exercise(
  "users of a target that cannot be read",
  await userRepositoryContract(() => mirrored(new WriteOnlyUsers(), new InMemoryUserRepository())),
);
exercise(
  "groups of a target that cannot be read",
  await groupRepositoryContract(() => ({
    groups: mirrored(new WriteOnlyGroups(), new InMemoryGroupRepository()),
  })),
);
