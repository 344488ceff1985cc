import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import {
  bindSort,
  enterpriseUserId,
  type NewUser,
  type Resource,
  userResourceType,
} from "concordat/scim";
import { expect, test } from "vitest";
import { compileSort } from "../../src/scim/internal.js";
import { databases, describeOn } from "./databases.js";

/**
 * Users with and without values, in both cases, beyond the first plane of Unicode, and with several values of one
 * attribute.
 */
function people(): NewUser[] {
  const texts = [
    "b",
    "B",
    "a",
    "Ä",
    "ä",
    "ﬀ",
    "z",
    "\u{10400}",
    "\uffee",
    "",
    undefined,
    "a b",
    '"',
  ];
  return texts.map((text, at) => {
    const part = text === undefined ? {} : { value: text };
    return {
      userName: `user ${at % 3}${at}`,
      ...(text !== undefined && { displayName: text, title: text, nickName: text }),
      ...(text !== undefined && { profileUrl: text, externalId: text || "-" }),
      name: {
        ...(text !== undefined && { familyName: text, middleName: text }),
        givenName: `${at % 2}`,
      },
      ...(at % 4 !== 0 && { active: at % 4 === 1 }),
      emails: [
        { value: `other${at % 5}`, type: "home" },
        { ...part, type: at % 2 === 0 ? "work" : "Home", ...(at % 3 !== 0 && { primary: true }) },
      ],
      ...(at % 3 === 0 && { phoneNumbers: [{ value: `${9 - (at % 7)}` }] }),
      ...(text !== undefined && {
        [enterpriseUserId]: { department: text, costCenter: `${at % 2}` },
      }),
    };
  });
}

/** Attributes of users by which there is no order: they are kept beside, secret, or the service provider's own. */
const unordered = /^(schemas|password|groups|meta\.(resourceType|location|version))|\$ref$/;

for (const kind of databases) {
  describeOn(kind, "orders of the package's own tables", () => {
    test("go by every attribute, as they do in memory, and in pages of either kind", async () => {
      await using opened = await kind.open();
      const users = new KyselyUserRepository(opened.db, { maxPageSize: 5 });
      for (const person of people()) await users.create(person);
      const all: Resource[] = [];
      for (let startIndex = 1; startIndex < 20; startIndex += 5) {
        all.push(...(await users.find({ startIndex, count: 5 })).resources);
      }
      const { sort: sorts = [] } = users.capabilities;
      const simple = [...userResourceType.attributes.values()].filter(
        ({ attribute, subAttribute, path }) =>
          (subAttribute ?? attribute).type !== "complex" && !unordered.test(path),
      );
      expect([...sorts].filter((path) => !path.endsWith("$ref")).sort()).toEqual(
        simple.map(({ path }) => path).sort(),
      );
      const seen = new Set<string>();
      for (const path of sorts) {
        for (const order of ["ascending", "descending"] as const) {
          const sort = bindSort(path, userResourceType, order);
          const { keyOf, compare } = compileSort(sort);
          const expected = [...all]
            .sort((one, other) => (one.id < other.id ? -1 : 1))
            .sort((one, other) => compare(keyOf(one), keyOf(other)))
            .map(({ id }) => id);
          const byCursor: string[] = [];
          for (let cursor: string | undefined = ""; cursor !== undefined; ) {
            const page: Awaited<ReturnType<typeof users.find>> = await users.find({
              sort,
              cursor,
              count: 5,
            });
            byCursor.push(...page.resources.map(({ id }) => id));
            cursor = page.nextCursor;
          }
          expect(byCursor, `${path} ${order}`).toEqual(expected);
          const { resources } = await users.find({ sort, startIndex: 4, count: 5 });
          expect(
            resources.map(({ id }) => id),
            `${path} ${order}`,
          ).toEqual(expected.slice(3, 8));
          seen.add(expected.join());
        }
      }
      expect(seen.size).toBeGreaterThan(10);
    });

    test("of groups go by the name and the external id", async () => {
      await using opened = await kind.open();
      const groups = new KyselyGroupRepository(opened.db);
      expect(groups.capabilities.sort).toEqual(
        expect.arrayContaining(["displayName", "externalId", "id"]),
      );
    });
  });
}
