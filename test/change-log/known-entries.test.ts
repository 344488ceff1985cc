import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeldNames } from "../../src/change-log/held-names.js";
import { PackedTexts } from "../../src/change-log/packed-texts.js";

describe("texts by key", () => {
  test("are those of a map, whatever is set how often", () => {
    const key = fc.oneof(
      fc.constantFrom("", "a", "b", "ä", "\0", "x".repeat(300)),
      fc.string({ unit: "grapheme" }),
    );
    const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ maxLength: 2_000 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, text), { maxLength: 200 }), (steps) => {
        const packed = new PackedTexts();
        const map = new Map<string, string>();
        for (const [name, value] of steps) {
          expect(packed.get(name)).toBe(map.get(name));
          packed.set(name, value);
          map.set(name, value);
        }
        for (const [name, value] of map) expect(packed.get(name)).toBe(value);
        expect(new Map(packed.entries())).toEqual(map);
        expect([...packed.entries()]).toHaveLength(map.size);
      }),
    );
  });

  test("are kept when there are many, and some are longer than what is taken at once", () => {
    const packed = new PackedTexts();
    const long = "long ".repeat(2_000_000);
    for (let number = 0; number < 50_000; number++) {
      packed.set(`id-${number}`, `text ${number} ${"x".repeat(number % 300)}`);
      if (number % 20_000 === 0) packed.set(`long-${number}`, `${long}${number}`);
    }
    for (let number = 0; number < 50_000; number++) {
      if (packed.get(`id-${number}`) !== `text ${number} ${"x".repeat(number % 300)}`) {
        throw new Error(`The text of id-${number} is another one.`);
      }
    }
    for (const number of [0, 20_000, 40_000]) {
      expect(packed.get(`long-${number}`) === `${long}${number}`).toBe(true);
    }
    packed.set("long-0", "short");
    expect(packed.get("long-0")).toBe("short");
    expect(packed.get("id-50000")).toBeUndefined();
    expect([...packed.entries()]).toHaveLength(50_003);
  });
});

test("names are held as often as they were added and not removed", () => {
  const name = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 ** 52 - 1 }));
  const step = fc.tuple(fc.boolean(), name);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: "max" }), (steps) => {
      const held = new HeldNames();
      const counts = new Map<number, number>();
      for (const [adds, one] of steps) {
        const count = counts.get(one) ?? 0;
        if (adds) held.add(one);
        else held.remove(one);
        counts.set(one, adds ? count + 1 : Math.max(0, count - 1));
      }
      for (const [one, count] of counts) expect(held.has(one)).toBe(count > 0);
    }),
  );
});

test("names that come and go make room for others", () => {
  const held = new HeldNames();
  for (let number = 0; number < 100_000; number++) {
    held.add(number * 4);
    if (number >= 100) held.remove((number - 100) * 4);
  }
  expect(held.has(99_999 * 4)).toBe(true);
  expect(held.has(99_900 * 4)).toBe(true);
  expect(held.has(99_899 * 4)).toBe(false);
});
