import type { GroupRepository, ResourceRepository, UserRepository } from "../repositories/index.js";
import type { Resource, ResourceRequest, ScimProfile } from "../scim/index.js";

/** On whose behalf a request is made: one connection of one provisioning client to one tenant. */
export interface Principal {
  /**
   * Names the connection. Cursors are good only for the one that they were given to. It is written to logs, so it is to
   * be no secret.
   */
  readonly id: string;
  /**
   * The tenant whose stores it is given. Writes of one tenant to one id are made one after the other, where they have
   * to be; state it so that they do not wait for those of others, above all where ids are small numbers. Default: see
   * `Capabilities.versions`: where a store has versions, the principal counts as the tenant; where it has none, the
   * writes of all who have such an id wait for each other.
   */
  readonly tenant?: string | undefined;
  /**
   * How far the requests of this client may be from the RFCs, such as `entraProfile`. Default: the `profile` of
   * `createScimServer`.
   */
  readonly profile?: ScimProfile | undefined;
}

/** The stores of one tenant. A type for which there is none here does not exist for the principal. */
export interface ScimRepositories {
  /** Of the type `User`. */
  readonly users?: UserRepository;
  /** Of the type `Group`. */
  readonly groups?: GroupRepository;
  /** Of other types, by the name of the type. */
  readonly others?: Readonly<Record<string, ResourceRepository<Resource, ResourceRequest>>>;
  /**
   * Runs `work` with the same stores, bound to one transaction: a user's attributes and password are then changed
   * together or not at all. Without it, a password that the store refuses leaves the other changes made. A `SyncTarget`
   * can be given as it is.
   */
  transaction?<R>(work: (repositories: ScimRepositories) => Promise<R>): Promise<R>;
}
