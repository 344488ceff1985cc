import {
  defineResourceType,
  enterpriseUserSchema,
  groupResourceType,
  groupSchema,
  readResource,
  readSchema,
  type Schema,
  userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import {
  resourceTypeDocument,
  schemaDocument,
  uniqueAttributes,
} from "../../../src/scim/internal.js";
import { vector } from "../../vectors/vector.js";

const schema = (attributes: unknown, rest: object = {}): object => ({
  id: "urn:example:Sample",
  name: "Sample",
  attributes,
  ...rest,
});

const problem = (path: string): unknown => expect.objectContaining({ code: "invalid_value", path });

describe("a schema that is read", () => {
  test.each<[string, Schema]>([
    ["User", userSchema],
    ["Group", groupSchema],
    ["EnterpriseUser", enterpriseUserSchema],
  ])("%s says what the one says of which the document was made", (_, known) => {
    const document: unknown = JSON.parse(JSON.stringify(schemaDocument(known)));
    const read = readSchema(document);
    expect(schemaDocument(read)).toEqual(document);
    expect(read.attributes).toEqual(known.attributes);
  });

  test.each(["user", "group", "enterprise-user"])(
    "rfc7643-8.7.1-%s is read as it is printed, and reads resources",
    (name) => {
      const read = readSchema(vector(`rfc7643-8.7.1-${name}`));
      expect(read.attributes.size).toBeGreaterThan(0);
    },
  );

  test.each(["service-provider-config", "resource-type"])("rfc7643-8.7.2-%s is read", (name) => {
    const printed = vector<{ attributes: readonly { name: string }[] }>(`rfc7643-8.7.2-${name}`);
    expect([...readSchema(printed).attributes.values()].map((attribute) => attribute.name)).toEqual(
      printed.attributes.map((attribute) => attribute.name),
    );
  });

  test("is the base of a resource type like any other", () => {
    const type = defineResourceType({
      name: "User",
      endpoint: "/Users",
      schema: readSchema(vector("rfc7643-8.7.1-user")),
      schemaExtensions: [
        { schema: readSchema(vector("rfc7643-8.7.1-enterprise-user")), required: false },
      ],
    });
    const printed = vector("rfc7643-8.3-user");
    const { password: _, ...readable } = printed;
    expect(readResource(type, printed, { context: "response" }).resource).toEqual({
      ...readable,
      // The printed schema does not say that an address can be the primary one.
      addresses: (readable["addresses"] as { primary?: boolean }[]).map(
        ({ primary: __, ...address }) => address,
      ),
    });
  });

  test("reads the service provider configuration that rfc7643-8.5 prints", () => {
    const type = defineResourceType({
      name: "ServiceProviderConfig",
      endpoint: "/ServiceProviderConfig",
      schema: readSchema(vector("rfc7643-8.7.2-service-provider-config")),
    });
    // It has no id (RFC 7643 §3.1), and its printed schema lacks what §5 has: "etag", and "type" and "primary" of a
    // scheme.
    const printed = { id: "1", ...vector("rfc7643-8.5-service-provider-config") };
    const { resource, ignored } = readResource(type, printed, { context: "response" });
    expect(ignored.map(({ path }) => path).sort()).toEqual([
      "authenticationSchemes.primary",
      "authenticationSchemes.type",
      "authenticationSchemes.type",
      "etag",
    ]);
    expect(resource).toMatchObject({ patch: { supported: true }, bulk: { maxOperations: 1000 } });
  });

  test("keeps descriptions, fills in defaults, and takes keywords in any case", () => {
    const read = readSchema(
      schema(
        [
          { name: "level", type: "INTEGER", mutability: "readonly", description: "How high." },
          { name: "ref", type: "reference" },
          { name: "pin", mutability: "writeOnly", returned: "default" },
          { name: "owner", type: "complex", uniqueness: "none", caseExact: true },
        ],
        { description: "A sample." },
      ),
    );
    expect(read.description).toBe("A sample.");
    expect(read.attributes.get("level")).toMatchObject({
      type: "integer",
      mutability: "readOnly",
      description: "How high.",
    });
    expect(read.attributes.get("ref")).toMatchObject({ referenceTypes: ["uri"] });
    expect(read.attributes.get("pin")).toMatchObject({ type: "string", returned: "never" });
    expect(read.attributes.get("owner")).toMatchObject({ uniqueness: "none", caseExact: false });
  });

  test.each([
    ["Schema", null],
    ["Schema", []],
    ["id", { name: "Sample", attributes: [] }],
    ["id", schema([], { id: "no URI" })],
    ["attributes", schema(undefined)],
    ["attributes", schema({})],
    ["attributes", schema([1])],
    ["name", schema([{}])],
    ["a", schema([{ name: "a", type: "text" }])],
    ["a", schema([{ name: "a", type: 1 }])],
    ["a", schema([{ name: "a", multiValued: "yes" }])],
    ["a", schema([{ name: "a", mutability: "sometimes" }])],
    ["a", schema([{ name: "a", canonicalValues: [1] }])],
    ["a", schema([{ name: "a", type: "reference", referenceTypes: "User" }])],
    ["a", schema([{ name: "a" }, { name: "a" }])],
    ["A", schema([{ name: "a" }, { name: "A" }])],
    ["a b", schema([{ name: "a b" }])],
    ["__proto__", schema([{ name: "__proto__" }])],
    [
      "a.b",
      schema([{ name: "a", type: "complex", subAttributes: [{ name: "b", type: "complex" }] }]),
    ],
    ["a.subAttributes", schema([{ name: "a", type: "complex", subAttributes: [1] }])],
  ])("is refused at %s: %j", (path, document) => {
    expect(() => readSchema(document)).toThrow(problem(path));
  });

  test("that describes schemas themselves is refused, since its sub-attributes are complex", () => {
    expect(() => readSchema(vector("rfc7643-8.7.2-schema"))).toThrow(
      problem("attributes.subAttributes"),
    );
  });

  test("has no more attributes than a schema needs", () => {
    const many = (length: number) => Array.from({ length }, (_, n) => ({ name: `a${n}` }));
    expect(readSchema(schema(many(1_000))).attributes.size).toBe(1_000);
    expect(() => readSchema(schema(many(1_001)))).toThrow(
      expect.objectContaining({ code: "too_many", limit: 1_000 }),
    );
    const nested = [{ name: "a", type: "complex", subAttributes: many(1_000) }];
    expect(() => readSchema(schema(nested))).toThrow(expect.objectContaining({ code: "too_many" }));
  });
});

test("the resource types are as rfc7643-8.6 prints them, but that the extension is not required", () => {
  const printed = vector<object[]>("rfc7643-8.6-resource-types");
  const ours = [userResourceType, groupResourceType].map((type) => ({
    ...resourceTypeDocument(type),
    meta: {
      ...resourceTypeDocument(type).meta,
      location: `https://example.com/v2/ResourceTypes/${type.id}`,
    },
  }));
  const optional = userResourceType.schemaExtensions.map(({ schema: { id } }) => ({
    schema: id,
    required: false,
  }));
  expect(ours).toEqual([{ ...printed[0], schemaExtensions: optional }, printed[1]]);
});

test("a store is told which attributes are unique", () => {
  const paths = (type: typeof userResourceType | typeof groupResourceType) =>
    uniqueAttributes(type).map(({ path }) => path);
  expect(paths(userResourceType)).toEqual(["userName"]);
  expect(paths(groupResourceType)).toEqual([]);
});
