import { ConcordatError } from "concordat";
import {
  applyPatch,
  enterpriseUserId,
  groupResourceType,
  lenientProfile,
  patchOpId,
  planPatch,
  rfc7644Profile,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";

const patch = (...Operations: readonly unknown[]) => ({ schemas: [patchOpId], Operations });
const plan = (...operations: readonly unknown[]) =>
  planPatch(userResourceType, patch(...operations));
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("a body that is no PATCH", () => {
  test.each([
    null,
    [],
    "text",
    {},
    { Operations: [{ op: "remove", path: "title" }] },
    { schemas: [], Operations: [{ op: "remove", path: "title" }] },
    { schemas: [patchOpId] },
    patch(),
    { schemas: [patchOpId], Operations: {} },
    { schemas: [patchOpId], Operations: [], operations: [{ op: "remove", path: "title" }] },
    patch(null),
    patch([]),
    patch({ path: "title", value: "x" }),
    patch({ op: "move", path: "title", value: "x" }),
    patch({ op: 1, path: "title", value: "x" }),
    patch({ op: "add", path: "title" }),
    patch({ op: "add", path: 1, value: "x" }),
    patch({ op: "add", OP: "remove", path: "title", value: "x" }),
  ])("%j has an invalid syntax", (body) => {
    expect(() => planPatch(userResourceType, body)).toThrow(
      expect.objectContaining({ code: "invalid_syntax", scimType: "invalidSyntax" }),
    );
  });

  test("has no schemas, which only the lenient profile reads", () => {
    const body = { Operations: [{ op: "remove", path: "title" }] };
    expect(planPatch(userResourceType, body, { profile: lenientProfile }).steps).toHaveLength(1);
  });
});

describe("an operation", () => {
  test.each([
    ["no_target", { op: "remove" }],
    ["no_target", { op: "remove", path: "" }],
    ["invalid_path", { op: "add", path: "unknown", value: "x" }],
    ["invalid_path", { op: "add", path: "name.unknown", value: "x" }],
    ["invalid_path", { op: "add", path: "department", value: "x" }],
    ["invalid_filter", { op: "add", path: "emails[0]", value: "x" }],
    ["invalid_path", { op: "add", path: 'name[familyName eq "x"]', value: {} }],
    ["invalid_path", { op: "add", path: 'emails[type eq "work"].unknown', value: "x" }],
    ["invalid_path", { op: "add", path: "emails.value.x", value: "x" }],
    ["invalid_filter", { op: "remove", path: 'emails[unknown eq "x"]' }],
    ["invalid_filter", { op: "remove", path: "emails[type gt true]" }],
    ["invalid_value", { op: "add", value: "x" }],
    ["invalid_value", { op: "add", value: { unknown: 1 } }],
    ["invalid_value", { op: "add", path: "title", value: 1 }],
    ["invalid_value", { op: "add", path: "title", value: ["x"] }],
    ["invalid_value", { op: "add", path: "name", value: "x" }],
    ["invalid_value", { op: "add", path: "name", value: { unknown: 1 } }],
    ["invalid_value", { op: "add", path: "name", value: { familyName: "a", FAMILYNAME: "b" } }],
    ["invalid_value", { op: "add", path: "emails", value: "x" }],
    ["invalid_value", { op: "add", path: "emails", value: [{ value: 1 }] }],
    ["invalid_value", { op: "remove", path: "emails", value: [{ value: "x" }] }],
    ["invalid_value", { op: "add", path: enterpriseUserId, value: "x" }],
    ["mutability", { op: "add", path: "groups", value: [{ value: "x" }] }],
    ["mutability", { op: "remove", path: 'groups[value eq "x"]' }],
    ["mutability", { op: "remove", path: "userName" }],
    ["mutability", { op: "replace", path: "userName", value: null }],
    ["mutability", { op: "remove", path: "id" }],
  ])("is refused, %s: %j", (expected, operation) => {
    expect(() => plan(operation)).toThrow(code(expected));
  });

  test("has all that is wrong with its values told at once", () => {
    expect(() =>
      plan({ op: "add", value: { title: 1, active: 2, name: { familyName: 3 } } }),
    ).toThrow(
      expect.objectContaining({
        path: "title",
        others: [
          expect.objectContaining({ path: "active" }),
          expect.objectContaining({ path: "name.familyName" }),
        ],
      }),
    );
  });

  test("does not tell a value in its error, such as a password", () => {
    const told = [
      () => plan({ op: "add", path: "password", value: ["t1meMa$heen"] }),
      () => plan({ op: "add", value: { password: { x: "t1meMa$heen" } } }),
      () => plan({ op: "remove", path: 'emails[password eq "t1meMa$heen"]' }),
    ].map((work) => {
      try {
        work();
        return undefined;
      } catch (error) {
        return error;
      }
    });
    for (const error of told) {
      expect(error).toBeInstanceOf(ConcordatError);
      expect(JSON.stringify(error) + String(error)).not.toContain("t1meMa$heen");
    }
  });
});

describe("names that every object inherits", () => {
  const poison: unknown = JSON.parse('{ "__proto__": { "polluted": true }, "polluted": true }');
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];

  test.each(
    names.flatMap((name) => [
      { op: "add", path: name, value: poison },
      { op: "replace", path: `${name}.polluted`, value: true },
      { op: "add", path: `name.${name}`, value: poison },
      { op: "remove", path: `emails[${name} eq "x"]` },
      { op: "add", path: `emails[type eq "work"].${name}`, value: poison },
      { op: "add", path: `${enterpriseUserId}:${name}`, value: poison },
      { op: "add", path: `${name}:${name}.${name}`, value: poison },
    ]),
  )("$op $path is refused", (operation) => {
    for (const profile of [rfc7644Profile, lenientProfile]) {
      expect(() => planPatch(userResourceType, patch(operation), { profile })).toThrow(
        ConcordatError,
      );
    }
  });

  test.each(names)("%s as a key is refused, or ignored", (name) => {
    const value: unknown = JSON.parse(
      `{ "${name}": { "polluted": true }, "${name}.polluted": true, "emails[type eq \\"work\\"].${name}": 1,
         "name": { "${name}": { "polluted": true }, "familyName": "J" },
         "emails": [{ "value": "a", "${name}": { "polluted": true } }],
         "${enterpriseUserId}": { "${name}": { "polluted": true }, "manager": { "${name}": 1, "value": "m" } } }`,
    );
    expect(() => plan({ op: "add", value })).toThrow(code("invalid_value"));
    const { 'emails[type eq "work"].__proto__': _, ...known } = value as Record<string, unknown>;
    delete known[`emails[type eq "work"].${name}`];
    const lenient = planPatch(userResourceType, patch({ op: "add", value: known }), {
      profile: lenientProfile,
    });
    const after = applyPatch(lenient, { id: "1", userName: "b" });
    expect(after).toEqual({
      id: "1",
      userName: "b",
      name: { familyName: "J" },
      emails: [{ value: "a" }],
      [enterpriseUserId]: { manager: { value: "m" } },
    });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("a PATCH that is too large", () => {
  const operation = { op: "replace", path: "title", value: "x" };

  test("has no more operations, no longer paths, values and texts than the limits", () => {
    const many = patch(...Array.from({ length: 1_001 }, () => operation));
    expect(() => planPatch(userResourceType, many)).toThrow(
      expect.objectContaining({ code: "too_many", limit: 1_000 }),
    );
    expect(() => plan({ ...operation, path: "x".repeat(4_097) })).toThrow(code("too_many"));
    const limits = { operations: 1, path: 10, values: 1, characters: 3 };
    const limited = (...operations: readonly unknown[]) =>
      planPatch(userResourceType, patch(...operations), { limits });
    expect(limited(operation).steps).toHaveLength(1);
    expect(() => limited(operation, operation)).toThrow(code("too_many"));
    expect(() => limited({ ...operation, path: "name.familyName" })).toThrow(code("too_many"));
    expect(() => limited({ ...operation, value: "four" })).toThrow(code("invalid_value"));
    expect(() => limited({ op: "add", path: "emails", value: [{}, {}] })).toThrow(
      code("invalid_value"),
    );
  });

  test("makes no more comparisons with what lists have than the limit, but for the first of each", () => {
    const emails = Array.from({ length: 100 }, (_, at) => ({ value: `${at}@example.com` }));
    const user = { userName: "bjensen", emails };
    const applied = (comparisons: number, ...operations: readonly unknown[]) =>
      applyPatch(
        planPatch(userResourceType, patch(...operations), { limits: { comparisons } }),
        user,
      );
    const adds = (value: string) => ({ op: "add", path: "emails", value: [{ value }] });
    const removal = { op: "remove", path: 'emails[value eq "7@example.com" and type eq "work"]' };
    // Additions that follow each other look at the list once.
    const many = Array.from({ length: 1_000 }, (_, at) => adds(`more${at}@example.com`));
    expect(applied(1, ...many).emails).toHaveLength(1_100);
    expect(applied(1, removal)).toBe(user);
    expect(applied(200, removal, removal)).toBe(user);
    const tooMany = expect.objectContaining({ code: "too_many", limit: 199 });
    expect(() => applied(199, removal, removal)).toThrow(tooMany);
    expect(() => applied(1_000, removal, adds("x@example.com"))).not.toThrow();
    expect(() => applied(999, removal, adds("x@example.com"))).toThrow(code("too_many"));
    expect(() => applied(199, removal, { ...removal, op: "add", value: {} })).toThrow(tooMany);
  });

  test.each([
    ["20,000 brackets", `emails[${"(".repeat(2_000)}type eq "work"${")".repeat(2_000)}]`],
    ["dots", `emails${".x".repeat(2_000)}`],
    ["a string that does not end", `emails[type eq "${"\n".repeat(4_000)}`],
    ["escapes", `emails[type eq "${"\\a".repeat(2_000)}"]`],
    ["open value paths", "emails[".repeat(500)],
  ])("is refused: a path with %s", (_, path) => {
    expect(() => plan({ op: "remove", path })).toThrow(ConcordatError);
  });

  test("may name a value a hundred thousand times, and is not slowed down by it", () => {
    const members = Array.from({ length: 100_000 }, () => ({ value: "a" }));
    const body = patch({ op: "add", path: "members", value: members });
    const group = { id: "1", displayName: "Staff" };
    expect(applyPatch(planPatch(groupResourceType, body), group)).toEqual({
      ...group,
      members: [{ value: "a" }],
    });
    const types = members.map((member, n) => ({ ...member, type: `t${n}` }));
    const typed = patch({ op: "add", path: "members", value: types });
    expect(applyPatch(planPatch(groupResourceType, typed), group)).toMatchObject({
      members: { length: 100_000 },
    });
  });
});
