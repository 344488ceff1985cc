import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPattern } from "../../src/federation/rules/pattern.js";

describe("a regular expression in Python's notation", () => {
  test.each([
    ["", "", "search", true],
    ["a|b", "xb", "search", true],
    ["a|b", "xb", "match", false],
    ["a|b", "b", "matchWhole", true],
    // What privacyIDEA makes of it is "^ab|c$".
    ["ab|c", "abd", "matchWhole", true],
    ["ab|c", "abc", "matchWhole", true],
    ["b|c", "ab", "matchWhole", false],
    ["(?i)AB|C", "abd", "matchWhole", true],
    ["\\07", "\x07", "match", true],
    ["\\07", "\x007", "match", false],
    ["\\0", "\x00", "match", true],
    ["\\101", "A", "match", true],
    ["[\\101]", "A", "match", true],
    ["[\\7]", "\x07", "match", true],
    ["\\s", "\x1c", "match", true],
    ["\\s", "\x85", "match", true],
    ["\\s", "\ufeff", "match", false],
    ["(?i)\u017f", "S", "match", true],
    ["(?i)s", "\u017f", "match", true],
    ["(?i)[r-t]", "\u017f", "match", true],
    ["(?i)[r-t]", "S", "match", true],
    ["(?i)[^s]", "\u017f", "match", false],
    ["(?i)\u212a", "k", "match", true],
    ["(?i)\u03c3", "\u03c2", "match", true],
    ["\\B", "", "search", false],
    ["\\B", "a", "search", false],
    ["\\B", "ab", "search", true],
    ["x{,}", "", "match", true],
    ["x{}", "x{}", "match", true],
    ["{", "{", "match", true],
    ["a*", "aaab", "matchWhole", false],
    ["a{2,3}", "aaaa", "matchWhole", false],
    ["a{2,3}", "aaa", "matchWhole", true],
    ["a{,2}", "aa", "matchWhole", true],
    ["a{2}", "aa", "matchWhole", true],
    ["a{x}", "a{x}", "matchWhole", true],
    ["(ab)+?c", "ababc", "matchWhole", true],
    ["(?P<name>a)(?:b)", "ab", "matchWhole", true],
    ["^b", "ab", "search", false],
    ["(?m)^b", "a\nb", "search", true],
    ["a$", "a\n", "search", true],
    ["a\\Z", "a\n", "search", false],
    [".", "\n", "search", false],
    ["(?s).", "\n", "search", true],
    ["(?i)ÄB[c-d]", "äbD", "matchWhole", true],
    ["[^a-c\\d-]", "d", "matchWhole", true],
    ["[^a-c\\d-]", "-", "matchWhole", false],
    ["[]a]", "]", "matchWhole", true],
    ["\\w+", "Zoë_9", "matchWhole", true],
    ["\\bfoo\\b", "a foo b", "search", true],
    ["\\bfoo\\b", "afoo", "search", false],
    ["\\B\\.", "x.", "search", false],
    ["\\x41\\u00e9\\t\\.", "Aé\t.", "matchWhole", true],
    ["😀+", "😀😀", "matchWhole", true],
    ["x*", "y", "search", true],
  ] as const)("%j on %j: %s is %s", (source, text, how, expected) => {
    expect(readPattern(source)[how](text)).toBe(expected);
  });

  test.each([
    ["(a)\\1", "back-references are not supported"],
    ["(?=a)", "look-around and flags in groups are not supported"],
    ["(?<!a)b", "look-around and flags in groups are not supported"],
    ["a(?i)b", "look-around and flags in groups are not supported"],
    ["(?x)a", 'the flag "x" is not supported'],
    ["a++", "possessive quantifiers are not supported"],
    ["a**", "a quantifier follows another"],
    ["*a", "a quantifier has nothing before it"],
    ["{2}", "a quantifier has nothing before it"],
    ["a|{2}", "a quantifier has nothing before it"],
    ["\\b{2}", "a quantifier has nothing before it"],
    ["^*", "a quantifier has nothing before it"],
    ["$+", "a quantifier has nothing before it"],
    ["\\7", "back-references are not supported"],
    ["\\18", "back-references are not supported"],
    ["[\\8]", "back-references are not supported"],
    ["\\400", "an octal number is too large"],
    ["(a", "a parenthesis is not closed"],
    ["a)", "a parenthesis is not opened"],
    ["[a", "a bracket is not closed"],
    ["[b-a]", "a range is not one"],
    ["a{3,2}", "a quantifier ends before it begins"],
    ["a\\", "it ends with a backslash"],
    ["\\q", '"\\q" is not supported'],
    ["\\x4", '"\\x" needs 2 digits'],
    ["((a{100}){100}){100}", "it is too large"],
    ["(?:){300000000}", "it is too large"],
    ["(?:(?:(?:){1000}){1000}){1000}", "it is too large"],
    [`${"(".repeat(60)}${")".repeat(60)}`, "its groups are nested too deep"],
  ])("%j is refused: %s", (source, message) => {
    expect(() => readPattern(source)).toThrow(SyntaxError);
    expect(() => readPattern(source)).toThrow(message);
  });

  test("cannot run away", () => {
    const text = "a".repeat(3_000);
    expect(readPattern("(a+)+$").search(`${text}!`)).toBe(false);
    expect(readPattern("(a|a)*b").match(text)).toBe(false);
    expect(readPattern("(.*)*x").match(text)).toBe(false);
  });

  const python = spawnSync("python3", ["--version"]).status === 0;
  test.skipIf(!python)("means what Python means by it (python3)", () => {
    const atom = fc.constantFrom(
      ...[
        "a",
        "b",
        "c",
        ".",
        "[ab]",
        "[^a]",
        "\\d",
        "\\w",
        "\\s",
        "\\.",
        "1",
        "é",
        "^",
        "$",
        "\\b",
      ],
    );
    const { expression } = fc.letrec<{ expression: string; piece: string; group: string }>(
      (tie) => ({
        expression: fc
          .array(
            fc.array(tie("piece"), { maxLength: 4 }).map((pieces) => pieces.join("")),
            {
              minLength: 1,
              maxLength: 3,
            },
          )
          .map((alternatives) => alternatives.join("|")),
        piece: fc
          .tuple(
            fc.oneof({ weight: 4, arbitrary: atom }, tie("group")),
            fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,2}", "*?"),
          )
          // What stands at a place is not repeated: Python takes it for a mistake, in some places.
          .map(([one, quantifier]) => (/^[\^$]$|^\\b$/.test(one) ? one : one + quantifier)),
        group: fc
          .tuple(fc.constantFrom("(", "(?:"), tie("expression"))
          .map(([open, inner]) => `${open}${inner})`),
      }),
    );
    const cases = fc.sample(
      fc.tuple(expression, fc.string({ unit: fc.constantFrom(..."abc1é. \n"), maxLength: 8 })),
      { numRuns: 600, seed: 7 },
    );
    const script = `
import json, re, sys
out = []
for source, text in json.load(sys.stdin):
    out.append([bool(re.search(source, text)), bool(re.match(source, text)), bool(re.match('^' + source + '$', text))])
json.dump(out, sys.stdout)`;
    const { stdout } = spawnSync("python3", ["-W", "ignore", "-c", script], {
      input: JSON.stringify(cases),
      encoding: "utf8",
    });
    const ours = cases.map(([source, text]) => {
      const pattern = readPattern(source);
      return [pattern.search(text), pattern.match(text), pattern.matchWhole(text)];
    });
    expect(ours).toEqual(JSON.parse(stdout));
  });
});
