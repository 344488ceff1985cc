import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { caseless, compatibilityForm, isIndistinct } from "../../src/core/index.js";
import { normalizeDn } from "../../src/ldap/wire/dn.js";

// Marks of two classes in turn: putting n of them into an order takes n² steps.
const marks = (length: number): string => "\u0323\u0301".repeat(length / 2);

describe("the compatibility form", () => {
  test("is that of Unicode for every text of a language", () => {
    const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, (one) => {
        expect(compatibilityForm(one)).toBe(one.normalize("NFKC"));
      }),
    );
    expect(compatibilityForm(`a${marks(30)}`)).toBe(`a${marks(30)}`.normalize("NFKC"));
  });

  test("is one form of each text, also of longer runs of marks", () => {
    const unit = fc.constantFrom(
      "\u0323",
      "\u0301",
      "\u0315",
      "a",
      "\u034f",
      "\u0e33",
      "\uff9e",
      "\uff9f",
    );
    const run = fc.array(unit, { maxLength: 200 });
    fc.assert(
      fc.property(run, (parts) => {
        const form = compatibilityForm(parts.join(""));
        expect(compatibilityForm(form)).toBe(form);
        expect(form).not.toMatch(/[\p{M}--\u034f]{32}/v);
      }),
    );
  });

  test("of a body of nothing but marks is had before anybody waits, be it of a name or of a DN", () => {
    const long = `a${marks(1_000_000)}`;
    expect(caseless(long).length).toBeGreaterThan(1_000_000);
    // Letters that become marks are in such runs too, of two classes with the marks between them.
    expect(caseless(`a${"\uff9e\u0301".repeat(500_000)}`)).toContain("\u034f");
    expect(caseless(`a${"\u0301\uff9f".repeat(500_000)}`)).toContain("\u034f");
    // A DN has a limit of its own; that its runs are divided shows.
    expect(normalizeDn(`cn=a${marks(30_000)},dc=example`)).toMatch(/\u034f/);
  });
});

test.each([
  " admin",
  "admin ",
  "ad  min",
  "admin\u200b",
  "ad\u00admin",
  "\u202eadmin",
  "admin\ufe0f",
  "ad\u00a0min",
  "ad\u3000min",
  "admin\u0000",
  "admin\n",
  "admin\ue000",
  "\ufeffadmin",
  "admin\u3164",
  "admin\u2800",
  "ad\u{1d159}min",
])("%j is not told from another name", (name) => {
  expect(isIndistinct(name)).toBe(true);
});

test.each([
  "admin",
  "admin@example.com",
  "Barbara Jensen",
  "CORP\\bjensen",
  "José",
  "Ωμέγα",
  "山田太郎",
  "علی",
])("%j is a name like another", (name) => {
  expect(isIndistinct(name)).toBe(false);
});
