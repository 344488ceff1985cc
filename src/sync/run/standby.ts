import { setTimeout as sleep } from "node:timers/promises";

/** How often it is looked during a lease whether the one that works is alive. */
const looks = 10;

/**
 * Waits until nobody works any more: until as many looks in a row have found the same as fit into the lease, by the
 * clock of this process alone, since clocks of several machines differ. Looks are counted, and not the time between
 * the first and the last, or a process that was frozen itself would take that for the silence of the other one.
 *
 * @param look the last sign that somebody works; undefined: nobody ever has.
 * @param isSame whether there was none between two of them.
 * @returns the sign that was the last one.
 */
export async function untilSilent<T>(
  look: () => Promise<T | undefined>,
  isSame: (one: T, other: T) => boolean,
  { lease, signal }: { readonly lease: number; readonly signal: AbortSignal | undefined },
): Promise<T | undefined> {
  let last = await look();
  for (let same = 0; last !== undefined && same < looks; ) {
    try {
      await sleep(Math.max(1, lease / looks), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
    const now = await look();
    same = now !== undefined && isSame(last, now) ? same + 1 : 0;
    last = now;
  }
  return last;
}
