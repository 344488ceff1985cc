import { InvalidValueError } from "../core/index.js";
import type { CallOptions } from "./resource-repository.js";

/** A record as its log lists it. */
export interface LogLabel {
  /** Tokens of `A-Z`, `a-z`, `0-9`, `-` and `_`, with a dot between each two. */
  readonly key: string;
  /** Where in the log it is, counted from 1 and without end: a later write has a higher one. */
  readonly sequence: number;
  /** A short text that can be listed without the body. */
  readonly label: string;
}

/** The last state of a key. */
export interface LogRecord extends LogLabel {
  /** What was written, as it was given. */
  readonly body: string;
}

/** A record to write: it takes the place of the one that its key has. */
export interface NewLogRecord {
  /** The key, in the form that {@link LogLabel.key} has. */
  readonly key: string;
  /** Default: an empty one. */
  readonly label?: string;
  /** What to keep; key, label and body together may have `ChangeLog.maxRecordBytes`. */
  readonly body: string;
  /** How long it is kept, in milliseconds. It may stay for longer. Default: for ever. */
  readonly expiresIn?: number;
}

/** The key of the record that says who writes. */
export const ownerKey = "owner";

/**
 * A log that many processes read and one writes. It keeps the last state of each key, in the order of the writes, so
 * that a reader who begins anew reads no more than there is.
 *
 * There is one writer at a time, the *owner*: the one whose record of the key `owner` is the last. Whoever has become
 * the owner before can write nothing more. A log is made for one source; an instance may be used by any number of
 * calls at once.
 *
 * Where it cannot be reached, or does not say whether something was written, methods throw `UnavailableError`.
 */
export abstract class ChangeLog {
  /** The most records that one {@link append} takes. At least 2. */
  abstract readonly maxRecords: number;
  /** The most bytes that the key, label and body of a record have together. */
  abstract readonly maxRecordBytes: number;

  /**
   * Becomes the owner: writes the record of the key `owner`, if the last one has this sequence (0: there is none).
   *
   * @returns the sequence of the record, which is what `append` asks for.
   * @throws {VersionConflictError} another one has become the owner meanwhile.
   */
  abstract claim(body: string, expected: number, options?: CallOptions): Promise<number>;

  /**
   * Writes records in their order, all or none of them.
   *
   * @param owner the sequence of the caller's own record of the key `owner`.
   * @returns the sequence of the last one; those before it are the numbers before.
   * @throws {VersionConflictError} another one is the owner; nothing was written.
   * @throws {InvalidValueError} there are too many, or one is too large.
   */
  abstract append(
    owner: number,
    records: readonly NewLogRecord[],
    options?: CallOptions,
  ): Promise<number>;

  /**
   * The last states of these keys, in any order. Keys that have none are left out. It does not lag behind writes.
   */
  abstract get(keys: readonly string[], options?: CallOptions): Promise<readonly LogRecord[]>;

  /**
   * The last states of the keys that begin with this token, or these tokens. They may lag behind writes, and a key that
   * is written meanwhile may come twice, the later state last.
   */
  abstract under(prefix: string, options?: CallOptions): AsyncIterable<LogRecord>;

  /**
   * What {@link under} gives, each key once and without the bodies. It has every state that was written before the call.
   */
  abstract list(prefix: string, options?: CallOptions): AsyncIterable<LogLabel>;

  /**
   * The next states after a sequence, by their sequence; how many is for the log to say. Each is the last state of its
   * key by then, so that numbers are missing where states were replaced. It may be empty although there is more, where
   * the server that is asked lags behind.
   */
  abstract read(after: number, options?: CallOptions): Promise<readonly LogRecord[]>;

  /** The highest sequence that was ever written; 0 before the first. It does not lag behind. */
  abstract last(options?: CallOptions): Promise<number>;

  /** Whether there is any state after a sequence. It does not lag behind writes. */
  abstract hasAfter(sequence: number, options?: CallOptions): Promise<boolean>;

  /** Waits until there may be something after a sequence, or until some time has passed: half a minute at most. */
  abstract wait(after: number, options?: CallOptions): Promise<void>;

  /**
   * Removes the states of keys that begin with these tokens, for good. Readers do not get to know of it, and no key
   * that begins so may be written again. It is not fenced.
   */
  abstract remove(prefix: string, options?: CallOptions): Promise<void>;

  /**
   * Refuses what the log does not take.
   *
   * @throws {InvalidValueError} there are too many records, or none, or one is too large.
   */
  protected assertWritable(records: readonly NewLogRecord[]): void {
    if (records.length === 0 || records.length > this.maxRecords) {
      const message = `${records.length} are written at once, and the log takes 1 to ${this.maxRecords}.`;
      throw new InvalidValueError("records", message);
    }
    for (const record of records) {
      const length = bytesOf(record);
      if (length <= this.maxRecordBytes) continue;
      const message = `It has ${length} bytes, and the log takes ${this.maxRecordBytes}.`;
      throw new InvalidValueError(record.key, message);
    }
  }
}

/** The bytes that the key, label and body of a record have together. */
function bytesOf({ key, label = "", body }: NewLogRecord): number {
  return key.length + Buffer.byteLength(label) + Buffer.byteLength(body);
}
