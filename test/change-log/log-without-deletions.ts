import {
  type CallOptions,
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
} from "concordat/repositories";

/** A log as it is read when all deletions have expired that were ever written. */
export class LogWithoutDeletions extends ChangeLog {
  readonly #log: ChangeLog;
  override readonly maxRecords: number;
  override readonly maxRecordBytes: number;

  constructor(log: ChangeLog) {
    super();
    this.#log = log;
    this.maxRecords = log.maxRecords;
    this.maxRecordBytes = log.maxRecordBytes;
  }

  override claim(body: string, expected: number): Promise<number> {
    return this.#log.claim(body, expected);
  }

  override append(owner: number, records: readonly NewLogRecord[]): Promise<number> {
    return this.#log.append(owner, records);
  }

  override remove(prefix: string): Promise<void> {
    return this.#log.remove(prefix);
  }

  override async get(keys: readonly string[]): Promise<readonly LogRecord[]> {
    return (await this.#log.get(keys)).filter((record) => !isDeletion(record));
  }

  override under(prefix: string): AsyncIterable<LogRecord> {
    return this.#log.under(prefix);
  }

  override list(prefix: string): AsyncIterable<LogLabel> {
    return this.#log.list(prefix);
  }

  override async read(after: number): Promise<readonly LogRecord[]> {
    for (let at = after; ; ) {
      const page = await this.#log.read(at);
      const kept = page.filter((record) => !isDeletion(record));
      if (kept.length > 0 || page.length === 0) return kept;
      at = page.at(-1)?.sequence ?? at;
    }
  }

  override last(): Promise<number> {
    return this.#log.last();
  }

  override async hasAfter(sequence: number): Promise<boolean> {
    return (await this.read(sequence)).length > 0;
  }

  override wait(after: number, options?: CallOptions): Promise<void> {
    return this.#log.wait(after, options);
  }
}

function isDeletion({ key, body }: LogRecord): boolean {
  return key.startsWith("e.") && JSON.parse(body).kind === "gone";
}
