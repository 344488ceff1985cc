import { GroupRepository } from "../group-repository.js";
import type { IdentityMapRepository } from "../identity-map-repository.js";
import type { UserRepository } from "../user-repository.js";
import type { IdentityMapOptions } from "./identities.js";
import { MappedGroupRepository } from "./mapped-groups.js";
import { MappedUserRepository } from "./mapped-users.js";

/**
 * Gives the resources of a store, which has only ids of its own, what a service provider needs: ids that are never used
 * again, an `externalId` that can be filtered by, versions, and whether they were created through the map or found in
 * the store.
 *
 * What the store has is known by an id from when it is first seen. What it cannot remove is deactivated when it is
 * deleted, and does not exist any more to callers; what is created with its account later has another id, and none of
 * its attributes.
 *
 * Where the store uses ids again (`capabilities.ids`), what has been removed past the map, and another resource that
 * has its id now, are distinguished by the store's `markOf`. The groups then have to be given the store's own `users`
 * too.
 *
 * Such an account gets another password before it is active again, where the store can set one. Where it cannot
 * (`capabilities.password` is `create`), the former password stays with the account until it is changed there.
 *
 * Versions are compared exactly among the writers of this object, and among several processes except in the moment
 * between another's first and last step; a store that has versions itself leaves no such moment. A process that ends
 * between creating a resource in the store and making its identity leaves a resource that counts as found, without its
 * `externalId`.
 *
 * ```ts
 * const identities = new InMemoryIdentityMapRepository();
 * const groups = withIdentityMap(ownGroups, identities, { users: ownUsers });
 * const users = withIdentityMap(ownUsers, identities, { groups: ownGroups });
 * ```
 *
 * @param repository The store's own users, or its groups; for groups, their members are users and groups of the same
 * map.
 */
export function withIdentityMap(
  repository: UserRepository,
  identities: IdentityMapRepository,
  options?: IdentityMapOptions,
): UserRepository;
export function withIdentityMap(
  repository: GroupRepository,
  identities: IdentityMapRepository,
  options?: IdentityMapOptions,
): GroupRepository;
export function withIdentityMap(
  repository: UserRepository | GroupRepository,
  identities: IdentityMapRepository,
  options: IdentityMapOptions = {},
): UserRepository | GroupRepository {
  return repository instanceof GroupRepository
    ? new MappedGroupRepository(repository, identities, options)
    : new MappedUserRepository(repository, identities, options);
}
