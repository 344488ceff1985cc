import type { Name } from "../changes/index.js";
import type { HeldName, Link, LinkRepository } from "./link-repository.js";
import type { Grant, MembershipRepository, Reference } from "./membership-repository.js";

/** A link of an entry that has a resource. */
export type LinkedEntry = Link & {
  /** The id of the resource in the store. */
  readonly resourceId: string;
};

/** References that may have to mean others than they do. */
export interface Bindings {
  /** The references, each with the entry that it is bound to now; in any order. */
  readonly references: readonly Reference[];
  /** Names of the entries that were asked about, as far as they were read on the way. */
  readonly held: readonly HeldName[];
}

/** A membership that is to be, and is not known to be. */
export interface MissingMembership {
  /** The link of the group. */
  readonly group: LinkedEntry;
  /** The link of the member. */
  readonly member: LinkedEntry;
  /** An earlier attempt that was not confirmed. */
  readonly grant?: Grant;
}

/** How the memberships of entries differ from what the references say. */
export interface MembershipDifferences {
  /** References say so, both sides are accepted, and no grant is held. */
  readonly missing: readonly MissingMembership[];
  /** Grants to these entries of what no reference says, or of which a side is not accepted any more. */
  readonly surplus: readonly Grant[];
}

/** A membership that was made. */
export interface MadeMembership {
  /** The one that was missing, as {@link SettlementStore.differences} gave it. */
  readonly membership: MissingMembership;
  /** It was not there before, and is this source's to take away. */
  readonly ours: boolean;
}

/** All members that a group states. */
export interface StatedGroup {
  /** The `sourceId` of the group. */
  readonly group: string;
  /** The name of each member. */
  readonly names: readonly Name[];
}

/** What was stored of stated groups. */
export interface StatedReferences {
  /** The groups of which all references are stored now. */
  readonly groups: ReadonlySet<string>;
  /** The entries that were not marked before. */
  readonly marked: readonly string[];
}

/**
 * Answers as a whole what the settling of memberships asks about many entries at once, for nested groups that are kept
 * as they are. It speaks of the same references and grants as the stores of links and memberships beside it, with which
 * it shares transactions.
 *
 * Without one, the stores are read and compared, as {@link SyncTarget.settlement} says. A database can compare by
 * itself.
 */
export abstract class SettlementStore {
  /**
   * Makes sure that what is asked here is read from the tables that these stores write to.
   *
   * @throws {UnsupportedError} one of them is another's store, or one of other tables or another database.
   */
  abstract assertOwn(links: LinkRepository, memberships: MembershipRepository): void;

  /**
   * The references by a name of these entries, and those that are bound to them; of these, at least all that may have
   * to mean another entry, or none.
   */
  abstract bindings(source: string, sourceIds: readonly string[]): Promise<Bindings>;

  /** How the memberships of these entries differ from what references say, as they are bound now. */
  abstract differences(
    source: string,
    members: readonly LinkedEntry[],
  ): Promise<MembershipDifferences>;

  /** Stores that memberships were made: a grant of each that is held. */
  abstract confirm(source: string, made: readonly MadeMembership[]): Promise<void>;

  /**
   * Stores the references of groups of which none is stored yet, each bound to the entry in the content that has the
   * name and was seen in this generation or later, and marks these entries as dirty. A group with a name that has not
   * one such holder is left as it is, and so is one of which references are stored.
   */
  abstract state(
    source: string,
    groups: readonly StatedGroup[],
    seen: number,
  ): Promise<StatedReferences>;

  /** The references of a group, in any order. */
  abstract references(source: string, group: string): AsyncIterable<readonly Reference[]>;
}
