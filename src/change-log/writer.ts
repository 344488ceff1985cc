import { setTimeout as sleep } from "node:timers/promises";
import { StreamTakenError, UnavailableError, VersionConflictError } from "../core/index.js";
import type { CallOptions, ChangeLog, NewLogRecord } from "../repositories/index.js";
import { leaseKey, newToken } from "./keys.js";
import { nextOwner, ownerOf } from "./terms.js";

/** How often something is tried while a log cannot be reached, and how long to wait, in milliseconds. */
export interface Outages {
  readonly attempts: number;
  readonly delay: number;
  readonly maxDelay: number;
}

/** The log went back, as if restored from a backup, and what is known of it is not so. */
export class LogWentBack extends Error {
  /** From which sequence on everything that was read before is no part of the log any more. */
  readonly until: number;

  constructor(until: number) {
    super("The change log went back to an earlier state.");
    this.until = until;
  }
}

/** What a writer does. */
export interface WriterSettings {
  readonly source: string;
  readonly horizon: number;
  readonly outages: Outages;
  readonly lease?: number | undefined;
}

/** How often a publisher tries to become the owner, where others try at the same time. */
const claims = 100;

/** Writes a log for as long as nobody else does. */
export class LogWriter {
  readonly #log: ChangeLog;
  readonly #source: string;
  readonly #outages: Outages;
  readonly #options: CallOptions;
  readonly #owner: number;
  #last: number;
  readonly #pending = new Map<string, NewLogRecord>();
  #pendingBytes = 0;
  readonly #removals: string[] = [];
  /** How long nothing may be written before another process takes over, in milliseconds. */
  readonly #lease: number;
  #writtenAt = performance.now();

  private constructor(
    log: ChangeLog,
    { source, outages, lease = Number.POSITIVE_INFINITY }: WriterSettings,
    options: CallOptions,
    owner: number,
  ) {
    this.#log = log;
    this.#source = source;
    this.#outages = outages;
    this.#lease = lease;
    this.#options = options;
    this.#owner = owner;
    this.#last = owner;
  }

  /**
   * Becomes the owner of a log: whoever was it before can write nothing more.
   *
   * @param expected whose record it replaces, by its sequence; undefined: whoever is the owner.
   * @param until from which sequence on what was read in the term before does not count.
   */
  static async takeOver(
    log: ChangeLog,
    settings: WriterSettings,
    options: CallOptions,
    { expected, until }: { readonly expected?: number; readonly until?: number } = {},
  ): Promise<LogWriter> {
    const { source, horizon, outages } = settings;
    const term = newToken();
    let failures = 0;
    for (let attempt = 1; ; attempt++) {
      const before = await retried(outages, options, () => ownerOf(log, options));
      if (expected !== undefined && expected !== (before?.sequence ?? 0) && before?.term !== term) {
        throw new StreamTakenError(source);
      }
      const owner = nextOwner({ source, term, horizon }, before, until);
      try {
        const body = JSON.stringify(owner);
        const sequence = await log.claim(body, before?.sequence ?? 0, options);
        return new LogWriter(log, settings, options, sequence);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof UnavailableError && ++failures < outages.attempts) {
          await pause(outages, failures, error, options);
        } else if (!(error instanceof VersionConflictError) || attempt >= claims) throw error;
      }
    }
  }

  /** The sequence of what was written last. */
  get last(): number {
    return this.#last;
  }

  /** How many bytes a record may have. */
  takes(record: NewLogRecord): boolean {
    return bytesOf(record) <= this.#log.maxRecordBytes;
  }

  /** Writes a record with the next ones. */
  async put(record: NewLogRecord): Promise<void> {
    const isFull =
      this.#pending.size >= this.#log.maxRecords || this.#pendingBytes > maxPendingBytes;
    // What was written before another record stays before it.
    if (isFull || this.#pending.has(record.key)) await this.flush();
    this.#pending.set(record.key, record);
    this.#pendingBytes += bytesOf(record);
  }

  /** What is to be written of a key and is not yet. */
  pending(key: string): NewLogRecord | undefined {
    return this.#pending.get(key);
  }

  /** How long it is until it has to be shown that this process is alive, in milliseconds. */
  get leaseDelay(): number {
    return Math.max(0, this.#writtenAt + this.#lease / 3 - performance.now());
  }

  /** Shows that this process is alive, where nothing has shown it for a while. */
  async renew(): Promise<void> {
    if (this.leaseDelay === 0) await this.#append([{ key: leaseKey, body: "" }]);
  }

  /** Removes records for good once all that was put is written. */
  removeLater(prefix: string): void {
    this.#removals.push(prefix);
  }

  /** Writes everything that was put. */
  async flush(): Promise<void> {
    if (this.#pending.size > 0) {
      const records = [...this.#pending.values()];
      await this.#append(records);
      this.#pending.clear();
      this.#pendingBytes = 0;
    }
    for (const prefix of this.#removals.splice(0)) {
      await retried(this.#outages, this.#options, () => this.#log.remove(prefix, this.#options));
    }
  }

  async #append(records: readonly NewLogRecord[]): Promise<void> {
    let attempts = 0;
    let last: number;
    try {
      last = await retried(this.#outages, this.#options, () => {
        attempts++;
        return this.#log.append(this.#owner, records, this.#options);
      });
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error;
      throw new StreamTakenError(this.#source, { cause: error });
    }
    const least = this.#last + records.length;
    const before = last - records.length;
    // Of an attempt that had no result it is not known whether it was written.
    const most = this.#last + records.length * attempts;
    this.#last = last;
    this.#writtenAt = performance.now();
    if (last < least || last > most) throw new LogWentBack(before + 1);
  }
}

/** How many bytes are written at once at most, but for the last record. */
const maxPendingBytes = 4 * 1024 * 1024;

function bytesOf({ key, label = "", body }: NewLogRecord): number {
  return key.length + Buffer.byteLength(label) + Buffer.byteLength(body);
}

/** Tries something again and again while the log cannot be reached. */
export async function retried<T>(
  outages: Outages,
  options: CallOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof UnavailableError) || attempt >= outages.attempts) throw error;
      await pause(outages, attempt, error, options);
    }
  }
}

/** Waits before something is tried again, each time twice as long. */
async function pause(
  { delay, maxDelay }: Outages,
  attempt: number,
  { retryAfter = 0 }: UnavailableError,
  { signal }: CallOptions,
): Promise<void> {
  await sleep(
    Math.max(retryAfter, Math.min(maxDelay, delay * 2 ** (attempt - 1))),
    undefined,
    signal === undefined ? {} : { signal },
  );
}
