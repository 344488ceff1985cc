import { describe, expect, test } from "vitest";
import { groupId, kinds, patch, provider, userId } from "./provider.js";

describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test.each([" admin", "admin\u200b", "admin\u00a0"])(
    "a user name that people cannot distinguish is refused: %j",
    async (userName) => {
      await using stores = await open();
      const { call, create } = provider(stores);
      const { id } = await create("/Users", { userName: "mallory" });
      await create("/Users", { userName: "admin" });
      const invalid = { status: 400, body: { scimType: "invalidValue" } };
      const sent = { schemas: [userId], userName };
      expect(await call("POST", "/Users", sent)).toMatchObject(invalid);
      expect(await call("PUT", `/Users/${id}`, sent)).toMatchObject(invalid);
      for (const operation of [
        { op: "replace", path: "userName", value: userName },
        { op: "add", value: { userName } },
      ]) {
        expect(await call("PATCH", `/Users/${id}`, patch(operation))).toMatchObject(invalid);
      }
      // Whoever has such a name can be read and sent back.
      const known = await stores.users.create({ userName: `${userName} known` });
      const path = `/Users/${known.id}`;
      const { body } = await call("GET", path);
      expect(await call("PUT", path, { ...body, title: "x" })).toMatchObject({ status: 200 });
      const any = provider(stores, { userNames: "any" });
      expect(
        await any.call("PATCH", `/Users/${id}`, patch({ op: "add", value: { userName } })),
      ).toMatchObject({ status: 200 });
    },
  );

  test.each([" Admins", "Admins\u200b", "The  Admins", "Admins\u2060"])(
    "a group name that people cannot distinguish is refused: %j",
    async (displayName) => {
      await using stores = await open();
      const { call, create } = provider(stores);
      const { id } = await create("/Groups", { displayName: "Admins" });
      const invalid = { status: 400, body: { scimType: "invalidValue" } };
      const sent = { schemas: [groupId], displayName };
      expect(await call("POST", "/Groups", sent)).toMatchObject(invalid);
      expect(await call("PUT", `/Groups/${id}`, sent)).toMatchObject(invalid);
      for (const operation of [
        { op: "replace", path: "displayName", value: displayName },
        { op: "add", value: { displayName } },
      ]) {
        expect(await call("PATCH", `/Groups/${id}`, patch(operation))).toMatchObject(invalid);
      }
      const known = await stores.groups.create({ displayName });
      const path = `/Groups/${known.id}`;
      const { body } = await call("GET", path);
      expect(await call("PUT", path, { ...body, externalId: "x" })).toMatchObject({ status: 200 });
      const any = provider(stores, { groupNames: "any" });
      expect(await any.call("POST", "/Groups", sent)).toMatchObject({ status: 201 });
      // A user is shown by a name that need not be unlike others.
      expect(
        await call("POST", "/Users", { schemas: [userId], userName: "ada", displayName }),
      ).toMatchObject({ status: 201 });
    },
  );
});
