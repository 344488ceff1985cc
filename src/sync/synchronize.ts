import type { Change, ChangeBatch, ChangeStream } from "../changes/index.js";
import {
  endingWithSignal,
  InvalidValueError,
  StreamTakenError,
  UnsupportedError,
} from "../core/index.js";
import type { StreamPosition, SyncTarget } from "../repositories/index.js";
import { orderOfBatch } from "./comparison/order.js";
import { dryRunTarget } from "./dry-run/target.js";
import { applyWithinLimits, withoutPassword } from "./entries/apply.js";
import type { Outcome, Outcomes } from "./outcome.js";
import { forgetTombstones } from "./removal/sweep.js";
import { batchesOf } from "./run/batches.js";
import { recoverIntents } from "./run/intents.js";
import { readAgain } from "./run/read-again.js";
import { withTroubleApart } from "./run/resource-trouble.js";
import { beginRun, type Run } from "./run/run.js";
import { confirm } from "./run/unconfirmed.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "./settings.js";
import type { Phase } from "./step/context.js";

/**
 * Applies a change stream to repositories: users and groups are created, updated, renamed, disabled, deleted, and put
 * into groups as the source says, while whatever is local to the application stays as it is.
 *
 * What it yields is the report of what was done, in order, each outcome after it was committed. Work goes on only while
 * outcomes are asked for. It ends when the stream does; leaving the loop or aborting the signal ends it between two
 * commits, without an error. Started again, it resumes where it stood. After any crash it converges to what the source
 * says.
 *
 * Of several processes that follow one stream into the same stores, the one that began last goes on, and the others
 * end; with `standby`, all but one wait.
 *
 * @throws {TooManyError} more would be taken away than `maxDeletes` or `maxCleared` allows; nothing of that step was
 * changed.
 * @throws {StreamTakenError} another process has begun to apply the same stream to the same stores.
 * @throws {InvalidValueError} an option has a value that it cannot have.
 * @throws {UnsupportedError} the target's `settlement` is not of its stores of links and memberships; or, with
 * `standby`, the target has neither `transaction` nor `fence`.
 * @throws whatever the stream or a store throws that trying again did not mend.
 */
export function synchronize(
  stream: ChangeStream,
  target: SyncTarget,
  options: SynchronizeOptions = {},
): AsyncGenerator<Outcome, void, undefined> {
  const settings = settingsFrom(options);
  const outcomes = outcomesOf(stream, target, settings, options.dryRun === true);
  return endingWithSignal(outcomes, settings.signal);
}

async function* outcomesOf(
  stream: ChangeStream,
  target: SyncTarget,
  settings: Settings,
  dryRun: boolean,
): Outcomes {
  const { source } = stream;
  target.settlement?.assertOwn(target.links, target.memberships);
  const { lease } = settings;
  if (lease === undefined) {
    const stores = await (dryRun ? dryRunTarget(target, source) : withTroubleApart(target, source));
    yield* synchronization(beginRun(stream, stores, settings, dryRun));
    return;
  }
  assertStandby(target, dryRun);
  for (;;) {
    try {
      const stores = await withTroubleApart(target, source);
      const run = beginRun(stream, stores, settings, false);
      yield { kind: "standby" };
      const seen = yield* run.runner.awaitTurn(lease);
      yield* synchronization(run, { seen });
      return;
    } catch (error) {
      if (!(error instanceof StreamTakenError)) throw error;
    }
  }
}

/** Makes sure that one that was cut off can write nothing more: who waits could not take its place otherwise. */
function assertStandby({ transaction, fence }: SyncTarget, dryRun: boolean): void {
  if (dryRun) throw new InvalidValueError("standby", "cannot be together with dryRun.");
  if (transaction !== undefined || fence !== undefined) return;
  throw new UnsupportedError(
    "These stores cannot have standbys: the target has neither `transaction` nor `fence`, so that a process which was " +
      "taken for dead could still write.",
  );
}

/**
 * What a stream sends goes through these steps, as docs/architecture.md says under "Synchronisation".
 *
 * @param turn of one that has stood by: the position that the process before it was in when it was taken for dead.
 */
export async function* synchronization(
  run: Run,
  turn?: { readonly seen: StreamPosition | undefined },
): Outcomes {
  yield* begin(run, "due", turn);
  for (;;) {
    // What is begun again at the start may show already that everything has to be read.
    if (!run.findings.refresh.isRestarting) yield* follow(run);
    const reason = run.findings.refresh.restartReason;
    if (reason === undefined) return;
    yield { kind: "restarted", reason };
    yield* run.runner.commit("live", () => Promise.resolve({ forgetsCheckpoint: true }));
    run.findings.beginAnew();
    run.checkpoints.forgetHeld();
  }
}

/**
 * A runner begins: from then on no other one can write, and what is unfinished is recovered.
 *
 * @param occasion which refused changes are tried again.
 * @param turn as of {@link synchronization}.
 */
export async function* begin(
  run: Run,
  occasion: "all" | "due" = "due",
  turn?: { readonly seen: StreamPosition | undefined },
): Outcomes {
  yield* run.runner.claim(turn);
  if (turn !== undefined) yield { kind: "began" };
  run.deferrals.awaitConfirmation(run.runner.position.unconfirmed);
  yield* run.runner.commit("live", async (step) => {
    if (step.isTransactional) await recoverIntents(step);
    return undefined;
  });
  yield* retryDue(run, occasion);
}

/** Reads the stream until it ends, or until its position turns out to be of no use. */
async function* follow(run: Run): Outcomes {
  const { checkpoint } = run.runner.position;
  const { refresh } = run.findings;
  const delay = () =>
    Math.min(
      run.runner.leaseDelay,
      refresh.isUnderWay ? Number.POSITIVE_INFINITY : run.deferrals.delay,
    );
  for await (const next of batchesOf(run.stream, checkpoint, delay, run.settings)) {
    if (next !== "due") yield* apply(run, next);
    else {
      if (!refresh.isUnderWay && run.deferrals.delay === 0) yield* retryDue(run);
      yield* run.runner.renew();
    }
    if (refresh.isRestarting) return;
  }
  // What was put off to be a step of its own is not left to the next runner.
  if (run.deferrals.isRefusedDue && !run.findings.refresh.isUnderWay) yield* retryDue(run);
}

async function* apply(run: Run, batch: ChangeBatch): Outcomes {
  const { phase, refresh } = batch;
  if (refresh === "begins") yield* beginRefresh(run, batch);
  yield* applyChanges(run, batch);
  if (phase === "live") yield* readAgain(run);
  if (refresh === "ends" && !run.findings.refresh.isRestarting) yield* endRefresh(run, batch);
  else if (phase === "live") yield* run.runner.reportCheckpoint();
}

/**
 * The generation is stored before the first mark of it, or the marks of a refresh that was interrupted would be taken
 * for those of the next.
 */
async function* beginRefresh(run: Run, { phase, state }: ChangeBatch): Outcomes {
  const generation = run.runner.position.generation + 1;
  yield* run.runner.commit(phase, () => Promise.resolve({ generation }));
  run.findings.refresh.begin(state);
  if (phase === "snapshot") run.findings.connected();
  run.runner.limits.beginRefresh();
}

/** Entries exist, or are gone. Where that was a live change, all that follows is done in the same step. */
async function* applyChanges(run: Run, batch: ChangeBatch): Outcomes {
  const isLive = batch.phase === "live";
  const changes = batch.changes.map(withoutPassword);
  run.findings.note(changes, isLive);
  const done = new Set<Change>();
  yield* run.runner.commit(
    batch.phase,
    async (step) => {
      await applyWithinLimits(step, changes, done);
      if (!isLive) return undefined;
      await run.deferrals.retryFreed(step);
      await run.deferrals.settleNew(step);
      return await run.checkpoints.after(step, batch.checkpoint, !run.findings.refresh.isUnderWay);
    },
    orderOfBatch(batch),
  );
}

/** Ends a refresh: what was refused is tried again, memberships are settled, and the checkpoint is stored. */
async function* endRefresh(run: Run, batch: ChangeBatch): Outcomes {
  const { phase, checkpoint } = batch;
  const { refresh } = run.findings;
  run.findings.judge(phase);
  if (run.findings.refresh.isRestarting) return;
  yield* run.runner.commit(phase, async (step) => {
    await run.deferrals.retryRefused(step, "all");
    return undefined;
  });
  yield* settleAll(run, phase);
  const isWhole = phase === "snapshot" && refresh.comparison?.isWhole === true;
  const { mapping } = run.stream;
  yield* run.runner.commit(phase, async (step) => {
    await forgetTombstones(step);
    const change = await run.checkpoints.after(step, checkpoint, true);
    return isWhole && mapping !== undefined ? { ...change, mapping } : change;
  });
  refresh.end();
  run.runner.limits.endRefresh();
  if (run.findings.refresh.isRestarting) return;
  if (isWhole) run.runner.limits.countsCleared = true;
  yield* readAgain(run);
  yield { kind: "refreshed", phase };
  yield* run.runner.reportCheckpoint();
}

/** Settles everything that is dirty, a commit at a time: the marks are durable, so nothing is lost in between. */
async function* settleAll(run: Run, phase: Phase): Outcomes {
  run.deferrals.beginSettling();
  let after: string | undefined;
  do {
    yield* run.runner.commit(phase, async (step) => {
      after = await run.deferrals.settlePage(step, after);
      return undefined;
    });
  } while (after !== undefined);
  // On the way, some may have been marked that had been passed.
  yield* run.runner.commit(phase, async (step) => {
    await run.deferrals.settleOthers(step);
    return undefined;
  });
  yield* readAgain(run);
}

/** Takes up again what was deferred and is due. @param occasion which refused changes are. */
async function* retryDue(run: Run, occasion: "all" | "due" = "due"): Outcomes {
  let isConfirmed = false;
  while (run.deferrals.isConfirmationDue) {
    const { unconfirmed } = run.runner.position;
    isConfirmed = true;
    yield* run.runner.commit("live", async (step) => {
      if (unconfirmed !== undefined) await confirm(step, unconfirmed);
      return { confirms: true };
    });
    run.deferrals.awaitConfirmation(run.runner.position.unconfirmed);
  }
  yield* run.runner.commit("live", async (step) => {
    // An account that was made late may have been in the way of any entry.
    await run.deferrals.retryRefused(step, isConfirmed ? "all" : occasion);
    return undefined;
  });
  yield* settleAll(run, "live");
  yield* run.runner.reportCheckpoint();
}
