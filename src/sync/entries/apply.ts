import type { Change, Unreadable, Upsert } from "../../changes/index.js";
import { applyDeletes } from "../removal/deletes.js";
import { sweep } from "../removal/sweep.js";
import type { Step } from "../step/step.js";
import { type Forecast, forecast } from "./forecast.js";
import { applyPresent } from "./present.js";
import { applyUpserts, markSeen } from "./upsert.js";

/**
 * Applies changes, unless they would take away too much.
 *
 * @param done where there is no transaction, the changes that the step has applied, so that they are not applied again
 * when it is repeated: of an entry of which the batch says more, that would bring back what it was.
 */
export async function applyWithinLimits(
  step: Step,
  changes: readonly Change[],
  done: Set<Change> = new Set(),
): Promise<void> {
  const left = changes.filter((change) => !done.has(change));
  const ahead = await forecast(step, left);
  await step.limits.take(step, { removals: ahead.count }, { removals: ahead.removals });
  step.limits.foresee(ahead.leaving);
  for await (const applied of applyChanges(step, left, ahead)) {
    if (!step.isTransactional) for (const change of applied) done.add(change);
  }
}

/**
 * Applies changes in their order, those of one kind that follow each other together, until one shows that too little is
 * known.
 *
 * @returns the changes that have just been applied, each time.
 */
async function* applyChanges(
  step: Step,
  changes: readonly Change[],
  { compared, sweepsNothing }: Pick<Forecast, "compared" | "sweepsNothing">,
): AsyncGenerator<readonly Change[], void> {
  for (const run of runsOf(changes, step.phase === "live")) {
    if (step.refresh.isRestarting) return;
    const { order, sent, state } = step.ordering;
    if (order !== "reread") sent.note(run.changes, step.phase, state);
    switch (run.kind) {
      case "upsert":
        await applyUpserts(step, run.changes, compared);
        break;
      case "delete":
        await applyDeletes(step, run.changes);
        break;
      case "present":
        for (const change of run.changes) await applyPresent(step, change);
        break;
      case "unreadable":
        await keepUnreadable(step, run.changes);
        break;
      case "sweep":
        if (!sweepsNothing) await sweep(step, run.changes.at(-1)?.stamp);
        break;
    }
    yield run.changes;
  }
}

/** What is known of entries that could not be read stays, and is not swept. */
async function keepUnreadable(step: Step, changes: readonly Unreadable[]): Promise<void> {
  await markSeen(
    step,
    changes.map((change) => change.sourceId),
  );
  step.outcomes.push(...changes);
}

type Run = {
  [K in Change["kind"]]: { kind: K; changes: Extract<Change, { kind: K }>[] };
}[Change["kind"]];

/**
 * Changes of one kind that follow each other. An entry comes at most once in a run, since its changes build on each
 * other. Where the order is that of the events, a group that states its members ends the run: it means those who have
 * the names by then.
 */
function* runsOf(changes: readonly Change[], inOrder: boolean): Generator<Run> {
  let run: Run | undefined;
  let ids = new Set<string>();
  let isOver = false;
  for (const change of changes) {
    const id = "sourceId" in change ? change.sourceId : undefined;
    const follows = run?.kind === change.kind && !isOver && !(id !== undefined && ids.has(id));
    if (run !== undefined && !follows) yield run;
    if (run === undefined || !follows) {
      run = { kind: change.kind, changes: [] } as Run;
      ids = new Set();
    }
    (run.changes as Change[]).push(change);
    if (id !== undefined) ids.add(id);
    isOver = inOrder && change.kind === "upsert" && change.members !== undefined;
  }
  if (run !== undefined) yield run;
}

/** The change as it is applied: a password is no business of synchronisation, whatever a stream says. */
export function withoutPassword(change: Change): Change {
  if (change.kind !== "upsert" || !("password" in change.resource)) return change;
  const { password: _, ...resource } = change.resource;
  return { ...change, resource } as Upsert;
}
