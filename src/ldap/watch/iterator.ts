import type { ChangeBatch } from "../../changes/index.js";
import { isReasonOf } from "../../core/index.js";
import type { PassingBatch } from "../sync/reading.js";

type Result = IteratorResult<ChangeBatch, void>;

/**
 * The iteration over a reading, which `return()` can end while `next()` waits, perhaps for hours, for a change.
 *
 * An async generator by itself cannot be ended so: it sees to `return()` when the `next()` before it has been answered.
 */
export class WatchIterator implements AsyncIterableIterator<ChangeBatch, void> {
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #batches: AsyncGenerator<PassingBatch, void>;

  /** @param read - Begins to read; it ends when the signal is aborted, which is given the other one's reason, too. */
  constructor(
    read: (signal: AbortSignal) => AsyncGenerator<PassingBatch, void>,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal;
    const stopped = this.#stop.signal;
    this.#batches = read(signal === undefined ? stopped : AbortSignal.any([signal, stopped]));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    try {
      const result = await this.#batches.next();
      if (result.done === true) return result;
      const batch = { ...result.value };
      result.value.changes = [];
      return { done: false, value: batch };
    } catch (error) {
      // A consumer that left does not get the end of the waiting.
      const isLeft = this.#stop.signal.aborted || isReasonOf(this.#signal, error);
      if (isLeft) return { done: true, value: undefined };
      throw error;
    }
  }

  async return(): Promise<Result> {
    this.#stop.abort();
    await this.#batches.return();
    return { done: true, value: undefined };
  }
}
