import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { namedTestFile } from "./named-test-file.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Requirement {
  readonly rfc: string;
  readonly section: string;
  readonly word: string;
  readonly requirement: string;
  /** What the tests do not show: a part of it, all of it, or it is no business of this package. */
  readonly status?: "partly" | "notDone" | "elsewhere";
  readonly tests: readonly { readonly file: string; readonly titles: readonly string[] }[];
  readonly note?: string;
}

const requirements: readonly Requirement[] = JSON.parse(
  readFileSync(join(root, "test/conformance/requirements.json"), "utf8"),
);
const rows = requirements.map((one) => ({
  ...one,
  name: `${one.section} ${one.word}: ${one.requirement}`,
  tests: one.tests.flatMap(({ file, titles: named }) => named.map((title) => ({ file, title }))),
}));

function pathOf(file: string): string | undefined {
  if (!file.startsWith("contract/")) return namedTestFile(file);
  const path = file.replace("contract/", "src/testing/resources/").concat(".ts");
  return existsSync(join(root, path)) ? path : undefined;
}

const titles = new Map<string, ReadonlySet<string>>();

/**
 * The titles of the tests of a file, and of their groups; of a contract, the names of its requirements. What is left
 * out has none.
 */
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

test("there are rows, and the documents have each", () => {
  const pages = ["7643", "7644", "9865"].map((rfc) =>
    readFileSync(join(root, `docs/conformance/rfc${rfc}.md`), "utf8"),
  );
  const lines = pages.flatMap((page) => page.split("\n")).filter((line) => /^\| \d/.test(line));
  expect(lines.length).toBeGreaterThan(260);
  expect(lines.map((line) => line.split(" | ").slice(0, 3).join(" | "))).toEqual(
    rows.map(({ section, word, requirement }) => `| ${section} | ${word} | ${requirement}`),
  );
});

describe("each row names its tests, or says why there are none", () => {
  test.each(rows)("$name", ({ status, note, tests }) => {
    const isExcused = (status === "elsewhere" || status === "notDone") && note !== undefined;
    expect(isExcused || tests.length > 0, note).toBe(true);
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

  test("and no other words are between quotation marks, which would be checked by no test", () => {
    for (const { note = "" } of rows) expect(note).not.toContain('"');
  });
});
