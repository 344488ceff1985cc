import type { Name } from "../changes/index.js";

/** A member as a group of the source states it. */
export interface Reference extends Name {
  /** The `sourceId` of the group. */
  readonly group: string;
  /** The `sourceId` of the entry that is meant; absent while no entry has the name. */
  readonly target?: string;
}

/** Which grant: who is in which group of the store. */
export interface GrantKey {
  /** The id of the group. */
  readonly group: string;
  /**
   * The member by its relative URI, `Users/<id>` or `Groups/<id>`, since the ids alone need not distinguish users from
   * groups.
   */
  readonly member: string;
}

/** That this source added a member to a group of the store, or is about to. */
export interface Grant extends GrantKey {
  /** The membership is this source's to take away: it was not there before. */
  readonly ours: boolean;
  /** The membership was made; `false` from before it is added, and from before it is removed. */
  readonly held: boolean;
}

/** A grant and the source that made it. */
export interface SourceGrant extends Grant {
  /** The name of the source. */
  readonly source: string;
}

/**
 * A store of references, as a source states them, and of grants, which say whose a membership is.
 *
 * A method that returned has stored what it was given. Sources, ids and keys may be of any length, since the writers of
 * the directory to the source chooses them. Those that begin with the same 64 characters may be in any order, if it is
 * always the same.
 */
export abstract class MembershipRepository {
  /** The references of a group after the one named, ordered by kind, then key, in code unit order. */
  abstract references(
    source: string,
    group: string,
    page: { readonly after?: Name; readonly count: number },
  ): Promise<readonly Reference[]>;

  /** Stores references, or their targets where they are stored already. */
  abstract saveReferences(source: string, references: readonly Reference[]): Promise<void>;

  /** Forgets references; their targets do not matter. */
  abstract removeReferences(source: string, references: readonly Reference[]): Promise<void>;

  /** References of any group by one of these names. */
  abstract referencesBy(source: string, names: readonly Name[]): Promise<readonly Reference[]>;

  /** References of any group that are bound to these entries. */
  abstract referencesTo(source: string, targets: readonly string[]): Promise<readonly Reference[]>;

  /** This source's grants to these members, by their relative URIs. */
  abstract grantsTo(source: string, members: readonly string[]): Promise<readonly Grant[]>;

  /** This source's grants in a group, after the member named, ordered by member in code unit order. */
  abstract grantsIn(
    source: string,
    group: string,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Grant[]>;

  /** At most so many of this source's grants that are not held: of memberships that are being made or ended. */
  abstract grantsNotHeld(source: string, count: number): Promise<readonly Grant[]>;

  /** The grants of every source with exactly these keys. */
  abstract grantsOf(keys: readonly GrantKey[]): Promise<readonly SourceGrant[]>;

  /** Stores grants; each replaces the source's one with the same key. */
  abstract saveGrants(source: string, grants: readonly Grant[]): Promise<void>;

  /** Forgets this source's grants with these keys. */
  abstract removeGrants(source: string, keys: readonly GrantKey[]): Promise<void>;
}
