import { defineResourceType, defineSchema, readResource } from "concordat/scim";
import { describe, expect, test } from "vitest";

const type = defineResourceType({
  name: "Sample",
  endpoint: "/Samples",
  schema: defineSchema({
    id: "urn:example:Sample",
    name: "Sample",
    attributes: {
      string: {},
      boolean: { type: "boolean" },
      decimal: { type: "decimal" },
      integer: { type: "integer" },
      dateTime: { type: "dateTime" },
      binary: { type: "binary" },
      reference: { type: "reference", referenceTypes: ["external"] },
      complex: { type: "complex", subAttributes: { value: {} } },
      list: { multiValued: true },
    },
  }),
});

function read(name: string, value: unknown): unknown {
  const body = { schemas: ["urn:example:Sample"], [name]: value };
  const { resource } = readResource(type, body, { context: "creation" });
  return (resource as Readonly<Record<string, unknown>>)[name];
}

/** RFC 7643 §2.3. */
const good: Readonly<Record<string, readonly unknown[]>> = {
  string: ["", "text", "Bärbel", "😀", "a\nb"],
  boolean: [true, false],
  decimal: [0, -1.5, 1e300],
  integer: [0, -5, Number.MAX_SAFE_INTEGER],
  dateTime: [
    "2008-01-23T04:56:22Z",
    "2011-05-13T04:42:34.123456+14:00",
    "2011-05-13T04:42:34-09:30",
    "2011-05-13T04:42:34",
    "2000-02-29T00:00:00Z",
    "2011-12-31T24:00:00Z",
    "-0044-03-15T12:00:00Z",
  ],
  binary: ["", "TWFu", "TWE=", "TQ==", "TWE", "TQ", "-_-_", "+/+/"],
  reference: [
    "https://example.com/v2/Users/2819c223...413861904646",
    "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "https://example.com/Bärbel",
  ],
  complex: [{ value: "x" }],
  list: [["a"], ["a", "b"]],
};

const bad: Readonly<Record<string, readonly unknown[]>> = {
  string: [1, true, {}, ["a"], "\ud800", "a\udc00b"],
  boolean: ["true", 1, {}, [true]],
  decimal: ["1.5", Number.NaN, Number.POSITIVE_INFINITY, true, {}],
  integer: [1.5, "1", 2 ** 53, true],
  dateTime: [
    "",
    "2008-01-23",
    "04:56:22Z",
    "2008-01-23 04:56:22Z",
    "2008-13-01T00:00:00Z",
    "2008-00-01T00:00:00Z",
    "2008-01-00T00:00:00Z",
    "2008-04-31T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2008-01-23T24:00:01Z",
    "2008-01-23T25:00:00Z",
    "2008-01-23T04:60:00Z",
    "2008-01-23T04:56:60Z",
    "2008-01-23T04:56:22+14:01",
    "2008-01-23T04:56:22+01:60",
    "08-01-23T04:56:22Z",
    "2008-01-23T04:56:22Z\n",
    1_200_000_000,
  ],
  binary: ["T", "TWF=uu", "TQ=", "TW=Fu", "TWFu\n", "TW Fu", "T+_u", 1],
  reference: ["https://example.com/a b", "<https://example.com/>", "a\nb", 1, {}],
  complex: ["text", 1, [{ value: "x" }]],
  list: ["a", { value: "a" }, [["a"]], [null]],
};

describe.each(Object.keys(good))("%s", (name) => {
  test.each((good[name] ?? []).map((value) => [value]))("%j is read as it is", (value) => {
    expect(read(name, value)).toEqual(value);
  });

  test.each((bad[name] ?? []).map((value) => [value]))("%j is refused", (value) => {
    expect(() => read(name, value)).toThrow(
      expect.objectContaining({ code: "invalid_value", path: name }),
    );
  });
});
