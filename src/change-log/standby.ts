import { type CallOptions, type ChangeLog, ownerKey } from "../repositories/index.js";
import { untilSilent } from "../sync/internal.js";

/** Waits until nobody writes a log. @returns the sequence of the record of its last owner; 0: there was none. */
export async function untilUnwritten(
  log: ChangeLog,
  lease: number,
  options: CallOptions,
): Promise<number> {
  const sign = await untilSilent(
    () => lastSign(log, options),
    (one, other) => one.latest === other.latest,
    { lease, signal: options.signal },
  );
  return sign?.owner ?? 0;
}

/** The sequences of the owner's record and of the last one that shows that somebody writes. */
async function lastSign(
  log: ChangeLog,
  options: CallOptions,
): Promise<{ readonly owner: number; readonly latest: number } | undefined> {
  const [owner] = await log.get([ownerKey], options);
  return owner && { owner: owner.sequence, latest: await log.last(options) };
}
