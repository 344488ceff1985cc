import { setTimeout as sleep } from "node:timers/promises";
import type { Dialect } from "kysely";

/** A database server that was started for the tests of one file, and ends with them. */
export interface SqlServer extends AsyncDisposable {
  /** The socket that it listens on. */
  readonly socket: string;
  /** Makes an empty database. */
  create(name: string): Promise<void>;
  /** Removes a database with everything in it. */
  drop(name: string): Promise<void>;
  /** A pool of connections to a database. */
  dialect(name: string, options?: PoolOptions): Dialect;
  /** Ends the connections of everybody else, as an administrator does. */
  endConnections(): Promise<void>;
  /** Resolves when a transaction waits for another. */
  untilSomebodyWaits(): Promise<void>;
}

/** How to connect. */
export interface PoolOptions {
  /** What to connect to. Default: the server's own socket. */
  readonly socket?: string;
  /** The most connections. Default: 10. */
  readonly connections?: number;
  /**
   * Whether MariaDB counts the rows that a statement has changed instead of those that it has found. Default: false.
   */
  readonly countsChanged?: boolean;
}

/** Asks until the answer is yes. */
export async function until(ask: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (await ask()) return;
    await sleep(5);
  }
  throw new Error("It has not come to that.");
}
