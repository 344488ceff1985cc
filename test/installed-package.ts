import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("..", import.meta.url));

/** An application of its own that has the built package installed, as a user has it. */
export interface InstalledPackage extends AsyncDisposable {
  /** A directory for files; it is deleted on dispose. */
  readonly directory: string;
  /** Where programs lie that import the package. */
  readonly application: string;
}

/**
 * Builds the package where no other test sees it half built.
 *
 * @param declarations whether with declarations, which take longer than all the rest.
 */
export async function installPackage(declarations = false): Promise<InstalledPackage> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-installed-"));
  const application = join(directory, "application");
  const installed = join(application, "node_modules", "concordat");
  await mkdir(installed, { recursive: true });
  await promisify(execFile)(
    process.execPath,
    [
      join(repository, "node_modules/tsup/dist/cli-default.js"),
      ...(declarations ? [] : ["--no-dts"]),
      ...["--silent", "--out-dir", join(installed, "dist")],
    ],
    { cwd: repository },
  );
  await cp(join(repository, "package.json"), join(installed, "package.json"));
  await symlink(join(repository, "node_modules"), join(directory, "node_modules"));
  await writeFile(join(application, "package.json"), '{ "type": "module" }\n');
  return {
    directory,
    application,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
