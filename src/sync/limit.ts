import type { Change, Upsert } from "../changes/index.js";
import type { Link, Reference } from "../repositories/index.js";
import type { Removals, Subject } from "./outcome.js";
import { compareReferences, type ReferenceChange } from "./references.js";
import { linksOf, usersBelow } from "./settle.js";
import { isEarlier, type Step, subjectOf } from "./step.js";
import { isApplied, isToldLate } from "./upsert.js";

/** What a batch takes away, and what was learnt on the way to knowing it. */
export interface Forecast {
  readonly removals: Removals;
  readonly count: number;
  /** How groups' references differ, for changes that were compared. */
  readonly compared: ReadonlyMap<Upsert, ReferenceChange>;
}

/** The most entries of a sweep that are named; the others are counted. */
const NAMED = 1_000;

/** Counts what a batch would take away, before anything of it is changed. */
export async function forecast(step: Step, changes: readonly Change[]): Promise<Forecast> {
  const deletions: Subject[] = [];
  const deactivations: Subject[] = [];
  const memberships: { group: Subject; members: number }[] = [];
  const compared = new Map<Upsert, ReferenceChange>();
  const stored = await storedLinks(step, changes);
  const changedBefore = new Set<string>();
  let swept = false;
  let anyDeleted = false;
  let count = 0;
  for (const change of changes) {
    // What was learnt of a group does not hold any more once an earlier change of the batch has touched it, nor whom its
    // references mean once somebody is deleted, whose names may mean another then.
    const isFirst =
      "sourceId" in change && !changedBefore.has(change.sourceId) && !swept && !anyDeleted;
    if ("sourceId" in change) changedBefore.add(change.sourceId);
    swept ||= change.kind === "sweep";
    anyDeleted ||= change.kind === "delete";
    if (change.kind === "delete") {
      const link = stored.get(change.sourceId);
      if (isLeaving(link, change.stamp)) deletions.push(subjectOf(link));
    } else if (change.kind === "upsert") {
      const link = stored.get(change.sourceId);
      if (link?.state !== "live" || isStale(step, link, change)) continue;
      if (isApplied(step, change, link)) continue;
      if (change.type === "User" && change.resource.active === false && !link.disabledByUs) {
        deactivations.push(subjectOf(link));
      }
      if (change.type === "Group" && change.members !== undefined && step.target.groups) {
        const difference = await compareReferences(step, change.sourceId, change.members);
        if (isFirst) compared.set(change, difference);
        else compared.delete(change);
        const members = await countLeaving(step, difference.remove);
        if (members > 0) memberships.push({ group: subjectOf(link), members });
        count += members;
      }
    }
  }
  if (changes.some((change) => change.kind === "sweep")) {
    const swept = await sweepForecast(step, changes, stored);
    deletions.push(...swept.named);
    count += swept.count - swept.named.length;
  }
  count += deletions.length + deactivations.length;
  return { removals: { deletions, deactivations, memberships }, count, compared };
}

/** How many members leave a group whose references go. With a nested group that is flattened, everybody in it does. */
async function countLeaving(step: Step, removed: readonly Reference[]): Promise<number> {
  const targets = new Set(removed.flatMap(({ target }) => (target === undefined ? [] : [target])));
  if (step.settings.nested === "keep" || targets.size === 0) return targets.size;
  const groups = (await linksOf(step, targets)).filter((link) => link.type === "Group");
  return targets.size - groups.length + (await usersBelow(step, groups, targets)).length;
}

async function storedLinks(
  step: Step,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, Link>> {
  const sweeps = changes.some((change) => change.kind === "sweep");
  const ids = new Set<string>();
  for (const change of changes) {
    if (change.kind === "delete") ids.add(change.sourceId);
    else if (change.kind === "upsert" && (sweeps || mayTakeAway(change))) ids.add(change.sourceId);
    else if (change.kind === "present" && sweeps) {
      for (const entry of change.entries) ids.add(entry.sourceId);
    }
  }
  if (ids.size === 0) return new Map();
  const links = await step.target.links.get(step.source, [...ids]);
  return new Map(links.flatMap((link) => (link === undefined ? [] : [[link.sourceId, link]])));
}

function mayTakeAway(change: Upsert): boolean {
  return change.type === "User" ? change.resource.active === false : change.members !== undefined;
}

function isLeaving(link: Link | undefined, stamp: string | undefined): link is Link {
  return link !== undefined && link.state !== "gone" && !isEarlier(stamp, link.stamp);
}

function isStale(step: Step, link: Link, change: Upsert): boolean {
  if (step.phase === "snapshot") return false;
  return isEarlier(change.stamp, link.stamp) || isToldLate(step, change, link);
}

/** What the refresh has not mentioned, not counting what this batch is about to mention. */
async function sweepForecast(
  step: Step,
  changes: readonly Change[],
  stored: ReadonlyMap<string, Link>,
): Promise<{ count: number; named: readonly Subject[] }> {
  const selection = {
    states: ["entering", "live", "leaving"],
    seenBefore: step.generation,
  } as const;
  const mentioned = new Set<string>();
  for (const change of changes) {
    if (change.kind === "upsert" || change.kind === "delete") mentioned.add(change.sourceId);
    if (change.kind === "present") {
      for (const entry of change.entries) mentioned.add(entry.sourceId);
    }
  }
  let unmentioned = await step.target.links.count(step.source, selection);
  for (const id of mentioned) {
    const link = stored.get(id);
    if (link !== undefined && link.state !== "gone" && link.seen < step.generation) unmentioned--;
  }
  if (unmentioned === 0) return { count: 0, named: [] };
  const page = await step.target.links.list(step.source, selection, { count: NAMED });
  const named = page.filter((link) => !mentioned.has(link.sourceId)).map(subjectOf);
  return { count: unmentioned, named };
}

/** How much may be taken away however little there is. */
const LEAST = 10;

/** How much may be taken away without asking how much there is: the limit is never lower. */
export function leastLimit({ settings }: Step): number {
  return Math.min(settings.maxDeletes.count, LEAST);
}

/** How much may be taken away, given how much there is. */
export async function limitFor(step: Step): Promise<number> {
  const { count, fraction } = step.settings.maxDeletes;
  if (fraction === Number.POSITIVE_INFINITY) return count;
  const linked = await step.target.links.count(step.source, {
    states: ["entering", "live", "leaving"],
  });
  return Math.min(count, Math.max(LEAST, Math.floor(linked * fraction)));
}
