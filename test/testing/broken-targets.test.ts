import { setImmediate } from "node:timers/promises";
import {
  InMemoryGroupRepository,
  InMemoryLinkRepository,
  inMemoryTarget,
  type LinkRepository,
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

/** Links whose `save` is not one step with the look before it. */
function looksFirst(links: LinkRepository, look: () => Promise<void>): LinkRepository {
  return new Proxy(links, {
    get(wrapped, method): unknown {
      if (method !== "save") return Reflect.get(wrapped, method, wrapped).bind(wrapped);
      return async (...args: Parameters<LinkRepository["save"]>) => {
        await look();
        await setImmediate();
        await wrapped.save(...args);
      };
    },
  });
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
  {
    flaw: "holds a stream without a lock",
    cases: syncTargetContract(() => {
      const stores = inMemoryTarget({ transactions: false });
      const target: SyncTarget = { ...stores, transaction: (work) => work(target) };
      return target;
    }),
    caughtBy: "a stream that is held in a transaction is not claimed before its end",
  },
  {
    flaw: "has a fence that is none",
    cases: syncTargetContract(() => {
      const { links, memberships, checkpoints, ...stores } = inMemoryTarget({
        transactions: false,
      });
      const fence = () => ({ links, memberships, checkpoints });
      return { ...stores, links, memberships, checkpoints, fence };
    }),
    caughtBy: "behind a fence, a superseded runner writes nothing more",
  },
  ...(["links", "memberships"] as const).map(
    (store): Flaw => ({
      flaw: `leaves its ${store} outside of the fence`,
      cases: syncTargetContract(() => {
        const { fence, ...target } = inMemoryTarget({ transactions: false });
        const partly: SyncTarget["fence"] = (stream, epoch) => {
          if (fence === undefined) throw new Error("The target has no fence.");
          return { ...fence(stream, epoch), [store]: target[store] };
        };
        return { ...target, fence: partly };
      }),
      caughtBy: "behind a fence, a superseded runner writes nothing more",
    }),
  ),
  {
    flaw: "looks at the epoch first and writes later",
    cases: syncTargetContract(() => {
      const target = inMemoryTarget({ transactions: false });
      const fence: SyncTarget["fence"] = (stream, epoch) => ({
        memberships: target.memberships,
        checkpoints: target.checkpoints,
        links: looksFirst(target.links, () => target.checkpoints.hold(stream, epoch)),
      });
      return { ...target, fence };
    }),
    caughtBy: "behind a fence, of writes at the moment of a claim none is made after it",
  },
];

testFlaws("targets", targets);
