import {
  defineResourceType,
  defineSchema,
  diffResources,
  enterpriseUserId,
  groupResourceType,
  patchOpId,
  type ResourceType,
  userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { z } from "zod";

function operations(before: object, after: object, type: ResourceType = userResourceType) {
  const difference = diffResources(type, before, after);
  if (difference !== undefined) expect(difference.schemas).toEqual([patchOpId]);
  return difference?.Operations;
}

describe("the difference between two users", () => {
  const a = { value: "a@example.com", type: "work" };
  const b = { value: "b@example.com", type: "home" };
  const c = { value: "c@example.com" };
  const manager = `${enterpriseUserId}:manager`;

  test.each<[string, object, object, readonly object[] | undefined]>([
    ["is none", { title: "Dr.", emails: [] }, { title: "Dr.", name: null }, undefined],
    ["is a value that comes", {}, { title: "x" }, [{ op: "add", path: "title", value: "x" }]],
    [
      "is one that changes",
      { title: "x" },
      { title: "X" },
      [{ op: "replace", path: "title", value: "X" }],
    ],
    ["is one that goes", { title: "x" }, {}, [{ op: "remove", path: "title" }]],
    [
      "is a sub-attribute",
      { name: { familyName: "J", givenName: "B" } },
      { name: { familyName: "K", givenName: "B" } },
      [{ op: "replace", path: "name.familyName", value: "K" }],
    ],
    [
      "is several sub-attributes, in one operation, after those that go",
      { name: { familyName: "J", givenName: "B", middleName: "M" } },
      { name: { familyName: "K", givenName: "C" } },
      [
        { op: "remove", path: "name.middleName" },
        { op: "replace", path: "name", value: { familyName: "K", givenName: "C" } },
      ],
    ],
    [
      "is a value of a list that comes",
      { emails: [a] },
      { emails: [a, b] },
      [{ op: "add", path: "emails", value: [b] }],
    ],
    [
      "is a value of a list that goes",
      { emails: [a, b, c] },
      { emails: [a, c] },
      [{ op: "remove", path: 'emails[value eq "b@example.com" and type eq "home"]' }],
    ],
    [
      "is the whole list, if that is shorter",
      { emails: [a, b] },
      { emails: [c] },
      [{ op: "replace", path: "emails", value: [c] }],
    ],
    [
      "is the whole list, if the order differs",
      { emails: [a, b] },
      { emails: [b, a] },
      [{ op: "replace", path: "emails", value: [b, a] }],
    ],
    [
      "is an attribute of an extension",
      { [enterpriseUserId]: { department: "IT", division: "x" } },
      { [enterpriseUserId]: { department: "HR", division: "x" } },
      [{ op: "replace", path: `${enterpriseUserId}:department`, value: "HR" }],
    ],
    [
      "is an extension that goes",
      { [enterpriseUserId]: { department: "IT" } },
      {},
      [{ op: "remove", path: enterpriseUserId }],
    ],
    [
      "is another manager",
      { [enterpriseUserId]: { manager: { value: "1", $ref: "../Users/1", displayName: "John" } } },
      { [enterpriseUserId]: { manager: { value: "2", displayName: "Jane" } } },
      [{ op: "replace", path: manager, value: { value: "2" } }],
    ],
    [
      "is nothing that is the service provider's, or never returned",
      { id: "1", meta: { version: "1" }, password: "a", groups: [{ value: "x" }] },
      { id: "2", password: "b", unknown: 1 },
      undefined,
    ],
  ])("%s", (_, before, after, expected) => {
    expect(operations(before, after)).toEqual(expected);
  });
});

describe("the difference between two groups", () => {
  const group = (...members: readonly object[]) => ({ displayName: "Staff", members });

  test("is who comes and who goes, in any order, and never the whole list", () => {
    expect(
      operations(
        group({ value: "a" }, { value: "b", type: "Group" }, { value: 'c"' }),
        group({ value: "d" }, { value: "a" }),
        groupResourceType,
      ),
    ).toEqual([
      { op: "remove", path: 'members[value eq "b" and type eq "Group"]' },
      { op: "remove", path: 'members[value eq "c\\""]' },
      { op: "add", path: "members", value: [{ value: "d" }] },
    ]);
  });

  test("is not what is said of a member", () => {
    expect(
      operations(
        group({ value: "a", display: "Anna" }, { value: "b" }),
        group({ value: "b", type: "User" }, { value: "a", $ref: "../Users/a" }),
        groupResourceType,
      ),
    ).toBeUndefined();
  });

  test("of a hundred thousand members is found at once", () => {
    const ids = Array.from({ length: 100_000 }, (_, n) => ({ value: `m${n}` }));
    const after = group(...ids.slice(1), { value: "new" });
    expect(operations(group(...ids), after, groupResourceType)).toHaveLength(2);
  });
});

test("an extension that a Standard Schema reads goes and comes as a whole", () => {
  const id = "urn:example:Badge";
  const type = defineResourceType({
    name: "User",
    endpoint: "/Users",
    schema: userSchema,
    schemaExtensions: [
      {
        schema: defineSchema({ id, name: "Badge", attributes: {}, standard: z.looseObject({}) }),
        required: false,
      },
    ],
  });
  expect(operations({ [id]: { a: 1 } }, { [id]: { b: 1 } }, type)).toEqual([
    { op: "remove", path: id },
    { op: "add", path: id, value: { b: 1 } },
  ]);
  expect(operations({}, { [id]: { b: 1 } }, type)).toEqual([
    { op: "add", path: id, value: { b: 1 } },
  ]);
});
