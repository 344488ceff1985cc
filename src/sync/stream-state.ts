import type { StreamPosition, SyncTarget } from "../repositories/index.js";
import { type RefusedChange, refusedChanges } from "./entries/refused.js";
import { pagesOfReferences } from "./memberships/reading-settlement.js";
import type { Subject } from "./outcome.js";
import { pagesOfLinks, subjectOf } from "./step/links.js";

/** How far a stream was followed, and what waits. */
export interface StreamState {
  /** The name of the stream. */
  readonly source: string;
  /** Where the next run resumes; absent where it begins by reading everything. */
  readonly checkpoint?: string;
  /** How many refreshes were begun; 0 where the stream was never followed. */
  readonly refreshes: number;
  /** Entries that stand for a resource, or are about to. */
  readonly linked: {
    /** How many of them are users. */
    readonly users: number;
    /** How many of them are groups. */
    readonly groups: number;
  };
  /** Changes that the application refused, the reason and the time of the next attempt with each; at most `most`. */
  readonly refused: readonly RefusedChange[];
  /** Members that groups state and that are no entries, as far as is known; at most `most`. */
  readonly pending: readonly PendingMember[];
  /** Entries whose memberships are still to be settled. */
  readonly dirty: number;
  /** What was taken away lately, which counts towards `maxDeletes` and `maxCleared`. */
  readonly taken: NonNullable<StreamPosition["taken"]>;
  /** Whether there are more refused changes or pending members than are listed. */
  readonly isCut: boolean;
}

/** A member that a group states, and that is no known entry yet. */
export interface PendingMember {
  /** The group that states the member. */
  readonly group: Subject;
  /** How the group names the member, as `dn`, `uid` or `id`. */
  readonly kind: string;
  /** The name, normalised, as `Name.key` has it. */
  readonly key: string;
}

/**
 * Reads what is stored about a stream, beside a process that follows it. It writes nothing, and the pages that it is
 * read in may be of different moments.
 *
 * The option `most` says how many refused changes, and how many pending members, are listed: 1,000 by default. All groups
 * are looked through for pending members: `Infinity` of a large directory takes as long as a refresh of its groups.
 *
 * @param source the name of the stream, `ChangeStream.source`.
 */
export async function streamState(
  target: Pick<SyncTarget, "links" | "memberships" | "checkpoints">,
  source: string,
  { most = 1_000 }: { readonly most?: number } = {},
): Promise<StreamState> {
  const { links } = target;
  const position = await target.checkpoints.load(source);
  const refused: RefusedChange[] = [];
  let isCut = false;
  for await (const change of refusedChanges(links, source)) {
    isCut = refused.length >= most;
    if (isCut) break;
    refused.push(change);
  }
  const pending: PendingMember[] = [];
  const linked = { users: 0, groups: 0 };
  for await (const page of pagesOfLinks(
    links,
    source,
    { states: ["entering", "live", "leaving"] },
    1_000,
  )) {
    for (const link of page) {
      if (link.type === "User") {
        linked.users += 1;
        continue;
      }
      linked.groups += 1;
      if (pending.length > most) continue;
      const group = subjectOf(link);
      for await (const references of pagesOfReferences(target.memberships, source, link.sourceId)) {
        for (const { target: bound, kind, key } of references) {
          if (bound === undefined && pending.length <= most) pending.push({ group, kind, key });
        }
        if (pending.length > most) break;
      }
    }
  }
  isCut ||= pending.length > most;
  return {
    source,
    ...(position?.checkpoint === undefined ? {} : { checkpoint: position.checkpoint }),
    refreshes: position?.generation ?? 0,
    linked,
    refused,
    pending: pending.slice(0, most),
    dirty: await links.count(source, { dirty: true }),
    taken: position?.taken ?? [],
    isCut,
  };
}
