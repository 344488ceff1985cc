import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** The files that each file imports, type imports and re-exports included. */
const imports: ReadonlyMap<string, readonly string[]> = new Map(
  globSync("**/*.ts", { cwd: source }).map((file) => [
    file,
    [
      ...readFileSync(join(source, file), "utf8").matchAll(
        /(?:^(?:import|export)\b[^;"']*from\s+|\bimport\()"(\.[^"]+)"/gm,
      ),
    ].map((match) =>
      relative(source, join(source, dirname(file), match[1] ?? "")).replace(/js$/, "ts"),
    ),
  ]),
);

/**
 * Sets of files of which each leads to every other one: the strongly connected components of more than one file
 * (Tarjan).
 */
function circles(): readonly (readonly string[])[] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    let lowest = own;
    index.set(file, own);
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!index.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next))
        lowest = Math.min(lowest, low.get(next) ?? index.get(next) ?? own);
      low.set(file, lowest);
    }
    low.set(file, lowest);
    if (lowest === own) {
      const members = stack.splice(stack.indexOf(file));
      if (members.length > 1) found.push(members.sort());
    }
    return lowest;
  };
  for (const file of [...imports.keys()].sort()) if (!index.has(file)) visit(file);
  return found;
}

test("no circle of files closes, type imports included", () => {
  expect(imports.size).toBeGreaterThan(400);
  const unresolved = [...imports.values()].flat().filter((file) => !imports.has(file));
  expect(unresolved).toEqual([]);
  expect(circles()).toEqual([]);
});
