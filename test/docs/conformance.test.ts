import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(root, "docs/conformance.md"), "utf8");

/** The rows of the tables: the section of the RFC, the word, what is required, and what shows it. */
const rows = [...text.matchAll(/^\| (\d[\d.]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, section = "", word = "", requirement = "", shown = ""]) => ({
    name: `${section} ${word}: ${requirement}`,
    shown,
    tests: namedTests(shown),
  }),
);

/** The tests that a cell names: a file, and the titles in it. */
function namedTests(cell: string): readonly { readonly file: string; readonly title: string }[] {
  return [...cell.matchAll(/`([\w/-]+)`((?: "[^"]+",?)+)/g)].flatMap(([, file = "", titles = ""]) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => ({ file, title })),
  );
}

function pathOf(file: string): string | undefined {
  const paths = file.startsWith("contract/")
    ? [file.replace("contract/", "src/testing/resources/").concat(".ts")]
    : [`test/${file}.test.ts`, `test/${file}.test-d.ts`];
  return paths.find((path) => existsSync(join(root, path)));
}

const titles = new Map<string, ReadonlySet<string>>();

/** The titles of the tests of a file, and of their groups; of a contract, the names of its demands. What is left out has none. */
function titlesIn(path: string): ReadonlySet<string> {
  const known = titles.get(path);
  if (known !== undefined) return known;
  const found = new Set<string>();
  const source = ts.createSourceFile(
    path,
    readFileSync(join(root, path), "utf8"),
    ts.ScriptTarget.Latest,
  );
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTestFunction(node.expression)) addText(node.arguments[0]);
    if (ts.isPropertyAssignment(node) && node.name.getText(source) === "name") {
      if (path.startsWith("src/testing/")) addText(node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  const addText = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.add(node.text);
  };
  const isTestFunction = (callee: ts.Expression): boolean =>
    /^(test|describe)(\.(each|for|skipIf)\b.*)?$/s.test(callee.getText(source)) ||
    callee.getText(source) === "describeOn";
  visit(source);
  titles.set(path, found);
  return found;
}

test("there are rows", () => {
  const lines = text.split("\n").filter((line) => /^\| \d/.test(line));
  expect(lines.length).toBeGreaterThan(260);
  expect(rows.map(({ name }) => name)).toHaveLength(lines.length);
});

describe("each row names its tests, or says why there are none", () => {
  test.each(rows)("$name", ({ shown, tests }) => {
    const isExcused = /^\*\*(Not here|Not done)\*\*: /.test(shown);
    expect(isExcused || tests.length > 0, shown).toBe(true);
  });
});

describe("each test that is named is there", () => {
  const named = rows.flatMap(({ tests }) => tests);
  const unique = new Map(named.map((one) => [`${one.file} "${one.title}"`, one]));

  test.each([...unique])("%s", (_, { file, title }) => {
    const path = pathOf(file);
    expect(path, `${file} is a file of tests`).toBeDefined();
    expect([...titlesIn(path ?? "")]).toContain(title);
  });

  test("and no other words are between quotation marks, which would be checked by nobody", () => {
    for (const { shown, tests } of rows) {
      expect(shown.match(/"/g)?.length ?? 0, shown).toBe(2 * tests.length);
    }
  });
});
