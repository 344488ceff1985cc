import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeCookies, parseCookie, printCookie } from "../../src/ldap/sync/openldap/cookie.js";

/** The number of a change: at this second, made at this server. */
const csn = (second: number, sid = 0) =>
  `202601020304${String(second).padStart(2, "0")}.000000Z#000000#${sid.toString(16).padStart(3, "0")}#000000`;

describe("parseCookie", () => {
  test("reads the number of each provider, and leaves sid= out", () => {
    expect(parseCookie(`rid=000,sid=001,csn=${csn(1, 1)};${csn(2, 2)}`)).toEqual({
      csns: [csn(1, 1), csn(2, 2)],
    });
  });

  test("reads the bound of deletions", () => {
    expect(parseCookie(Buffer.from(`rid=000,csn=${csn(3)},delcsn=${csn(2)}`))).toEqual({
      csns: [csn(3)],
      deleteCsn: csn(2),
    });
  });

  test.each([
    ["nothing", undefined],
    ["empty", ""],
    ["bare", "rid=000"],
    ["bare, with a provider", "rid=000,sid=001"],
    ["without a number", "rid=000,csn="],
    ["of another kind", "ldap.example.com:389#cn=admin:dc=example:(uid=*)#12"],
    ["with a short number", `rid=000,csn=${csn(1).slice(0, -1)}`],
    ["with one bad number of two", `rid=000,csn=${csn(1)};garbage`],
  ])("says nothing when %s", (_, cookie) => {
    expect(parseCookie(cookie)).toBeUndefined();
  });
});

describe("mergeCookies", () => {
  test.each([
    ["the first", undefined, [csn(1)], [csn(1)]],
    ["a newer number", [csn(1)], [csn(2)], [csn(2)]],
    ["an older number", [csn(2)], [csn(1)], [csn(2)]],
    ["another provider", [csn(5, 1)], [csn(3, 2)], [csn(5, 1), csn(3, 2)]],
    ["one provider of two", [csn(5, 1), csn(3, 2)], [csn(4, 2)], [csn(5, 1), csn(4, 2)]],
    ["both ways", [csn(5, 1), csn(3, 2)], [csn(4, 1), csn(4, 2)], [csn(5, 1), csn(4, 2)]],
  ])("%s", (_, known, added, merged) => {
    expect(mergeCookies(known && { csns: known }, { csns: added })).toEqual({ csns: merged });
  });

  const cookies = fc
    .dictionary(fc.constantFrom("1", "2", "fff"), fc.nat(59), { minKeys: 1 })
    .map((seconds) => {
      const csns = Object.entries(seconds).map(([sid, at]) => csn(at, Number.parseInt(sid, 16)));
      return parseCookie(`rid=000,csn=${csns.join(";")}`) ?? { csns: [] };
    });

  test("is a join: in any order, and however often, it comes to the same", () => {
    fc.assert(
      fc.property(cookies, cookies, cookies, (a, b, c) => {
        expect(mergeCookies(a, a)).toEqual(a);
        expect(mergeCookies(a, b)).toEqual(mergeCookies(b, a));
        expect(mergeCookies(mergeCookies(a, b), c)).toEqual(mergeCookies(a, mergeCookies(b, c)));
      }),
    );
  });

  test("what is printed can be read", () => {
    fc.assert(
      fc.property(cookies, (cookie) => {
        expect(parseCookie(printCookie(cookie))).toEqual(cookie);
      }),
    );
  });
});

test("a cookie is sent without sid= and delcsn=", () => {
  const cookie = parseCookie(`rid=123,sid=001,csn=${csn(3, 2)};${csn(9, 1)},delcsn=${csn(2)}`);
  expect(cookie && printCookie(cookie)).toBe(
    "rid=000,csn=20260102030409.000000Z#000000#001#000000;20260102030403.000000Z#000000#002#000000",
  );
});
