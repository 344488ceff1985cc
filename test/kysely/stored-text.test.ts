import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText, encodeText } from "../../src/kysely/sql/stored-text.js";

/** Text of characters from every range that sorts differently in the two encodings, or that is marked. */
const text = fc.string({
  unit: fc.constantFrom(
    ..."\u0000\u0001\u0002aZ~\u00df\u4e00\ud7ff\ue000\ue001\ue002\ufb01\ufffd\uffff",
    "\u{10000}",
    "\u{1f600}",
    "\u{10fffd}",
  ),
  maxLength: 6,
});

describe("encoded text", async () => {
  test("reads back as it was written", async () => {
    await fc.assert(
      fc.property(text, (original) => {
        expect(decodeText(encodeText(original))).toBe(original);
      }),
      { numRuns: 2000 },
    );
  });

  test("sorts by the bytes of UTF-8 as the original sorts by UTF-16 code units", async () => {
    await fc.assert(
      fc.property(text, text, (left, right) => {
        const bytes = Buffer.compare(Buffer.from(encodeText(left)), Buffer.from(encodeText(right)));
        const units = left < right ? -1 : left > right ? 1 : 0;
        expect(bytes).toBe(units);
      }),
      { numRuns: 5000 },
    );
  });

  test("holds no U+0000, and leaves ordinary text alone", () => {
    expect(encodeText("a\u0000b")).toBe("a\u0001\u0001b");
    expect(encodeText("cn=José,dc=example")).toBe("cn=José,dc=example");
    expect(encodeText("\u{1f600}\ufb01")).toBe("\ue000\u{1f600}\ue001\ufb01");
  });

  test("refuses half a surrogate pair, which no driver can send", () => {
    expect(() => encodeText("a\ud83d")).toThrow(
      expect.objectContaining({ code: "invalid_value", path: "text" }),
    );
  });
});
