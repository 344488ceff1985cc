import type { Name, Present } from "../changes/index.js";
import type { Link } from "../repositories/index.js";
import { keyOf, mergedNames } from "./references.js";
import { isEarlier, markUnsettled, type Step, without } from "./step.js";

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
      step.askForRefresh("An entry that should be known is not.");
      return;
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

/** Stores the names that differ. The digest no longer tells what is stored, so it goes. */
async function rename(
  step: Step,
  entries: readonly { link: Link; names: readonly Name[] }[],
): Promise<void> {
  const { links } = step.target;
  const held = await links.names(
    step.source,
    entries.map(({ link }) => link.sourceId),
  );
  const stored = Map.groupBy(held, (name) => name.sourceId);
  const changed: { link: Link; names: readonly Name[] }[] = [];
  const released: Name[] = [];
  for (const { link, names } of entries) {
    const before = stored.get(link.sourceId) ?? [];
    const after = mergedNames(before, names);
    const now = new Set(after.map(keyOf));
    const dropped = before.filter((name) => !now.has(keyOf(name)));
    if (dropped.length === 0 && now.size === before.length) continue;
    changed.push({ link, names: after });
    released.push(...dropped);
  }
  if (changed.length === 0) return;
  const others = await links.holders(step.source, released);
  await markUnsettled(
    step,
    others.map((name) => name.sourceId),
  );
  await links.save(
    step.source,
    changed.map(({ link }) => ({
      ...without(link, "digest"),
      seen: step.generation,
      unsettled: true,
    })),
  );
  await links.setNames(
    step.source,
    changed.map(({ link, names }) => ({ sourceId: link.sourceId, names })),
  );
}
