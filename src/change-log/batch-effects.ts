import type { Change, ChangeBatch } from "../changes/index.js";
import { type Findings, isAhead, type Ordering } from "../sync/internal.js";
import { hashesOf, isDn } from "./keys.js";
import { type KnownEntries, linkAt } from "./known-entries.js";

/** What a batch is part of. */
export type Phase = ChangeBatch["phase"];

/** How entries are judged in a part of a batch. */
export interface Judging {
  readonly phase: Phase;
  readonly ordering: Ordering;
}

/** What is known when a batch is looked at. */
export interface View {
  readonly known: KnownEntries;
  readonly findings: Findings;
}

/** How many entries would go. */
export function removalsOf(changes: readonly Change[], judging: Judging, view: View): number {
  const removed = new Set<string>();
  const mentioned = new Set<string>();
  for (const change of changes) {
    if ("sourceId" in change) mentioned.add(change.sourceId);
    else if (change.kind === "present") {
      for (const { sourceId } of change.entries) mentioned.add(sourceId);
    } else if (change.kind === "sweep") {
      for (const id of sweptBy(judging, view)) if (!mentioned.has(id)) removed.add(id);
    }
    if (change.kind === "delete" && view.known.present(change.sourceId) !== undefined) {
      removed.add(change.sourceId);
    } else if (change.kind === "upsert") removed.delete(change.sourceId);
  }
  return removed.size;
}

/** The entries that a sweep takes away. */
export function* sweptBy({ ordering }: Judging, view: View): Generator<string> {
  const { comparison } = view.findings.refresh;
  if (comparison === undefined) return;
  for (const id of view.known.ids()) {
    if (comparison.mentioned.has(id)) continue;
    if (!isAhead(linkAt(view.known, id)?.stamp, ordering)) yield id;
  }
}

/** The distinguished names that entries give up by changes, and that entries take. */
export function movedNames(
  changes: readonly Change[],
  judging: Judging,
  view: View,
): { readonly givenUp: readonly number[]; readonly taken: readonly number[] } {
  const names = new Map<string, readonly number[]>();
  const givenUp: number[] = [];
  const taken: number[] = [];
  const move = (id: string, after: readonly number[]) => {
    const before = names.get(id) ?? view.known.present(id)?.names ?? [];
    names.set(id, after);
    for (const name of before) if (isDn(name) && !after.includes(name)) givenUp.push(name);
    for (const name of after) if (isDn(name) && !before.includes(name)) taken.push(name);
  };
  for (const change of changes) {
    if (change.kind === "upsert") {
      const stated = hashesOf(change.names);
      if (change.complete || stated.some(isDn)) move(change.sourceId, stated);
    } else if (change.kind === "delete") move(change.sourceId, []);
    else if (change.kind === "present") {
      for (const entry of change.entries) {
        if (entry.names !== undefined) move(entry.sourceId, hashesOf(entry.names));
      }
    } else if (change.kind === "sweep") for (const id of sweptBy(judging, view)) move(id, []);
  }
  return { givenUp, taken };
}
