import { UnsupportedError } from "../../core/index.js";

/**
 * What undoes the writes that were made, in the order in which they were made. A snapshot would take 1 ms of each map
 * of 10,000 rows, of which a target has a dozen, for every live change.
 */
export type Journal = (() => void)[];

/**
 * Runs operations one at a time: on the stores themselves, in a transaction, or in a savepoint of one.
 *
 * While a transaction runs, operations in the scope that began it wait for its end. So no half-done work is seen from
 * outside, and undoing a transaction's writes in reverse leaves exactly what was there before it.
 */
export class TransactionScope {
  /** The operations that wait, in all scopes that share the queue. */
  readonly #queue: { last: Promise<void> };
  #ended = false;
  /** The scope that began this one; absent on the stores themselves, whose writes are final. */
  readonly #outer: TransactionScope | undefined;
  readonly #journal: Journal | undefined;
  readonly #guard: (() => void) | undefined;

  constructor(
    outer?: TransactionScope,
    journal?: Journal,
    queue: { last: Promise<void> } = { last: Promise.resolve() },
    guard?: () => void,
  ) {
    this.#outer = outer;
    this.#journal = journal;
    this.#queue = queue;
    this.#guard = guard;
  }

  /** The same scope for a caller whose operations throw what the guard throws, as one step with it. */
  guardedBy(guard: () => void): TransactionScope {
    return new TransactionScope(this.#outer, this.#journal, this.#queue, guard);
  }

  /** Runs an operation, which is done when it returns and has changed nothing when it throws, in its turn. */
  run<R>(operation: (journal: Journal) => R, signal?: AbortSignal): Promise<R> {
    return this.#inTurn(() => {
      const journal = this.#journal ?? [];
      const begun = journal.length;
      this.#guard?.();
      try {
        return operation(journal);
      } catch (error) {
        rollBack(journal, begun);
        throw error;
      }
    }, signal);
  }

  /** Runs `work` in a scope whose writes are undone when it rejects. */
  transaction<R>(work: (inside: TransactionScope) => Promise<R>): Promise<R> {
    return this.#inTurn(async () => {
      const journal = this.#journal ?? [];
      const begun = journal.length;
      const inside = new TransactionScope(this, journal);
      try {
        return await work(inside);
      } catch (error) {
        // When this scope has ended before its savepoint, what was written is committed or undone already.
        if (!this.ended) rollBack(journal, begun);
        throw error;
      } finally {
        inside.#ended = true;
      }
    });
  }

  /**
   * Whether it is too late for writes. A savepoint ends with its transaction, even when its caller did not wait for it.
   */
  get ended(): boolean {
    return this.#ended || (this.#outer?.ended ?? false);
  }

  async #inTurn<R>(work: () => R | Promise<R>, signal?: AbortSignal): Promise<R> {
    signal?.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const before = this.#queue.last;
    this.#queue.last = before.then(() => turn.promise);
    try {
      await unlessAborted(before, signal);
      if (this.ended) {
        throw new UnsupportedError("The transaction that this repository is bound to has ended.");
      }
      return await work();
    } finally {
      turn.resolve();
    }
  }
}

function rollBack(journal: Journal, begun: number): void {
  while (journal.length > begun) journal.pop()?.();
}

/** Waits for the promise, or rejects with the signal's reason. */
async function unlessAborted(promise: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
