import type { Link, SyncTarget } from "../../repositories/index.js";
import type { Comparison } from "../comparison/comparison.js";
import type { Digests } from "../comparison/digests.js";
import type { Ordering } from "../comparison/order.js";
import type { StatedMembers } from "../memberships/stated-members.js";
import type { Outcome, Subject } from "../outcome.js";
import type { Settings } from "../settings.js";
import type { TakingAway, TakingAwayInWords } from "./limits.js";

/** The stores as one runner has them. */
export interface RunnerTarget extends SyncTarget {
  /**
   * Where there is no transaction: makes sure, before each write to the application, that no other runner has taken the stream over.
   *
   * @throws {StreamTakenError} one has.
   */
  beforeWrite?(): Promise<void>;
}

/**
 * One step of synchronisation: what is applied together, in one transaction where the target has one.
 *
 * Without a transaction every write stands by itself, so the order of writes is what makes a crash harmless: first what is
 * intended, then the effect, then the confirmation. Such a step is `bare`.
 */
export interface Step extends Ordering {
  readonly source: string;
  readonly target: RunnerTarget;
  readonly settings: Settings;
  readonly phase: "snapshot" | "live" | "reconcile";
  readonly generation: number;
  /** What the refresh under way shows; absent while there is none. */
  readonly comparison?: Comparison;
  /** Whether lost values count. */
  readonly countsCleared: boolean;
  /**
   * Counts what is about to be taken away, given the step or the savepoint that does it.
   *
   * @throws {LimitReached} where it is too much, with what it is in words.
   */
  take(step: Step, taking: TakingAway, inWords?: TakingAwayInWords): Promise<void>;
  /** Of so many members who leave now, how many have not been counted when their groups stated it. */
  unforeseen(members: number): number;
  /** There is no transaction to undo what was begun. */
  readonly bare: boolean;
  /** What was done; told to the caller once the step is committed. */
  readonly outcomes: Outcome[];
  /** Entries that this step marked unsettled: saving a link that was read before must not unmark it. */
  readonly marked: Set<string>;
  /** Entries that lost a name to another in this step: what was applied of them does not tell any more what is stored. */
  readonly displaced: Set<string>;
  /** The distinguished names that entries gave up in this step, or lost to another. */
  readonly givenUp: Set<string>;
  /** Entries whose account was renamed or removed, so that its name may be free. */
  readonly moved: Set<string>;
  /**
   * Groups that have stated their members since a name among these was last given up. The directory may have rewritten the
   * others without telling, so before somebody else who takes such a name becomes a member, the group is read again.
   */
  readonly reliable: Set<string>;
  /** The members of large groups as they are stored. */
  readonly stated: StatedMembers;
  /** What changes tell, in short. */
  readonly digests: Digests;
  /** Groups that are to be read again, which is done between two steps; absent where the source cannot do so. */
  readonly doubtful?: Set<string>;
  /** Entries that are said to be unchanged and are not known. Before a checkpoint is stored, they have to be. */
  readonly missing: Set<string>;
  /** Says that the stored state does not fit the stream, so that everything has to be read anew. */
  askForRefresh(reason: string): void;
  /** Whether that was said. What follows cannot be judged then, a sweep least of all. */
  needsRefresh(): boolean;
}

/** Does work that is undone as a whole if it rejects, where the target has transactions. */
export async function savepoint<R>(step: Step, work: (step: Step) => Promise<R>): Promise<R> {
  if (step.target.transaction === undefined) return await work(step);
  const outcomes: Outcome[] = [];
  const result = await step.target.transaction((target) => work({ ...step, target, outcomes }));
  step.outcomes.push(...outcomes);
  return result;
}

/** Says durably that the memberships that follow from these entries are to be settled. */
export async function markUnsettled(step: Step, sourceIds: Iterable<string>): Promise<void> {
  const ids = [...new Set(sourceIds)];
  if (ids.length === 0) return;
  for (const id of ids) step.marked.add(id);
  await step.target.links.markUnsettled(step.source, ids, true);
}

/**
 * Stores links as they are known to the caller, who read them before this step may have marked the entries or given their
 * names to others: every such save keeps that, or a crash right after it would lose it.
 */
export async function saveLinks(step: Step, links: readonly Link[]): Promise<void> {
  await step.target.links.save(
    step.source,
    links.map((link) => {
      const known = step.displaced.has(link.sourceId) ? without(link, "digest") : link;
      return step.marked.has(link.sourceId) ? { ...known, unsettled: true } : known;
    }),
  );
}

/** The entry of a link, for an outcome. */
export function subjectOf(link: Link): Subject {
  return {
    type: link.type,
    sourceId: link.sourceId,
    ...(link.resourceId === undefined ? {} : { resourceId: link.resourceId }),
    ...(link.name === undefined ? {} : { name: link.name }),
  };
}

/** Whether the application has accepted the entry, so that memberships can name it. */
export function isAccepted(link: Link | undefined): link is Link & { resourceId: string } {
  return link?.state === "live" && link.resourceId !== undefined;
}

/** A copy of a record without some of its optional properties. */
export function without<T extends object, K extends keyof T>(record: T, ...keys: K[]): Omit<T, K> {
  const copy = { ...record };
  for (const key of keys) delete copy[key];
  return copy;
}

/** Slices of a list, so that no single call to a store grows with the directory. */
export function* slices<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

/** How many entries of the source are linked. */
export async function linkedCount({ target, source }: Step): Promise<number> {
  return await target.links.count(source, { states: ["entering", "live", "leaving"] });
}
