import {
  type Failure,
  isRefusal,
  type Link,
  type LinkRepository,
} from "../../repositories/index.js";
import type { Removal } from "../accepted-removals.js";
import { rename } from "../accounts/name-conflict.js";
import type { Subject } from "../outcome.js";
import { applyDeletes } from "../removal/deletes.js";
import { accountsOf, nameOf } from "../step/accounts.js";
import { pagesOfLinks, subjectOf } from "../step/links.js";
import { type Step, savepoint } from "../step/step.js";
import { retryUpserts } from "./upsert.js";

const PAGE = 500;

/** An entry with a change that the application refused. */
export interface RefusedChange extends Subject {
  /** The change, why it was refused, and when it is tried again. */
  readonly failure: Failure;
}

/**
 * The changes of a source that are kept because the application refused them, with the reason and the number of
 * attempts.
 */
export async function* refusedChanges(
  links: LinkRepository,
  source: string,
): AsyncGenerator<RefusedChange> {
  for await (const link of failedLinks(links, source)) {
    const { failure } = link;
    if (failure === undefined) continue;
    // One that was never accepted has no name but the one that was refused.
    const name =
      link.name ?? (failure.change.kind === "upsert" ? nameOf(failure.change) : undefined);
    yield { ...subjectOf(link), ...(name === undefined ? {} : { name }), failure };
  }
}

/**
 * Which refused changes to try again: all, those whose time has come, or those that wait for a name that is free now.
 */
export type Occasion = "all" | "due" | "freed";

/**
 * Tries again what was refused. An account that gets its new name may free the old one for the next, so it goes on for
 * as long as something moves; names that wait for each other in a circle are untied by a temporary name.
 *
 * @returns when the next refused change is due, in milliseconds since the epoch.
 */
export async function retryRefused(step: Step, occasion: Occasion): Promise<number | undefined> {
  const untied = new Set<string>();
  const freedBefore = step.freed.take();
  let failed = await allFailed(step);
  let next = failed.filter((link) => isCandidate(step, link, occasion, freedBefore));
  for (;;) {
    while (next.length > 0) {
      await retry(step, next);
      failed = await allFailed(step);
      const freed = step.freed.take();
      next = failed.filter((link) => isWaitingFor(link, freed));
    }
    const freed = await untie(step, failed, untied);
    if (freed === undefined) return earliest(failed);
    next = failed.filter((link) => isWaitingFor(link, new Set([freed])));
  }
}

function isCandidate(
  step: Step,
  link: Link,
  occasion: Occasion,
  freed: ReadonlySet<string>,
): boolean {
  if (occasion === "all" || isWaitingFor(link, freed)) return true;
  const now = step.settings.now();
  return occasion === "due" && (link.failure?.nextAttempt ?? now) <= now;
}

async function allFailed(step: Step): Promise<readonly Link[]> {
  const failed: Link[] = [];
  for await (const link of failedLinks(step.target.links, step.source)) failed.push(link);
  return failed;
}

function isWaitingFor({ failure }: Link, freed: ReadonlySet<string>): boolean {
  return failure?.blocker !== undefined && freed.has(failure.blocker);
}

async function retry(step: Step, refused: readonly Link[]): Promise<void> {
  // What was refused was counted when it came. What was put off is taken away only now.
  const { accepted, foreseen } = step.settings;
  const putOff = refused.filter((link) => {
    if (link.failure?.code !== "adopted") return false;
    const removal: Removal = { kind: "inactive", ...subjectOf(link) };
    foreseen?.add([removal]);
    return !accepted.isAccepted(removal);
  });
  if (putOff.length > 0) {
    const removals = { deletions: [], memberships: [], deactivations: putOff.map(subjectOf) };
    await step.limits.take(step, { removals: putOff.length }, { removals });
  }
  await retryUpserts(step, refused);
  await applyDeletes(
    step,
    refused.flatMap(({ failure }) => (failure?.change.kind === "delete" ? [failure.change] : [])),
  );
}

/**
 * Gives one account of a circle of names a temporary name.
 *
 * @returns the entry whose name is free by that, if there is a circle.
 */
async function untie(
  step: Step,
  failed: readonly Link[],
  untied: Set<string>,
): Promise<string | undefined> {
  const waiting = new Map(failed.map((link) => [link.sourceId, link]));
  for (const start of failed) {
    const link = circleThrough(start, waiting);
    if (link?.resourceId === undefined || untied.has(link.sourceId)) continue;
    const { resourceId, failure, type } = link;
    if (failure?.change.kind !== "upsert") continue;
    if (accountsOf(step.target, type)?.canRename !== true) continue;
    untied.add(link.sourceId);
    const name = link.name ?? nameOf(failure.change) ?? type;
    try {
      await savepoint(step, (inner) => rename(inner, type, resourceId, `${name}~${resourceId}`));
    } catch (error) {
      if (isRefusal(error)) continue;
      throw error;
    }
    return link.sourceId;
  }
  return undefined;
}

/** The link itself, if each waits for the name of the next all the way round to it. */
function circleThrough(start: Link, waiting: ReadonlyMap<string, Link>): Link | undefined {
  const visited = new Set<string>();
  for (let link: Link | undefined = start; link !== undefined; ) {
    if (visited.has(link.sourceId)) return link.sourceId === start.sourceId ? start : undefined;
    visited.add(link.sourceId);
    const blocker: string | undefined = link.failure?.blocker;
    link = blocker === undefined ? undefined : waiting.get(blocker);
  }
  return undefined;
}

function earliest(failed: readonly Link[]): number | undefined {
  const times = failed.flatMap(({ failure }) =>
    failure === undefined ? [] : [failure.nextAttempt],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

async function* failedLinks(links: LinkRepository, source: string): AsyncGenerator<Link> {
  for await (const page of pagesOfLinks(links, source, { failed: true }, PAGE)) yield* page;
}
