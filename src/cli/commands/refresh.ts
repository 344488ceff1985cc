import { readAnew } from "../../sync/index.js";
import { operandsOf } from "../arguments.js";
import { exitCode } from "../exit-codes.js";
import { type Command, withReadySync } from "./command.js";

/** `concordat refresh`: the next run reads everything, as the first one did. */
export const refresh: Command = async (context) => {
  operandsOf(context.given);
  return await withReadySync(context, async ({ stream, target }) => {
    await readAnew(target.checkpoints, stream.source);
    context.output.note(
      "The next run reads everything. A process that follows the source has to be started again.",
    );
    return exitCode.done;
  });
};
