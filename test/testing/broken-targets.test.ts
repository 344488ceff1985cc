import {
  InMemoryGroupRepository,
  InMemoryLinkRepository,
  inMemoryTarget,
  type SyncTarget,
} from "concordat/repositories";
import { syncTargetContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

/** A target whose transactions are flawed. */
function withTransaction(
  transaction: <R>(work: (target: SyncTarget) => Promise<R>, sound: SyncTarget) => Promise<R>,
): SyncTarget {
  const sound = inMemoryTarget();
  return { ...sound, transaction: (work) => transaction(work, sound) };
}

function soundTransaction<R>(sound: SyncTarget, work: (target: SyncTarget) => Promise<R>) {
  if (sound.transaction === undefined) throw new Error("The target has no transactions.");
  return sound.transaction(work);
}

const targets: readonly Flaw[] = [
  {
    flaw: "does not roll back",
    cases: syncTargetContract(() => {
      const target: SyncTarget = {
        ...inMemoryTarget({ transactions: false }),
        transaction: (work) => work(target),
      };
      return target;
    }),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
  {
    flaw: "does not bind its links to the transaction",
    cases: syncTargetContract(() => {
      const links = new InMemoryLinkRepository();
      const sound = inMemoryTarget();
      return {
        ...sound,
        links,
        transaction: (work) => soundTransaction(sound, (inside) => work({ ...inside, links })),
      };
    }),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
  {
    flaw: "does not bind its groups to the transaction",
    cases: syncTargetContract(() => {
      const groups = new InMemoryGroupRepository();
      const sound = inMemoryTarget();
      return {
        ...sound,
        groups,
        transaction: (work) => soundTransaction(sound, (inside) => work({ ...inside, groups })),
      };
    }),
    caughtBy: "groups and their members are in the transaction too",
  },
  {
    flaw: "has no savepoints",
    cases: syncTargetContract(() =>
      withTransaction((work, sound) =>
        soundTransaction(sound, (inside) => {
          const flat: SyncTarget = { ...inside, transaction: (inner) => inner(flat) };
          return work(flat);
        }),
      ),
    ),
    caughtBy: "a savepoint that is rolled back takes its own writes with it and no others",
  },
  {
    flaw: "wraps what the work rejects with",
    cases: syncTargetContract(() =>
      withTransaction((work, sound) =>
        soundTransaction(sound, work).catch((cause: unknown) => {
          throw new Error("The transaction failed.", { cause });
        }),
      ),
    ),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
];

testFlaws("targets", targets);
