import type { Change, Delete, Upsert } from "../../changes/index.js";
import type { Link, Reference } from "../../repositories/index.js";
import type { Removal } from "../accepted-removals.js";
import { countCleared } from "../accounts/valued.js";
import { isOutdated, isOutdatedDelete } from "../comparison/order.js";
import { compareReferences, type ReferenceChange } from "../memberships/references.js";
import { usersBelow } from "../memberships/settle.js";
import type { Removals, Subject } from "../outcome.js";
import { unmentioned } from "../removal/sweep.js";
import { subjectOf } from "../step/links.js";
import type { Step } from "../step/step.js";
import { isApplied, isSentAgain } from "./upsert.js";

/** What a batch takes away, and what was learnt on the way to knowing it. */
export interface Forecast {
  readonly removals: Removals;
  readonly count: number;
  /** How many members leave groups that stay; they are part of the count. */
  readonly leaving: number;
  /** Whether a sweep of the batch finds nothing. */
  readonly sweepsNothing: boolean;
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
  const { accepted, foreseen } = step.settings;
  /** Whether it counts: what was looked at does not. */
  const counts = (removal: Removal): boolean => {
    foreseen?.add([removal]);
    return !accepted.isAccepted(removal);
  };
  const compared = new Map<Upsert, ReferenceChange>();
  const stored = await storedLinks(step, changes);
  const changedBefore = new Set<string>();
  let swept = false;
  let anyDeleted = false;
  let leaving = 0;
  // Without a transaction, nothing may have been changed before it shows that too much is lost.
  if (!step.isTransactional) await countClearedAhead(step, changes);
  for (const change of changes) {
    // What was learnt of a group does not hold any more once an earlier change of the batch has touched it, nor whom
    // its references mean once an entry is deleted, whose names may mean another then.
    const isFirst =
      "sourceId" in change && !changedBefore.has(change.sourceId) && !swept && !anyDeleted;
    if ("sourceId" in change) changedBefore.add(change.sourceId);
    swept ||= change.kind === "sweep";
    anyDeleted ||= change.kind === "delete";
    if (change.kind === "delete") {
      const link = stored.get(change.sourceId);
      if (isToGo(step, change, link) && counts({ kind: "gone", ...subjectOf(link) })) {
        deletions.push(subjectOf(link));
      }
    } else if (change.kind === "upsert") {
      const link = stored.get(change.sourceId);
      if (link?.state !== "live" || isStale(step, link, change)) continue;
      if (isApplied(step, change, link)) continue;
      const isDisabled =
        change.type === "User" && change.resource.active === false && !link.disabledByUs;
      if (isDisabled && counts({ kind: "inactive", ...subjectOf(link) })) {
        deactivations.push(subjectOf(link));
      }
      if (change.type === "Group" && change.members !== undefined && step.target.groups) {
        const difference = await compareReferences(step, change.sourceId, change.members);
        if (isFirst) compared.set(change, difference);
        else compared.delete(change);
        const group = subjectOf(link);
        const members = (await leavingMembers(step, difference.remove)).filter((member) =>
          counts({ kind: "leaves", group, member }),
        ).length;
        if (members > 0) memberships.push({ group, members });
        leaving += members;
      }
    }
  }
  let count = leaving + deletions.length + deactivations.length;
  let sweepsNothing = false;
  if (changes.some((change) => change.kind === "sweep")) {
    const found = await sweepForecast(step, changes, counts);
    deletions.push(...found.named);
    count += found.count;
    sweepsNothing = found.isNothing;
  }
  const removals = { deletions, deactivations, memberships };
  return { removals, count, leaving, sweepsNothing, compared };
}

async function countClearedAhead(step: Step, changes: readonly Change[]): Promise<void> {
  const upserts = changes.filter((change) => change.kind === "upsert");
  const links = await step.links.of(upserts);
  await countCleared(step, upserts, links, isApplied);
}

/** Who leaves a group whose references go. With a nested group that is flattened, all who are in it do. */
async function leavingMembers(
  step: Step,
  removed: readonly Reference[],
): Promise<readonly string[]> {
  const targets = new Set(removed.flatMap(({ target }) => (target === undefined ? [] : [target])));
  if (step.settings.nested === "keep" || targets.size === 0) return [...targets];
  const groups = (await step.links.existing(targets)).filter((link) => link.type === "Group");
  const below = await usersBelow(step, groups, targets);
  for (const group of groups) targets.delete(group.sourceId);
  return [...targets, ...below.map((user) => user.sourceId)];
}

async function storedLinks(
  step: Step,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, Link>> {
  const ids = new Set<string>();
  for (const change of changes) {
    const isConcerned =
      change.kind === "delete" || (change.kind === "upsert" && mayTakeAway(change));
    if (isConcerned) ids.add(change.sourceId);
  }
  if (ids.size === 0) return new Map();
  const links = await step.links.get([...ids]);
  return new Map(links.flatMap((link) => (link === undefined ? [] : [[link.sourceId, link]])));
}

function mayTakeAway(change: Upsert): boolean {
  return change.type === "User" ? change.resource.active === false : change.members !== undefined;
}

function isToGo(step: Step, change: Delete, link: Link | undefined): link is Link {
  return (
    link !== undefined && link.state !== "gone" && !isOutdatedDelete(step.ordering, change, link)
  );
}

function isStale(step: Step, link: Link, change: Upsert): boolean {
  return isOutdated(step.ordering, step.phase, change, link) || isSentAgain(step, change, link);
}

/** What the refresh has not mentioned, not counting what this batch is about to mention. */
async function sweepForecast(
  step: Step,
  changes: readonly Change[],
  counts: (removal: Removal) => boolean,
): Promise<{ count: number; named: readonly Subject[]; isNothing: boolean }> {
  const mentioned = new Set<string>();
  for (const change of changes) {
    if ("sourceId" in change) mentioned.add(change.sourceId);
    if (change.kind === "present") {
      for (const entry of change.entries) mentioned.add(entry.sourceId);
    }
  }
  let count = 0;
  let isNothing = true;
  const named: Subject[] = [];
  for await (const page of unmentioned(step)) {
    isNothing = false;
    for (const link of page) {
      if (mentioned.has(link.sourceId)) continue;
      if (!counts({ kind: "gone", ...subjectOf(link) })) continue;
      count += 1;
      if (named.length < NAMED) named.push(subjectOf(link));
    }
  }
  return { count, named, isNothing };
}
