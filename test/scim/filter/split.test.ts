import {
  type BoundFilter,
  bindFilter,
  compileFilter,
  parseFilter,
  printFilter,
  splitFilter,
  userResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyFilterOf, anyResource, sampleType } from "./samples.js";

/** Splits for a store that knows these operators, "and", and the attributes `userName` and `active` alone. */
function split(
  text: string,
  ...operators: readonly string[]
): [string | undefined, string | undefined] {
  const { pushed, rest } = splitFilter(
    bindFilter(parseFilter(text), userResourceType),
    (filter) =>
      [...operators, "and"].includes(filter.operator) &&
      (!("target" in filter) || ["userName", "active"].includes(filter.target.path)),
  );
  return [pushed && printFilter(pushed), rest && printFilter(rest)];
}

describe("a filter is split", () => {
  test.each<[string, [string | undefined, string | undefined]]>([
    ['userName eq "a"', ['userName eq "a"', undefined]],
    ['title eq "a"', [undefined, 'title eq "a"']],
    [
      'userName eq "a" and title pr and active eq true and nickName pr',
      ['userName eq "a" and active eq true', "title pr and nickName pr"],
    ],
    ['userName eq "a" or title pr', [undefined, 'userName eq "a" or title pr']],
    ['userName eq "a" or active eq true', [undefined, 'userName eq "a" or active eq true']],
    [
      '(userName eq "a" and (active eq true and title pr)) and nickName pr',
      ['userName eq "a" and active eq true', "title pr and nickName pr"],
    ],
    ['not (not (userName eq "a" and title pr))', ['userName eq "a"', "title pr"]],
  ])("%s", (text, parts) => {
    expect(split(text, "eq")).toEqual(parts);
  });

  test("where the store knows more", () => {
    expect(split('userName eq "a" or not (active eq true)', "eq", "or", "not")).toEqual([
      'userName eq "a" or not (active eq true)',
      undefined,
    ]);
    expect(split('not (userName eq "a" or title pr)', "eq", "not")).toEqual([
      'not (userName eq "a")',
      "not (title pr)",
    ]);
    expect(split('not (userName eq "a" or active eq true)', "eq", "not")).toEqual([
      'not (userName eq "a") and not (active eq true)',
      undefined,
    ]);
  });

  test("for a store that takes one condition at a time", () => {
    const filter = bindFilter(
      parseFilter('title pr and userName eq "a" and active eq true'),
      userResourceType,
    );
    const { pushed, rest } = splitFilter(filter, ({ operator }) => operator === "eq");
    expect(pushed && printFilter(pushed)).toBe('userName eq "a"');
    expect(rest && printFilter(rest)).toBe("title pr and active eq true");
  });
});

test("the two parts together are the whole, whatever a store can answer, and it gets nothing else", () => {
  fc.assert(
    fc.property(
      anyFilterOf(sampleType),
      fc.func(fc.boolean()),
      fc.array(anyResource, { minLength: 3, maxLength: 3 }),
      (read, decide, resources) => {
        const canEvaluate = (filter: BoundFilter): boolean => decide(printFilter(filter));
        const filter = bindFilter(read, sampleType);
        const { pushed, rest } = splitFilter(filter, canEvaluate);
        for (const resource of resources) {
          const isMatch = [pushed, rest].every(
            (part) => part === undefined || compileFilter(part)(resource),
          );
          expect(isMatch).toBe(compileFilter(filter)(resource));
        }
        if (pushed !== undefined) expect(everyPart(pushed, canEvaluate)).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

function everyPart(filter: BoundFilter, isTrue: (filter: BoundFilter) => boolean): boolean {
  const parts =
    filter.operator === "and" || filter.operator === "or"
      ? filter.filters
      : filter.operator === "not"
        ? [filter.filter]
        : [];
  return isTrue(filter) && parts.every((part) => everyPart(part, isTrue));
}
