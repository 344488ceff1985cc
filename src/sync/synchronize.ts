import { setTimeout as sleep } from "node:timers/promises";
import type { Change, ChangeBatch, ChangeStream, Upsert } from "../changes/index.js";
import { UnavailableError, VersionConflictError } from "../core/index.js";
import { endSessions, type StreamPosition, type SyncTarget } from "../repositories/index.js";
import { applyChanges } from "./apply.js";
import { type DigestedBlocks, Digests } from "./digests.js";
import { dryRunTarget } from "./dry-run.js";
import { StreamTakenError } from "./errors.js";
import { recoverIntents } from "./intents.js";
import { forecast } from "./limit.js";
import type { Outcome } from "./outcome.js";
import { isStillMissing } from "./present.js";
import { retryRefused } from "./refused.js";
import { forgetTombstones } from "./removal.js";
import { LimitReached, RemovalCount } from "./removal-count.js";
import { withTroubleApart } from "./resource-trouble.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "./settings.js";
import { markedAfter, settleLinks, settleMarked } from "./settle.js";
import { StatedMembers } from "./stated-members.js";
import type { Step } from "./step.js";

/**
 * Applies a change stream to repositories: users and groups are created, updated, renamed, disabled, deleted, and put into
 * groups as the source says, while whatever is local to the application stays as it is.
 *
 * What it yields is the report of what was done, in order, each outcome after it was committed. Work goes on only while
 * outcomes are asked for. It ends when the stream does; leaving the loop or aborting the signal stops it between two commits.
 * Started again, it resumes where it stood. After any crash it converges to what the source says.
 *
 * @throws {TooManyError} more would be taken away than `maxDeletes` allows; nothing of that batch was changed.
 * @throws {StreamTakenError} another process applies the same stream to the same stores.
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

const never = Number.POSITIVE_INFINITY;
/** The longest time that a timer can run, in milliseconds. */
const longest = 2 ** 31 - 1;

class Synchronization {
  readonly #stream: ChangeStream;
  readonly #target: SyncTarget;
  readonly #settings: Settings;
  readonly #dryRun: boolean;
  #position: StreamPosition = { generation: 0, revision: 0 };
  /** A refresh has begun and not ended. */
  #refreshing = false;
  readonly #removals: RemovalCount;
  /** When the next refused change is to be tried, in milliseconds since the epoch. */
  #refusedDueAt: number | undefined;
  /** Entries whose memberships were refused or are doubtful: they wait for the next occasion. */
  readonly #waiting = new Set<string>();
  /** When that is, in milliseconds since the epoch. */
  #waitingDueAt: number | undefined;
  /** Groups that are to be read again before somebody becomes a member of them. */
  readonly #doubtful = new Set<string>();
  /** Entries that the refresh has called unchanged and that nobody knows. */
  readonly #missing = new Set<string>();
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
    this.#removals = new RemovalCount(settings);
  }

  async *run(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#commit("live", async (step) => {
      this.#position = (await step.target.checkpoints.load(this.#stream.source)) ?? this.#position;
      if (!step.bare) await recoverIntents(step);
      return undefined;
    });
    yield* this.#retryDue();
    for (;;) {
      this.#restart = undefined;
      this.#missing.clear();
      yield* this.#follow();
      if (this.#restart === undefined) return;
      yield { kind: "restarted", reason: this.#restart };
      const { checkpoint: _, ...position } = this.#position;
      yield* this.#commit("live", (step) => this.#save(step, position));
    }
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
    const dueAt = Math.min(this.#refusedDueAt ?? never, this.#waitingDueAt ?? never);
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
    if (refresh === "begins") {
      // The generation is stored before the first mark of it, or the marks of a refresh that was interrupted would be taken
      // for those of the next.
      const generation = this.#position.generation + 1;
      yield* this.#commit(phase, (step) => this.#save(step, { ...this.#position, generation }));
      this.#refreshing = true;
      this.#removals.beginRefresh();
    }
    const live = phase === "live";
    const changes = batch.changes.map(withoutPassword);
    yield* this.#commit(phase, async (step) => {
      const { compared, ...ahead } = await forecast(step, changes);
      await this.#removals.refuseAbove(phase, step, ahead);
      await applyChanges(step, changes, compared);
      if (!live) return undefined;
      // A refused change may wait for an account that moved in this very batch, or in a circle.
      const refused = step.outcomes.some((outcome) => outcome.kind === "deferred");
      if (refused || step.moved.size > 0) this.#refusedDueAt = await retryRefused(step, "moved");
      // Whatever this batch has marked is to be tried, also where something was refused before.
      for (const id of step.marked) this.#waiting.delete(id);
      this.#wait(await settleMarked(step, this.#waiting));
      return await this.#saveCheckpoint(step, batch.checkpoint, !this.#refreshing);
    });
    if (live) yield* this.#readDoubtful(phase);
    if (refresh === "ends" && this.#restart === undefined) yield* this.#finish(phase, batch);
    else if (live) yield* this.#reportCheckpoint(batch.checkpoint);
  }

  /** Ends a refresh: what was refused is tried again, memberships are settled, and the position is stored. */
  async *#finish(phase: Phase, batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#commit(phase, async (step) => {
      this.#refusedDueAt = await retryRefused(step, "all");
      return undefined;
    });
    yield* this.#settleAll(phase);
    yield* this.#commit(phase, async (step) => {
      await forgetTombstones(step);
      return await this.#saveCheckpoint(step, batch.checkpoint, true);
    });
    this.#refreshing = false;
    if (this.#restart !== undefined) return;
    yield { kind: "refreshed", phase };
    yield* this.#reportCheckpoint(batch.checkpoint);
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
    yield* this.#readDoubtful(phase);
  }

  /**
   * Reads groups again that the directory may have rewritten without telling, and settles whoever waited for that. They are
   * read between two steps, so that no transaction is held open meanwhile. What they have lost counts like any other removal.
   */
  async *#readDoubtful(phase: Phase): AsyncGenerator<Outcome, void, undefined> {
    while (this.#doubtful.size > 0 && this.#stream.reread !== undefined) {
      const groups = [...this.#doubtful];
      const { signal } = this.#settings;
      let restated: readonly Upsert[];
      try {
        restated = await this.#stream.reread(groups, signal === undefined ? {} : { signal });
      } catch (error) {
        signal?.throwIfAborted();
        // Whoever waits is marked, and the stream itself has to reconnect anyway.
        this.#doubtful.clear();
        const { delay } = this.#settings.outages;
        this.#waitingDueAt = this.#settings.now() + delay;
        yield { kind: "waiting", error, attempt: 1, delay };
        return;
      }
      const changes = restated.map(withoutPassword);
      // They were read beside the stream, and a stamp does not tell that they are newer than what the stream told.
      yield* this.#commit("reconcile", async (step) => {
        const { compared, ...ahead } = await forecast(step, changes);
        await this.#removals.refuseAbove(phase, step, ahead);
        await applyChanges(step, changes, compared);
        // A group that was not found is gone, which the stream will tell.
        for (const group of groups) {
          this.#reliable.add(group);
          this.#doubtful.delete(group);
        }
        this.#waiting.clear();
        this.#wait(await settleMarked(step));
        return undefined;
      });
    }
  }

  /** Leaves entries for the next occasion. */
  #wait(sourceIds: readonly string[]): void {
    if (sourceIds.length === 0) return;
    for (const id of sourceIds) this.#waiting.add(id);
    this.#waitingDueAt ??= this.#settings.now() + this.#settings.refusals.delay;
  }

  async *#retryDue(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#commit("live", async (step) => {
      this.#refusedDueAt = await retryRefused(step, "due");
      return undefined;
    });
    yield* this.#settleAll("live");
  }

  /** Does work as one step, again and again while a store cannot answer, and reports what was done. */
  async *#commit(
    phase: Phase,
    work: (step: Step) => Promise<StreamPosition | undefined>,
  ): AsyncGenerator<Outcome, void, undefined> {
    const { attempts, delay: first, maxDelay } = this.#settings.outages;
    for (let attempt = 1; ; attempt++) {
      const outcomes: Outcome[] = [];
      try {
        await this.#transact(phase, outcomes, work, attempt);
      } catch (error) {
        this.#stated.clear();
        // Groups that were read again in vain are as doubtful as before.
        this.#reliable.clear();
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
    phase: Phase,
    outcomes: Outcome[],
    work: (step: Step) => Promise<StreamPosition | undefined>,
    attempt: number,
  ): Promise<void> {
    this.#settings.signal?.throwIfAborted();
    this.#removals.beginStep();
    this.#isRepeated = attempt > 1;
    let position: StreamPosition | undefined;
    const step: Step = {
      source: this.#stream.source,
      target: this.#target,
      settings: this.#settings,
      phase,
      generation: this.#position.generation,
      bare: this.#target.transaction === undefined,
      outcomes,
      marked: new Set(),
      displaced: new Set(),
      givenUp: new Set(),
      moved: new Set(),
      askForRefresh: (reason) => {
        this.#restart ??= reason;
      },
      needsRefresh: () => this.#restart !== undefined,
      missing: this.#missing,
      reliable: this.#reliable,
      stated: this.#stated,
      digests: new Digests(this.#digestedBlocks),
      ...(this.#stream.reread === undefined ? {} : { doubtful: this.#doubtful }),
    };
    if (this.#target.transaction === undefined) {
      // What was begun before an outage or a crash may have left accounts behind that no link knows.
      await recoverIntents(step);
      position = await work(step);
    } else {
      position = await this.#target.transaction((target) => work({ ...step, target }));
    }
    // Only what is committed is remembered.
    if (position !== undefined) this.#position = position;
    this.#removals.endStep();
  }

  /** @param judge whether what was called unchanged has to be known by now. */
  async #saveCheckpoint(
    step: Step,
    checkpoint: string | undefined,
    judge: boolean,
  ): Promise<StreamPosition | undefined> {
    if (checkpoint === undefined) return undefined;
    if (judge && (await isStillMissing(step))) {
      step.askForRefresh("An entry that should be known is not.");
    }
    if (step.needsRefresh()) return undefined;
    return await this.#save(step, { ...this.#position, checkpoint });
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
        stored.generation === position.generation &&
        stored.checkpoint === position.checkpoint;
      if (isOurs) return stored;
      throw new StreamTakenError(this.#stream.source, { cause });
    }
  }

  *#reportCheckpoint(checkpoint: string | undefined): Generator<Outcome, void, undefined> {
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
