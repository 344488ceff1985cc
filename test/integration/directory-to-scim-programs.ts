import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The programs of this test, with the built package installed beside them. */
export interface Programs extends AsyncDisposable {
  readonly provider: string;
  readonly consumer: string;
}

/** Builds the package where no other test sees it half built. */
export async function installPrograms(): Promise<Programs> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-scim-"));
  const application = join(directory, "application");
  const installed = join(application, "node_modules", "concordat");
  await mkdir(installed, { recursive: true });
  await promisify(execFile)(
    process.execPath,
    [
      join(repository, "node_modules/tsup/dist/cli-default.js"),
      ...["--no-dts", "--silent", "--out-dir", join(installed, "dist")],
    ],
    { cwd: repository },
  );
  await cp(join(repository, "package.json"), join(installed, "package.json"));
  await symlink(join(repository, "node_modules"), join(directory, "node_modules"));
  await writeFile(join(application, "package.json"), '{ "type": "module" }\n');
  const copied = async (name: string): Promise<string> => {
    const path = join(application, `${name}.ts`);
    await cp(fileURLToPath(new URL(`directory-to-scim-${name}.ts`, import.meta.url)), path);
    return path;
  };
  return {
    provider: await copied("provider"),
    consumer: await copied("consumer"),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** A program that can be killed and started again, and that nothing else may end. */
export class Program implements AsyncDisposable {
  kills = 0;
  readonly #path: string;
  readonly #options: object;
  #child: ChildProcess | undefined;
  #failure: Error | undefined;
  #isAtWork: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: object) {
    this.#path = path;
    this.#options = options;
  }

  start(): void {
    const child = spawn(process.execPath, [this.#path, JSON.stringify(this.#options)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-4_000);
    });
    child.once("close", (code) => {
      if (this.#child !== child) return;
      this.#failure = new Error(`${this.#path} ended by itself, with ${code}: ${complaint}`);
    });
    this.#isAtWork = once(child.stdout, "data");
    child.stdout.resume();
    this.#child = child;
  }

  /** Throws if the process has ended without being killed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when it has said the first time that it is at work. */
  async untilItWorks(): Promise<void> {
    await this.#isAtWork;
    this.check();
  }

  async kill(): Promise<void> {
    this.check();
    this.kills += 1;
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    this.#child = undefined;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }
}
