import type { Resource, User } from "../scim/index.js";
import { type Endpoint, type Exchange, endpointsOf } from "./exchange.js";
import { resourcesWithIds } from "./look-up.js";
import { topLevel, type Wanted } from "./representation.js";

/**
 * Whether an answer holds the groups that users are in. It does where a client names `groups` in `attributes`, and not by default:
 * each user is a question of its own to the store of groups, and a membership is not part of a user's version, so that whoever
 * compares versions would be told that nothing has changed.
 */
export function asksForGroups({ type }: Endpoint, { attributes = [] }: Wanted): boolean {
  return (
    type.name === "User" && attributes.some((path) => topLevel(type, path, false) === "groups")
  );
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
  if (groups === undefined || at === undefined || !asksForGroups(endpoint, wanted)) {
    return resources;
  }
  const { signal } = exchange;
  const idsOf = new Map<string, readonly string[]>();
  for (const { id } of resources) {
    idsOf.set(id, await groups.groupsOf(id, { type: "User", signal }));
  }
  const found = await resourcesWithIds(at, [...idsOf.values()].flat(), signal, "displayName");
  return resources.map((user): Resource & Pick<User, "groups"> => {
    const values = (idsOf.get(user.id) ?? []).map((value) => {
      const display: unknown = Reflect.get(found.get(value) ?? {}, "displayName");
      return { value, type: "direct", ...(typeof display === "string" && { display }) };
    });
    return values.length === 0 ? user : { ...user, groups: values };
  });
}
