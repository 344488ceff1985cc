import type { ChangeStream } from "../../changes/index.js";
import type { SyncTarget } from "../../repositories/index.js";
import { type Removal, RemovalList, removalsDigest } from "../accepted-removals.js";
import type { Cleared, Outcome } from "../outcome.js";
import { beginRun } from "../run/run.js";
import { type SynchronizeOptions, settingsFrom } from "../settings.js";
import { synchronization } from "../synchronize.js";
import { dryRunTarget } from "./target.js";

/** What a plan foresees: every outcome of a run but those that report how far it has come. */
export type PlannedOutcome = Exclude<
  Outcome,
  {
    /** The kinds of those that report how far a run has come, or that a limit was reached. */
    readonly kind:
      | "standby"
      | "began"
      | "refreshed"
      | "checkpoint"
      | "restarted"
      | "waiting"
      | "limited";
  }
>;

/** What a run would do, as plain data. */
export interface Plan {
  /** The name of the stream. */
  readonly source: string;
  /** What would be done, in order. */
  readonly outcomes: readonly PlannedOutcome[];
  /** How often each kind of outcome comes. */
  readonly summary: { readonly [K in PlannedOutcome["kind"]]?: number };
  /** What counts towards `maxDeletes`, each once. Give it to `synchronize` as `accept` to accept it. */
  readonly removals: readonly Removal[];
  /** {@link removalsDigest} of the removals: a plan is accepted by it. */
  readonly digest: string;
  /**
   * Entries that lose the value of an attribute, where they are more than `maxCleared` allows; at most 1,000 of a step.
   */
  readonly cleared: readonly Cleared[];
  /** The options whose limit the run would reach, so that it would end with `TooManyError`. */
  readonly limited: readonly ("maxDeletes" | "maxCleared")[];
}

/**
 * Says what `synchronize` would do with these arguments, and writes nothing: the stored state is copied into memory,
 * the application's resources are read where they are. It ends when everything is read that the source had at the
 * start.
 *
 * @throws whatever the stream or a store throws.
 */
export async function planChanges(
  stream: ChangeStream,
  target: SyncTarget,
  options: Omit<SynchronizeOptions, "dryRun" | "follow" | "standby"> = {},
): Promise<Plan> {
  const foreseen = new RemovalList();
  const settings = { ...settingsFrom({ ...options, follow: false }), foreseen };
  target.settlement?.assertOwn(target.links, target.memberships);
  const stores = await dryRunTarget(target, stream.source);
  const run = beginRun(stream, stores, settings, true);
  const outcomes: PlannedOutcome[] = [];
  const summary: { [K in PlannedOutcome["kind"]]?: number } = {};
  const cleared: Cleared[] = [];
  const limited = new Set<"maxDeletes" | "maxCleared">();
  for await (const outcome of synchronization(run)) {
    switch (outcome.kind) {
      case "limited":
        limited.add(outcome.option);
        cleared.push(...outcome.cleared);
        break;
      case "standby":
      case "began":
      case "restarted":
      case "waiting":
      case "refreshed":
      case "checkpoint":
        break;
      default:
        outcomes.push(outcome);
        summary[outcome.kind] = (summary[outcome.kind] ?? 0) + 1;
    }
  }
  const removals = foreseen.toArray();
  return {
    source: stream.source,
    outcomes,
    summary,
    removals,
    digest: removalsDigest(removals),
    cleared,
    limited: [...limited],
  };
}
