import {
  type DependentColumn,
  type GroupMap,
  type MemberMap,
  memberships,
  type UserMap,
} from "./column-map.js";
import { newId } from "./new-id.js";
import type { TableNames } from "./table-names.js";

/** The users of the package's own tables. */
export function ownUserMap(names: TableNames): UserMap {
  return {
    table: names.user,
    id: { column: "id", generate: newId },
    attributes: {
      userName: { column: "user_name", key: "user_name_key" },
      externalId: "external_id",
      displayName: "display_name",
      "name.givenName": "given_name",
      "name.familyName": "family_name",
      active: "active",
    },
    others: { column: "attributes", key: "attributes_key" },
    version: "version",
    created: "created",
    lastModified: "last_modified",
    dependents: [ownMemberships(names)],
  };
}

/** Where it is stored which of the package's own groups a resource is in. */
export function ownMemberships(names: TableNames): DependentColumn {
  return memberships(ownMemberMap(names), {
    table: names.group,
    id: { column: "id" },
    version: "version",
    lastModified: "last_modified",
  });
}

/** The groups of the package's own tables. */
export function ownGroupMap(names: TableNames): GroupMap {
  return {
    table: names.group,
    id: { column: "id", generate: newId },
    attributes: {
      displayName: { column: "display_name", key: "display_name_key" },
      externalId: "external_id",
    },
    others: { column: "attributes", key: "attributes_key" },
    version: "version",
    created: "created",
    lastModified: "last_modified",
    // The rows of its own members are removed by the repository.
    dependents: [ownMemberships(names)],
  };
}

/** The members of the groups of the package's own tables. */
export function ownMemberMap(names: TableNames): MemberMap {
  return { table: names.groupMember, group: "group_id", member: "member_id", type: "member_type" };
}
