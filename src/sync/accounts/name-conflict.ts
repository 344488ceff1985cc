import type { UniquenessError } from "../../core/index.js";
import { isRefusal, type LinkOwner } from "../../repositories/index.js";
import { type Account, type Accounts, accountsOf, nameOf } from "../step/accounts.js";
import { subjectOf, without } from "../step/links.js";
import { markOf, ownersOf } from "../step/same-account.js";
import { type Step, savepoint } from "../step/step.js";
import type { Objection } from "./deferral.js";
import type { Entry } from "./entry.js";

/**
 * Another account has the name that an entry's is to have. One whose entry is gone is renamed; one that was never
 * linked is adopted, where that is wanted. An account that is linked is never taken over.
 *
 * @returns why the entry has to wait; nothing when it can be tried again.
 */
export async function resolveNameConflict(
  step: Step,
  entry: Entry,
  error: UniquenessError,
): Promise<Objection | undefined> {
  const { type } = entry.link;
  const accounts = accountsOf(step.target, type);
  const taken: Objection = { code: error.code, message: error.message };
  if (accounts === undefined) return taken;
  const name = nameOf(entry.change);
  const isName = error.attribute === accounts.naming;
  const named = isName && name !== undefined ? await accounts.find(name) : [];
  const found = named.find(({ id }) => id === error.resourceId) ?? named[0];
  const inTheWay = found?.id ?? error.resourceId;
  if (inTheWay === undefined || inTheWay === entry.link.resourceId) return taken;

  const owners = await ownersOf(step, type, [{ id: inTheWay }]);
  const ours = owners.find((owner) => owner.source === step.source);
  if (owners.some((owner) => owner !== ours)) {
    return { ...taken, message: `${error.message} It belongs to another source.` };
  }
  if (ours !== undefined) {
    if (isName && ours.state === "gone" && found !== undefined) {
      if (type === "User" && step.settings.namesOfGone === "refuse") {
        const message = `The name "${found.name}" is that of an account whose person is gone: rename that one first.`;
        return { ...taken, message };
      }
      const isAnothers = await renameAside(step, accounts, ours, found, taken);
      const isKept = type === "User" || accounts.canRename || isAnothers === undefined;
      return isKept ? isAnothers : await takeOver(step, entry, ours, found);
    }
    return { ...taken, blocker: ours.sourceId };
  }
  if (!isName || found === undefined) return taken;
  return await adopt(step, entry, found);
}

/** The account of an entry that is gone gives up its name: it stays what it was, under the name `name~id`. */
async function renameAside(
  step: Step,
  accounts: Accounts,
  owner: LinkOwner,
  account: Account,
  taken: Objection,
): Promise<Objection | undefined> {
  const { type, link } = await ownLink(step, owner);
  if (!accounts.canRename || link === undefined) return taken;
  const kept = { type, id: account.id };
  const names = [account.name, link.name];
  if (await step.protection.covers(step.target, kept, names)) return taken;
  const aside = `${account.name}~${account.id}`;
  try {
    await savepoint(step, async (inner) => {
      await rename(inner, type, account.id, aside);
      await inner.links.replace([{ ...link, name: aside }]);
      const subject = subjectOf({ ...link, name: aside });
      inner.outcomes.push({ kind: "renamed", ...subject, from: account.name });
    });
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return { code: error.code, message: error.message };
    throw error;
  }
}

/**
 * A group whose entry is gone cannot get another name here, as where groups are declared in a configuration. It is nobody's
 * account, so whoever wants groups to be matched by their names has the next one of that name in its place.
 */
async function takeOver(
  step: Step,
  entry: Entry,
  owner: LinkOwner,
  group: Account,
): Promise<Objection | undefined> {
  const { link: former } = await ownLink(step, owner);
  if (step.settings.match.groups !== "displayName" || former === undefined) {
    return {
      code: "uniqueness",
      message: `A group named "${group.name}" is left of an entry that is gone, and cannot be renamed.`,
    };
  }
  // The memberships of the former one have to be over, or they would be the next one's.
  if (former.dirty) {
    return {
      code: "uniqueness",
      message: `A group named "${group.name}" still has members of an entry that is gone.`,
      blocker: former.sourceId,
    };
  }
  await step.links.replace([without(former, "resourceId", "resourceMark")]);
  return await adopt(step, entry, group);
}

async function ownLink(step: Step, owner: LinkOwner) {
  const [link] = await step.links.get([owner.sourceId]);
  return { link, type: link?.type ?? ("User" as const) };
}

/** Gives an account another name and nothing else. */
export async function rename(
  step: Step,
  type: "User" | "Group",
  id: string,
  name: string,
): Promise<void> {
  const attributes = type === "User" ? { userName: name } : { displayName: name };
  const [result] =
    (await accountsOf(step.target, type)?.write([{ kind: "modify", id, attributes }])) ?? [];
  if (result?.written === false) throw result.error;
}

/** Links the entry to an account that was there before, where the caller said that equal names mean the same person. */
async function adopt(step: Step, entry: Entry, account: Account): Promise<Objection | undefined> {
  const { link } = entry;
  const { protection } = step;
  const { match } = step.settings;
  const intents = await step.target.links.intents(link.type, account.name);
  const other = intents.find(
    (owner) => owner.source !== step.source || owner.sourceId !== link.sourceId,
  );
  if (other !== undefined) {
    return {
      code: "uniqueness",
      message: `An account named "${account.name}" is being created for another entry.`,
      ...(other.source === step.source ? { blocker: other.sourceId } : {}),
    };
  }
  const isMatched =
    link.type === "User" ? match.users === "userName" : match.groups === "displayName";
  // Made for this very entry by a runner that was superseded before it could link it.
  const isOfEntry = account.externalId === link.sourceId;
  if (!(isMatched || isOfEntry) || link.resourceId !== undefined) {
    return {
      code: "unlinked",
      message: `The application has a resource named "${account.name}" that no source is linked to.`,
    };
  }
  if (await protection.covers(step.target, { type: link.type, id: account.id }, [account.name])) {
    return { code: "protected", message: "The resource is protected from this source." };
  }
  const mark = await markOf(step, link.type, account.id);
  entry.link = { ...link, resourceId: account.id, name: account.name, adopted: true, ...mark };
  if (!step.isTransactional) await step.links.save([entry.link]);
  step.outcomes.push({ kind: "adopted", ...subjectOf(entry.link) });
  return undefined;
}
