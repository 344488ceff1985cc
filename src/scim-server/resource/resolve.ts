import { caseless } from "../../core/index.js";
import type { UserRepository } from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import { bindFilter, eq, type NewUser } from "../../scim/index.js";
import type { ScimRepositories } from "../principal.js";

/** What is to be done with a user who is sent to be created. */
export type Resolution =
  /** No known user is meant: create the user. */
  | { readonly kind: "create" }
  /**
   * This user is meant, who is given the attributes that were sent, keeps the others, and is active then. The client is
   * sent a response as if it had created the user. `ifInactive`: only if the user is not active when it is written;
   * else it is a conflict, so that of several creations at once one is done. Default: false.
   */
  | { readonly kind: "link"; readonly id: string; readonly ifInactive?: boolean }
  /** A user is known who may be meant, or not: refuse with 409 and `uniqueness`. */
  | { readonly kind: "conflict"; readonly detail?: string }
  /** A person has to agree first: refuse with 409, so that the client tries again later. */
  | { readonly kind: "pending"; readonly detail?: string };

/**
 * Says what is to be done with a user who is sent to be created, and who may be known already.
 *
 * By default, a user who is inactive and has the `externalId` that was sent is given what was sent, and so restored
 * under the same id; any other user is created, which the store refuses where the `userName` is taken. No user is taken
 * for another by `userName` or e-mail address unless the host says so here: a person who can choose these could take
 * over an account.
 */
export type Resolve<P> = (
  draft: NewUser,
  context: {
    readonly principal: P;
    readonly repositories: ScimRepositories;
    readonly signal: AbortSignal;
  },
) => Resolution | Promise<Resolution>;

/** So many users with one `externalId` are looked at. */
const sharedAtMost = 100;

/** What is done by default. */
export async function resolveByExternalId(
  { externalId, userName }: NewUser,
  users: UserRepository,
  signal: AbortSignal,
): Promise<Resolution> {
  if (externalId === undefined) return { kind: "create" };
  const filter = bindFilter(eq("externalId", externalId), users.type);
  if (!supportsFilter(users.capabilities, filter)) return { kind: "create" };
  // Two users may have one: then it is the one who is inactive, or of several such the one with the name that was sent.
  const { resources } = await users.find({ filter, count: sharedAtMost }, { signal });
  const inactive = resources.filter(({ active }) => active === false);
  const named = inactive.filter((user) => caseless(user.userName) === caseless(userName));
  const [only, ...others] = inactive.length > 1 ? named : inactive;
  return only !== undefined && others.length === 0
    ? { kind: "link", id: only.id, ifInactive: true }
    : { kind: "create" };
}
