import { KyselyUserRepository } from "concordat/kysely";
import { expect, test } from "vitest";
import { testDatabase } from "./database.js";

test("an attribute whose column is undefined is not said to be stored", async () => {
  await using database = await testDatabase();
  const users = new KyselyUserRepository(database.db, {
    map: {
      table: "account",
      id: { column: "id", generate: () => crypto.randomUUID() },
      attributes: { userName: { column: "login", lower: true }, title: undefined },
      others: "ignore",
    },
  });
  expect(users.capabilities.attributes).toEqual(["userName"]);
});
