import {
  type AttributeDefinition,
  defineSchema,
  enterpriseUserId,
  enterpriseUserSchema,
  groupSchema,
  type Schema,
  userSchema,
} from "concordat/scim";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonAttributes } from "../../../src/scim/internal.js";

/** A schema of these attributes, as a host would write it without the compiler's help. */
function schemaOf(attributes: Record<string, object>, id = "urn:example:Thing"): Schema {
  return defineSchema({
    id,
    name: "Thing",
    attributes: attributes as Record<string, AttributeDefinition>,
  });
}

test("the core schemas have the URIs that RFC 7643 §10.3 registers", () => {
  expect(userSchema.id).toBe("urn:ietf:params:scim:schemas:core:2.0:User");
  expect(groupSchema.id).toBe("urn:ietf:params:scim:schemas:core:2.0:Group");
  expect(enterpriseUserSchema.id).toBe(
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  );
  expect(enterpriseUserId).toBe(enterpriseUserSchema.id);
});

test("the common attributes have the characteristics of RFC 7643 §3.1", () => {
  expect([...commonAttributes.keys()]).toEqual(["schemas", "id", "externalid", "meta"]);
  expect(commonAttributes.get("id")).toMatchObject({
    caseExact: true,
    mutability: "readOnly",
    returned: "always",
  });
  expect(commonAttributes.get("externalid")).toMatchObject({
    name: "externalId",
    caseExact: true,
    mutability: "readWrite",
    required: false,
    uniqueness: "none",
  });
  expect(commonAttributes.get("schemas")).toMatchObject({ multiValued: true, required: true });
  const meta = commonAttributes.get("meta")?.subAttributes ?? new Map();
  expect([...meta.keys()]).toEqual([
    "resourcetype",
    "created",
    "lastmodified",
    "location",
    "version",
  ]);
  for (const attribute of meta.values()) {
    expect(attribute).toMatchObject({ mutability: "readOnly", returned: "default" });
  }
  expect(meta.get("resourcetype")?.caseExact).toBe(true);
  expect(meta.get("version")?.caseExact).toBe(true);
  expect(meta.get("created")?.type).toBe("dateTime");
});

describe("defineSchema", () => {
  test("gives an attribute that states nothing the characteristics of RFC 7643 §2.2", () => {
    expect(schemaOf({ plain: {} }).attributes.get("plain")).toEqual({
      name: "plain",
      type: "string",
      multiValued: false,
      required: false,
      canonicalValues: [],
      caseExact: false,
      mutability: "readWrite",
      returned: "default",
      uniqueness: "none",
      referenceTypes: [],
      subAttributes: new Map(),
    });
  });

  test("takes undefined for what is not stated", () => {
    const stated = {
      type: undefined,
      multiValued: undefined,
      mutability: undefined,
      uniqueness: undefined,
    };
    const { attributes } = schemaOf({ plain: stated });
    expect(attributes.get("plain")).toEqual(schemaOf({ plain: {} }).attributes.get("plain"));
  });

  test("finds attributes by their names in lower case, and keeps the spelling and the order", () => {
    const { attributes } = schemaOf({
      Zebra: {},
      apple: { type: "complex", subAttributes: { givenName: {} } },
    });
    expect([...attributes.keys()]).toEqual(["zebra", "apple"]);
    expect(attributes.get("zebra")?.name).toBe("Zebra");
    expect(attributes.get("apple")?.subAttributes.get("givenname")?.name).toBe("givenName");
  });

  test("makes references and binaries case exact (RFC 7643 §2.3.6, §2.3.7), and dates not", () => {
    const { attributes } = schemaOf({
      link: { type: "reference", referenceTypes: ["uri"] },
      key: { type: "binary" },
      when: { type: "dateTime" },
    });
    expect(attributes.get("link")?.caseExact).toBe(true);
    expect(attributes.get("key")?.caseExact).toBe(true);
    expect(attributes.get("when")?.caseExact).toBe(false);
  });

  test("never returns what is writeOnly (RFC 7643 §7)", () => {
    expect(schemaOf({ pin: { mutability: "writeOnly" } }).attributes.get("pin")?.returned).toBe(
      "never",
    );
  });

  test("does not take an attribute from the prototype of an object", () => {
    expect(userSchema.attributes.get("constructor")).toBeUndefined();
    const { attributes } = schemaOf({ constructor: {}, toString: {} });
    expect([...attributes.keys()]).toEqual(["constructor", "tostring"]);
    expect(attributes.get("constructor")?.description).toBeUndefined();
  });

  test.each([
    ["an empty name", { "": {} }, ""],
    ["a name with a dot", { "name.first": {} }, "name.first"],
    ["a name that begins with a digit", { "1st": {} }, "1st"],
    ["a name that ends a line", { "last\n": {} }, "last\n"],
    ["the prototype key", JSON.parse('{ "__proto__": {} }'), "__proto__"],
    ["two names that differ in case only", { Name: {}, name: {} }, "name"],
    ["a definition that is none", JSON.parse('{ "a": null }'), "a"],
    ["a type that there is not", { a: { type: "text" } }, "a"],
    ["a type that is the name of a method", { a: { type: "toString" } }, "a"],
    ["a reference to nobody knows what", { a: { type: "reference" } }, "a"],
    ["a reference to no list", { a: { type: "reference", referenceTypes: "User" } }, "a"],
    ["a reference to nothing", { a: { type: "reference", referenceTypes: [] } }, "a"],
    ["a complex attribute without parts", { a: { type: "complex" } }, "a"],
    ["a complex attribute with a list", { a: { type: "complex", subAttributes: [] } }, "a"],
    ["a misspelt characteristic", { a: { caseexact: true } }, "a"],
    ["a characteristic of another type", { a: { type: "boolean", uniqueness: "server" } }, "a"],
    ["a reference that is not case exact", { a: { type: "reference", caseExact: false } }, "a"],
    [
      "a returned writeOnly attribute",
      { a: { mutability: "writeOnly", returned: "default" } },
      "a",
    ],
    [
      "a complex sub-attribute",
      { a: { type: "complex", subAttributes: { b: { type: "complex", subAttributes: {} } } } },
      "a.b",
    ],
  ])("refuses %s, and names the path", (_, attributes, path) => {
    expect(() => schemaOf(attributes)).toThrow(
      expect.objectContaining({ code: "invalid_value", path }),
    );
  });

  test.each(["", "User", ":x", "urn:", "urn:with space"])("refuses %j as an id", (id) => {
    expect(() => schemaOf({}, id)).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "id" }),
    );
  });

  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const nameChars = `${letters}0123456789$-_`;
  const name = fc
    .tuple(fc.constantFrom(...letters), fc.string({ unit: fc.constantFrom(...nameChars) }))
    .map(([first, rest]) => first + rest);

  test("accepts every name of the grammar (RFC 7643 §2.1)", async () => {
    await fc.assert(
      fc.property(name, (good) => {
        expect(schemaOf({ [good]: {} }).attributes.get(good.toLowerCase())?.name).toBe(good);
      }),
    );
  });

  test("refuses a name with any character that is not of the grammar", async () => {
    const foreign = fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 });
    await fc.assert(
      fc.property(
        name,
        foreign.filter((character) => !nameChars.includes(character)),
        name,
        (before, character, after) => {
          const bad = before + character + after;
          expect(() => schemaOf({ [bad]: {} })).toThrow(
            expect.objectContaining({ code: "invalid_value", path: bad }),
          );
        },
      ),
    );
  });
});
