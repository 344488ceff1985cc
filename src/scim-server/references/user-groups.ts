import type { Resource, User } from "../../scim/index.js";
import { type Endpoint, endpointsOf, type RequestContext } from "../context.js";
import { topLevel, type Wanted } from "../representation.js";
import { resourcesWithIds } from "./look-up.js";

/**
 * Whether users are returned with their groups by default (RFC 7643 §4.1.2): where the host has it so, and the store of
 * groups returns those of a page in one query. Else a client has to name `groups`.
 */
export function returnsGroups({ repositories, settings }: RequestContext): boolean {
  return (
    settings.userGroups === "default" && repositories.groups?.capabilities.groupsOfMany === true
  );
}

/**
 * Whether a response holds the groups that users are in. Such a response is never "not modified": a membership is not
 * part of a user's version, so that a client that compares versions would see that nothing has changed.
 */
export function wantsGroups(
  context: RequestContext,
  { type }: Endpoint,
  { attributes, excludedAttributes = [] }: Wanted,
): boolean {
  if (type.name !== "User") return false;
  if (attributes !== undefined) {
    return attributes.some((path) => topLevel(type, path, false) === "groups");
  }
  const isExcluded = excludedAttributes.some((path) => topLevel(type, path, true) === "groups");
  return returnsGroups(context) && !isExcluded;
}

/** Users with the groups that they are members of themselves, if they were asked for. RFC 7643 §4.1.2. */
export async function withGroups(
  context: RequestContext,
  endpoint: Endpoint,
  resources: readonly Resource[],
  wanted: Wanted,
): Promise<readonly Resource[]> {
  const { groups } = context.repositories;
  const at = endpointsOf(context).find(({ repository }) => repository === groups);
  if (groups === undefined || at === undefined || !wantsGroups(context, endpoint, wanted)) {
    return resources;
  }
  const { signal } = context;
  const ids = resources.map(({ id }) => id);
  const idsOf =
    ids.length === 0
      ? new Map<string, readonly string[]>()
      : await groups.groupsOfEach(ids, { type: "User", signal });
  const found = await resourcesWithIds(at, [...idsOf.values()].flat(), signal, "displayName");
  return resources.map((user): Resource & Pick<User, "groups"> => {
    const values = (idsOf.get(user.id) ?? []).map((value) => {
      const display: unknown = Reflect.get(found.get(value) ?? {}, "displayName");
      return { value, type: "direct", ...(typeof display === "string" && { display }) };
    });
    return values.length === 0 ? user : { ...user, groups: values };
  });
}
