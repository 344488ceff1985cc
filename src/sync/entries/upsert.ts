import type { MemberChange, MemberReference, Upsert } from "../../changes/index.js";
import { caseless } from "../../core/index.js";
import type { Link, StatedGroup } from "../../repositories/index.js";
import { defer } from "../accounts/deferral.js";
import type { Entry } from "../accounts/entry.js";
import { provision } from "../accounts/provision.js";
import { countCleared, valuedOf } from "../accounts/valued.js";
import { isLeaving, isOutdated, readAgainIfUnsure } from "../comparison/order.js";
import { changedNames, type NamesChange, saveNames } from "../memberships/names.js";
import {
  compareReferences,
  dubiousNames,
  markMembers,
  mergedNames,
  type ReferenceChange,
  saveNewReferences,
  saveReferenceChange,
} from "../memberships/references.js";
import { isAccepted, subjectOf, without } from "../step/links.js";
import type { Step } from "../step/step.js";

/**
 * Applies entries that exist, each at most once in the list.
 *
 * Order of writes: the link as begun, its names, its references, the account, and last the link as finished. What a
 * crash leaves behind is then always marked as unfinished, so that the next delivery of the entry does it again.
 *
 * @param compared what is already known of the groups' references.
 */
export async function applyUpserts(
  step: Step,
  changes: readonly Upsert[],
  compared: ReadonlyMap<Upsert, ReferenceChange> = new Map(),
): Promise<void> {
  const entries: Entry[] = [];
  const seen: string[] = [];
  const restamped: Link[] = [];
  const mistyped: Link[] = [];
  const stored = await step.links.of(changes);
  if (step.isTransactional) await countCleared(step, changes, stored, isApplied);
  for (const [index, stated] of changes.entries()) {
    const previous = stored[index];
    if (previous !== undefined && previous.type !== stated.type && isOrHadAccount(previous)) {
      mistyped.push(deferMistyped(step, previous, stated));
      continue;
    }
    const change = merged(stated, previous);
    switch (judge(step, change, previous)) {
      case "stale":
        break;
      case "outdated":
        seen.push(change.sourceId);
        break;
      case "unknown":
        step.refresh.restart("Part of an entry changed that is not known.");
        break;
      case "unchanged":
        if (change.members?.kind === "all") step.groups.restated(change.sourceId);
        if (previous === undefined) break;
        if (previous.stamp === change.stamp && previous.valued !== undefined) {
          seen.push(change.sourceId);
        } else restamped.push(seenWith(step, previous, change));
        break;
      case "apply":
        entries.push(begin(step, change, previous, compared.get(stated)));
        break;
    }
  }
  await markSeen(step, seen);
  if (restamped.length > 0) await step.links.replace(restamped);
  if (mistyped.length > 0) await step.links.replace(mistyped);
  if (entries.length > 0) await apply(step, entries, await renamedAmong(step, entries));
}

/**
 * Tries again to apply changes that were refused. Their names and references were stored when they were refused; the
 * names may have gone to other entries since.
 */
export async function retryUpserts(step: Step, refused: readonly Link[]): Promise<void> {
  const entries: Entry[] = [];
  for (const link of refused) {
    const change = link.failure?.change;
    if (change?.kind !== "upsert") continue;
    if (change.type === link.type) entries.push(begin(step, change, link, undefined, true));
    else await step.links.replace([deferMistyped(step, link, change)]);
  }
  if (entries.length > 0) await apply(step, entries, []);
}

/** Whether the entry is in the application, or has left an account there. */
function isOrHadAccount({ state, resourceId }: Link): boolean {
  return state !== "gone" || resourceId !== undefined;
}

/**
 * A user does not turn into a group, or the other way round, unless the profile is wrong: nothing is done to the
 * account until the entry is what it was again, or a person has looked.
 */
function deferMistyped(step: Step, link: Link, change: Upsert): Link {
  const entry: Entry = { change, link, previous: link, isProvisioned: false };
  const was = link.type === "User" ? "user" : "group";
  const message = `The entry was a ${was} and is one no longer. Its account is left as it is.`;
  defer(step, entry, { code: "conflict", message });
  return { ...entry.link, seen: step.generation };
}

async function apply(
  step: Step,
  entries: readonly Entry[],
  renamed: readonly NamesChange[],
): Promise<void> {
  const save = () => step.links.save(entries.map((entry) => entry.link));
  let foreign: readonly ForeignMember[];
  if (!step.isTransactional) {
    await save();
    await saveNames(step, renamed);
    foreign = await saveReferences(step, entries);
    await provision(step, entries);
    await markMembersOfNew(step, entries);
    await save();
  } else {
    // What is begun in a transaction is not seen before it is finished, so the link is written once.
    await provision(step, entries);
    await save();
    await saveNames(step, renamed);
    foreign = await saveReferences(step, entries);
    await markMembersOfNew(step, entries);
  }
  // By now it is known what stands for each group.
  for (const { group, member } of foreign) reportForeign(step, group, member);
}

/** Members that were bound while the application had no such group wait for it. */
async function markMembersOfNew(step: Step, entries: readonly Entry[]): Promise<void> {
  for (const { link, previous } of entries) {
    if (link.type !== "Group" || previous === undefined || !isAccepted(link)) continue;
    const wasThere = isAccepted(previous) && previous.resourceId === link.resourceId;
    if (!wasThere) await markMembers(step, link.sourceId);
  }
}

type Verdict = "apply" | "unchanged" | "outdated" | "stale" | "unknown";

function judge(step: Step, change: Upsert, previous: Link | undefined): Verdict {
  if (!change.complete && (previous === undefined || previous.state !== "live")) return "unknown";
  if (previous === undefined) return "apply";
  if (isOutdated(step.ordering, step.phase, change, previous)) {
    readAgainIfUnsure(step.ordering, change, previous);
    return isLeaving(previous) ? "stale" : "outdated";
  }
  if (isSentAgain(step, change, previous)) return "outdated";
  return isApplied(step, change, previous) ? "unchanged" : "apply";
}

/** Entries that a refresh has mentioned, and of which nothing else is to be stored. */
export async function markSeen(step: Step, sourceIds: readonly string[]): Promise<void> {
  const { comparison } = step.refresh;
  if (comparison !== undefined) {
    // A refresh that finds nothing new writes nothing.
    for (const id of sourceIds) comparison.mentioned.add(id);
  } else if (sourceIds.length > 0) {
    await step.target.links.markSeen(step.source, sourceIds, step.generation);
  }
}

/**
 * Whether a live change has nothing newer than what was applied. Where a source rewrites an entry without an event, it
 * has the same stamp before and after. Of an entry that was read again the live change is then the older state, which
 * the source had made ready to send.
 */
export function isSentAgain(step: Step, change: Upsert, link: Link): boolean {
  const { stamp, state, failure, digest } = link;
  if (step.phase !== "live") return false;
  const isFinished = state === "live" && failure === undefined && digest !== undefined;
  return isFinished && stamp !== undefined && change.stamp === stamp;
}

/** Whether all that the change says was applied already. */
export function isApplied(step: Step, change: Upsert, link: Link): boolean {
  const finished = link.state === "live" && link.failure === undefined;
  return finished && change.complete && link.digest === digestOf(step, change);
}

/** A change of a part of an entry whose last change was refused adds to what was refused. */
function merged(change: Upsert, previous: Link | undefined): Upsert {
  const refused = previous?.failure?.change;
  if (change.complete || refused?.kind !== "upsert" || refused.type !== change.type) return change;
  return {
    ...change,
    complete: refused.complete,
    names: mergedNames(refused.names, change.names),
    resource: { ...refused.resource, ...change.resource },
  } as Upsert;
}

function begin(
  step: Step,
  change: Upsert,
  previous: Link | undefined,
  references: ReferenceChange | undefined,
  retry = false,
): Entry {
  const isRestored = previous === undefined || previous.state !== "live";
  const link: Link = {
    ...(previous === undefined ? { adopted: false, disabledByUs: false } : unfinished(previous)),
    sourceId: change.sourceId,
    type: change.type,
    state: previous?.state === "live" ? "live" : "entering",
    // Of who is on the way in, it is known from then on what a source has to hold that does not mention the entry.
    ...(isRestored && change.stamp !== undefined ? { stamp: change.stamp } : {}),
    seen: retry && previous !== undefined ? previous.seen : step.generation,
    dirty:
      isRestored ||
      previous.dirty ||
      previous.resourceId === undefined ||
      !isAppliedWith(step, previous),
  };
  const digest = retry ? undefined : digestOf(step, change);
  return {
    change: withName(change, previous),
    link,
    isProvisioned: change.complete && isProvisioned(previous, digest),
    ...(previous === undefined ? {} : { previous }),
    ...(references === undefined ? {} : { references }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function unfinished(link: Link): Omit<Link, "digest" | "goneStamp"> {
  return without(link, "digest", "goneStamp");
}

/**
 * What was applied, in short: of the account, of names and members, and with which options, since they change what it
 * leads to.
 */
function digestOf(step: Step, change: Upsert): string {
  // What is applied after a change of a part no digest shows, only that nothing is unfinished.
  if (!change.complete) return `- - ${membershipOptions(step)}`;
  return `${step.digests.of(change)} ${membershipOptions(step)}`;
}

/** Whether the account was given all of this already, whatever became of names and members. */
function isProvisioned(previous: Link | undefined, digest: string | undefined): boolean {
  if (previous?.digest === undefined || digest === undefined) return false;
  const isFinished = isAccepted(previous) && previous.failure === undefined;
  return isFinished && accountPart(previous.digest) === accountPart(digest);
}

function accountPart(digest: string): string {
  return digest.slice(0, digest.indexOf(" "));
}

function membershipOptions({ settings: { nested, dangling } }: Step): string {
  return `${nested} ${dangling}`;
}

/** Whether memberships follow from the entry by the same options as when it was applied. */
function isAppliedWith(step: Step, { digest }: Link): boolean {
  return digest === undefined || digest.endsWith(` ${membershipOptions(step)}`);
}

/** The link of an entry that was stated as it was applied. */
function seenWith(step: Step, link: Link, change: Upsert): Link {
  const { stamp } = change;
  const valued = valuedOf(change);
  return {
    ...(stamp === undefined ? without(link, "stamp") : { ...link, stamp }),
    ...(valued === undefined ? {} : { valued }),
    seen: step.generation,
  };
}

/**
 * The change with the name that the account is to have: of several values, in no order that means anything, it keeps
 * the one that it has.
 */
function withName(change: Upsert, previous: Link | undefined): Upsert {
  const { nameCandidates, ...named } = change;
  if (nameCandidates === undefined || previous?.name === undefined) return named;
  const present = caseless(previous.name);
  const kept = nameCandidates.find((name) => caseless(name) === present);
  if (kept === undefined) return named;
  return change.type === "User"
    ? { ...named, type: "User", resource: { ...change.resource, userName: kept } }
    : { ...named, type: "Group", resource: { ...change.resource, displayName: kept } };
}

/** The names that differ from those that are stored. Who is meant by references has to be looked at then. */
async function renamedAmong(
  step: Step,
  entries: readonly Entry[],
): Promise<readonly NamesChange[]> {
  const renamed = await changedNames(
    step,
    entries.map(({ change, previous }) => ({ ...change, isNew: previous === undefined })),
  );
  const ids = new Set(renamed.map((change) => change.sourceId));
  for (const entry of entries) {
    if (ids.has(entry.change.sourceId)) entry.link = { ...entry.link, dirty: true };
  }
  return renamed;
}

/** An account of another source that a group has come to state as a member. */
interface ForeignMember {
  readonly group: Entry;
  readonly member: MemberReference;
}

/** @returns the accounts of other sources that groups state now and did not. */
async function saveReferences(
  step: Step,
  entries: readonly Entry[],
): Promise<readonly ForeignMember[]> {
  const foreign: ForeignMember[] = [];
  if (step.target.groups === undefined) return foreign;
  const ofGroups: StatedMembers[] = [];
  const whole: StatedGroup[] = [];
  for (const entry of entries) {
    const { change, references } = entry;
    const { type, sourceId: group, members } = change;
    if (type !== "Group" || members === undefined) continue;
    const dubious = await dubiousNames(step, change);
    ofGroups.push({ entry, group, members, dubious, references });
    const mayBeNew = members.kind === "all" && references === undefined && dubious.size === 0;
    if (mayBeNew) whole.push({ group, names: members.members });
  }
  const stored = whole.length === 0 ? new Set() : await saveNewReferences(step, whole);
  for (const { entry, group, members, dubious, references } of ofGroups) {
    let added = members.kind === "all" ? members.members : members.add;
    if (!stored.has(group)) {
      const difference = references ?? (await compareReferences(step, group, members));
      // The mark has the group read again, whatever happens in between.
      if (dubious.size > 0) await step.links.markDirty([group]);
      await saveReferenceChange(step, group, difference, dubious);
      added = difference.add;
    }
    step.groups.stated(group, members, dubious.size === 0);
    for (const member of added) {
      if (member.foreign === true) foreign.push({ group: entry, member });
    }
  }
  return foreign;
}

function reportForeign(step: Step, { link }: Entry, { kind, key }: MemberReference): void {
  step.outcomes.push({
    kind: "memberIgnored",
    group: subjectOf(link),
    reference: { kind, key },
    code: "foreign",
    message: "It is an account of another source, of which this one knows nothing else.",
  });
}

/** What a group states of its members. */
interface StatedMembers {
  readonly entry: Entry;
  readonly group: string;
  readonly members: MemberChange;
  /** Names that were given up in this step. */
  readonly dubious: ReadonlySet<string>;
  readonly references: ReferenceChange | undefined;
}
