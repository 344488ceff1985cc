import assert from "node:assert/strict";
import { test } from "node:test";
import { caseless } from "concordat/scim";
import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { Bridge } from "../bridge.ts";
import { WikiGroupRepository } from "../groups.ts";
import { exactName, localPart, readableName } from "../names.ts";
import { WikiUserRepository } from "../users.ts";

test("names of the directory become names that MediaWiki can have", () => {
  assert.equal(exactName("bob_smith"), "bob_smith");
  assert.equal(readableName("bob_smith"), "bob smith");
  assert.equal(readableName("user:ada@example.com"), "user-ada-example.com");
  assert.equal(localPart("ada_l@example.com"), "ada l");
});

/**
 * The settings of a wiki that is there for this: every account in it is deleted. It declares 60 groups at least that
 * nobody is in.
 */
const settings = process.env["TEST_MW_CONFIG_FILE"];

const missing = settings === undefined ? "TEST_MW_CONFIG_FILE names no empty wiki" : false;

test("users and groups of a wiki", { skip: missing }, async (context) => {
  await using bridge = new Bridge({ settings: settings ?? "", hidden: ["Admin"] });
  const users = new WikiUserRepository(bridge);
  const groups = new WikiGroupRepository(bridge);
  const { totalResults } = await users.find({});
  assert.equal(totalResults, 0, "The wiki has to have no accounts but Admin.");

  /** Nobody sees those who were deleted, so that the next case begins as the first did. */
  async function empty(): Promise<void> {
    for (;;) {
      const { resources } = await users.find({});
      if (resources.length === 0) return;
      for (const { id } of resources) await users.delete(id);
    }
  }
  const cases = {
    users: await userRepositoryContract(async () => {
      await empty();
      return users;
    }),
    groups: await groupRepositoryContract(async () => {
      await empty();
      return { users, groups };
    }),
  };
  for (const [subject, list] of Object.entries(cases)) {
    for (const { name, skip, run } of list) {
      await context.test(`${subject}: ${name}`, { skip: skip ?? false }, run);
    }
  }

  await context.test(
    "names that MediaWiki cannot have, or reads as another, are refused",
    async () => {
      await empty();
      const names = [
        ...["ada@example.com", "ada:b", "a>b", "a#b", "a/b", "a|b", "a[b", "a{b", "a<b"],
        ...["user:x", "talk:x", "bob_smith", " ada", "ada ", "a  b", "127.0.0.1", "::1", ":x"],
        ...["é".repeat(128), "~~~~", "", "..", "Concordat", "Admin"],
      ];
      for (const userName of names) {
        const refusal = { code: /invalid_value|uniqueness/ };
        await assert.rejects(users.create({ userName }), refusal, userName);
      }
      assert.equal((await users.find({})).totalResults, 0);
      const zoe = await users.create({ userName: "Zoe\u0308" });
      await assert.rejects(users.create({ userName: "zo\u00eb" }), { resourceId: zoe.id });
    },
  );

  await context.test("names are mapped by a function, and are here what they were", async () => {
    await empty();
    const mapped = new WikiUserRepository(bridge, readableName);
    const { id } = await mapped.create({ userName: "Bob_Smith@example.com" });
    assert.equal((await mapped.get(id))?.userName, "Bob_Smith@example.com");
    // Two that would have one name are not one.
    await assert.rejects(mapped.create({ userName: "bob_smith:example.com" }), { resourceId: id });
    assert.equal(caseless((await users.get(id))?.userName ?? ""), "bob smith-example.com");
  });
});
