import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** What an entry of the package exports, by its name: the symbol itself, where the entry passes another's on. */
export interface Entry {
  /** As it is imported, such as `concordat/scim`. */
  readonly name: string;
  readonly exported: ReadonlyMap<string, ts.Symbol>;
}

/** The exports of every entry, with the checker that knows their types. */
export function publicTypes(): {
  readonly checker: ts.TypeChecker;
  readonly entries: readonly Entry[];
} {
  const manifest: { exports: object } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const keys = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
  const fileOf = (key: string): string => join(root, "src", key, "index.ts");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(keys.map(fileOf), options);
  const checker = program.getTypeChecker();
  const entries = keys.map((key): Entry => {
    const source = program.getSourceFile(fileOf(key));
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${key} exports nothing.`);
    const exported = checker.getExportsOfModule(module).map((symbol): [string, ts.Symbol] => {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      return [symbol.name, isAlias ? checker.getAliasedSymbol(symbol) : symbol];
    });
    return { name: `concordat${key.slice(1)}`, exported: new Map(exported) };
  });
  return { checker, entries };
}
