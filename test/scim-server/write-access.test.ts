import type { UserRepository } from "concordat/repositories";
import { mayWriteByDefault } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import {
  enterpriseUserId,
  groupId,
  kinds,
  type Provider,
  patch,
  provider,
  type Stores,
} from "./provider.js";

/** A service provider whose principal may not write these paths. */
function withoutRightTo(stores: Stores, ...denied: readonly string[]): Provider {
  return provider(stores, {
    mayWrite: (_, path, type) => mayWriteByDefault(path, type) && !denied.includes(path),
  });
}

describe.each(Object.entries(kinds))(
  "over stores in %s, without the right to write it",
  (_, open) => {
    test.each([
      ["an empty list", []],
      ["null", null],
      ["nobody", undefined],
    ])("a group keeps its members when PUT has %s in their place", async (__, members) => {
      await using stores = await open();
      const { call, create } = withoutRightTo(stores, "members");
      const user = await stores.users.create({ userName: "bjensen" });
      const { id } = await create("/Groups", { displayName: "Owners" });
      await stores.groups.changeMembers(id, { add: [{ value: user.id, type: "User" }] });
      const sent = { schemas: [groupId], displayName: "All owners", members };
      const replaced = await call("PUT", `/Groups/${id}`, sent);
      expect(replaced).toMatchObject({ status: 200, body: { displayName: "All owners" } });
      expect((await call("GET", `/Groups/${id}`)).body.members).toMatchObject([{ value: user.id }]);
    });

    test("an attribute stays when the extension it is in is removed", async () => {
      await using stores = await open();
      const number = `${enterpriseUserId}:employeeNumber`;
      const { call } = withoutRightTo(stores, number);
      const { id } = await withEnterprise(stores.users);
      const removals = {
        path: { op: "remove", path: enterpriseUserId },
        replacement: { op: "replace", value: { [enterpriseUserId]: null } },
      };
      for (const removal of Object.values(removals)) {
        const changed = await call("PATCH", `/Users/${id}`, patch(removal));
        expect(changed).toMatchObject({ status: 200 });
        expect(changed.body[enterpriseUserId]).toEqual({ employeeNumber: "701984" });
      }
    });
  },
);

test("an extension that may be written as a whole is removed as a whole", async () => {
  const open = kinds["memory"];
  if (open === undefined) throw new Error("There are no stores in memory.");
  await using stores = await open();
  const { call } = withoutRightTo(stores, enterpriseUserId);
  const { id } = await withEnterprise(stores.users);
  const changed = await call(
    "PATCH",
    `/Users/${id}`,
    patch({ op: "remove", path: enterpriseUserId }),
  );
  expect(changed.body).not.toHaveProperty([enterpriseUserId]);
});

function withEnterprise(users: UserRepository): ReturnType<UserRepository["create"]> {
  return users.create({
    userName: "bjensen",
    [enterpriseUserId]: { employeeNumber: "701984", department: "Tours", costCenter: "4130" },
  });
}
