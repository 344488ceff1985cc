import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { namedTestFile } from "../docs/named-test-file.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The tests that the threat model names: a file, and titles in it. */
const named = [
  ...readFileSync(`${root}docs/sign-on.md`, "utf8").matchAll(
    /`([\w-]+\/[\w-]+)`((?:,? "[^"]+")+)/g,
  ),
].flatMap(([, file = "", titles = ""]) =>
  [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => ({ file, title })),
);

test("the guide to sign-on names tests", () => {
  expect(named.length).toBeGreaterThan(20);
});

test.each(named)("the test that the guide names is in $file: $title", ({ file, title }) => {
  const path = namedTestFile(file);
  if (path === undefined) throw new Error(`There is no file of tests ${file}.`);
  const text = readFileSync(root + path, "utf8");
  expect(text.includes(`"${title}"`)).toBe(true);
});
