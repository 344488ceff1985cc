import type { Name, Present } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import { isEarlier, knownStamp } from "../comparison/order.js";
import { changedNames, saveNames } from "../memberships/names.js";
import { without } from "../step/links.js";
import type { Step } from "../step/step.js";
import { markSeen } from "./upsert.js";

/** Applies entries that are unchanged, apart from names that changed with a parent's. */
export async function applyPresent(step: Step, change: Present): Promise<void> {
  const stored = await step.links.of(change.entries);
  const seen: string[] = [];
  const named: { link: Link; names: readonly Name[] }[] = [];
  for (const [index, entry] of change.entries.entries()) {
    const link = stored[index];
    const found = step.refresh.comparison?.compare(entry, link, step.ordering) ?? "missing";
    // An entry that was created while the refresh ran may be listed before the event that reports it.
    if (found === "missing") step.refresh.noteUnknown(entry.sourceId);
    if (found !== "there" || link === undefined) continue;
    seen.push(entry.sourceId);
    if (entry.names !== undefined && !isEarlier(entry.stamp, knownStamp(link))) {
      named.push({ link, names: entry.names.filter((name) => name.kind !== "id") });
    }
  }
  await markSeen(step, seen);
  if (named.length > 0) await rename(step, named);
}

/**
 * Stores the names that differ. The digest no longer says what is stored, so it goes; a refused change is not to bring
 * back the old ones.
 */
async function rename(
  step: Step,
  entries: readonly { link: Link; names: readonly Name[] }[],
): Promise<void> {
  const renamed = await changedNames(
    step,
    entries.map(({ link: { sourceId }, names }) => ({ sourceId, names, complete: false })),
  );
  if (renamed.length === 0) return;
  const namesNow = new Map(renamed.map(({ sourceId, names }) => [sourceId, names]));
  await step.links.replace(
    entries.flatMap(({ link }) => {
      const names = namesNow.get(link.sourceId);
      return names === undefined ? [] : withNames(step, link, names);
    }),
  );
  await saveNames(step, renamed);
}

function withNames(step: Step, link: Link, names: readonly Name[]): Link {
  const { failure } = link;
  const begun = { ...without(link, "digest"), seen: step.generation, dirty: true };
  if (failure?.change.kind !== "upsert") return begun;
  return { ...begun, failure: { ...failure, change: { ...failure.change, names } } };
}

/** The entries that were called unchanged and of which nothing has been heard since. */
export async function stillUnknown(step: Step): Promise<readonly string[]> {
  const ids = step.refresh.takeUnknown();
  if (ids.length === 0) return [];
  const links = await step.links.get(ids);
  return ids.filter((_, index) => {
    const state = links[index]?.state;
    return state !== "live" && state !== "entering";
  });
}
