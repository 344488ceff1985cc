import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeStream } from "../../changes/index.js";
import { StreamTakenError, VersionConflictError } from "../../core/index.js";
import {
  endSessions,
  type StreamPosition,
  type SyncTarget,
  type TakenAway,
} from "../../repositories/index.js";
import type { Order } from "../comparison/order.js";
import type { Outcome, Outcomes } from "../outcome.js";
import type { Settings } from "../settings.js";
import type { Phase, RunnerTarget } from "../step/context.js";
import { FreedNames } from "../step/freed-names.js";
import { GivenUpNames } from "../step/given-up-names.js";
import { LimitReached } from "../step/limits.js";
import { StepLinks } from "../step/links.js";
import { Protection, type ProtectionRule, protectionRule } from "../step/protection.js";
import { type Step, within } from "../step/step.js";
import type { Deferrals } from "./deferrals.js";
import type { Findings } from "./findings.js";
import { recoverIntents } from "./intents.js";
import { Limits } from "./limits.js";
import { delayAfter } from "./outages.js";
import { untilSilent } from "./standby.js";
import { joined, unconfirmedOf } from "./unconfirmed.js";

/** What a step changes of the position; it is stored at the end of the step. */
export type PositionChange = Pick<StreamPosition, "checkpoint" | "mapping"> & {
  readonly generation?: number;
  readonly forgetsCheckpoint?: true;
  /** What was unconfirmed is no longer, but for what was found later. */
  readonly confirms?: true;
};

/** A position as a step has stored it. */
interface StoredPosition {
  readonly position: StreamPosition;
  /** Where it stored one. */
  readonly checkpoint?: string;
  readonly taken?: readonly TakenAway[];
}

/**
 * The one runner that follows a stream into stores: it does all work in steps, and stores where it stands with each.
 */
export class Runner {
  readonly #stream: ChangeStream;
  #target: RunnerTarget;
  readonly #settings: Settings;
  readonly #dryRun: boolean;
  readonly #findings: Findings;
  readonly #deferrals: Deferrals;
  #position: StreamPosition = { generation: 0, epoch: 0, revision: 0 };
  readonly limits: Limits;
  readonly #protect: ProtectionRule;
  /** The checkpoint that was stored last, until it is reported. */
  #storedCheckpoint: string | undefined;
  /** When the position was stored last, by the clock of this process. */
  #storedAt = performance.now();
  /** Ends when the position has been stored that is stored last, outside of a transaction. */
  #storing: Promise<unknown> = Promise.resolve();

  constructor(
    stream: ChangeStream,
    target: SyncTarget,
    settings: Settings,
    parts: {
      readonly findings: Findings;
      readonly deferrals: Deferrals;
      readonly dryRun: boolean;
    },
  ) {
    this.#stream = stream;
    this.#target = target;
    this.#settings = settings;
    this.#findings = parts.findings;
    this.#deferrals = parts.deferrals;
    this.#dryRun = parts.dryRun;
    this.limits = new Limits(settings);
    this.#protect = protectionRule(settings.protect);
  }

  /** Where the stream was followed to. */
  get position(): StreamPosition {
    return this.#position;
  }

  /** How long it is until it has to be shown that this process is alive, in milliseconds. */
  get leaseDelay(): number {
    const { lease = Number.POSITIVE_INFINITY } = this.#settings;
    return Math.max(0, this.#storedAt + lease / 3 - performance.now());
  }

  /**
   * Waits until no other runner follows the stream.
   *
   * @returns the position that it was in when it was taken for dead; undefined where nothing is stored.
   */
  async *awaitTurn(lease: number): AsyncGenerator<Outcome, StreamPosition | undefined, undefined> {
    const { signal } = this.#settings;
    const { checkpoints } = this.#target;
    let seen: StreamPosition | undefined;
    yield* this.#untilDone(async () => {
      const look = () => checkpoints.load(this.#stream.source);
      seen = await untilSilent(look, isSame, { lease, signal });
    });
    return seen;
  }

  /**
   * Becomes the one runner that follows the stream: the one before it can write nothing more.
   *
   * @param turn of one that has stood by: it takes over nothing but what it has seen.
   * @throws {StreamTakenError} another one has been at work since.
   */
  async *claim(turn?: { readonly seen: StreamPosition | undefined }): Outcomes {
    const { source, mapping } = this.#stream;
    const claim = async ({ checkpoints, links }: SyncTarget): Promise<StreamPosition> => {
      const position = await checkpoints.claim(source, turn && { expected: turn.seen ?? null });
      // Where the position was lost, the links know better how many refreshes there were.
      const generation = Math.max(position.generation, await links.latestSeen(source));
      return { ...position, generation };
    };
    const target = this.#target;
    yield* this.#untilDone(async () => {
      this.#position = (await target.transaction?.(claim)) ?? (await claim(target));
      if (target.transaction === undefined) await this.#noteUnconfirmed(target);
    });
    this.limits.load(this.#position);
    this.limits.countsCleared = this.#position.mapping === mapping;
    if (target.transaction === undefined) {
      const { epoch } = this.#position;
      const stores = target.fence?.(source, epoch);
      const beforeWrite = () => target.checkpoints.hold(source, epoch);
      this.#target = { ...target, ...stores, beforeWrite };
    }
    this.#storedAt = performance.now();
  }

  /** Shows that this process is alive, where nothing has shown it for a while. */
  async *renew(): Outcomes {
    if (this.leaseDelay === 0) yield* this.commit("live", () => Promise.resolve({}));
  }

  /**
   * Shows it all the time while a step is done outside of a transaction, which may have many requests to make. In a
   * transaction, whoever wants to take over waits for its end, and then finds that something was stored.
   */
  async #showingLife(work: () => Promise<void>): Promise<void> {
    const { lease } = this.#settings;
    if (lease === undefined) {
      await work();
      return;
    }
    const { checkpoints } = this.#target;
    const showLife = async (): Promise<void> => {
      this.#position = await this.#save(checkpoints, this.#position);
      this.#storedAt = performance.now();
    };
    // Where it fails, what the step itself stores next fails, too, and says why.
    const timer = setInterval(() => this.#inTurn(showLife).catch(() => undefined), lease / 3);
    try {
      await work();
    } finally {
      clearInterval(timer);
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
  }

  /** Does work as one step, again and again while a store is unavailable, and reports what was done. */
  async *commit(
    phase: Phase,
    work: (step: Step) => Promise<PositionChange | undefined>,
    order: Order = "stamps",
  ): Outcomes {
    yield* this.#untilDone((outcomes) => this.#transact({ phase, order, outcomes }, work));
  }

  /** Tries something again and again while a store is unavailable, and reports what was done. */
  async *#untilDone(work: (outcomes: Outcome[]) => Promise<void>): Outcomes {
    for (let attempt = 1; ; attempt++) {
      const outcomes: Outcome[] = [];
      try {
        await work(outcomes);
      } catch (error) {
        this.#findings.groups.undoStep();
        // Without a transaction, what was done before it went wrong is done.
        if (this.#target.transaction === undefined) yield* this.#report(outcomes);
        this.#settings.signal?.throwIfAborted();
        if (error instanceof LimitReached) {
          yield error.outcome;
          throw error.toError();
        }
        if (error instanceof StreamTakenError) throw error;
        const delay = delayAfter(error, attempt, this.#settings.outages);
        yield { kind: "waiting", error, attempt, delay };
        await this.#pause(delay);
        continue;
      }
      yield* this.#report(outcomes);
      return;
    }
  }

  async *#report(outcomes: readonly Outcome[]): Outcomes {
    const reported: Outcome[] = [];
    for (const outcome of withoutOvercome(outcomes)) {
      if (outcome.kind === "deferred") this.#deferrals.refused(outcome.nextAttempt);
      // Sessions end whether or not the report is read to its end.
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
    { phase, order, outcomes }: Pick<Step, "phase" | "outcomes"> & { readonly order: Order },
    work: (step: Step) => Promise<PositionChange | undefined>,
  ): Promise<void> {
    this.#settings.signal?.throwIfAborted();
    const { transaction, links } = this.#target;
    const { source } = this.#stream;
    const findings = this.#findings;
    const isTransactional = transaction !== undefined;
    const step: Step = {
      source,
      target: this.#target,
      settings: this.#settings,
      phase,
      generation: this.#position.generation,
      isTransactional,
      outcomes,
      ordering: findings.ordering(order),
      digests: findings.digests(),
      refresh: findings.refresh,
      links: new StepLinks(links, source),
      givenUp: new GivenUpNames(),
      groups: findings.groups,
      freed: new FreedNames(),
      // Without a transaction, what is about to be taken away is stored first.
      limits: this.limits.beginStep(
        isTransactional ? undefined : () => this.#storePosition(step, undefined),
      ),
      protection: new Protection(this.#protect),
    };
    if (transaction === undefined) {
      // What was begun before an outage or a crash may have left accounts behind that no link knows.
      await this.#showingLife(async () => {
        await recoverIntents(step);
        await this.#storePosition(step, await work(step));
      });
    } else {
      const stored = await transaction.call(this.#target, async (target) => {
        const inside = within(step, target);
        await target.checkpoints.hold(source, this.#position.epoch);
        return await this.#positionAfter(inside, await work(inside));
      });
      // Only what is committed is remembered.
      this.#remember(step, stored as StoredPosition | undefined);
    }
    this.limits.endStep(step.limits);
  }

  /** Stores, outside of a transaction, what a step has changed of the position. */
  async #storePosition(step: Step, change: PositionChange | undefined): Promise<void> {
    await this.#inTurn(async () => this.#remember(step, await this.#positionAfter(step, change)));
  }

  /** Positions are stored one after the other, since each is stored on top of the one before it. */
  async #inTurn(store: () => Promise<void>): Promise<void> {
    const done = this.#storing.then(store);
    this.#storing = done.catch(() => undefined);
    await done;
  }

  #remember({ limits }: Step, stored: StoredPosition | undefined): void {
    if (stored === undefined) return;
    this.#position = stored.position;
    this.#storedAt = performance.now();
    if (stored.taken !== undefined) limits.stored(stored.taken);
    if (stored.checkpoint === undefined) return;
    this.#storedCheckpoint = stored.checkpoint;
  }

  /** Stores the position with what a step has changed of it and has taken away, if it has. */
  async #positionAfter(
    step: Step,
    change: PositionChange | undefined,
  ): Promise<StoredPosition | undefined> {
    const taken = await step.limits.unstored(step);
    const isDue = change !== undefined || taken !== undefined || this.leaseDelay === 0;
    if (!isDue) return undefined;
    const { forgetsCheckpoint = false, confirms = false, ...changed } = change ?? {};
    const { checkpoint, unconfirmed: known, ...position } = { ...this.#position, ...changed };
    const unconfirmed = confirms ? known?.later : known;
    const next = {
      ...position,
      ...(checkpoint === undefined || forgetsCheckpoint ? {} : { checkpoint }),
      ...(unconfirmed === undefined ? {} : { unconfirmed }),
      ...(taken === undefined ? {} : { taken }),
    };
    const stored = {
      position: await this.#save(step.target.checkpoints, next),
      ...(taken && { taken }),
    };
    return changed.checkpoint === undefined
      ? stored
      : { ...stored, checkpoint: changed.checkpoint };
  }

  async #save(
    checkpoints: SyncTarget["checkpoints"],
    position: StreamPosition,
  ): Promise<StreamPosition> {
    const { source } = this.#stream;
    try {
      return await checkpoints.save(source, position);
    } catch (cause) {
      if (!(cause instanceof VersionConflictError)) throw cause;
      // The result of an earlier attempt may have been lost, and not what it stored: nobody else has this epoch.
      const stored = await checkpoints.load(source);
      if (stored?.epoch !== position.epoch) throw new StreamTakenError(source, { cause });
      return await checkpoints.save(source, { ...position, revision: stored.revision });
    }
  }

  *reportCheckpoint(): Generator<Outcome, void, undefined> {
    const checkpoint = this.#storedCheckpoint;
    this.#storedCheckpoint = undefined;
    if (checkpoint !== undefined && !this.#findings.refresh.isRestarting) {
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

/** Whether nothing was stored between two looks. */
function isSame(one: StreamPosition, other: StreamPosition): boolean {
  return one.epoch === other.epoch && one.revision === other.revision;
}

/** A refusal that was overcome in the same commit is not news. */
function withoutOvercome(outcomes: readonly Outcome[]): readonly Outcome[] {
  const last = new Map<string, Outcome>();
  for (const outcome of outcomes) if ("sourceId" in outcome) last.set(outcome.sourceId, outcome);
  return outcomes.filter(
    (outcome) => outcome.kind !== "deferred" || last.get(outcome.sourceId) === outcome,
  );
}
