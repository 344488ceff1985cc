import {
  bindFilter,
  compileFilter,
  type FilterLimits,
  InvalidFilterError,
  parseFilter,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { parsePatchPath } from "../../../src/scim/internal.js";

/**
 * What stops a reader that tries several ways, or that calls itself without end; with the limits, and without most of
 * them.
 */
const texts: Readonly<Record<string, string>> = {
  "20,000 brackets": `${"(".repeat(20_000)}a pr${")".repeat(20_000)}`,
  "20,000 brackets that stay open": "(".repeat(20_000),
  "20,000 negations": `${"not (".repeat(20_000)}a pr${")".repeat(20_000)}`,
  "20,000 square brackets": "a[".repeat(20_000),
  "a string of line ends without an end": `userName eq "${"\n".repeat(50_000)}`,
  "a string of escapes without an end": `userName eq "${"\\a".repeat(50_000)}`,
  "a string of backslashes without an end": `userName eq "${"\\\\".repeat(50_000)}`,
  "a string of quotation marks": `userName eq ${'"'.repeat(50_001)}`,
  "a path of 50,000 dots": `a${".a".repeat(50_000)} pr`,
  "50,000 dots": ".".repeat(50_000),
  "50,000 colons": `a${":a".repeat(50_000)}/ pr`,
  "50,000 blanks": `a${" ".repeat(50_000)}`,
  "blanks and brackets": "(  ".repeat(50_000),
  "a long number": `a eq ${"1".repeat(50_000)}`,
  "pairs of alternatives": `${Array(10_000).fill("(a pr or b pr)").join(" and ")}!`,
};
const wide: FilterLimits = { length: 1e7, depth: 1_000, nodes: 1e6 };

describe.each(Object.entries(texts))("%s", (_, text) => {
  test.each([undefined, wide])("is refused, with the limits %j", (limits) => {
    const options = limits === undefined ? {} : { limits };
    expect(() => parseFilter(text, options)).toThrow(InvalidFilterError);
    expect(() => parseFilter(text, { ...options, profile: "entra" })).toThrow(InvalidFilterError);
    expect(() => parsePatchPath(text, options)).toThrow(/^At position \d+ of the (path|filter): /);
  });

  test("is refused in a value path", () => {
    expect(() => parsePatchPath(`a[${text}]`, { limits: wide })).toThrow(InvalidFilterError);
  });
});

test("the time that a text takes grows with its length, and no faster", () => {
  // Each part of the text is looked at a few times. A reader that tries again would take hours.
  const part = String.raw`not ( a.b eq "\u00e9\\x" ) and `;
  const text = `${part.repeat(40_000)}a pr`;
  expect(parseFilter(text, { limits: wide })).toMatchObject({ operator: "and" });
});

describe("names of what every object inherits", () => {
  test.each(["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "valueOf"])(
    "%s is found nowhere",
    (name) => {
      for (const text of [
        `${name} pr`,
        `${name} eq null`,
        `name.${name} pr`,
        `${name}.${name} eq "x"`,
        `emails[${name} pr]`,
        `${name}[value pr]`,
        `urn:${name}:${name} pr`,
        `urn:ietf:params:scim:schemas:core:2.0:User:${name} pr`,
        `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:${name} pr`,
        `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.${name} pr`,
      ]) {
        expect(() => bindFilter(parseFilter(text), userResourceType)).toThrow(InvalidFilterError);
      }
      // In a tree that did not come from a text, too.
      const path = { attribute: name };
      expect(() => bindFilter({ operator: "pr", path }, userResourceType)).toThrow(
        InvalidFilterError,
      );
      expect(() =>
        bindFilter(
          {
            operator: "valuePath",
            path: { attribute: "emails" },
            filter: { operator: "pr", path },
          },
          userResourceType,
        ),
      ).toThrow(InvalidFilterError);
    },
  );

  test("change nothing of an object that is evaluated", () => {
    const resource = JSON.parse(
      '{"__proto__": {"userName": "x"}, "emails": [{"__proto__": {"type": "work"}}]}',
    );
    const matches = (text: string): boolean =>
      compileFilter(bindFilter(parseFilter(text), userResourceType))(resource);
    expect(matches("userName pr")).toBe(false);
    expect(matches("emails.type pr")).toBe(false);
    expect(({} as { userName?: string }).userName).toBeUndefined();
  });
});

test("a long text that repeats itself is sought in another in no more than a moment", () => {
  const filter = bindFilter(parseFilter(`title co "${"a".repeat(8_000)}b"`), userResourceType);
  expect(compileFilter(filter)({ title: "a".repeat(1_000_000) })).toBe(false);
});
