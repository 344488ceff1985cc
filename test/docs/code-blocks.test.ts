import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Every fenced `ts` block of the README and the guides, as a file beside the one that it stands in. The reference is not
 * among them: what is in a comment of the sources shows the symbol that it is about, and is not a program.
 */
function codeBlocks(): ReadonlyMap<string, string> {
  const guides = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith("reference"))
    .map((name) => `docs/${name}`);
  const files = ["README.md", ...guides];
  const blocks = new Map<string, string>();
  for (const file of files.filter((name) => name.endsWith(".md"))) {
    const text = readFileSync(join(root, file), "utf8");
    for (const match of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
      const line = text.slice(0, match.index).split("\n").length;
      // A block is a module of its own, also when it neither imports nor exports.
      blocks.set(join(root, `${file}-line-${line}.ts`), `${match[1]}\nexport {};\n`);
    }
  }
  return blocks;
}

describe("the code in the README and the guides", () => {
  const blocks = codeBlocks();
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => blocks.has(file) || fileExists(file);
  host.readFile = (file) => blocks.get(file) ?? readFile(file);
  const program = ts.createProgram(
    [...blocks.keys()],
    { ...options, isolatedDeclarations: false, declaration: false },
    host,
  );

  test("is there", () => {
    expect(blocks.size).toBeGreaterThan(0);
  });

  test.each([...blocks.keys()].map((file) => relative(root, file)))(
    "%s compiles",
    (name) => {
      const source = program.getSourceFile(join(root, name));
      const found = ts.getPreEmitDiagnostics(program, source);
      expect(found.map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"))).toEqual(
        [],
      );
    },
    180_000,
  );
});
