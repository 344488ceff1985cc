import { setTimeout as sleep } from "node:timers/promises";
import { UniquenessError, UnsupportedError } from "../../core/index.js";
import type {
  CallOptions,
  Link,
  LinkRepository,
  UserRepository,
} from "../../repositories/index.js";
import type { User } from "../../scim/index.js";
import { SignOnError } from "../errors.js";
import type { Identity } from "../identity.js";
import { newUserOf } from "../user-object.js";

/** Where the accounts of a site are, and which of them are linked with those of servers. */
export interface AccountStores {
  /** The accounts of the site. */
  readonly users: UserRepository;
  /** Which account belongs to which user of which server. */
  readonly links: LinkRepository;
}

/** Where the accounts of a site are, and how they are linked with those of servers. */
export interface AccountOptions extends AccountStores {
  /**
   * The id of an account that was there before, and is to be linked with a user who signs in for the first time. To be
   * answered by what proves that both are one person; an equal name, or an e-mail address that was not confirmed, does
   * not. Default: none.
   */
  adopt?(identity: Identity, options: CallOptions): Promise<string | undefined>;
}

/**
 * The account of the user who signed in: the one that is linked with the server's subject, or a new one.
 *
 * An account is never found by its name. Nothing of an account that is there is changed: what a server says of it
 * later, of its privileges above all, is for the host to apply. A link ends with its account, also where the store
 * gives the id to another one (`Capabilities.ids`).
 *
 * @throws {SignOnError} `user_name_taken`: the name belongs to an account that is not linked; `inactive`: the account
 * is not active here.
 * @throws {UnsupportedError} the store uses ids again and has nothing that distinguishes the account, as
 * {@link linkAccount}.
 */
export async function accountFor(
  identity: Identity,
  { users, links, adopt }: AccountOptions,
  options: CallOptions = {},
): Promise<User> {
  const known = await linkedAccount(identity, { users, links }, options);
  const account =
    known ??
    (await adoptedAccount(identity, { users, links, ...(adopt && { adopt }) }, options)) ??
    (await newAccount(identity, { users, links }, options));
  if (account.active === false) throw new SignOnError("inactive");
  return account;
}

/**
 * Links an account with a subject of a server, as when its owner asks for it while signed in to both.
 *
 * @param account The account as `users` has it.
 * @throws {UnsupportedError} the store uses ids again (`Capabilities.ids`), and its `markOf` says nothing of this
 * account: it has nothing that distinguishes accounts, or the account was not read from it.
 */
export async function linkAccount(
  { users, links }: AccountStores,
  { server, subject }: Pick<Identity, "server" | "subject">,
  account: User,
  { isAdopted = true }: { readonly isAdopted?: boolean } = {},
): Promise<void> {
  const mark = reusesIds(users) ? users.markOf(account) : undefined;
  if (mark === undefined && reusesIds(users)) {
    throw new UnsupportedError(
      "An account whose id is used again cannot be linked without a mark.",
    );
  }
  const link: Link = {
    sourceId: subject,
    type: "User",
    state: "live",
    resourceId: account.id,
    name: account.userName,
    adopted: isAdopted,
    seen: 0,
    disabledByUs: false,
    dirty: false,
    ...(mark === undefined ? {} : { resourceMark: mark }),
  };
  await links.save(sourceOf(server), [link]);
}

/**
 * The account that is linked with a subject of a server; `undefined` where none is, or it is gone.
 *
 * Where the store uses ids again (`Capabilities.ids`), a link is believed only with the account's mark: one that has
 * none, as from a release before, is not.
 */
export async function linkedAccount(
  { server, subject }: Pick<Identity, "server" | "subject">,
  { users, links }: AccountStores,
  options: CallOptions = {},
): Promise<User | undefined> {
  const [link] = await links.get(sourceOf(server), [subject]);
  if (link?.resourceId === undefined) return undefined;
  const account = await users.get(link.resourceId, options);
  if (account === undefined || !reusesIds(users)) return account;
  const { resourceMark: mark } = link;
  return mark !== undefined && mark === users.markOf(account) ? account : undefined;
}

/** Whether the id of an account that was deleted may be that of another one by now. */
function reusesIds({ capabilities }: UserRepository): boolean {
  return capabilities.ids === "reused";
}

async function adoptedAccount(
  identity: Identity,
  { users, links, adopt }: AccountOptions,
  options: CallOptions,
): Promise<User | undefined> {
  const id = await adopt?.(identity, options);
  const account = id === undefined ? undefined : await users.get(id, options);
  if (account !== undefined) await linkAccount({ users, links }, identity, account);
  return account;
}

async function newAccount(
  identity: Identity,
  { users, links }: AccountOptions,
  options: CallOptions,
): Promise<User> {
  let account: User;
  try {
    account = await users.create(newUserOf(identity.user), options);
  } catch (error) {
    if (!(error instanceof UniquenessError)) throw error;
    const account = await accountOfAnotherTab(identity, { users, links }, options);
    if (account !== undefined) return account;
    throw new SignOnError("user_name_taken", { cause: error });
  }
  try {
    await linkAccount({ users, links }, identity, account, { isAdopted: false });
  } catch (error) {
    // Without its link, the account would be in its owner's way, also where the client does not wait any more.
    await users.delete(account.id).catch(() => undefined);
    throw error;
  }
  return account;
}

/** When it is looked whether another tab has linked the account, in milliseconds after the look before. */
const looks = [0, 50, 100, 200, 400];

/** The account that another tab of the same visitor has made just now: it links it a moment after it made it. */
async function accountOfAnotherTab(
  identity: Identity,
  stores: AccountStores,
  options: CallOptions,
): Promise<User | undefined> {
  for (const wait of looks) {
    await sleep(wait);
    options.signal?.throwIfAborted();
    const account = await linkedAccount(identity, stores, options);
    if (account !== undefined) return account;
  }
  return undefined;
}

/** The source of the links with a server, apart from those of synchronisation. */
function sourceOf(server: string): string {
  return `sign-on ${server}`;
}
