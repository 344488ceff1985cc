import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import ts from "typescript";

const requireInstalled = createRequire(import.meta.url);

/**
 * The functions of a guide, as they stand there: the block that has each is run, and may import what is given and what
 * is installed.
 *
 * @param given modules of this package, by the names by which they are imported.
 */
export function functionsOfGuide<F>(
  name: string,
  functions: readonly (keyof F & string)[],
  given: Readonly<Record<string, object>>,
): F {
  const text = readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const exported: Partial<F> = {};
  const load = (module: string): unknown => given[module] ?? requireInstalled(module);
  for (const wanted of functions) {
    const block = blocks.find((one) => new RegExp(`^export .*\\b${wanted}\\b`, "m").test(one));
    if (block === undefined) throw new Error(`The guide has no ${wanted}.`);
    const { outputText } = ts.transpileModule(block, {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2023,
        esModuleInterop: true,
      },
    });
    new Function("require", "exports", outputText)(load, exported);
  }
  return exported as F;
}
