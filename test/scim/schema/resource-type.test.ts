import {
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  enterpriseUserSchema,
  groupResourceType,
  userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { findAttribute } from "../../../src/scim/internal.js";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";

describe("an attribute is found by its path", () => {
  test.each([
    [{ attribute: "USERNAME" }, "userName"],
    [{ attribute: "Name", subAttribute: "FAMILYNAME" }, "name.familyName"],
    [{ schema: userId.toUpperCase(), attribute: "username" }, "userName"],
    [{ attribute: "META", subAttribute: "lastmodified" }, "meta.lastModified"],
    [{ attribute: "externalid" }, "externalId"],
    [{ attribute: "emails", subAttribute: "Value" }, "emails.value"],
    [
      { schema: enterpriseUserId.toLowerCase(), attribute: "Manager", subAttribute: "$REF" },
      `${enterpriseUserId}:manager.$ref`,
    ],
    [{ schema: enterpriseUserId, attribute: "department" }, `${enterpriseUserId}:department`],
  ])("%j", (path, canonical) => {
    expect(findAttribute(userResourceType, path)?.path).toBe(canonical);
  });

  test("with what defines it", () => {
    expect(findAttribute(userResourceType, { attribute: "id" })).toMatchObject({
      extension: false,
      attribute: { name: "id", mutability: "readOnly" },
    });
    expect(findAttribute(userResourceType, { attribute: "id" })).not.toHaveProperty("schema");
    expect(
      findAttribute(userResourceType, {
        schema: enterpriseUserId,
        attribute: "manager",
        subAttribute: "value",
      }),
    ).toMatchObject({
      schema: enterpriseUserSchema,
      extension: true,
      attribute: { name: "manager" },
      subAttribute: { name: "value", caseExact: true },
    });
    expect(findAttribute(userResourceType, { attribute: "emails" })).not.toHaveProperty(
      "subAttribute",
    );
  });

  test.each([
    { attribute: "unknown" },
    { attribute: "department" },
    { attribute: `${enterpriseUserId}:department` },
    { attribute: "userName", subAttribute: "value" },
    { schema: "urn:example:unknown", attribute: "userName" },
    { schema: enterpriseUserId, attribute: "userName" },
    { attribute: "__proto__" },
    { attribute: "constructor", subAttribute: "prototype" },
    { schema: "", attribute: "userName" },
  ])("and %j is none", (path) => {
    expect(findAttribute(userResourceType, path)).toBeUndefined();
  });
});

describe("a resource type", () => {
  const schema = defineSchema({
    id: "urn:example:Device",
    name: "Device",
    attributes: { externalId: { required: true, uniqueness: "server" }, ID: {}, serial: {} },
  });

  test("is named by its name, and has no extensions unless it says so", () => {
    const type = defineResourceType({ name: "Device", endpoint: "/Devices", schema });
    expect(type).toMatchObject({ id: "Device", name: "Device", schemaExtensions: [] });
    expect(groupResourceType).toMatchObject({ id: "Group", endpoint: "/Groups" });
    expect(userResourceType.schemaExtensions).toEqual([
      { schema: enterpriseUserSchema, required: false },
    ]);
  });

  test("has the common attributes as they are everywhere, whatever its schema says of them", () => {
    const type = defineResourceType({ name: "Device", endpoint: "/Devices", schema });
    expect(findAttribute(type, { attribute: "externalId" })?.attribute.required).toBe(false);
    expect(findAttribute(type, { attribute: "id" })?.attribute.mutability).toBe("readOnly");
    expect(findAttribute(type, { attribute: "serial" })?.schema).toBe(schema);
  });

  test("is at a path, and has each schema once", () => {
    expect(() => defineResourceType({ name: "Device", endpoint: "Devices", schema })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "endpoint" }),
    );
    const twice = { schema: enterpriseUserSchema, required: false };
    expect(() =>
      defineResourceType({
        name: "User",
        endpoint: "/Users",
        schema: userSchema,
        schemaExtensions: [twice, twice],
      }),
    ).toThrow(expect.objectContaining({ code: "invalid_value", path: "schemaExtensions" }));
  });
});
