import { NotFoundError, UnavailableError, UnsupportedError } from "concordat";
import {
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyMembershipRepository,
} from "concordat/kysely";
import {
  InMemoryGroupRepository,
  type MappingRefusal,
  type MembersChange,
  mapGroups,
} from "concordat/repositories";
import { groupRepositoryContract } from "concordat/testing";
import { describe, expect, test } from "vitest";
import { testDatabase } from "../kysely/database.js";
import { kinds, storesInMemory, usersIn } from "./map-groups-world.js";

const user = (value: string) => ({ value, type: "User" as const });

describe.each(Object.entries(kinds))("groups that are mapped, in %s", (_, open) => {
  async function world() {
    const stores = await open();
    const groups = mapGroups(stores);
    return {
      ...stores,
      groups,
      newExternal: async (...members: readonly string[]) => {
        const created = { displayName: "Engineers", members: members.map(user) };
        return (await groups.create(created)).id;
      },
      newLocal: async () => (await groups.local.create({ displayName: "Team" })).id,
      localUsers: (id: string) => usersIn(stores.local, id),
    };
  }

  test("a group that is mapped after it came puts its members into each local group", async () => {
    await using w = await world();
    const [engineers, first, second] = [
      await w.newExternal("ada", "bob"),
      await w.newLocal(),
      await w.newLocal(),
    ];
    expect(await w.groups.map(engineers, first)).toEqual({ added: 2, removed: 0, refused: 0 });
    expect(await w.groups.map(engineers, second)).toEqual({ added: 2, removed: 0, refused: 0 });
    expect(await w.groups.map(engineers, second)).toEqual({ added: 0, removed: 0, refused: 0 });
    for (const id of [first, second]) expect(await w.localUsers(id)).toEqual(["ada", "bob"]);
  });

  const group = { displayName: "Engineers", members: [user("bob"), user("cy")] };
  test.each<[string, (w: Awaited<ReturnType<typeof world>>, id: string) => Promise<unknown>]>([
    [
      "changeMembers",
      (w, id) => w.groups.changeMembers(id, { add: [user("cy")], remove: [user("ada")] }),
    ],
    ["replace", (w, id) => w.groups.replace(id, group)],
    [
      "clear",
      (w, id) => w.groups.changeMembers(id, { clear: true, add: [user("bob"), user("cy")] }),
    ],
    [
      "a change of all members",
      (w, id) => w.groups.modify(id, { set: { members: group.members } }),
    ],
    [
      "a change of some",
      (w, id) =>
        w.groups.modify(id, {
          relations: { members: { add: [user("cy")], remove: [{ value: "ada" }] } },
        }),
    ],
    [
      "a change that is planned",
      (w, id) =>
        w.groups.modify(id, {
          reads: ["members"],
          plan: ({ members = [] }) => ({
            set: { members: [...members.filter(({ value }) => value !== "ada"), user("cy")] },
          }),
        }),
    ],
    [
      "a batch",
      (w, id) =>
        w.groups.write([
          {
            kind: "modify",
            id,
            modification: {
              relations: { members: { add: [user("cy")], remove: [user("ada")] } },
            },
          },
        ]),
    ],
  ])("members who come and go by %s are followed", async (_name, change) => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob"), await w.newLocal()];
    await w.groups.map(engineers, team);
    await change(w, engineers);
    expect(await w.localUsers(team)).toEqual(["bob", "cy"]);
  });

  test("who was in the local group before stays there", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob"), await w.newLocal()];
    await w.local.changeMembers(team, { add: [user("ada"), user("eve")] });
    expect(await w.groups.map(engineers, team)).toEqual({ added: 1, removed: 0, refused: 0 });
    await w.groups.changeMembers(engineers, { clear: true });
    expect(await w.localUsers(team)).toEqual(["ada", "eve"]);
  });

  test("who is put there by hand though mapped stays when the mapping ends", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob"), await w.newLocal()];
    await w.groups.map(engineers, team);
    await w.groups.local.changeMembers(team, { add: [user("ada")] });
    expect(await w.groups.unmap(engineers, team)).toEqual({ added: 0, removed: 1, refused: 0 });
    expect(await w.localUsers(team)).toEqual(["ada"]);
    await w.groups.local.changeMembers(team, { remove: [user("ada")] });
    expect(await w.localUsers(team)).toEqual([]);
  });

  test("who is taken out by hand stays as long as mapped, and no longer", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob"), await w.newLocal()];
    await w.local.changeMembers(team, { add: [user("ada"), user("eve")] });
    await w.groups.map(engineers, team);
    await w.groups.local.modify(team, { unset: ["members"] });
    expect(await w.localUsers(team)).toEqual(["ada", "bob"]);
    await w.groups.changeMembers(engineers, { remove: [user("ada")] });
    expect(await w.localUsers(team)).toEqual(["bob"]);
  });

  test("the local group's own attributes and its members change together", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada"), await w.newLocal()];
    await w.groups.map(engineers, team);
    await w.groups.local.modify(team, {
      set: { displayName: "Crew", members: [user("eve")] },
    });
    expect((await w.local.get(team))?.displayName).toBe("Crew");
    expect(await w.localUsers(team)).toEqual(["ada", "eve"]);
    await w.groups.local.replace(team, { displayName: "Team", members: [user("bob")] });
    expect((await w.local.get(team))?.displayName).toBe("Team");
    expect(await w.localUsers(team)).toEqual(["ada", "bob"]);
  });

  test("of two groups that are mapped to one, the one does not take away what the other gives", async () => {
    await using w = await world();
    const [engineers, pilots, team] = [
      await w.newExternal("ada", "bob"),
      await w.newExternal("bob", "cy"),
      await w.newLocal(),
    ];
    await w.groups.map(engineers, team);
    await w.groups.map(pilots, team);
    await w.groups.changeMembers(engineers, { clear: true });
    expect(await w.localUsers(team)).toEqual(["bob", "cy"]);
    await w.groups.delete(pilots);
    expect(await w.localUsers(team)).toEqual([]);
  });

  test("a group that is deleted takes its mappings and its memberships with it", async () => {
    await using w = await world();
    const [engineers, pilots, team] = [
      await w.newExternal("ada", "bob"),
      await w.newExternal("bob"),
      await w.newLocal(),
    ];
    await w.local.changeMembers(team, { add: [user("eve")] });
    await w.groups.map(engineers, team);
    await w.groups.map(pilots, team);
    await w.groups.delete(engineers);
    expect(await w.localUsers(team)).toEqual(["bob", "eve"]);
    expect(await w.mappings.list()).toEqual([{ external: pilots, local: team }]);
  });

  test("a local group that is gone is mapped no more", async () => {
    await using w = await world();
    const [engineers, one, other] = [
      await w.newExternal("ada"),
      await w.newLocal(),
      await w.newLocal(),
    ];
    await w.groups.map(engineers, one);
    await w.groups.map(engineers, other);
    await w.groups.local.delete(one);
    expect(await w.mappings.list()).toEqual([{ external: engineers, local: other }]);
    expect(await w.memberships.grantsOf([{ group: one, member: "Users/ada" }])).toEqual([]);
    // The application may also have deleted it itself.
    await w.local.delete(other);
    await w.groups.changeMembers(engineers, { add: [user("bob")] });
    expect(await w.mappings.list()).toEqual([]);
    expect(await w.memberships.grantsOf([{ group: other, member: "Users/ada" }])).toEqual([]);
  });

  test("apply brings back what went past the mapping, into either store", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob", "cy"), await w.newLocal()];
    await w.groups.map(engineers, team);
    await w.local.changeMembers(team, { remove: [user("ada")] });
    await w.external.changeMembers(engineers, { remove: [user("bob")], add: [user("dan")] });
    expect(await w.groups.apply()).toEqual({ added: 2, removed: 1, refused: 0 });
    expect(await w.localUsers(team)).toEqual(["ada", "cy", "dan"]);
    await w.external.delete(engineers);
    expect(await w.groups.apply()).toEqual({ added: 0, removed: 3, refused: 0 });
    expect(await w.mappings.list()).toEqual([]);
  });

  test("members that are groups are not followed", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada"), await w.newLocal()];
    await w.groups.map(engineers, team);
    const pilots = await w.newExternal();
    await w.groups.changeMembers(engineers, { add: [{ value: pilots, type: "Group" }] });
    await w.groups.apply();
    expect(await w.localUsers(team)).toEqual(["ada"]);
  });

  test("only what there is can be mapped", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal(), await w.newLocal()];
    await expect(w.groups.map("nobody", team)).rejects.toThrow(NotFoundError);
    await expect(w.groups.map(engineers, "4711")).rejects.toThrow(NotFoundError);
    expect(await w.mappings.list()).toEqual([]);
  });

  test("several pages and slices of members are followed", async () => {
    await using w = await world();
    const many = Array.from({ length: 1_203 }, (_, number) => `user${number}`);
    const [engineers, team] = [await w.newExternal(...many), await w.newLocal()];
    expect(await w.groups.map(engineers, team)).toEqual({ added: 1_203, removed: 0, refused: 0 });
    expect(await w.localUsers(team)).toEqual([...many].sort());
    expect(await w.groups.unmap(engineers, team)).toEqual({
      added: 0,
      removed: 1_203,
      refused: 0,
    });
    expect(await w.localUsers(team)).toEqual([]);
  });

  test("what another source put there too is left to it", async () => {
    await using w = await world();
    const [engineers, team] = [await w.newExternal("ada", "bob"), await w.newLocal()];
    await w.groups.map(engineers, team);
    const grant = { group: team, member: "Users/ada", ours: false, held: true };
    await w.memberships.saveGrants("directory", [grant]);
    await w.groups.unmap(engineers, team);
    expect(await w.localUsers(team)).toEqual(["ada"]);
    expect(await w.memberships.grantsOf([grant])).toEqual([
      { ...grant, source: "directory", ours: true },
    ]);
  });
});

test("one member more takes as many statements in a group of 2,000 as in one of 2", async () => {
  const counted = async (size: number): Promise<number> => {
    await using database = await testDatabase();
    const { db, statements } = database;
    const local = new KyselyGroupRepository(db, { users: "elsewhere" });
    const groups = mapGroups({
      external: new KyselyGroupRepository(db, { users: "elsewhere" }),
      local,
      mappings: new KyselyGroupMappingRepository(db),
      memberships: new KyselyMembershipRepository(db),
    });
    const members = Array.from({ length: size }, (_, number) => user(`user${number}`));
    const { id } = await groups.create({ displayName: "Engineers", members });
    await groups.map(id, (await local.create({ displayName: "Team" })).id);
    statements.length = 0;
    await groups.changeMembers(id, { add: [user("ada")] });
    return statements.length;
  };
  const few = await counted(2);
  expect(few).toBeGreaterThan(0);
  expect(await counted(2_000)).toBe(few);
});

/** A store that refuses some members, and is away at times. */
class Team extends InMemoryGroupRepository {
  banned = "";
  frozen = "";
  away = false;

  override async changeMembers(id: string, change: MembersChange): Promise<void> {
    if (this.away) throw new UnavailableError("The database is away.");
    if (change.add?.some(({ value }) => value === this.banned)) {
      throw new UnsupportedError("Nobody may add this member.");
    }
    if (change.remove?.some(({ value }) => value === this.frozen)) {
      throw new UnsupportedError("Nobody may remove this member.");
    }
    await super.changeMembers(id, change);
  }
}

describe("where the local store", () => {
  async function world() {
    const local = new Team();
    const refusals: MappingRefusal[] = [];
    const stores = {
      ...storesInMemory(),
      local,
      onRefusal: (refusal: MappingRefusal) => refusals.push(refusal),
    };
    const groups = mapGroups(stores);
    const members = ["ada", "bob", "cy"].map(user);
    const { id: external } = await groups.create({ displayName: "Engineers", members });
    const { id: team } = await local.create({ displayName: "Team" });
    return { ...stores, local, groups, refusals, external, team };
  }

  test("refuses a member, the others come, and the member when the store has changed its mind", async () => {
    const w = await world();
    w.local.banned = "bob";
    expect(await w.groups.map(w.external, w.team)).toEqual({ added: 2, removed: 0, refused: 1 });
    expect(await usersIn(w.local, w.team)).toEqual(["ada", "cy"]);
    expect(w.refusals).toEqual([
      { group: w.team, member: "bob", error: new UnsupportedError("Nobody may add this member.") },
    ]);
    w.local.banned = "";
    expect(await w.groups.apply()).toEqual({ added: 1, removed: 0, refused: 0 });
  });

  test("has refused a member whom somebody adds later, that one is not taken out", async () => {
    const w = await world();
    w.local.banned = "bob";
    await w.groups.map(w.external, w.team);
    w.local.banned = "";
    await w.local.changeMembers(w.team, { add: [user("bob")] });
    await w.groups.delete(w.external);
    expect(await usersIn(w.local, w.team)).toEqual(["bob"]);
  });

  test("refuses to let somebody go, the others go, and that one later", async () => {
    const w = await world();
    await w.groups.map(w.external, w.team);
    w.local.frozen = "bob";
    expect(await w.groups.unmap(w.external, w.team)).toEqual({ added: 0, removed: 2, refused: 1 });
    w.local.frozen = "";
    expect(await w.groups.unmap(w.external, w.team)).toEqual({ added: 0, removed: 1, refused: 0 });
    expect(await usersIn(w.local, w.team)).toEqual([]);
  });

  test("is away, the caller learns of it, and the same change once more does the rest", async () => {
    const w = await world();
    await w.groups.map(w.external, w.team);
    w.local.away = true;
    const change = { add: [user("dan")], remove: [user("ada")] };
    await expect(w.groups.changeMembers(w.external, change)).rejects.toThrow(UnavailableError);
    w.local.away = false;
    await w.groups.changeMembers(w.external, change);
    expect(await usersIn(w.local, w.team)).toEqual(["bob", "cy", "dan"]);
  });

  test("refuses a member by hand, nobody is taken to be meant by hand later", async () => {
    const w = await world();
    w.local.banned = "ada";
    const add = { add: [user("ada")] };
    await expect(w.groups.local.changeMembers(w.team, add)).rejects.toThrow(UnsupportedError);
    w.local.banned = "";
    await w.groups.map(w.external, w.team);
    await w.groups.unmap(w.external, w.team);
    expect(await usersIn(w.local, w.team)).toEqual([]);
  });
});

describe("either side is a repository of groups", async () => {
  const sides = {
    external: () => ({ groups: mapGroups(storesInMemory()) }),
    local: () => ({ groups: mapGroups(storesInMemory()).local }),
  };
  for (const [side, make] of Object.entries(sides)) {
    describe(side, async () => {
      for (const { name, skip, run } of await groupRepositoryContract(make)) {
        test.skipIf(skip !== undefined)(name, run);
      }
    });
  }
});

/** External groups whose caller is gone as soon as they are written. */
class Deserted extends InMemoryGroupRepository {
  readonly caller: AbortController = new AbortController();
  override async delete(id: string): Promise<void> {
    await super.delete(id);
    this.caller.abort();
  }
  override async changeMembers(id: string, change: MembersChange): Promise<void> {
    await super.changeMembers(id, change);
    this.caller.abort();
  }
}

test.each<
  [string, (groups: ReturnType<typeof mapGroups>, id: string, signal: AbortSignal) => Promise<void>]
>([
  ["deleted", (groups, id, signal) => groups.delete(id, { signal })],
  [
    "emptied",
    (groups, id, signal) => groups.changeMembers(id, { remove: [user("ada")] }, { signal }),
  ],
])("what was %s is followed, though the client has gone meanwhile", async (_, change) => {
  const stores = storesInMemory();
  const external = new Deserted();
  const groups = mapGroups({ ...stores, external });
  const { id } = await groups.create({ displayName: "Engineers", members: [user("ada")] });
  const team = await groups.local.create({ displayName: "Team" });
  await groups.map(id, team.id);
  await change(groups, id, external.caller.signal);
  expect(await usersIn(stores.local, team.id)).toEqual([]);
});

test("a group that is gone already is deleted with its mappings the second time", async () => {
  const stores = storesInMemory();
  const groups = mapGroups(stores);
  const { id } = await groups.create({ displayName: "Engineers", members: [user("ada")] });
  const team = await groups.local.create({ displayName: "Team" });
  await groups.map(id, team.id);
  await stores.external.delete(id);
  await expect(groups.delete(id)).rejects.toMatchObject({ code: "not_found" });
  expect(await usersIn(stores.local, team.id)).toEqual([]);
  expect(await stores.mappings.list()).toEqual([]);
});
