import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the name of a file of tests ends with, by where it is run; see `docs/contributing.md`. */
const endings = ["test.ts", "test-d.ts", "directories.ts", "applications.ts", "peers.ts"];

/**
 * The path below the root of the file of tests that a document names as `sso/attacks`, wherever it is run, so that a
 * file can move from one run to another.
 */
export function namedTestFile(name: string): string | undefined {
  return endings.map((ending) => `test/${name}.${ending}`).find((path) => existsSync(root + path));
}
