import { homeUrl } from "concordat/sso";
import fc from "fast-check";
import { expect, test } from "vitest";

const home = "https://shop.example/client/";

test.each([
  ["/", "https://shop.example/"],
  ["/hello?x=1&y=%2F#there", "https://shop.example/hello?x=1&y=%2F#there"],
  ["/a/../b", "https://shop.example/b"],
  ["/?next=https://evil.example", "https://shop.example/?next=https://evil.example"],
  ["/.//evil.example", "https://shop.example//evil.example"],
  ["/@evil.example", "https://shop.example/@evil.example"],
])("%s leads home", (next, url) => {
  expect(homeUrl(next, home)).toBe(url);
});

test.each([
  "//evil.example/",
  "///evil.example/",
  "http:///evil.example/",
  "https:evil.example",
  "https://evil.example/",
  "https://shop.example.evil.example/",
  "javascript:alert(1)",
  "\\\\evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "\n//evil.example",
  " //evil.example",
  "hello",
  "@evil.example",
  "",
  `/${"x".repeat(1_000)}`,
  `/${"\u65e5".repeat(400)}`,
  null,
  undefined,
])("%j leads to the root", (next) => {
  expect(homeUrl(next, home)).toBe("https://shop.example/");
});

test("as long a way as there may be leads home, and does so again", () => {
  const longest = `/?${"\u65e5".repeat(110)}${"x".repeat(8)}`;
  const url = new URL(homeUrl(longest, home));
  expect(url.pathname + url.search).toHaveLength(1_000);
  expect(homeUrl(url.pathname + url.search, home)).toBe(url.href);
  expect(homeUrl(`${longest}x`, home)).toBe("https://shop.example/");
});

test("whatever is asked for, the visitor stays on the site", () => {
  const piece = fc.constantFrom(
    ..."/\\.:@?#%;&=\t\n\r \u0000\u3002".split(""),
    "//",
    "..",
    "http:",
    "javascript:",
    "evil.example",
    "%2f",
    "%5c",
    "%00",
    "x",
  );
  const next = fc.oneof(
    fc.string(),
    fc.array(piece).map((pieces) => `/${pieces.join("")}`),
  );
  fc.assert(
    fc.property(next, (text) => {
      const url = new URL(homeUrl(text, home), "https://evil.example/");
      expect(url.origin).toBe("https://shop.example");
      expect(url.username + url.password).toBe("");
    }),
    { numRuns: 2_000 },
  );
});
