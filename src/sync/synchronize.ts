import { setTimeout as sleep } from "node:timers/promises";
import type { Change, ChangeBatch, ChangeStream, Upsert } from "../changes/index.js";
import type { SyncTarget } from "../repositories/index.js";
import { Comparison } from "./comparison/comparison.js";
import { type Order, orderOfBatch } from "./comparison/order.js";
import { dryRunTarget } from "./dry-run/target.js";
import { applyChanges, withoutPassword } from "./entries/apply.js";
import { forecast } from "./entries/forecast.js";
import { stillMissing } from "./entries/present.js";
import { retryRefused } from "./entries/refused.js";
import { markedAfter, settleLinks, settleMarked } from "./memberships/settle.js";
import type { Outcome } from "./outcome.js";
import { deletionOf, forgetTombstones } from "./removal/removal.js";
import { Findings } from "./run/findings.js";
import { recoverIntents } from "./run/intents.js";
import { withTroubleApart } from "./run/resource-trouble.js";
import { type Phase, type PositionChange, Runner } from "./run/runner.js";
import { confirm } from "./run/unconfirmed.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "./settings.js";
import type { Step } from "./step/step.js";

/**
 * Applies a change stream to repositories: users and groups are created, updated, renamed, disabled, deleted, and put into
 * groups as the source says, while whatever is local to the application stays as it is.
 *
 * What it yields is the report of what was done, in order, each outcome after it was committed. Work goes on only while
 * outcomes are asked for. It ends when the stream does; leaving the loop or aborting the signal stops it between two commits.
 * Started again, it resumes where it stood. After any crash it converges to what the source says.
 *
 * Of several processes that follow one stream into the same stores, the one that began last goes on, and the others end.
 *
 * @throws {TooManyError} more would be taken away than `maxDeletes` or `maxCleared` allows; nothing of that step was changed.
 * @throws {StreamTakenError} another process has begun to apply the same stream to the same stores.
 * @throws {InvalidValueError} an option has a value that it cannot have.
 * @throws {UnsupportedError} the target's `settlement` is not of its stores of links and memberships.
 * @throws whatever the stream or a store throws that trying again did not mend.
 */
export function synchronize(
  stream: ChangeStream,
  target: SyncTarget,
  options: SynchronizeOptions = {},
): AsyncGenerator<Outcome, void, undefined> {
  return outcomesOf(stream, target, settingsFrom(options), options.dryRun === true);
}

async function* outcomesOf(
  stream: ChangeStream,
  target: SyncTarget,
  settings: Settings,
  dryRun: boolean,
): AsyncGenerator<Outcome, void, undefined> {
  const { source } = stream;
  target.settlement?.assertOwn(target.links, target.memberships);
  const stores = await (dryRun ? dryRunTarget(target, source) : withTroubleApart(target, source));
  yield* new Synchronization(stream, stores, settings, dryRun).run();
}

const never = Number.POSITIVE_INFINITY;
/** The longest time that a timer can run, in milliseconds. */
const longest = 2 ** 31 - 1;
/** How many entries are read again beside the stream; where there are more, everything is read anew. */
const mostReadAgain = 1_000;
const tooManyDiffer = "More entries are not as they were told than are read again one by one.";

class Synchronization {
  readonly #stream: ChangeStream;
  readonly #settings: Settings;
  readonly #findings = new Findings();
  readonly #runner: Runner;
  /** The stream has told something. Before, it is not known what the source holds, and nothing is read beside it. */
  #isTold = false;
  /** A refresh has begun and not ended. */
  #refreshing = false;
  /** The source lags behind what is known, so that the order in which it tells says nothing. */
  #isBehind = false;
  /** When the next refused change is to be tried, in milliseconds since the epoch. */
  #refusedDueAt: number | undefined;
  /** Entries whose memberships were refused or are doubtful: they wait for the next occasion. */
  readonly #waiting = new Set<string>();
  /** When that is, in milliseconds since the epoch. */
  #waitingDueAt: number | undefined;
  /** When to look at what a superseded runner had begun, in milliseconds since the epoch. */
  #confirmationDueAt: number | undefined;
  /** A checkpoint that is stored only when all entries have been read that are to be read again. */
  #heldCheckpoint: string | undefined;

  constructor(stream: ChangeStream, target: SyncTarget, settings: Settings, dryRun: boolean) {
    this.#stream = stream;
    this.#settings = settings;
    this.#runner = new Runner(stream, target, settings, this.#findings, dryRun);
  }

  async *run(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#runner.claim();
    this.#awaitConfirmation();
    yield* this.#commit("live", async (step) => {
      if (!step.bare) await recoverIntents(step);
      return undefined;
    });
    yield* this.#retryDue();
    for (;;) {
      // What is begun again at the start may show already that everything has to be read.
      if (this.#findings.restart === undefined) yield* this.#follow();
      if (this.#findings.restart === undefined) return;
      yield { kind: "restarted", reason: this.#findings.restart };
      yield* this.#commit("live", () => Promise.resolve({ forgetsCheckpoint: true }));
      this.#findings.beginAnew();
      this.#isTold = false;
      this.#refreshing = false;
      this.#heldCheckpoint = undefined;
    }
  }

  /** Says when what superseded runners had begun can be looked at. */
  #awaitConfirmation(): void {
    const { unconfirmed } = this.#runner.position;
    this.#confirmationDueAt = unconfirmed && unconfirmed.since + this.#settings.takeoverDelay;
  }

  /** Reads the stream until it ends, or until its position turns out to be of no use. */
  async *#follow(): AsyncGenerator<Outcome, void, undefined> {
    const stop = new AbortController();
    const { signal } = this.#settings;
    const { checkpoint } = this.#runner.position;
    const batches = this.#stream
      .read({
        signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
        ...(checkpoint === undefined ? {} : { after: checkpoint }),
      })
      [Symbol.asyncIterator]();
    let pending: Promise<IteratorResult<ChangeBatch>> | undefined;
    try {
      for (;;) {
        pending ??= batches.next();
        const next = await this.#nextOrDue(pending);
        if (next === undefined) {
          if (!this.#refreshing) yield* this.#retryDue();
          continue;
        }
        pending = undefined;
        // A stream may end quietly when it is told to stop.
        signal?.throwIfAborted();
        if (next.done === true) {
          // What was put off to be a step of its own is not left to whoever follows the stream next.
          const isDue = (this.#refusedDueAt ?? never) <= this.#settings.now();
          if (isDue && !this.#refreshing) yield* this.#retryDue();
          return;
        }
        yield* this.#apply(next.value);
        if (this.#findings.restart !== undefined) return;
      }
    } finally {
      stop.abort();
      // A batch that is still awaited is not wanted any more, and neither is the error with which the wait ends.
      const ended = Promise.resolve(pending?.catch(() => undefined)).then(() => batches.return?.());
      if (pending === undefined) await ended;
      else
        await Promise.race([ended.catch(() => undefined), sleep(1_000, undefined, { ref: false })]);
    }
  }

  /** The next batch, or nothing when a refused change is due before it comes. */
  async #nextOrDue(
    pending: Promise<IteratorResult<ChangeBatch>>,
  ): Promise<IteratorResult<ChangeBatch> | undefined> {
    const { signal, now } = this.#settings;
    const dueAt = Math.min(
      this.#refusedDueAt ?? never,
      this.#waitingDueAt ?? never,
      this.#confirmationDueAt ?? never,
    );
    const delay = this.#refreshing || dueAt === never ? longest : Math.max(0, dueAt - now());
    const timer = new AbortController();
    const wait = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
    try {
      // A stream that does not heed the signal is not waited for.
      return await Promise.race([
        pending,
        sleep(Math.min(longest, delay), undefined, { signal: wait }).catch(() => undefined),
      ]);
    } finally {
      timer.abort();
      signal?.throwIfAborted();
    }
  }

  async *#apply(batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const { phase, refresh } = batch;
    this.#isTold = true;
    if (refresh === "begins") yield* this.#beginRefresh(batch);
    const live = phase === "live";
    const changes = batch.changes.map(withoutPassword);
    for (const change of changes) this.#note(change, live);
    const done = new Set<Change>();
    yield* this.#commit(
      phase,
      async (step) => {
        await this.#applyWithinLimits(step, changes, done);
        if (!live) return undefined;
        await this.#retryMoved(step);
        // Whatever this batch has marked is to be tried, also where something was refused before.
        for (const id of step.marked) this.#waiting.delete(id);
        this.#wait(await settleMarked(step, this.#waiting));
        return await this.#checkpointAfter(step, batch.checkpoint, !this.#refreshing);
      },
      orderOfBatch(batch, this.#isBehind),
    );
    if (live) yield* this.#readAgain();
    if (refresh === "ends" && this.#findings.restart === undefined)
      yield* this.#finish(phase, batch);
    else if (live) yield* this.#runner.reportCheckpoint();
  }

  /**
   * The generation is stored before the first mark of it, or the marks of a refresh that was interrupted would be taken for those
   * of the next.
   */
  async *#beginRefresh({ phase, state }: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const generation = this.#runner.position.generation + 1;
    yield* this.#commit(phase, () => Promise.resolve({ generation }));
    this.#refreshing = true;
    this.#findings.state = state;
    this.#findings.comparison = new Comparison();
    if (phase === "snapshot") {
      this.#findings.again.connected();
      this.#findings.told.connected();
    }
    this.#runner.limits.beginRefresh();
  }

  /** A refused change may wait for an account that moved in this very step, or in a circle. */
  async #retryMoved(step: Step): Promise<void> {
    const refused = step.outcomes.some((outcome) => outcome.kind === "deferred");
    if (refused || step.moved.size > 0) this.#refusedDueAt = await retryRefused(step, "moved");
  }

  /** What is to be remembered of a change, whatever becomes of it. */
  #note(change: Change, live: boolean): void {
    this.#findings.comparison?.note(change, live);
    // The stamp of a deletion is a bound, and may be that of a change that the server has yet to receive.
    if (change.kind === "upsert") this.#findings.told.note(change.stamp, this.#findings.state);
    if (change.kind === "unreadable") this.#findings.unreadable.add(change.sourceId);
    else if ("sourceId" in change) this.#findings.unreadable.delete(change.sourceId);
  }

  /**
   * Applies changes, unless they would take away too much.
   *
   * @param done where there is no transaction, the changes that the step has applied, so that they are not applied again when it is
   * repeated: of an entry of which the batch says more, that would bring back what it was.
   */
  async #applyWithinLimits(
    step: Step,
    changes: readonly Change[],
    done: Set<Change> = new Set(),
  ): Promise<void> {
    const left = changes.filter((change) => !done.has(change));
    const ahead = await forecast(step, left);
    await step.take(step, { removals: ahead.count }, { removals: ahead.removals });
    this.#runner.limits.foresee(ahead.leaving);
    for await (const applied of applyChanges(step, left, ahead)) {
      if (step.bare) for (const change of applied) done.add(change);
    }
  }

  /** Ends a refresh: what was refused is tried again, memberships are settled, and the position is stored. */
  async *#finish(phase: Phase, batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const comparison = this.#findings.comparison;
    for (const id of comparison?.untold ?? []) this.#findings.again.ask(id);
    if (phase !== "snapshot" && comparison?.wentBack === true) {
      this.#findings.restart =
        "The source went back to an earlier state, as if restored from a backup.";
    } else if (this.#findings.again.size > mostReadAgain) this.#findings.restart = tooManyDiffer;
    if (this.#findings.restart !== undefined) return;
    yield* this.#commit(phase, async (step) => {
      this.#refusedDueAt = await retryRefused(step, "all");
      return undefined;
    });
    yield* this.#settleAll(phase);
    const isWhole = phase === "snapshot" && comparison?.isWhole === true;
    const { mapping } = this.#stream;
    yield* this.#commit(phase, async (step) => {
      await forgetTombstones(step);
      const change = await this.#checkpointAfter(step, batch.checkpoint, true);
      return isWhole && mapping !== undefined ? { ...change, mapping } : change;
    });
    this.#refreshing = false;
    this.#isBehind = comparison?.isBehind === true;
    this.#findings.comparison = undefined;
    this.#runner.limits.endRefresh();
    if (this.#findings.restart !== undefined) return;
    if (isWhole) this.#runner.limits.countsCleared = true;
    yield* this.#readAgain();
    yield { kind: "refreshed", phase };
    yield* this.#runner.reportCheckpoint();
  }

  /** Settles everything that is marked, a commit at a time: the marks are durable, so nothing is lost in between. */
  async *#settleAll(phase: Phase): AsyncGenerator<Outcome, void, undefined> {
    this.#waiting.clear();
    this.#waitingDueAt = undefined;
    let after: string | undefined;
    do {
      yield* this.#commit(phase, async (step) => {
        const page = await markedAfter(step, after);
        this.#wait(await settleLinks(step, page));
        after = page.at(-1)?.sourceId;
        return undefined;
      });
    } while (after !== undefined);
    // On the way, some may have been marked that had been passed by.
    yield* this.#commit(phase, async (step) => {
      this.#wait(await settleMarked(step, this.#waiting));
      return undefined;
    });
    yield* this.#readAgain();
  }

  /**
   * Reads entries again: groups that the source may have rewritten without telling, before whoever waited for that is settled, and
   * entries of which it is not sure that what is known is the latest. They are read between two steps, so that no transaction is held
   * open meanwhile. What they have lost counts like any other removal.
   */
  async *#readAgain(): AsyncGenerator<Outcome, void, undefined> {
    while (this.#isTold && this.#findings.restart === undefined) {
      if (this.#stream.reread === undefined) return;
      const groups = [...this.#findings.doubtful];
      const entries = this.#findings.again.ids;
      const ids = [...new Set([...groups, ...entries])];
      if (ids.length === 0) return;
      const { signal } = this.#settings;
      let restated: readonly Upsert[];
      try {
        restated = await this.#stream.reread(ids, signal === undefined ? {} : { signal });
      } catch (error) {
        signal?.throwIfAborted();
        // Whoever waits is marked, and the stream itself has to reconnect anyway.
        this.#findings.doubtful.clear();
        const { delay } = this.#settings.outages;
        this.#waitingDueAt = this.#settings.now() + delay;
        yield { kind: "waiting", error, attempt: 1, delay };
        return;
      }
      const found = new Set(restated.map((change) => change.sourceId));
      const gone = this.#findings.again.goneAmong(entries).filter((id) => !found.has(id));
      const changes = [...restated.map(withoutPassword), ...gone.map(deletionOf)];
      // They were read beside the stream, and a stamp does not tell that they are newer than what the stream told.
      const read = async (step: Step) => {
        await this.#applyWithinLimits(step, changes);
        await this.#retryMoved(step);
        // A group that was not found is gone, which the stream will tell.
        for (const group of groups) {
          this.#findings.reliable.add(group);
          this.#findings.doubtful.delete(group);
        }
        this.#findings.again.answered(ids);
        this.#waiting.clear();
        this.#wait(await settleMarked(step));
        return await this.#checkpointAfter(step, this.#heldCheckpoint, false);
      };
      yield* this.#commit("reconcile", read, "answer");
      if (this.#findings.again.size === 0) this.#heldCheckpoint = undefined;
    }
  }

  /** Leaves entries for the next occasion. */
  #wait(sourceIds: readonly string[]): void {
    if (sourceIds.length === 0) return;
    for (const id of sourceIds) this.#waiting.add(id);
    this.#waitingDueAt ??= this.#settings.now() + this.#settings.refusals.delay;
  }

  async *#retryDue(): AsyncGenerator<Outcome, void, undefined> {
    let isConfirmed = false;
    while ((this.#confirmationDueAt ?? never) <= this.#settings.now()) {
      const { unconfirmed } = this.#runner.position;
      isConfirmed = true;
      yield* this.#commit("live", async (step) => {
        if (unconfirmed !== undefined) await confirm(step, unconfirmed);
        return { confirms: true };
      });
      this.#awaitConfirmation();
    }
    yield* this.#commit("live", async (step) => {
      // An account that was made late may have been in the way of anybody.
      this.#refusedDueAt = await retryRefused(step, isConfirmed ? "all" : "due");
      return undefined;
    });
    yield* this.#settleAll("live");
    yield* this.#runner.reportCheckpoint();
  }

  /** Does work as one step, and reports what was done. */
  async *#commit(
    phase: Phase,
    work: (step: Step) => Promise<PositionChange | undefined>,
    order: Order = "stamps",
  ): AsyncGenerator<Outcome, void, undefined> {
    for await (const outcome of this.#runner.commit(phase, work, order)) {
      if (outcome.kind === "deferred") {
        this.#refusedDueAt = Math.min(this.#refusedDueAt ?? never, outcome.nextAttempt);
      }
      yield outcome;
    }
  }

  /**
   * The checkpoint that can be stored now.
   *
   * @param judge whether what was called unchanged has to be known by now.
   */
  async #checkpointAfter(
    step: Step,
    checkpoint: string | undefined,
    judge: boolean,
  ): Promise<PositionChange | undefined> {
    if (checkpoint === undefined) return undefined;
    if (judge) {
      const missing = await stillMissing(step);
      this.#ask(
        step,
        missing.filter((id) => !this.#findings.unreadable.has(id)),
      );
    }
    if (this.#findings.again.size > mostReadAgain) {
      step.askForRefresh(tooManyDiffer);
    }
    if (step.needsRefresh()) return undefined;
    if (this.#findings.again.size === 0) return { checkpoint };
    this.#heldCheckpoint = checkpoint;
    return undefined;
  }

  /** Has entries read that are called unchanged and are not known, or all, where that shows that the stored state is an old one. */
  #ask(step: Step, missing: readonly string[]): void {
    if (missing.length === 0) return;
    const isShownByList = step.phase === "reconcile" && step.state !== undefined;
    if (!isShownByList || step.again === undefined) {
      step.askForRefresh("An entry that should be known is not.");
      return;
    }
    for (const id of missing) step.again.ask(id);
  }
}
