import type { CallOptions } from "./resource-repository.js";

/** The types of which a store has ids of its own. */
export type IdentifiedType = "User" | "Group";

/** What is known of a resource beside what its store knows. */
export interface MappedIdentity {
  /** What the resource is. Ids of users and of groups are looked up apart. */
  readonly type: IdentifiedType;
  /** The id by which the resource is known outside: never given to another one, not even when it is deleted. */
  readonly id: string;
  /**
   * The id that the store gave it. Absent once the store has it no more, since a store may give that id to another one.
   */
  readonly localId?: string;
  /**
   * What the store called the resource while it had it, for whatever else is known there by that id: the sessions of a
   * user outlive the account. Nothing is looked up by it, and another resource may have that id by now.
   */
  readonly formerLocalId?: string;
  /**
   * What distinguishes the resource from another one that gets its `localId` later, where the store uses ids again.
   */
  readonly mark?: string;
  /** What the provisioning client calls the resource. */
  readonly externalId?: string;
  /** Whether it was created through the map, or was there before and was found. */
  readonly origin: "created" | "found";
  /** When it was created or found, as `xsd:dateTime`. */
  readonly created: string;
  /** When it was last written through the map. */
  readonly lastModified: string;
  /** When it was deleted. With a `localId`, the store still has it, deactivated. */
  readonly deleted?: string;
  /** Counts the writes to the resource. */
  readonly version: number;
  /** Counts the saves of this record. */
  readonly revision: number;
}

/**
 * A store of identities, for one tenant. Every method takes and returns arrays where a store can answer with one
 * statement.
 */
export abstract class IdentityMapRepository {
  /** The identities with these ids, deleted ones too, in the order of the ids. */
  abstract get(
    type: IdentifiedType,
    ids: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]>;

  /**
   * The identities of what the store calls so, in the order of these ids; of what is deleted too, while the store has
   * it.
   */
  abstract byLocalId(
    type: IdentifiedType,
    localIds: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]>;

  /** The identities with this `externalId`, compared exactly, without deleted ones. */
  abstract byExternalId(
    type: IdentifiedType,
    externalId: string,
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]>;

  /** Whether there are deleted resources that the store still has. */
  abstract hasRetained(type: IdentifiedType, options?: CallOptions): Promise<boolean>;

  /**
   * Stores identities, each unless there is one with its `localId`, as one step: of any number of concurrent calls for
   * one `localId` the first has it.
   *
   * @returns the identities that are stored now, in order.
   */
  abstract add(
    identities: readonly MappedIdentity[],
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]>;

  /**
   * Stores an identity with the next revision, as one step, if the stored one still has the revision that it has.
   *
   * @returns the identity as it is stored now.
   * @throws {VersionConflictError} another writer saved it meanwhile.
   */
  abstract save(identity: MappedIdentity, options?: CallOptions): Promise<MappedIdentity>;

  /** Counts a write to the resource, as one step; the revision stays. An id that is not known is ignored. */
  abstract touch(
    type: IdentifiedType,
    id: string,
    lastModified: string,
    options?: CallOptions,
  ): Promise<void>;
}
