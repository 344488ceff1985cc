import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type RequestEvent, requestChannelName } from "concordat/scim-server";

/** A request as the log has it. */
export interface LogEntry extends RequestEvent {
  readonly time: Date;
}

/**
 * The last requests, and whoever wants to hear of the next. Passwords are masked in them; names and addresses of people
 * are not, so show the log to those only who may see the users.
 */
export class RequestLog implements Disposable {
  readonly #entries: LogEntry[] = [];
  readonly #listeners = new Set<(entry: LogEntry) => void>();
  readonly #note = (message: unknown): void => {
    const entry = { ...(message as RequestEvent), time: new Date() };
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, 100);
    for (const listener of this.#listeners) listener(entry);
  };

  constructor() {
    subscribe(requestChannelName, this.#note);
  }

  /** The last requests, the latest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Calls the listener with each request from now on, until the signal is aborted. */
  listen(listener: (entry: LogEntry) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  [Symbol.dispose](): void {
    unsubscribe(requestChannelName, this.#note);
  }
}
