import { NotFoundError } from "../../core/index.js";
import {
  type GrantKey,
  isRefusal,
  type Link,
  type Membership,
  type SyncTarget,
  type Unconfirmed,
} from "../../repositories/index.js";
import { membershipKey, memberUri } from "../../repositories/internal.js";
import { markMembers } from "../memberships/references.js";
import { removeEntries } from "../removal/removal.js";
import { type Accounts, accountsOf } from "../step/accounts.js";
import { subjectOf, without } from "../step/links.js";
import { linkedTo, unlinkedAccount } from "../step/same-account.js";
import type { Step } from "../step/step.js";

/**
 * The most that is looked at again: a runner begins no more than the entries of a batch, and their memberships, at a
 * time.
 */
const MOST = 10_000;

/**
 * What the runner before had begun and not confirmed, where there is no transaction. A request of its to the
 * application may be under way, and be done after what its successor does.
 */
export async function unconfirmedOf(
  { links, memberships }: SyncTarget,
  source: string,
  since: number,
): Promise<Unconfirmed | undefined> {
  const begun = await links.list(
    source,
    { unfinished: true, states: ["entering", "live", "leaving"] },
    { count: MOST },
  );
  const accounts = begun.map(({ sourceId, type, intent }) => ({
    sourceId,
    type,
    ...(intent === undefined ? {} : { name: intent.name }),
  }));
  const grants = await memberships.grantsNotHeld(source, MOST);
  if (accounts.length === 0 && grants.length === 0) return undefined;
  return { since, accounts, memberships: grants.map(({ held: _, ...grant }) => grant) };
}

/**
 * Both together. What has waited keeps its time, or runners that follow each other fast would put it off for ever; all
 * that is found while it waits has the time of the last.
 */
export function joined(
  before: Unconfirmed | undefined,
  found: Unconfirmed | undefined,
): Unconfirmed | undefined {
  if (before === undefined || found === undefined) return before ?? found;
  const { later } = before;
  if (later === undefined) return { ...before, later: found };
  const accounts = [...later.accounts, ...found.accounts].slice(-MOST);
  const memberships = [...later.memberships, ...found.memberships].slice(-MOST);
  return { ...before, later: { since: found.since, accounts, memberships } };
}

/**
 * Looks at what a superseded runner had begun, once no request of its can be under way any more: an account that it
 * made after all is linked, or goes where the entry has one already; what it wrote of an account is written again; and
 * memberships become what they are to be.
 */
export async function confirm(step: Step, unconfirmed: Unconfirmed): Promise<void> {
  for (const account of unconfirmed.accounts) await confirmAccount(step, account);
  await confirmMemberships(step, unconfirmed.memberships);
}

async function confirmAccount(
  step: Step,
  { sourceId, type, name }: Unconfirmed["accounts"][number],
): Promise<void> {
  const [link] = await step.links.get([sourceId]);
  if (link === undefined || (link.state === "gone" && link.resourceId === undefined)) {
    const { generation: seen } = step;
    const gone = { sourceId, type, state: "gone", seen, disabledByUs: false } as const;
    if (name !== undefined)
      await removeLate(step, link ?? { ...gone, adopted: false, dirty: true }, name);
    return;
  }
  const confirmed = name === undefined ? link : await confirmCreated(step, link, name);
  if (confirmed.state === "gone") await disableAgain(step, confirmed);
  else if (confirmed.state === "live" && confirmed.type === type) {
    // Without its digest, all of the entry is written when it is read again.
    await step.links.replace([without(confirmed, "digest")]);
    step.ordering.again?.ask(sourceId);
  }
}

/**
 * An entry that went before its account was made is removed once more, with it. Where the account does not carry the id
 * of the entry, it may be a local one of that name, and is never deleted.
 */
async function removeLate(step: Step, link: Link, name: string): Promise<void> {
  const made = await unlinkedAccount(step, link.type, name);
  if (made === undefined) return;
  const adopted = made.externalId !== link.sourceId;
  const recovered = await linkedTo(step, { ...link, adopted }, made);
  step.outcomes.push({ kind: "created", ...subjectOf(recovered) });
  await removeEntries(step, [{ link: recovered }]);
}

async function confirmCreated(step: Step, link: Link, name: string): Promise<Link> {
  const accounts = accountsOf(step.target, link.type);
  const made = await unlinkedAccount(step, link.type, name);
  if (accounts === undefined || made === undefined) return link;
  if (link.resourceId === undefined) {
    const recovered = await linkedTo(step, { ...link, adopted: false }, made);
    if (link.type === "Group") await markMembers(step, link.sourceId);
    await step.links.replace([recovered]);
    await step.links.markDirty([link.sourceId]);
    step.outcomes.push({ kind: "created", ...subjectOf(recovered) });
    return recovered;
  }
  // The entry has an account: this one is a second one, which has never been used.
  const surplus = { ...subjectOf(link), resourceId: made.id, name: made.name };
  const kind = await removeSurplus(accounts, surplus);
  if (kind !== undefined) step.outcomes.push({ kind, ...surplus });
  return link;
}

/** Deletes an account, or disables a user's where that is impossible. @returns what was done. */
async function removeSurplus(
  accounts: Accounts,
  { type, resourceId: id }: { readonly type: "User" | "Group"; readonly resourceId: string },
): Promise<"deleted" | "deactivated" | undefined> {
  if (accounts.canDelete) {
    try {
      await accounts.delete(id);
      return "deleted";
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      // Were it thrown, nothing more would be synchronized.
      if (!isRefusal(error)) throw error;
    }
  }
  if (type !== "User") return undefined;
  const [result] = await accounts.write([{ kind: "modify", id, attributes: { active: false } }]);
  return result?.written === true ? "deactivated" : undefined;
}

async function disableAgain(step: Step, link: Link): Promise<void> {
  const accounts = accountsOf(step.target, link.type);
  if (link.type === "Group" || link.resourceId === undefined || !link.disabledByUs) return;
  if ((await accounts?.look(link.resourceId))?.active !== true) return;
  await accounts?.write([{ kind: "modify", id: link.resourceId, attributes: { active: false } }]);
  step.outcomes.push({ kind: "deactivated", ...subjectOf(link) });
}

/** A membership is to be there exactly if it is granted; without a grant, only one that was there before stays. */
async function confirmMemberships(
  step: Step,
  memberships: Unconfirmed["memberships"],
): Promise<void> {
  const { groups } = step.target;
  if (groups === undefined || memberships.length === 0) return;
  const grants = await step.target.memberships.grantsOf(memberships);
  const granted = new Set(grants.filter((grant) => grant.held).map(membershipKey));
  const existing = await groups.whichExist(memberships.map(membershipOf));
  const present = new Set(
    existing.map(({ group, member, type = "User" }) =>
      membershipKey({ group, member: memberUri({ type, resourceId: member }) }),
    ),
  );
  for (const grant of memberships) {
    const isGranted = granted.has(membershipKey(grant));
    if (isGranted === present.has(membershipKey(grant)) || !(isGranted || grant.ours)) continue;
    const { group, member, type = "User" } = membershipOf(grant);
    const change = [{ value: member, type }] as const;
    await step.target.beforeWrite?.();
    try {
      await groups.changeMembers(group, isGranted ? { add: change } : { remove: change });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
}

/** The membership of a grant, which names its member by the relative URI. */
function membershipOf({ group, member }: GrantKey): Membership {
  const at = member.indexOf("/");
  const type = member.slice(0, at) === "Groups" ? "Group" : "User";
  return { group, member: member.slice(at + 1), type };
}
