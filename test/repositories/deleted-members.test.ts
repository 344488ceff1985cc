import { InvalidValueError } from "concordat";
import {
  InMemoryGroupRepository,
  InMemoryIdentityMapRepository,
  InMemoryUserRepository,
  inMemoryTarget,
  leaveGroups,
  mirrored,
  withIdentityMap,
} from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { describe, expect, test } from "vitest";
import { provider } from "../scim-server/provider.js";
import { gone, live, person, refresh, scripted } from "../sync/streams.js";
import { WriteOnlyGroups } from "./write-only.js";

/** Groups that do not learn who is deleted among the users beside them. */
function unlinked() {
  return { users: new InMemoryUserRepository(), groups: new InMemoryGroupRepository() };
}

describe("whoever is deleted is in no group any more", () => {
  test("in memory, in the same step, and the group has a new version", async () => {
    const users = new InMemoryUserRepository();
    const groups = new InMemoryGroupRepository({ users });
    const { id } = await users.create({ userName: "ann" });
    const staff = await groups.create({ displayName: "staff", members: [{ value: id }] });
    await users.delete(id);
    expect(await groups.groupsOf(id)).toEqual([]);
    expect((await groups.get(staff.id))?.meta?.version).not.toBe(staff.meta?.version);
    const change = groups.changeMembers(staff.id, { add: [{ value: id }] });
    await expect(change).rejects.toThrow(InvalidValueError);
    expect((await groups.members(staff.id)).members).toEqual([]);
  });

  test("in memory, unless the transaction of the deletion is rolled back", async () => {
    const target = inMemoryTarget();
    const { id } = await target.users.create({ userName: "ann" });
    const staff = await target.groups.create({ displayName: "staff", members: [{ value: id }] });
    const failed = target.transaction?.(async (inside) => {
      await inside.users.delete(id);
      expect(await inside.groups.groupsOf(id)).toEqual([]);
      throw new Error("The work failed.");
    });
    await expect(failed).rejects.toThrow("The work failed.");
    expect(await target.groups.groupsOf(id)).toEqual([staff.id]);
  });

  test("who is deleted by a SCIM client, where the groups do not learn of it", async () => {
    const stores = unlinked();
    const { call } = provider(stores);
    const { id } = await stores.users.create({ userName: "ann" });
    const inner = await stores.groups.create({ displayName: "inner", members: [{ value: id }] });
    await stores.groups.create({ displayName: "outer", members: [{ value: id }] });
    expect((await call("DELETE", `/Users/${id}`)).status).toBe(204);
    expect(await stores.groups.groupsOf(id)).toEqual([]);
    expect(await stores.groups.get(inner.id)).toBeDefined();
  });

  test("who leaves a directory, where the groups do not learn of it", async () => {
    const target = { ...inMemoryTarget({ transactions: false }), ...unlinked() };
    const batches = refresh([person("1", "ann")]);
    const options = { onDelete: "delete" } as const;
    for await (const _ of synchronize(scripted(batches), target, options));
    const [ann] = (await target.users.find({})).resources;
    const local = await target.groups.create({ displayName: "local" });
    await target.groups.changeMembers(local.id, { add: [{ value: ann?.id ?? "" }] });
    for await (const _ of synchronize(scripted([...batches, live([gone("1")])]), target, options));
    expect((await target.users.find({})).totalResults).toBe(0);
    expect((await target.groups.members(local.id)).members).toEqual([]);
  });

  test("with an identity map, before the store may use the id again", async () => {
    let last = 0;
    const users = new InMemoryUserRepository({ newId: () => String(++last) });
    const groups = new InMemoryGroupRepository();
    const mapped = withIdentityMap(users, new InMemoryIdentityMapRepository(), { groups });
    const { id } = await mapped.create({ userName: "ann" });
    await groups.create({ displayName: "staff", members: [{ value: "1" }] });
    await mapped.delete(id);
    expect(await groups.groupsOf("1")).toEqual([]);
  });

  test("only where the store says that they stay", async () => {
    const groups = new InMemoryGroupRepository({ users: new InMemoryUserRepository() });
    const counted = Object.assign(groups, {
      groupsOf: () => Promise.reject(new Error("It need not be asked.")),
    });
    await leaveGroups(counted, { id: "1", type: "User" });
  });
});

test("members that the copy of a target refuses are taken back from the target", async () => {
  const target = new WriteOnlyGroups();
  const users = new InMemoryUserRepository();
  const groups = mirrored(target, new InMemoryGroupRepository({ users }));
  const { id: ann } = await users.create({ userName: "ann" });
  const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
  const members = [{ value: "nobody" }];
  const writes = [
    () => groups.changeMembers(id, { clear: true, add: members }),
    () => groups.replace(id, { displayName: "crew", members }),
    () => groups.modify(id, { set: { displayName: "crew", members } }),
  ];
  for (const write of writes) {
    await expect(write()).rejects.toThrow(InvalidValueError);
    expect(target.groups).toEqual(new Map([["staff", new Set([ann])]]));
    expect(await groups.get(id)).toMatchObject({ displayName: "staff" });
  }
});
