import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import {
  type GroupRepository,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type ResourceRepository,
  type UserRepository,
} from "concordat/repositories";
import { bindFilter, eq, groupResourceType, type Resource } from "concordat/scim";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn } from "./databases.js";

interface Stores {
  readonly users: UserRepository;
  readonly groups: GroupRepository;
}

/** An id that nobody else may be taken for, and what a careless comparison takes for it. */
const ids = {
  text: { user: "usr-owner", group: "grp-owner", other: "grp-other" },
  uuid: {
    user: "2819c223-7f76-453a-919d-413861904646",
    group: "e9e30dba-f08f-4109-8486-d5c6a331660a",
    other: "fc348aa8-3835-40eb-a20b-c726e15c55b5",
  },
} as const;

function spellings(id: string): string[] {
  const wide = id.replace(/[a-z]/, (letter) =>
    String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
  );
  const accented = id.replace(/[aeo]/, (letter) => `${letter}\u0301`);
  return [
    id.toUpperCase(),
    id.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    `${id} `,
    ` ${id}`,
    `{${id}}`,
    id.replaceAll("-", ""),
    wide,
    accented,
    accented.normalize("NFC"),
    `${id}\u0000`,
  ];
}

/** Every door of a store of resources. */
async function assertUnknown<T extends Resource, N extends object>(
  store: ResourceRepository<T, N>,
  id: string,
  resource: N,
): Promise<void> {
  const unknown = { code: "not_found" };
  const filter = bindFilter(eq("id", id), store.type);
  expect(await store.get(id), id).toBeUndefined();
  expect((await store.find({ filter })).resources, id).toEqual([]);
  await expect(store.replace(id, resource), id).rejects.toMatchObject(unknown);
  await expect(store.modify(id, { set: resource } as never), id).rejects.toMatchObject(unknown);
  await expect(store.delete(id), id).rejects.toMatchObject(unknown);
  const results = await store.write([
    { kind: "modify", id, modification: { set: resource } as never },
    { kind: "delete", id },
    { kind: "delete", id },
  ]);
  expect(results.map((result) => !result.written && result.error)).toMatchObject(
    results.map(() => unknown),
  );
}

/** Tries every spelling of every id against every door. */
async function tryAll(stores: Stores, known: (typeof ids)[keyof typeof ids]): Promise<void> {
  const { users, groups } = stores;
  const { user, group, other } = known;
  await users.create({ userName: "owner" });
  await groups.create({ displayName: "owners", members: [{ value: user }] });
  await groups.create({ displayName: "others", members: [{ value: user }] });
  const membership = { group, member: user };
  for (const id of spellings(user)) {
    await assertUnknown(users, id, { userName: "thief" });
    expect(await groups.groupsOf(id), id).toEqual([]);
    expect(await groups.whichAreMembers(group, [id]), id).toEqual(new Set());
    expect(await groups.whichExist([{ group, member: id }]), id).toEqual([]);
    const filter = bindFilter(eq("members.value", id), groupResourceType);
    expect((await groups.find({ filter })).resources, id).toEqual([]);
    const members = { remove: [{ value: id }] };
    await groups.changeMembers(group, members);
    await groups.changeMembers(group, { remove: [{ value: id, type: "User" }] });
    await groups.modify(group, { relations: { members } });
    await groups.write(
      [group, other].map((one) => ({
        kind: "modify",
        id: one,
        modification: { relations: { members } },
      })),
    );
    for (const one of [group, other]) {
      expect((await groups.members(one)).members, id).toEqual([{ value: user, type: "User" }]);
    }
    // The one that is added is added, or refused, and is no other.
    const added = await groups.changeMembers(group, { add: [{ value: id }] }).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: "invalid_value" });
        return false;
      },
    );
    expect(await groups.whichAreMembers(group, [id, user]), id).toEqual(
      new Set(added ? [id, user] : [user]),
    );
    await groups.changeMembers(group, { remove: [{ value: id }] });
    expect(await groups.whichExist([membership]), id).toEqual([membership]);
  }
  for (const id of spellings(group)) {
    await assertUnknown(groups, id, { displayName: "thieves" });
    const unknown = { code: "not_found" };
    for (const change of [{ clear: true }, { remove: [{ value: user }] }, { add: [] }]) {
      await expect(groups.changeMembers(id, change), id).rejects.toMatchObject(unknown);
    }
    await expect(groups.members(id), id).rejects.toMatchObject(unknown);
    expect(await groups.whichAreMembers(id, [user]), id).toEqual(new Set());
    expect(await groups.whichExist([{ group: id, member: user }]), id).toEqual([]);
    const results = await groups.write(
      [id, other].map((one) => ({
        kind: "modify",
        id: one,
        modification: { relations: { members: { remove: [{ value: "nobody" }] } } },
      })),
    );
    expect(results.map(({ written }) => written)).toEqual([false, true]);
  }
  expect((await users.get(user))?.userName).toBe("owner");
  expect(await groups.get(group, { attributes: ["members"] })).toMatchObject({
    displayName: "owners",
    members: [{ value: user }],
  });
  expect([...(await groups.groupsOf(user))].sort()).toEqual([group, other].sort());
}

/** Columns as careless as a database makes them. */
const careless: Record<DatabaseKind["name"], string> = {
  SQLite: "text collate nocase",
  PostgreSQL: "text collate careless",
  PGlite: "text",
  MariaDB: "varchar(60)",
};

function maker(...made: readonly string[]): () => string {
  const left = [...made];
  return () => left.shift() ?? expect.fail("nobody else is made");
}

for (const kind of databases) {
  describeOn(kind, "an id that is spelled in another way", () => {
    test.each(["text", "uuid"] as const)("is nobody's, where ids are %s", async (type) => {
      await using opened = await kind.open({ tables: false });
      const { db } = opened;
      if (kind.name === "PostgreSQL") {
        await sql`create collation careless
          (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`.execute(db);
      }
      const isUuid = type === "uuid" && kind.name !== "SQLite";
      const id = sql.raw(isUuid ? "uuid" : careless[kind.name]);
      const text = sql.raw(kind.name === "MariaDB" ? "varchar(60)" : "text");
      await sql`create table account (id ${id} primary key, login ${text} not null)`.execute(db);
      await sql`create table team (id ${id} primary key, title ${text} not null)`.execute(db);
      await sql`create table team_member (team_id ${id} not null, account_id ${id} not null,
        primary key (team_id, account_id))`.execute(db);
      const { user, group, other } = ids[type];
      const users = new KyselyUserRepository(db, {
        map: {
          table: "account",
          id: { column: "id", type, generate: maker(user) },
          attributes: { userName: { column: "login", lower: true } },
          others: "refuse",
          dependents: [{ table: "team_member", column: "account_id" }],
        },
      });
      const groups = new KyselyGroupRepository(db, {
        map: {
          groups: {
            table: "team",
            id: { column: "id", type, generate: maker(group, other) },
            attributes: { displayName: "title" },
            others: "refuse",
          },
          members: {
            table: "team_member",
            group: "team_id",
            member: "account_id",
            memberType: type,
          },
        },
      });
      await tryAll({ users, groups }, ids[type]);
    });
  });
}

describe("an id that is spelled in another way, in memory", () => {
  test.each([true, false])("is nobody's, where the users are known: %s", async (areKnown) => {
    const { user, group, other } = ids.text;
    const users = new InMemoryUserRepository({ newId: maker(user) });
    const newId = maker(group, other);
    await tryAll(
      { users, groups: new InMemoryGroupRepository({ newId, ...(areKnown && { users }) }) },
      ids.text,
    );
  });
});
