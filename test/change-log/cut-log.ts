import { setImmediate } from "node:timers/promises";
import { UnavailableError } from "concordat";
import {
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
} from "concordat/repositories";

/** The process that wrote has ended. */
export class ProcessEnded extends Error {}

/** How writes to a log go wrong. */
export interface Cuts {
  /** Before or after which write the process ends, counted from where it began. */
  readonly life: number | undefined;
  readonly isDoneBefore: boolean;
  /** The numbers of the writes, of all processes, that have no result: the odd ones are done all the same. */
  readonly outages: readonly number[];
}

/** A log that one process uses, and that is cut off from it. */
export class CutLog extends ChangeLog {
  readonly #log: ChangeLog;
  readonly #cuts: Cuts;
  readonly #counter: { writes: number };
  #left: number;
  override readonly maxRecords: number;
  override readonly maxRecordBytes: number;

  constructor(log: ChangeLog, cuts: Cuts, counter: { writes: number }) {
    super();
    this.#log = log;
    this.#cuts = cuts;
    this.#counter = counter;
    this.#left = cuts.life ?? Number.POSITIVE_INFINITY;
    this.maxRecords = log.maxRecords;
    this.maxRecordBytes = log.maxRecordBytes;
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    await setImmediate();
    if (this.#left < 0) throw new ProcessEnded();
    const number = this.#counter.writes++;
    if (this.#left-- <= 0) {
      if (this.#cuts.isDoneBefore) await work();
      throw new ProcessEnded();
    }
    if (!this.#cuts.outages.includes(number)) return await work();
    if (number % 2 === 1) await work();
    throw new UnavailableError("It does not answer.", { mayBeDone: true });
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    await setImmediate();
    if (this.#left < 0) throw new ProcessEnded();
    return await work();
  }

  override async claim(body: string, expected: number): Promise<number> {
    return await this.#write(() => this.#log.claim(body, expected));
  }

  override async append(owner: number, records: readonly NewLogRecord[]): Promise<number> {
    return await this.#write(() => this.#log.append(owner, records));
  }

  override async remove(prefix: string): Promise<void> {
    await this.#write(() => this.#log.remove(prefix));
  }

  override async get(keys: readonly string[]): Promise<readonly LogRecord[]> {
    return await this.#read(() => this.#log.get(keys));
  }

  override under(prefix: string): AsyncIterable<LogRecord> {
    return this.#log.under(prefix);
  }

  override list(prefix: string): AsyncIterable<LogLabel> {
    return this.#log.list(prefix);
  }

  override async read(after: number): Promise<readonly LogRecord[]> {
    return await this.#read(() => this.#log.read(after));
  }

  override async last(): Promise<number> {
    return await this.#read(() => this.#log.last());
  }

  override async hasAfter(sequence: number): Promise<boolean> {
    return await this.#read(() => this.#log.hasAfter(sequence));
  }

  override async wait(after: number, options?: { signal?: AbortSignal }): Promise<void> {
    await this.#log.wait(after, options);
  }
}
