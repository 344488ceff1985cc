import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** Whether processes can be kept on cores of their own. */
export const isPinned: boolean =
  availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** The core of the directory server, and the one of whatever is measured. */
export const serverCore = 0;
export const measuredCore = 1;

/** A command that runs on one core, where that can be. */
export function pinned(
  core: number,
  command: readonly [string, ...string[]],
): [string, ...string[]] {
  return isPinned ? ["taskset", "-c", String(core), ...command] : [...command];
}

/** The command that runs one of the programs beside this file, in the same version of Node. */
export function program(name: string, ...args: readonly string[]): [string, ...string[]] {
  const path = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  return name.endsWith(".py")
    ? ["/usr/bin/python3", path, ...args]
    : [process.execPath, path, ...args];
}

/** What a process took. */
export interface Usage {
  /** Seconds from the start to the end of the process. */
  readonly wall: number;
  /** Seconds of CPU time, the system's on its behalf included. */
  readonly cpu: number;
  /** What it printed. */
  readonly output: string;
}

/** Runs a command by itself on its core, and measures it as the shell's `time` does, from outside. */
export async function measure(command: readonly [string, ...string[]]): Promise<Usage> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@"';
  const child = spawn("bash", ["-c", script, "bash", ...pinned(measuredCore, command)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  const times = /([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(errors);
  if (code !== 0 || times === null) throw new Error(`${command.join(" ")} failed: ${errors}`);
  const [wall = 0, user = 0, system = 0] = times.slice(1).map(Number);
  return { wall, cpu: user + system, output };
}
