import { UniquenessError, VersionConflictError } from "concordat";
import { InMemoryUserRepository, inMemoryTarget, type Link } from "concordat/repositories";
import { expect, test } from "vitest";

test("a rejected transaction leaves every store as it was", async () => {
  const target = inMemoryTarget();
  const before = await target.users.create({ userName: "ann" });
  const group = await target.groups.create({ displayName: "staff" });
  await target.checkpoints.save("s", { generation: 1, revision: 0 });
  const link: Link = {
    sourceId: "1",
    type: "User",
    state: "live",
    adopted: false,
    seen: 1,
    disabledByUs: false,
    unsettled: false,
  };
  await target.links.save("s", [link]);
  await target.links.setNames("s", [{ sourceId: "1", names: [{ kind: "dn", key: "uid=ann" }] }]);
  const failure = new Error("no");
  await expect(
    target.transaction?.(async (inside) => {
      await inside.users.replace(before.id, { userName: "anna" });
      await inside.users.create({ userName: "ann" });
      await inside.groups.changeMembers(group.id, { add: [{ value: before.id }] });
      await inside.links.save("s", [{ ...link, state: "gone" }]);
      await inside.links.remove("s", ["1"]);
      await inside.checkpoints.save("s", { generation: 2, revision: 1 });
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(await target.users.get(before.id)).toEqual(before);
  expect((await target.users.find({})).totalResults).toBe(1);
  expect(await target.groups.get(group.id, { attributes: ["members"] })).toEqual(group);
  expect(await target.links.get("s", ["1"])).toEqual([link]);
  expect(await target.links.names("s", ["1"])).toEqual([
    { kind: "dn", key: "uid=ann", sourceId: "1", state: "live" },
  ]);
  expect(await target.checkpoints.load("s")).toEqual({ generation: 1, revision: 1 });
});

test("a savepoint that is rolled back takes only its own writes with it", async () => {
  const target = inMemoryTarget();
  await target.transaction?.(async (outer) => {
    await outer.users.create({ userName: "kept" });
    await expect(
      outer.transaction?.(async (inner) => {
        await inner.users.create({ userName: "lost" });
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
  });
  const { resources } = await target.users.find({});
  expect(resources.map((user) => user.userName)).toEqual(["kept"]);
});

test("names are compared without regard to case, and versions are demanded", async () => {
  const users = new InMemoryUserRepository();
  const first = await users.create({ userName: "Éclair", password: "secret" });
  expect(first).not.toHaveProperty("password");
  await expect(users.create({ userName: "éclair" })).rejects.toThrow(UniquenessError);
  await users.modify(first.id, { set: { active: false } }, { ifVersion: 'W/"1"' });
  await expect(users.delete(first.id, { ifVersion: 'W/"1"' })).rejects.toThrow(
    VersionConflictError,
  );
});
