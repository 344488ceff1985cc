import { NotFoundError, UniquenessError } from "../../core/index.js";
import { isRefusal, type Link, type WriteResult } from "../../repositories/index.js";
import { memberUri } from "../../repositories/internal.js";
import { type Account, type AccountWrite, accountsOf, nameOf } from "../step/accounts.js";
import { slices, subjectOf, without } from "../step/links.js";
import { lookWhereIdsAreReused, markOf, ownersOf } from "../step/same-account.js";
import { type Step, savepoint } from "../step/step.js";
import { defer, type Objection, objectionTo, refuse } from "./deferral.js";
import {
  type Entry,
  finish,
  isInactive,
  isToBeDisabled,
  isToBeEnabled,
  writeFor,
} from "./entry.js";
import { resolveNameConflict } from "./name-conflict.js";

/** Makes the application's accounts equal to the entries, and finishes the links or defers what was refused. */
export async function provision(step: Step, entries: readonly Entry[]): Promise<void> {
  const together = new Map<"User" | "Group", Entry[]>([
    ["User", []],
    ["Group", []],
  ]);
  const alone: Entry[] = [];
  for (const entry of entries) {
    const { type } = entry.link;
    const stranger = await checkIdentity(step, entry);
    if (stranger !== undefined) {
      await refuse(step, entry, stranger);
      continue;
    }
    if (accountsOf(step.target, type) === undefined || (await isAsStated(step, entry))) {
      finish(entry);
      continue;
    }
    const objection = await objectionTo(step, entry);
    if (objection !== undefined) await refuse(step, entry, objection);
    else if (isToBeDisabled(entry)) alone.push(entry);
    else together.get(type)?.push(entry);
  }
  for (const [type, list] of together) {
    if (list.length > 0) alone.push(...(await provisionTogether(step, type, list)));
  }
  // From here on each entry has to see whose the accounts are that were written before it.
  if (alone.length > 0) await finishLinks(step, entries);
  for (const entry of alone) {
    await provisionAlone(step, entry);
    await finishLinks(step, [entry]);
  }
}

/** Makes sure that the account is the one that the entry was linked to, where the application uses ids again. */
async function checkIdentity(step: Step, entry: Entry): Promise<Objection | undefined> {
  const account = await lookWhereIdsAreReused(step, entry.link);
  if (account === undefined) return undefined;
  if (account !== "gone") {
    if (account.mark !== undefined) entry.link = { ...entry.link, resourceMark: account.mark };
    return undefined;
  }
  return await forgetWhole(step, entry, new NotFoundError(entry.link.resourceId ?? ""));
}

/**
 * Goes on without the account that is gone, unless what changed is a part, for which all of the entry is to be read.
 */
async function forgetWhole(
  step: Step,
  entry: Entry,
  { code, message }: Objection,
): Promise<Objection | undefined> {
  if (!entry.change.complete) {
    step.refresh.restart("Part of an entry changed whose account is gone.");
    return { code, message };
  }
  await forgetAccount(step, entry);
  return undefined;
}

/** Whether there is nothing to write. A group is looked for, since its members have no place without it. */
async function isAsStated(step: Step, { isProvisioned, link }: Entry): Promise<boolean> {
  if (!isProvisioned || link.type === "User" || link.resourceId === undefined) return isProvisioned;
  try {
    return (await accountsOf(step.target, link.type)?.look(link.resourceId)) !== undefined;
  } catch (error) {
    // Alone, it is refused.
    if (isRefusal(error)) return false;
    throw error;
  }
}

/**
 * Without a transaction, a link is finished only when all of its entry is; who creates an account then is known by the
 * intent.
 */
async function finishLinks(step: Step, entries: readonly Entry[]): Promise<void> {
  if (!step.isTransactional) return;
  await step.links.save(entries.map((entry) => entry.link));
}

/** Writes many accounts at once. @returns the entries that have to be looked at one by one. */
async function provisionTogether(
  step: Step,
  type: "User" | "Group",
  entries: readonly Entry[],
): Promise<readonly Entry[]> {
  const [free, taken] = await divideByName(step, type, entries);
  if (!step.isTransactional) await intend(step, free);
  try {
    const results = await savepoint(step, async (inner) => {
      const written = await writeAll(inner, type, free.map(writeFor));
      // A statement that failed may have spoiled the transaction for those that follow.
      if (inner.isTransactional && written.some((result) => !result.written)) throw new Refused();
      return written;
    });
    const refused: Entry[] = [];
    for (const [index, entry] of free.entries()) {
      const result = results[index];
      if (result?.written === true) await written(step, entry, result);
      else refused.push(entry);
    }
    return [...taken, ...refused];
  } catch (error) {
    if (error instanceof Refused || isRefusal(error)) return [...taken, ...free];
    throw error;
  }
}

/** Undoes a savepoint in which something was refused. */
class Refused extends Error {}

/** @returns the entries that may be written, and those whose new account finds its name taken. */
async function divideByName(
  step: Step,
  type: "User" | "Group",
  entries: readonly Entry[],
): Promise<readonly [readonly Entry[], readonly Entry[]]> {
  const taken = new Set<Entry>();
  const creates = entries.filter((entry) => entry.link.resourceId === undefined);
  if (isNameAsked(step, type)) {
    for (const some of slices(creates, step.isTransactional ? 1 : step.settings.concurrency)) {
      await Promise.all(
        some.map(async (entry) => {
          if (await isToBeLookedAt(step, entry)) taken.add(entry);
        }),
      );
    }
  }
  return [entries.filter((entry) => !taken.has(entry)), [...taken]];
}

/**
 * Whether a name has to be free before an account is created with it. A store refuses a user whose name is taken, but
 * not always a group. And without a transaction, a create that was interrupted is known by the name that it intended:
 * had the name been taken before, another's account would be taken for ours.
 */
function isNameAsked(step: Step, type: "User" | "Group"): boolean {
  return !step.isTransactional || type === "Group";
}

/** Whether an account has the name of the entry's account to be, or the store cannot say. */
async function isToBeLookedAt(step: Step, entry: Entry): Promise<boolean> {
  try {
    return (await accountInTheWay(step, entry)) !== undefined;
  } catch (error) {
    if (isRefusal(error)) return true;
    throw error;
  }
}

/** The account that has the name of the entry's account to be. Groups of other entries may have it too. */
async function accountInTheWay(step: Step, { change, link }: Entry): Promise<Account | undefined> {
  const name = nameOf(change);
  if (name === undefined) return undefined;
  const found = (await accountsOf(step.target, link.type)?.find(name)) ?? [];
  if (link.type === "User" || found.length === 0) return found[0];
  const owners = await ownersOf(step, link.type, found);
  const claimed = new Set(
    owners.filter((owner) => owner.state !== "gone").map((owner) => owner.resourceId),
  );
  return found.find((account) => !claimed.has(account.id));
}

async function intend(step: Step, entries: readonly Entry[]): Promise<void> {
  const creates = entries.filter((entry) => entry.link.resourceId === undefined);
  if (creates.length === 0) return;
  for (const entry of creates) entry.link = intended(entry);
  await step.links.save(creates.map((entry) => entry.link));
}

function intended({ link, change }: Entry): Link {
  const name = nameOf(change);
  return {
    ...link,
    disabledByUs: isInactive(change),
    ...(name === undefined ? {} : { intent: { name } }),
  };
}

async function writeAll(
  step: Step,
  type: "User" | "Group",
  writes: readonly AccountWrite[],
): Promise<readonly WriteResult[]> {
  const accounts = accountsOf(step.target, type);
  if (accounts === undefined || writes.length === 0) return [];
  const { concurrency, signal } = step.settings;
  if (step.isTransactional || concurrency === 1) return await accounts.write(writes, signal);
  const size = Math.ceil(writes.length / concurrency);
  const parts = [...slices(writes, size)].map((part) => accounts.write(part, signal));
  return (await Promise.all(parts)).flat();
}

/** Writes one account, and resolves the conflict where another one has its name. */
async function provisionAlone(step: Step, entry: Entry): Promise<void> {
  // Each round removes one obstacle: an account that vanished, one in the way, an adoption.
  for (let round = 1; ; round++) {
    const before = entry.link;
    try {
      await savepoint(step, (inner) => provisionOne(inner, entry));
      return;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      entry.link = before;
      const objection = await overcome(step, entry, error, round);
      if (objection === undefined) continue;
      await refuse(step, entry, objection);
      return;
    }
  }
}

async function overcome(
  step: Step,
  entry: Entry,
  error: Error & { readonly code: string },
  round: number,
): Promise<Objection | undefined> {
  const objection = { code: error.code, message: error.message };
  if (round > 4) return objection;
  if (error instanceof NotFoundError && entry.link.resourceId !== undefined) {
    return await forgetWhole(step, entry, error);
  }
  if (error instanceof UniquenessError) return await resolveNameConflict(step, entry, error);
  return objection;
}

async function provisionOne(step: Step, entry: Entry): Promise<void> {
  const { change } = entry;
  const accounts = accountsOf(step.target, change.type);
  if (accounts === undefined) return;
  if (entry.link.resourceId === undefined && isNameAsked(step, change.type)) {
    const inTheWay = await accountInTheWay(step, entry);
    if (inTheWay !== undefined) throw new UniquenessError(accounts.naming, inTheWay.id);
  }
  if (!step.isTransactional) await intend(step, [entry]);
  if (isToBeDisabled(entry) && entry.link.resourceId !== undefined) {
    const account = await accounts.look(entry.link.resourceId);
    if (account === undefined) throw new NotFoundError(entry.link.resourceId);
    if (account.active && isJustAdopted(entry) && step.settings.match.inactive !== "disable") {
      await writeOne(step, entry);
      disableLater(step, entry);
      return;
    }
    if (account.active) {
      entry.link = { ...entry.link, disabledByUs: true };
      if (!step.isTransactional) await step.links.save([entry.link]);
      await writeOne(step, entry, { active: false });
      return;
    }
  }
  await writeOne(step, entry);
}

async function writeOne(step: Step, entry: Entry, also?: { active: false }): Promise<void> {
  const write = writeFor(entry);
  const [result] = await writeAll(step, entry.link.type, [
    also === undefined ? write : { ...write, attributes: { ...write.attributes, ...also } },
  ]);
  if (result === undefined) return;
  if (!result.written) throw result.error;
  await written(step, entry, result, also !== undefined);
}

/**
 * The account is disabled in a step of its own, which counts what it takes away: entries named like all local accounts
 * would otherwise disable them at once.
 */
function disableLater(step: Step, entry: Entry): void {
  const message =
    "The account was there before the entry, and is active: it is disabled in a step of its own.";
  defer(step, entry, { code: "adopted", message });
}

/** Whether the entry was linked in this step to an account that was there before. */
function isJustAdopted({ link, previous }: Entry): boolean {
  return link.adopted && previous?.resourceId !== link.resourceId;
}

/** Reports what was written and finishes the link. */
async function written(
  step: Step,
  entry: Entry,
  { id, ignored = [] }: Extract<WriteResult, { readonly written: true }>,
  disabled = false,
): Promise<void> {
  const { change, link } = entry;
  const before = link.name;
  const created = link.resourceId === undefined;
  const adopted = link.adopted && entry.previous?.resourceId !== id;
  const reactivated = isToBeEnabled(entry);
  entry.link = {
    ...link,
    resourceId: id,
    disabledByUs: created ? isInactive(change) : link.disabledByUs && !reactivated,
    ...(created ? { adopted: false } : {}),
    ...(link.resourceId === id ? {} : await markOf(step, link.type, id)),
  };
  finish(entry);
  const subject = subjectOf(entry.link);
  const renamed = before !== undefined && subject.name !== undefined && before !== subject.name;
  if (renamed) {
    step.freed.free(link.sourceId);
    step.outcomes.push({ kind: "renamed", ...subject, from: before });
  }
  if (created) step.outcomes.push({ kind: "created", ...subject });
  else if (disabled) step.outcomes.push({ kind: "deactivated", ...subject });
  else if (reactivated) step.outcomes.push({ kind: "reactivated", ...subject });
  else if (!renamed && !adopted) step.outcomes.push({ kind: "updated", ...subject });
  if (ignored.length > 0) step.outcomes.push({ kind: "ignored", ...subject, attributes: ignored });
}

/** The account was removed behind our back: what was granted to it is gone with it, and it is created anew. */
async function forgetAccount(step: Step, entry: Entry): Promise<void> {
  const { memberships } = step.target;
  const { resourceId, type } = entry.link;
  if (resourceId === undefined) return;
  if (type === "Group") {
    for (;;) {
      const grants = await memberships.grantsIn(step.source, resourceId, { count: 1_000 });
      if (grants.length === 0) break;
      await memberships.removeGrants(step.source, grants);
    }
  }
  await memberships.removeGrants(
    step.source,
    await memberships.grantsTo(step.source, [memberUri({ ...entry.link, resourceId })]),
  );
  entry.link = {
    ...without(entry.link, "resourceId", "resourceMark", "name"),
    adopted: false,
    disabledByUs: false,
    dirty: true,
  };
  if (!step.isTransactional) await step.links.save([entry.link]);
}
