import { ConcordatError } from "../core/index.js";
import { help, readArguments } from "./arguments.js";
import { check } from "./commands/check.js";
import type { Command } from "./commands/command.js";
import { consumer } from "./commands/consumer.js";
import { accept, replay, retry, sync } from "./commands/follow.js";
import { init } from "./commands/init.js";
import { plan } from "./commands/plan.js";
import { refresh } from "./commands/refresh.js";
import { status } from "./commands/status.js";
import { token } from "./commands/token.js";
import { trace } from "./commands/trace.js";
import { ConfigError, messageOf, UsageError } from "./errors.js";
import { exitCode } from "./exit-codes.js";
import { oneLine } from "./output.js";

const commands: Readonly<Record<string, Command>> = {
  ...{ accept, check, consumer, init, plan, refresh, replay, retry, status, sync, token, trace },
};

/** What the process gives the command. */
export interface Surroundings {
  readonly directory: string;
  /** The folder with the templates that come with the package. */
  readonly templates: string;
  readonly signal: AbortSignal;
  readonly version: string;
  /** Writes a line of the result. */
  readonly out: (line: string) => void;
  /** Writes a line of what is no result. */
  readonly note: (line: string) => void;
}

/** Runs the command with these arguments. @returns the exit code. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  const { directory, templates, signal, version, out, note } = around;
  try {
    const given = readArguments(args);
    if (given.version) {
      out(version);
      return exitCode.done;
    }
    if (given.help || given.command === "help") {
      out(help);
      return exitCode.done;
    }
    if (given.command === undefined) throw new UsageError("Which command?");
    const command = Object.hasOwn(commands, given.command) ? commands[given.command] : undefined;
    if (command === undefined) throw new UsageError(`There is no command "${given.command}".`);
    const output = {
      line: out,
      note,
      json: (value: unknown) => out(JSON.stringify(value)),
      isJson: given.json,
    };
    return await command({ given, output, signal, directory, templates });
  } catch (error) {
    if (signal.aborted) return exitCode.done;
    if (error instanceof UsageError) {
      note(`${error.message}\nconcordat --help says how it is called.`);
      return exitCode.usage;
    }
    if (error instanceof ConfigError) {
      note(error.message);
      return exitCode.usage;
    }
    // What the package throws is written for people. Of anything else, a developer wants the stack.
    if (error instanceof ConcordatError) note(`${oneLine(messageOf(error))} (${error.code})`);
    else note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return exitCode.failed;
  }
}
