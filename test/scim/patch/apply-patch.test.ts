import {
  applyPatch,
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  groupResourceType,
  lenientProfile,
  type PlanPatchOptions,
  patchOpId,
  planPatch,
  type ResourceType,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";

const patch = (...Operations: readonly object[]) => ({ schemas: [patchOpId], Operations });

function applied(
  before: object,
  operation: object | readonly object[],
  type: ResourceType = userResourceType,
  options: PlanPatchOptions = {},
): object {
  const operations = Array.isArray(operation) ? operation : [operation];
  return applyPatch(planPatch(type, patch(...operations), options), before);
}

const mutability = (path: string): unknown =>
  expect.objectContaining({ name: "MutabilityError", path });
const invalid = (path: string): unknown =>
  expect.objectContaining({ name: "InvalidValueError", path });

const user = { id: "1", userName: "bjensen" };
const work = { value: "b@work.example", type: "work", primary: true };
const home = { value: "b@home.example", type: "home" };

describe("one value", () => {
  test.each([
    ["add", { op: "add", path: "title", value: "Dr." }, { ...user, title: "Dr." }],
    ["replace", { op: "replace", path: "USERNAME", value: "x" }, { ...user, userName: "x" }],
    [
      "with the URI of the schema",
      { op: "replace", path: `${userId.toUpperCase()}:userName`, value: "x" },
      { ...user, userName: "x" },
    ],
    [
      "replace where nothing is",
      { op: "replace", path: "active", value: false },
      { ...user, active: false },
    ],
    [
      "OP in any case, NAMES too",
      { OP: "Replace", Path: "title", VALUE: "x" },
      { ...user, title: "x" },
    ],
    [
      "a common attribute",
      { op: "add", path: "externalId", value: "e" },
      { ...user, externalId: "e" },
    ],
    ["remove what is not there", { op: "remove", path: "title" }, user],
    ["null is nothing", { op: "replace", path: "title", value: null }, user],
  ])("%s", (_, operation, after) => {
    expect(applied(user, operation)).toEqual(after);
  });

  test("is taken away", () => {
    const before = { ...user, title: "Dr." };
    expect(applied(before, { op: "remove", path: "title" })).toEqual(user);
    expect(applied(before, { op: "replace", path: "title", value: null })).toEqual(user);
  });
});

describe("a complex attribute", () => {
  const before = { ...user, name: { familyName: "Jensen", givenName: "Barbara" } };

  test.each(["add", "replace"])("%s merges, and leaves the others", (op) => {
    expect(
      applied(before, { op, path: "name", value: { GIVENNAME: "Babs", familyName: null } }),
    ).toEqual({ ...user, name: { givenName: "Babs" } });
  });

  test("has sub-attributes that are added, replaced and removed", () => {
    expect(applied(user, { op: "add", path: "name.familyName", value: "J" })).toEqual({
      ...user,
      name: { familyName: "J" },
    });
    expect(applied(before, { op: "remove", path: "name.familyName" })).toEqual({
      ...user,
      name: { givenName: "Barbara" },
    });
    expect(
      applied(before, [
        { op: "remove", path: "name.familyName" },
        { op: "remove", path: "name.givenName" },
      ]),
    ).toEqual(user);
    expect(applied(before, { op: "remove", path: "name" })).toEqual(user);
  });
});

describe("an extension", () => {
  const department = `${enterpriseUserId}:department`;
  const before = { ...user, [enterpriseUserId]: { department: "IT", costCenter: "1" } };

  test("comes with its first attribute, and goes with its last; schemas follow", () => {
    const withSchemas = { ...user, schemas: [userId] };
    const extended = applied(withSchemas, { op: "add", path: department, value: "IT" });
    expect(extended).toEqual({
      ...user,
      schemas: [userId, enterpriseUserId],
      [enterpriseUserId]: { department: "IT" },
    });
    expect(applied(extended, { op: "remove", path: department.toUpperCase() })).toEqual(
      withSchemas,
    );
  });

  test.each(["add", "replace"])("%s as a whole merges attribute by attribute", (op) => {
    const value = { department: "HR", manager: { value: "2" }, costCenter: null };
    const after = { ...user, [enterpriseUserId]: { department: "HR", manager: { value: "2" } } };
    expect(applied(before, { op, path: enterpriseUserId, value })).toEqual(after);
    expect(applied(before, { op, value: { [enterpriseUserId]: value } })).toEqual(after);
  });

  test("is removed as a whole", () => {
    expect(applied(before, { op: "remove", path: enterpriseUserId })).toEqual(user);
  });

  test("loses what was said of a manager who is another one now", () => {
    const manager = { value: "2", $ref: "../Users/2", displayName: "John" };
    const managed = { ...user, [enterpriseUserId]: { manager } };
    const path = `${enterpriseUserId}:manager`;
    expect(applied(managed, { op: "replace", path, value: { value: "3" } })).toEqual({
      ...user,
      [enterpriseUserId]: { manager: { value: "3" } },
    });
    expect(applied(managed, { op: "replace", path: `${path}.value`, value: "3" })).toEqual({
      ...user,
      [enterpriseUserId]: { manager: { value: "3" } },
    });
    expect(applied(managed, { op: "replace", path, value: { value: "2" } })).toBe(managed);
    expect(applied(managed, { op: "remove", path: `${path}.value` })).toEqual(user);
  });
});

describe("a list", () => {
  const before = { ...user, emails: [work, home] };

  test("is added to, and nothing is in it twice", () => {
    const more = { value: "c@example.com", type: "other" };
    expect(applied(before, { op: "add", path: "emails", value: [more] })).toEqual({
      ...user,
      emails: [work, home, more],
    });
    expect(applied(before, { op: "add", path: "emails", value: more })).toEqual({
      ...user,
      emails: [work, home, more],
    });
    const inOtherCase = { value: "B@HOME.EXAMPLE", type: "Home" };
    expect(applied(before, { op: "add", path: "emails", value: [inOtherCase] })).toBe(before);
    const ofOtherType = { ...home, type: "other" };
    expect(applied(before, { op: "add", path: "emails", value: [ofOtherType] })).toMatchObject({
      emails: [work, home, ofOtherType],
    });
    expect(applied(user, { op: "add", path: "emails", value: [more, more] })).toEqual({
      ...user,
      emails: [more],
    });
    expect(applied(before, { op: "add", path: "emails", value: [] })).toBe(before);
  });

  test("of values without a value has none twice that are equal in everything", () => {
    const address = { locality: "Vienna", country: "AT" };
    const living = { ...user, addresses: [address] };
    expect(
      applied(living, {
        op: "add",
        path: "addresses",
        value: [{ country: "at", locality: "Vienna" }],
      }),
    ).toBe(living);
    expect(
      applied(living, { op: "add", path: "addresses", value: [{ locality: "Graz" }] }),
    ).toEqual({
      ...user,
      addresses: [address, { locality: "Graz" }],
    });
  });

  test("learns of a value that is there what is new of it", () => {
    expect(
      applied(before, { op: "add", path: "emails", value: [{ ...home, primary: true }] }),
    ).toEqual({
      ...user,
      emails: [
        { ...work, primary: false },
        { ...home, primary: true },
      ],
    });
  });

  test("is replaced, and emptied", () => {
    expect(applied(before, { op: "replace", path: "emails", value: [home] })).toEqual({
      ...user,
      emails: [home],
    });
    for (const value of [[], null]) {
      expect(applied(before, { op: "replace", path: "emails", value })).toEqual(user);
    }
    expect(applied(before, { op: "remove", path: "emails" })).toEqual(user);
  });

  test.each([
    ['emails[type eq "work"]', [home]],
    ['EMAILS[TYPE EQ "WORK"]', [home]],
    ['emails[value sw "b@"]', undefined],
    ['emails[type eq "work" and value sw "x"]', [work, home]],
    ["emails[not (primary eq true)]", [work]],
    ['emails[type eq "unknown"]', [work, home]],
  ])("loses what %s selects", (path, emails) => {
    expect(applied(before, { op: "remove", path })).toEqual(
      emails === undefined ? user : { ...user, emails },
    );
  });

  test("has sub-attributes of the selected values changed, or of all", () => {
    const path = 'emails[type eq "home"].display';
    expect(applied(before, { op: "add", path, value: "Home" })).toEqual({
      ...user,
      emails: [work, { ...home, display: "Home" }],
    });
    expect(applied(before, { op: "replace", path: "emails.display", value: "x" })).toEqual({
      ...user,
      emails: [
        { ...work, display: "x" },
        { ...home, display: "x" },
      ],
    });
    expect(applied(before, { op: "remove", path: 'emails[type eq "work"].primary' })).toEqual({
      ...user,
      emails: [{ value: work.value, type: "work" }, home],
    });
    expect(applied(before, { op: "remove", path: 'emails[type eq "other"].primary' })).toBe(before);
  });

  test("takes a whole value in the place of the selected one, and merges what is added to it", () => {
    const value = { value: "n@work.example" };
    const path = 'emails[type eq "work"]';
    expect(applied(before, { op: "replace", path, value })).toEqual({
      ...user,
      emails: [value, home],
    });
    expect(applied(before, { op: "add", path, value })).toEqual({
      ...user,
      emails: [{ ...work, ...value }, home],
    });
  });

  test("loses a value in whose place nothing is put, and none to which nothing is added", () => {
    const path = 'emails[type eq "work"]';
    for (const value of [null, {}]) {
      expect(applied(before, { op: "replace", path, value })).toEqual({ ...user, emails: [home] });
      expect(applied(before, { op: "add", path, value })).toBe(before);
    }
  });

  test("gets a value that a filter describes where none is, by add", () => {
    const path = 'phoneNumbers[type eq "mobile"].value';
    expect(applied(user, { op: "add", path, value: "1" })).toEqual({
      ...user,
      phoneNumbers: [{ type: "mobile", value: "1" }],
    });
  });

  test.each([
    { op: "replace", path: 'emails[type eq "other"].value', value: "x" },
    { op: "replace", path: 'emails[type eq "other"]', value: { value: "x" } },
    { op: "add", path: 'emails[type sw "o"].value', value: "x" },
    { op: "replace", path: "phoneNumbers.value", value: "x" },
  ])("has no target: $op $path", (operation) => {
    expect(() => applied(before, operation)).toThrow(
      expect.objectContaining({ name: "NoTargetError", code: "no_target", scimType: "noTarget" }),
    );
  });

  test("has one primary value, the last that became it", () => {
    const path = 'emails[type eq "home"].primary';
    expect(applied(before, { op: "replace", path, value: true })).toEqual({
      ...user,
      emails: [
        { ...work, primary: false },
        { ...home, primary: true },
      ],
    });
    const more = { value: "c", primary: true };
    expect(applied(before, { op: "add", path: "emails", value: [more] })).toEqual({
      ...user,
      emails: [{ ...work, primary: false }, home, more],
    });
    expect(() => applied(before, { op: "replace", path: "emails.primary", value: true })).toThrow(
      invalid("emails.primary"),
    );
  });

  test("of simple values is selected by value", () => {
    const type = defineResourceType({
      name: "Box",
      endpoint: "/Boxes",
      schema: defineSchema({
        id: "urn:example:Box",
        name: "Box",
        attributes: {
          labels: { multiValued: true },
          sizes: { type: "integer", multiValued: true },
        },
      }),
    });
    const box = { id: "1", labels: ["red", "blue"], sizes: [1, 2] };
    expect(applied(box, { op: "remove", path: 'labels[value eq "RED"]' }, type)).toMatchObject({
      labels: ["blue"],
    });
    expect(applied(box, { op: "remove", path: "sizes[value eq 1 or value eq 2]" }, type)).toEqual({
      id: "1",
      labels: box.labels,
    });
    expect(
      applied(box, { op: "add", path: "labels", value: ["Blue", "green"] }, type),
    ).toMatchObject({ labels: ["red", "blue", "green"] });
    expect(applied(box, { op: "add", path: "labels", value: "green" }, type)).toMatchObject({
      labels: ["red", "blue", "green"],
    });
    expect(() => applied(box, { op: "remove", path: 'labels[value sw "r"]' }, type)).toThrow(
      expect.objectContaining({ code: "invalid_path" }),
    );
  });
});

describe("members", () => {
  const group = { id: "1", displayName: "Staff", members: [{ value: "a", type: "User" }] };

  test("are told apart by value, and by type where both state one", () => {
    const add = (value: object) =>
      applied(group, { op: "add", path: "members", value: [value] }, groupResourceType);
    expect(add({ value: "a", display: "Anna" })).toBe(group);
    expect(add({ value: "a", type: "user" })).toBe(group);
    expect(add({ value: "a", type: "Group" })).toMatchObject({ members: { length: 2 } });
    expect(add({ value: "A" })).toMatchObject({ members: { length: 2 } });
  });

  test("come and go without a filter's being compiled, many at once", () => {
    const many = Array.from({ length: 20_000 }, (_, n) => ({ value: `m${n}` }));
    const full = applied(group, { op: "add", path: "members", value: many }, groupResourceType);
    expect(full).toMatchObject({ members: { length: 20_001 } });
    const remove = { op: "remove", path: "members", value: many };
    expect(applied(full, remove, groupResourceType, { profile: lenientProfile })).toEqual(group);
  });
});

describe("what may not change", () => {
  const type = defineResourceType({
    name: "Badge",
    endpoint: "/Badges",
    schema: defineSchema({
      id: "urn:example:Badge",
      name: "Badge",
      attributes: {
        number: { required: true, mutability: "immutable" },
        serial: { mutability: "readOnly" },
        doors: {
          type: "complex",
          multiValued: true,
          required: true,
          subAttributes: { value: { required: true, mutability: "immutable" }, note: {} },
        },
        owner: { type: "complex", subAttributes: { value: { required: true }, note: {} } },
      },
    }),
  });
  const badge = { id: "1", number: "A7", doors: [{ value: "front" }], owner: { value: "x" } };

  test.each([
    ["number", { op: "replace", path: "number", value: "B8" }],
    ["number", { op: "add", path: "number", value: "B8" }],
    ["number", { op: "remove", path: "number" }],
    ["serial", { op: "add", path: "serial", value: "1" }],
    ["serial", { op: "remove", path: "serial" }],
    ["serial", { op: "replace", value: { serial: "1" } }],
    ["id", { op: "replace", value: { id: "2" } }],
    ["schemas", { op: "remove", path: "schemas" }],
    ["meta", { op: "replace", path: "meta.created", value: "2011-05-13T04:42:34Z" }],
    ["doors", { op: "remove", path: "doors" }],
    ["doors", { op: "remove", path: 'doors[value eq "front"]' }],
    ["doors.value", { op: "remove", path: 'doors[value eq "front"].value' }],
    ["doors.value", { op: "replace", path: 'doors[value eq "front"].value', value: "back" }],
    ["owner.value", { op: "remove", path: "owner.value" }],
    ["owner.value", { op: "replace", path: "owner", value: { value: null } }],
  ])("%s by %j", (path, operation) => {
    expect(() => applied(badge, operation, type)).toThrow(mutability(path));
  });

  test("may be stated as it is, and set where there is nothing", () => {
    expect(applied(badge, { op: "replace", path: "number", value: "a7" }, type)).toEqual({
      ...badge,
      number: "a7",
    });
    const { number: _, ...blank } = badge;
    expect(applied(blank, { op: "add", path: "number", value: "B8" }, type)).toEqual({
      ...blank,
      number: "B8",
    });
  });

  test("and what is required is there at the end", () => {
    const { owner: _, ...free } = badge;
    expect(() => applied(free, { op: "add", path: "owner.note", value: "n" }, type)).toThrow(
      invalid("owner.value"),
    );
    expect(() =>
      applied(badge, { op: "add", path: 'doors[note eq "n"].note', value: "m" }, type),
    ).toThrow(invalid("doors.value"));
    expect(
      applied(
        free,
        [
          { op: "add", path: "owner.note", value: "n" },
          { op: "add", path: "owner.value", value: "y" },
        ],
        type,
      ),
    ).toMatchObject({ owner: { note: "n", value: "y" } });
  });
});

test("operations follow one another, and all are applied or none", () => {
  const operations = [
    { op: "add", path: "emails", value: [home] },
    { op: "replace", path: 'emails[type eq "home"].value', value: "new" },
    { op: "remove", path: "title" },
  ];
  const before = { ...user, title: "Dr." };
  expect(applied(before, operations)).toEqual({ ...user, emails: [{ ...home, value: "new" }] });
  const failing = [...operations, { op: "replace", path: 'ims[type eq "x"].value', value: "y" }];
  expect(() => applied(before, failing)).toThrow(expect.objectContaining({ code: "no_target" }));
  expect(before).toEqual({ ...user, title: "Dr." });
});

test("an attribute that is called like what every object inherits is like any other", () => {
  const type = defineResourceType({
    name: "Odd",
    endpoint: "/Odd",
    schema: defineSchema({
      id: "urn:example:Odd",
      name: "Odd",
      attributes: { constructor: {}, toString: { multiValued: true } },
    }),
  });
  const before = { id: "1" };
  expect(applied(before, { op: "remove", path: "constructor" }, type)).toBe(before);
  const after = applied(before, { op: "add", value: { constructor: "x", toString: ["y"] } }, type);
  expect(JSON.parse(JSON.stringify(after))).toEqual({ id: "1", constructor: "x", toString: ["y"] });
});
