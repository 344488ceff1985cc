import {
  bindFilter,
  compileFilter,
  eq,
  type Filter,
  parseFilter,
  printFilter,
  userResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileValuePath } from "../../../src/scim/internal.js";
import { naiveMatch } from "./naive-match.js";
import { anyFilterOf, anyResource, anyText, sampleType } from "./samples.js";

const enterpriseId = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const bjensen = {
  id: "2819c223",
  userName: "bjensen@example.com",
  name: { familyName: "O'Malley", givenName: "Barbara" },
  title: "Vice President",
  nickName: "",
  active: true,
  emails: [
    { value: "bjensen@example.com", type: "work", primary: true },
    { value: "babs@jensen.org", type: "home" },
  ],
  phoneNumbers: [],
  photos: [{}],
  entitlements: null,
  meta: { created: "2010-01-23T04:56:22Z", lastModified: "2011-05-13T04:42:34.250Z" },
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", enterpriseId],
  [enterpriseId]: { department: "Tour Operations", manager: { value: "26118915" } },
};

function match(filter: string | Filter, resource: object = bjensen): boolean {
  const read = typeof filter === "string" ? parseFilter(filter) : filter;
  const bound = bindFilter(read, userResourceType);
  const isMatch = compileFilter(bound)(resource);
  expect(naiveMatch(read, resource, userResourceType)).toBe(isMatch);
  return isMatch;
}

describe("a resource matches", () => {
  test.each([
    'userName eq "BJENSEN@example.com"',
    'urn:ietf:params:scim:schemas:core:2.0:User:USERNAME sw "B"',
    'name.familyName co "o\'mal"',
    'userName ew ".COM"',
    'userName gt "b" and userName lt "bk" and userName ge "bjensen@example.com"',
    'id eq "2819c223"',
    "title pr and name pr and emails pr",
    "active eq true",
    'emails co "JENSEN.ORG"',
    'emails.type eq "home"',
    'emails.type ne "work"',
    'emails[type eq "work" and value co "@example.com"]',
    'emails[not (type eq "work")]',
    'emails.type eq "work" and emails.value ew ".org"',
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    'meta.lastModified eq "2011-05-13T06:42:34.25+02:00"',
    'meta.created lt "2010-01-23T00:00:00-05:00"',
    `schemas eq "${enterpriseId}"`,
    `${enterpriseId}:department eq "tour operations"`,
    `${enterpriseId}:manager.value pr`,
    'nickName eq ""',
    "nickName eq null and displayName eq null and entitlements eq null and photos eq null",
    'displayName ne "x" and nickName ne "x"',
    'not (displayName eq "x")',
    'phoneNumbers.value ne "x"',
    "title ne null",
  ])("%s", (filter) => {
    expect(match(filter)).toBe(true);
  });
});

describe("a resource does not match", () => {
  test.each([
    'id eq "2819C223"',
    "nickName pr",
    "phoneNumbers pr",
    "photos pr",
    "photos.value pr",
    "entitlements pr",
    "displayName pr",
    'displayName co ""',
    'displayName lt "x"',
    'emails[type eq "work" and value ew ".org"]',
    'phoneNumbers[not (type eq "work")]',
    'emails.value ne "bjensen@example.com" and emails.value eq "x"',
    `schemas eq "${enterpriseId.toUpperCase()}"`,
    'meta.lastModified le "2011-05-13T04:42:34Z"',
    "active eq false",
    "active ne true",
    'addresses[locality eq "x"]',
  ])("%s", (filter) => {
    expect(match(filter)).toBe(false);
  });
});

test("values that are not of the attribute's type match nothing but ne and pr", () => {
  const odd = { userName: 5, active: "true", emails: "x", meta: { created: 3 }, name: "O'Malley" };
  expect(match('userName eq "5"', odd)).toBe(false);
  expect(match("active eq true", odd)).toBe(false);
  expect(match('emails eq "x"', odd)).toBe(false);
  expect(match('meta.created gt "2010-01-23T04:56:22Z"', odd)).toBe(false);
  expect(match('name.familyName eq "x"', odd)).toBe(false);
  expect(match('userName ne "5"', odd)).toBe(true);
  expect(match("userName pr", odd)).toBe(true);
});

test.each([
  "2011-02-30T00:00:00Z",
  "2011-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2011-04-31T00:00:00Z",
  "2011-13-01T00:00:00Z",
  "2011-00-01T00:00:00Z",
  "2011-01-00T00:00:00Z",
  "0000-01-01T00:00:00Z",
  "2011-01-01T25:00:00Z",
  "2011-01-01T24:00:01Z",
  "2011-01-01T24:00:00.1Z",
  "2011-01-01T00:60:00Z",
  "2011-01-01T00:00:60Z",
  "2011-01-01T00:00:00.Z",
  "2011-01-01T00:00:00z",
  "2011-01-01t00:00:00Z",
  "2011-01-01 00:00:00Z",
  "2011/01/01T00:00:00Z",
  "2011-01-01T00.00.00Z",
  "2011-01-01T00:00:00+0100",
  "2011-01-01T00:00:00+14:01",
  "2011-01-01T00:00:00+01:60",
  "2011-01-01T00:00:00Z ",
  "2011-01-01T00:00:00+01:00Z",
  "2011-01-01T00:00Z",
  "2011-01-01",
  "11-01-01T00:00:00Z",
  "+2011-01-01T00:00:00Z",
  "",
])('"%s" is no dateTime: it can be sought nowhere, and is at no time', (text) => {
  const resource = { meta: { created: text } };
  for (const operator of ["eq", "gt", "ge", "lt", "le"]) {
    const filter = parseFilter(`meta.created ${operator} "2011-03-02T00:00:00Z"`);
    expect(compileFilter(bindFilter(filter, userResourceType))(resource)).toBe(false);
  }
  expect(() => bindFilter(eq("meta.created", text), userResourceType)).toThrow(
    expect.objectContaining({ code: "invalid_filter" }),
  );
});

test.each([
  ["2012-02-29T24:00:00Z", "2012-03-01T00:00:00Z"],
  ["2000-02-29T23:30:00-00:30", "2000-03-01T00:00:00.000Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T14:00:00+14:00"],
  ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.99999990"],
])("%s is %s", (one, other) => {
  expect(match(`meta.created eq "${one}"`, { meta: { created: other } })).toBe(true);
  expect(match(`meta.created gt "${one}"`, { meta: { created: other } })).toBe(false);
});

test("what every object inherits is no attribute of it", () => {
  const bind = (text: string) => compileFilter(bindFilter(parseFilter(text), sampleType));
  expect(bind("constructor pr")({})).toBe(false);
  expect(bind('constructor ne "x"')({})).toBe(true);
  expect(bind('constructor eq "x"')({ constructor: "x" })).toBe(true);
});

test("what may not be read is not there", () => {
  const bind = (text: string) => compileFilter(bindFilter(parseFilter(text), sampleType));
  expect(bind("name pr")({ name: { pin: "1234" } })).toBe(false);
  expect(bind("emails pr")({ emails: [{ pin: "1234" }] })).toBe(false);
  expect(bind("emails pr")({ emails: [{ pin: "1234", rank: 0 }] })).toBe(true);
});

test("a value path selects single values", () => {
  const bound = bindFilter(
    parseFilter('emails[type eq "work" or value ew ".org"]'),
    userResourceType,
  );
  if (bound.operator !== "valuePath") throw new Error("It is a value path.");
  const isSelected = compileValuePath(bound);
  expect([...bjensen.emails, { type: "other" }, {}].map(isSelected)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

describe("properties", () => {
  const filter = anyFilterOf(sampleType);

  test("a resource matches if an evaluation without any art says so", () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(
        filter,
        fc.array(anyResource, { minLength: 5, maxLength: 5 }),
        (read, resources) => {
          const matches = compileFilter(bindFilter(read, sampleType));
          for (const resource of resources) {
            const isMatch = matches(resource);
            expect(isMatch).toBe(naiveMatch(read, resource, sampleType));
            seen[`${isMatch}`]++;
          }
        },
      ),
      { numRuns: 2_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(1_000);
  });

  test("an instant is the one that Date knows", () => {
    const date = fc.date({
      min: new Date("0001-01-02T00:00:00Z"),
      max: new Date("9999-12-30T00:00:00Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, fc.integer({ min: -840, max: 840 }), (instant, minutes) => {
        const local = new Date(instant.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        const time = [hours, rest].map((part) => String(part).padStart(2, "0")).join(":");
        const offset = `${minutes < 0 ? "-" : "+"}${time}`;
        const resource = { meta: { created: local + offset } };
        const is = (operator: string) =>
          match(`meta.created ${operator} "${instant.toISOString()}"`, resource);
        expect([is("eq"), is("lt"), is("gt")]).toEqual([true, false, false]);
      }),
    );
  });

  test("texts are compared in the form in which case does not matter, however they are written", () => {
    const operator = fc.constantFrom("eq", "co", "sw", "ew", "gt", "ge", "lt", "le");
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(operator, anyText, anyText, fc.boolean(), (name, value, other, isPart) => {
        // Parts of the value, in which marks may have lost what they stand on.
        const part = Array.from(value).slice(value.length / 4, 1 + value.length / 2);
        const sought = isPart ? part.join("") : other;
        const filter = parseFilter(`nick ${name} ${JSON.stringify(sought)}`);
        const isMatch = compileFilter(bindFilter(filter, sampleType))({ nick: value });
        expect(isMatch).toBe(naiveMatch(filter, { nick: value }, sampleType));
        seen[`${isMatch}`]++;
      }),
      { numRuns: 20_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(3_000);
  });

  test("a filter means the same once it is bound and printed", () => {
    fc.assert(
      fc.property(filter, anyResource, (read, resource) => {
        const bound = bindFilter(read, sampleType);
        const again = bindFilter(parseFilter(printFilter(bound)), sampleType);
        expect(again).toEqual(bound);
        expect(compileFilter(again)(resource)).toBe(compileFilter(bound)(resource));
      }),
      { numRuns: 500 },
    );
  });

  test("whatever a store holds, a filter is true or false of it", () => {
    fc.assert(
      fc.property(filter, fc.jsonValue(), (read, value) => {
        const resource = { nick: value, emails: value, name: value, colours: [value], born: value };
        expect(typeof compileFilter(bindFilter(read, sampleType))(resource)).toBe("boolean");
      }),
    );
  });
});
