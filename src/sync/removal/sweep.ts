import type { Link } from "../../repositories/index.js";
import { isAhead, isEarlier, knownStamp } from "../comparison/order.js";
import { noLaterThan } from "../comparison/stamp.js";
import { pagesOfLinks } from "../step/links.js";
import type { Step } from "../step/step.js";
import { removeEntries } from "./removal.js";

/** Removes every entry that the refresh did not mention, and those whose removal was interrupted. */
export async function sweep(step: Step, stamp?: string): Promise<void> {
  const isLater = (known: string | undefined) => stamp !== undefined && isEarlier(stamp, known);
  for await (const page of unmentioned(step)) {
    await removeEntries(
      step,
      page.map((link) => {
        const known = knownStamp(link);
        const latest = isLater(known) ? known : stamp;
        return { link, ...(latest === undefined ? {} : { bound: noLaterThan(latest) }) };
      }),
    );
  }
}

/** The links of entries that are swept when the refresh ends now. */
export async function* unmentioned(step: Step): AsyncGenerator<readonly Link[]> {
  const selection = { states: presentStates, seenBefore: step.generation };
  for await (const page of pagesOfLinks(step.target.links, step.source, selection, 500)) {
    const some = page.filter((link) => isUnmentioned(step, link));
    if (some.length > 0) yield some;
  }
}

/** The states of entries that are in the content, or on their way into it or out of it. */
const presentStates = ["entering", "live", "leaving"] as const;

/** What the source has yet to receive it cannot mention. */
function isUnmentioned(step: Step, link: Link): boolean {
  if (step.refresh.comparison?.mentioned.has(link.sourceId) === true) return false;
  if (!isAhead(knownStamp(link), step.ordering)) return true;
  step.refresh.comparison?.noteBehind();
  return false;
}

/** Forgets entries that are gone and have left no account, once a later refresh has not brought them back. */
export async function forgetTombstones(step: Step): Promise<void> {
  const { links } = step.target;
  const selection = { states: ["gone"], seenBefore: step.generation } as const;
  for await (const page of pagesOfLinks(links, step.source, selection, 1_000)) {
    // A source that has yet to receive the deletion may still tell of the entry, as it was before that.
    const ahead = new Set(page.filter((link) => isAhead(link.goneStamp, step.ordering)));
    if (ahead.size > 0) step.refresh.comparison?.noteBehind();
    const forgotten = page.filter((link) => link.resourceId === undefined && !ahead.has(link));
    if (forgotten.length === 0) continue;
    await links.remove(
      step.source,
      forgotten.map((link) => link.sourceId),
    );
  }
}
