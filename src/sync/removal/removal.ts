import type { Delete } from "../../changes/index.js";
import { NotFoundError } from "../../core/index.js";
import { isRefusal, type Link, type Reference, type Refusal } from "../../repositories/index.js";
import { failed } from "../accounts/deferral.js";
import { isAhead, isEarlier } from "../comparison/order.js";
import { readBound } from "../comparison/stamp.js";
import { distrust, referencesOf } from "../memberships/references.js";
import { settle } from "../memberships/settle.js";
import { accountsOf } from "../step/accounts.js";
import { slices, subjectOf, without } from "../step/links.js";
import { lookWhereIdsAreReused } from "../step/same-account.js";
import { type Step, savepoint } from "../step/step.js";

/** An entry that is no longer in the content. */
export interface Leaving {
  readonly link: Link;
  /** The stamp of the delete, where there was one. */
  readonly stamp?: string;
  /** The latest that the stamp can be, where it is not known. */
  readonly bound?: string;
}

/** The deletion of an entry, at an unknown time. */
export function deletionOf(sourceId: string): Delete {
  return { kind: "delete", sourceId };
}

/**
 * Takes entries out of the application: the account is disabled first, its memberships go, the account goes if it is to
 * be deleted, and last the link becomes a tombstone.
 */
export async function removeEntries(step: Step, leaving: readonly Leaving[]): Promise<void> {
  for (const some of slices(leaving, 500)) {
    const begun = some.map(({ link, stamp, bound = stamp }) => ({
      stamp,
      attempts: link.failure?.change.kind === "delete" ? link.failure.attempts : 0,
      wasDisabled: link.disabledByUs,
      link: {
        ...without(link, "digest", "failure", "intent"),
        state: "leaving" as const,
        dirty: true,
        // It is kept from now on: a comparison of the content may be under way that has read the entry before it went.
        ...(bound === undefined || isKnownLater(step, link, bound) ? {} : { goneStamp: bound }),
      },
    }));
    await step.links.replace(begun.map(({ link }) => link));
    await removeSome(step, begun);
  }
}

/**
 * Whether an interrupted removal is one that the source has yet to receive, so that it reports an earlier one or
 * none.
 */
function isKnownLater(step: Step, { state, goneStamp }: Link, bound: string): boolean {
  if (state !== "leaving" || !isAhead(goneStamp, step.ordering)) return false;
  return isEarlier(readBound(bound).latest, goneStamp);
}

/** A removal that has begun. */
interface Begun {
  link: Link;
  readonly stamp: string | undefined;
  /** How often it was refused before. */
  readonly attempts: number;
  /** The account was disabled by us already. */
  readonly wasDisabled: boolean;
}

async function removeSome(step: Step, begun: readonly Begun[]): Promise<void> {
  const { links } = step.target;
  const kept = new Map<string, Refusal>();
  for (const entry of begun) {
    // Deleting in a transaction is one step; without one, the user is not to sign in while the rest is still to be
    // done.
    if (isToBeDeleted(step, entry.link) && step.isTransactional) continue;
    const refusal = await tryTo(step, entry, disable);
    if (refusal !== undefined) kept.set(entry.link.sourceId, refusal);
    else if (!isToBeDeleted(step, entry.link)) reportDisabled(step, entry);
  }
  for (const { link } of begun) if (link.type === "Group") await releaseMembers(step, link);
  const dirty = await settle(
    step,
    begun.map(({ link }) => link.sourceId),
  );
  for (const entry of begun) {
    if (kept.has(entry.link.sourceId)) continue;
    const refusal = await tryTo(step, entry, removeAccount);
    if (refusal === undefined) continue;
    kept.set(entry.link.sourceId, refusal);
    // A user who cannot be deleted is not to sign in for that.
    if (step.isTransactional) await tryTo(step, entry, disable);
    reportDisabled(step, entry);
  }
  const gone = begun.filter(({ link }) => !kept.has(link.sourceId));
  const goneIds = gone.map(({ link }) => link.sourceId);
  await distrust(step, await links.names(step.source, goneIds));
  await links.setNames(
    step.source,
    goneIds.map((sourceId) => ({ sourceId, names: [] })),
  );
  await step.links.replace(
    begun.map((entry) => {
      const error = kept.get(entry.link.sourceId);
      return error === undefined
        ? tombstone(step, entry.link, dirty.includes(entry.link.sourceId))
        : deferRemoval(step, entry, error);
    }),
  );
  for (const { link } of gone) step.freed.free(link.sourceId);
}

/** Does part of a removal as a whole or not at all. @returns why it was refused. */
async function tryTo(
  step: Step,
  entry: Begun,
  work: (step: Step, link: Link) => Promise<Link>,
): Promise<Refusal | undefined> {
  try {
    entry.link = await savepoint(step, (inner) => work(inner, entry.link));
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

/** Reports that the removal has disabled the account, if it has. */
function reportDisabled(step: Step, { link, wasDisabled }: Begun): void {
  if (link.disabledByUs && !wasDisabled) {
    step.outcomes.push({ kind: "deactivated", ...subjectOf(link) });
  }
}

function tombstone(step: Step, link: Link, dirty: boolean): Link {
  return { ...link, state: "gone", dirty, seen: step.generation };
}

function deferRemoval(step: Step, { link, stamp, attempts }: Begun, error: Refusal): Link {
  const { code, message } = error;
  const change = { ...deletionOf(link.sourceId), ...(stamp === undefined ? {} : { stamp }) };
  return { ...link, failure: failed(step, subjectOf(link), { code, message, change, attempts }) };
}

/** Whether the entry's account is deleted, and not merely disabled or left, for which the store must be able to. */
function isToBeDeleted(step: Step, { adopted, type }: Link): boolean {
  const canDelete = accountsOf(step.target, type)?.canDelete === true;
  return step.settings.onDelete === "delete" && !adopted && canDelete;
}

/** Disables a user's account. @returns the link as it is now. */
async function disable(step: Step, link: Link): Promise<Link> {
  const accounts = accountsOf(step.target, link.type);
  if (link.type === "Group" || link.resourceId === undefined || accounts === undefined) return link;
  if ((await lookWhereIdsAreReused(step, link)) === "gone") return withoutAccount(link);
  if (await step.protection.ofLink(step.target, link)) return link;
  const account = await accounts.look(link.resourceId);
  if (account === undefined) return withoutAccount(link);
  if (!account.active) return link;
  const disabled: Link = { ...link, disabledByUs: true };
  if (!step.isTransactional) await step.links.replace([disabled]);
  const [result] = await accounts.write([
    { kind: "modify", id: link.resourceId, attributes: { active: false } },
  ]);
  if (result?.written === false) {
    if (result.error instanceof NotFoundError) return withoutAccount(link);
    throw result.error;
  }
  return disabled;
}

function withoutAccount(link: Link): Link {
  return without(link, "resourceId", "resourceMark");
}

/** Forgets a group's references and takes its members out of it, as far as we put them there. */
async function releaseMembers(step: Step, group: Link): Promise<void> {
  step.groups.forget(group.sourceId);
  const references: Reference[] = [];
  for await (const reference of referencesOf(step, group.sourceId)) references.push(reference);
  for (const some of slices(references, 5_000)) {
    const members = some.flatMap(({ target }) => (target === undefined ? [] : [target]));
    await step.links.markDirty(members);
    await step.target.memberships.removeReferences(step.source, some);
    await settle(step, members);
  }
}

/** Deletes the account where it is to be deleted. @returns the link as it is now. */
async function removeAccount(step: Step, link: Link): Promise<Link> {
  const accounts = accountsOf(step.target, link.type);
  if (link.resourceId === undefined || accounts === undefined) return link;
  if ((await lookWhereIdsAreReused(step, link)) === "gone") return withoutAccount(link);
  const isKept = link.type === "Group" && !isToBeDeleted(step, link);
  if (isKept || (await step.protection.ofLink(step.target, link))) {
    step.outcomes.push({ kind: "released", ...subjectOf(link) });
    return link;
  }
  if (!isToBeDeleted(step, link)) return link;
  try {
    await accounts.delete(link.resourceId);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  step.outcomes.push({ kind: "deleted", ...subjectOf(link) });
  return { ...withoutAccount(link), disabledByUs: false };
}
