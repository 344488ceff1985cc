import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { installPackage } from "../installed-package.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** How a run has ended, and what it wrote. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that goes on. */
export interface RunningProgram {
  readonly process: ChildProcess;
  /** What it has written to its standard output so far. */
  readonly output: () => string;
  /** Waits until what it has written, from `after` on, matches. */
  until(pattern: RegExp, after?: number): Promise<void>;
  readonly ended: Promise<Run>;
}

/** What a run finds around it. */
export interface Surroundings {
  /** Variables beside those that say nothing of terminals and passwords. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed in. Default: nothing, and no terminal. */
  readonly stdin?: "pipe";
}

/** An example as its reader has it: copied into a folder of its own, with the built package installed. */
export interface InstalledExample extends AsyncDisposable {
  /** A directory for files; it is deleted on dispose. */
  readonly directory: string;
  /** The command and its arguments, for those who run it in another way. */
  command(...args: readonly string[]): readonly [string, ...string[]];
  run(args: readonly string[], surroundings?: Surroundings): Promise<Run>;
  start(args: readonly string[], surroundings?: Surroundings): RunningProgram;
  /** Runs another command, as `run` does. */
  startCommand(
    command: readonly [string, ...string[]],
    surroundings?: Surroundings,
  ): RunningProgram;
}

/** Builds the package, and installs the example beside it. */
export async function installExample(name: string): Promise<InstalledExample> {
  const installed = await installPackage();
  const { directory, application } = installed;
  await cp(join(repository, "examples", name), join(application, name), {
    recursive: true,
  });

  const command: InstalledExample["command"] = (...args) => [
    process.execPath,
    join(application, name, "main.ts"),
    ...args,
  ];
  const running = new Set<ChildProcess>();
  const startCommand: InstalledExample["startCommand"] = ([file, ...args], surroundings = {}) => {
    const program = launch(file, args, directory, surroundings);
    running.add(program.process);
    program.process.once("close", () => running.delete(program.process));
    return program;
  };
  return {
    directory,
    command,
    startCommand,
    start: (args, surroundings) => startCommand(command(...args), surroundings),
    run: (args, surroundings) => startCommand(command(...args), surroundings).ended,
    async [Symbol.asyncDispose]() {
      for (const process of running) process.kill("SIGKILL");
      await installed[Symbol.asyncDispose]();
    },
  };
}

/** Starts a program, and reads what it writes. */
export function launch(
  file: string,
  args: readonly string[],
  directory: string,
  { env = {}, stdin }: Surroundings = {},
): RunningProgram {
  const { PATH = "" } = process.env;
  const child = spawn(file, args, {
    cwd: directory,
    env: { PATH, TMPDIR: directory, TERM: "xterm", LANG: "C.UTF-8", ...env },
    stdio: [stdin ?? "ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(
    ([code]: (number | null)[]): Run => ({ code: code ?? null, stdout, stderr }),
  );
  return {
    process: child,
    output: () => stdout,
    ended,
    async until(pattern, after = 0) {
      for (const deadline = Date.now() + 20_000; !pattern.test(stdout.slice(after)); ) {
        if (child.exitCode !== null || Date.now() > deadline) {
          throw new Error(`${pattern} was not written.\n${stdout}\n${stderr}`);
        }
        await sleep(5);
      }
    },
  };
}
