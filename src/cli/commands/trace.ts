import { recordChanges } from "../../changes/index.js";
import { operandsOf } from "../arguments.js";
import { UsageError } from "../errors.js";
import { exitCode } from "../exit-codes.js";
import { type Command, withSync } from "./command.js";

/** `concordat trace -o FILE`: records what the source says, from the beginning, and applies none of it. */
export const trace: Command = async (context) => {
  operandsOf(context.given);
  const { out, once } = context.given;
  if (out === undefined) throw new UsageError('"trace" needs -o FILE.');
  return await withSync(context, async ({ stream }) => {
    const { output, signal } = context;
    const reading = { signal, ...(once ? { follow: false } : {}) };
    let changes = 0;
    try {
      for await (const batch of recordChanges(stream, out).read(reading)) {
        changes += batch.changes.length;
        if (output.isJson) output.json({ phase: batch.phase, changes: batch.changes.length });
        else if (batch.refresh === "ends") output.note(`Everything is read: ${changes} changes.`);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    output.note(`${changes} changes are in ${out}, which holds personal data.`);
    return exitCode.done;
  });
};
