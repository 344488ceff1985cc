import { ExternalGroupRepository } from "./external-group-repository.js";
import type { GroupMappingOptions } from "./options.js";

/**
 * Maps groups of an identity provider to groups of the application: the members of an external group are in every local
 * group that it is mapped to.
 *
 * What it returns is the repository of the external groups, to be given to a service provider; their members are
 * followed with each change. Mappings are made later, by an administrator, with `map`.
 *
 * ```ts
 * const groups = mapGroups({ external, local, mappings, memberships });
 * const scim = createScimServer({ repositories: () => ({ users, groups }), … });
 * await groups.map(external.id, local.id);
 * ```
 *
 * A local group has the members that were added otherwise, and those of its external groups; none is removed
 * but by whom they were put in. For that, the application changes members through `groups.local`, which notes who was
 * meant to be a member though mapped already; a member that is added through it is to be removed through it. A member
 * whom the application has put into its store past it stays too, if that was before the mapping did; one whom it puts
 * there in the very moment in which the mapping does is taken for mapped.
 *
 * Any number of writers may come at once, also in several processes: each looks again after it has written, and the
 * last one leaves what all of them want. A process that ends in between leaves memberships as they were; `apply` brings
 * them to what the mappings say. Within a process, make one and keep it: its writers wait for each other rather than
 * look again.
 *
 * Members that are groups themselves are not followed: who is in them has to be in the external group itself.
 *
 * @throws {UnsupportedError} ids of groups are used again, so that a mapping would follow the id to another group.
 */
export function mapGroups(options: GroupMappingOptions): ExternalGroupRepository {
  return new ExternalGroupRepository(options);
}
