import type { GroupMappingRepository } from "../group-mapping-repository.js";
import type { GroupRepository } from "../group-repository.js";
import type { MembershipRepository } from "../membership-repository.js";
import type { Refusal } from "../resource-repository.js";

/** Options of `mapGroups`. */
export interface GroupMappingOptions {
  /** The groups as the identity provider has them. What comes and goes here is followed. */
  readonly external: GroupRepository;
  /** The application's own groups. Their members are users of the same ids. */
  readonly local: GroupRepository;
  /** Which group is mapped to which. */
  readonly mappings: GroupMappingRepository;
  /** Keeps which members were added to which local group, so that no other member is removed. */
  readonly memberships: MembershipRepository;
  /** Names these external groups in `memberships`, where several sources share it. Default: `mapped groups`. */
  readonly source?: string | undefined;
  /** Is called with each membership that the local store refused. What was refused is tried again by `apply`. */
  readonly onRefusal?: ((refusal: MappingRefusal) => void) | undefined;
}

/** A membership that the local store refused to make or to end. */
export interface MappingRefusal {
  /** The id of the local group. */
  readonly group: string;
  /** The id of the user. */
  readonly member: string;
  /** Why it was refused. */
  readonly error: Refusal;
}

/** How many memberships of local groups were changed. */
export interface MappingReport {
  /** How many members were added. */
  readonly added: number;
  /** How many members were removed. */
  readonly removed: number;
  /** How many were refused by the local store. */
  readonly refused: number;
}
