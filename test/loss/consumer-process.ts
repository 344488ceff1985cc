import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ConsumerOptions } from "./consumer.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The consuming program with the built package installed beside it, in a directory of its own. */
export interface ConsumerProgram extends AsyncDisposable {
  readonly path: string;
}

/** Builds the package where no other test sees it half built. */
export async function installConsumer(): Promise<ConsumerProgram> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-loss-"));
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
  const path = join(application, "consumer.ts");
  await cp(fileURLToPath(new URL("consumer.ts", import.meta.url)), path);
  return {
    path,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The process that follows the directory: it can be killed and started again, and nothing else may end it. */
export class ConsumerProcess implements AsyncDisposable {
  kills = 0;
  readonly #program: ConsumerProgram;
  readonly #options: ConsumerOptions;
  #child: ChildProcess | undefined;
  #failure: Error | undefined;
  #isReading: Promise<unknown> = Promise.resolve();

  constructor(program: ConsumerProgram, options: ConsumerOptions) {
    this.#program = program;
    this.#options = options;
  }

  start(): void {
    const child = spawn(process.execPath, [this.#program.path, JSON.stringify(this.#options)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.once("close", (code) => {
      if (this.#child !== child) return;
      this.#failure = new Error(`The consumer ended by itself, with ${code}: ${complaint}`);
    });
    this.#isReading = once(child.stdout, "data");
    child.stdout.resume();
    this.#child = child;
  }

  /** Throws if the process has ended without being killed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until it has begun to read the directory, if it can. */
  async untilItReads(): Promise<void> {
    await Promise.race([this.#isReading, sleep(3_000)]);
    this.check();
  }

  async kill(): Promise<void> {
    this.check();
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
    this.kills += 1;
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
