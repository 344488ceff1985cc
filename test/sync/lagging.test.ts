import { InvalidValueError } from "concordat";
import type { Change, ChangeBatch, ChangeStream, Upsert } from "concordat/changes";
import { expect, test } from "vitest";
import {
  application,
  groupsOf,
  interferedWith,
  onEveryTarget,
  type Target,
  userNamed,
} from "./stores.js";
import { dn, follow, gone, inWords, person, present, refused, sweep, team } from "./streams.js";

/** A number of a change of the first server. */
function csn(second: number): string {
  return `20260102${String(second).padStart(6, "0")}.000000Z#000000#001#000000`;
}

const endOfTime = (server: number) => `99999999999999.999999Z#ffffff#00${server}#ffffff`;
/** What the first server says that it holds: whatever it changed. */
const own = [endOfTime(1)];
/** What the second server says, which has received the changes of the first one up to here. */
const upTo = (second: number) => [csn(second), endOfTime(2)];

function listed(
  phase: "snapshot" | "reconcile",
  changes: readonly Change[],
  state: readonly string[] = own,
  sweptAt = 20,
): readonly ChangeBatch[] {
  return [
    { phase, refresh: "begins", changes: [], state },
    { phase, refresh: "continues", changes },
    { phase, refresh: "ends", changes: [{ ...sweep, stamp: csn(sweptAt) }], checkpoint: "c" },
  ];
}

function ordered(...changes: readonly Change[]): ChangeBatch {
  return { phase: "live", ordered: true, changes, checkpoint: "live" };
}

/** A stream of batches, and what is found where entries are read beside it. */
function streamOf(batches: readonly ChangeBatch[], found: readonly Upsert[] = []): ChangeStream {
  return {
    source: "directory",
    async *read() {
      yield* batches;
    },
    reread: async (ids) => found.filter((change) => ids.includes(change.sourceId)),
  };
}

const ann = person("1", "ann", { stamp: csn(10) });
const bob = person("2", "bob", { stamp: csn(10) });
const disabled = person("1", "ann", { stamp: csn(20), resource: { active: false } });
const asListed = ({ sourceId, names, stamp = "" }: Upsert) => ({ sourceId, names, stamp });

async function run(
  target: Target,
  batches: readonly ChangeBatch[],
  found: readonly Upsert[] = [],
): Promise<readonly string[]> {
  return inWords(await follow(streamOf(batches, found), target));
}

onEveryTarget(({ open }) => {
  async function filled(...entries: readonly Upsert[]): Promise<Target> {
    const target = await open();
    await run(target, listed("snapshot", entries));
    return target;
  }

  test("a server that lags and is read from the beginning does not take back what it tells of later", async () => {
    const target = await filled(ann, bob);
    await run(target, [ordered(disabled, gone("2", csn(21)))]);
    const done = await run(target, [
      ...listed("snapshot", [ann, bob], upTo(10)),
      // It receives the changes one by one, and tells of them in their order.
      ordered(person("1", "ann", { stamp: csn(15), resource: { title: "old" } })),
      ordered(person("2", "bob", { stamp: csn(15), resource: { title: "old" } })),
      ordered(disabled),
      ordered(gone("2", csn(21))),
    ]);
    expect(done).toEqual([]);
    expect((await application(target)).users).toEqual({ ann: "inactive", bob: "inactive" });
  });

  test.for([
    ["lists what there is", [present("1", "3")]],
    ["tells what has changed", []],
  ] as const)(
    "a server that lags takes nothing back after another connection to it that %s",
    async ([, changes]) => {
      const cid = person("3", "cid", { stamp: csn(10) });
      const target = await filled(ann, cid);
      const swept = [{ ...sweep, stamp: csn(12) }];
      const left = [gone("3", csn(19)), { ...cid, stamp: csn(22) }];
      await run(target, [ordered(disabled, ...left)]);
      // It is read from the beginning, and once more from there, which shows nothing that it lacks.
      await run(target, listed("snapshot", [ann, cid], upTo(10), 10));
      const done = await run(target, [
        { phase: "snapshot", refresh: "begins", changes: [], state: upTo(12) },
        { phase: "snapshot", refresh: "continues", changes },
        {
          phase: "snapshot",
          refresh: "ends",
          changes: changes.length > 0 ? swept : [],
          checkpoint: "c",
        },
        // It receives the changes one by one, and tells of them in their order.
        ordered(person("1", "ann", { stamp: csn(15), resource: { title: "old" } })),
        ordered(gone("3", csn(19))),
        ordered(disabled),
        ordered({ ...cid, stamp: csn(22) }),
      ]);
      expect(done).toEqual([]);
    },
  );

  test("what a server that lags tells, and what came later in the same batch, takes nothing back", async () => {
    const target = await filled(ann, bob);
    await run(target, [ordered(disabled)]);
    const done = await run(target, [
      ...listed("snapshot", [present("1", "2")], upTo(12), 12),
      ordered(person("1", "ann", { stamp: csn(15) }), disabled),
    ]);
    expect(done).toEqual([]);
  });

  test("what a server tells of another one counts in its order, whatever the clock of the other", async () => {
    const target = await filled(ann, bob);
    const fast = (second: number) => csn(second).replace("#001#", "#002#");
    const done = await run(target, [
      ...listed("snapshot", [ann, bob]),
      ordered(gone("1", fast(30)), { ...bob, names: [dn("cn=b")], stamp: fast(31) }),
      ordered({ ...ann, stamp: csn(25) }, gone("2", csn(26))),
    ]);
    expect(done).toEqual(["deactivated ann", "reactivated ann", "deactivated bob"]);
  });

  test("what a server tells of another one it holds, however much it has told since", async () => {
    const target = await filled(ann);
    const fast = (second: number) => csn(second).replace("#001#", "#002#");
    const others = Array.from({ length: 10_001 }, (_, i) => gone(`other ${i}`, fast(31 + i)));
    const done = await run(target, [
      ...listed("snapshot", [ann]),
      ordered({ ...ann, stamp: fast(30) }),
      ordered(...others),
      ordered({ ...disabled, stamp: csn(25) }),
    ]);
    expect(done).toEqual(["deactivated ann"]);
  });

  test("a server that has caught up is believed in the order in which it tells", async () => {
    const target = await filled(ann);
    await run(target, [ordered(disabled)]);
    const done = await run(target, [
      ...listed("snapshot", [ann], upTo(15)),
      ...listed("reconcile", [present(asListed(disabled))], upTo(20)),
      // The clock was set back.
      ordered(person("1", "ann", { stamp: csn(12) })),
    ]);
    expect(done).toEqual(["reactivated ann"]);
  });

  test.for([
    ["a list", listed("reconcile", [present(asListed(bob))])],
    ["a refresh that sweeps", listed("snapshot", [present("2")])],
    [
      "a refresh that tells",
      [
        { phase: "snapshot", refresh: "begins", changes: [], state: own },
        { phase: "snapshot", refresh: "ends", changes: [gone("1", csn(20))], checkpoint: "c" },
      ],
    ],
  ] as const)(
    "who is gone by %s is not believed to be there by a server that lags",
    async ([, batches]) => {
      const target = await filled(ann, bob);
      expect(await run(target, batches)).toEqual(["deactivated ann"]);
      const lists = [
        ...listed("reconcile", [present(asListed(ann), asListed(bob))], upTo(15)),
        ...listed("snapshot", [ann, bob], upTo(15)),
        { phase: "live", changes: [ann] },
      ] as const;
      expect(await run(target, lists, [ann, bob])).toEqual([]);
      expect((await userNamed(target, "ann")).active).toBe(false);
      // It holds all of that, and lists her all the same: she has come back.
      const found = await run(
        target,
        listed("reconcile", [present(asListed(ann), asListed(bob))], upTo(20)),
        [ann, bob],
      );
      expect(found).toEqual(["reactivated ann"]);
    },
  );

  test("who is gone by a list is gone as late as a deletion tells that comes after it", async () => {
    const target = await filled(ann, bob);
    await run(target, [
      ...listed("reconcile", [present(asListed(bob))]),
      ordered(gone("1", csn(30))),
    ]);
    const lists = listed("reconcile", [present(asListed(ann), asListed(bob))], upTo(25));
    expect(await run(target, lists, [ann, bob])).toEqual([]);
    expect((await userNamed(target, "ann")).active).toBe(false);
  });

  test("a user who could not be disabled is no less gone after the sweep of a lagging server", async () => {
    const target = await filled(ann, bob);
    const refusing = interferedWith(target, {
      refuse: ({ store, method }) =>
        store === "users" && method === "write"
          ? new InvalidValueError("active", "No.")
          : undefined,
    });
    await run(refusing, listed("reconcile", [present(asListed(bob))]));
    expect(await refused(target)).toMatchObject([
      { sourceId: "1", failure: { change: gone("1") } },
    ]);
    const lists = listed("snapshot", [ann, bob], upTo(15), 15);
    await run(refusing, lists);
    await run(target, lists);
    expect((await application(target)).users).toEqual({ ann: "inactive", bob: "active" });
  });

  test("a group that is read again from a server that lags keeps what is known of it", async () => {
    const target = await filled(ann, bob, team("g", "staff", [dn("cn=ann")], { stamp: csn(10) }));
    const before = team("g", "staff", [dn("cn=ann")], { stamp: csn(10) });
    await run(target, [ordered(team("g", "staff", [dn("cn=bob")], { stamp: csn(20) }))]);
    await run(
      target,
      [
        ...listed("snapshot", [ann, bob, before], upTo(15)),
        // Somebody takes the name that the group states, so that the group is read again.
        ordered({ ...bob, names: [dn("cn=bobby")], stamp: csn(21) }),
        ordered(person("3", "cid", { names: [dn("cn=bob")], stamp: csn(22) })),
      ],
      [before],
    );
    const [link] = await target.links.get("directory", ["g"]);
    expect(link?.stamp).toBe(csn(20));
    expect((await groupsOf(target))["staff"]).not.toContain("ann");
  });

  test("an entry that was refused is not swept by a server that has yet to receive it", async () => {
    const target = await filled(ann);
    await target.users.create({ userName: "cid" });
    const cid = person("3", "cid", { stamp: csn(20) });
    expect(await run(target, [ordered(cid)])).toEqual(["deferred cid: unlinked"]);
    await run(target, listed("reconcile", [present(asListed(ann))], upTo(15)));
    expect(await refused(target)).toMatchObject([{ sourceId: "3" }]);
  });

  test("two accounts that have swapped names, as it is found by reading again, have them at once", async () => {
    const target = await filled(ann, bob);
    const swapped = [
      person("1", "bob", { stamp: csn(15) }),
      person("2", "ann", { stamp: csn(16) }),
    ];
    await run(target, listed("reconcile", [present(...swapped.map(asListed))]), swapped);
    const [one, other] = await target.links.get("directory", ["1", "2"]);
    expect([one?.name, other?.name]).toEqual(["bob", "ann"]);
    expect(await refused(target)).toEqual([]);
  });

  test.for([
    ["is read again by the next list", false],
    ["is not taken away by a server that has yet to receive it", true],
  ] as const)("an entry that was being created when the process ended %s", async ([, isBehind]) => {
    const cid = person("3", "cid", { stamp: csn(8) });
    const lists = listed("reconcile", [present(asListed(ann), asListed(cid))]);
    for (let calls = 0, failed = true; failed; calls++) {
      const target = await filled(ann);
      let left = Number.POSITIVE_INFINITY;
      const mortal = interferedWith(target, {
        before: () => {
          if (left-- <= 0) throw new Error("The process has ended.");
        },
      });
      const stream = {
        ...streamOf(lists, [cid]),
        reread: async () => {
          left = calls;
          return [cid];
        },
      };
      const ended = follow(stream, mortal, { outages: { attempts: 1 } });
      failed = await ended.then(
        () => false,
        () => true,
      );
      if (isBehind) {
        const done = await run(target, listed("reconcile", [present(asListed(ann))], upTo(5)));
        expect(done.filter((line) => line !== "created cid")).toEqual([]);
      }
      await run(target, lists, [cid]);
      const users = (await application(target)).users;
      expect(users, `ended at call ${calls}`).toEqual({ ann: "active", cid: "active" });
    }
  });

  test("what a server that lags tells late is not read again", async () => {
    const target = await filled(ann, bob);
    await run(target, [ordered(disabled, gone("2", csn(21)))]);
    const asked: string[] = [];
    const batches = [
      ...listed("snapshot", [ann, bob], upTo(10), 10),
      ordered(person("1", "ann", { stamp: csn(15) })),
      ordered(person("2", "bob", { stamp: csn(16) })),
    ];
    const stream: ChangeStream = {
      ...streamOf(batches),
      reread: async (ids) => {
        asked.push(...ids);
        return [];
      },
    };
    expect(inWords(await follow(stream, target))).toEqual([]);
    expect(asked).toEqual([]);
  });

  test("a server that lags and has not heard of somebody yet brings nobody back by telling how it was", async () => {
    const target = await filled(bob);
    await run(target, [ordered({ ...ann, stamp: csn(15) }, gone("1", csn(20)))]);
    const done = await run(target, [
      ...listed("snapshot", [bob], upTo(12), 12),
      ordered({ ...ann, stamp: csn(15) }),
      ordered(gone("1", csn(20))),
    ]);
    expect(done).toEqual([]);
  });

  test("what a server has told itself it holds, though its state has yet to say so", async () => {
    const target = await filled(ann, bob);
    const later = csn(20).replace("#001#", "#002#");
    const done = await run(target, [
      ...listed("snapshot", [ann, bob]),
      // It was written at another server, of which the state says nothing.
      ordered(person("1", "anna", { stamp: later })),
      ...listed("reconcile", [present(asListed(bob))]),
    ]);
    expect(done).toEqual(["renamed ann to anna", "deactivated anna"]);
    // Another connection may lead to a server that has yet to receive it.
    const other = await filled(bob, person("3", "cid", { stamp: later }));
    expect(await run(other, listed("reconcile", [present(asListed(bob))]))).toEqual([]);
  });

  test("an account that was deleted long ago is created again by a lagging server, and deleted again", async () => {
    const target = await filled(ann, bob);
    const options = { onDelete: "delete" } as const;
    await follow(streamOf([ordered(gone("1", csn(20)))]), target, options);
    // A server that holds the deletion does not tell of her any more, so that she is forgotten.
    const lists = listed("reconcile", [present(asListed(bob))]);
    for (let times = 0; times < 2; times++) await follow(streamOf(lists), target, options);
    const behind = [
      ...listed("reconcile", [present(asListed(ann), asListed(bob))], upTo(15)),
      ordered(gone("1", csn(20))),
    ];
    const done = inWords(await follow(streamOf(behind, [ann]), target, options));
    expect(done).toEqual(["created ann", "deleted ann"]);
    // An account that is only deactivated is remembered for as long as it is there.
    const kept = await filled(ann, bob);
    await run(kept, [ordered(gone("1", csn(20))), ...lists, ...lists]);
    expect(await run(kept, behind, [ann])).toEqual([]);
  });

  test("that an account was deleted is not forgotten while a server lags that may still tell of it", async () => {
    const target = await filled(ann, bob);
    const options = { onDelete: "delete" } as const;
    await follow(streamOf([ordered(gone("1", csn(20)))]), target, options);
    const lists = listed("reconcile", [present(asListed(bob))], upTo(15));
    for (let times = 0; times < 3; times++) await follow(streamOf(lists), target, options);
    const stale = listed("reconcile", [present(asListed(ann), asListed(bob))], upTo(15));
    const done = inWords(await follow(streamOf(stale, [ann]), target, options));
    expect(done).toEqual([]);
    expect(Object.keys((await application(target)).users)).toEqual(["bob"]);
  });
});
