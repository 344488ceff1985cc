import type { Name, Present } from "../changes/index.js";
import type { Link } from "../repositories/index.js";
import { changedNames, saveNames } from "./names.js";
import { isEarlier, type Step, without } from "./step.js";

/** Applies entries that are unchanged, apart from names that changed with a parent's. */
export async function applyPresent(step: Step, change: Present): Promise<void> {
  const { links } = step.target;
  const stored = await links.get(
    step.source,
    change.entries.map((entry) => entry.sourceId),
  );
  const seen: string[] = [];
  const named: { link: Link; names: readonly Name[] }[] = [];
  for (const [index, entry] of change.entries.entries()) {
    const link = stored[index];
    if (link === undefined || link.state === "gone" || link.state === "leaving") {
      // A delete that came while the content was being compared makes the comparison stale, and nothing else.
      const crossed = step.phase === "reconcile" && link?.goneStamp !== undefined;
      if (crossed && !isEarlier(link.goneStamp, entry.stamp)) continue;
      // An entry that was created while the refresh ran may be listed before the event that tells of it.
      step.missing.add(entry.sourceId);
      continue;
    }
    seen.push(entry.sourceId);
    const known = link.failure?.change.stamp ?? link.stamp;
    if (entry.names !== undefined && !isEarlier(entry.stamp, known)) {
      named.push({ link, names: entry.names.filter((name) => name.kind !== "id") });
    }
  }
  await links.markSeen(step.source, seen, step.generation);
  if (named.length > 0) await rename(step, named);
}

/** Stores the names that differ. The digest no longer tells what is stored, so it goes; a refused change is not to bring back the old ones. */
async function rename(
  step: Step,
  entries: readonly { link: Link; names: readonly Name[] }[],
): Promise<void> {
  const renamed = await changedNames(
    step,
    entries.map(({ link: { sourceId }, names }) => ({ sourceId, names, complete: false })),
  );
  const namesNow = new Map(renamed.map(({ sourceId, names }) => [sourceId, names]));
  await step.target.links.save(
    step.source,
    entries.flatMap(({ link }) => {
      const names = namesNow.get(link.sourceId);
      return names === undefined ? [] : withNames(step, link, names);
    }),
  );
  await saveNames(step, renamed);
}

function withNames(step: Step, link: Link, names: readonly Name[]): Link {
  const { failure } = link;
  const begun = { ...without(link, "digest"), seen: step.generation, unsettled: true };
  if (failure?.change.kind !== "upsert") return begun;
  return { ...begun, failure: { ...failure, change: { ...failure.change, names } } };
}

/** Whether an entry was called unchanged of which nothing has been heard since. */
export async function isStillMissing(step: Step): Promise<boolean> {
  if (step.missing.size === 0) return false;
  const links = await step.target.links.get(step.source, [...step.missing]);
  step.missing.clear();
  return links.some((link) => link?.state !== "live" && link?.state !== "entering");
}
