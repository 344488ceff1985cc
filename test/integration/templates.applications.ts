import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const templates = (await readdir(join(repository, "examples")))
  // Beside them the quick start leaves what makes their imports find the package in a clone.
  .filter((name) => name !== "node_modules")
  .sort();
const execute = promisify(execFile);

/** Where the package is packed, and where the templates are copied to, which is elsewhere: nothing is found above them. */
let packing: string;
let directory: string;
let packed: string;

beforeAll(async () => {
  packing = await mkdtemp(join(tmpdir(), "concordat-packed-"));
  directory = await mkdtemp(join(tmpdir(), "concordat-templates-"));
  const source = join(packing, "package");
  await mkdir(source);
  await symlink(join(repository, "node_modules"), join(packing, "node_modules"));
  for (const part of ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "docs", "examples"]) {
    await cp(join(repository, part), join(source, part), { recursive: true });
  }
  const tsup = join(repository, "node_modules/tsup/dist/cli-default.js");
  await execute(process.execPath, [tsup, "--silent", "--out-dir", join(source, "dist")], {
    cwd: repository,
  });
  const { stdout } = await execute("npm", ["pack", "--json", "--ignore-scripts"], { cwd: source });
  packed = join(source, JSON.parse(stdout)[0].filename);
}, 600_000);
afterAll(async () => {
  for (const one of [packing, directory]) await rm(one, { recursive: true, force: true });
}, 120_000);

describe.each(templates)("the template %s, copied out", (name) => {
  test("has all that a package of its own needs", async () => {
    const folder = join(repository, "examples", name);
    const files = await readdir(folder);
    for (const file of ["package.json", "tsconfig.json", ".env.example", "README.md", "LICENSE"]) {
      expect(files).toContain(file);
    }
    const { type, scripts, devDependencies } = JSON.parse(
      await readFile(join(folder, "package.json"), "utf8"),
    );
    expect(type).toBe("module");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["dev", "start", "test"]));
    expect(Object.keys(devDependencies)).toContain("node");
  });

  test("installs the packed package, compiles, and passes its tests", async () => {
    const folder = join(directory, name);
    const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024 };
    const main = join(packing, "package/dist/cli/main.js");
    await execute(process.execPath, [main, "init", name, folder], { cwd: directory });
    await execute("npm", ["install", "--no-audit", "--no-fund", packed], options);
    await execute("npm", ["run", "typecheck"], options);
    const { stdout } = await execute("npm", ["test"], options);
    expect(stdout).toMatch(/^# fail 0$|^ℹ fail 0$/m);
    await rm(folder, { recursive: true });
  }, 600_000);
});
