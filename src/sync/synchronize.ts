import { setTimeout as sleep } from "node:timers/promises";
import type { Change, ChangeBatch, ChangeStream, Delete, Upsert } from "../changes/index.js";
import { StreamTakenError, UnavailableError, VersionConflictError } from "../core/index.js";
import {
  endSessions,
  type StreamPosition,
  type SyncTarget,
  type TakenAway,
} from "../repositories/index.js";
import { applyChanges } from "./apply.js";
import { claimStream } from "./claim.js";
import { Comparison } from "./comparison.js";
import { type DigestedBlocks, Digests } from "./digests.js";
import { dryRunTarget } from "./dry-run.js";
import { forecast } from "./forecast.js";
import { recoverIntents } from "./intents.js";
import { LimitReached, Limits, type TakingAway, type TakingAwayInWords } from "./limits.js";
import { type Order, ReadAgain } from "./order.js";
import type { Outcome } from "./outcome.js";
import { stillMissing } from "./present.js";
import { retryRefused } from "./refused.js";
import { forgetTombstones } from "./removal.js";
import { withTroubleApart } from "./resource-trouble.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "./settings.js";
import { markedAfter, settleLinks, settleMarked } from "./settle.js";
import { StatedMembers } from "./stated-members.js";
import { linkedCount, type RunnerTarget, type Step } from "./step.js";
import { confirm, joined, unconfirmedOf } from "./unconfirmed.js";

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
  const stores = await (dryRun ? dryRunTarget(target, source) : withTroubleApart(target, source));
  yield* new Synchronization(stream, stores, settings, dryRun).run();
}

type Phase = ChangeBatch["phase"];

/** What a step changes of the position; it is stored at the end of the step. */
type PositionChange = Pick<StreamPosition, "checkpoint" | "mapping"> & {
  readonly generation?: number;
  readonly forgetsCheckpoint?: true;
  /** What was unconfirmed is no longer. */
  readonly confirms?: true;
};

/** A position as a step has stored it. */
interface StoredPosition {
  readonly position: StreamPosition;
  /** Where it stored one. */
  readonly checkpoint?: string;
  readonly taken?: readonly TakenAway[];
}

const never = Number.POSITIVE_INFINITY;
/** The longest time that a timer can run, in milliseconds. */
const longest = 2 ** 31 - 1;
/** How many entries are read again beside the stream; where there are more, everything is read anew. */
const mostReadAgain = 1_000;
const tooManyDiffer = "More entries are not as they were told than are read again one by one.";

class Synchronization {
  readonly #stream: ChangeStream;
  #target: RunnerTarget;
  readonly #settings: Settings;
  readonly #dryRun: boolean;
  #position: StreamPosition = { generation: 0, epoch: 0, revision: 0 };
  /** A refresh has begun and not ended. */
  #refreshing = false;
  /** What the refresh under way shows. */
  #comparison: Comparison | undefined;
  /** Up to which stamps the source held everything when the last refresh began. */
  #state: readonly string[] | undefined;
  /** The source lags behind what is known, so that the order in which it tells says nothing. */
  #isBehind = false;
  readonly #limits: Limits;
  /** When the next refused change is to be tried, in milliseconds since the epoch. */
  #refusedDueAt: number | undefined;
  /** Entries whose memberships were refused or are doubtful: they wait for the next occasion. */
  readonly #waiting = new Set<string>();
  /** When that is, in milliseconds since the epoch. */
  #waitingDueAt: number | undefined;
  /** When to look at what a superseded runner had begun, in milliseconds since the epoch. */
  #confirmationDueAt: number | undefined;
  /** Groups that are to be read again before somebody becomes a member of them. */
  readonly #doubtful = new Set<string>();
  /** Entries that are to be read again, since it is not sure that what is known of them is the latest. */
  readonly #again = new ReadAgain();
  /** A checkpoint that is stored only when all of these have been read. */
  #heldCheckpoint: string | undefined;
  /** The checkpoint that was stored last, until it is reported. */
  #storedCheckpoint: string | undefined;
  /** Entries that the refresh has called unchanged and that nobody knows. */
  readonly #missing = new Set<string>();
  /** Entries that could not be read. */
  readonly #unreadable = new Set<string>();
  /** Groups whose stated members can be relied on. */
  readonly #reliable = new Set<string>();
  readonly #stated = new StatedMembers();
  readonly #digestedBlocks: DigestedBlocks = new WeakMap();
  /** The step under way is done again after an outage. */
  #isRepeated = false;
  /** Why everything has to be read anew. */
  #restart: string | undefined;

  constructor(stream: ChangeStream, target: SyncTarget, settings: Settings, dryRun: boolean) {
    this.#stream = stream;
    this.#target = target;
    this.#settings = settings;
    this.#dryRun = dryRun;
    this.#limits = new Limits(settings);
  }

  async *run(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#claim();
    yield* this.#commit("live", async (step) => {
      if (!step.bare) await recoverIntents(step);
      return undefined;
    });
    yield* this.#retryDue();
    for (;;) {
      this.#restart = undefined;
      this.#refreshing = false;
      this.#comparison = undefined;
      this.#missing.clear();
      this.#again.clear();
      this.#heldCheckpoint = undefined;
      yield* this.#follow();
      if (this.#restart === undefined) return;
      yield { kind: "restarted", reason: this.#restart };
      yield* this.#commit("live", () => Promise.resolve({ forgetsCheckpoint: true }));
    }
  }

  /** Becomes the one runner that follows the stream: whoever has followed it until now can write nothing more. */
  async *#claim(): AsyncGenerator<Outcome, void, undefined> {
    const { source, mapping } = this.#stream;
    const claim = (stores: SyncTarget) => claimStream(stores, source);
    const target = this.#target;
    yield* this.#untilDone(async () => {
      this.#position = (await target.transaction?.(claim)) ?? (await claim(target));
      if (target.transaction === undefined) await this.#noteUnconfirmed(target);
    });
    this.#limits.load(this.#position);
    this.#limits.countsCleared = this.#position.mapping === mapping;
    if (target.transaction === undefined) {
      const { epoch } = this.#position;
      const stores = target.fence?.(source, epoch);
      const beforeWrite = () => target.checkpoints.hold(source, epoch);
      this.#target = { ...target, ...stores, beforeWrite };
    }
  }

  /** Without a transaction, what the runner before had begun is to be looked at again. */
  async #noteUnconfirmed(target: SyncTarget): Promise<void> {
    const { source } = this.#stream;
    const { unconfirmed: before, ...position } = this.#position;
    const found = await unconfirmedOf(target, source, this.#settings.now());
    const unconfirmed = joined(before, found);
    if (found !== undefined && unconfirmed !== undefined) {
      const stored = await target.checkpoints.save(source, { ...position, unconfirmed });
      this.#position = stored;
    }
    this.#confirmationDueAt = unconfirmed && unconfirmed.since + this.#settings.takeoverDelay;
  }

  /** Reads the stream until it ends, or until its position turns out to be of no use. */
  async *#follow(): AsyncGenerator<Outcome, void, undefined> {
    const stop = new AbortController();
    const { signal } = this.#settings;
    const { checkpoint } = this.#position;
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
        if (next.done === true) return;
        yield* this.#apply(next.value);
        if (this.#restart !== undefined) return;
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
    if (refresh === "begins") yield* this.#beginRefresh(batch);
    const live = phase === "live";
    const changes = batch.changes.map(withoutPassword);
    for (const change of changes) this.#note(change, live);
    yield* this.#commit(
      phase,
      async (step) => {
        await this.#applyWithinLimits(step, changes);
        if (!live) return undefined;
        await this.#retryMoved(step);
        // Whatever this batch has marked is to be tried, also where something was refused before.
        for (const id of step.marked) this.#waiting.delete(id);
        this.#wait(await settleMarked(step, this.#waiting));
        return await this.#checkpointAfter(step, batch.checkpoint, !this.#refreshing);
      },
      orderOf(batch, this.#isBehind),
    );
    if (live) yield* this.#readAgain();
    if (refresh === "ends" && this.#restart === undefined) yield* this.#finish(phase, batch);
    else if (live) yield* this.#reportCheckpoint();
  }

  /**
   * The generation is stored before the first mark of it, or the marks of a refresh that was interrupted would be taken for those
   * of the next.
   */
  async *#beginRefresh({ phase, state }: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const generation = this.#position.generation + 1;
    yield* this.#commit(phase, () => Promise.resolve({ generation }));
    this.#refreshing = true;
    this.#state = state;
    this.#comparison = new Comparison();
    if (phase === "snapshot") this.#again.connected();
    this.#limits.beginRefresh();
  }

  /** A refused change may wait for an account that moved in this very step, or in a circle. */
  async #retryMoved(step: Step): Promise<void> {
    const refused = step.outcomes.some((outcome) => outcome.kind === "deferred");
    if (refused || step.moved.size > 0) this.#refusedDueAt = await retryRefused(step, "moved");
  }

  /** What is to be remembered of a change, whatever becomes of it. */
  #note(change: Change, live: boolean): void {
    this.#comparison?.note(change, live);
    if (change.kind === "unreadable") this.#unreadable.add(change.sourceId);
    else if ("sourceId" in change) this.#unreadable.delete(change.sourceId);
  }

  async #applyWithinLimits(step: Step, changes: readonly Change[]): Promise<void> {
    const ahead = await forecast(step, changes);
    await step.take(step, { removals: ahead.count }, { removals: ahead.removals });
    this.#limits.foresee(ahead.leaving);
    await applyChanges(step, changes, ahead);
  }

  /** Ends a refresh: what was refused is tried again, memberships are settled, and the position is stored. */
  async *#finish(phase: Phase, batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const comparison = this.#comparison;
    for (const id of comparison?.untold ?? []) this.#again.ask(id);
    if (phase !== "snapshot" && comparison?.wentBack === true) {
      this.#restart = "The source went back to an earlier state, as if restored from a backup.";
    } else if (this.#again.size > mostReadAgain) this.#restart = tooManyDiffer;
    if (this.#restart !== undefined) return;
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
    this.#comparison = undefined;
    this.#limits.endRefresh();
    if (this.#restart !== undefined) return;
    if (isWhole) this.#limits.countsCleared = true;
    yield* this.#readAgain();
    yield { kind: "refreshed", phase };
    yield* this.#reportCheckpoint();
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
    while (this.#stream.reread !== undefined && this.#restart === undefined) {
      const groups = [...this.#doubtful];
      const entries = this.#again.ids;
      const ids = [...new Set([...groups, ...entries])];
      if (ids.length === 0) return;
      const { signal } = this.#settings;
      let restated: readonly Upsert[];
      try {
        restated = await this.#stream.reread(ids, signal === undefined ? {} : { signal });
      } catch (error) {
        signal?.throwIfAborted();
        // Whoever waits is marked, and the stream itself has to reconnect anyway.
        this.#doubtful.clear();
        const { delay } = this.#settings.outages;
        this.#waitingDueAt = this.#settings.now() + delay;
        yield { kind: "waiting", error, attempt: 1, delay };
        return;
      }
      const found = new Set(restated.map((change) => change.sourceId));
      const gone = this.#again.goneAmong(entries).filter((id) => !found.has(id));
      const changes = [...restated.map(withoutPassword), ...gone.map(deleteOf)];
      // They were read beside the stream, and a stamp does not tell that they are newer than what the stream told.
      const read = async (step: Step) => {
        await this.#applyWithinLimits(step, changes);
        await this.#retryMoved(step);
        // A group that was not found is gone, which the stream will tell.
        for (const group of groups) {
          this.#reliable.add(group);
          this.#doubtful.delete(group);
        }
        this.#again.answered(ids);
        this.#waiting.clear();
        this.#wait(await settleMarked(step));
        return await this.#checkpointAfter(step, this.#heldCheckpoint, false);
      };
      yield* this.#commit("reconcile", read, "answer");
    }
  }

  /** Leaves entries for the next occasion. */
  #wait(sourceIds: readonly string[]): void {
    if (sourceIds.length === 0) return;
    for (const id of sourceIds) this.#waiting.add(id);
    this.#waitingDueAt ??= this.#settings.now() + this.#settings.refusals.delay;
  }

  async *#retryDue(): AsyncGenerator<Outcome, void, undefined> {
    const { unconfirmed } = this.#position;
    const isDue = (this.#confirmationDueAt ?? never) <= this.#settings.now();
    if (unconfirmed !== undefined && isDue) {
      this.#confirmationDueAt = undefined;
      yield* this.#commit("live", async (step) => {
        await confirm(step, unconfirmed);
        return { confirms: true };
      });
    }
    yield* this.#commit("live", async (step) => {
      // An account that was made late may have been in the way of anybody.
      this.#refusedDueAt = await retryRefused(step, isDue ? "all" : "due");
      return undefined;
    });
    yield* this.#settleAll("live");
    yield* this.#reportCheckpoint();
  }

  /** Does work as one step, again and again while a store cannot answer, and reports what was done. */
  async *#commit(
    phase: Phase,
    work: (step: Step) => Promise<PositionChange | undefined>,
    order: Order = "stamps",
  ): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#untilDone((outcomes) => this.#transact({ phase, order, outcomes }, work));
  }

  /** Tries something again and again while a store cannot answer, and reports what was done. */
  async *#untilDone(
    work: (outcomes: Outcome[]) => Promise<void>,
  ): AsyncGenerator<Outcome, void, undefined> {
    const { attempts, delay: first, maxDelay } = this.#settings.outages;
    for (let attempt = 1; ; attempt++) {
      const outcomes: Outcome[] = [];
      this.#isRepeated = attempt > 1;
      try {
        await work(outcomes);
      } catch (error) {
        this.#stated.clear();
        // Groups that were read again in vain are as doubtful as before.
        this.#reliable.clear();
        this.#limits.undoStep();
        // Without a transaction, what was done before it went wrong is done.
        if (this.#target.transaction === undefined) yield* this.#report(outcomes);
        this.#settings.signal?.throwIfAborted();
        if (error instanceof LimitReached) {
          yield error.outcome;
          throw error.toError();
        }
        if (error instanceof StreamTakenError || attempt >= attempts) throw error;
        const asked = error instanceof UnavailableError ? (error.retryAfter ?? 0) : 0;
        const delay = Math.max(asked, Math.min(maxDelay, first * 2 ** (attempt - 1)));
        yield { kind: "waiting", error, attempt, delay };
        await this.#pause(delay);
        continue;
      }
      yield* this.#report(outcomes);
      return;
    }
  }

  async *#report(outcomes: readonly Outcome[]): AsyncGenerator<Outcome, void, undefined> {
    const reported: Outcome[] = [];
    for (const outcome of withoutOvercome(outcomes)) {
      if (outcome.kind === "deferred") {
        this.#refusedDueAt = Math.min(this.#refusedDueAt ?? never, outcome.nextAttempt);
      }
      // Sessions end whether or not anybody reads the report to its end.
      reported.push(await this.#withSessionsEnded(outcome));
    }
    yield* reported;
  }

  async #pause(delay: number): Promise<void> {
    const { signal } = this.#settings;
    try {
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  async #transact(
    { phase, order, outcomes }: Pick<Step, "phase" | "order" | "outcomes">,
    work: (step: Step) => Promise<PositionChange | undefined>,
  ): Promise<void> {
    this.#settings.signal?.throwIfAborted();
    this.#settings.protection.beginStep();
    this.#limits.beginStep();
    const { transaction } = this.#target;
    const step: Step = {
      source: this.#stream.source,
      target: this.#target,
      settings: this.#settings,
      phase,
      order,
      state: this.#state,
      generation: this.#position.generation,
      bare: transaction === undefined,
      outcomes,
      marked: new Set(),
      displaced: new Set(),
      givenUp: new Set(),
      moved: new Set(),
      countsCleared: this.#limits.countsCleared,
      take: (inside, taking, inWords) => this.#take(inside, taking, inWords),
      unforeseen: (members) => this.#limits.unforeseen(members),
      askForRefresh: (reason) => {
        this.#restart ??= reason;
      },
      needsRefresh: () => this.#restart !== undefined,
      missing: this.#missing,
      reliable: this.#reliable,
      stated: this.#stated,
      digests: new Digests(this.#digestedBlocks),
      ...(this.#comparison === undefined ? {} : { comparison: this.#comparison }),
      ...(this.#stream.reread === undefined
        ? {}
        : { doubtful: this.#doubtful, again: this.#again }),
    };
    if (transaction === undefined) {
      // What was begun before an outage or a crash may have left accounts behind that no link knows.
      await recoverIntents(step);
      await this.#storePosition(step, await work(step));
    } else {
      const stored = await transaction.call(this.#target, async (target) => {
        const inside = { ...step, target };
        await target.checkpoints.hold(step.source, this.#position.epoch);
        return await this.#positionAfter(inside, await work(inside));
      });
      // Only what is committed is remembered.
      this.#remember(stored as StoredPosition | undefined);
    }
    this.#limits.endStep();
  }

  async #take(step: Step, taking: TakingAway, inWords?: TakingAwayInWords): Promise<void> {
    await this.#limits.take(taking, () => linkedCount(step), inWords);
    // Without a transaction, what is about to be taken away is stored first.
    if (step.bare) await this.#storePosition(step, undefined);
  }

  /** Stores, outside of a transaction, what a step has changed of the position. */
  async #storePosition(step: Step, change: PositionChange | undefined): Promise<void> {
    this.#remember(await this.#positionAfter(step, change));
  }

  #remember(stored: StoredPosition | undefined): void {
    if (stored === undefined) return;
    this.#position = stored.position;
    if (stored.taken !== undefined) this.#limits.stored(stored.taken);
    if (stored.checkpoint === undefined) return;
    this.#storedCheckpoint = stored.checkpoint;
    if (this.#heldCheckpoint === stored.checkpoint) this.#heldCheckpoint = undefined;
  }

  /** Stores the position with what a step has changed of it and has taken away, if it has. */
  async #positionAfter(
    step: Step,
    change: PositionChange | undefined,
  ): Promise<StoredPosition | undefined> {
    const taken = await this.#limits.window(() => linkedCount(step));
    if (change === undefined && taken === undefined) return undefined;
    const { forgetsCheckpoint = false, confirms = false, ...changed } = change ?? {};
    const { checkpoint, unconfirmed, ...position } = { ...this.#position, ...changed };
    const next = {
      ...position,
      ...(checkpoint === undefined || forgetsCheckpoint ? {} : { checkpoint }),
      ...(unconfirmed === undefined || confirms ? {} : { unconfirmed }),
      ...(taken === undefined ? {} : { taken }),
    };
    const stored = { position: await this.#save(step, next), ...(taken && { taken }) };
    return changed.checkpoint === undefined
      ? stored
      : { ...stored, checkpoint: changed.checkpoint };
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
        missing.filter((id) => !this.#unreadable.has(id)),
      );
    }
    if (this.#again.size > mostReadAgain) {
      step.askForRefresh(tooManyDiffer);
    }
    if (step.needsRefresh()) return undefined;
    if (this.#again.size === 0) return { checkpoint };
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

  async #save(step: Step, position: StreamPosition): Promise<StreamPosition> {
    const { checkpoints } = step.target;
    try {
      return await checkpoints.save(this.#stream.source, position);
    } catch (cause) {
      if (!(cause instanceof VersionConflictError)) throw cause;
      // The answer to an earlier attempt may have been lost, and not what it stored.
      const stored = this.#isRepeated ? await checkpoints.load(this.#stream.source) : undefined;
      const isOurs =
        stored?.revision === position.revision + 1 &&
        stored.epoch === position.epoch &&
        stored.generation === position.generation &&
        stored.checkpoint === position.checkpoint;
      if (isOurs) return stored;
      throw new StreamTakenError(this.#stream.source, { cause });
    }
  }

  *#reportCheckpoint(): Generator<Outcome, void, undefined> {
    const checkpoint = this.#storedCheckpoint;
    this.#storedCheckpoint = undefined;
    if (checkpoint !== undefined && this.#restart === undefined) {
      yield { kind: "checkpoint", checkpoint };
    }
  }

  /** Ends the sessions of who was disabled or deleted, now that it is committed. */
  async #withSessionsEnded(outcome: Outcome): Promise<Outcome> {
    const removed = outcome.kind === "deactivated" || outcome.kind === "deleted";
    if (!removed || outcome.type !== "User" || outcome.resourceId === undefined || this.#dryRun) {
      return outcome;
    }
    return { ...outcome, sessions: await endSessions(this.#target.users, outcome.resourceId) };
  }
}

/** What decides whether the changes of a batch are newer than what is known. */
function orderOf({ phase, ordered }: ChangeBatch, isBehind: boolean): Order {
  if (phase === "snapshot") return "snapshot";
  return phase === "live" && ordered === true && !isBehind ? "arrival" : "stamps";
}

function deleteOf(sourceId: string): Delete {
  return { kind: "delete", sourceId };
}

/** The change as it is applied: a password is no business of synchronisation, whatever a stream says. */
function withoutPassword(change: Change): Change {
  if (change.kind !== "upsert" || !("password" in change.resource)) return change;
  const { password: _, ...resource } = change.resource;
  return { ...change, resource } as Upsert;
}

/** A refusal that was overcome in the same commit is not news. */
function withoutOvercome(outcomes: readonly Outcome[]): readonly Outcome[] {
  const last = new Map<string, Outcome>();
  for (const outcome of outcomes) if ("sourceId" in outcome) last.set(outcome.sourceId, outcome);
  return outcomes.filter(
    (outcome) => outcome.kind !== "deferred" || last.get(outcome.sourceId) === outcome,
  );
}
