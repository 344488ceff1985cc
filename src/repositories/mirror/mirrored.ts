import { UnsupportedError } from "../../core/index.js";
import { GroupRepository } from "../group-repository.js";
import type { UserRepository } from "../user-repository.js";
import type { MirroredGroups, MirroredUsers } from "./mirror-target.js";
import { MirroredGroupRepository } from "./mirrored-groups.js";
import { MirroredUserRepository } from "./mirrored-users.js";

/**
 * Makes a full repository of a store that can be written and not be read, over a copy that serves what is asked. Both
 * are written to through this object alone.
 *
 * The target is written first, and the copy when it has agreed: the copy never says what the target was not sent.
 * Versions and user names are compared with the copy before. If the target refuses, or is unavailable, nothing has
 * changed, and the error is its own. If the copy refuses what the target has taken, the target is asked to undo it;
 * if that fails too, both errors come as one `AggregateError`. Members that came and went are not taken back. If the
 * process ends between the two, the target is ahead of the copy until the same write is made again.
 *
 * @throws {UnsupportedError} the target and the copy are not of one type, or the copy of users supports no filter of
 * `userName`.
 */
export function mirrored(target: MirroredUsers, copy: UserRepository): UserRepository;
export function mirrored(target: MirroredGroups, copy: GroupRepository): GroupRepository;
export function mirrored(
  target: MirroredUsers | MirroredGroups,
  copy: UserRepository | GroupRepository,
): UserRepository | GroupRepository {
  if (copy instanceof GroupRepository) {
    if ("changeMembers" in target) return new MirroredGroupRepository(target, copy);
    throw new UnsupportedError("A copy of groups needs a target of groups.");
  }
  if ("changeMembers" in target) {
    throw new UnsupportedError("A copy of users needs a target of users.");
  }
  return new MirroredUserRepository(target, copy);
}
