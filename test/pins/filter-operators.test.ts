import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as scim from "concordat/scim";
import ts from "typescript";
import { afterAll, expect, test } from "vitest";
import { builders } from "../../src/scim/filter/build.js";
import { compareOperators } from "../../src/scim/filter/operators.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "concordat-operator-"));
const rooms = ["core", "scim", "changes", "repositories", "scim-server", "testing"];
for (const room of rooms) {
  cpSync(join(root, "src", room), join(scratch, "src", room), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"), "dir");
writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
afterAll(() => rmSync(scratch, { recursive: true }));

/** Where operators are named, or were once: what these files import is compiled too. */
const compiled = [
  "src/scim/index.ts",
  "src/repositories/memory/resource-store.ts",
  "src/scim-server/query/type-filter.ts",
  "src/testing/random/filters.ts",
];

let program: ts.Program | undefined;

/** The files of the scratch copy that do not compile. */
function faultyFiles(): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const roots = compiled.map((file) => join(scratch, file));
  const checked = { ...options, declaration: false, isolatedDeclarations: false };
  program = ts.createProgram(roots, checked, undefined, program);
  const faults = ts.getPreEmitDiagnostics(program).map(({ file }) => file?.fileName ?? "");
  return [...new Set(faults)].map((file) => relative(scratch, file)).sort();
}

function replaceIn(file: string, text: string, replacement: string): void {
  const before = readFileSync(join(scratch, file), "utf8");
  expect(before.split(text)).toHaveLength(2);
  writeFileSync(join(scratch, file), before.replace(text, replacement));
}

test("every operator has its builder under the same name", () => {
  expect(Object.entries(builders)).toEqual(
    compareOperators.map((operator) => [operator, Reflect.get(scim, operator)]),
  );
});

test("an operator that is added does not compile until three files have it, and then it works", async () => {
  replaceIn("src/scim/filter/filter.ts", ' | "ne" | ', ' | "ne" | "nc" | ');
  expect(faultyFiles()).toEqual(["src/scim/filter/build.ts", "src/scim/filter/operators.ts"]);

  replaceIn(
    "src/scim/filter/operators.ts",
    "  sw: {",
    '  nc: { kind: "negation", types: text, of: { kind: "part", types: text, at: "anywhere" } },\n  sw: {',
  );
  replaceIn(
    "src/scim/filter/build.ts",
    "= { eq, ne,",
    '= { eq, ne, nc: (path, value) => comparison("nc", path, value),',
  );
  expect(faultyFiles()).toEqual([]);

  const changed: typeof scim = await import(pathToFileURL(join(scratch, "src/scim/index.ts")).href);
  const filter = changed.parseFilter('userName NC "ad" and emails[value nc "@b"]');
  expect(changed.printFilter(filter)).toBe('userName nc "ad" and emails[value nc "@b"]');
  const bound = changed.bindFilter(filter, changed.userResourceType);
  const matches = changed.compileFilter(bound);
  const emails = [{ value: "a@example.com" }];
  expect(matches({ userName: "Bea", emails })).toBe(true);
  expect(matches({ userName: "ADa", emails })).toBe(false);
  expect(matches({ userName: "Bea", emails: [{ value: "a@b.example" }] })).toBe(false);
  const [userName = bound] = bound.operator === "and" ? bound.filters : [];
  const columns = { table: "users", attributes: { userName: { column: "name", key: "key" } } };
  expect(changed.filterToSql(userName, columns, "sqlite")).toMatchObject({
    sql: '((instr("users"."key" collate binary, ?) > 0) is not true)',
    parameters: ["ad"],
  });

  // In a query over all types, a group has no userName, which does not contain the text either.
  const typeFilter: typeof import("../../src/scim-server/query/type-filter.js") = await import(
    pathToFileURL(join(scratch, "src/scim-server/query/type-filter.ts")).href
  );
  const { groupResourceType } = changed;
  const asked = changed.parseFilter('userName nc "ad"');
  expect(typeFilter.filterForType(asked, groupResourceType, "unassigned")).toBe(true);
}, 120_000);
