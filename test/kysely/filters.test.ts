import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import {
  and,
  bindFilter,
  compileFilter,
  defineResourceType,
  defineSchema,
  enterpriseUserSchema,
  eq,
  type Filter,
  groupResourceType,
  type NewUser,
  parseFilter,
  printFilter,
  type ResourceType,
  type User,
  userResourceType,
  userSchema,
} from "concordat/scim";
import fc from "fast-check";
import { CompiledQuery } from "kysely";
import { describe, expect, test } from "vitest";
import { supportsFilter } from "../../src/repositories/internal.js";
import { anyFilterOf, anyResourceOf } from "../scim/filter/samples.js";
import { databases, describeOn } from "./databases.js";

for (const database of databases) {
  describeOn(database, "filters of users", () => {
    test("find the users that match, after whatever was changed", async () => {
      await using opened = await database.open();
      const users = new KyselyUserRepository(opened.db);
      const seed = Math.floor(Math.random() * 2 ** 31);
      const given = fc
        .sample(anyResourceOf(userResourceType), { seed, numRuns: 120 })
        .map((resource, index): NewUser => storable(resource, `${resource["userName"]}#${index}`));
      await users.write(given.map((resource) => ({ kind: "create", resource })));
      let { resources } = await users.find({});
      expect(resources).toHaveLength(given.length);
      // Parts are changed in another way than resources that are written whole.
      for (const [index, { id, userName }] of resources.entries()) {
        const { emails, name, title, displayName } = given[(index + 7) % given.length] ?? {};
        const set = Object.entries({ emails, name, title, displayName }).filter(
          ([, value]) => value !== undefined,
        );
        if (index % 3 === 0) {
          await users.modify(id, { set: Object.fromEntries(set), unset: ["addresses"] });
        }
        if (index % 3 === 1) {
          await users.replace(id, storable({ ...given[(index + 5) % given.length] }, userName));
        }
      }
      ({ resources } = await users.find({}));

      const seen = { matches: 0, others: 0 };
      await fc.assert(
        fc.asyncProperty(anyFilterOf(userResourceType, isStored), async (read) => {
          const filter = bindFilter(read, userResourceType);
          expect(supportsFilter(users.capabilities, filter)).toBe(true);
          const found = await users.find({ filter });
          const matching = resources.filter(compileFilter(filter));
          const names = (list: readonly User[]): string[] => list.map(({ userName }) => userName);
          expect({ seed, filter: printFilter(filter), found: names(found.resources) }).toEqual({
            seed,
            filter: printFilter(filter),
            found: names(matching),
          });
          expect(found.totalResults).toBe(matching.length);
          seen.matches += matching.length;
          seen.others += resources.length - matching.length;
        }),
        { numRuns: Number(process.env["CONCORDAT_RUNS"] ?? 100) },
      );
      expect(Math.min(seen.matches, seen.others)).toBeGreaterThan(500);
    });

    test("know the attributes of an extension of the application's own", async () => {
      await using opened = await database.open();
      const users = new KyselyUserRepository(opened.db, { type: staffType });
      const badge = (label: string): object => ({ [badgeId]: { label, code: label } });
      for (const [name, label] of Object.entries({ ann: "Red", bob: "red", eve: "ﬁr" })) {
        await users.create({ userName: name, ...badge(label) } as NewUser);
      }
      const find = async (text: string): Promise<string[]> => {
        const filter = bindFilter(parseFilter(text), staffType);
        return (await users.find({ filter })).resources.map(({ userName }) => userName).sort();
      };
      expect(await find(`${badgeId}:label eq "RED"`)).toEqual(["ann", "bob"]);
      expect(await find(`${badgeId}:code eq "Red"`)).toEqual(["ann"]);
      expect(await find(`${badgeId}:label sw "FI"`)).toEqual(["eve"]);
      // Without the type, the store does not know how the attribute is compared.
      const filter = bindFilter(eq(`${badgeId}:label`, "red"), staffType);
      await expect(new KyselyUserRepository(opened.db).find({ filter })).rejects.toThrow(
        expect.objectContaining({ code: "unsupported" }),
      );
    });
  });

  describeOn(database, "filters of groups", () => {
    test("find groups by their members", async () => {
      await using opened = await database.open();
      const groups = new KyselyGroupRepository(opened.db, { users: "elsewhere" });
      for (const [displayName, members] of Object.entries({
        Staff: [
          { value: "7", type: "User" },
          { value: "8", type: "Group" },
        ],
        Board: [{ value: "8", type: "User" }],
        Nobody: [],
      })) {
        await groups.create({ displayName, members });
      }
      const find = async (filter: Filter): Promise<string[]> => {
        const found = await groups.find({ filter: bindFilter(filter, groupResourceType) });
        return found.resources.map(({ displayName }) => displayName).sort();
      };
      const all = async (text: string): Promise<string[]> => await find(parseFilter(text));
      expect(await all('members eq "8"')).toEqual(["Board", "Staff"]);
      expect(await all('members[value eq "8" and type eq "user"]')).toEqual(["Board"]);
      expect(await all('members.value eq "8" and members.type eq "User"')).toEqual([
        "Board",
        "Staff",
      ]);
      expect(await all("not (members pr)")).toEqual(["Nobody"]);
      expect(await all('members.value ne "8"')).toEqual(["Nobody", "Staff"]);
      expect(await find(and(eq("displayName", "STAFF"), eq("members", "7")))).toEqual(["Staff"]);
      await expect(all('members.display eq "x"')).rejects.toThrow(
        expect.objectContaining({ code: "unsupported" }),
      );
    });
  });
}

describe("an index", () => {
  test.each([
    ['userName eq "bjensen"', "(user_name_key=?)"],
    ['externalId eq "x"', "(external_id=?)"],
    ['userName eq "bjensen" and emails[type eq "work"]', "(user_name_key=?)"],
  ])("serves %s", async (text, used) => {
    const [sqlite] = databases;
    if (sqlite === undefined) throw new Error("There is SQLite.");
    await using opened = await sqlite.open();
    const users = new KyselyUserRepository(opened.db);
    await users.find({ filter: bindFilter(parseFilter(text), userResourceType) });
    const statement = opened.statements.find((ran) => ran.startsWith("select ")) ?? "";
    const { rows } = await opened.db.executeQuery<{ detail: string }>(
      CompiledQuery.raw(
        `explain query plan ${statement}`,
        Array(9).fill(1).slice(0, count(statement)),
      ),
    );
    expect(rows.map(({ detail }) => detail).join()).toContain(used);
  });
});

const badgeId = "urn:example:params:scim:schemas:extension:1.0:Badge";

const staffType: ResourceType = defineResourceType({
  name: "User",
  endpoint: "/Users",
  schema: userSchema,
  schemaExtensions: [
    { schema: enterpriseUserSchema, required: false },
    {
      schema: defineSchema({
        id: badgeId,
        name: "Badge",
        attributes: { label: {}, code: { caseExact: true } },
      }),
      required: false,
    },
  ],
});

/** A user as this store takes one: with a name, and text that a database can hold. */
function storable(resource: object, userName: string): NewUser {
  const {
    password: _,
    groups: __,
    externalId: ___,
    active,
    ...others
  } = resource as NewUser & {
    groups?: unknown;
  };
  return { ...others, ...(typeof active === "boolean" && { active }), userName };
}

/** Groups are read-only, and kept in another table. */
function isStored({ attribute }: { attribute: { name: string } }): boolean {
  return attribute.name !== "groups";
}

function count(statement: string): number {
  return statement.split("?").length - 1;
}
