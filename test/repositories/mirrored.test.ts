import { setImmediate } from "node:timers/promises";
import { InvalidValueError, UnavailableError, UnsupportedError } from "concordat";
import {
  endSessions,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  mirrored,
  type UserRepository,
} from "concordat/repositories";
import type { NewUser, User } from "concordat/scim";
import { beforeEach, describe, expect, test } from "vitest";
import { WriteOnlyGroups, WriteOnlyUsers } from "./write-only.js";

describe("users of a target that cannot be read", () => {
  let target: WriteOnlyUsers;
  let copy: InMemoryUserRepository;
  let users: UserRepository;

  beforeEach(() => {
    target = new WriteOnlyUsers();
    copy = new InMemoryUserRepository();
    users = mirrored(target, copy);
  });

  const told = (): NewUser[] => [...target.users.values()];

  test("are what the target was told", async () => {
    const ann = await users.create({ userName: "ann", password: "secret", active: true });
    await users.modify(ann.id, { set: { active: false, "name.familyName": "Archer" } });
    await users.replace(ann.id, { userName: "Anna", active: true });
    const bob = await users.create({ userName: "bob" });
    await users.delete(bob.id);
    expect(told()).toEqual([{ userName: "Anna", active: true }]);
    expect((await users.find({})).resources).toMatchObject([{ id: ann.id, userName: "Anna" }]);
    expect(JSON.stringify(await copy.find({}))).not.toContain("secret");
  });

  test("are unchanged when the target refuses or cannot answer", async () => {
    const ann = await users.create({ userName: "ann" });
    const down = new UnavailableError("The application is down.");
    target.interrupt = () => {
      throw down;
    };
    await expect(users.create({ userName: "bob" })).rejects.toBe(down);
    await expect(users.replace(ann.id, { userName: "eve" })).rejects.toBe(down);
    await expect(users.modify(ann.id, { set: { active: false } })).rejects.toBe(down);
    await expect(users.delete(ann.id)).rejects.toBe(down);
    expect(await users.get(ann.id)).toEqual(ann);
    expect((await users.find({})).totalResults).toBe(1);
  });

  test("take back from the target what the copy refuses", async () => {
    class Strict extends InMemoryUserRepository {
      override create(user: NewUser): Promise<User> {
        if (user.title !== undefined)
          throw new InvalidValueError("title", "there is no place for it.");
        return super.create(user);
      }
      override async replace(id: string, user: NewUser | User): Promise<User> {
        if (user.title !== undefined)
          throw new InvalidValueError("title", "there is no place for it.");
        return await super.replace(id, user);
      }
    }
    users = mirrored(target, new Strict());
    await expect(users.create({ userName: "ann", title: "Dr." })).rejects.toThrow(
      InvalidValueError,
    );
    expect(told()).toEqual([]);
    const { id } = await users.create({ userName: "ann" });
    await expect(users.replace(id, { userName: "eve", title: "Dr." })).rejects.toThrow(
      InvalidValueError,
    );
    expect(told()).toEqual([{ userName: "ann" }]);
    target.interrupt = (call) => {
      if (call === "delete") throw new UnavailableError("The application is down.");
    };
    const error: unknown = await users
      .create({ userName: "bob", title: "Dr." })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ errors: [{ code: "invalid_value" }, { code: "unavailable" }] });
    expect(told()).toEqual([{ userName: "ann" }, { userName: "bob" }]);
  });

  test("are written again after a crash between the target and the copy", async () => {
    const ann = await users.create({ userName: "ann", active: true });
    // The target was told, and the process ended.
    await target.change({ userName: "ann", active: false }, ann);
    users = mirrored(target, copy);
    await users.modify(ann.id, { set: { active: false } });
    expect(told()).toEqual([{ userName: "ann", active: false }]);
    expect((await users.get(ann.id))?.active).toBe(false);
  });

  test("are not told to the target in a version that has passed, or under a name that is taken", async () => {
    const ann = await users.create({ userName: "ann" });
    const bob = await users.create({ userName: "bob" });
    await users.replace(ann.id, { userName: "ann", active: false });
    const stale = { ifVersion: ann.meta?.version ?? "" };
    target.interrupt = () => {
      throw new Error("The target was told.");
    };
    await expect(users.modify(ann.id, { set: { active: true } }, stale)).rejects.toMatchObject({
      code: "version_conflict",
    });
    await expect(users.delete(ann.id, stale)).rejects.toMatchObject({ code: "version_conflict" });
    const taken = { code: "uniqueness", resourceId: ann.id };
    await expect(users.create({ userName: "ANN" })).rejects.toMatchObject(taken);
    await expect(users.modify(bob.id, { set: { userName: "Ann" } })).rejects.toMatchObject(taken);
  });

  test("are told to the target in the order in which the copy has them", async () => {
    const { id } = await users.create({ userName: "ann" });
    const slow = target.change.bind(target);
    let first = true;
    target.change = async (user, before) => {
      if (first) {
        first = false;
        await setImmediate();
      }
      await slow(user, before);
    };
    await Promise.all([
      users.modify(id, { set: { active: false } }),
      users.modify(id, { set: { active: true } }),
    ]);
    expect(told()).toEqual([{ userName: "ann", active: (await users.get(id))?.active }]);
  });

  test("are told to the target also when what came before was refused", async () => {
    const { id } = await users.create({ userName: "ann" });
    let calls = 0;
    target.interrupt = () => {
      if (calls++ === 0) throw new UnavailableError("The application is down.");
    };
    const results = await Promise.allSettled([
      users.modify(id, { set: { active: false } }),
      users.modify(id, { set: { title: "Dr." } }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  test("have passwords and sessions where the target has", async () => {
    const set: unknown[] = [];
    const able = Object.assign(new WriteOnlyUsers(), {
      setPassword: async ({ userName }: NewUser, password: string) => {
        set.push([userName, password]);
      },
    });
    const nothing = async (): Promise<void> => {};
    const unable = mirrored({ create: nothing, change: nothing, delete: nothing }, copy);
    expect(unable.capabilities).toMatchObject({ password: "create", sessions: false });
    users = mirrored(able, copy);
    expect(users.capabilities).toMatchObject({ password: "set", sessions: true });
    const { id } = await users.create({ userName: "ann" });
    await users.setPassword?.(id, "secret");
    await users.revokeSessions?.(id);
    expect(set).toEqual([["ann", "secret"]]);
    expect(able.ended).toEqual(["ann"]);
    await expect(users.setPassword?.("nobody", "secret")).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("have their sessions ended when they have been deleted", async () => {
    const { id } = await users.create({ userName: "ann" });
    await users.delete(id);
    target.interrupt = () => {
      throw new Error("The target is away.");
    };
    expect(await endSessions(users, id)).toBe("failed");
    target.interrupt = () => {};
    expect(await endSessions(users, id)).toBe("revoked");
    expect(target.ended).toEqual(["ann"]);
    expect(await endSessions(users, "nobody")).toBe("failed");
  });
});

describe("groups of a target that cannot be read", () => {
  test("are what the target was told, with their members", async () => {
    const target = new WriteOnlyGroups();
    const groups = mirrored(target, new InMemoryGroupRepository());
    const { id } = await groups.create({ displayName: "staff", members: [{ value: "1" }] });
    await groups.changeMembers(id, { add: [{ value: "2" }], remove: [{ value: "1" }] });
    await groups.modify(id, {
      set: { displayName: "crew" },
      relations: { members: { add: [{ value: "3" }] } },
    });
    expect(target.groups).toEqual(new Map([["crew", new Set(["2", "3"])]]));
    await groups.replace(id, { displayName: "crew", members: [{ value: "4" }] });
    expect(target.groups).toEqual(new Map([["crew", new Set(["4"])]]));
    expect((await groups.members(id)).members).toEqual([{ value: "4", type: "User" }]);
    target.interrupt = () => {
      throw new UnavailableError("The application is down.");
    };
    const change = groups.changeMembers(id, { clear: true });
    await expect(change).rejects.toMatchObject({ code: "unavailable" });
    expect(await groups.whichAreMembers(id, ["4"])).toEqual(new Set(["4"]));
    target.interrupt = () => {};
    await groups.delete(id);
    expect(target.groups).toEqual(new Map());
  });

  test("take back from the target what the copy refuses", async () => {
    class Strict extends InMemoryGroupRepository {
      override create(): Promise<never> {
        return Promise.reject(new InvalidValueError("displayName", "there is no place for it."));
      }
      override modify(): Promise<never> {
        return Promise.reject(new InvalidValueError("displayName", "there is no place for it."));
      }
    }
    const target = new WriteOnlyGroups();
    const copy = new Strict();
    const groups = mirrored(target, copy);
    await expect(groups.create({ displayName: "crew" })).rejects.toThrow(InvalidValueError);
    expect(target.groups).toEqual(new Map());
    const plain = InMemoryGroupRepository.prototype.create.bind(copy);
    const { id } = await plain({ displayName: "staff" });
    await target.create({ displayName: "staff" });
    const change = groups.modify(id, { set: { displayName: "crew" } });
    await expect(change).rejects.toThrow(InvalidValueError);
    expect(target.groups).toEqual(new Map([["staff", new Set()]]));
  });
});

test("a target and a copy of different types are refused, and a copy that finds nobody by name", () => {
  const users = new WriteOnlyUsers();
  const groups = new WriteOnlyGroups();
  const mirror: (target: never, copy: never) => unknown = mirrored;
  expect(() => mirror(groups as never, new InMemoryUserRepository() as never)).toThrow(
    UnsupportedError,
  );
  expect(() => mirror(users as never, new InMemoryGroupRepository() as never)).toThrow(
    UnsupportedError,
  );
  const blind = Object.assign(new InMemoryUserRepository(), {
    capabilities: { ...new InMemoryUserRepository().capabilities, filter: {} },
  });
  expect(() => mirrored(users, blind)).toThrow(UnsupportedError);
});
