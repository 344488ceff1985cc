import { setTimeout as sleep } from "node:timers/promises";
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { UnsupportedError, VersionConflictError } from "../core/index.js";
import {
  type CallOptions,
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
  ownerKey,
} from "../repositories/index.js";
import type { NatsChangeLogOptions } from "./options.js";
import {
  assertVersion,
  codeOf,
  expectationUnderWay,
  openStream,
  unavailable,
  wrongLastSequence,
} from "./stream.js";

/** The code with which a server says that there is no message. */
const notFound = 404;
/** The header with the label of a record. */
const labelHeader = "Concordat-Label";
/** How many messages are read at once. */
const pageSize = 500;
const pageBytes = 8 * 1024 * 1024;
/**
 * How many are read at once of what is below a prefix, if they fit into `pageBytes`. For each page the server counts
 * what is left that matches, by all subjects of the log: of a million, that takes longer than 500 messages do.
 */
const longPage = 10_000;
/** How many keys are asked for at once. */
const questions = 64;
/** What a message has besides its key, label and body, in bytes: generously. */
const overhead = 1_024;
/** How long a reader waits for something new before it looks at the log as a whole, in milliseconds. */
const longestWait = 5_000;

/**
 * A change log in a stream of NATS JetStream, of a server of version 2.12 or later: one message for each key, the last
 * one, in the order of the writes. Records are written in atomic batches, the first message of which states whom the
 * writer takes for the owner.
 */
export class NatsChangeLog extends ChangeLog {
  override readonly maxRecords: number = 500;
  override readonly maxRecordBytes: number;
  readonly #stream: string;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #pollInterval: number;
  readonly #timeout: number;
  readonly #patience: number;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    { stream, pollInterval = 100, timeout = 5_000, patience = 30_000 }: NatsChangeLogOptions,
  ) {
    super();
    this.#stream = stream;
    this.#manager = manager;
    this.#client = jetstream(connection, { timeout });
    this.#pollInterval = pollInterval;
    this.#timeout = timeout;
    this.#patience = patience;
    this.maxRecordBytes = (connection.info?.max_payload ?? 1024 * 1024) - overhead;
  }

  /**
   * Opens a log on a connection, which stays the caller's to close.
   *
   * @throws {UnsupportedError} the server is older than 2.12, or the stream is not one of a change log.
   * @throws {UnavailableError} the server does not answer.
   */
  static async open(
    connection: NatsConnection,
    options: NatsChangeLogOptions,
  ): Promise<NatsChangeLog> {
    assertVersion(connection.info?.version);
    const { timeout = 5_000 } = options;
    try {
      const manager = await jetstreamManager(connection, { timeout, checkAPI: false });
      await openStream(manager, options);
      return new NatsChangeLog(connection, manager, options);
    } catch (error) {
      if (error instanceof UnsupportedError) throw error;
      throw unavailable(error);
    }
  }

  #subject(key: string): string {
    return `${this.#stream}.${key}`;
  }

  override async claim(body: string, expected: number, options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    return await this.#publish({ key: ownerKey, body }, expected);
  }

  override async append(
    owner: number,
    records: readonly NewLogRecord[],
    options?: CallOptions,
  ): Promise<number> {
    options?.signal?.throwIfAborted();
    this.assertWritable(records);
    const [first, ...others] = records;
    const last = others.pop();
    if (first === undefined) return owner;
    if (last === undefined) return await this.#publish(first, owner);
    try {
      const batch = await this.#client.startBatch(this.#subject(first.key), first.body, {
        headers: this.#headers(first, owner),
        timeout: this.#timeout,
      });
      for (const record of others) {
        batch.add(this.#subject(record.key), record.body, { headers: this.#headers(record) });
      }
      const { seq } = await batch.commit(this.#subject(last.key), last.body, {
        headers: this.#headers(last),
        timeout: this.#timeout,
      } as Parameters<typeof batch.commit>[2]);
      return seq;
    } catch (error) {
      // The client does not say why a batch was refused.
      throw (await this.#conflict(owner)) ?? unavailable(error, true);
    }
  }

  /** Writes one message, if the owner is the one that is expected. */
  async #publish(record: NewLogRecord, owner: number): Promise<number> {
    try {
      const { seq } = await this.#client.publish(this.#subject(record.key), record.body, {
        headers: this.#headers(record, owner),
        timeout: this.#timeout,
      });
      return seq;
    } catch (error) {
      if (codeOf(error) === wrongLastSequence) {
        throw (await this.#conflict(owner)) ?? new VersionConflictError(conflictMessage);
      }
      throw unavailable(error, codeOf(error) !== expectationUnderWay);
    }
  }

  /** The error to throw, if another one is the owner. */
  async #conflict(expected: number): Promise<VersionConflictError | undefined> {
    const [owner] = await this.get([ownerKey]);
    if ((owner?.sequence ?? 0) === expected) return undefined;
    return new VersionConflictError(conflictMessage);
  }

  #headers({ label, expiresIn }: NewLogRecord, owner?: number): MsgHdrs {
    const written = headers();
    if (label !== undefined && label !== "") written.set(labelHeader, encoded(label));
    if (expiresIn !== undefined) {
      written.set("Nats-TTL", String(Math.max(1, Math.ceil(expiresIn / 1_000))));
    }
    if (owner !== undefined) {
      written.set("Nats-Expected-Last-Subject-Sequence", String(owner));
      written.set("Nats-Expected-Last-Subject-Sequence-Subject", this.#subject(ownerKey));
    }
    return written;
  }

  override async get(
    keys: readonly string[],
    options?: CallOptions,
  ): Promise<readonly LogRecord[]> {
    const unique = [...new Set(keys)];
    const found: LogRecord[] = [];
    for (let start = 0; start < unique.length; start += questions) {
      options?.signal?.throwIfAborted();
      const messages = await Promise.all(
        unique
          .slice(start, start + questions)
          .map((key) => this.#leader({ last_by_subj: this.#subject(key) }, options)),
      );
      for (const message of messages) if (message !== null) found.push(this.#recordOf(message));
    }
    return found;
  }

  /** A message as the leader of the stream has it; others may lag behind. */
  async #leader(
    query: { last_by_subj: string } | { seq: number; next_by_subj: string },
    options?: CallOptions,
  ): Promise<StoredMsg | null> {
    const ask = () => this.#manager.streams.getMessage(this.#stream, query);
    return await this.#patiently(ask, options);
  }

  /** Asks again while no server answers: it takes some seconds until one takes the place of another. */
  async #patiently<T>(ask: () => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { signal } = options;
    const until = Date.now() + this.#patience;
    for (let delay = 50; ; delay = Math.min(2 * delay, 1_000)) {
      signal?.throwIfAborted();
      try {
        return await ask();
      } catch (error) {
        if (Date.now() > until) throw unavailable(error);
        await sleep(delay, undefined, options).catch(() => signal?.throwIfAborted());
      }
    }
  }

  override async *under(prefix: string, options?: CallOptions): AsyncGenerator<LogRecord> {
    const filter = `${this.#subject(prefix)}.>`;
    for (let at = 0; ; ) {
      const page = await this.#page(at, filter, longPage, options);
      yield* page;
      at = page.at(-1)?.sequence ?? at;
      if (page.length > 0) continue;
      if ((await this.#leader({ seq: at + 1, next_by_subj: filter }, options)) === null) return;
      await sleep(20, undefined, options);
    }
  }

  override async *list(prefix: string, options?: CallOptions): AsyncGenerator<LogLabel> {
    // What is written while it is read moves to the end, and is listed once more.
    const listed = new Map<string, LogLabel>();
    for await (const { key, sequence, label } of this.under(prefix, options)) {
      listed.set(key, { key, sequence, label });
    }
    yield* listed.values();
  }

  override async read(after: number, options?: CallOptions): Promise<readonly LogRecord[]> {
    return await this.#page(after, `${this.#stream}.>`, pageSize, options);
  }

  async #page(
    after: number,
    filter: string,
    most: number,
    options?: CallOptions,
  ): Promise<readonly LogRecord[]> {
    return await this.#patiently(async () => {
      const records: LogRecord[] = [];
      try {
        const messages = await this.#manager.direct.getBatch(this.#stream, {
          seq: after + 1,
          batch: most,
          max_bytes: pageBytes,
          next_by_subj: filter,
        });
        for await (const message of messages) records.push(this.#recordOf(message));
      } catch (error) {
        if (codeOf(error) !== notFound) throw error;
      }
      return records;
    }, options);
  }

  override async last(options?: CallOptions): Promise<number> {
    const ask = () => this.#manager.streams.info(this.#stream);
    return (await this.#patiently(ask, options)).state.last_seq;
  }

  override async hasAfter(sequence: number, options?: CallOptions): Promise<boolean> {
    const query = { seq: sequence + 1, next_by_subj: `${this.#stream}.>` };
    return (await this.#leader(query, options)) !== null;
  }

  override async wait(after: number, options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    for (let waited = 0; waited < longestWait; waited += this.#pollInterval) {
      if (await this.hasAfter(after, options)) return;
      try {
        await sleep(this.#pollInterval, undefined, options);
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    }
  }

  override async remove(prefix: string, options?: CallOptions): Promise<void> {
    const filter = `${this.#subject(prefix)}.>`;
    await this.#patiently(() => this.#manager.streams.purge(this.#stream, { filter }), options);
  }

  #recordOf(message: StoredMsg): LogRecord {
    return {
      key: message.subject.slice(this.#stream.length + 1),
      sequence: message.seq,
      label: decoded(message.header?.get(labelHeader) ?? ""),
      body: message.string(),
    };
  }
}

const conflictMessage = "Another process writes the log.";

/** A label as the value of a header. */
function encoded(label: string): string {
  return /^[!-~][ -~]*$/.test(label) && !label.startsWith("=") && !label.endsWith(" ")
    ? label
    : `=${Buffer.from(label).toString("base64url")}`;
}

function decoded(value: string): string {
  return value.startsWith("=") ? Buffer.from(value.slice(1), "base64url").toString() : value;
}
