import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeKey, encodeKey, keyLength, wholeTexts } from "../../src/kysely/sql/stored-key.js";

/**
 * Texts around the longest key and far beyond it, many of which begin alike, of characters that are encoded and not.
 */
const text = fc
  .tuple(
    fc.constantFrom("a", "\u0001", "\ufb01", "\u{1f600}", "ab"),
    fc.constantFrom(0, 1, 47, 48, 95, 96, 119, 120, 121, 239, 240, 241, 5000),
    fc.constantFrom("", "a", "b", "\u0000", "\u0001\u0003", "\ud83d", "\ud83e", "\ufffd", "\uffff"),
  )
  .map(([character, count, end]) => character.repeat(count) + end);

describe("keys", () => {
  test("are equal exactly when their texts are, and read back as they were", async () => {
    await fc.assert(
      fc.property(text, text, (left, right) => {
        expect(encodeKey(left) === encodeKey(right)).toBe(left === right);
        const row = { key: encodeKey(left), other: "", whole_texts: wholeTexts({ key: left }) };
        expect(decodeKey(row, "key")).toBe(left);
      }),
      { numRuns: 5000 },
    );
  });

  test("fit into an index, in characters and in bytes, and can be sent to any database", async () => {
    await fc.assert(
      fc.property(text, (long) => {
        const key = encodeKey(long);
        expect(key.length).toBeLessThanOrEqual(keyLength);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(3 * keyLength);
        expect(key.isWellFormed() && !key.includes("\u0000")).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("are in the order of their texts as far as the first 95 characters tell", async () => {
    const character = fc.constantFrom("a", "\u0000", "\u0001", "\ud7ff", "\ufb01", "\u{1f600}");
    const start = fc.string({ unit: character, maxLength: 47 });
    const rest = fc.constantFrom("", "x", "x".repeat(400), "\uffff".repeat(400));
    await fc.assert(
      fc.property(start, start, rest, rest, (left, right, more, other) => {
        fc.pre(left !== right && !left.startsWith(right) && !right.startsWith(left));
        const keys = [encodeKey(left + more), encodeKey(right + other)].map((key) =>
          Buffer.from(key),
        );
        expect(Buffer.compare(...(keys as [Buffer, Buffer]))).toBe(left < right ? -1 : 1);
      }),
      { numRuns: 5000 },
    );
  });

  test("of texts that fit are the texts, and nothing is kept beside them", () => {
    expect(encodeKey("uid=ann,dc=example")).toBe("uid=ann,dc=example");
    expect(encodeKey("x".repeat(240))).toBe("x".repeat(240));
    expect(wholeTexts({ key: "x".repeat(240), target: undefined })).toBeNull();
  });

  test("of texts that do not fit are their beginning and a digest", () => {
    // printf 'x%.0s' $(seq 241) | iconv -t utf-16le | openssl dgst -sha256 -binary | basenc --base64url
    expect(encodeKey("x".repeat(241))).toBe(
      `${"x".repeat(96)}\u0001\u0003uQ-eLJ-_TvCWiZsA4-fEg1A6gfTzjguHIjXPER3FvcA`,
    );
    expect(wholeTexts({ name: "a", key: "x".repeat(241) })).toBe(`{"key":"${"x".repeat(241)}"}`);
  });
});
