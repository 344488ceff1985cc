import type { Upsert } from "../../changes/index.js";
import { applyWithinLimits, withoutPassword } from "../entries/apply.js";
import type { Outcomes } from "../outcome.js";
import { deletionOf } from "../removal/removal.js";
import type { Run } from "./run.js";

/**
 * Reads entries again: groups that the source may have rewritten without telling, before an entry that waited for that
 * is settled, and entries of which it is not sure that what is known is the latest. They are read between two steps, so
 * that no transaction is held open meanwhile. What they have lost counts like any other removal.
 */
export async function* readAgain(run: Run): Outcomes {
  const { again, groups, refresh } = run.findings;
  while (run.findings.hasReceived && !refresh.isRestarting) {
    const doubtful = groups.doubtful;
    const ids = [...new Set([...doubtful, ...again.ids])];
    const gone = again.goneAmong(again.ids);
    if (ids.length === 0 || run.stream.reread === undefined) return;
    const { signal } = run.settings;
    let restated: readonly Upsert[];
    try {
      restated = await run.stream.reread(ids, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      // The stream itself has to reconnect anyway.
      groups.stopRereading();
      const { delay } = run.settings.outages;
      run.deferrals.settleIn(delay);
      yield { kind: "waiting", error, attempt: 1, delay };
      return;
    }
    const found = new Set(restated.map((change) => change.sourceId));
    const notFound = gone.filter((id) => !found.has(id));
    const changes = [...restated.map(withoutPassword), ...notFound.map(deletionOf)];
    // They were read beside the stream, and a stamp does not show that they are newer than what the stream sent.
    yield* run.runner.commit(
      "reconcile",
      async (step) => {
        await applyWithinLimits(step, changes);
        await run.deferrals.retryFreed(step);
        groups.reread(doubtful);
        again.noteReread(ids);
        await run.deferrals.settleAll(step);
        return await run.checkpoints.afterRereading(step);
      },
      "reread",
    );
    if (again.size === 0) run.checkpoints.forgetHeld();
  }
}
