import type { Change, Upsert } from "../changes/index.js";
import { applyPresent } from "./present.js";
import type { ReferenceChange } from "./references.js";
import { applyDeletes, sweep } from "./removal.js";
import type { Step } from "./step.js";
import { applyUpserts } from "./upsert.js";

/** Applies changes in their order, those of one kind that follow each other together, until one shows that too little is known. */
export async function applyChanges(
  step: Step,
  changes: readonly Change[],
  compared: ReadonlyMap<Upsert, ReferenceChange>,
): Promise<void> {
  for (const run of runsOf(changes)) {
    if (step.needsRefresh()) return;
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
      case "sweep":
        await sweep(step);
        break;
    }
  }
}

type Run = {
  [K in Change["kind"]]: { kind: K; changes: Extract<Change, { kind: K }>[] };
}[Change["kind"]];

/** Changes of one kind that follow each other. An entry comes at most once in a run, since its changes build on each other. */
function* runsOf(changes: readonly Change[]): Generator<Run> {
  let run: Run | undefined;
  let ids = new Set<string>();
  for (const change of changes) {
    const id = "sourceId" in change ? change.sourceId : undefined;
    if (run !== undefined && (run.kind !== change.kind || (id !== undefined && ids.has(id)))) {
      yield run;
      run = undefined;
    }
    if (run === undefined) {
      run = { kind: change.kind, changes: [] } as Run;
      ids = new Set();
    }
    (run.changes as Change[]).push(change);
    if (id !== undefined) ids.add(id);
  }
  if (run !== undefined) yield run;
}
