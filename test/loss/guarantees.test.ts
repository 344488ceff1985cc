import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guarantees = readFileSync(join(root, "docs/guarantees.md"), "utf8");
const commands = [...guarantees.matchAll(/^npm (?:test -- |run )(.*?)(?: +#.*)?$/gm)].map(
  ([, command = ""]) => command.trim(),
);

test("every guarantee names a test", () => {
  const statements = guarantees.match(/^\*\*.*\*\*/gm) ?? [];
  expect(statements.length).toBeGreaterThan(10);
  expect(commands.length).toBeGreaterThanOrEqual(statements.length);
});

test.each(commands)("%s is there to be run", (command) => {
  const [words = "", name] = command.split(" -t ");
  const paths = words.split(" ").filter((word) => word.startsWith("test/"));
  if (paths.length === 0) {
    const [script = ""] = words.split(" -- ");
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(scripts).toHaveProperty([script]);
  }
  for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
  if (name === undefined) return;
  const files = paths.map((path) => readFileSync(join(root, path), "utf8")).join("\n");
  expect(files).toContain(name.replaceAll('"', ""));
});
