import {
  bindFilter,
  compileFilter,
  defineResourceType,
  defineSchema,
  parseFilter,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";

const type = defineResourceType({
  name: "Sample",
  endpoint: "/Samples",
  schema: defineSchema({
    id: "urn:example:Sample",
    name: "Sample",
    attributes: {
      text: {},
      exact: { caseExact: true },
      integer: { type: "integer" },
      decimal: { type: "decimal" },
      boolean: { type: "boolean" },
      dateTime: { type: "dateTime" },
      binary: { type: "binary" },
      name: { type: "complex", subAttributes: { given: {} } },
      emails: {
        type: "complex",
        multiValued: true,
        subAttributes: { value: {}, type: {}, rank: { type: "integer" } },
      },
    },
  }),
});

const matches = (filter: string, resource: object): boolean =>
  compileFilter(bindFilter(parseFilter(filter), type))(resource);

describe("RFC 7644 §3.4.2.2, table 3", () => {
  test.each([
    ['text eq "Abc"', ["abc", "ABC"], ["ab", "abcd", undefined]],
    ['exact eq "Abc"', ["Abc"], ["abc", "ABC", undefined]],
    ['text ne "Abc"', ["abd", undefined], ["abc", "ABC"]],
    ['text co "B"', ["abc", "b"], ["ac", undefined]],
    ['exact co "B"', ["aBc"], ["abc", undefined]],
    ['text sw "AB"', ["ab", "abc"], ["cab", undefined]],
    ['text ew "BC"', ["bc", "abc"], ["bca", undefined]],
    ["text pr", ["a", " "], ["", null, undefined]],
    ["boolean pr", [false], [null, undefined]],
    ["integer pr", [0], [null, undefined]],
    ["name pr", [{ given: "Ann" }], [{}, { given: "" }, { given: null }, undefined]],
    ["emails pr", [[{ value: "a" }]], [[], [{}], undefined]],
    ['text gt "9"', ["91", "a"], ["10", "9", undefined]],
    ["integer gt 9", [10], [9, 1, undefined]],
    ["integer ge 9", [10, 9], [8, undefined]],
    ["decimal lt 9.5", [9.4, -10], [9.5, 10, undefined]],
    ["decimal le 9.5", [9.5], [9.6, undefined]],
    [
      'dateTime gt "2011-05-13T04:42:34Z"',
      ["2011-05-13T04:42:35Z", "2011-05-13T01:00:00-05:00"],
      ["2011-05-13T04:42:34Z", "2011-05-13T05:00:00+05:00", undefined],
    ],
  ])("%s", (filter, matching, others) => {
    const name = filter.slice(0, filter.indexOf(" "));
    for (const value of matching) expect(matches(filter, { [name]: value })).toBe(true);
    for (const value of others) expect(matches(filter, { [name]: value })).toBe(false);
  });

  test.each(["gt", "ge", "lt", "le"])("%s is refused of booleans and binaries", (operator) => {
    for (const filter of [`boolean ${operator} true`, `binary ${operator} "TQ=="`]) {
      expect(() => bindFilter(parseFilter(filter), type)).toThrow(
        expect.objectContaining({ code: "invalid_filter", scimType: "invalidFilter" }),
      );
    }
  });
});

describe("RFC 7644 §3.4.2.2, tables 4 and 5", () => {
  const resource = {
    text: "a",
    emails: [
      { value: "a@example.com", type: "work", rank: 1 },
      { value: "a@example.org", type: "home", rank: 2 },
    ],
  };

  test.each([
    ['text eq "a" and integer pr', false],
    ['text eq "a" or integer pr', true],
    ["not (integer pr)", true],
    ['not (text eq "a") or not (integer pr)', true],
    ['integer pr and text eq "a" or text eq "a"', true],
    ['integer pr and (text eq "a" or text eq "a")', false],
    ["not (integer pr) and integer pr", false],
    ["not (integer pr and integer pr)", true],
  ])("precedence and grouping: %s", (filter, expected) => {
    expect(matches(filter, resource)).toBe(expected);
  });

  test("conditions in one value path are met by one value", () => {
    expect(matches('emails[type eq "work" and value ew ".org"]', resource)).toBe(false);
    expect(matches('emails[type eq "home" and value ew ".org"]', resource)).toBe(true);
    expect(matches('emails.type eq "work" and emails.value ew ".org"', resource)).toBe(true);
    expect(matches('emails[(type eq "work" or rank gt 5) and not (rank ge 2)]', resource)).toBe(
      true,
    );
  });

  test("of several values one is enough", () => {
    expect(matches('emails.type eq "home"', resource)).toBe(true);
    expect(matches('emails co "example.org"', resource)).toBe(true);
  });
});

test("names and operators are read in any case", () => {
  for (const filter of ['userName Eq "john"', 'Username eq "john"', 'USERNAME EQ "John"']) {
    const isMatch = compileFilter(bindFilter(parseFilter(filter), userResourceType));
    expect(isMatch({ userName: "john" })).toBe(true);
  }
});

test("of a complex attribute, a sub-attribute is named", () => {
  expect(() => bindFilter(parseFilter('name eq "Ann"'), type)).toThrow(
    expect.objectContaining({ scimType: "invalidFilter" }),
  );
  expect(matches('name.given eq "Ann"', { name: { given: "ann" } })).toBe(true);
});

describe("RFC 7643 §2.4: a value that does not state whether it is primary is not", () => {
  const matchesUser = (filter: string, emails: readonly object[] | undefined): boolean =>
    compileFilter(bindFilter(parseFilter(filter), userResourceType))({ emails });
  const unstated = [{ value: "a" }];
  const stated = [{ value: "a", primary: false }];
  const primary = [{ value: "a", primary: true }];

  test.each([
    ["emails[primary eq false]", [unstated, stated, [...primary, ...unstated]], [primary, []]],
    ["emails.primary eq false", [unstated, stated, [...primary, ...unstated]], [primary, []]],
    ["emails[primary ne false]", [primary, [...primary, ...unstated]], [unstated, stated, []]],
    ["emails.primary ne false", [primary, [], undefined], [unstated, stated]],
    ["emails[primary eq true]", [primary, [...primary, ...unstated]], [unstated, stated, []]],
    ["emails[primary ne true]", [unstated, stated, [...primary, ...unstated]], [primary, []]],
    ["emails[primary pr]", [stated, primary], [unstated, []]],
  ])("%s", (filter, found, others) => {
    for (const emails of found) expect(matchesUser(filter, emails)).toBe(true);
    for (const emails of others) expect(matchesUser(filter, emails)).toBe(false);
  });
});
