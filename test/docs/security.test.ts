import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { namedTestFile } from "./named-test-file.js";

const text = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
const rows = [...text.matchAll(/^\| (?!against|---)([^|]+) \| [^|]+ \| ([^|]+) \|$/gm)];

test("the threat model has rows", () => {
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows.map(([, against = "", shown = ""]) => ({ against, shown })))(
  "what is said to prevent $against has tests of these names",
  ({ shown }) => {
    const named = [...shown.matchAll(/`([\w/-]+)`((?: "[^"]+",?)+)/g)];
    expect(named).not.toEqual([]);
    for (const [, file = "", titles = ""] of named) {
      const path = namedTestFile(file);
      if (path === undefined) throw new Error(`There is no file of tests ${file}.`);
      const source = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
      for (const [title] of titles.matchAll(/"[^"]+"/g)) expect(source).toContain(title);
    }
  },
);
