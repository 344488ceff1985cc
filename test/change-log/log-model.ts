import { changeLog, type PublishOptions, publishChanges } from "concordat/change-log";
import type { ChangeLog } from "concordat/repositories";
import { inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import fc from "fast-check";
import { differences } from "../sync/model-check.js";
import { type ModelRun, type ModelStep, modelRun } from "../sync/model-steps.js";
import { ModelStream, type Surroundings } from "../sync/model-stream.js";
import { ModelWorld } from "../sync/model-world.js";
import { interferedWith, type Target } from "../sync/stores.js";
import { CutLog, ProcessEnded } from "./cut-log.js";
import { LogWithoutDeletions } from "./log-without-deletions.js";

/** A run of the model of a directory, a log and the applications that read it. */
export interface LogRun {
  readonly run: ModelRun;
  /** From how many members on a group is written in blocks. */
  readonly largeGroup: number;
  /** How many records are written and read at once. */
  readonly page: number;
  /** How long the publisher waits after each report, in turns of the event loop. */
  readonly pause: number;
  /**
   * How soon the publisher reads groups again that state names which nobody has, in milliseconds. Where it is long, it
   * only has what it reads again before a name changes hands.
   */
  readonly recheck: number;
  /** After how many writes each process of the publisher ends, and whether the last one is done. */
  readonly publishers: readonly (readonly [life: number, isDone: boolean])[];
  readonly consumers: readonly LogConsumer[];
}

/** An application that reads the log. */
export interface LogConsumer {
  readonly transactions: boolean;
  /** When it begins: after so many turns of the event loop. */
  readonly late: number;
  /** After how many writes of its own each of its processes ends, and how long it is away then. */
  readonly lives: readonly (readonly [writes: number, away: number])[];
  /** Whether it is away at last for longer than deletions are kept. */
  readonly isLongAway: boolean;
}

const local = ["addLocally", "disableLocally", "deleteLocally", "refuse", "accept"];

const deliver: ModelStep = { do: "deliver", count: 60, duplicated: false, dropped: false };

/** A group states a person by a name, which then passes to another one. */
const handover: readonly ModelStep[] = [
  { do: "create", type: "User", name: 0, parent: 0, isNamed: false },
  { do: "create", type: "User", name: 1, parent: 0, isNamed: false },
  { do: "create", type: "Group", name: 0, parent: 0, isNamed: false },
  deliver,
  { do: "editGroup", group: 0, member: 0, kind: "dn" },
  deliver,
  { do: "swap", entry: 0, other: 1 },
  deliver,
];

const directoryRun = fc
  .record({
    run: modelRun,
    // Whatever comes after a handover may show what was not read again then, so that little does.
    isHandover: fc.boolean(),
    after: fc.nat({ max: 6 }),
  })
  .map(({ run, isHandover, after }): ModelRun => {
    const steps = run.steps.filter((step) => !local.includes(step.do));
    const whileDown = run.whileDown.filter((step) => step.do !== "loseCheckpoint");
    const mapped = { ...run, whileDown, match: false, crashes: [], rivals: [] };
    if (!isHandover) return { ...mapped, steps };
    return {
      ...mapped,
      steps: [...handover, ...steps.slice(0, after)],
      // Nothing tells what is rewritten. With an even size, the last refresh would state all groups.
      refint: "silent",
      source: run.source === "servers" ? "server" : run.source,
      batchSize: run.batchSize | 1,
    };
  });

const turns = fc.nat({ max: 400 });
/** Longer than deletions are kept, in milliseconds. */
const longAway = 40 * 24 * 3_600_000;

/** Runs of the model. */
export const logRun: fc.Arbitrary<LogRun> = fc.record({
  run: directoryRun,
  largeGroup: fc.constantFrom(0, 1, 2, 1_000),
  page: fc.constantFrom(2, 3, 500),
  pause: fc.constantFrom(0, 5, 40),
  recheck: fc.constantFrom(2, 3_600_000),
  publishers: fc.array(fc.tuple(fc.nat({ max: 25 }), fc.boolean()), { maxLength: 5 }),
  consumers: fc.array(
    fc.record({
      transactions: fc.boolean(),
      late: turns,
      lives: fc.array(fc.tuple(fc.nat({ max: 40 }), turns), { maxLength: 4 }),
      isLongAway: fc.boolean(),
    }),
    { minLength: 2, maxLength: 3 },
  ),
});

/** What a run came to. */
export interface LogRunResult {
  readonly differences: readonly string[];
  readonly publisherCuts: number;
  readonly consumerCuts: number;
}

/** Lives through a run. @param turn lets the others go on. */
export async function liveThrough(
  { run, largeGroup, pause, recheck, publishers, consumers }: LogRun,
  log: ChangeLog,
  turn: () => Promise<void>,
): Promise<LogRunResult> {
  const world = new ModelWorld(run, inMemoryTarget() as Target);
  const surroundings = withoutApplication(world);
  const whileDown = [...run.whileDown];
  let publisherCuts = 0;
  let consumerCuts = 0;
  const counter = { writes: 0 };
  const publishing = async (): Promise<void> => {
    for (const cut of [...publishers, undefined]) {
      const cuts = { life: cut?.[0], isDoneBefore: cut?.[1] === true, outages: run.outages };
      const cutLog = new CutLog(log, cuts, counter);
      try {
        const settings = { largeGroup, recheck: { delay: recheck, maxDelay: recheck * 10 } };
        await publish(surroundings, cutLog, settings, () => passTurns(pause, turn));
        return;
      } catch (error) {
        if (!(error instanceof ProcessEnded)) throw error;
        publisherCuts++;
        const meanwhile = whileDown.shift();
        if (meanwhile !== undefined) await world.act(meanwhile as ModelStep);
      }
    }
  };
  let isPublished = false;
  const targets = consumers.map(({ transactions }) => inMemoryTarget({ transactions }) as Target);
  const reading = consumers.map(async ({ late, lives }, index) => {
    const target = targets[index] as Target;
    await passTurns(late, turn);
    for (const [writes, away] of lives) {
      if (isPublished) return;
      const stop = new AbortController();
      const ending = watchUntil(() => isPublished, stop, turn);
      try {
        await consume(run, mortal(target, writes), log, true, stop.signal);
      } catch (error) {
        const isOver = stop.signal.aborted && error === stop.signal.reason;
        if (!(error instanceof ProcessEnded) && !isOver) throw error;
        if (error instanceof ProcessEnded) consumerCuts++;
      }
      stop.abort();
      await ending;
      await passTurns(away, turn);
    }
  });
  await Promise.all([publishing().finally(() => (isPublished = true)), ...reading]);
  const found: string[] = [];
  for (const [index, target] of [...targets, inMemoryTarget() as Target].entries()) {
    if (consumers[index]?.isLongAway === true) {
      const later = () => Date.now() + longAway;
      await consume(run, target, new LogWithoutDeletions(log), false, undefined, later);
    } else await consume(run, target, log, false);
    const { directory, blocked, localUsers, localMemberships } = world;
    const checked = { run, target, directory, blocked, localUsers, localMemberships };
    const some = await differences({ ...checked, complaints: [] });
    const who = index < targets.length ? `application ${index}` : "one that begins then";
    found.push(...some.map((each) => `${who}: ${each}`));
  }
  return { differences: found, publisherCuts, consumerCuts };
}

/** The surroundings of the directory's stream, whose follower is no application. */
function withoutApplication(world: ModelWorld): Surroundings {
  return {
    run: world.run,
    directory: world.directory,
    get mirrorAt() {
      return world.mirrorAt;
    },
    set mirrorAt(at) {
      world.mirrorAt = at;
    },
    missed: world.missed,
    toldAhead: world.toldAhead,
    get next() {
      return world.next;
    },
    take: () => world.take(),
    act: (step) => world.act(step),
    canReread: () => world.canReread(),
    resumes: async () => {},
    calmDown: () => world.calmDown(),
    // A server that lags is read as it is, and nothing says when it has caught up with what it was not told.
    tellsRewritten: world.run.source === "servers",
  };
}

async function publish(
  surroundings: Surroundings,
  log: ChangeLog,
  settings: Pick<PublishOptions, "largeGroup" | "recheck">,
  pause: () => Promise<void>,
): Promise<void> {
  const outcomes = publishChanges(new ModelStream(surroundings), log, {
    ...settings,
    maxDeletes: Number.POSITIVE_INFINITY,
    outages: { attempts: 60, delay: 1, maxDelay: 500 },
  });
  for await (const _ of outcomes) await pause();
}

async function consume(
  { nested, dangling, onDelete }: ModelRun,
  target: Target,
  log: ChangeLog,
  follow: boolean,
  signal?: AbortSignal,
  now: () => number = Date.now,
): Promise<void> {
  const outcomes = synchronize(changeLog(log, { source: "directory", now }), target, {
    nested,
    dangling,
    onDelete,
    follow,
    maxDeletes: Number.POSITIVE_INFINITY,
    maxCleared: Number.POSITIVE_INFINITY,
    outages: { attempts: 3, delay: 0 },
    takeoverDelay: 0,
    ...(signal && { signal }),
  });
  for await (const _ of outcomes);
}

const written: Readonly<Record<string, readonly string[]>> = {
  users: ["write", "create", "replace", "modify", "delete"],
  groups: ["write", "create", "replace", "modify", "delete", "changeMembers"],
  links: ["save", "markSeen", "markDirty", "remove", "setNames"],
  memberships: ["saveReferences", "removeReferences", "saveGrants", "removeGrants"],
  checkpoints: ["save", "claim"],
};

/** The stores as one process sees them, which ends before its write of this number. */
function mortal(target: Target, life: number): Target {
  let left = life;
  return interferedWith(target, {
    before: () => {
      if (left < 0) throw new ProcessEnded();
    },
    interrupt: ({ store, method }) => {
      if (written[store]?.includes(method) !== true) return undefined;
      return left-- <= 0 ? { error: new ProcessEnded() } : undefined;
    },
  });
}

async function passTurns(count: number, turn: () => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index++) await turn();
}

async function watchUntil(
  isOver: () => boolean,
  stop: AbortController,
  turn: () => Promise<void>,
): Promise<void> {
  while (!isOver() && !stop.signal.aborted) await turn();
  stop.abort();
}
