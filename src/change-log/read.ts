import type { Change, ChangeBatch, ChangeStream, Upsert } from "../changes/index.js";
import { endingWithSignal, InvalidValueError } from "../core/index.js";
import type { ChangeLog, LogRecord } from "../repositories/index.js";
import { membersOf, readBlock } from "./blocks.js";
import { checkpointKey, entryKey, type ReadKey, readKey, stampOf } from "./keys.js";
import { lagBehindLog } from "./lag.js";
import { type ReaderPosition, readReaderPosition } from "./reader-position.js";
import { readEntry, type StoredEntry } from "./records.js";
import { isStillSo, type Ownership, ownerOf } from "./terms.js";

/** Options of {@link changeLog}. */
export interface ChangeLogOptions {
  /**
   * Names the stream; it keys what an application stores about it. It is another one than that of the directory from
   * which the log was written, since their stamps have nothing in common.
   */
  readonly source: string;
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/**
 * The changes that a log holds, as `publishChanges` has written them. Any number of applications may read one log, each
 * with a position of its own.
 *
 * An application that begins anew reads the last state of everything, as a refresh; one that goes on reads what has
 * changed since, as a refresh without a sweep; then changes follow as they are written. It reads everything anew where
 * its position is older than deletions are kept, or the log has gone back to a backup. A log that nobody has written to
 * the end yet is waited for, so that nothing is swept that has not been written.
 *
 * What the source changes in silence, the publisher has read again; the stream has no `reread`. Its `lagBehind` counts
 * the changes that an application has still to read, up to 10,000.
 *
 * @throws {InvalidLogError} when it is read: what is in the log was not written by this package.
 * @throws {UnavailableError} when it is read: the log cannot be reached.
 */
export function changeLog(log: ChangeLog, options: ChangeLogOptions): ChangeStream {
  const { source, now = Date.now } = options;
  if (source === "") throw new InvalidValueError("source", "The stream needs a name.");
  return {
    source,
    read: ({ after, follow = true, signal } = {}) =>
      endingWithSignal(new LogReader(log, now, follow, signal).read(after), signal),
    lagBehind: (checkpoint, lagOptions = {}) => lagBehindLog(log, checkpoint, lagOptions),
  };
}

/** How much of the horizon may pass before a position is given anew that has not changed. */
const renewals = 10;

/** Reads a log once, from a position on. */
class LogReader {
  readonly #log: ChangeLog;
  readonly #now: () => number;
  readonly #follow: boolean;
  readonly #options: { readonly signal?: AbortSignal };
  #owner: Ownership | undefined;
  /** Up to which sequence everything was read. */
  #at = 0;
  /** From where on: what came before is known. */
  #from = 0;
  #givenAt = 0;
  /** The layouts of groups whose members were all stated, by group. */
  readonly #stated = new Map<string, string>();
  /** The layouts of groups whose blocks are ignored since the entry that states them all lies further on. */
  readonly #ahead = new Map<string, string>();

  constructor(log: ChangeLog, now: () => number, follow: boolean, signal: AbortSignal | undefined) {
    this.#log = log;
    this.#now = now;
    this.#follow = follow;
    this.#options = signal === undefined ? {} : { signal };
  }

  async *read(after: string | undefined): AsyncGenerator<ChangeBatch, void> {
    if (!(await this.#findOwner())) return;
    let isAnew = !(await this.#goOn(after));
    for (;;) {
      yield { phase: "snapshot", refresh: "begins", changes: [] };
      const ended = yield* this.#refresh(isAnew);
      if (ended === "ended" && !this.#follow) return;
      isAnew = ended === "lost" || (yield* this.#live()) === "lost";
      if (!isAnew) continue;
      this.#beginAt(0);
      if (!(await this.#findOwner())) return;
    }
  }

  /** Waits for somebody to write the log. */
  async #findOwner(): Promise<boolean> {
    for (;;) {
      this.#owner = await ownerOf(this.#log, this.#options);
      if (this.#owner !== undefined) return true;
      if (!this.#follow) return false;
      await this.#log.wait(0, this.#options);
    }
  }

  #beginAt(sequence: number): void {
    this.#at = sequence;
    this.#from = sequence;
    this.#stated.clear();
    this.#ahead.clear();
  }

  /** Goes on from a position, if that is one from which nothing can be missed. */
  async #goOn(after: string | undefined): Promise<boolean> {
    const position = after === undefined ? undefined : readReaderPosition(after);
    const { horizon = 0 } = this.#owner ?? {};
    if (position === undefined || this.#now() - position.at > horizon) return false;
    if (!(await this.#isHistory(position.term, position.sequence))) return false;
    this.#beginAt(position.sequence);
    return true;
  }

  /** Whether what was read in a term up to a sequence is what the log has had. */
  async #isHistory(term: string, sequence: number): Promise<boolean> {
    const owner = await ownerOf(this.#log, this.#options);
    if (owner === undefined || !isStillSo(owner, term, sequence)) return false;
    this.#owner = owner;
    return (await this.#log.last(this.#options)) >= sequence;
  }

  /** Whether what was read until now still is what the log has had. */
  async #isStillRight(): Promise<boolean> {
    return await this.#isHistory(this.#owner?.term ?? "", this.#at);
  }

  /** Reads the last states of everything that there is after where it begins. */
  async *#refresh(isAnew: boolean): AsyncGenerator<ChangeBatch, "ended" | "lost"> {
    for (;;) {
      const page = await this.#log.read(this.#at, this.#options);
      if (!(await this.#isStillRight())) return "lost";
      if (page.length > 0) {
        const changes = await this.#changesOf(page);
        this.#readTo(page);
        if (changes.length > 0) yield { phase: "snapshot", refresh: "continues", changes };
        continue;
      }
      // Only the log itself knows where it ends: whatever was last when reading began has moved on since.
      if (await this.#log.hasAfter(this.#at, this.#options)) {
        await pause(this.#options.signal);
        continue;
      }
      if (!isAnew || (await this.#isWhole())) break;
      if (!this.#follow) {
        // Nobody has written everything yet: nothing is missing because it is not there.
        yield { phase: "snapshot", refresh: "ends", changes: [] };
        return "ended";
      }
      await this.#log.wait(this.#at, this.#options);
    }
    const changes: readonly Change[] = isAnew ? [{ kind: "sweep" }] : [];
    yield { phase: "snapshot", refresh: "ends", changes, checkpoint: this.#checkpoint() };
    return "ended";
  }

  /** Whether the publisher has written everything that its source has, once. */
  async #isWhole(): Promise<boolean> {
    const [record] = await this.#log.get([checkpointKey], this.#options);
    return record !== undefined;
  }

  /** Follows the log, until states were replaced before they were read: these are read as a refresh. */
  async *#live(): AsyncGenerator<ChangeBatch, "behind" | "lost"> {
    for (;;) {
      const page = await this.#log.read(this.#at, this.#options);
      if (!(await this.#isStillRight())) return "lost";
      if (page.length === 0) {
        const { horizon = 0 } = this.#owner ?? {};
        if (this.#now() - this.#givenAt > horizon / renewals) yield this.#liveBatch([]);
        await this.#log.wait(this.#at, this.#options);
        continue;
      }
      // Where states are missing, they are not in the order in which the changes happened.
      if (page.some(({ sequence }, index) => sequence !== this.#at + 1 + index)) return "behind";
      const changes = await this.#changesOf(page);
      this.#readTo(page);
      if (changes.length > 0) yield this.#liveBatch(changes);
    }
  }

  #liveBatch(changes: readonly Change[]): ChangeBatch {
    return { phase: "live", ordered: true, changes, checkpoint: this.#checkpoint() };
  }

  #readTo(page: readonly LogRecord[]): void {
    this.#at = page.at(-1)?.sequence ?? this.#at;
  }

  #checkpoint(): string {
    this.#givenAt = this.#now();
    const { term = "" } = this.#owner ?? {};
    const position: ReaderPosition = { term, sequence: this.#at, at: this.#givenAt };
    return JSON.stringify(position);
  }

  async #changesOf(page: readonly LogRecord[]): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for (const record of page) {
      const read = readKey(record.key);
      if (read.kind === "entry") changes.push(...(await this.#entry(read.sourceId, record)));
      else if (read.kind === "block") changes.push(...(await this.#block(read, record)));
    }
    return changes;
  }

  async #entry(sourceId: string, record: LogRecord): Promise<readonly Change[]> {
    const entry = readEntry(record);
    const stamp = stampOf(record.sequence);
    if (entry.kind === "gone") {
      this.#stated.delete(sourceId);
      return [{ kind: "delete", sourceId, stamp }];
    }
    const { layout } = entry;
    if (layout === undefined || this.#isKnown(sourceId, layout)) {
      const members = entry.members && ({ kind: "all", members: entry.members } as const);
      return [{ ...upsertOf(sourceId, entry, stamp), ...(members && { members }) }];
    }
    const members = await membersOf(this.#log, sourceId, layout, this.#options);
    if (members !== undefined) {
      this.#stated.set(sourceId, layout.id);
      this.#ahead.delete(sourceId);
      return [{ ...upsertOf(sourceId, entry, stamp), members: { kind: "all", members } }];
    }
    // The group has another layout meanwhile, or is gone: that lies further on. Else the server lags.
    for (;;) {
      const [now] = await this.#log.get([record.key], this.#options);
      if (now === undefined || now.sequence > record.sequence) return [];
      const again = await membersOf(this.#log, sourceId, layout, this.#options);
      if (again !== undefined) {
        this.#stated.set(sourceId, layout.id);
        return [{ ...upsertOf(sourceId, entry, stamp), members: { kind: "all", members: again } }];
      }
      await pause(this.#options.signal);
    }
  }

  /** Whether the members of this layout have all been stated, so that each block says what has changed. */
  #isKnown(group: string, { id, since }: { readonly id: string; readonly since: number }): boolean {
    return since < this.#from || this.#stated.get(group) === id;
  }

  async #block(
    { sourceId, layout }: Extract<ReadKey, { kind: "block" }>,
    record: LogRecord,
  ): Promise<readonly Change[]> {
    if (this.#stated.get(sourceId) !== layout) {
      if (this.#ahead.get(sourceId) === layout) return [];
      const [stored] = await this.#log.get([entryKey(sourceId)], this.#options);
      const entry = stored && readEntry(stored);
      const present = entry?.kind === "entry" ? entry.layout : undefined;
      if (present?.id !== layout || !this.#isKnown(sourceId, present)) {
        this.#ahead.set(sourceId, layout);
        return [];
      }
      this.#stated.set(sourceId, layout);
    }
    const { members, gone } = readBlock(record);
    return [
      {
        kind: "upsert",
        type: "Group",
        sourceId,
        names: [],
        stamp: stampOf(record.sequence),
        resource: {},
        complete: false,
        members: { kind: "delta", add: members, remove: gone.map(([name]) => name) },
      },
    ];
  }
}

function upsertOf(sourceId: string, entry: StoredEntry, stamp: string): Upsert {
  const { type, names, resource, nameCandidates } = entry;
  const change = { kind: "upsert", type, sourceId, names, stamp, resource, complete: true };
  return { ...change, ...(nameCandidates && { nameCandidates }) } as Upsert;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
