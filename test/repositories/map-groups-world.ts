import {
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyMembershipRepository,
} from "concordat/kysely";
import {
  type GroupMappingOptions,
  type GroupRepository,
  InMemoryGroupMappingRepository,
  InMemoryGroupRepository,
  InMemoryMembershipRepository,
} from "concordat/repositories";
import { type Kysely, sql } from "kysely";
import { testDatabase } from "../kysely/database.js";

/** The stores that a mapping works on, empty. */
export interface Stores extends GroupMappingOptions, AsyncDisposable {}

/** Stores of each kind. */
export const kinds: Readonly<Record<string, () => Promise<Stores>>> = {
  memory: async () => ({ ...storesInMemory(), [Symbol.asyncDispose]: async () => {} }),
  SQLite: async () => {
    const database = await testDatabase();
    return {
      external: new KyselyGroupRepository(database.db, { users: "elsewhere" }),
      local: await teams(database.db),
      mappings: new KyselyGroupMappingRepository(database.db),
      memberships: new KyselyMembershipRepository(database.db),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
};

export function storesInMemory(): GroupMappingOptions {
  return {
    external: new InMemoryGroupRepository(),
    local: new InMemoryGroupRepository(),
    mappings: new InMemoryGroupMappingRepository(),
    memberships: new InMemoryMembershipRepository(),
  };
}

/** The groups of an application with tables of its own, of which the members are users only. */
async function teams(db: Kysely<unknown>): Promise<GroupRepository> {
  await sql`create table team (
    id integer primary key autoincrement,
    name text not null
  )`.execute(db);
  await sql`create table team_member (
    team integer not null references team (id) on delete cascade,
    person text not null,
    primary key (team, person)
  )`.execute(db);
  return new KyselyGroupRepository(db, {
    map: {
      groups: {
        table: "team",
        id: { column: "id", type: "integer", reused: false },
        attributes: { displayName: "name" },
        others: "ignore",
      },
      members: { table: "team_member", group: "team", member: "person" },
    },
  });
}

/** The ids of the users in a group, sorted. */
export async function usersIn(groups: GroupRepository, id: string): Promise<readonly string[]> {
  const users: string[] = [];
  for (let next: string | undefined; ; ) {
    const page = await groups.members(id, next === undefined ? {} : { after: next });
    users.push(...page.members.filter(({ type }) => type === "User").map(({ value }) => value));
    next = page.next;
    if (next === undefined) return users.sort();
  }
}
