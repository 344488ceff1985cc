import type { Name } from "../../changes/index.js";
import type { LinkedEntry } from "../../repositories/index.js";

/** A name as a key of a map. */
export function keyOf(name: Name): string {
  return `${name.kind}:${name.key}`;
}

/** A membership or a grant as a key of a map, whatever characters the ids hold. */
export function pair({ group, member }: { group: string; member: string }): string {
  return `${group.length} ${group}${member}`;
}

/** A member as grants name it. */
export function memberUri({ type, resourceId }: LinkedEntry): string {
  return `${type}s/${resourceId}`;
}
