import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { StreamTakenError, UniquenessError } from "../../core/index.js";
import type { SyncTarget } from "../../repositories/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { type ContractCase, type Make, type Requirement, toCases, using } from "../contract.js";
import { link } from "./link-samples.js";

/** A target whose stores share transactions. */
type Transactional = SyncTarget & Required<Pick<SyncTarget, "transaction">>;

/**
 * What is required of a {@link SyncTarget} beyond what its repositories have to do by themselves: that `transaction` is
 * one, for all of them together. Each repository has its own contract.
 */
export async function syncTargetContract(make: Make<SyncTarget>): Promise<readonly ContractCase[]> {
  const { hasTransactions, hasGroups } = await using(make, (target) => ({
    hasTransactions: target.transaction !== undefined,
    hasGroups: target.groups !== undefined,
  }));
  const skip = hasTransactions ? undefined : "the target has no transactions";
  const isFenced = await using(make, (target) => target.fence !== undefined);
  const unfenced = hasTransactions
    ? "a transaction begins with checkpoints.hold"
    : "the target declares no fence: two runners at one time may leave accounts that no link knows";
  return toCases(make, [
    ...[...transactionRequirements, ...savepointRequirements, ...groupRequirements(hasGroups)].map(
      (requirement) => ({
        name: requirement.name,
        skip: skip ?? requirement.skip,
        check: (target: SyncTarget) => requirement.check(transactional(target)),
      }),
    ),
    ...fenceRequirements.map((requirement) => ({
      ...requirement,
      skip: isFenced ? undefined : unfenced,
    })),
  ]);
}

const fenceRequirements: readonly Requirement<SyncTarget>[] = [
  {
    name: "behind a fence, a superseded runner writes nothing more",
    async check(target) {
      const { epoch } = await target.checkpoints.claim("ann");
      const elder = fenced(target, epoch);
      for (const write of stateWrites) await write(elder);
      const before = await stateOf(target, "ann");
      const successor = await target.checkpoints.claim("ann");
      for (const write of stateWrites) await assertRefusal(write(elder), StreamTakenError);
      const { position: _, ...after } = await stateOf(target, "ann");
      assert.deepEqual({ position: before.position, ...after }, before);
      assert.deepEqual(await target.checkpoints.load("ann"), successor);
      for (const write of stateWrites) await write(fenced(target, successor.epoch));
    },
  },
  {
    name: "behind a fence, of writes at the moment of a claim none is made after it",
    async check(target) {
      const { epoch } = await target.checkpoints.claim("ann");
      const elder = fenced(target, epoch);
      let isClaimed = false;
      const late: string[] = [];
      const writes = Array.from({ length: 30 }, async (_, index) => {
        const sourceId = String(index);
        await elder.links.save("ann", [link(sourceId)]).catch((error: unknown) => {
          if (!(error instanceof StreamTakenError)) throw error;
        });
      });
      const claim = target.checkpoints.claim("ann").then(async () => {
        isClaimed = true;
        const there = await target.links.list("ann", {}, { count: 100 });
        return there.map((each) => each.sourceId);
      });
      const [known] = await Promise.all([claim, ...writes]);
      assertThat(isClaimed, "the claim is done beside the writes");
      for (const { sourceId } of await target.links.list("ann", {}, { count: 100 })) {
        if (!known.includes(sourceId)) late.push(sourceId);
      }
      assert.deepEqual(late, [], "links that were written after the claim");
    },
  },
];

/** Every method that changes what is known about the source. */
const stateWrites: readonly ((target: SyncTarget) => Promise<unknown>)[] = [
  ({ links }) => links.save("ann", [link("1", { seen: 2 })]),
  ({ links }) => links.markSeen("ann", ["1"], 3),
  ({ links }) => links.markDirty("ann", ["1"], true),
  ({ links }) => links.setNames("ann", [{ sourceId: "1", names: [{ kind: "dn", key: "ann" }] }]),
  ({ links }) => links.remove("ann", ["2"]),
  ({ memberships }) => memberships.saveReferences("ann", [{ group: "g", kind: "dn", key: "ann" }]),
  ({ memberships }) => memberships.removeReferences("ann", [{ group: "g", kind: "dn", key: "x" }]),
  ({ memberships }) =>
    memberships.saveGrants("ann", [{ group: "g", member: "m", ours: true, held: true }]),
  ({ memberships }) => memberships.removeGrants("ann", [{ group: "g", member: "x" }]),
];

function fenced(target: SyncTarget, epoch: number): SyncTarget {
  assertThat(target.fence, "the target has a fence in each of its instances");
  return { ...target, ...target.fence("ann", epoch) };
}

const transactionRequirements: readonly Requirement<Transactional>[] = [
  {
    name: "a transaction resolves with what its work resolves with, and is committed",
    async check(target) {
      const result = await target.transaction(async (inside) => {
        await writeEverywhere(inside, "ann");
        await assertEverywhere(inside, "ann");
        return "done";
      });
      assert.equal(result, "done");
      await assertEverywhere(target, "ann");
    },
  },
  {
    name: "a transaction rejects with what its work rejects with, and every store is as it was",
    async check(target) {
      const reason = new Error("The work failed.");
      await assertRefusal(
        target.transaction(async (inside) => {
          await writeEverywhere(inside, "ann");
          throw reason;
        }),
        (error) => error === reason,
      );
      await assertNowhere(target, "ann");
      await writeEverywhere(target, "ann");
      await assertRefusal(
        target.transaction(async (inside) => {
          await inside.links.remove("ann", ["1"]);
          await inside.memberships.removeGrants("ann", [{ group: "g", member: "m" }]);
          const position = await inside.checkpoints.load("ann");
          assertThat(position, "the position that was saved before is loaded in the transaction");
          await inside.checkpoints.save("ann", { ...position, generation: 2 });
          const user = await userNamed(inside, "ann");
          await inside.users.modify(user?.id ?? "", { set: { active: false } });
          throw reason;
        }),
        (error) => error === reason,
      );
      await assertEverywhere(target, "ann");
    },
  },
  {
    name: "a write that is refused leaves the transaction as it was before that write",
    async check(target) {
      await target.transaction(async (inside) => {
        await inside.users.create({ userName: "ann" });
        await assertRefusal(
          savepoint(inside, (inner) => inner.users.create({ userName: "ANN" })),
          UniquenessError,
        );
        await inside.users.create({ userName: "bob" });
      });
      for (const name of ["ann", "bob"]) {
        assertThat(
          await userNamed(target, name),
          `${name}, who was created in the transaction, is there`,
        );
      }
    },
  },
  {
    name: "two concurrent transactions do not mix",
    async check(target) {
      const names = ["ann", "bob"];
      const results = await Promise.allSettled(
        names.map((name) =>
          target.transaction(async (inside) => {
            const position = await inside.checkpoints.load("shared");
            await inside.users.create({ userName: name });
            await inside.checkpoints.save("shared", {
              generation: (position?.generation ?? 0) + 1,
              epoch: 1,
              revision: position?.revision ?? 0,
            });
          }),
        ),
      );
      const committed = names.filter((_, at) => results[at]?.status === "fulfilled");
      assertThat(committed.length > 0, "one of two transactions can be committed");
      assert.deepEqual(await target.checkpoints.load("shared"), {
        generation: committed.length,
        epoch: 1,
        revision: committed.length,
      });
      for (const name of names) {
        assert.equal((await userNamed(target, name)) !== undefined, committed.includes(name), name);
      }
    },
  },
  {
    name: "a stream that is held in a transaction is not claimed before its end",
    async check(target) {
      const { epoch } = await target.checkpoints.claim("s");
      const begun = Promise.withResolvers<void>();
      const happened: string[] = [];
      const held = target
        .transaction(async (inside) => {
          await inside.checkpoints.hold("s", epoch);
          begun.resolve();
          await sleep(50);
          await inside.users.create({ userName: "ann" });
          happened.push("written");
        })
        .catch(() => happened.push("undone"));
      await Promise.race([begun.promise, held]);
      const claiming = target.transaction((inside) => inside.checkpoints.claim("s"));
      const claim = claiming.then(async () => {
        happened.push("claimed");
        const isThere = (await userNamed(target, "ann")) !== undefined;
        assert.equal(
          isThere,
          happened[0] === "written",
          "nothing of it is committed after a claim",
        );
      });
      await Promise.all([held, claim]);
      if (happened[0] === "claimed") assert.equal(happened[1], "undone");
      await assertRefusal(
        target.transaction(async (inside) => {
          await inside.checkpoints.hold("s", epoch);
          await inside.users.create({ userName: "bob" });
        }),
        StreamTakenError,
      );
      assert.equal(await userNamed(target, "bob"), undefined);
    },
  },
  {
    name: "a transaction that is rolled back takes nothing of a concurrent one with it",
    async check(target) {
      const failed = target.transaction(async (inside) => {
        await inside.users.create({ userName: "ann" });
        throw new Error("The work failed.");
      });
      const done = target.transaction((inside) => inside.users.create({ userName: "bob" }));
      await assertRefusal(failed, /The work failed/);
      await done;
      assert.equal(await userNamed(target, "ann"), undefined);
      assertThat(
        await userNamed(target, "bob"),
        "bob, of the transaction that was committed, is there",
      );
    },
  },
];

const savepointRequirements: readonly Requirement<Transactional>[] = [
  {
    name: "a savepoint that is rolled back takes its own writes with it and no others",
    async check(target) {
      const reason = new Error("The inner work failed.");
      await target.transaction(async (inside) => {
        await writeEverywhere(inside, "before");
        await assertRefusal(
          savepoint(inside, async (inner) => {
            await writeEverywhere(inner, "inner");
            await assertEverywhere(inner, "before");
            throw reason;
          }),
          (error) => error === reason,
        );
        await assertNowhere(inside, "inner");
        await writeEverywhere(inside, "after");
      });
      await assertEverywhere(target, "before");
      await assertNowhere(target, "inner");
      await assertEverywhere(target, "after");
    },
  },
  {
    name: "a savepoint that is released is rolled back with its transaction",
    async check(target) {
      const reason = new Error("The work failed.");
      await assertRefusal(
        target.transaction(async (inside) => {
          await savepoint(inside, (inner) => writeEverywhere(inner, "inner"));
          await assertEverywhere(inside, "inner");
          throw reason;
        }),
        (error) => error === reason,
      );
      await assertNowhere(target, "inner");
    },
  },
  {
    name: "savepoints nest",
    async check(target) {
      await target.transaction((inside) =>
        savepoint(inside, async (middle) => {
          await writeEverywhere(middle, "middle");
          await assertRefusal(
            savepoint(middle, async (inner) => {
              await writeEverywhere(inner, "inner");
              throw new Error("The innermost work failed.");
            }),
            /The innermost work failed/,
          );
        }),
      );
      await assertEverywhere(target, "middle");
      await assertNowhere(target, "inner");
    },
  },
];

function groupRequirements(hasGroups: boolean): readonly Requirement<Transactional>[] {
  return [
    {
      name: "groups and their members are in the transaction too",
      skip: hasGroups ? undefined : "the target has no groups",
      async check(target) {
        const ann = await target.users.create({ userName: "ann" });
        const staff = await target.groups?.create({ displayName: "staff" });
        assertThat(staff, "a target that has groups has them in each of its instances");
        const work = async (inside: SyncTarget): Promise<void> => {
          assertThat(inside.groups, "a target that has groups has them in a transaction");
          await inside.groups.changeMembers(staff.id, { add: [{ value: ann.id }] });
          await inside.groups.create({ displayName: "crew" });
        };
        await assertRefusal(
          target.transaction(async (inside) => {
            await work(inside);
            throw new Error("The work failed.");
          }),
          /The work failed/,
        );
        assert.deepEqual(await target.groups?.groupsOf(ann.id), []);
        assert.equal((await target.groups?.find({}))?.totalResults, 1);
        await target.transaction(work);
        assert.deepEqual(await target.groups?.groupsOf(ann.id), [staff.id]);
        assert.equal((await target.groups?.find({}))?.totalResults, 2);
      },
    },
  ];
}

/** Writes to every store under a name. */
async function writeEverywhere(target: SyncTarget, name: string): Promise<void> {
  await target.users.create({ userName: name, active: true });
  await target.links.save(name, [link("1")]);
  await target.links.setNames(name, [{ sourceId: "1", names: [{ kind: "dn", key: name }] }]);
  await target.memberships.saveReferences(name, [{ group: "g", kind: "dn", key: name }]);
  await target.memberships.saveGrants(name, [{ group: "g", member: "m", ours: true, held: true }]);
  await target.checkpoints.save(name, { checkpoint: name, generation: 1, epoch: 0, revision: 0 });
}

async function assertEverywhere(target: SyncTarget, name: string): Promise<void> {
  assert.equal((await userNamed(target, name))?.active, true);
  assert.deepEqual(await stateOf(target, name), {
    links: [link("1")],
    holders: [{ kind: "dn", key: name, sourceId: "1", state: "live", seen: 1 }],
    references: [{ group: "g", kind: "dn", key: name }],
    grants: [{ group: "g", member: "m", ours: true, held: true }],
    position: { checkpoint: name, generation: 1, epoch: 0, revision: 1 },
  });
}

async function assertNowhere(target: SyncTarget, name: string): Promise<void> {
  assert.equal(await userNamed(target, name), undefined);
  assert.deepEqual(await stateOf(target, name), {
    links: [],
    holders: [],
    references: [],
    grants: [],
    position: undefined,
  });
}

async function stateOf({ links, memberships, checkpoints }: SyncTarget, name: string) {
  return {
    links: await links.list(name, {}, { count: 10 }),
    holders: await links.holders(name, [{ kind: "dn", key: name }]),
    references: await memberships.references(name, "g", { count: 10 }),
    grants: await memberships.grantsIn(name, "g", { count: 10 }),
    position: await checkpoints.load(name),
  };
}

/** The user of this name, whether or not the store supports filters. */
async function userNamed(
  { users }: SyncTarget,
  name: string,
): Promise<{ id: string; active?: boolean } | undefined> {
  const { resources } = await users.find({});
  return resources.find((user) => user.userName === name);
}

function savepoint<R>(target: SyncTarget, work: (inner: SyncTarget) => Promise<R>): Promise<R> {
  return transactional(target).transaction(work);
}

function transactional(target: SyncTarget): Transactional {
  if (!hasTransaction(target)) assert.fail("the target inside a transaction has transactions too");
  return target;
}

function hasTransaction(target: SyncTarget): target is Transactional {
  return target.transaction !== undefined;
}
