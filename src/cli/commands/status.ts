import type { ChangeStream, SourceLag } from "../../changes/index.js";
import { type StreamState, streamState } from "../../sync/index.js";
import { operandsOf } from "../arguments.js";
import { syncNamed } from "../config.js";
import { messageOf } from "../errors.js";
import { exitCode } from "../exit-codes.js";
import { nameOf, type Output, oneLine } from "../output.js";
import { type Command, withConfig } from "./command.js";

/** How many things of a kind are named where people read. */
const shown = 20;

/** `concordat status`: how far each source was followed, what was refused, and what waits. */
export const status: Command = async (context) => {
  operandsOf(context.given);
  const { given, output } = context;
  return await withConfig(context, async (config) => {
    const names = given.sync === undefined ? Object.keys(config.syncs ?? {}) : [given.sync];
    const isOne = names.length === 0;
    const all = isOne
      ? [undefined]
      : [...(given.sync === undefined && config.sync ? ["sync"] : []), ...names];
    for (const name of all) {
      const { stream, target, prepare } = syncNamed(config, name);
      await prepare?.();
      const state = await streamState(target, stream.source);
      const lag = await lagOf(stream, state, context.signal);
      if (output.isJson) output.json({ ...(name === undefined ? {} : { name }), ...state, lag });
      else print(state, lag, output);
    }
    return exitCode.done;
  });
};

/** How long the source may take to say how far it is, in milliseconds: what is stored is shown all the same. */
const patience = 10_000;

async function lagOf(
  stream: ChangeStream,
  { checkpoint }: StreamState,
  interrupted: AbortSignal,
): Promise<SourceLag> {
  if (checkpoint === undefined) return { known: false, reason: "There is no checkpoint." };
  if (stream.lagBehind === undefined) return { known: false, reason: "The source cannot say it." };
  const limit = AbortSignal.timeout(patience);
  try {
    return await stream.lagBehind(checkpoint, { signal: AbortSignal.any([interrupted, limit]) });
  } catch (error) {
    interrupted.throwIfAborted();
    const late = `It has not answered within ${patience} ms.`;
    return { known: false, reason: limit.aborted ? late : messageOf(error) };
  }
}

function lagInWords(lag: SourceLag): string {
  if (!lag.known) return `how far the source is ahead is not known: ${oneLine(lag.reason)}`;
  const { isAhead, changes, readUntil, changedAt } = lag;
  if (!isAhead) return "the source has changed nothing since";
  const until = readUntil === undefined ? "" : ` ${new Date(readUntil).toISOString()}`;
  const last = changedAt === undefined ? "" : `, the last at ${new Date(changedAt).toISOString()}`;
  const count = changes === undefined ? "changes" : counted(changes, "change");
  return `the source has ${count} since${until}${last}, of whichever entries`;
}

function print(state: StreamState, lag: SourceLag, output: Output): void {
  const { source, refreshes, checkpoint, linked, refused, pending, dirty, taken, isCut } = state;
  output.line(oneLine(source));
  if (refreshes === 0) {
    output.line("  was never followed");
    return;
  }
  output.line(`  ${counted(linked.users, "user")}, ${counted(linked.groups, "group")}`);
  output.line(
    checkpoint === undefined
      ? "  the next run reads everything"
      : `  read ${refreshes === 1 ? "once" : `${refreshes} times`}; the next run resumes`,
  );
  if (checkpoint !== undefined) output.line(`  ${lagInWords(lag)}`);
  if (dirty > 0) output.line(`  ${dirty} entries have memberships that are still to be settled`);
  const gone = taken.reduce((sum, { removals }) => sum + removals, 0);
  if (gone > 0) output.line(`  ${gone} taken away lately, which counts towards maxDeletes`);
  output.line(`  ${isCut ? "at least " : ""}${refused.length} refused`);
  for (const { failure, ...entry } of refused.slice(0, shown)) {
    const next = new Date(failure.nextAttempt).toISOString();
    output.line(
      `    ${nameOf(entry)}: ${oneLine(failure.message)} (${failure.code}; ${failure.attempts} times, next ${next})`,
    );
  }
  if (refused.length > shown)
    output.line(`    and ${refused.length - shown} more: --json lists them`);
  output.line(
    `  ${isCut ? "at least " : ""}${pending.length} members of groups that are no entries`,
  );
  for (const { group, key } of pending.slice(0, shown)) {
    output.line(`    ${oneLine(key)} in ${nameOf(group)}`);
  }
  if (pending.length > shown)
    output.line(`    and ${pending.length - shown} more: --json lists them`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
