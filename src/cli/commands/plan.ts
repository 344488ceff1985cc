import { writeFile } from "node:fs/promises";
import { type Plan, planChanges } from "../../sync/index.js";
import { operandsOf } from "../arguments.js";
import { exitCode } from "../exit-codes.js";
import { nameOf, type Output, outcomeInWords, removalInWords } from "../output.js";
import { type Command, withReadySync } from "./command.js";

/** `concordat plan`: says what a run would do, and writes nothing but the file that is asked for. */
export const plan: Command = async (context) => {
  operandsOf(context.given);
  return await withReadySync(context, async ({ stream, target, options }) => {
    const { output, signal } = context;
    const planned = await planChanges(stream, target, { ...options, signal });
    const { out } = context.given;
    // It holds personal data, as a recording does.
    if (out !== undefined) {
      await writeFile(out, `${JSON.stringify(planned, undefined, 2)}\n`, { mode: 0o600 });
    }
    if (output.isJson) output.json(planned);
    else print(planned, output);
    return planned.limited.length === 0 ? exitCode.done : exitCode.limit;
  });
};

function print(
  { outcomes, summary, removals, digest, limited, cleared }: Plan,
  output: Output,
): void {
  for (const outcome of outcomes) output.line(outcomeInWords(outcome));
  if (outcomes.length > 0) output.line("");
  const counts = Object.entries(summary).map(([kind, count]) => `${count} ${kind}`);
  output.line(counts.length === 0 ? "Nothing would be done." : `In all: ${counts.join(", ")}.`);
  if (removals.length > 0) {
    output.line(`Taken away: ${removals.length}, the digest of which is ${digest}`);
    for (const removal of removals) output.line(`  ${removalInWords(removal)}`);
  }
  for (const entry of cleared) {
    output.line(`  ${nameOf(entry)} would lose ${entry.attributes.join(", ")}`);
  }
  if (limited.includes("maxDeletes")) {
    output.line(`That is more than maxDeletes allows. If it is right: concordat accept ${digest}`);
  }
  if (limited.includes("maxCleared")) {
    output.line(
      "More values would be lost than maxCleared allows: is there an attribute that cannot be read?",
    );
  }
}
