import { type NewUser, type ResourceType, type User, userResourceType } from "../scim/index.js";
import { type CallOptions, ResourceRepository } from "./resource-repository.js";

/** A store of users. `userName` is unique and compared without regard to case (RFC 7643 §4.1.1). */
export abstract class UserRepository<
  U extends User = User,
  N extends NewUser = NewUser,
> extends ResourceRepository<U, N> {
  /** A store of users with an extension of the host's own has a type of its own. */
  override readonly type: ResourceType = userResourceType;

  /**
   * Gives the user another password. It is the only way to: no replacement and no change set carries one.
   *
   * @throws {NotFoundError} there is no such user.
   * @throws {InvalidValueError} the store's rules do not allow this password; the message does not hold it.
   */
  setPassword?(id: string, password: string, options?: CallOptions): Promise<void>;

  /**
   * Ends the user's sessions and whatever else lets the user in without signing in again. It is called once a user has
   * been deleted, too, and has to end the sessions of an id that the store knows no more.
   */
  revokeSessions?(id: string, options?: CallOptions): Promise<void>;
}

/** What became of a user's sessions. */
export type SessionsEnded = "revoked" | "unsupported" | "failed";

/**
 * Ends the sessions of a user who was deactivated or deleted. Disabling an account does not do so by itself in most
 * applications, so every room of the package that disables or deletes one calls this after its commit. It never throws.
 */
export async function endSessions(
  users: UserRepository,
  id: string,
  options?: CallOptions,
): Promise<SessionsEnded> {
  if (!users.capabilities.sessions || users.revokeSessions === undefined) return "unsupported";
  try {
    await users.revokeSessions(id, options);
    return "revoked";
  } catch {
    return "failed";
  }
}
