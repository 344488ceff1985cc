import {
  applyPatch,
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  enterpriseUserSchema,
  entraProfile,
  groupResourceType,
  lenientProfile,
  type NewUser,
  oktaProfile,
  planPatch,
  readResource,
  rfc7644Profile,
  type ScimProfile,
  type User,
  userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";
const groupId = "urn:ietf:params:scim:schemas:core:2.0:Group";

const create = (body: object, options: { profile?: ScimProfile } = {}) =>
  readResource(
    userResourceType,
    { schemas: [userId], userName: "bjensen", ...body },
    {
      context: "creation",
      ...options,
    },
  );

const problem = (path: string): unknown =>
  expect.objectContaining({ name: "InvalidValueError", code: "invalid_value", path });

describe("the examples of the RFCs", () => {
  test.each(["rfc7643-8.1-user", "rfc7643-8.2-user", "rfc7643-8.3-user"])(
    "%s is read as it is printed",
    (name) => {
      const printed = vector(name);
      const { resource, ignored, rewrites } = readResource(userResourceType, printed, {
        context: "response",
        unknown: "refuse",
      });
      const { password: _, ...readable } = printed;
      expect(resource).toEqual(readable);
      expect(ignored).toEqual(
        "password" in printed ? [{ path: "password", reason: "unreturned" }] : [],
      );
      expect(rewrites).toEqual([]);
    },
  );

  test("rfc7643-8.4-group is read as it is printed", () => {
    const printed = vector("rfc7643-8.4-group");
    expect(readResource(groupResourceType, printed, { context: "response" })).toEqual({
      resource: printed,
      ignored: [],
      rewrites: [],
    });
  });

  test("a full user is created without what is the service provider's", () => {
    const printed = vector("rfc7643-8.3-user");
    const { resource, ignored } = readResource(userResourceType, printed, { context: "creation" });
    const { id: _, meta, groups, [enterpriseUserId]: enterprise, ...rest } = printed;
    expect(resource).toEqual({
      ...rest,
      [enterpriseUserId]: {
        ...(enterprise as object),
        manager: { value: "26118915-6090-4610-87e4-49d8ca9f808d", $ref: expect.any(String) },
      },
    });
    expect(ignored.map(({ path }) => path).sort()).toEqual([
      "groups",
      "id",
      "meta",
      `${enterpriseUserId}:manager.displayName`,
    ]);
    expect(resource.password).toBe("t1meMa$heen");
  });

  test("rfc7644-3.3 and rfc7644-3.5.1: a creation, a replacement, and what answers them", () => {
    const creation = vector("rfc7644-3.3-creation-request");
    expect(readResource(userResourceType, creation, { context: "creation" }).resource).toEqual(
      creation,
    );
    const { id, roles, ...replaced } = vector("rfc7644-3.5.1-replacement-request");
    expect(
      readResource(userResourceType, { id, roles, ...replaced }, { context: "replacement" }),
    ).toEqual({ resource: replaced, ignored: [{ path: "id", reason: "readOnly" }], rewrites: [] });
    for (const name of ["rfc7644-3.3-creation-response", "rfc7644-3.5.1-replacement-response"]) {
      const response = vector(name);
      expect(readResource(userResourceType, response, { context: "response" }).resource).toEqual(
        response,
      );
    }
  });

  test.each([
    "rfc7644-3.7.1-bulk-request",
    "rfc7644-3.7.2-bulk-request",
    "rfc7644-3.7.2-bulk-request-2",
  ])("%s: what the operations create and replace", (name) => {
    interface Bulk {
      readonly Operations: readonly { readonly path: string; readonly data: object }[];
    }
    const { Operations } = vector<Bulk>(name);
    expect(Operations.length).toBeGreaterThan(1);
    for (const { path, data } of Operations) {
      const type = path.startsWith("/Users") ? userResourceType : groupResourceType;
      expect(readResource(type, data, { context: "creation" }).resource).toEqual(data);
    }
  });
});

test("rfc7644-3.7.3-bulk-request: its data states no right schemas, and is read by the lenient profile", () => {
  interface Bulk {
    readonly Operations: readonly { readonly method: string; readonly data?: unknown }[];
  }
  const profile = lenientProfile;
  const [creation, replacement, patch] = vector<Bulk>("rfc7644-3.7.3-bulk-request").Operations;
  const created = readResource(userResourceType, creation?.data, { context: "creation", profile });
  expect(created).toMatchObject({
    resource: { schemas: [userId], userName: "Alice" },
    rewrites: [{ rewrite: "missingSchemas", path: "schemas" }],
  });
  const read = readResource(userResourceType, replacement?.data, { context: "replacement" });
  expect(read.resource.userName).toBe("Bob");
  const plan = planPatch(userResourceType, patch?.data, { profile });
  expect(applyPatch(plan, { userName: "David", nickName: "Dave" })).toEqual({ userName: "Dave" });
  expect(plan.rewrites).toEqual([{ rewrite: "missingSchemas", path: "schemas" }]);
});

describe("names", () => {
  test("are read in any case and become canonical, in extensions and sub-attributes too", () => {
    const { resource } = readResource(
      userResourceType,
      {
        SCHEMAS: [userId.toUpperCase()],
        USERNAME: "bjensen",
        Name: { FAMILYNAME: "Jensen" },
        emails: [{ VALUE: "b@example.com" }],
        [enterpriseUserId.toUpperCase()]: { Manager: { $REF: "../Users/1" } },
      },
      { context: "creation" },
    );
    expect(resource).toEqual({
      schemas: [userId, enterpriseUserId],
      userName: "bjensen",
      name: { familyName: "Jensen" },
      emails: [{ value: "b@example.com" }],
      [enterpriseUserId]: { manager: { $ref: "../Users/1" } },
    });
  });

  test("stand once", () => {
    expect(() => create({ USERNAME: "other" })).toThrow(problem("userName"));
    expect(() =>
      create({
        [enterpriseUserId]: { department: "a" },
        [enterpriseUserId.toUpperCase()]: { division: "b" },
      }),
    ).toThrow(problem(enterpriseUserId));
  });

  test("that are unknown are ignored and reported, or refused", () => {
    const body = {
      favourite: 1,
      name: { surname: "Jensen", familyName: "Jensen" },
      [enterpriseUserId]: { level: 3, department: "IT" },
      "urn:example:unknown": { a: 1 },
    };
    const { resource, ignored } = create(body);
    expect(resource).toMatchObject({ name: { familyName: "Jensen" } });
    expect(ignored).toEqual([
      { path: "favourite", reason: "unknown" },
      { path: "name.surname", reason: "unknown" },
      { path: `${enterpriseUserId}:level`, reason: "unknown" },
      { path: "urn:example:unknown", reason: "unknown" },
    ]);
    expect(() =>
      readResource(
        userResourceType,
        { schemas: [userId], userName: "b", ...body },
        { context: "creation", unknown: "refuse" },
      ),
    ).toThrow(
      expect.objectContaining({
        path: "favourite",
        others: [
          problem("name.surname"),
          problem(`${enterpriseUserId}:level`),
          problem("urn:example:unknown"),
        ],
      }),
    );
  });

  test("are told in part if they are endless", () => {
    const { ignored } = create({ ["x".repeat(100_000)]: 1 });
    expect(ignored[0]?.path.length).toBeLessThan(300);
  });
});

describe("what is required", () => {
  test("must be there, and not as null, in requests and in whole responses", () => {
    const body = { schemas: [userId] };
    for (const context of ["creation", "replacement"] as const) {
      expect(() => readResource(userResourceType, body, { context })).toThrow(problem("userName"));
      expect(() =>
        readResource(userResourceType, { ...body, userName: null }, { context }),
      ).toThrow(problem("userName"));
    }
    expect(() => readResource(userResourceType, body, { context: "response" })).toThrow(
      expect.objectContaining({ path: "userName", others: [problem("id")] }),
    );
  });

  test("is not asked of part of a resource, but for its id", () => {
    const partial = { context: "response", partial: true } as const;
    expect(readResource(userResourceType, { id: "1", title: "Dr." }, partial).resource).toEqual({
      schemas: [userId],
      id: "1",
      title: "Dr.",
    });
    expect(() => readResource(userResourceType, { title: "Dr." }, partial)).toThrow(problem("id"));
  });

  test("is asked of each value of a list, and of each extension that there is", () => {
    expect(() =>
      readResource(
        groupResourceType,
        { schemas: [groupId], displayName: "Staff", members: [{ value: "1" }, { display: "x" }] },
        { context: "creation" },
      ),
    ).toThrow(problem("members.value"));
    const type = defineResourceType({
      name: "User",
      endpoint: "/Users",
      schema: userSchema,
      schemaExtensions: [{ schema: enterpriseUserSchema, required: true }],
    });
    expect(() =>
      readResource(type, { schemas: [userId], userName: "b" }, { context: "creation" }),
    ).toThrow(problem(enterpriseUserId));
  });
});

describe("schemas", () => {
  test.each([undefined, null, [], "no list", [enterpriseUserId], [1]])(
    "%j are refused in a request",
    (schemas) => {
      const body = { userName: "b", ...(schemas !== undefined && { schemas }) };
      expect(() => readResource(userResourceType, body, { context: "creation" })).toThrow(
        problem("schemas"),
      );
    },
  );

  test("become those whose attributes the resource has", () => {
    const { resource } = create({ schemas: [enterpriseUserId, userId], title: "Dr." });
    expect(resource.schemas).toEqual([userId]);
    expect(create({ [enterpriseUserId]: { department: "IT" } }).resource.schemas).toEqual([
      userId,
      enterpriseUserId,
    ]);
  });

  test("that the type does not have are ignored and reported, or refused", () => {
    const schemas = [userId, "urn:example:unknown"];
    expect(create({ schemas }).ignored).toEqual([
      { path: "urn:example:unknown", reason: "unknown" },
    ]);
    expect(() =>
      readResource(
        userResourceType,
        { schemas, userName: "b" },
        { context: "creation", unknown: "refuse" },
      ),
    ).toThrow(problem("schemas"));
  });
});

describe("what is unassigned is absent", () => {
  test.each([
    ["null", { title: null }],
    ["an empty list", { emails: [] }],
    ["an object without anything", { name: {} }],
    ["an object of nulls", { name: { familyName: null } }],
    ["a list of nothing", { emails: [{}] }],
    ["an extension without anything", { [enterpriseUserId]: { manager: {} } }],
    ["no extension", { [enterpriseUserId]: null }],
  ])("%s", (_, body) => {
    expect(create(body).resource).toEqual({ schemas: [userId], userName: "bjensen" });
  });

  test("an empty string is a value", () => {
    expect(create({ title: "" }).resource.title).toBe("");
  });
});

describe("what is immutable", () => {
  const type = defineResourceType({
    name: "Badge",
    endpoint: "/Badges",
    schema: defineSchema({
      id: "urn:example:Badge",
      name: "Badge",
      attributes: {
        number: { mutability: "immutable" },
        labels: { multiValued: true, mutability: "immutable" },
        owner: {
          type: "complex",
          subAttributes: { value: { mutability: "immutable", caseExact: true }, note: {} },
        },
      },
    }),
  });
  const current = {
    id: "1",
    number: "A7",
    labels: ["red", "blue"],
    owner: { value: "x", note: "old" },
  };
  const replace = (body: object) =>
    readResource(
      type,
      { schemas: ["urn:example:Badge"], ...body },
      {
        context: "replacement",
        current,
      },
    ).resource;

  test("matches what there is, by the attribute's rule of case, and in any order", () => {
    expect(replace({ number: "a7", labels: ["Blue", "red"], owner: { value: "x" } })).toEqual({
      schemas: ["urn:example:Badge"],
      number: "a7",
      labels: ["Blue", "red"],
      owner: { value: "x" },
    });
  });

  test("stays if it is not stated, in a complex attribute too", () => {
    expect(replace({ owner: { note: "new" } })).toEqual({
      schemas: ["urn:example:Badge"],
      number: "A7",
      labels: ["red", "blue"],
      owner: { note: "new", value: "x" },
    });
  });

  test.each([
    ["number", { number: "B8" }],
    ["labels", { labels: ["red"] }],
    ["labels", { labels: ["red", "green"] }],
    ["owner.value", { owner: { value: "X" } }],
  ])("may not change: %s", (path, body) => {
    expect(() => replace(body)).toThrow(
      expect.objectContaining({ name: "MutabilityError", code: "mutability", path }),
    );
  });

  test("may be set where there was nothing", () => {
    const { resource } = readResource(
      type,
      { schemas: ["urn:example:Badge"], number: "C9" },
      { context: "replacement", current: { id: "1" } },
    );
    expect(resource).toMatchObject({ number: "C9" });
  });
});

describe("values", () => {
  test("no more than one value is primary", () => {
    const one = { value: "a", primary: true };
    expect(create({ emails: [one, { value: "b" }] }).resource.emails).toHaveLength(2);
    expect(() => create({ emails: [one, { value: "b", primary: true }] })).toThrow(
      problem("emails.primary"),
    );
  });

  test("canonical values are suggestions, unless the reading is strict", () => {
    const emails = [{ value: "a", type: "Billing" }];
    expect(create({ emails }).resource.emails).toEqual(emails);
    const body = { schemas: [userId], userName: "b" };
    const strict = { context: "creation", strict: true } as const;
    expect(() => readResource(userResourceType, { ...body, emails }, strict)).toThrow(
      problem("emails.type"),
    );
    const inOtherCase = [{ value: "a", type: "WORK" }];
    expect(
      readResource(userResourceType, { ...body, emails: inOtherCase }, strict).resource.emails,
    ).toEqual(inOtherCase);
  });

  test("are limited in number and in length", () => {
    const read = (body: object) =>
      readResource(
        userResourceType,
        { schemas: [userId], userName: "b", ...body },
        {
          context: "creation",
          limits: { values: 2, characters: 10 },
        },
      );
    expect(read({ emails: [{ value: "a" }, { value: "b" }], title: "x".repeat(10) })).toBeDefined();
    expect(() => read({ emails: [{}, {}, {}] })).toThrow(problem("emails"));
    expect(() => read({ title: "x".repeat(11) })).toThrow(problem("title"));
  });

  test("that are wrong are told all at once, up to a bound, and are not in the message", () => {
    const emails = Array.from({ length: 100 }, () => ({ value: 4711 }));
    expect(() => create({ emails })).toThrow(
      expect.objectContaining({ others: expect.toSatisfy((others) => others.length === 19) }),
    );
    expect(() => create({ password: 4711, active: 4711 })).toThrow(
      expect.toSatisfy(
        (error) => !`${error.message}${error.others[0].message}${error.stack}`.includes('4711"'),
      ),
    );
  });

  test.each(["text", 1, true, null, undefined, []])("%j is no resource", (body) => {
    expect(() => readResource(userResourceType, body, { context: "creation" })).toThrow(
      problem("User"),
    );
  });
});

describe("what providers send", () => {
  test.each([
    ["booleanText", { active: "False" }, { active: false }, "active"],
    ["emptyText", { title: "" }, {}, "title"],
    ["emptyText", { emails: "" }, {}, "emails"],
    ["emptyText", { name: "" }, {}, "name"],
    ["emptyText", { active: "" }, {}, "active"],
    ["singleElementList", { title: ["Dr."] }, { title: "Dr." }, "title"],
    ["loneValue", { emails: { value: "a" } }, { emails: [{ value: "a" }] }, "emails"],
    ["bareValue", { roles: ["admin"] }, { roles: [{ value: "admin" }] }, "roles"],
    ["jsonText", { roles: ['{"value":"admin"}'] }, { roles: [{ value: "admin" }] }, "roles"],
  ])("%s: %j", (rewrite, body, expected, path) => {
    const { resource, rewrites } = create(body, { profile: entraProfile });
    expect(resource).toEqual({ schemas: [userId], userName: "bjensen", ...expected });
    expect(rewrites).toEqual([{ rewrite, path }]);
    if (rewrite !== "emptyText" || path !== "title")
      expect(() => create(body)).toThrow(problem(path));
  });

  test("numbers as text, and no schemas, only by the lenient profile", () => {
    const type = defineResourceType({
      name: "Room",
      endpoint: "/Rooms",
      schema: defineSchema({
        id: "urn:example:Room",
        name: "Room",
        attributes: { seats: { type: "integer" }, area: { type: "decimal" } },
      }),
    });
    const read = (profile: ScimProfile, body: object) =>
      readResource(type, body, { context: "creation", profile });
    expect(read(lenientProfile, { seats: "12", area: "20.5" })).toEqual({
      resource: { schemas: ["urn:example:Room"], seats: 12, area: 20.5 },
      ignored: [],
      rewrites: [
        { rewrite: "numberText", path: "seats" },
        { rewrite: "numberText", path: "area" },
        { rewrite: "missingSchemas", path: "schemas" },
      ],
    });
    expect(() => read(lenientProfile, { seats: "12.5" })).toThrow(problem("seats"));
    expect(() => read(oktaProfile, { seats: 1 })).toThrow(problem("schemas"));
  });

  test("a manager in each of the forms that were seen", () => {
    const manager = { value: "26118915" };
    for (const sent of [
      "26118915",
      ["26118915"],
      [{ value: "26118915" }],
      '{"value":"26118915"}',
    ]) {
      const { resource } = create(
        { [enterpriseUserId]: { manager: sent } },
        { profile: entraProfile },
      );
      expect(resource[enterpriseUserId]?.manager).toEqual(manager);
    }
    for (const cleared of ["", [], [""], { value: "" }, [{ value: "" }], null]) {
      const { resource } = create(
        { [enterpriseUserId]: { manager: cleared } },
        { profile: entraProfile },
      );
      expect(resource).not.toHaveProperty([enterpriseUserId]);
    }
  });

  test("is not guessed at where it can be read in two ways", () => {
    expect(() => create({ title: ["a", "b"] }, { profile: lenientProfile })).toThrow(
      problem("title"),
    );
    expect(() => create({ name: "Barbara" }, { profile: lenientProfile })).toThrow(problem("name"));
    expect(() => create({ active: "yes" }, { profile: lenientProfile })).toThrow(problem("active"));
    expect(() => create({ roles: ["{"] }, { profile: lenientProfile })).not.toThrow();
  });
});

test("what is read is typed", () => {
  const { resource } = create({});
  const user: NewUser = resource;
  const response = vector("rfc7643-8.1-user");
  const read: User = readResource(userResourceType, response, { context: "response" }).resource;
  expect([user.userName, read.userName]).toEqual(["bjensen", "bjensen@example.com"]);
});

describe.each([rfc7644Profile, entraProfile, oktaProfile, lenientProfile])(
  "by the profile $name",
  (profile) => {
    const body = { schemas: [userSchema.id], userName: "bjensen" };
    const read = (more: object, context: "creation" | "replacement" = "creation"): unknown =>
      readResource(userResourceType, { ...body, ...more }, { context, profile }).resource;

    test.each<object>([
      { "name.givenName": "Barbara" },
      { "Name.Favourite": "x" },
      { 'emails[type eq "work"].value': "b@work.example" },
      { [`${userSchema.id}:title`]: "Guide" },
      { [`${userSchema.id}.title`]: "Guide" },
      { [userSchema.id]: { title: "Guide" } },
      { [`${enterpriseUserSchema.id}:department`]: "Tours" },
      { [`${enterpriseUserSchema.id}.manager.value`]: "26118915" },
      { [enterpriseUserSchema.id]: { "manager.value": "26118915" } },
    ])("a name that is a path is refused, and not ignored: %j", (more) => {
      const refused = { code: "invalid_value", reason: expect.stringContaining("it is a path") };
      for (const context of ["creation", "replacement"] as const) {
        expect(() => read(more, context)).toThrow(expect.objectContaining(refused));
      }
      const response = { ...body, id: "2819c223", ...more };
      const { ignored } = readResource(userResourceType, response, { context: "response" });
      expect(ignored).toMatchObject([{ reason: "unknown" }]);
    });

    test.each<object>([
      { emails: [], Emails: [{ value: "b@work.example" }] },
      { title: null, TITLE: "Guide" },
      { emails: [{ value: null, Value: "b@work.example" }] },
      { [enterpriseUserSchema.id]: null, [enterpriseUserSchema.id.toUpperCase()]: {} },
    ])("a name that is there twice is refused, though one of them has no value: %j", (more) => {
      const refused = { code: "invalid_value", reason: expect.stringContaining("twice") };
      expect(() => read(more)).toThrow(expect.objectContaining(refused));
    });

    test("an unknown name that looks like no path is ignored", () => {
      const more = { "favourite.tea": "x", [`${userSchema.id}:favourite`]: "x" };
      expect(read(more)).toEqual(body);
    });
  },
);
