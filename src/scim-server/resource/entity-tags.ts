import { VersionConflictError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";

/** An entity-tag, weak or not; or `*`. */
const tag = /\s*(\*|(?:W\/)?"[\x21\x23-\x7e\x80-\u00ff]*")\s*(?:,|$)/y;

/** The entity-tags in the value of If-Match or If-None-Match, without what makes them weak. RFC 7232 §3.1. */
function tagsIn(field: string): readonly string[] {
  const tags: string[] = [];
  tag.lastIndex = 0;
  for (let at = 0; at < field.length; at = tag.lastIndex) {
    const found = tag.exec(field)?.[1];
    // What is no entity-tag is one that nothing has.
    if (found === undefined) break;
    tags.push(opaque(found));
  }
  return tags;
}

/** SCIM's entity-tags are weak, and If-Match compares them all the same (RFC 7644 §3.14). */
function opaque(text: string): string {
  return text.startsWith("W/") ? text.slice(2) : text;
}

/** Whether a resource is one of those that the value of If-Match or If-None-Match names. */
export function isNamedBy(field: string, { meta }: Resource): boolean {
  const tags = tagsIn(field);
  return tags.includes("*") || (meta?.version !== undefined && tags.includes(opaque(meta.version)));
}

/**
 * The version that a resource has to be in for a write, so that the store compares it again as it writes.
 *
 * @throws {VersionConflictError} the resource is not in a version that If-Match names.
 */
export function demandedVersion(
  ifMatch: string | undefined,
  current: Resource,
): string | undefined {
  if (ifMatch === undefined) return undefined;
  if (!isNamedBy(ifMatch, current)) {
    throw new VersionConflictError(`The resource "${current.id}" is not in that version.`);
  }
  return tagsIn(ifMatch).includes("*") ? undefined : current.meta?.version;
}
