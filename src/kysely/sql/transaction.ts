import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../../core/index.js";
import type { SqlDialect } from "./dialect.js";
import { driverFailure, isDeadlock, toError } from "./driver-failure.js";

/** A transaction of Kysely that has not begun. */
export interface TransactionStart<Transaction> {
  /** Says what the transaction sees of others. */
  setIsolationLevel(level: "read committed"): TransactionStart<Transaction>;
  /** Begins it, and ends it after `work`. */
  execute<R>(work: (transaction: Transaction) => Promise<R>): Promise<R>;
}

/**
 * Runs `work` in a transaction.
 *
 * @throws {UnavailableError} the database is unavailable. With `mayBeDone`, the connection was lost while the
 * transaction was committed, so that it is not known whether it was; without, nothing of it was.
 */
export async function runTransaction<Transaction, R>(
  start: TransactionStart<Transaction>,
  { isolation }: SqlDialect,
  work: (transaction: Transaction) => Promise<R>,
): Promise<R> {
  let end: { readonly failure?: unknown } | undefined;
  try {
    return await (isolation === undefined ? start : start.setIsolationLevel(isolation)).execute(
      async (transaction) => {
        try {
          const result = await work(transaction);
          end = {};
          return result;
        } catch (failure) {
          end = { failure };
          throw failure;
        }
      },
    );
  } catch (error) {
    if (end === undefined) throw toError(error);
    // If the rollback fails too, as it does without a connection, Kysely throws that error and not the first.
    if ("failure" in end) throw toError(end.failure);
    if (driverFailure(error)?.kind !== "disconnected") throw toError(error);
    throw new UnavailableError(
      "The connection to the database was lost before it said whether the transaction was committed.",
      { cause: error, mayBeDone: true },
    );
  }
}

/** How often work is tried that the database undoes in favour of others. */
const attempts = 10;

/** Does work again when the database has undone it in favour of others. */
export async function untilNoDeadlock<R>(work: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts || !isDeadlock(error)) throw error;
      // The others, in whose favour it was, get the time to end: 1 ms, 2 ms, 4 ms …
      await sleep(Math.min(2 ** (attempt - 1), 50));
    }
  }
}
