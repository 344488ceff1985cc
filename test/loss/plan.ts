/** How often a run is disturbed, and looked at. */
export interface Extent {
  /** How often all that is written comes to rest and is compared. */
  readonly rounds: number;
  /** How often the process that follows the directory is killed. */
  readonly kills: number;
  /** How often its connection is cut, at the least. */
  readonly cuts: number;
  /** How often the directory server is killed. */
  readonly restarts: number;
}

/** What `npm run test:loss` does to each seed. */
export const longExtent: Extent = { rounds: 4, kills: 24, cuts: 64, restarts: 4 };

/** What every run of the tests does. */
export const shortExtent: Extent = { rounds: 2, kills: 6, cuts: 16, restarts: 1 };

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
}

/** The plan of a seed. Twenty-four seeds in a row try each combination once. */
export function planFor(seed: number, extent: Extent): Plan {
  const sessionLogs = [1000, 100, 0];
  return {
    ...extent,
    seed,
    sessionLog: sessionLogs[seed % 3] ?? 0,
    refint: Math.floor(seed / 3) % 2 === 0,
    transactions: Math.floor(seed / 6) % 2 === 0,
    onDelete: Math.floor(seed / 12) % 2 === 0 ? "deactivate" : "delete",
  };
}

/** The plan in one line, for reports. */
export function describePlan({ seed, sessionLog, refint, transactions, onDelete }: Plan): string {
  return [
    `seed ${seed}`,
    sessionLog === 0 ? "no session log" : `session log ${sessionLog}`,
    refint ? "refint, dangling kept" : "no refint, dangling dropped",
    transactions ? "transactions" : "no transactions",
    onDelete,
  ].join(" · ");
}
