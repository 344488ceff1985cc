import { ConcordatError } from "concordat";
import {
  groupResourceType,
  lenientProfile,
  project,
  readResource,
  readSchema,
  rfc7644Profile,
  userResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looseUser, userRequest } from "./arbitrary-users.js";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";

/** What nobody may have written to what every object inherits from. */
function expectNoPollution(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
}

/** Whether everything in a value is in another one; a list may lack values. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) && part.every((value) => whole.some((other) => isPartOf(value, other)))
    );
  }
  if (typeof part !== "object" || part === null) return part === whole;
  const values = new Map(Object.entries(whole ?? {}));
  return Object.entries(part).every(([name, value]) => isPartOf(value, values.get(name)));
}

function ownErrors(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConcordatError);
  }
}

describe("any JSON", () => {
  test("is read, or refused with an error of the package", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), looseUser),
        fc.constantFrom("creation", "replacement"),
        fc.boolean(),
        (body, context, isLenient) => {
          const profile = isLenient ? lenientProfile : rfc7644Profile;
          ownErrors(() => readResource(userResourceType, body, { context, profile }));
          ownErrors(() => readResource(groupResourceType, body, { context: "response" }));
          ownErrors(() => readSchema(body));
          ownErrors(() => readSchema({ id: "urn:a", attributes: body }));
        },
      ),
    );
    expectNoPollution();
  });

  test.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"])(
    "%s is nobody's attribute, in any place",
    (name) => {
      const poison = JSON.stringify({ polluted: true });
      const body: unknown = JSON.parse(
        `{ "${name}": ${poison}, "schemas": ["${userId}"], "userName": "b",
           "name": { "${name}": ${poison}, "familyName": "J" },
           "emails": [{ "value": "a", "${name}": ${poison} }],
           "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "${name}": ${poison} } }`,
      );
      const { resource, ignored } = readResource(userResourceType, body, { context: "creation" });
      expect(resource).toEqual({
        schemas: [userId],
        userName: "b",
        name: { familyName: "J" },
        emails: [{ value: "a" }],
      });
      expect(ignored).toHaveLength(4);
      expect(Object.getPrototypeOf(resource)).toBe(Object.prototype);
      expect(Object.getPrototypeOf(resource.name)).toBe(Object.prototype);
      expectNoPollution();
    },
  );

  test("a deep value costs nothing where no schema looks for it", () => {
    let deep: unknown = {};
    for (let depth = 0; depth < 50_000; depth++) deep = [deep];
    const body = { schemas: [userId], userName: "b", deep, name: { deep } };
    expect(readResource(userResourceType, body, { context: "creation" }).ignored).toHaveLength(2);
    ownErrors(() =>
      readResource(
        userResourceType,
        { ...body, title: deep },
        {
          context: "creation",
          profile: lenientProfile,
        },
      ),
    );
  });
});

test("reading what was read changes nothing", () => {
  fc.assert(
    fc.property(userRequest, (body) => {
      const once = readResource(userResourceType, body, { context: "creation" }).resource;
      const again = readResource(userResourceType, once, { context: "creation" });
      expect(again).toEqual({ resource: once, ignored: [], rewrites: [] });
    }),
  );
});

test("a projection never shows a password, and of the rest never more than there is", () => {
  const paths = [...userResourceType.attributes.values()].map(({ path }) => path);
  const lists = fc.option(fc.subarray(paths, { maxLength: 8 }), { nil: undefined });
  fc.assert(
    fc.property(userRequest, lists, lists, fc.boolean(), (body, named, stated, isExcluded) => {
      const stored = { ...body, id: "1", password: "t1meMa$heen" };
      const projected = project(userResourceType, stored, {
        ...(named !== undefined && { [isExcluded ? "excludedAttributes" : "attributes"]: named }),
        ...(stated !== undefined && { stated }),
      });
      expect(JSON.stringify(projected)).not.toContain("t1meMa$heen");
      expect(projected.id).toBe("1");
      const { schemas: _, ...rest } = projected;
      expect(isPartOf(rest, stored), JSON.stringify(rest)).toBe(true);
    }),
  );
});
