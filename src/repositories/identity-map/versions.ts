import { createHash } from "node:crypto";
import type { Resource } from "../../scim/index.js";
import type { MappedIdentity } from "../identity-map-repository.js";

/**
 * The version of a resource: how often it was written through the map, and what the store has now, so that what is
 * changed in the application itself has another version too. Members and groups are kept beside the resource and are
 * not in it.
 */
export function versionOf(identity: MappedIdentity, local: Resource): string {
  const content = local.meta?.version ?? digest(local);
  const mark = createHash("sha256").update(content).digest("base64url").slice(0, 16);
  return `W/"${identity.version}.${mark}"`;
}

const apart: ReadonlySet<string> = new Set([
  "id",
  "meta",
  "externalId",
  "schemas",
  "members",
  "groups",
]);

function digest(local: Resource): string {
  const own = Object.entries(local).filter(([name]) => !apart.has(name));
  return JSON.stringify(sorted(Object.fromEntries(own)));
}

/** The value with the members of its objects in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(
    entries.map(([name, inside]: [string, unknown]) => [name, sorted(inside)]),
  );
}
