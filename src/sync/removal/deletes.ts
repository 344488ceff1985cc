import type { Delete } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import { isOutdatedDelete, readAgainIfUnsure } from "../comparison/order.js";
import { noLaterThan, readBound } from "../comparison/stamp.js";
import type { Step } from "../step/step.js";
import { type Leaving, removeEntries } from "./removal.js";

/** Applies deletes by id. One that is older than what is known of the entry is stale. */
export async function applyDeletes(step: Step, deletes: readonly Delete[]): Promise<void> {
  const stored = await step.links.of(deletes);
  const leaving: Leaving[] = [];
  const dated: Link[] = [];
  const isRefresh = step.phase === "snapshot";
  for (const [index, change] of deletes.entries()) {
    const { sourceId, stamp } = change;
    step.refresh.noteGone(sourceId);
    const link = stored[index];
    if (link === undefined) continue;
    if (link.state === "gone") {
      if (isDated(link, stamp)) dated.push({ ...link, goneStamp: stamp });
      continue;
    }
    if (isOutdatedDelete(step.ordering, change, link))
      readAgainIfUnsure(step.ordering, change, link);
    else if (stamp === undefined) leaving.push({ link });
    // In a refresh, the stamp is that of the last deletion of several.
    else leaving.push({ link, stamp, ...(isRefresh && { bound: noLaterThan(stamp) }) });
  }
  if (dated.length > 0) await step.links.replace(dated);
  await removeEntries(step, leaving);
}

/** Whether a delete says when an entry was deleted of which it was not known, and that it was later than could be. */
function isDated({ goneStamp }: Link, stamp: string | undefined): stamp is string {
  if (goneStamp === undefined || stamp === undefined) return false;
  const { latest, isBound } = readBound(goneStamp);
  return isBound && stamp > latest;
}
