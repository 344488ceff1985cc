import {
  and,
  co,
  eq,
  ew,
  ge,
  gt,
  le,
  lt,
  ne,
  not,
  or,
  parseFilter,
  present,
  printFilter,
  sw,
  valuePath,
  visitFilter,
} from "concordat/scim";
import { expect, test } from "vitest";

test("a filter that is built is the one that is read", () => {
  const built = or(
    and(eq("userName", "bjensen"), ne("active", false), not(present("title"))),
    valuePath("emails", and(sw("type", "w"), co("value", "@"), ew("value", ".org"))),
    and(gt("meta.created", "2011-05-13T04:42:34Z"), ge("x.a", 1), lt("x.b", 2), le("x.c", -3.5)),
    eq({ schema: "urn:example:Badge", attribute: "number" }, null),
  );
  const text =
    'userName eq "bjensen" and active ne false and not (title pr) or ' +
    'emails[type sw "w" and value co "@" and value ew ".org"] or ' +
    'meta.created gt "2011-05-13T04:42:34Z" and x.a ge 1 and x.b lt 2 and x.c le -3.5 or ' +
    "urn:example:Badge:number eq null";
  expect(printFilter(built)).toBe(text);
  expect(built).toEqual(parseFilter(text));
});

test("one filter is joined with nothing, and none with nothing is refused", () => {
  expect(and(present("title"))).toEqual(present("title"));
  expect(or(present("title"))).toEqual(present("title"));
  expect(() => and()).toThrow(expect.objectContaining({ code: "invalid_filter" }));
  expect(() => or()).toThrow(expect.objectContaining({ code: "invalid_filter" }));
});

test("nothing is built that could not be read", () => {
  expect(() => eq('a eq "1" or b', "x")).toThrow(
    expect.objectContaining({ code: "invalid_path", position: 1 }),
  );
  expect(() => gt("a", Number.NaN)).toThrow(expect.objectContaining({ code: "invalid_filter" }));
});

test("a visitor is handed every part, from the inside out", () => {
  const filter = parseFilter("a eq 1 and not (b pr or c[d ne 2]) and (e pr and f pr)");
  const written = visitFilter<string>(filter, {
    comparison: ({ path, operator, value }) => `${operator}(${path.attribute},${value})`,
    presence: ({ path }) => `pr(${path.attribute})`,
    valuePath: ({ path, filter: { operator } }) => `${path.attribute}[${operator}]`,
    and: (parts, { filters }) => `and${filters.length}(${parts.join()})`,
    or: (parts, { filters }) => `or${filters.length}(${parts.join()})`,
    not: (part, { operator }) => `${operator}(${part})`,
  });
  expect(written).toBe("and3(eq(a,1),not(or2(pr(b),c[ne])),and2(pr(e),pr(f)))");
});
