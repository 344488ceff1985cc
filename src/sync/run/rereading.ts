import type { ChangeStream, Upsert } from "../../changes/index.js";
import { applyWithinLimits, withoutPassword } from "../entries/apply.js";
import type { Outcome } from "../outcome.js";
import { deletionOf } from "../removal/removal.js";
import type { Settings } from "../settings.js";
import type { Checkpoints } from "./checkpoints.js";
import type { Deferrals } from "./deferrals.js";
import type { Findings } from "./findings.js";
import type { Runner } from "./runner.js";

/**
 * Reads entries again: groups that the source may have rewritten without telling, before an entry that waited for that is settled,
 * and entries of which it is not sure that what is known is the latest. They are read between two steps, so that no transaction is
 * held open meanwhile. What they have lost counts like any other removal.
 */
export class Rereading {
  readonly #stream: ChangeStream;
  readonly #settings: Settings;
  readonly #findings: Findings;
  readonly #runner: Runner;
  readonly #deferrals: Deferrals;
  readonly #checkpoints: Checkpoints;

  constructor(
    stream: ChangeStream,
    settings: Settings,
    parts: {
      readonly findings: Findings;
      readonly runner: Runner;
      readonly deferrals: Deferrals;
      readonly checkpoints: Checkpoints;
    },
  ) {
    this.#stream = stream;
    this.#settings = settings;
    this.#findings = parts.findings;
    this.#runner = parts.runner;
    this.#deferrals = parts.deferrals;
    this.#checkpoints = parts.checkpoints;
  }

  /** Reads what is to be read again, and what has to be because of that. */
  async *run(): AsyncGenerator<Outcome, void, undefined> {
    const { again, groups, refresh } = this.#findings;
    while (this.#findings.isTold && refresh.restartReason === undefined) {
      const doubtful = groups.doubtful;
      const ids = [...new Set([...doubtful, ...again.ids])];
      const gone = again.goneAmong(again.ids);
      if (ids.length === 0 || this.#stream.reread === undefined) return;
      const { signal } = this.#settings;
      let restated: readonly Upsert[];
      try {
        restated = await this.#stream.reread(ids, signal === undefined ? {} : { signal });
      } catch (error) {
        signal?.throwIfAborted();
        // The stream itself has to reconnect anyway.
        groups.stopRereading();
        const { delay } = this.#settings.outages;
        this.#deferrals.settleIn(delay);
        yield { kind: "waiting", error, attempt: 1, delay };
        return;
      }
      const found = new Set(restated.map((change) => change.sourceId));
      const notFound = gone.filter((id) => !found.has(id));
      const changes = [...restated.map(withoutPassword), ...notFound.map(deletionOf)];
      // They were read beside the stream, and a stamp does not tell that they are newer than what the stream told.
      yield* this.#runner.commit(
        "reconcile",
        async (step) => {
          await applyWithinLimits(step, changes);
          await this.#deferrals.retryFreed(step);
          groups.reread(doubtful);
          again.answered(ids);
          await this.#deferrals.settleAll(step);
          return await this.#checkpoints.afterRereading(step);
        },
        "answer",
      );
      if (again.size === 0) this.#checkpoints.forgetHeld();
    }
  }
}
