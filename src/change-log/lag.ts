import type { SourceLag } from "../changes/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import { readKey } from "./keys.js";
import { readReaderPosition } from "./reader-position.js";
import { isStillSo, ownerOf } from "./terms.js";

/** How many changes are counted at most. */
const most = 10_000;

/** How far a log has gone on since the checkpoint of a reader. Records that say nothing to readers are not counted. */
export async function lagBehindLog(
  log: ChangeLog,
  checkpoint: string,
  options: CallOptions,
): Promise<SourceLag> {
  const position = readReaderPosition(checkpoint);
  if (position === undefined) {
    return { known: false, reason: "The checkpoint is not of a change log." };
  }
  const owner = await ownerOf(log, options);
  if (owner === undefined || !isStillSo(owner, position.term, position.sequence)) {
    return { known: false, reason: "The log went back since then; everything is read anew." };
  }
  let changes = 0;
  for (let at = position.sequence; changes < most; ) {
    const page = await log.read(at, options);
    changes += page.filter(({ key }) => readKey(key).kind !== "other").length;
    const last = page.at(-1);
    if (last === undefined) return { known: true, isAhead: changes > 0, changes };
    at = last.sequence;
  }
  return { known: true, isAhead: true };
}
