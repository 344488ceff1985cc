import type { Change, MemberChange, Upsert } from "../changes/index.js";
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
  for (const run of runsOf(changes, step.phase === "live")) {
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

/**
 * Changes of one kind that follow each other. An entry comes at most once in a run, since its changes build on each other. Where
 * the order is that of the events, nobody in it comes after a group that meant somebody else by the name.
 */
function* runsOf(changes: readonly Change[], inOrder: boolean): Generator<Run> {
  let run: Run | undefined;
  let ids = new Set<string>();
  let meant = new MeantNames();
  for (const change of changes) {
    const id = "sourceId" in change ? change.sourceId : undefined;
    const isMeant = inOrder && change.kind === "upsert" && meant.include(change);
    if (
      run !== undefined &&
      (run.kind !== change.kind || (id !== undefined && ids.has(id)) || isMeant)
    ) {
      yield run;
      run = undefined;
    }
    if (run === undefined) {
      run = { kind: change.kind, changes: [] } as Run;
      ids = new Set();
      meant = new MeantNames();
    }
    (run.changes as Change[]).push(change);
    if (id !== undefined) ids.add(id);
    if (inOrder && change.kind === "upsert") meant.add(change);
  }
  if (run !== undefined) yield run;
}

/** The distinguished names by which groups mean their members; looked at only when there is somebody to look for. */
class MeantNames {
  readonly #keys = new Set<string>();
  #unread: MemberChange[] = [];

  add({ members }: Upsert): void {
    if (members !== undefined) this.#unread.push(members);
  }

  include({ names }: Upsert): boolean {
    for (const change of this.#unread) {
      const members = change.kind === "all" ? change.members : change.add;
      for (const { kind, key } of members) if (kind === "dn") this.#keys.add(key);
    }
    this.#unread = [];
    return names.some(({ kind, key }) => kind === "dn" && this.#keys.has(key));
  }
}
