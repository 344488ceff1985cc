import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/**
 * What each entry exports, as its declarations without comments: a change of it is a change of the public surface. What
 * is exported by several entries is printed with the first.
 */
export function apiReports(root, manifest) {
  const keys = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
  const fileOf = (key) => join(root, "src", key, "index.ts");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(keys.map(fileOf), options);
  const checker = program.getTypeChecker();
  const declarations = declarationsByFile(options);
  const homes = new Map();
  const reports = new Map();
  for (const key of keys) {
    const name = `${manifest.name}${key.slice(1)}`;
    const module = checker.getSymbolAtLocation(program.getSourceFile(fileOf(key)));
    const lines = [];
    for (const symbol of checker.getExportsOfModule(module).sort(byName)) {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      const own = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
      const home = homes.get(own);
      if (home === undefined) homes.set(own, name);
      const texts =
        home === undefined
          ? (own.declarations ?? []).map((one) => declarations(one.getSourceFile(), own.name))
          : [`// ${symbol.name}: see ${home}`];
      lines.push([...new Set(texts.flat())].join("\n"));
    }
    reports.set(
      key === "." ? "index" : key.slice(2).replaceAll("/", "-"),
      `${lines.join("\n\n")}\n`,
    );
  }
  return reports;
}

/** The statements of a file's declarations that declare a name. */
function declarationsByFile(options) {
  const known = new Map();
  const declarationsOf = (file) => {
    const { outputText } = ts.transpileDeclaration(readFileSync(file.fileName, "utf8"), {
      fileName: file.fileName,
      compilerOptions: { ...options, removeComments: true, noEmit: false },
    });
    return ts.createSourceFile("declarations.d.ts", outputText, ts.ScriptTarget.Latest, true);
  };
  return (file, name) => {
    if (!known.has(file)) known.set(file, declarationsOf(file));
    const source = known.get(file);
    const declares = (statement) =>
      ts.isVariableStatement(statement)
        ? statement.declarationList.declarations.some((one) => one.name.getText(source) === name)
        : statement.name?.text === name;
    return source.statements.filter(declares).map((statement) => statement.getText(source));
  };
}

function byName({ name: one }, { name: other }) {
  return one < other ? -1 : one > other ? 1 : 0;
}
