import type { CallOptions } from "./resource-repository.js";

/** That the members of a group of the identity provider are to be in a group of the application, both by their ids. */
export interface GroupMapping {
  /** The id of the external group. */
  readonly external: string;
  /** The id of the local group. */
  readonly local: string;
}

/**
 * A store of the mappings that administrators make, for one tenant: one external group to any number of local ones, and
 * one local group from any number of external ones. Ids may be of any length.
 */
export abstract class GroupMappingRepository {
  /** The ids of the local groups that an external group is mapped to. It is asked whenever members come or go. */
  abstract localGroups(external: string, options?: CallOptions): Promise<readonly string[]>;

  /** The ids of the external groups that are mapped to a local group. */
  abstract externalGroups(local: string, options?: CallOptions): Promise<readonly string[]>;

  /** Every mapping, by external group, then by local group, in code unit order. */
  abstract list(options?: CallOptions): Promise<readonly GroupMapping[]>;

  /** Stores a mapping; one that is there stays. */
  abstract save(mapping: GroupMapping, options?: CallOptions): Promise<void>;

  /** Forgets a mapping; one that is not there is ignored. */
  abstract remove(mapping: GroupMapping, options?: CallOptions): Promise<void>;
}
