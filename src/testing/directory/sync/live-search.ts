import type { Write } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import type { SyncMessage } from "./message.js";

/** A write that has been taken note of. */
export interface RecordedWrite extends Write {
  /** Whether the provider says that its content holds everything up to this write. */
  readonly advances: boolean;
}

/** What a search that persists needs to know. */
export interface LiveSearchOptions {
  /** How many changes may wait for the consumer. */
  readonly maxQueued: number;
  /** Whether changes are missed that are made before the refresh has ended. Default false. */
  readonly missesRefresh?: boolean;
  /** What a write means for the content, if anything. */
  readonly describe: (write: RecordedWrite) => SyncMessage | undefined;
  readonly onClose: () => void;
}

/** A search that persists: changes wait here until the connection can take them. */
export class LiveSearch implements AsyncDisposable {
  readonly #options: LiveSearchOptions;
  #queue: RecordedWrite[] = [];
  #wake: (() => void) | undefined;
  #overflown = false;
  #isRefreshed = false;

  constructor(options: LiveSearchOptions) {
    this.#options = options;
  }

  /** Takes a change; a consumer that lets too many wait is given up. */
  push(write: RecordedWrite): void {
    if (this.#options.missesRefresh === true && !this.#isRefreshed) return;
    if (this.#queue.length >= this.#options.maxQueued) {
      this.#overflown = true;
      this.#queue = [];
      this.close();
    } else {
      this.#queue.push(write);
    }
    this.#wake?.();
  }

  /** The refresh is about to end. */
  endRefresh(): void {
    this.#isRefreshed = true;
  }

  /** Takes no more changes. */
  close(): void {
    this.#options.onClose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * The changes, as they happen, until the signal aborts.
   *
   * @throws {DirectoryError} busy when too many changes waited for the consumer.
   */
  async *messages(signal: AbortSignal): AsyncGenerator<SyncMessage, void> {
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        if (this.#overflown) {
          throw new DirectoryError(ResultCode.busy, "the consumer does not read its changes");
        }
        const writes = this.#queue;
        this.#queue = [];
        for (const write of writes) {
          if (signal.aborted) return;
          const message = this.#options.describe(write);
          if (message) yield message;
        }
        if (this.#queue.length === 0 && !signal.aborted && !this.#overflown) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.close();
    }
  }
}
