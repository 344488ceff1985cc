import type { Link } from "../../repositories/index.js";
import { isAhead, isEarlier, knownStamp } from "../comparison/order.js";
import { noLaterThan } from "../comparison/stamp.js";
import { pagesOfLinks, slices } from "../step/links.js";
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

/**
 * The links of entries that are swept when the refresh ends now. Of those that it has mentioned no more than the ids
 * are read.
 */
export async function* unmentioned(step: Step): AsyncGenerator<readonly Link[]> {
  const selection = { states: presentStates, seenBefore: step.generation };
  for (let after: string | undefined; ; ) {
    const ids = await step.target.links.listIds(step.source, selection, {
      count: 5_000,
      ...(after === undefined ? {} : { after }),
    });
    const left = ids.filter((id) => step.refresh.comparison?.mentioned.has(id) !== true);
    for (const some of slices(left, 500)) {
      const page = (await step.links.existing(some)).filter((link) => isSwept(step, link));
      if (page.length > 0) yield page;
    }
    after = ids.at(-1);
    if (after === undefined || ids.length < 5_000) return;
  }
}

/** The states of entries that are in the content, or on their way into it or out of it. */
const presentStates = ["entering", "live", "leaving"] as const;

/** Whether an entry that was not mentioned goes. What the source has yet to receive it cannot mention. */
function isSwept(step: Step, link: Link): boolean {
  if (!presentStates.some((state) => state === link.state)) return false;
  return !isAhead(knownStamp(link), step.ordering);
}

/** Forgets entries that are gone and have left no account, once a later refresh has not brought them back. */
export async function forgetTombstones(step: Step): Promise<void> {
  const { links } = step.target;
  const selection = { states: ["gone"], seenBefore: step.generation } as const;
  for await (const page of pagesOfLinks(links, step.source, selection, 1_000)) {
    // A source that has yet to receive the deletion may still report the entry, as it was before that.
    const forgotten = page.filter(
      ({ resourceId, goneStamp }) => resourceId === undefined && !isAhead(goneStamp, step.ordering),
    );
    if (forgotten.length === 0) continue;
    await links.remove(
      step.source,
      forgotten.map((link) => link.sourceId),
    );
  }
}
