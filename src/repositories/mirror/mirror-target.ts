import type { NewGroup, NewUser } from "../../scim/index.js";
import type { MembersChange } from "../change-set.js";
import type { CallOptions } from "../resource-repository.js";

/**
 * A store that can be written and not be read. It is given whole resources, as they are to be and as they were, and
 * knows its own by their names or by whatever else it chooses.
 *
 * Every call may come again, since it is not known what became of one whose response was lost: a change that is made
 * already, and a deletion of what is not there, are no errors.
 */
export interface MirrorTarget<N> {
  /** @throws {UniquenessError} another resource has the name. */
  create(resource: N, options?: CallOptions): Promise<void>;
  /** Makes of the resource that was `before` what `resource` says, whole. */
  change(resource: N, before: N, options?: CallOptions): Promise<void>;
  /** Removes the resource, which is given as it was. */
  delete(resource: N, options?: CallOptions): Promise<void>;
}

/** A store of users that can be written and not be read. */
export interface MirroredUsers extends MirrorTarget<NewUser> {
  /** See `UserRepository.setPassword`. Without it, only `create` takes a password. */
  setPassword?(user: NewUser, password: string, options?: CallOptions): Promise<void>;
  /** See `UserRepository.revokeSessions`. It also comes after `delete`, with the user as it was. */
  revokeSessions?(user: NewUser, options?: CallOptions): Promise<void>;
}

/** A store of groups that can be written and not be read. The groups that it is given have no members. */
export interface MirroredGroups extends MirrorTarget<NewGroup> {
  /** Changes members: all are removed with `clear`, then those to `remove`; then those to `add` are added. */
  changeMembers(group: NewGroup, change: MembersChange, options?: CallOptions): Promise<void>;
}
