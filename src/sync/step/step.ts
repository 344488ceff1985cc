import type { Digests } from "../comparison/digests.js";
import type { Ordering } from "../comparison/order.js";
import type { Refresh } from "../comparison/refresh.js";
import type { Outcome } from "../outcome.js";
import type { RunnerTarget, StepContext } from "./context.js";
import type { FreedNames } from "./freed-names.js";
import type { GivenUpNames } from "./given-up-names.js";
import type { GroupTrust } from "./group-trust.js";
import type { StepLimits } from "./limits.js";
import type { StepLinks } from "./links.js";
import type { Protection } from "./protection.js";

/**
 * One step of synchronisation: what is applied together, in one transaction where the target has one.
 *
 * Without a transaction every write stands by itself, so the order of writes is what makes a crash harmless: first what
 * is intended, then the effect, then the confirmation.
 */
export interface Step extends StepContext {
  /** Whether a change is newer than what is known. */
  readonly ordering: Ordering;
  /** What changes say, in short. */
  readonly digests: Digests;
  /** What the refresh under way shows, and whether everything has to be read anew. */
  readonly refresh: Refresh;
  /** That a link which is saved stays dirty. */
  readonly links: StepLinks;
  /** Which names entries gave up. */
  readonly givenUp: GivenUpNames;
  /** Which groups can be believed. */
  readonly groups: GroupTrust;
  /** Whose account gave up its name. */
  readonly freed: FreedNames;
  /** How much is taken away. */
  readonly limits: StepLimits;
  /** What may not be touched. */
  readonly protection: Protection;
}

/** The step within a transaction. */
export function within(step: Step, target: RunnerTarget): Step {
  return { ...step, target, links: step.links.within(target.links) };
}

/** Does work that is undone as a whole if it rejects, where the target has transactions. */
export async function savepoint<R>(step: Step, work: (step: Step) => Promise<R>): Promise<R> {
  if (step.target.transaction === undefined) return await work(step);
  const outcomes: Outcome[] = [];
  const result = await step.target.transaction((target) =>
    work({ ...within(step, target), outcomes }),
  );
  step.outcomes.push(...outcomes);
  return result;
}
