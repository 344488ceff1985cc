import { InvalidValueError } from "concordat";
import { KyselyUserRepository } from "concordat/kysely";
import { type Cursor, writeCursor } from "concordat/repositories";
import { bindSort, userResourceType } from "concordat/scim";
import { afterAll, expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";

const id = "00000000-0000-4000-8000-000000000000";

for (const database of databases) {
  describeOn(database, "pages by cursor", async () => {
    const opened = await database.open();
    afterAll(() => opened[Symbol.asyncDispose]());
    const users = new KyselyUserRepository(opened.db);
    for (const userName of ["ann", "bob", "eve"]) await users.create({ userName });

    test("are not counted, and take one statement each", async () => {
      const before = opened.statements.length;
      const page = await users.find({ cursor: "", count: 1 });
      expect(page.totalResults).toBeUndefined();
      expect(opened.statements.length).toBe(before + 1);
    });

    test.each(["userName", "active", "meta.created", "id"])(
      "of %s refuse keys that no resource can have, whoever made them up",
      async (path) => {
        const sort = bindSort(path, userResourceType);
        const isText = path === "userName" || path === "id";
        const keys = ["nul\u0000byte", "\ud800", ...(isText ? [1] : ["x", ""])];
        for (const key of [...keys, ...(path === "meta.created" ? [1e300] : [])]) {
          const cursor = writeCursor({ side: "after", position: { id, key } }, sort);
          await expect(users.find({ cursor, sort })).rejects.toThrow(InvalidValueError);
        }
      },
    );

    test("refuse ids that no resource can have, and begin at those that none has", async () => {
      const at = (position: Cursor["position"]): string =>
        writeCursor({ side: "after", position }, undefined);
      const unfit = users.find({ cursor: at({ id: "nul\u0000byte" }) });
      await expect(unfit).rejects.toThrow(InvalidValueError);
      const { resources } = await users.find({ cursor: at({ id: "0" }) });
      expect(resources).toHaveLength(3);
    });

    test("take any number for a key, after which those come that have no value", async () => {
      const sort = bindSort("active", userResourceType);
      for (const key of [7, 0.5, 1e300, -1e300]) {
        const cursor = writeCursor({ side: "after", position: { id, key } }, sort);
        expect((await users.find({ cursor, sort })).resources).toHaveLength(3);
      }
    });
  });
}
