import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeBatch, ChangeStream, Unreadable } from "../changes/index.js";
import { endingWithSignal, StreamTakenError } from "../core/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import { batchesOf } from "../sync/internal.js";
import { checkpointKey } from "./keys.js";
import { KnownEntries } from "./known-entries.js";
import { type PublishOptions, type PublishSettings, publishSettings } from "./options.js";
import { Publisher } from "./publisher.js";
import { readPosition } from "./records.js";
import { RereadFailed } from "./silent-changes.js";
import { untilUnwritten } from "./standby.js";
import { LogWentBack, LogWriter, retried } from "./writer.js";

/** What {@link publishChanges} reports. */
export type PublishOutcome =
  /** Another process may be writing the log, and this one waits for its turn. */
  | { readonly kind: "standby" }
  /** This process writes the log from now on. */
  | {
      readonly kind: "began";
      /** How many entries the log has now, without those that are gone. */
      readonly entries: number;
    }
  /** Entries were written, or found to be as they were. */
  | {
      readonly kind: "published";
      /** How many entries were written, as new or as changed. */
      readonly written: number;
      /** How many entries were written as gone. */
      readonly removed: number;
      /** How many entries were compared and are in the log as they are: nothing was written for them. */
      readonly unchanged: number;
      /** The sequence of what was written last. */
      readonly sequence: number;
    }
  /** A refresh has ended, sweep included. */
  | {
      readonly kind: "refreshed";
      /** `snapshot`: at the start or after a reconnect; `reconcile`: a check beside the live changes. */
      readonly phase: ChangeBatch["phase"];
    }
  /** Everything up to here is in the log. */
  | {
      readonly kind: "checkpoint";
      /** The checkpoint of the source, as `ChangeBatch.checkpoint` had it; opaque. */
      readonly checkpoint: string;
    }
  /** The source is read anew, and why. */
  | {
      readonly kind: "restarted";
      /** Why, for people; not a value to switch on. */
      readonly reason: string;
    }
  /** The source could not be asked; it is tried again in so many milliseconds. */
  | {
      readonly kind: "waiting";
      /** What the source failed with. */
      readonly error: unknown;
      /** How many attempts in a row have failed, counted from 1. At `outages.attempts` the error is thrown instead. */
      readonly attempt: number;
      /** How long it is until the next attempt, in milliseconds. */
      readonly delay: number;
    }
  | Unreadable;

type Outcomes = AsyncGenerator<PublishOutcome, void, undefined>;

/**
 * Writes the changes of a source to a log, for `changeLog` to read. It judges as `synchronize` does what is newer, what
 * is gone and what is to be read again, so that the log holds what is so in the source: once a refresh has completed
 * and nothing more comes, each entry as it is, and nothing else.
 *
 * What it yields is the report of what was written, each outcome after it was. Work goes on only while outcomes are
 * asked for. It ends when the stream does; leaving the loop or aborting the signal ends it without an error. Started again, it
 * resumes where it stood, and nothing that is written already is written once more.
 *
 * Of several processes that write one log, the one that began last goes on, and the others end; with `standby`, all but
 * one wait.
 *
 * @throws {TooManyError} more entries would go than `maxDeletes` allows; nothing of the batch was written.
 * @throws {StreamTakenError} another process has begun to write the log.
 * @throws {UnavailableError} the log cannot be reached, and trying again did not mend it.
 * @throws {InvalidLogError} what is in the log was not written by this package.
 * @throws {InvalidValueError} an option has a value that it cannot have.
 * @throws whatever the stream throws.
 */
export function publishChanges(
  stream: ChangeStream,
  log: ChangeLog,
  options: PublishOptions = {},
): AsyncGenerator<PublishOutcome, void, undefined> {
  const settings = publishSettings(options);
  return endingWithSignal(outcomesOf(stream, log, settings), settings.signal);
}

async function* outcomesOf(
  stream: ChangeStream,
  log: ChangeLog,
  settings: PublishSettings,
): Outcomes {
  const { lease, outages, signal } = settings;
  const options: CallOptions = signal === undefined ? {} : { signal };
  let until: number | undefined;
  let expected: number | undefined;
  for (let isNext = false; ; ) {
    if (lease !== undefined && !isNext) {
      yield { kind: "standby" };
      expected = await retried(outages, options, () => untilUnwritten(log, lease, options));
    }
    const before = {
      ...(expected !== undefined && { expected }),
      ...(until !== undefined && { until }),
    };
    isNext = false;
    try {
      yield* term(stream, log, settings, before);
      return;
    } catch (error) {
      if (error instanceof StreamTakenError && lease !== undefined) continue;
      if (!(error instanceof LogWentBack)) throw error;
      isNext = true;
      expected = undefined;
      // What is known of it is not so any more, and readers have to know.
      until = error.until;
      yield { kind: "restarted", reason: error.message };
    }
  }
}

/** Writes the log for as long as it is as this process knows it. */
async function* term(
  stream: ChangeStream,
  log: ChangeLog,
  settings: PublishSettings,
  before: { readonly expected?: number; readonly until?: number },
): Outcomes {
  const { signal, horizon, outages, lease } = settings;
  const options: CallOptions = signal === undefined ? {} : { signal };
  const { source } = stream;
  const writing = { source, horizon, outages, lease };
  const writer = await LogWriter.takeOver(log, writing, options, before);
  const known = await retried(outages, options, () => KnownEntries.load(log, options));
  const [stored] = await retried(outages, options, () => log.get([checkpointKey], options));
  const position = stored === undefined ? { checkpoint: null, taken: [] } : readPosition(stored);
  const publisher = new Publisher(stream, log, writer, known, position, settings, options);
  yield { kind: "began", entries: known.live };
  for (let failures = 0; ; ) {
    try {
      for await (const outcome of follow(stream, publisher, writer, settings)) {
        if (outcome.kind === "published") failures = 0;
        yield outcome;
      }
    } catch (error) {
      if (!(error instanceof RereadFailed)) throw error;
      // The stream has to connect anew, too; what it has sent since its checkpoint it sends again.
      failures++;
      if (failures >= outages.attempts) throw error.cause;
      const delay = Math.min(outages.maxDelay, outages.delay * 2 ** (failures - 1));
      yield { kind: "waiting", error: error.cause, attempt: failures, delay };
      await sleep(delay, undefined, options);
      continue;
    }
    const reason = publisher.findings.refresh.restartReason;
    if (reason === undefined) return;
    yield { kind: "restarted", reason };
    await publisher.beginAnew();
  }
}

async function* follow(
  stream: ChangeStream,
  publisher: Publisher,
  writer: LogWriter,
  settings: PublishSettings,
): Outcomes {
  const { refresh } = publisher.findings;
  const delay = () =>
    Math.min(
      writer.leaseDelay,
      refresh.isUnderWay ? Number.POSITIVE_INFINITY : publisher.silent.delay,
    );
  let checkpoint = publisher.checkpoint;
  const report = function* (ended?: ChangeBatch["phase"]): Generator<PublishOutcome> {
    const { published, unreadable } = publisher.takePublished();
    yield* unreadable;
    if (published.written + published.removed + published.unchanged > 0) {
      yield { kind: "published", ...published, sequence: writer.last };
    }
    if (refresh.isRestarting) return;
    if (ended !== undefined) yield { kind: "refreshed", phase: ended };
    if (publisher.checkpoint !== checkpoint && publisher.checkpoint !== undefined) {
      checkpoint = publisher.checkpoint;
      yield { kind: "checkpoint", checkpoint };
    }
  };
  for await (const next of batchesOf(stream, checkpoint, delay, settings)) {
    if (next === "due") {
      if (publisher.silent.delay === 0) await publisher.recheck();
      await writer.renew();
      yield* report();
    } else {
      const ended = await publisher.apply(next);
      yield* report(ended ? next.phase : undefined);
    }
    if (refresh.isRestarting) return;
  }
  // What was put off is not left to the next process.
  await publisher.recheck(true);
  yield* report();
}
