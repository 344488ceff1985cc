import type { ChangeStream } from "../../changes/index.js";
import { replayChanges } from "../../changes/index.js";
import { StreamTakenError, TooManyError } from "../../core/index.js";
import {
  type Outcome,
  planChanges,
  retryRefusedChanges,
  type SynchronizeOptions,
  synchronize,
} from "../../sync/index.js";
import { untilDone } from "../../sync/internal.js";
import { operandsOf } from "../arguments.js";
import type { SyncConfig } from "../config.js";
import { exitCode } from "../exit-codes.js";
import { outcomeAsJson, outcomeInWords, removalInWords } from "../output.js";
import { type Command, type CommandContext, withReadySync, withSync } from "./command.js";

/** `concordat sync`: follows the source and applies its changes. */
export const sync: Command = async (context) => {
  operandsOf(context.given);
  const { once, standby } = context.given;
  return await withSync(context, (config) =>
    apply(context, config, config.stream, {
      follow: !once,
      standby: config.options?.standby ?? standby,
    }),
  );
};

/** `concordat replay FILE`: applies a recording, in place of the stream that was recorded. */
export const replay: Command = async (context) => {
  const [file = ""] = operandsOf(context.given, "FILE");
  return await withSync(context, async (config) => {
    const recorded = await replayChanges(file, { signal: context.signal });
    return await apply(context, config, recorded, {});
  });
};

/** `concordat retry`: tries what was refused again. */
export const retry: Command = async (context) => {
  operandsOf(context.given);
  return await withReadySync(context, async ({ stream, target, options }) => {
    const { signal } = context;
    return await report(
      context,
      retryRefusedChanges(target, stream.source, { ...options, signal }),
    );
  });
};

/** `concordat accept DIGEST`: does what a plan has shown, where it still shows the same. */
export const accept: Command = async (context) => {
  const [digest = ""] = operandsOf(context.given, "DIGEST");
  return await withReadySync(context, async (config) => {
    const { stream, target, options } = config;
    const { signal, output } = context;
    const plan = await planChanges(stream, target, { ...options, signal });
    if (plan.digest !== digest) {
      output.note(`What would go is not what was accepted any more. It is ${plan.digest} now:`);
      for (const removal of plan.removals) output.note(`  ${removalInWords(removal)}`);
      output.note(`Nothing was changed. Look at it, then: concordat accept ${plan.digest}`);
      return exitCode.limit;
    }
    return await apply(context, config, stream, { follow: false, accept: plan.removals });
  });
};

async function apply(
  context: CommandContext,
  { target, options, prepare }: SyncConfig,
  stream: ChangeStream,
  more: Pick<SynchronizeOptions, "follow" | "accept" | "standby">,
): Promise<number> {
  const { signal } = context;
  const given = { ...options, standby: false, ...more, signal };
  return await report(context, outcomes());

  async function* outcomes(): AsyncGenerator<Outcome> {
    if (prepare !== undefined) yield* untilDone(prepare, given);
    yield* synchronize(stream, target, given);
  }
}

/** Says what is done, line by line. @returns the exit code. */
async function report(
  { output, signal }: CommandContext,
  outcomes: AsyncIterable<Outcome>,
): Promise<number> {
  try {
    for await (const outcome of outcomes) {
      if (output.isJson) output.json(outcomeAsJson(outcome));
      else if (outcome.kind === "limited") explain(outcome);
      else if (outcome.kind !== "checkpoint") output.line(outcomeInWords(outcome));
    }
  } catch (error) {
    // To be stopped is how following ends.
    if (signal.aborted) return exitCode.done;
    if (error instanceof TooManyError) {
      output.note(error.message);
      output.note("Look at it with: concordat plan");
      return exitCode.limit;
    }
    if (error instanceof StreamTakenError) {
      output.note(error.message);
      return exitCode.taken;
    }
    throw error;
  }
  return exitCode.done;

  function explain(limited: Outcome & { readonly kind: "limited" }): void {
    output.line(outcomeInWords(limited));
    const { deletions, deactivations, memberships } = limited.removals;
    for (const one of deletions) output.line(`  ${removalInWords({ kind: "gone", ...one })}`);
    for (const one of deactivations) {
      output.line(`  ${removalInWords({ kind: "inactive", ...one })}`);
    }
    for (const { group, members } of memberships) {
      output.line(`  ${members} of the members of ${group.name ?? group.sourceId} leave it`);
    }
  }
}
