import {
  applyPatch,
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  patchOpId,
  planPatch,
  type ResourceType,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";

const userId = userResourceType.schema.id;

const user = {
  schemas: [userId, enterpriseUserId],
  id: "1",
  userName: "bjensen",
  title: "Guide",
  name: { familyName: "Jensen", givenName: "Barbara" },
  emails: [{ value: "b@example.com", type: "work" }],
  [enterpriseUserId]: { department: "Tours", manager: { value: "2" } },
};

function applied(before: object, operation: object, type: ResourceType = userResourceType): object {
  return applyPatch(planPatch(type, { schemas: [patchOpId], Operations: [operation] }), before);
}

describe("an addition of what is there already changes nothing", () => {
  test.each([
    { op: "add", path: "title", value: "Guide" },
    { op: "add", path: "name.familyName", value: "Jensen" },
    { op: "add", path: "name", value: { givenName: "Barbara" } },
    { op: "add", path: "emails", value: [{ value: "b@example.com", type: "work" }] },
    { op: "add", path: 'emails[type eq "work"].value', value: "b@example.com" },
    { op: "add", path: `${enterpriseUserId}:department`, value: "Tours" },
    { op: "add", path: `${enterpriseUserId}:manager`, value: { value: "2" } },
    { op: "add", value: { title: "Guide", userName: "bjensen" } },
  ])("%j", (operation) => {
    expect(applied(user, operation)).toBe(user);
  });
});

describe("schemas", () => {
  test("are those whose attributes a resource has, whatever an operation says", () => {
    for (const op of ["add", "replace"]) {
      const operation = { op, path: "schemas", value: ["urn:example:other"] };
      expect(applied(user, operation)).toBe(user);
    }
    expect(() => applied(user, { op: "remove", path: "schemas" })).toThrow(
      expect.objectContaining({ code: "mutability", path: "schemas" }),
    );
  });

  test("gain the URI of an extension with its first attribute", () => {
    const { [enterpriseUserId]: _, ...plain } = user;
    const before = { ...plain, schemas: [userId] };
    const path = `${enterpriseUserId}:employeeNumber`;
    expect(applied(before, { op: "add", path, value: "7" })).toMatchObject({
      schemas: [userId, enterpriseUserId],
    });
  });
});

describe("a replacement without a path", () => {
  test("replaces the attributes that it states, and leaves the others", () => {
    const value = { emails: [{ value: "new@example.com" }], name: { givenName: "Babs" } };
    expect(applied(user, { op: "replace", value })).toEqual({
      ...user,
      emails: [{ value: "new@example.com" }],
      name: { familyName: "Jensen", givenName: "Babs" },
    });
  });
});

describe("every value that a filter selects", () => {
  const addresses = [
    { type: "work", streetAddress: "1 First Street", locality: "Vienna" },
    { type: "work", streetAddress: "2 Second Street" },
    { type: "home", streetAddress: "3 Third Street" },
  ];
  const [first, second, home] = addresses;

  test("is replaced", () => {
    const value = { type: "work", locality: "Graz" };
    const operation = { op: "replace", path: 'addresses[type eq "work"]', value };
    expect(applied({ ...user, addresses }, operation)).toEqual({
      ...user,
      addresses: [value, value, home],
    });
  });

  test("has its sub-attribute replaced", () => {
    const path = 'addresses[type eq "work"].streetAddress';
    expect(applied({ ...user, addresses }, { op: "replace", path, value: "4 Fourth" })).toEqual({
      ...user,
      addresses: [
        { ...first, streetAddress: "4 Fourth" },
        { ...second, streetAddress: "4 Fourth" },
        home,
      ],
    });
  });
});

test("a required extension is not removed, nor what is required in it", () => {
  const badgeId = "urn:example:Badge";
  const type = defineResourceType({
    name: "User",
    endpoint: "/Users",
    schema: userResourceType.schema,
    schemaExtensions: [
      {
        schema: defineSchema({
          id: badgeId,
          name: "Badge",
          attributes: { number: { required: true }, colour: {} },
        }),
        required: true,
      },
    ],
  });
  const before = { id: "1", userName: "b", [badgeId]: { number: "7", colour: "red" } };
  for (const path of [badgeId, `${badgeId}:number`]) {
    expect(() => applied(before, { op: "remove", path }, type)).toThrow(
      expect.objectContaining({ code: "mutability", path }),
    );
  }
  expect(applied(before, { op: "remove", path: `${badgeId}:colour` }, type)).toMatchObject({
    [badgeId]: { number: "7" },
  });
});

test("what is required is not replaced by an empty string, nor by what it cannot hold", () => {
  for (const value of ["", 1]) {
    expect(() => applied(user, { op: "replace", path: "userName", value })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "userName" }),
    );
  }
});
