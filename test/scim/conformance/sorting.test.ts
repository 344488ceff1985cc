import { bindSort, defineResourceType, defineSchema } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { compileSort } from "../../../src/scim/internal.js";

const type = defineResourceType({
  name: "Sample",
  endpoint: "/Samples",
  schema: defineSchema({
    id: "urn:example:Sample",
    name: "Sample",
    attributes: {
      text: {},
      exact: { caseExact: true },
      number: { type: "integer" },
      flag: { type: "boolean" },
      dateTime: { type: "dateTime" },
      name: { type: "complex", subAttributes: { given: {} } },
      emails: {
        type: "complex",
        multiValued: true,
        subAttributes: { value: {}, type: {}, primary: { type: "boolean" } },
      },
      secret: { returned: "never" },
    },
  }),
});

/** Values of one attribute in the order in which their resources come. */
function sorted(
  path: string,
  values: readonly unknown[],
  order?: "ascending" | "descending",
): readonly unknown[] {
  const { keyOf, compare } = compileSort(bindSort(path, type, order));
  const [name = ""] = path.split(".");
  return values
    .map((value) => ({ value, key: keyOf({ [name]: value }) }))
    .sort((one, other) => compare(one.key, other.key))
    .map(({ value }) => value);
}

describe("RFC 7644 §3.4.2.3", () => {
  test("without an order, it is ascending", () => {
    expect(sorted("text", ["b", "a"])).toEqual(["a", "b"]);
    expect(sorted("text", ["a", "b"], "descending")).toEqual(["b", "a"]);
  });

  test("text is sorted without regard to case, unless it is case exact", () => {
    expect(sorted("text", ["b", "B", "a", "C"])).toEqual(["a", "b", "B", "C"]);
    expect(sorted("exact", ["b", "B", "a", "C"])).toEqual(["B", "C", "a", "b"]);
  });

  test("other types are sorted by what they mean", () => {
    expect(sorted("number", [10, 9, -1])).toEqual([-1, 9, 10]);
    expect(sorted("flag", [true, false])).toEqual([false, true]);
    const noon = "2026-01-01T12:00:00Z";
    const eleven = "2026-01-01T13:00:00+02:00";
    expect(sorted("dateTime", [noon, eleven])).toEqual([eleven, noon]);
  });

  test.each([["text"], ["number"], ["emails"]])(
    "what has no %s is last, or first in descending order",
    (path) => {
      const value = { text: "a", number: 1, emails: [{ value: "a" }] }[path];
      expect(sorted(path, [undefined, value, null])).toEqual([value, undefined, null]);
      expect(sorted(path, [undefined, value, null], "descending")).toEqual([
        undefined,
        null,
        value,
      ]);
    },
  );

  test("of several values the primary one counts, or else the first", () => {
    const one = [{ value: "c" }, { value: "a", primary: true }];
    const other = [{ value: "b" }, { value: "z" }];
    expect(sorted("emails", [other, one])).toEqual([one, other]);
    expect(sorted("emails.value", [other, one])).toEqual([one, other]);
  });

  test("of a complex attribute, a sub-attribute is named, in any case and with its URN", () => {
    expect(bindSort("NAME.given", type).target.path).toBe("name.given");
    expect(bindSort("urn:example:Sample:name.given", type).target.path).toBe("name.given");
    for (const path of ["name", "unknown", "secret", "name.unknown"]) {
      expect(() => bindSort(path, type)).toThrow(
        expect.objectContaining({ code: "invalid_value", path: "sortBy" }),
      );
    }
    expect(() => bindSort("no path", type)).toThrow(
      expect.objectContaining({ code: "invalid_path" }),
    );
  });
});
