import type { Delete, Name, Upsert } from "../changes/index.js";

/** `entering`: known, not accepted by the store yet. `leaving`: on its way out. `gone`: a tombstone. */
export type LinkState = "entering" | "live" | "leaving" | "gone";

/** A change that the store refused, kept until it is accepted. */
export interface Failure {
  /** The code of the error, such as `uniqueness`. */
  readonly code: string;
  /** The error's message. */
  readonly message: string;
  /** What is still to be done. A group's members are not in it: their references are kept as they are stated. */
  readonly change: Upsert | Delete;
  /** The `sourceId` of the entry whose account is in the way, where that is why. */
  readonly blocker?: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it is tried next, in milliseconds since the epoch. */
  readonly nextAttempt: number;
}

/** What is known of an entry of a source and of the resource that stands for it. */
export interface Link {
  /** The permanent id of the entry in the source. */
  readonly sourceId: string;
  /** What the entry is. */
  readonly type: "User" | "Group";
  /** How far the entry has come, on its way in or out. */
  readonly state: LinkState;
  /** The id of the resource in the store, once there is one. */
  readonly resourceId?: string;
  /** The `userName` or `displayName` that the resource was last given by this source. */
  readonly name?: string;
  /** The resource was there before us: it is never deleted. */
  readonly adopted: boolean;
  /** The stamp of the last change that was applied. */
  readonly stamp?: string;
  /** The stamp of the delete that made it `gone`; after `<=`, one that was no earlier, where its own is not known. */
  readonly goneStamp?: string;
  /** What was applied, in short; absent while something is unfinished. */
  readonly digest?: string;
  /** The generation of the last refresh that mentioned the entry. A store never lowers it. */
  readonly seen: number;
  /** The account is inactive because we made it so: only then may we activate it. */
  readonly disabledByUs: boolean;
  /** A create that was begun and not confirmed: the name that the resource would have. */
  readonly intent?: {
    /** The `userName` or `displayName` that was sent. */
    readonly name: string;
  };
  /** The memberships that follow from it are still to be settled. */
  readonly dirty: boolean;
  /** The change that the store refused; absent where none waits to be tried again. */
  readonly failure?: Failure;
  /**
   * What distinguishes the resource from another one that gets the same id later, where the store uses ids again
   * (`Capabilities.ids`).
   */
  readonly resourceMark?: string;
  /** The attributes of the source for which the entry had a value when it was last applied, in short. */
  readonly valued?: string;
}

/** A link as seen from the resource. */
export interface LinkOwner {
  /** The name of the source that has the link. */
  readonly source: string;
  /** The permanent id of the entry in that source. */
  readonly sourceId: string;
  /** The state of the link; one that is `gone` is found, too. */
  readonly state: LinkState;
  /** The id of the resource in the store; absent where it is still to be created. */
  readonly resourceId?: string;
  /** What distinguishes the resource from a later one of its id, as {@link Link.resourceMark} does. */
  readonly resourceMark?: string;
  /** A create that was begun and not confirmed. */
  readonly intent?: {
    /** The `userName` or `displayName` that was sent. */
    readonly name: string;
  };
}

/** A name and the entry that has it. */
export interface HeldName extends Name {
  /** The permanent id of the entry. */
  readonly sourceId: string;
  /** The state of its link. A tombstone has none but the name of kind `id`. */
  readonly state: LinkState;
  /** The generation of the last refresh that mentioned the entry. */
  readonly seen: number;
}

/** Which links of a source to list or count; all conditions hold at once. */
export interface LinkSelection {
  /** In one of these states. Default: in any; of an empty list none match. */
  readonly states?: readonly LinkState[];
  /** Not mentioned since this generation began. */
  readonly seenBefore?: number;
  /** With memberships that are still to be settled. */
  readonly dirty?: true;
  /** With a change that the store refused. */
  readonly failed?: true;
  /** With a create that was begun and not confirmed. */
  readonly intended?: true;
  /** Without a digest: something that was received of the entry may not be applied. */
  readonly unfinished?: true;
}

/**
 * A store of links: which entry of a source stands for which resource, by which names entries are referred to, and what
 * is unfinished. For synchronisation only; it never holds the ids that a SCIM client uses.
 *
 * Every method takes and returns arrays, so that a store can answer with one statement. The order of writes is the
 * caller's protection against crashes: a method that returned has stored what it was given. Sources, ids and names may
 * be of any length, since the writers of the source choose them. Those that begin with the same 64 characters may
 * be in any order, if it is always the same.
 */
export abstract class LinkRepository {
  /** The link of each id, in the order of the ids; `undefined` where there is none. */
  abstract get(
    source: string,
    sourceIds: readonly string[],
  ): Promise<readonly (Link | undefined)[]>;

  /** Stores links; each replaces the one with its `sourceId`; but `seen` is never lowered. */
  abstract save(source: string, links: readonly Link[]): Promise<void>;

  /** Says that a refresh mentioned these entries, unless a later one has done so already. */
  abstract markSeen(
    source: string,
    sourceIds: readonly string[],
    generation: number,
  ): Promise<void>;

  /** Says whether memberships are still to be settled; ids without a link are ignored. */
  abstract markDirty(source: string, sourceIds: readonly string[], dirty: boolean): Promise<void>;

  /** Links that match, ordered by `sourceId` in code unit order, after the one named. */
  abstract list(
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Link[]>;

  /**
   * The ids of links that match, as {@link list} has these. Override it where less is read for that than whole links.
   */
  async listIds(
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly string[]> {
    return (await this.list(source, selection, page)).map((link) => link.sourceId);
  }

  /** How many links match. */
  abstract count(source: string, selection: LinkSelection): Promise<number>;

  /** The highest generation that a refresh has marked a link with; 0 without links. */
  abstract latestSeen(source: string): Promise<number>;

  /** Forgets links and their names. */
  abstract remove(source: string, sourceIds: readonly string[]): Promise<void>;

  /** The links of every source that stand for these resources. */
  abstract owners(
    type: "User" | "Group",
    resourceIds: readonly string[],
  ): Promise<readonly LinkOwner[]>;

  /** The links of every source that have begun to create a resource of this name. Compared without regard to case. */
  abstract intents(type: "User" | "Group", name: string): Promise<readonly LinkOwner[]>;

  /** The names of these entries, of kind `dn` and `uid`. */
  abstract names(source: string, sourceIds: readonly string[]): Promise<readonly HeldName[]>;

  /**
   * Sets the names of entries. A distinguished name has one holder: it is taken from its former one.
   * Names of kind `id` are not stored, since they are the `sourceId`.
   */
  abstract setNames(
    source: string,
    entries: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
  ): Promise<void>;

  /** Who has these names, in any state. A name of kind `id` is held by the link with that `sourceId`. */
  abstract holders(source: string, names: readonly Name[]): Promise<readonly HeldName[]>;
}
