/** Lets work on one key be done one piece after the other, in the order in which it was asked for. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does the work when everything that was asked for before under the same key has ended. */
  async run<R>(key: string, work: () => Promise<R>, signal?: AbortSignal): Promise<R> {
    signal?.throwIfAborted();
    const before = this.#last.get(key) ?? Promise.resolve();
    const own = before.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    const settled = own.then(ignore, ignore);
    this.#last.set(key, settled);
    try {
      return await own;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}

function ignore(): void {}
