import type { Change, ChangeBatch, ChangeStream } from "../changes/index.js";
import type { SyncTarget } from "../repositories/index.js";
import { orderOfBatch } from "./comparison/order.js";
import { dryRunTarget } from "./dry-run/target.js";
import { applyWithinLimits, withoutPassword } from "./entries/apply.js";
import type { Outcome } from "./outcome.js";
import { forgetTombstones } from "./removal/removal.js";
import { batchesOf } from "./run/batches.js";
import { Checkpoints } from "./run/checkpoints.js";
import { Deferrals } from "./run/deferrals.js";
import { Findings } from "./run/findings.js";
import { recoverIntents } from "./run/intents.js";
import { Rereading } from "./run/rereading.js";
import { withTroubleApart } from "./run/resource-trouble.js";
import { Runner } from "./run/runner.js";
import { confirm } from "./run/unconfirmed.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "./settings.js";
import type { Phase } from "./step/context.js";

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
  target.settlement?.demandOwn(target.links, target.memberships);
  const stores = await (dryRun ? dryRunTarget(target, source) : withTroubleApart(target, source));
  yield* new Synchronization(stream, stores, settings, dryRun).run();
}

/** What a batch goes through, as docs/architecture.md tells it under "Synchronisation". */
class Synchronization {
  readonly #stream: ChangeStream;
  readonly #settings: Settings;
  readonly #findings: Findings;
  readonly #deferrals: Deferrals;
  readonly #checkpoints: Checkpoints;
  readonly #runner: Runner;
  readonly #rereading: Rereading;

  constructor(stream: ChangeStream, target: SyncTarget, settings: Settings, dryRun: boolean) {
    this.#stream = stream;
    this.#settings = settings;
    const findings = new Findings(stream);
    const deferrals = new Deferrals(settings);
    const checkpoints = new Checkpoints(findings);
    const runner = new Runner(stream, target, settings, { findings, deferrals }, dryRun);
    const parts = { findings, deferrals, checkpoints, runner };
    this.#findings = findings;
    this.#deferrals = deferrals;
    this.#checkpoints = checkpoints;
    this.#runner = runner;
    this.#rereading = new Rereading(stream, settings, parts);
  }

  async *run(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#begin();
    for (;;) {
      // What is begun again at the start may show already that everything has to be read.
      if (!this.#isToRestart) yield* this.#follow();
      const reason = this.#findings.refresh.restartReason;
      if (reason === undefined) return;
      yield { kind: "restarted", reason };
      yield* this.#runner.commit("live", () => Promise.resolve({ forgetsCheckpoint: true }));
      this.#findings.beginAnew();
      this.#checkpoints.forgetHeld();
    }
  }

  get #isToRestart(): boolean {
    return this.#findings.refresh.restartReason !== undefined;
  }

  get #isRefreshing(): boolean {
    return this.#findings.refresh.comparison !== undefined;
  }

  /** A runner begins: from then on no other one can write, and what is unfinished is recovered. */
  async *#begin(): AsyncGenerator<Outcome, void, undefined> {
    yield* this.#runner.claim();
    this.#deferrals.awaitConfirmation(this.#runner.position.unconfirmed);
    yield* this.#runner.commit("live", async (step) => {
      if (step.isTransactional) await recoverIntents(step);
      return undefined;
    });
    yield* this.#retryDue();
  }

  /** Reads the stream until it ends, or until its position turns out to be of no use. */
  async *#follow(): AsyncGenerator<Outcome, void, undefined> {
    const { checkpoint } = this.#runner.position;
    const delay = () => (this.#isRefreshing ? Number.POSITIVE_INFINITY : this.#deferrals.delay);
    for await (const next of batchesOf(this.#stream, checkpoint, delay, this.#settings.signal)) {
      if (next !== "due") yield* this.#apply(next);
      else if (!this.#isRefreshing) yield* this.#retryDue();
      if (this.#isToRestart) return;
    }
    // What was put off to be a step of its own is not left to the next runner.
    if (this.#deferrals.isRefusedDue && !this.#isRefreshing) yield* this.#retryDue();
  }

  async *#apply(batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const { phase, refresh } = batch;
    if (refresh === "begins") yield* this.#beginRefresh(batch);
    yield* this.#applyChanges(batch);
    if (phase === "live") yield* this.#rereading.run();
    if (refresh === "ends" && !this.#isToRestart) yield* this.#endRefresh(batch);
    else if (phase === "live") yield* this.#runner.reportCheckpoint();
  }

  /**
   * The generation is stored before the first mark of it, or the marks of a refresh that was interrupted would be taken for those
   * of the next.
   */
  async *#beginRefresh({ phase, state }: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const generation = this.#runner.position.generation + 1;
    yield* this.#runner.commit(phase, () => Promise.resolve({ generation }));
    this.#findings.refresh.begin(state);
    if (phase === "snapshot") this.#findings.connected();
    this.#runner.limits.beginRefresh();
  }

  /** Entries exist, or are gone. Where that was told live, all that follows is done in the same step. */
  async *#applyChanges(batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const isLive = batch.phase === "live";
    const changes = batch.changes.map(withoutPassword);
    this.#findings.note(changes, isLive);
    const done = new Set<Change>();
    yield* this.#runner.commit(
      batch.phase,
      async (step) => {
        await applyWithinLimits(step, changes, done);
        if (!isLive) return undefined;
        await this.#deferrals.retryFreed(step);
        await this.#deferrals.settleNew(step);
        return await this.#checkpoints.after(step, batch.checkpoint, !this.#isRefreshing);
      },
      orderOfBatch(batch, this.#findings.refresh.isBehind),
    );
  }

  /** Ends a refresh: what was refused is tried again, memberships are settled, and the checkpoint is stored. */
  async *#endRefresh(batch: ChangeBatch): AsyncGenerator<Outcome, void, undefined> {
    const { phase, checkpoint } = batch;
    const { refresh } = this.#findings;
    this.#findings.judge(phase);
    if (this.#isToRestart) return;
    yield* this.#runner.commit(phase, async (step) => {
      await this.#deferrals.retryRefused(step, "all");
      return undefined;
    });
    yield* this.#settleAll(phase);
    const isWhole = phase === "snapshot" && refresh.comparison?.isWhole === true;
    const { mapping } = this.#stream;
    yield* this.#runner.commit(phase, async (step) => {
      await forgetTombstones(step);
      const change = await this.#checkpoints.after(step, checkpoint, true);
      return isWhole && mapping !== undefined ? { ...change, mapping } : change;
    });
    refresh.end();
    this.#runner.limits.endRefresh();
    if (this.#isToRestart) return;
    if (isWhole) this.#runner.limits.countsCleared = true;
    yield* this.#rereading.run();
    yield { kind: "refreshed", phase };
    yield* this.#runner.reportCheckpoint();
  }

  /** Settles everything that is dirty, a commit at a time: the marks are durable, so nothing is lost in between. */
  async *#settleAll(phase: Phase): AsyncGenerator<Outcome, void, undefined> {
    this.#deferrals.beginSettling();
    let after: string | undefined;
    do {
      yield* this.#runner.commit(phase, async (step) => {
        after = await this.#deferrals.settlePage(step, after);
        return undefined;
      });
    } while (after !== undefined);
    // On the way, some may have been marked that had been passed.
    yield* this.#runner.commit(phase, async (step) => {
      await this.#deferrals.settleOthers(step);
      return undefined;
    });
    yield* this.#rereading.run();
  }

  /** Takes up again what was deferred and is due. */
  async *#retryDue(): AsyncGenerator<Outcome, void, undefined> {
    let isConfirmed = false;
    while (this.#deferrals.isConfirmationDue) {
      const { unconfirmed } = this.#runner.position;
      isConfirmed = true;
      yield* this.#runner.commit("live", async (step) => {
        if (unconfirmed !== undefined) await confirm(step, unconfirmed);
        return { confirms: true };
      });
      this.#deferrals.awaitConfirmation(this.#runner.position.unconfirmed);
    }
    yield* this.#runner.commit("live", async (step) => {
      // An account that was made late may have been in the way of any entry.
      await this.#deferrals.retryRefused(step, isConfirmed ? "all" : "due");
      return undefined;
    });
    yield* this.#settleAll("live");
    yield* this.#runner.reportCheckpoint();
  }
}
