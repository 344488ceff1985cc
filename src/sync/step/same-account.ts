import { caseless } from "../../core/index.js";
import type { Link, LinkedEntry, LinkOwner } from "../../repositories/index.js";
import { type Account, type AccountState, accountsOf } from "./accounts.js";
import type { Step } from "./step.js";

/** What is known of an account, and may be another one's by now where ids are used again. */
interface KnownAccount {
  readonly type: "User" | "Group";
  readonly resourceId?: string;
  readonly resourceMark?: string;
  readonly name?: string;
}

/**
 * The account that a link stands for, where it is to be looked for before it is believed: a store that gives the id of
 * an account that was deleted to another one says so. `gone`: there is none with this id, or it is another one's.
 */
export async function lookWhereIdsAreReused(
  step: Step,
  known: KnownAccount,
): Promise<AccountState | "gone" | undefined> {
  const accounts = accountsOf(step.target, known.type);
  if (accounts?.reusesIds !== true || known.resourceId === undefined) return undefined;
  const account = await accounts.look(known.resourceId);
  return account !== undefined && isSame(account, known) ? account : "gone";
}

/**
 * A link without a mark was made before there were marks: it is believed where the account has the name that it was
 * given.
 */
function isSame({ mark, name }: AccountState, known: KnownAccount): boolean {
  if (known.resourceMark !== undefined) return known.resourceMark === mark;
  return known.name !== undefined && caseless(known.name) === caseless(name);
}

/** The owners of accounts, without those that were linked to another account of the same id. */
export async function ownersOf(
  step: Step,
  type: "User" | "Group",
  accounts: readonly Pick<Account, "id">[],
): Promise<readonly LinkOwner[]> {
  const owners = await step.target.links.owners(
    type,
    accounts.map((account) => account.id),
  );
  if (accountsOf(step.target, type)?.reusesIds !== true) return owners;
  const believed: LinkOwner[] = [];
  for (const owner of owners) {
    // Of a link without a mark it is not known that it is another one's.
    const isKnown = owner.resourceMark !== undefined;
    const found = isKnown ? await lookWhereIdsAreReused(step, { type, ...owner }) : undefined;
    if (found !== "gone") believed.push(owner);
  }
  return believed;
}

/**
 * The account of a name that no entry is linked to. Where a create of that name was begun, it is the one that was
 * created: the name was free before.
 */
export async function unlinkedAccount(
  step: Step,
  type: "User" | "Group",
  name: string,
): Promise<Account | undefined> {
  const found = (await accountsOf(step.target, type)?.find(name)) ?? [];
  const linked = new Set((await ownersOf(step, type, found)).map((owner) => owner.resourceId));
  return found.find((account) => !linked.has(account.id));
}

/** A link with the account that was created for its entry, or is taken for it. */
export async function linkedTo(step: Step, link: Link, account: Account): Promise<LinkedEntry> {
  const { id: resourceId, name } = account;
  return { ...link, resourceId, name, ...(await markOf(step, link.type, resourceId)) };
}

/** What distinguishes an account from another one that gets its id later, where the application uses ids again. */
export async function markOf(
  step: Step,
  type: "User" | "Group",
  id: string,
): Promise<Pick<Link, "resourceMark">> {
  const accounts = accountsOf(step.target, type);
  const account = accounts?.reusesIds === true ? await accounts.look(id) : undefined;
  return account?.mark === undefined ? {} : { resourceMark: account.mark };
}
