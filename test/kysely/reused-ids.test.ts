import {
  createTables,
  type GroupMap,
  type IdColumn,
  KyselyGroupRepository,
  KyselyIdentityMapRepository,
  KyselyUserRepository,
  kyselyTarget,
  type MemberMap,
  nodeSqliteDialect,
  type UserMap,
} from "concordat/kysely";
import {
  InMemoryGroupMappingRepository,
  InMemoryMembershipRepository,
  type LinkRepository,
  mapGroups,
  type UserRepository,
  withIdentityMap,
} from "concordat/repositories";
import { bindFilter, eq, userResourceType } from "concordat/scim";
import { Kysely, sql } from "kysely";
import { describe, expect, onTestFinished, test } from "vitest";
import { groupsOf, type Target, userNamed } from "../sync/stores.js";
import {
  apply,
  follow,
  gone,
  live,
  membersOf,
  partOfPerson,
  person,
  refresh,
  resumable,
  team,
  uid,
} from "../sync/streams.js";

/** An application whose table gives the highest id once more when its row was deleted. */
const accounts: UserMap = {
  table: "account",
  id: { column: "id", type: "integer" },
  attributes: { userName: { column: "login", key: "login_key" }, active: "active" },
  others: "ignore",
  mark: "token",
  dependents: [{ table: "team_member", column: "account_id" }],
};

const teams: { readonly groups: GroupMap; readonly members: MemberMap } = {
  groups: {
    table: "team",
    id: { column: "id", type: "integer" },
    attributes: { displayName: { column: "title", lower: true } },
    others: "ignore",
    mark: "token",
  },
  members: { table: "team_member", group: "team_id", member: "account_id", memberType: "integer" },
};

async function opened(transactions: boolean): Promise<{ db: Kysely<unknown>; target: Target }> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
  onTestFinished(() => db.destroy());
  await createTables(db);
  const token = sql`default (lower(hex(randomblob(16))))`;
  await sql`create table account (id integer primary key, login text not null, login_key text unique,
    active integer default 1, token text not null ${token})`.execute(db);
  await sql`create table team (id integer primary key, title text not null,
    token text not null ${token})`.execute(db);
  await sql`create table team_member (team_id integer, account_id integer,
    primary key (team_id, account_id))`.execute(db);
  const target = kyselyTarget({
    db,
    transactions,
    users: (inside) => new KyselyUserRepository(inside, { map: accounts }),
    groups: (inside) => new KyselyGroupRepository(inside, { map: teams }),
  });
  return { db, target: target as Target };
}

/** Somebody in the application removes an account and makes another one, which gets its id. */
async function replace(db: Kysely<unknown>, login: string, by: string): Promise<void> {
  const id = (await sql<{ id: number }>`select id from account where login = ${login}`.execute(db))
    .rows[0]?.id;
  await sql`delete from team_member where account_id = ${id}`.execute(db);
  await sql`delete from account where id = ${id}`.execute(db);
  await sql`insert into account (login, login_key) values (${by}, ${by})`.execute(db);
  const { rows } = await sql<{
    id: number;
  }>`select id from account where login = ${by}`.execute(db);
  expect(rows).toEqual([{ id }]);
}

async function everybody(db: Kysely<unknown>): Promise<Record<string, unknown>> {
  const { rows } = await sql<{ login: string; active: number; titles: string | null }>`
    select login, active, (select group_concat(title) from team join team_member on team_id = team.id
      where account_id = account.id) titles from account order by login`.execute(db);
  return Object.fromEntries(
    rows.map(({ login, active, titles }) => [
      login,
      [active === 1 ? "active" : "inactive", titles],
    ]),
  );
}

describe.each([
  ["in transactions", true],
  ["without a transaction", false],
])("an id that is used again, %s", (_, transactions) => {
  async function replaced() {
    const { db, target } = await opened(transactions);
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    expect(await everybody(db)).toEqual({ ann: ["active", "staff"] });
    await replace(db, "ann", "root");
    return { db, target };
  }
  const root = { root: ["active", null] };

  test.each([
    ["is renamed", [person("1", "anna")], { anna: ["active", "staff"] }],
    [
      "is disabled",
      [person("1", "ann", { resource: { active: false } })],
      { ann: ["inactive", "staff"] },
    ],
    ["is deleted", [gone("1")], {}],
    ["leaves a group", [membersOf("g", { remove: [uid("ann")] })], {}],
    ["is in a group that is told of anew", [team("g", "team", [uid("ann")])], {}],
    ["is in a group that is deleted", [gone("g")], {}],
  ] as const)("means nobody else when its person %s", async (_, changes, expected) => {
    for (const onDelete of ["deactivate", "delete"] as const) {
      const { db, target } = await replaced();
      await apply(target, [live(changes)], { onDelete });
      expect(await everybody(db)).toEqual({ ...root, ...expected });
      // However often it is heard of.
      await apply(target, refresh([]), { onDelete });
      expect((await everybody(db))["root"]).toEqual(["active", null]);
      await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
      expect(await everybody(db)).toEqual({ ...root, ann: ["active", "staff"] });
    }
  });

  test("means nobody else when part of its person is told of, after which everything is read again", async () => {
    const { db, target } = await replaced();
    const stream = resumable([
      ...refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]),
      live([partOfPerson("1", { userName: "anna" })], "later"),
    ]);
    const { id } = await userNamed(target, "root");
    const outcomes = await follow(stream, target);
    expect(outcomes).toContainEqual(
      expect.objectContaining({
        kind: "deferred",
        code: "not_found",
        message: `There is no resource with the id "${id}".`,
      }),
    );
    expect(stream.readFrom).toEqual(["refreshed", undefined]);
    expect(await everybody(db)).toEqual({ ...root, anna: ["active", "staff"] });
  });

  test("brings nobody else into a group whose own ids are permanent", async () => {
    const { db, target: own } = await opened(transactions);
    const target = kyselyTarget({
      db,
      transactions,
      users: (inside) => new KyselyUserRepository(inside, { map: accounts }),
    }) as Target;
    expect([own.groups, target.groups].map(({ capabilities }) => capabilities.ids)).toEqual([
      "reused",
      "permanent",
    ]);
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    await replace(db, "ann", "root");
    await apply(target, [live([membersOf("g", { add: [uid("ann")] })])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("and belongs to a group now, changes nothing of that", async () => {
    const { db, target } = await opened(transactions);
    await apply(target, refresh([team("g", "staff", [])]));
    await sql`delete from team`.execute(db);
    await sql`insert into team (title) values ('admins')`.execute(db);
    await sql`insert into account (id, login, login_key) values (9, 'root', 'root')`.execute(db);
    await sql`insert into team_member select id, 9 from team`.execute(db);
    await apply(target, [live([team("g", "people", []), gone("g")])], { onDelete: "delete" });
    await apply(target, [live([team("h", "readers", [])])]);
    const { rows } = await sql<{ title: string }>`select title from team order by title`.execute(
      db,
    );
    expect(rows).toEqual([{ title: "admins" }, { title: "readers" }]);
    expect(await everybody(db)).toEqual({ root: ["active", "admins"] });
  });

  test("is taken by somebody of the directory, who is linked to it then", async () => {
    const { db, target } = await replaced();
    const match = { users: "userName" } as const;
    await apply(target, [live([person("2", "root")])], { match });
    await apply(target, [live([person("2", "boss")]), live([gone("1")])], { match });
    expect(await everybody(db)).toEqual({ boss: ["active", null] });
  });

  test("is believed, where a release before had no marks, of the name that it was given", async () => {
    const { db, target } = await opened(transactions);
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const links: LinkRepository = target.links;
    for (const link of await links.list("directory", {}, { count: 10 })) {
      const { resourceMark: _, ...before } = link;
      await links.save("directory", [before]);
    }
    await replace(db, "bob", "root");
    await apply(target, [live([person("1", "anna"), person("2", "bobby")])]);
    expect(await everybody(db)).toEqual({
      anna: ["active", null],
      bobby: ["active", null],
      ...root,
    });
    // It has a mark by then.
    await replace(db, "bobby", "eve");
    await apply(target, [live([gone("2")])]);
    expect((await everybody(db))["eve"]).toEqual(["active", null]);
  });
});

describe("an id of an identity map whose store uses ids again", () => {
  async function mapped() {
    const { db, target } = await opened(true);
    const map = new KyselyIdentityMapRepository(db);
    const users = withIdentityMap(target.users, map, { groups: target.groups });
    const groups = withIdentityMap(target.groups, map, { users: target.users });
    const ann = await users.create({ userName: "ann" });
    const staff = await groups.create({ displayName: "staff", members: [{ value: ann.id }] });
    await replace(db, "ann", "root");
    return { db, map, users, groups, target, ann, staff };
  }

  test.each([
    ["reads", (users: UserRepository, id: string) => users.get(id)],
    [
      "finds",
      async (users: UserRepository, id: string) => {
        const filter = bindFilter(eq("id", id), userResourceType);
        return (await users.find({ filter })).resources[0];
      },
    ],
    [
      "renames",
      (users: UserRepository, id: string) => users.modify(id, { set: { userName: "x" } }),
    ],
    ["replaces", (users: UserRepository, id: string) => users.replace(id, { userName: "x" })],
    ["deletes", (users: UserRepository, id: string) => users.delete(id)],
  ])("%s nobody else", async (_, use) => {
    const { db, users, ann } = await mapped();
    const answer = await use(users, ann.id).catch((error: unknown) => error);
    if (answer !== undefined) expect(answer).toMatchObject({ code: "not_found" });
    expect(await everybody(db)).toEqual({ root: ["active", null] });
    // Whoever has the account now has an id of their own, and the other one is gone for good.
    const [root] = (await users.find({})).resources;
    expect(root).toMatchObject({ userName: "root" });
    expect(root?.id).not.toBe(ann.id);
    expect(await users.get(ann.id)).toBeUndefined();
  });

  test("brings nobody else into a group, or out of it", async () => {
    const { db, users, groups, target, ann, staff } = await mapped();
    await expect(
      groups.changeMembers(staff.id, { add: [{ value: ann.id }] }),
    ).rejects.toMatchObject({ code: "invalid_value" });
    await sql`insert into team_member select team.id, account.id from team, account`.execute(db);
    await groups.changeMembers(staff.id, { remove: [{ value: ann.id }] });
    expect(await everybody(db)).toEqual({ root: ["active", "staff"] });
    const [root] = (await users.find({})).resources;
    expect((await groups.members(staff.id, {})).members).toMatchObject([{ value: root?.id }]);
    expect(await groups.groupsOf(ann.id, { type: "User" })).toEqual([]);
    const withoutUsers = withIdentityMap(target.groups, new KyselyIdentityMapRepository(db));
    await expect(withoutUsers.members(staff.id, {})).rejects.toMatchObject({ code: "unsupported" });
  });

  test("is a new one for somebody who is created in the place of an account that is gone", async () => {
    const { db, users, ann } = await mapped();
    await sql`delete from account`.execute(db);
    const bob = await users.create({ userName: "bob" });
    expect(bob.id).not.toBe(ann.id);
    expect(await users.get(ann.id)).toBeUndefined();
    expect((await users.get(bob.id))?.userName).toBe("bob");
  });

  test("is believed, where it was made before there were marks, and from then on by its mark", async () => {
    const { db, target } = await opened(true);
    const map = new KyselyIdentityMapRepository(db);
    const users = withIdentityMap(target.users, map);
    const ann = await users.create({ userName: "ann" });
    await sql`update concordat_identity set mark = null`.execute(db);
    expect((await users.get(ann.id))?.userName).toBe("ann");
    await replace(db, "ann", "root");
    expect(await users.get(ann.id)).toBeUndefined();
  });
});

test("groups whose ids are used again are not mapped", async () => {
  const { db, target } = await opened(true);
  const others = new KyselyGroupRepository(db);
  const rest = {
    mappings: new InMemoryGroupMappingRepository(),
    memberships: new InMemoryMembershipRepository(),
  };
  for (const [external, local] of [
    [others, target.groups],
    [target.groups, others],
  ] as const) {
    expect(() => mapGroups({ external, local, ...rest })).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  }
  const identified = withIdentityMap(target.groups, new KyselyIdentityMapRepository(db));
  expect(identified.capabilities.ids).toBe("permanent");
  mapGroups({ external: identified, local: others, ...rest });
});

test("a map of ids that are used again has something that tells accounts apart", async () => {
  const { db } = await opened(true);
  const { mark: _, ...unmarked } = accounts;
  const repository = (id: Partial<IdColumn>, map: Partial<UserMap> = {}) =>
    new KyselyUserRepository(db, { map: { ...unmarked, ...map, id: { ...accounts.id, ...id } } });
  expect(() => repository({})).toThrow(
    expect.objectContaining({ code: "invalid_value", path: "map.id.reused" }),
  );
  expect(() => repository({ type: "text", reused: true })).toThrow(/created.*mark/);
  expect(repository({ reused: false }).capabilities.ids).toBe("permanent");
  expect(repository({ generate: () => "7" }).capabilities.ids).toBe("permanent");
  expect(repository({ type: "text" }).capabilities.ids).toBe("permanent");
  const marked = repository({}, { mark: "token" });
  expect(marked.capabilities.ids).toBe("reused");
  const ann = await marked.create({ userName: "ann" });
  const { rows } = await sql<{ token: string }>`select token from account`.execute(db);
  expect(marked.markOf(ann)).toBe(rows[0]?.token);
  expect(marked.markOf(await userNamed({ users: marked } as unknown as Target, "ann"))).toBe(
    rows[0]?.token,
  );
});
