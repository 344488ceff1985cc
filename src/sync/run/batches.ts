import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeBatch, ChangeStream } from "../../changes/index.js";

/** The longest time that a timer can run, in milliseconds. */
const longest = 2 ** 31 - 1;

/**
 * The batches of a stream after a checkpoint, and `due` whenever something else is before the next one comes.
 *
 * @param delay How long it is until then, in milliseconds; it is asked for each batch.
 */
export async function* batchesOf(
  stream: ChangeStream,
  after: string | undefined,
  delay: () => number,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal | undefined },
): AsyncGenerator<ChangeBatch | "due", void, undefined> {
  const stop = new AbortController();
  const batches = stream
    .read({
      signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
      ...(after === undefined ? {} : { after }),
      ...(follow ? {} : { follow }),
    })
    [Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<ChangeBatch>> | undefined;
  try {
    for (;;) {
      pending ??= batches.next();
      const next = await withinTime(pending, Math.min(longest, delay()), signal);
      if (next === undefined) {
        yield "due";
        continue;
      }
      pending = undefined;
      // A stream may end quietly when it is asked to stop.
      signal?.throwIfAborted();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stop.abort();
    // A batch that is still awaited is not wanted any more, and neither is the error with which the wait ends.
    const ended = Promise.resolve(pending?.catch(() => undefined)).then(() => batches.return?.());
    if (pending === undefined) await ended;
    else
      await Promise.race([ended.catch(() => undefined), sleep(1_000, undefined, { ref: false })]);
  }
}

/**
 * What a promise comes to, or nothing where that takes longer. A stream that does not heed the signal is not waited
 * for.
 */
async function withinTime<T>(
  pending: Promise<T>,
  delay: number,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const timer = new AbortController();
  const wait = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  try {
    return await Promise.race([
      pending,
      sleep(delay, undefined, { signal: wait }).catch(() => undefined),
    ]);
  } finally {
    timer.abort();
    signal?.throwIfAborted();
  }
}
