import { LdapProtocolError, LdapResultError } from "../wire/errors.js";
import type { EncodedMessage, LdapSearchRequest } from "../wire/message.js";
import { encodeSearch } from "../wire/request.js";
import type { Response } from "../wire/response.js";
import type { LdapSession, PendingRequest } from "./session.js";

type Batch<M> = IteratorResult<readonly M[], undefined>;

/** How a search is made. */
export interface LdapSearchOptions {
  /** Ends the search, with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * It is read to its end before anything else is taken from the connection. Reading then goes on beyond
   * `highWaterMark` while it is under way, since its messages may come behind those of other searches. Default: false.
   */
  readonly isAwaited?: boolean;
}

interface Waiter<M> {
  resolve(batch: Batch<M>): void;
  reject(error: unknown): void;
}

const done: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * One search, and the messages of it that have arrived and not been taken.
 *
 * An iterator of its own rather than a generator: `return()` must be able to end a search that waits, perhaps for
 * hours, for the next change of a directory.
 */
export class Search<M> implements AsyncIterableIterator<readonly M[], undefined>, PendingRequest {
  readonly #session: LdapSession;
  readonly #request: LdapSearchRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #offersCancel: () => boolean;
  #id: number | undefined;
  readonly #read: (message: EncodedMessage) => M;
  readonly #isAwaited: boolean;
  /** Lets reading stop again, where it must not while this is awaited. */
  #release: (() => void) | undefined;
  #arrived: M[] = [];
  #arrivedBytes = 0;
  readonly #waiters: Waiter<M>[] = [];
  /** Set when there will be no more messages; what has arrived can still be taken. */
  #end: { readonly error?: unknown } | undefined;

  /** @param read - Makes of a message what the search yields. */
  constructor(
    session: LdapSession,
    request: LdapSearchRequest,
    offersCancel: () => boolean,
    { signal, isAwaited = false }: LdapSearchOptions,
    read: (message: EncodedMessage) => M,
  ) {
    this.#read = read;
    this.#session = session;
    this.#request = request;
    this.#offersCancel = offersCancel;
    this.#signal = signal;
    this.#isAwaited = isAwaited;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Everything that has arrived; waits for something to arrive if nothing has. The first call sends the request. */
  next(): Promise<Batch<M>> {
    return new Promise((resolve, reject) => {
      if (this.#id === undefined && this.#end === undefined) this.#begin();
      this.#waiters.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Gives up the search, and tells the server so unless it has finished. */
  return(): Promise<Batch<M>> {
    const id = this.#id;
    if (this.#conclude({}) && id !== undefined) this.#session.abandon(id);
    this.#discard();
    this.#serve();
    return Promise.resolve(done);
  }

  receive(response: Response, size: number): boolean {
    if (response.kind !== "result") {
      if (this.#end === undefined) this.#add(response, size);
      return false;
    }
    if (response.operation !== "search") {
      throw new LdapProtocolError("a search was answered by something other than a search result");
    }
    if (this.#end !== undefined) return true;
    if (response.resultCode === 0) {
      this.#add({ kind: "done", controls: response.controls }, size);
      this.#conclude({});
    } else {
      this.#conclude({ error: new LdapResultError("search", response) });
    }
    this.#serve();
    return true;
  }

  fail(error: Error): void {
    this.#conclude({ error });
    this.#serve();
  }

  #begin(): void {
    if (this.#signal?.aborted) {
      this.#conclude({ error: this.#signal.reason });
      return;
    }
    try {
      this.#id = this.#session.request((id) => encodeSearch(id, this.#request), this);
      if (this.#isAwaited) this.#release = this.#session.backPressure.hold();
      this.#signal?.addEventListener("abort", this.#onAbort);
    } catch (error) {
      this.#conclude({ error });
    }
  }

  readonly #onAbort = (): void => {
    const id = this.#id;
    this.#conclude({ error: this.#signal?.reason });
    this.#discard();
    this.#serve();
    if (id === undefined) return;
    if (this.#offersCancel()) this.#session.cancel(id);
    else this.#session.abandon(id);
  };

  #add(message: EncodedMessage, size: number): void {
    this.#arrived.push(this.#read(message));
    this.#arrivedBytes += size;
    this.#session.backPressure.add(size);
    // A pending read is served when the whole chunk has been read, so that one turn brings all of it.
    if (this.#arrived.length === 1 && this.#waiters.length > 0) queueMicrotask(() => this.#serve());
  }

  /** Returns whether it was not over before. */
  #conclude(end: { readonly error?: unknown }): boolean {
    if (this.#end !== undefined) return false;
    this.#end = end;
    this.#release?.();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }

  #discard(): void {
    this.#arrived = [];
    this.#session.backPressure.release(this.#arrivedBytes);
    this.#arrivedBytes = 0;
  }

  /** Gives what there is to the pending reads: first the messages, then, once, the error, and then the end. */
  #serve(): void {
    while (this.#arrived.length > 0 || this.#end !== undefined) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      if (this.#arrived.length > 0) {
        const value = this.#arrived;
        this.#discard();
        waiter.resolve({ done: false, value });
      } else if (this.#end !== undefined && "error" in this.#end) {
        const { error } = this.#end;
        this.#end = {};
        waiter.reject(error);
      } else {
        waiter.resolve(done);
      }
    }
  }
}
