import { endingWithSignal } from "../core/index.js";
import type { SyncTarget } from "../repositories/index.js";
import type { Outcome, Outcomes } from "./outcome.js";
import { withTroubleApart } from "./run/resource-trouble.js";
import { beginRun } from "./run/run.js";
import { type SynchronizeOptions, settingsFrom } from "./settings.js";
import { begin } from "./synchronize.js";

/**
 * Tries every refused change again now, whenever its time would have come, and every membership that waits; what was
 * mended in the application is done then. It reads nothing of the source. What is refused again is kept as before.
 *
 * A process that follows the stream ends with `StreamTakenError`, and goes on when it is started again; with `standby` it waits
 * for its turn, and goes on by itself.
 *
 * @param source the name of the stream, `ChangeStream.source`.
 * @param options those of the synchronisation; they decide what may be done, and how.
 * @throws as {@link synchronize} does.
 */
export function retryRefusedChanges(
  target: SyncTarget,
  source: string,
  options: Omit<SynchronizeOptions, "dryRun" | "follow" | "standby"> = {},
): AsyncGenerator<Outcome, void, undefined> {
  return endingWithSignal(retried(target, source, options), options.signal);
}

async function* retried(
  target: SyncTarget,
  source: string,
  options: Omit<SynchronizeOptions, "dryRun" | "follow" | "standby">,
): Outcomes {
  target.settlement?.assertOwn(target.links, target.memberships);
  const stores = await withTroubleApart(target, source);
  const mapping = (await target.checkpoints.load(source))?.mapping;
  const stream = { source, read: () => nothing(), ...(mapping === undefined ? {} : { mapping }) };
  yield* begin(beginRun(stream, stores, settingsFrom(options), false), "all");
}

async function* nothing(): AsyncGenerator<never, void> {}
