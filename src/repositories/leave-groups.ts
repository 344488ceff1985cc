import type { GroupRepository } from "./group-repository.js";
import type { CallOptions } from "./resource-repository.js";

/**
 * Takes one who was deleted out of the groups, where their store does not learn of it by itself
 * (`capabilities.deletedMembers: "stay"`); elsewhere it does nothing. Every room of the package that deletes a user or
 * a group calls this after it.
 */
export async function leaveGroups(
  groups: GroupRepository,
  { id, type }: { readonly id: string; readonly type: "User" | "Group" },
  options?: CallOptions,
): Promise<void> {
  if (groups.capabilities.deletedMembers !== "stay") return;
  for (const group of await groups.groupsOf(id, { ...options, type })) {
    await groups.changeMembers(group, { remove: [{ value: id, type }] }, options);
  }
}
