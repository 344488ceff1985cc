import type { Modification } from "concordat/repositories";
import {
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  type Group,
  groupResourceType,
  lenientProfile,
  modificationOf,
  type NewGroup,
  type NewUser,
  patchOpId,
  planPatch,
  type ResourceType,
  type User,
  userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expect, expectTypeOf, test } from "vitest";

function modification(
  type: ResourceType,
  ...Operations: readonly object[]
): Modification<User & Group, NewUser & NewGroup> {
  const plan = planPatch(type, { schemas: [patchOpId], Operations }, { profile: lenientProfile });
  return modificationOf(plan);
}

const ofUser = (...operations: readonly object[]) => modification(userResourceType, ...operations);
const ofGroup = (...operations: readonly object[]) =>
  modification(groupResourceType, ...operations);

test("a modification is one that repositories take", () => {
  const plan = planPatch(userResourceType, {
    schemas: [patchOpId],
    Operations: [{ op: "remove", path: "title" }],
  });
  expectTypeOf(modificationOf<User, NewUser>(plan)).toExtend<Modification<User, NewUser>>();
  expect(modificationOf<User, NewUser>(plan)).toEqual({ unset: ["title"] });
});

describe("without a read", () => {
  const department = `${enterpriseUserId}:department`;

  test.each([
    ["a value", [{ op: "add", path: "title", value: "Dr." }], { set: { title: "Dr." } }],
    ["no value", [{ op: "remove", path: "title" }], { unset: ["title"] }],
    [
      "a sub-attribute",
      [{ op: "replace", path: "name.familyName", value: "J" }],
      { set: { "name.familyName": "J" } },
    ],
    [
      "some sub-attributes",
      [{ op: "add", path: "name", value: { familyName: "J", givenName: null } }],
      { set: { "name.familyName": "J" }, unset: ["name.givenName"] },
    ],
    ["a complex attribute that goes", [{ op: "remove", path: "name" }], { unset: ["name"] }],
    [
      "a whole list",
      [{ op: "replace", path: "emails", value: [{ value: "a" }] }],
      { set: { emails: [{ value: "a" }] } },
    ],
    ["an empty list", [{ op: "replace", path: "emails", value: [] }], { unset: ["emails"] }],
    [
      "an attribute of an extension",
      [{ op: "add", path: department, value: "IT" }],
      { set: { [department]: "IT" } },
    ],
    [
      "an extension as an object",
      [{ op: "add", path: enterpriseUserId, value: { department: "IT", division: null } }],
      { set: { [department]: "IT" }, unset: [`${enterpriseUserId}:division`] },
    ],
    ["no extension", [{ op: "remove", path: enterpriseUserId }], { unset: [enterpriseUserId] }],
    [
      "a part of what was given before",
      [
        { op: "remove", path: "name" },
        { op: "add", path: "name.familyName", value: "J" },
      ],
      { set: { name: { familyName: "J" } } },
    ],
    [
      "a part of an extension that went before",
      [
        { op: "remove", path: enterpriseUserId },
        { op: "add", path: department, value: "IT" },
      ],
      { set: { [enterpriseUserId]: { department: "IT" } } },
    ],
    [
      "a whole after its part",
      [
        { op: "add", path: "name.familyName", value: "J" },
        { op: "add", path: department, value: "IT" },
        { op: "remove", path: "name" },
        { op: "remove", path: enterpriseUserId },
      ],
      { unset: ["name", enterpriseUserId] },
    ],
    [
      "the last of several values",
      [
        { op: "add", path: "title", value: "a" },
        { op: "remove", path: "title" },
        { op: "add", path: "title", value: "b" },
      ],
      { set: { title: "b" } },
    ],
    ["a password, which is in no change set", [{ op: "add", path: "password", value: "x" }], {}],
  ])("%s", (_, operations, expected) => {
    expect(ofUser(...operations)).toEqual(expected);
  });
});

describe("members, without a read", () => {
  const remove = (id: string) => ({ op: "remove", path: `members[value eq "${id}"]` });
  const add = (...ids: readonly string[]) => ({
    op: "add",
    path: "members",
    value: ids.map((value) => ({ value, display: value, $ref: `../Users/${value}` })),
  });

  test.each([
    [[add("a")], { add: [{ value: "a" }] }],
    [[remove("a")], { remove: [{ value: "a" }] }],
    [[add("a", "b"), remove("a")], { add: [{ value: "b" }], remove: [{ value: "a" }] }],
    [[remove("a"), add("a")], { add: [{ value: "a" }], remove: [{ value: "a" }] }],
    [[{ op: "remove", path: "members" }], { clear: true }],
    [[add("x"), { op: "replace", path: "members", value: [] }], { clear: true }],
    [
      [remove("x"), { op: "replace", path: "members", value: [{ value: "a", type: "group" }] }],
      { clear: true, add: [{ value: "a", type: "Group" }] },
    ],
    [
      [{ op: "remove", path: "members" }, add("a", "b"), remove("b")],
      { clear: true, add: [{ value: "a" }] },
    ],
    [
      [{ op: "remove", path: 'members[value eq "a" and type eq "User"]' }],
      { remove: [{ value: "a", type: "User" }] },
    ],
    [
      [{ op: "remove", path: 'members[value eq "a" or value eq "b"]' }],
      { remove: [{ value: "a" }, { value: "b" }] },
    ],
    [[{ op: "remove", path: "members", value: [{ value: "a" }] }], { remove: [{ value: "a" }] }],
  ])("%j", (operations, members) => {
    expect(ofGroup(...operations)).toEqual({ relations: { members } });
  });

  test("beside attributes, and with nothing to do", () => {
    expect(ofGroup({ op: "replace", path: "displayName", value: "x" }, add("a"))).toEqual({
      set: { displayName: "x" },
      relations: { members: { add: [{ value: "a" }] } },
    });
    expect(ofGroup({ op: "add", path: "members", value: [] })).toEqual({});
  });

  test("a member is a user or a group", () => {
    const value = [{ value: "a", type: "Device" }];
    expect(() => ofGroup({ op: "add", path: "members", value })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "members.type" }),
    );
  });
});

describe("with a read of what it takes, and no more", () => {
  const planned = (changes: Modification<User & Group, NewUser & NewGroup>) => {
    if (!("plan" in changes)) throw new Error("The modification is a blind one.");
    return changes;
  };
  const current = { id: "1", userName: "b", displayName: "Staff" };

  test("more values of a list", () => {
    const more = planned(ofUser({ op: "add", path: "emails", value: [{ value: "b" }] }));
    expect(more.reads).toEqual(["emails"]);
    expect(more.plan({ ...current, emails: [{ value: "a" }] })).toEqual({
      set: { emails: [{ value: "a" }, { value: "b" }] },
    });
    expect(more.plan({ ...current, emails: [{ value: "B" }] })).toEqual({});
  });

  test("selected values, and an attribute that needs no read beside them", () => {
    const path = 'emails[type eq "work"]';
    const fewer = planned(ofUser({ op: "remove", path }, { op: "add", path: "title", value: "x" }));
    expect(fewer.reads).toEqual(["emails", "title"]);
    expect(fewer.plan({ ...current, emails: [{ value: "a", type: "work" }] })).toEqual({
      set: { title: "x" },
      unset: ["emails"],
    });
  });

  test("an extension that goes as a whole after a part of it", () => {
    const manager = `${enterpriseUserId}:manager`;
    const changes = planned(
      ofUser(
        { op: "replace", path: manager, value: { value: "2" } },
        { op: "remove", path: enterpriseUserId },
      ),
    );
    expect(changes.reads).toEqual([enterpriseUserId]);
    expect(changes.plan({ ...current, [enterpriseUserId]: { department: "IT" } })).toEqual({
      unset: [enterpriseUserId],
    });
  });

  test("a manager, whose name must not outlive him", () => {
    const manager = `${enterpriseUserId}:manager`;
    const changes = planned(ofUser({ op: "replace", path: manager, value: { value: "2" } }));
    expect(changes.reads).toEqual([manager]);
    const before = { manager: { value: "1", displayName: "John" }, department: "IT" };
    expect(changes.plan({ ...current, [enterpriseUserId]: before })).toEqual({
      set: { [manager]: { value: "2" } },
    });
  });

  test("members that a filter selects by something else, of which only the difference is written", () => {
    const changes = planned(
      ofGroup(
        { op: "remove", path: 'members[type eq "Group"]' },
        { op: "add", path: "members", value: [{ value: "c" }] },
      ),
    );
    expect(changes.reads).toEqual(["members"]);
    const members = [
      { value: "a", type: "User" },
      { value: "b", type: "Group" },
    ];
    expect(changes.plan({ ...current, members })).toEqual({
      relations: { members: { add: [{ value: "c" }], remove: [{ value: "b", type: "Group" }] } },
    });
  });

  test("an attribute beside members, which are not read for it", () => {
    const changes = planned(
      modification(
        typeWithTags,
        { op: "add", path: "tags", value: "x" },
        { op: "remove", path: 'members[value eq "a"]' },
      ),
    );
    expect(changes.reads).toEqual(["tags"]);
    expect(changes.plan(current)).toEqual({
      set: { tags: ["x"] },
      relations: { members: { remove: [{ value: "a" }] } },
    });
  });

  test("what is immutable, and what is required of an extension", () => {
    const changes = planned(
      modification(typeWithBadge, { op: "add", path: "urn:example:Badge:colour", value: "red" }),
    );
    expect(changes.reads).toEqual(["urn:example:Badge:colour"]);
    expect(() => changes.plan(current)).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "urn:example:Badge:number" }),
    );
    const badged = { ...current, "urn:example:Badge": { number: "7" } };
    expect(changes.plan(badged)).toEqual({ set: { "urn:example:Badge:colour": "red" } });
  });
});

const typeWithTags = defineResourceType({
  name: "Team",
  endpoint: "/Teams",
  schema: defineSchema({
    id: "urn:example:Team",
    name: "Team",
    attributes: {
      tags: { multiValued: true },
      members: {
        type: "complex",
        multiValued: true,
        subAttributes: {
          value: { caseExact: true },
          $ref: { type: "reference", referenceTypes: ["User"] },
          type: {},
        },
      },
    },
  }),
});

const typeWithBadge = defineResourceType({
  name: "User",
  endpoint: "/Users",
  schema: userSchema,
  schemaExtensions: [
    {
      schema: defineSchema({
        id: "urn:example:Badge",
        name: "Badge",
        attributes: { number: { required: true, mutability: "immutable" }, colour: {} },
      }),
      required: false,
    },
  ],
});
