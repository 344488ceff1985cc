import type { Name } from "../../changes/index.js";
import { keyOf } from "../step/keys.js";
import type { Step } from "../step/step.js";
import { distrust, mergedNames } from "./references.js";

/** The names of an entry that differ from those that are stored. */
export interface NamesChange {
  readonly sourceId: string;
  readonly names: readonly Name[];
  /** The names that the entry had and has no longer. */
  readonly released: readonly Name[];
  /** The names that it did not have. */
  readonly taken: readonly Name[];
}

/** What a change says of an entry's names. */
export interface StatedNames {
  readonly sourceId: string;
  readonly names: readonly Name[];
  /** Whether these are all names, or take only the place of those of the same kind. */
  readonly complete: boolean;
  /** Nothing is stored of the entry. */
  readonly isNew?: boolean;
}

/** The entries that have other names than those that are stored, in their order. */
export async function changedNames(
  step: Step,
  stated: readonly StatedNames[],
): Promise<readonly NamesChange[]> {
  const known = stated.flatMap(({ sourceId, isNew }) => (isNew === true ? [] : [sourceId]));
  const held = known.length === 0 ? [] : await step.target.links.names(step.source, known);
  const stored = Map.groupBy(held, (name) => name.sourceId);
  const changed: NamesChange[] = [];
  for (const { sourceId, complete, ...entry } of stated) {
    const before = stored.get(sourceId) ?? [];
    const all = complete ? entry.names : mergedNames(before, entry.names);
    const names = all.filter((name) => name.kind !== "id");
    if (before.length === 0) {
      if (names.length > 0) changed.push({ sourceId, names, released: [], taken: names });
      continue;
    }
    const had = new Set(before.map(keyOf));
    const has = new Set(names.map(keyOf));
    const released = before.filter((name) => !has.has(keyOf(name)));
    const taken = names.filter((name) => !had.has(keyOf(name)));
    const isOther = released.length > 0 || taken.length > 0 || isOtherwiseRanked(before, names);
    if (isOther) changed.push({ sourceId, names, released, taken });
  }
  return changed;
}

/** Whether a name by which the entry is named has become an alias, or the other way round. */
function isOtherwiseRanked(before: readonly Name[], names: readonly Name[]): boolean {
  const aliases = new Set(before.filter((name) => name.alias === true).map(keyOf));
  return names.some((name) => (name.alias === true) !== aliases.has(keyOf(name)));
}

/** Stores names. Another entry that has a name which is given up may be the only one that has it now. */
export async function saveNames(step: Step, changed: readonly NamesChange[]): Promise<void> {
  if (changed.length === 0) return;
  const { links } = step.target;
  const released = changed.flatMap((change) => change.released);
  if (released.length > 0) {
    const doubtful = await distrust(step, released);
    const others = await links.holders(step.source, released);
    await step.links.markDirty([...doubtful, ...others.map((held) => held.sourceId)]);
  }
  await displace(step, changed);
  await links.setNames(step.source, changed);
}

/**
 * A distinguished name has one holder, so an entry that takes one may take it from another. What was applied of that
 * entry does not say any more what is stored: should it be stated again as it was, that is a change.
 */
async function displace(step: Step, changed: readonly NamesChange[]): Promise<void> {
  const { links } = step.target;
  const claims = new Map<string, string>();
  const displaced = new Set<string>();
  for (const { sourceId, names } of changed) {
    for (const name of names) {
      if (name.kind !== "dn") continue;
      const earlier = claims.get(keyOf(name));
      if (earlier !== undefined && earlier !== sourceId) displaced.add(earlier);
      claims.set(keyOf(name), sourceId);
    }
  }
  const taken = changed.flatMap((change) => change.taken.filter((name) => name.kind === "dn"));
  if (taken.length > 0) {
    for (const held of await links.holders(step.source, taken)) {
      if (claims.get(keyOf(held)) !== held.sourceId) displaced.add(held.sourceId);
    }
  }
  if (displaced.size === 0) return;
  await distrust(step, taken);
  await step.links.displace([...displaced]);
}
