import type { LinkedEntry } from "./settlement-store.js";

/** A member as grants name it. */
export function memberUri({ type, resourceId }: Pick<LinkedEntry, "type" | "resourceId">): string {
  return `${type}s/${resourceId}`;
}

/** A membership or a grant as a key of a map, whatever characters the ids hold. */
export function membershipKey({ group, member }: { group: string; member: string }): string {
  return `${group.length} ${group}${member}`;
}
