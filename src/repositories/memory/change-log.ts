import { VersionConflictError } from "../../core/index.js";
import {
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
  ownerKey,
} from "../change-log.js";
import type { CallOptions } from "../resource-repository.js";

interface Kept extends LogRecord {
  readonly expiresAt: number;
}

/** Options of {@link InMemoryChangeLog}. */
export interface InMemoryChangeLogOptions {
  /** The most records that are written at once. Default 500. */
  readonly maxRecords?: number | undefined;
  /** The most bytes of a record. Default: 1 MiB. */
  readonly maxRecordBytes?: number | undefined;
  /** How many records are read at once. Default 500. */
  readonly pageSize?: number | undefined;
  /** The clock by which records expire, in milliseconds since the epoch. Default: the system's. */
  readonly now?: (() => number) | undefined;
}

/** A log in the memory of one process. */
export class InMemoryChangeLog extends ChangeLog {
  override readonly maxRecords: number;
  override readonly maxRecordBytes: number;
  readonly #pageSize: number;
  readonly #now: () => number;
  /** By key, in the order of their sequences. */
  readonly #records = new Map<string, Kept>();
  #firstExpiry = Number.POSITIVE_INFINITY;
  #last = 0;
  #written = Promise.withResolvers<void>();

  constructor(options: InMemoryChangeLogOptions = {}) {
    super();
    this.maxRecords = options.maxRecords ?? 500;
    this.maxRecordBytes = options.maxRecordBytes ?? 1024 * 1024;
    this.#pageSize = options.pageSize ?? 500;
    this.#now = options.now ?? Date.now;
  }

  override async claim(body: string, expected: number, options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    this.#assertOwner(expected);
    this.#write([{ key: ownerKey, body }]);
    return this.#last;
  }

  override async append(
    owner: number,
    records: readonly NewLogRecord[],
    options?: CallOptions,
  ): Promise<number> {
    options?.signal?.throwIfAborted();
    this.assertWritable(records);
    this.#assertOwner(owner);
    this.#write(records);
    return this.#last;
  }

  #assertOwner(expected: number): void {
    const owner = this.#records.get(ownerKey)?.sequence ?? 0;
    if (owner === expected) return;
    throw new VersionConflictError(`Another process writes the log: since ${owner}.`);
  }

  #write(records: readonly NewLogRecord[]): void {
    for (const { key, label = "", body, expiresIn } of records) {
      // What is written again moves to the end.
      this.#records.delete(key);
      this.#last++;
      const expiresAt =
        expiresIn === undefined ? Number.POSITIVE_INFINITY : this.#now() + expiresIn;
      this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt);
      this.#records.set(key, { key, sequence: this.#last, label, body, expiresAt });
    }
    this.#written.resolve();
    this.#written = Promise.withResolvers();
  }

  override async get(
    keys: readonly string[],
    options?: CallOptions,
  ): Promise<readonly LogRecord[]> {
    options?.signal?.throwIfAborted();
    this.#forgetExpired();
    return [...new Set(keys)].flatMap((key) => this.#records.get(key) ?? []).map(recordOf);
  }

  override async *under(prefix: string, options?: CallOptions): AsyncGenerator<LogRecord> {
    options?.signal?.throwIfAborted();
    this.#forgetExpired();
    yield* this.#under(prefix).map(recordOf);
  }

  override async *list(prefix: string, options?: CallOptions): AsyncGenerator<LogLabel> {
    options?.signal?.throwIfAborted();
    this.#forgetExpired();
    for (const { key, sequence, label } of this.#under(prefix)) yield { key, sequence, label };
  }

  #under(prefix: string): readonly Kept[] {
    return [...this.#records.values()].filter(({ key }) => key.startsWith(`${prefix}.`));
  }

  override async read(after: number, options?: CallOptions): Promise<readonly LogRecord[]> {
    options?.signal?.throwIfAborted();
    this.#forgetExpired();
    const found: LogRecord[] = [];
    for (const kept of this.#records.values()) {
      if (kept.sequence <= after) continue;
      found.push(recordOf(kept));
      if (found.length === this.#pageSize) break;
    }
    return found;
  }

  override async last(options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    return this.#last;
  }

  override async hasAfter(sequence: number, options?: CallOptions): Promise<boolean> {
    return (await this.read(sequence, options)).length > 0;
  }

  override async wait(after: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#last > after) return;
    const timer = Promise.withResolvers<void>();
    const handle = setTimeout(timer.resolve, 5_000);
    const stop = () => timer.reject(signal?.reason);
    signal?.addEventListener("abort", stop);
    try {
      await Promise.race([this.#written.promise, timer.promise]);
    } finally {
      clearTimeout(handle);
      signal?.removeEventListener("abort", stop);
    }
  }

  override async remove(prefix: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    for (const { key } of this.#under(prefix)) this.#records.delete(key);
  }

  #forgetExpired(): void {
    const now = this.#now();
    if (now < this.#firstExpiry) return;
    this.#firstExpiry = Number.POSITIVE_INFINITY;
    for (const { key, expiresAt } of this.#records.values()) {
      if (expiresAt <= now) this.#records.delete(key);
      else this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt);
    }
  }
}

function recordOf({ key, sequence, label, body }: Kept): LogRecord {
  return { key, sequence, label, body };
}
