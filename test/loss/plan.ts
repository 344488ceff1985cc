/** Something that is done to the directory or to who follows it, beside the writes and the cuts. */
export type Step =
  /** All processes that follow are killed, and one is started. */
  | "killConsumer"
  /** The server is killed and started again. */
  | "killServer"
  /** Another process begins to follow the same stream into the same tables. */
  | "secondRunner"
  /** The process at work is frozen until another one has taken its place, or for a while, and then goes on. */
  | "freezeConsumer"
  /** The row with the checkpoint is gone when a process starts. */
  | "loseCheckpoint"
  /** The database is put back to what it was a while ago. */
  | "restore"
  /** The clock of the server is set back or forward. */
  | "setClock"
  /** A unit with people below is renamed, or moved across the base. */
  | "moveUnit"
  /** The server that is followed cannot be reached, and the other can. */
  | "switchServer"
  /** The other server receives nothing of what is written, or receives what it has missed. */
  | "lag";

/** How often a run is disturbed, and looked at. */
export interface Extent {
  /** How often all that is written comes to rest and is compared. */
  readonly rounds: number;
  /** How often its connection is cut, at the least. */
  readonly cuts: number;
  /** How often each step is done, where the plan has it. */
  readonly steps: Readonly<Record<Step, number>>;
}

/** What `npm run test:loss` does to each seed. */
export const longExtent: Extent = {
  rounds: 4,
  cuts: 64,
  steps: {
    killConsumer: 16,
    killServer: 3,
    secondRunner: 5,
    freezeConsumer: 8,
    loseCheckpoint: 2,
    restore: 3,
    setClock: 6,
    moveUnit: 8,
    switchServer: 12,
    lag: 8,
  },
};

/** What every run of the tests does. */
export const shortExtent: Extent = {
  rounds: 2,
  cuts: 10,
  steps: {
    killConsumer: 1,
    killServer: 1,
    secondRunner: 1,
    freezeConsumer: 2,
    loseCheckpoint: 1,
    restore: 1,
    setClock: 2,
    moveUnit: 2,
    switchServer: 2,
    lag: 2,
  },
};

/** What a run is made of. Everything in it follows from the seed. */
export interface Plan extends Extent {
  readonly seed: number;
  /** How many deletions and changes the server remembers for resumes. */
  readonly sessionLog: number;
  /** Whether the server rewrites members that are renamed or deleted; without, dangling members are dropped. */
  readonly refint: boolean;
  /** Whether each step of the application is one transaction. */
  readonly transactions: boolean;
  readonly onDelete: "deactivate" | "delete";
  /** Whether two servers replicate each other, and one lags behind now and then (mirror mode). */
  readonly isMirrored: boolean;
  /** Whether three processes follow the stream, of which one works and the others stand by. */
  readonly standbys: boolean;
  /** Whether the server has a clock of its own, which is set. */
  readonly clock: boolean;
}

/** What is done to which kinds of directories, from one set of 24 seeds to the next. */
const kinds = ["plain", "clock", "restore", "clock and restore", "mirrored"] as const;

/** The plan of a seed. Two hundred and forty seeds in a row try each combination once. */
export function planFor(seed: number, { steps, ...extent }: Extent): Plan {
  const sessionLogs = [1000, 100, 0];
  const kind = kinds[Math.floor(seed / 24) % kinds.length] ?? "plain";
  const isMirrored = kind === "mirrored";
  const clock = kind === "clock" || kind === "clock and restore";
  const standbys = Math.floor(seed / (24 * kinds.length)) % 2 === 1;
  const restores = kind === "restore" || kind === "clock and restore";
  return {
    ...extent,
    seed,
    steps: {
      ...steps,
      ...(clock ? {} : { setClock: 0 }),
      ...(restores ? {} : { restore: 0 }),
      // A server that was killed may have forgotten deletions, and then the other never learns of them.
      ...(isMirrored ? { killServer: 0 } : { switchServer: 0, lag: 0 }),
      // Where all stand by, none takes the stream from the one that works.
      ...(standbys ? { secondRunner: 0 } : { freezeConsumer: 0 }),
    },
    sessionLog: sessionLogs[seed % 3] ?? 0,
    // With refint, two servers do not come to hold the same: each rewrites by itself, at its own time.
    refint: Math.floor(seed / 3) % 2 === 0 && !isMirrored,
    transactions: Math.floor(seed / 6) % 2 === 0,
    onDelete: Math.floor(seed / 12) % 2 === 0 ? "deactivate" : "delete",
    isMirrored,
    standbys,
    clock,
  };
}

/** The plan in one line, for reports. */
export function describePlan(plan: Plan): string {
  const { seed, sessionLog, refint, transactions, onDelete, isMirrored, standbys } = plan;
  const { clock, steps } = plan;
  return [
    `seed ${seed}`,
    sessionLog === 0 ? "no session log" : `session log ${sessionLog}`,
    refint ? "refint, dangling kept" : "no refint, dangling dropped",
    transactions ? "transactions" : "no transactions",
    onDelete,
    ...(isMirrored ? ["two servers"] : []),
    ...(standbys ? ["standbys"] : []),
    ...(clock ? ["clock"] : []),
    ...(steps.restore > 0 ? ["restores"] : []),
  ].join(" · ");
}
