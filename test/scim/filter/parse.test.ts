import { readFileSync } from "node:fs";
import {
  type Filter,
  type FilterRewrite,
  InvalidFilterError,
  type ParseFilterOptions,
  parseFilter,
  printFilter,
} from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyFilter } from "./filters.js";

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));
}

/** The error that a text is refused with; any other outcome fails the test. */
function refusal(text: string, options?: ParseFilterOptions): InvalidFilterError {
  try {
    parseFilter(text, options);
  } catch (error) {
    if (error instanceof InvalidFilterError) return error;
    throw error;
  }
  throw new Error(`"${text.slice(0, 80)}" was read.`);
}

describe("the filters of RFC 7644 §3.4.2.2", () => {
  const { filters } = vectors<{ filters: { text: string; printed: string }[] }>(
    "rfc7644-3.4.2.2-filters",
  );

  test.each(filters)("$text", ({ text, printed }) => {
    expect(printFilter(parseFilter(text))).toBe(printed);
    expect(parseFilter(printed)).toEqual(parseFilter(text));
  });

  test("the filter of the search request of §3.4.3", () => {
    const { filter } = vectors<{ filter: string }>("rfc7644-3.4.3-search-request");
    expect(parseFilter(filter)).toEqual({
      operator: "sw",
      path: { attribute: "displayName" },
      value: "smith",
    });
  });

  test.each(
    vectors<{ filters: { section: string; text: string; position: number }[] }>(
      "rfc7644-3.4.2.2-no-filters",
    ).filters,
  )("$text, of $section, is none", ({ text, position }) => {
    expect(refusal(text).position).toBe(position);
  });
});

describe("a filter that is read", () => {
  const title: Filter = { operator: "pr", path: { attribute: "title" } };
  const a: Filter = { operator: "eq", path: { attribute: "a" }, value: 1 };
  const b: Filter = { operator: "eq", path: { attribute: "b" }, value: 2 };
  const c: Filter = { operator: "eq", path: { attribute: "c" }, value: 3 };

  test("has its operators in lower case and its names as they are written", () => {
    expect(parseFilter('USERNAME Co "X" AND NOT (Title PR)')).toEqual({
      operator: "and",
      filters: [
        { operator: "co", path: { attribute: "USERNAME" }, value: "X" },
        { operator: "not", filter: { operator: "pr", path: { attribute: "Title" } } },
      ],
    });
  });

  test.each<[string, Filter]>([
    [
      "a eq 1 or b eq 2 and c eq 3",
      { operator: "or", filters: [a, { operator: "and", filters: [b, c] }] },
    ],
    [
      "a eq 1 and b eq 2 or c eq 3",
      { operator: "or", filters: [{ operator: "and", filters: [a, b] }, c] },
    ],
    [
      "a eq 1 and (b eq 2 or c eq 3)",
      { operator: "and", filters: [a, { operator: "or", filters: [b, c] }] },
    ],
    ["not (a eq 1) and b eq 2", { operator: "and", filters: [{ operator: "not", filter: a }, b] }],
    ["a eq 1 and b eq 2 and c eq 3", { operator: "and", filters: [a, b, c] }],
    [
      "(a eq 1 and b eq 2) and c eq 3",
      { operator: "and", filters: [{ operator: "and", filters: [a, b] }, c] },
    ],
    ["((title pr))", title],
    ["not(title pr)", { operator: "not", filter: title }],
    [" \t( title\r\npr )\n", title],
  ])("%s", (text, filter) => {
    expect(parseFilter(text)).toEqual(filter);
  });

  test("takes apart the URI of the schema, the attribute and the sub-attribute", () => {
    expect(
      parseFilter("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr"),
    ).toEqual({
      operator: "pr",
      path: {
        schema: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        attribute: "manager",
        subAttribute: "value",
      },
    });
    expect(parseFilter("members.$ref pr")).toEqual({
      operator: "pr",
      path: { attribute: "members", subAttribute: "$ref" },
    });
  });

  test("keeps the value path apart from what is around it", () => {
    expect(parseFilter("a eq 1 or emails[b eq 2 and not (c eq 3)]")).toEqual({
      operator: "or",
      filters: [
        a,
        {
          operator: "valuePath",
          path: { attribute: "emails" },
          filter: { operator: "and", filters: [b, { operator: "not", filter: c }] },
        },
      ],
    });
  });

  test("takes words for names where names are", () => {
    expect(printFilter(parseFilter("not pr and and eq true or or eq null"))).toBe(
      "not pr and and eq true or or eq null",
    );
  });

  test.each([
    ['"plain"', "plain"],
    ['""', ""],
    [String.raw`"a\"b\\c\/d\b\f\n\r\t"`, 'a"b\\c/d\b\f\n\r\t'],
    [String.raw`"\u00e9\u00C9\ud83d\ude00\u0000"`, "éÉ😀\0"],
    ['"é and ] ) or"', "é and ] ) or"],
    ["0", 0],
    ["-0", -0],
    ["-12.50", -12.5],
    ["1e3", 1000],
    ["1.5E-2", 0.015],
    ["2e+2", 200],
    ["true", true],
    ["false", false],
    ["null", null],
  ])("has the value of %s", (text, value) => {
    expect(parseFilter(`a eq ${text}`)).toEqual({
      operator: "eq",
      path: { attribute: "a" },
      value,
    });
  });
});

describe("a text that is not a filter", () => {
  test.each<[string, number]>([
    ["", 0],
    ["   ", 3],
    ["title", 5],
    ["title ", 6],
    ["title eq", 8],
    ["title eq ", 9],
    ["title regex 1", 6],
    ["title eqq 1", 6],
    ["title e\u0171 1", 6],
    ["title pr and", 12],
    ["title pr and ", 13],
    ["title pr xor a pr", 9],
    ["title pr)", 8],
    ["(title pr", 9],
    ["title pr title pr", 9],
    ["(a pr)and (b pr)", 6],
    ["(a pr) and(b pr)", 10],
    ["a eq 1and b eq 2", 5],
    ['a eq "x"and b eq 2', 8],
    ["not title pr", 4],
    ["not (title pr", 13],
    ["emails[type eq 1", 16],
    ["emails[]", 7],
    ["emails[a[b eq 1]]", 8],
    ["emails[type eq 1].value eq 1", 17],
    ["emails [type eq 1]", 7],
    ["emails[type eq 1)", 16],
    ["a.b.c pr", 3],
    [".a pr", 0],
    ["a. pr", 2],
    ["1a pr", 0],
    ["_a pr", 0],
    ["a/b pr", 1],
    ["é pr", 0],
    [":a pr", 0],
    ["urn:a pr", 0],
    ["urn:x: pr", 6],
    ["1urn:x:a pr", 0],
    ['a eq "x', 5],
    ["a eq 'x'", 5],
    ['a eq "\\x"', 6],
    ['a eq "\\u12g4"', 6],
    ['a eq "\\', 6],
    ['a eq "\n"', 6],
    ['a eq "\\n\n"', 8],
    ["a eq True", 5],
    ["a eq tru", 5],
    ["a eq truee", 5],
    ["a eq 01", 5],
    ["a eq 1.", 7],
    ["a eq .5", 5],
    ["a eq -", 6],
    ["a eq 1e", 7],
    ["a eq 1e999", 5],
    ["a eq +1", 5],
    ["a eq {}", 5],
  ])("%j is refused at %i", (text, position) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: "invalid_filter", scimType: "invalidFilter", position });
    expect(error.message).toMatch(`At position ${position} of the filter: `);
  });

  test("is quoted in the message, but a little of it, and nothing of its strings", () => {
    expect(refusal("title regex 1").message).toBe(
      "At position 6 of the filter: an operator is expected (eq, ne, co, sw, ew, gt, ge, lt, le or pr), " +
        'and "regex 1" is here.',
    );
    expect(refusal('a pr "secret').message).not.toContain("secret");
    expect(refusal(`a pr ${"x".repeat(1_000)}`).message.length).toBeLessThan(150);
  });
});

describe("the limits", () => {
  test("of the length", () => {
    expect(parseFilter(`a eq "${"x".repeat(16_377)}"`)).toBeDefined();
    expect(refusal(`a eq "${"x".repeat(16_378)}"`).position).toBe(16_384);
    expect(refusal("a eq 1", { limits: { length: 5 } }).message).toBe(
      "At position 5 of the filter: it is longer than 5 characters.",
    );
  });

  test("of the depth count round and square brackets alike", () => {
    const nested = (depth: number): string => `${"(".repeat(depth)}a pr${")".repeat(depth)}`;
    expect(parseFilter(nested(32))).toBeDefined();
    expect(refusal(nested(33)).position).toBe(32);
    expect(refusal("not (not (a pr))", { limits: { depth: 1 } }).position).toBe(9);
    expect(refusal("(emails[a pr])", { limits: { depth: 1 } }).position).toBe(7);
    expect(parseFilter("(a pr) and (b pr)", { limits: { depth: 1 } })).toBeDefined();
    expect(refusal(nested(1_500), { limits: { depth: 1_000_000 } }).position).toBe(1_000);
  });

  test("of the expressions", () => {
    const many = (count: number): string => Array(count).fill("a pr").join(" or ");
    expect(parseFilter(many(1_000))).toBeDefined();
    expect(refusal(many(1_001)).position).toBe(8_000);
    expect(refusal("not (emails[a pr])", { limits: { nodes: 2 } }).position).toBe(12);
  });

  test.each([0, -1, 1.5, Number.NaN])("cannot be %d", (limit) => {
    expect(() => parseFilter("a pr", { limits: { depth: limit } })).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "limits.depth" }),
    );
  });
});

describe("the profile of Entra", () => {
  function read(text: string): { printed: string; rewrites: FilterRewrite[] } {
    const rewrites: FilterRewrite[] = [];
    const filter = parseFilter(text, {
      profile: "entra",
      onRewrite: (rewrite) => rewrites.push(rewrite),
    });
    return { printed: printFilter(filter), rewrites };
  }

  test.each([
    ['emails[type eq "work"].value eq "x"', 'emails[type eq "work" and value eq "x"]'],
    ['emails[type eq "work"] eq "x"', 'emails[type eq "work" and value eq "x"]'],
    ['emails[type eq "work"].value pr', 'emails[type eq "work" and value pr]'],
    [
      'emails[type eq "work" or primary eq true].value ew "x" and title pr',
      'emails[(type eq "work" or primary eq true) and value ew "x"] and title pr',
    ],
  ])("moves what follows a value path into it: %s", (text, printed) => {
    expect(read(text)).toEqual({
      printed,
      rewrites: [{ rule: "valuePathComparison", path: "emails" }],
    });
  });

  test("reads literals in any case", () => {
    expect(read("active eq True and title eq NULL and active ne false")).toEqual({
      printed: "active eq true and title eq null and active ne false",
      rewrites: [
        { rule: "literalCase", path: "active" },
        { rule: "literalCase", path: "title" },
      ],
    });
  });

  test.each([
    'emails[type eq "work"]',
    '(emails[type eq "work"]) and title pr',
    'emails[type eq "work"] and title pr or ims[type eq "xmpp"] or title pr',
    'not (emails[type eq "work"] )',
  ])("leaves the filters of the RFC as they are: %s", (text) => {
    expect(read(text).printed).toBe(printFilter(parseFilter(text)));
    expect(read(text).rewrites).toEqual([]);
  });
});

describe("properties", () => {
  test("what is printed reads as what it was printed from", () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        expect(parseFilter(printFilter(filter), { limits: { length: 1e6 } })).toEqual(filter);
      }),
      { numRuns: 2_000 },
    );
  });

  test("any text is read or refused, and never anything else happens", () => {
    const words = fc.constantFrom(
      ...'( ) [ ] and or not eq ne co pr a emails.type urn:x:2.0:a " "x" \\ 1 - . : true null'.split(
        " ",
      ),
      " ",
      "  ",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words, { maxLength: 20 }).map((parts) => parts.join("")),
      fc.array(words, { maxLength: 20 }).map((parts) => parts.join(" ")),
      fc.tuple(anyFilter, fc.nat(), fc.nat()).map(([filter, start, length]) => {
        const printed = printFilter(filter);
        const cut = start % printed.length;
        return printed.slice(0, cut) + printed.slice(cut + (length % 5));
      }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom("rfc7644" as const, "entra" as const), (input, profile) => {
        let filter: Filter;
        try {
          filter = parseFilter(input, { profile });
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidFilterError);
          return;
        }
        expect(parseFilter(printFilter(filter))).toEqual(filter);
      }),
      { numRuns: 5_000 },
    );
  });
});
