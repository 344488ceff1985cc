import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import {
  type Capabilities,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type UserRepository,
} from "concordat/repositories";
import {
  type RemoteRepositories,
  remoteRepositories,
  type ServiceProviderConfig,
} from "concordat/scim-client";
import {
  type ContractCase,
  groupRepositoryContract,
  userRepositoryContract,
} from "concordat/testing";
import { describe, test } from "vitest";
import { testDatabase } from "../kysely/database.js";
import type { Stores } from "../scim-server/provider.js";
import { startProvider } from "./running-provider.js";

function exercise(title: string, cases: readonly ContractCase[]): void {
  describe(title, () => {
    for (const { name, skip, run } of cases) {
      if (skip === undefined) test(name, run);
      else test.skip(`${name}: ${skip}`);
    }
  });
}

/** What a service provider over some stores offers to its client. */
interface Offer {
  readonly stores: Stores & Partial<AsyncDisposable>;
  /** In place of what it says that it can do. */
  readonly configuration?: ServiceProviderConfig;
  readonly users?: Partial<Capabilities>;
  readonly groups?: Partial<Capabilities>;
}

type Remote = Required<Omit<RemoteRepositories, "notUnderstood">> & AsyncDisposable;

async function remote({ stores, configuration, ...known }: Offer): Promise<Remote> {
  const provider = await startProvider({ stores });
  const client = provider.connect(configuration === undefined ? {} : { configuration });
  const { users, groups } = await remoteRepositories(client, known);
  if (groups === undefined) throw new Error("The service provider has no groups.");
  return {
    users,
    groups,
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]?.();
    },
  };
}

/** The users alone, which take the rest with them when they are disposed of. */
async function remoteUsers(offer: Offer): Promise<UserRepository> {
  const all = await remote(offer);
  return Object.assign(all.users, { [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() });
}

const inMemory = (): Offer => {
  const users = new InMemoryUserRepository({ setPassword: async () => {} });
  return { stores: { users, groups: new InMemoryGroupRepository({ users }) } };
};

/** One that has nothing that it need not have, and small pages. */
const plain = (): Offer => ({ ...inMemory(), configuration: { filter: { maxResults: 7 } } });

/** One that has versions, and no PATCH. */
const withoutPatch = (): Offer => ({
  ...inMemory(),
  configuration: { filter: { supported: true }, etag: { supported: true } },
});

async function inSqlite(): Promise<Offer> {
  const database = await testDatabase();
  const users = new KyselyUserRepository(database.db);
  const groups = new KyselyGroupRepository(database.db, { users: "elsewhere" });
  const dispose = () => database[Symbol.asyncDispose]();
  return {
    stores: { users, groups, [Symbol.asyncDispose]: dispose },
    // Which attributes can be asked for, no service provider says.
    users: { filter: users.capabilities.filter, sort: users.capabilities.sort ?? [] },
    groups: { filter: groups.capabilities.filter, sort: groups.capabilities.sort ?? [] },
  };
}

const offers: Readonly<Record<string, () => Offer | Promise<Offer>>> = {
  "over memory": inMemory,
  "over SQLite": inSqlite,
  "without PATCH": withoutPatch,
  "that can do the least": plain,
};
for (const [title, offer] of Object.entries(offers)) {
  exercise(
    `users at a service provider ${title}`,
    await userRepositoryContract(async () => remoteUsers(await offer())),
  );
  exercise(
    `groups at a service provider ${title}`,
    await groupRepositoryContract(async () => remote(await offer())),
  );
}
