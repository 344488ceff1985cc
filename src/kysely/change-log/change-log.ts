import { setTimeout as sleep } from "node:timers/promises";
import { UnsupportedError, VersionConflictError } from "../../core/index.js";
import {
  type CallOptions,
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
  ownerKey,
} from "../../repositories/index.js";
import { type TableOptions, tableNames } from "../column-map/table-names.js";
import { batches, lists } from "../sql/parameters.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { encodeText } from "../sql/stored-text.js";

/** Options of {@link KyselyChangeLog}. */
export interface KyselyChangeLogOptions extends TableOptions {
  /** Which log of those in the tables it is. Default `main`. */
  readonly log?: string | undefined;
  /** How often it is looked whether something was written, in milliseconds. Default 500. */
  readonly pollInterval?: number | undefined;
  /** How many records are written and read at once at most. Default 500. */
  readonly pageSize?: number | undefined;
  /** The most bytes of a record. Default: 16 MiB. */
  readonly maxRecordBytes?: number | undefined;
  /** The clock by which records expire, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

interface Row {
  readonly record_key: string;
  readonly sequence: number | string;
  readonly label: string;
  readonly body: string;
}

interface Head {
  readonly owner: number | string;
  readonly last: number | string;
}

/** How long a reader waits for something new before it looks at the log as a whole, in milliseconds. */
const longestWait = 5_000;

/** How often what has expired is removed, in milliseconds. */
const purgeInterval = 3_600_000;

function logTables({ dialect }: Session, options: TableOptions) {
  const { version } = tableNames(options);
  const prefix = version.slice(0, -"version".length);
  if (dialect.name === "mariadb") {
    throw new UnsupportedError("A change log is kept in SQLite or PostgreSQL.");
  }
  return { records: dialect.quote(`${prefix}log`), heads: dialect.quote(`${prefix}log_head`) };
}

/**
 * Makes the tables of change logs, where they are not there: one of their records, and one of their ends. Any number of
 * processes may call it at once.
 *
 * @throws {UnsupportedError} the database is MariaDB.
 */
export async function createChangeLogTables(
  db: KyselyDatabase,
  options: TableOptions & CallOptions = {},
): Promise<void> {
  const session = new Session(db);
  const { records, heads } = logTables(session, options);
  // Keys that begin alike are looked for by their order, which is to be that of their bytes.
  const text = session.dialect.name === "postgres" ? `text collate "C"` : "text";
  await session.atomically(async (inside) => {
    await inside.write(
      () => `create table if not exists ${heads}
        (log ${text} not null primary key, owner bigint not null, last bigint not null)`,
      options,
    );
    await inside.write(
      () => `create table if not exists ${records}
        (log ${text} not null, record_key ${text} not null, sequence bigint not null, label text not null,
        body text not null, expires_at bigint, primary key (log, record_key), unique (log, sequence))`,
      options,
    );
  });
}

/**
 * A change log in two tables that {@link createChangeLogTables} makes: SQLite for the processes of one machine,
 * PostgreSQL for those of several. The one that writes locks the end of the log, so that sequences are committed in
 * their order; readers ask again and again whether there is something new.
 *
 * It is not to be used in a transaction of the host.
 */
export class KyselyChangeLog extends ChangeLog {
  override readonly maxRecords: number;
  override readonly maxRecordBytes: number;
  readonly #session: Session;
  readonly #records: string;
  readonly #heads: string;
  readonly #log: string;
  readonly #pollInterval: number;
  readonly #now: () => number;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(db: KyselyDatabase, options: KyselyChangeLogOptions = {}) {
    super();
    this.#session = new Session(db);
    const { records, heads } = logTables(this.#session, options);
    this.#records = records;
    this.#heads = heads;
    this.#log = encodeText(options.log ?? "main");
    this.#pollInterval = options.pollInterval ?? 500;
    this.maxRecords = options.pageSize ?? 500;
    this.maxRecordBytes = options.maxRecordBytes ?? 16 * 1024 * 1024;
    this.#now = options.now ?? Date.now;
  }

  override async claim(body: string, expected: number, options?: CallOptions): Promise<number> {
    return await this.#session.atomically(async (session) => {
      await session.write(
        (p) => `insert into ${this.#heads} (log, owner, last)
          values ${p.rows([[this.#log, 0, 0]])} on conflict do nothing`,
        options,
      );
      const last = await this.#hold(session, expected, options);
      await this.#write(session, last, [{ key: ownerKey, body }], options);
      await this.#purge(session, options);
      return last + 1;
    });
  }

  override async append(
    owner: number,
    records: readonly NewLogRecord[],
    options?: CallOptions,
  ): Promise<number> {
    this.assertWritable(records);
    return await this.#session.atomically(async (session) => {
      const last = await this.#hold(session, owner, options);
      await this.#write(session, last, records, options);
      if (this.#purgedAt < this.#now() - purgeInterval) await this.#purge(session, options);
      return last + records.length;
    });
  }

  /** Locks the end of the log until the transaction ends. @returns the last sequence. */
  async #hold(session: Session, expected: number, options?: CallOptions): Promise<number> {
    await session.write(
      (p) => `update ${this.#heads} set last = last where log = ${p.value(this.#log)}`,
      options,
    );
    const [head] = await session.read<Head>(
      (p) => `select owner, last from ${this.#heads} where log = ${p.value(this.#log)}`,
      options,
    );
    const owner = Number(head?.owner ?? 0);
    if (head !== undefined && owner === expected) return Number(head.last);
    throw new VersionConflictError(`Another process writes the log, since its record ${owner}.`);
  }

  async #write(
    session: Session,
    before: number,
    records: readonly NewLogRecord[],
    options?: CallOptions,
  ): Promise<void> {
    // Of a key that is written twice, the last state counts.
    const last = new Map(records.map(({ key }, index) => [key, index]));
    const rows = records.flatMap(({ key, label = "", body, expiresIn }, index) => {
      const expiresAt = expiresIn === undefined ? null : Math.ceil(this.#now() + expiresIn);
      const row = [this.#log, key, before + 1 + index, label, body, expiresAt];
      return last.get(key) === index ? [row] : [];
    });
    for (const keys of lists([...last.keys()])) {
      await session.write(
        (p) => `delete from ${this.#records}
          where log = ${p.value(this.#log)} and record_key in ${p.list(keys)}`,
        options,
      );
    }
    for (const some of batches(rows)) {
      await session.write(
        (p) =>
          session.insertText(
            p,
            `insert into ${this.#records} (log, record_key, sequence, label, body, expires_at)`,
            some,
            "",
          ),
        options,
      );
    }
    const isOwner = last.has(ownerKey);
    await session.write(
      (p) => `update ${this.#heads} set last = ${p.value(before + records.length)}
        ${isOwner ? `, owner = ${p.value(before + 1 + (last.get(ownerKey) ?? 0))}` : ""}
        where log = ${p.value(this.#log)}`,
      options,
    );
  }

  async #purge(session: Session, options?: CallOptions): Promise<void> {
    this.#purgedAt = this.#now();
    await session.write(
      (p) => `delete from ${this.#records}
        where log = ${p.value(this.#log)} and expires_at <= ${p.value(this.#now())}`,
      options,
    );
  }

  override async get(
    keys: readonly string[],
    options?: CallOptions,
  ): Promise<readonly LogRecord[]> {
    const found: LogRecord[] = [];
    for (const some of lists([...new Set(keys)])) {
      const rows = await this.#session.read<Row>(
        (p) => `select record_key, sequence, label, body from ${this.#records}
          where log = ${p.value(this.#log)} and record_key in ${p.list(some)}`,
        options,
      );
      found.push(...rows.map(recordOf));
    }
    return found;
  }

  override async *under(prefix: string, options?: CallOptions): AsyncGenerator<LogRecord> {
    for await (const row of this.#pages(prefix, "record_key, sequence, label, body", options)) {
      yield recordOf(row);
    }
  }

  override async *list(prefix: string, options?: CallOptions): AsyncGenerator<LogLabel> {
    for await (const row of this.#pages(prefix, "record_key, sequence, label", options)) {
      yield { key: row.record_key, sequence: Number(row.sequence), label: row.label };
    }
  }

  async *#pages(prefix: string, columns: string, options?: CallOptions): AsyncGenerator<Row> {
    // A slash is the character after the dot.
    const end = `${prefix}/`;
    for (let after = `${prefix}.`; ; ) {
      const start = after;
      const rows = await this.#session.read<Row>(
        (p) => `select ${columns} from ${this.#records}
          where log = ${p.value(this.#log)} and record_key > ${p.value(start)} and record_key < ${p.value(end)}
          order by record_key limit ${this.maxRecords}`,
        options,
      );
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < this.maxRecords) return;
      after = last.record_key;
    }
  }

  override async read(after: number, options?: CallOptions): Promise<readonly LogRecord[]> {
    const rows = await this.#session.read<Row>(
      (p) => `select record_key, sequence, label, body from ${this.#records}
        where log = ${p.value(this.#log)} and sequence > ${p.value(after)}
        order by sequence limit ${this.maxRecords}`,
      options,
    );
    return rows.map(recordOf);
  }

  override async last(options?: CallOptions): Promise<number> {
    const [head] = await this.#session.read<Head>(
      (p) => `select owner, last from ${this.#heads} where log = ${p.value(this.#log)}`,
      options,
    );
    return Number(head?.last ?? 0);
  }

  override async hasAfter(sequence: number, options?: CallOptions): Promise<boolean> {
    const rows = await this.#session.read(
      (p) => `select sequence from ${this.#records}
        where log = ${p.value(this.#log)} and sequence > ${p.value(sequence)} limit 1`,
      options,
    );
    return rows.length > 0;
  }

  override async wait(after: number, options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    for (let waited = 0; waited < longestWait; waited += this.#pollInterval) {
      if ((await this.last(options)) > after) return;
      try {
        await sleep(this.#pollInterval, undefined, options);
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    }
  }

  override async remove(prefix: string, options?: CallOptions): Promise<void> {
    await this.#session.write(
      (p) => `delete from ${this.#records} where log = ${p.value(this.#log)}
        and record_key > ${p.value(`${prefix}.`)} and record_key < ${p.value(`${prefix}/`)}`,
      options,
    );
  }
}

function recordOf({ record_key, sequence, label, body }: Row): LogRecord {
  return { key: record_key, sequence: Number(sequence), label, body };
}
