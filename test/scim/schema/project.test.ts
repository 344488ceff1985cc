import {
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  groupResourceType,
  project,
  projection,
  readResource,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";
const user = readResource(userResourceType, vector("rfc7643-8.3-user"), {
  context: "response",
}).resource;

describe("a user", () => {
  test("is returned with everything that is returned by default", () => {
    expect(project(userResourceType, user)).toEqual(user);
  });

  test("never has a password, nor anything that no schema knows", () => {
    const stored = {
      ...user,
      password: "t1meMa$heen",
      passwordHash: "x",
      name: { ...user.name, x: 1 },
    };
    expect(project(userResourceType, stored)).toEqual(user);
    expect(project(userResourceType, stored, { attributes: ["password", "passwordHash"] })).toEqual(
      { schemas: [userId], id: user.id },
    );
    expect(project(userResourceType, stored, { stated: ["password"] })).toEqual(user);
  });

  test("of RFC 7644 §3.9: attributes=userName", () => {
    const { id } = user;
    expect(
      project(userResourceType, { ...user, userName: "bjensen" }, { attributes: ["userName"] }),
    ).toEqual({ ...vector("rfc7644-3.9-projection"), id });
  });

  test.each([
    [["USERNAME"], { userName: user.userName }],
    [[`${userId}:userName`], { userName: user.userName }],
    [["name.familyName", "title"], { name: { familyName: "Jensen" }, title: "Tour Guide" }],
    [
      ["emails.value"],
      { emails: [{ value: "bjensen@example.com" }, { value: "babs@jensen.org" }] },
    ],
    [["meta.version"], { meta: { version: user.meta?.version } }],
    [[" id "], {}],
    [["unknown", "__proto__", "name.constructor"], {}],
    [[], {}],
  ])("attributes=%j", (attributes, expected) => {
    expect(project(userResourceType, user, { attributes })).toEqual({
      schemas: [userId],
      id: user.id,
      ...expected,
    });
  });

  test.each([
    [`${enterpriseUserId}:department`, { department: "Tour Operations" }],
    [`${enterpriseUserId}:manager.displayName`, { manager: { displayName: "John Smith" } }],
    [enterpriseUserId.toUpperCase(), user[enterpriseUserId]],
  ])("attributes=%s, with the URI of the extension in schemas", (attribute, expected) => {
    expect(project(userResourceType, user, { attributes: [attribute] })).toEqual({
      schemas: [userId, enterpriseUserId],
      id: user.id,
      [enterpriseUserId]: expected,
    });
  });

  test("excludedAttributes take away all but what is always returned", () => {
    const { meta: _, groups: __, ...rest } = user;
    expect(
      project(userResourceType, user, { excludedAttributes: ["id", "META", "groups", "schemas"] }),
    ).toEqual(rest);
    const { [enterpriseUserId]: ___, ...core } = user;
    expect(project(userResourceType, user, { excludedAttributes: [enterpriseUserId] })).toEqual({
      ...core,
      schemas: [userId],
    });
    const { emails } = project(userResourceType, user, { excludedAttributes: ["emails.type"] });
    expect(emails).toEqual([
      { value: "bjensen@example.com", primary: true },
      { value: "babs@jensen.org" },
    ]);
  });

  test("attributes and excludedAttributes exclude each other", () => {
    const options = { attributes: ["userName"], excludedAttributes: ["title"] };
    expect(() => project(userResourceType, user, options)).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "excludedAttributes" }),
    );
  });

  test("nothing that is unassigned is returned, and the resource is left as it is", () => {
    const stored = { id: "1", userName: "b", emails: [], title: null, name: {}, roles: [{}] };
    const copy = structuredClone(stored);
    expect(project(userResourceType, stored)).toEqual({
      schemas: [userId],
      id: "1",
      userName: "b",
    });
    expect(stored).toEqual(copy);
  });
});

describe("by the returned characteristic", () => {
  const type = defineResourceType({
    name: "Sample",
    endpoint: "/Samples",
    schema: defineSchema({
      id: "urn:example:Sample",
      name: "Sample",
      attributes: {
        plain: {},
        always: { returned: "always" },
        never: { returned: "never" },
        secret: { mutability: "writeOnly" },
        request: { returned: "request" },
        complex: {
          type: "complex",
          subAttributes: {
            plain: {},
            always: { returned: "always" },
            never: { returned: "never" },
            request: { returned: "request" },
          },
        },
      },
    }),
  });
  const all = { plain: "p", always: "a", never: "n", request: "r" };
  const resource = { id: "1", ...all, secret: "s", complex: all };
  const minimum = { schemas: ["urn:example:Sample"], id: "1", always: "a" };
  const byDefault = { ...minimum, plain: "p", complex: { plain: "p", always: "a" } };

  test.each([
    [{}, byDefault],
    [{ attributes: [] }, minimum],
    [
      { attributes: ["never", "secret", "complex.never"] },
      { ...minimum, complex: { always: "a" } },
    ],
    [{ attributes: ["request"] }, { ...minimum, request: "r" }],
    [{ attributes: ["complex"] }, { ...minimum, complex: { plain: "p", always: "a" } }],
    [{ attributes: ["complex.request"] }, { ...minimum, complex: { always: "a", request: "r" } }],
    [
      { attributes: ["complex", "complex.request"] },
      { ...minimum, complex: { plain: "p", always: "a", request: "r" } },
    ],
    [
      { excludedAttributes: ["always", "plain", "complex.always"] },
      { ...minimum, complex: { plain: "p", always: "a" } },
    ],
    [{ excludedAttributes: ["complex"] }, { ...minimum, plain: "p" }],
    [{ stated: ["request"] }, { ...byDefault, request: "r" }],
    [
      { stated: ["complex.request"] },
      { ...byDefault, complex: { plain: "p", always: "a", request: "r" } },
    ],
    [
      { stated: ["request"], attributes: ["plain"] },
      { ...minimum, plain: "p" },
    ],
    [{ stated: ["request"], excludedAttributes: ["request"] }, byDefault],
  ])("%j", (options, expected) => {
    expect(project(type, resource, options)).toEqual(expected);
  });
});

test("a projection is made once for many resources", () => {
  const names = projection<{ id: string; displayName: string }>(groupResourceType, {
    attributes: ["displayName"],
  });
  expect([1, 2].map((n) => names({ id: `${n}`, displayName: `Group ${n}` }).displayName)).toEqual([
    "Group 1",
    "Group 2",
  ]);
});
