import type { Resource, User } from "../../scim/index.js";
import { type Endpoint, type Exchange, endpointsOf } from "../context.js";
import { topLevel, type Wanted } from "../representation.js";
import { resourcesWithIds } from "./look-up.js";

/**
 * Whether users are told with their groups by default (RFC 7643 §4.1.2): where the host has it so, and the store of groups tells those of
 * a page in one question. Else a client has to name `groups`.
 */
export function tellsGroups({ repositories, settings }: Exchange): boolean {
  return (
    settings.userGroups === "default" && repositories.groups?.capabilities.groupsOfMany === true
  );
}

/**
 * Whether an answer holds the groups that users are in. Such an answer is never "not modified": a membership is not part of a user's
 * version, so that whoever compares versions would be told that nothing has changed.
 */
export function asksForGroups(
  exchange: Exchange,
  { type }: Endpoint,
  { attributes, excludedAttributes = [] }: Wanted,
): boolean {
  if (type.name !== "User") return false;
  if (attributes !== undefined) {
    return attributes.some((path) => topLevel(type, path, false) === "groups");
  }
  const isExcluded = excludedAttributes.some((path) => topLevel(type, path, true) === "groups");
  return tellsGroups(exchange) && !isExcluded;
}

/** Users with the groups that they are members of themselves, if they were asked for. RFC 7643 §4.1.2. */
export async function withGroups(
  exchange: Exchange,
  endpoint: Endpoint,
  resources: readonly Resource[],
  wanted: Wanted,
): Promise<readonly Resource[]> {
  const { groups } = exchange.repositories;
  const at = endpointsOf(exchange).find(({ repository }) => repository === groups);
  if (groups === undefined || at === undefined || !asksForGroups(exchange, endpoint, wanted)) {
    return resources;
  }
  const { signal } = exchange;
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
