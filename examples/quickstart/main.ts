/**
 * The quick start: the users and groups of a directory in a SQLite database, live. Copy this folder and start from it.
 *
 * `synchroniseAll` in `demonstration.ts` has the few lines that matter, `application.ts` is the database and what an
 * application asks of it, `profiles.ts` says how entries become users and groups. The rest is for the eye.
 */

import { demonstrate } from "./demonstration.ts";
import { explain, isInterruption, UsageError } from "./failures.ts";
import { follow } from "./follow.ts";
import { help, readOptions } from "./options.ts";
import { Terminal } from "./terminal.ts";

const interruption = new AbortController();
// The second time, the signal ends the process as it always does.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interruption.abort());
}
// Whoever reads the output has seen enough, as `head` has after some lines.
process.stdout.on("error", () => interruption.abort());
process.exitCode = await main(process.argv.slice(2), interruption.signal);

/** Runs the programme, and returns its exit code. */
async function main(args: readonly string[], interrupted: AbortSignal): Promise<number> {
  let color: boolean | undefined;
  try {
    const options = readOptions(args);
    color = options.color;
    const terminal = new Terminal(process.stdout, color);
    if (options.help) {
      terminal.line(help);
    } else if (options.directory === undefined) {
      await demonstrate(terminal, options.database, interrupted);
    } else {
      await follow(terminal, options.directory, options.database, interrupted);
    }
    return 0;
  } catch (error) {
    if (isInterruption(error, interrupted)) return 130;
    const explanation = explain(error);
    // Nobody foresaw it: whoever mends it will want the stack.
    if (explanation === undefined) throw error;
    const complaints = new Terminal(process.stderr, color);
    complaints.line(`${complaints.style("bad", complaints.symbols.failed)} ${explanation}`);
    if (error instanceof UsageError) complaints.line("  npm run quickstart -- --help");
    return error instanceof UsageError ? 2 : 1;
  }
}
