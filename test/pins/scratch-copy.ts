import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The files that are as they are, which all copies share. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/**
 * Changes to files, by their paths from the root: the text of a new file, or what replaces what in one that is there.
 */
export type Edits = Readonly<Record<string, string | readonly (readonly [string, string])[]>>;

/**
 * Checks the types of a copy of the sources with some changes, which exists in memory only.
 *
 * @param room the room that is checked, beside the files with changes.
 * @returns the files that do not compile, by their paths from the root.
 */
export function filesWithErrors(room: string, edits: Edits): readonly string[] {
  const path = `${root}tsconfig.json`;
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost({ ...options, noEmit: true });
  const edited = new Map(
    Object.entries(edits).map(([file, change]) => [`${root}${file}`, changed(file, change)]),
  );
  const program = ts.createProgram(
    [`${root}src/${room}/index.ts`, ...edited.keys()],
    { ...options, noEmit: true, skipLibCheck: true },
    {
      ...host,
      directoryExists: () => true,
      fileExists: (file) => edited.has(file) || host.fileExists(file),
      readFile: (file) => edited.get(file) ?? host.readFile(file),
      getSourceFile: (file, version, ...rest) => {
        const text = edited.get(file);
        if (text !== undefined) return ts.createSourceFile(file, text, version);
        if (!parsed.has(file)) parsed.set(file, host.getSourceFile(file, version, ...rest));
        return parsed.get(file);
      },
    },
  );
  return program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(`${root}src/${room}/`) || edited.has(fileName))
    .filter((file) => ts.getPreEmitDiagnostics(program, file).length > 0)
    .map(({ fileName }) => fileName.slice(root.length))
    .sort();
}

function changed(file: string, change: Edits[string]): string {
  if (typeof change === "string") return change;
  let text = ts.sys.readFile(`${root}${file}`) ?? "";
  for (const [from, to] of change) {
    if (!text.includes(from)) throw new Error(`${file} does not have: ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}
