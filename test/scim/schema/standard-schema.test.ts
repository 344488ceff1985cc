import {
  applyPatch,
  defineResourceType,
  defineSchema,
  type InferResource,
  type InferResourceRequest,
  patchOpId,
  planPatch,
  project,
  readResource,
  userSchema,
} from "concordat/scim";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";
const badgeId = "urn:example:Badge";

const badge = z.object({
  number: z.string().transform(Number),
  doors: z.array(z.object({ name: z.string() })).default([]),
});

const badgeSchema = defineSchema({ id: badgeId, name: "Badge", attributes: {}, standard: badge });

const type = defineResourceType({
  name: "User",
  endpoint: "/Users",
  schema: userSchema,
  schemaExtensions: [{ schema: badgeSchema, required: true }],
});

const read = (value: unknown) =>
  readResource(
    type,
    { schemas: [userId], userName: "b", [badgeId]: value },
    {
      context: "creation",
    },
  );

describe("an extension that any Standard Schema reads", () => {
  test("has what the schema makes of it", () => {
    expect(read({ number: "12" }).resource).toEqual({
      schemas: [userId, badgeId],
      userName: "b",
      [badgeId]: { number: 12, doors: [] },
    });
  });

  test("has the type of the schema's output", () => {
    expectTypeOf<InferResource<typeof type>[typeof badgeId]>().toEqualTypeOf<{
      number: number;
      doors: { name: string }[];
    }>();
    expectTypeOf<InferResourceRequest<typeof type>[typeof badgeId]["number"]>().toBeNumber();
    expect(read({ number: "12" }).resource[badgeId].number).toBe(12);
  });

  test("is refused with the paths that the schema names", () => {
    expect(() => read({ number: 12, doors: [{ name: "a" }, {}] })).toThrow(
      expect.objectContaining({
        code: "invalid_value",
        path: `${badgeId}:number`,
        others: expect.arrayContaining([
          expect.objectContaining({ path: `${badgeId}:doors.1.name` }),
        ]),
      }),
    );
    expect(() => read("text")).toThrow(expect.objectContaining({ path: badgeId }));
    expect(() => read(null)).toThrow(expect.objectContaining({ path: badgeId }));
  });

  test("is returned whole, or not", () => {
    const user = { id: "1", userName: "b", [badgeId]: { number: 12, doors: [] } };
    expect(project(type, user)).toEqual({ schemas: [userId, badgeId], ...user });
    expect(project(type, user, { attributes: [badgeId] })).toEqual({
      schemas: [userId, badgeId],
      id: "1",
      [badgeId]: { number: 12, doors: [] },
    });
    expect(project(type, user, { attributes: ["userName"] })).not.toHaveProperty([badgeId]);
    expect(project(type, user, { excludedAttributes: [badgeId] })).not.toHaveProperty([badgeId]);
  });

  test("is not waited for", () => {
    const later = z.object({}).refine(() => Promise.resolve(true));
    const slow = defineResourceType({
      name: "User",
      endpoint: "/Users",
      schema: userSchema,
      schemaExtensions: [
        {
          schema: defineSchema({ id: badgeId, name: "Badge", attributes: {}, standard: later }),
          required: false,
        },
      ],
    });
    const body = { schemas: [userId], userName: "b", [badgeId]: {} };
    expect(() => readResource(slow, body, { context: "creation" })).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });

  test("is given nothing that is nested deeper than those can go who walk through it", () => {
    let deep: unknown = {};
    for (let depth = 0; depth < 50_000; depth++) deep = [deep];
    expect(() => read(deep)).toThrow(expect.objectContaining({ path: badgeId }));
    const Operations = [{ op: "add", path: badgeId, value: { deep } }];
    expect(() => planPatch(type, { schemas: [patchOpId], Operations })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: badgeId }),
    );
  });

  test("is an extension, and never the base", () => {
    expect(() =>
      defineResourceType({ name: "Badge", endpoint: "/Badges", schema: badgeSchema }),
    ).toThrow(expect.objectContaining({ code: "invalid_value", path: "schema" }));
  });
});

describe("a PATCH of such an extension", () => {
  const stored = { id: "1", userName: "b", [badgeId]: { number: 12, doors: [] } };
  const loose = defineResourceType({
    name: "User",
    endpoint: "/Users",
    schema: userSchema,
    schemaExtensions: [
      {
        schema: defineSchema({
          id: badgeId,
          name: "Badge",
          attributes: { colour: {} },
          standard: z.object({ number: z.number(), colour: z.string().optional() }),
        }),
        required: false,
      },
    ],
  });
  const patched = (...Operations: readonly object[]) =>
    applyPatch(planPatch(loose, { schemas: [patchOpId], Operations }), stored);

  test("merges, and is read by the schema when all is done", () => {
    expect(patched({ op: "add", path: badgeId, value: { number: 13 } })).toEqual({
      ...stored,
      [badgeId]: { number: 13 },
    });
    expect(patched({ op: "remove", path: badgeId })).toEqual({ id: "1", userName: "b" });
    expect(() => patched({ op: "add", value: { [badgeId]: { number: "x" } } })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: `${badgeId}:number` }),
    );
  });

  test("finds the attributes that the definition names, and no others", () => {
    expect(patched({ op: "add", path: `${badgeId}:colour`, value: "red" })).toEqual({
      ...stored,
      [badgeId]: { number: 12, colour: "red" },
    });
    expect(() => patched({ op: "add", path: `${badgeId}:number`, value: 1 })).toThrow(
      expect.objectContaining({ code: "invalid_path" }),
    );
  });
});
