import type { Change, ChangeBatch, ChangeStream, Upsert } from "concordat/changes";
import { expect, test } from "vitest";
import { application, onEveryTarget, type Target } from "./stores.js";
import { dn, follow, gone, inWords, person, present, sweep, team, uid } from "./streams.js";

/** A number of a change: the second, and the server that made it. */
function csn(second: number, server = 1): string {
  const time = String(second).padStart(6, "0");
  return `20260102${time}.000000Z#000000#00${server}#000000`;
}

const endOfTime = (server: number) => `99999999999999.999999Z#ffffff#00${server}#ffffff`;
/** What a server that knows its own changes says it holds. */
const own = [endOfTime(1)];
/** What a second server says that holds those of the first one up to here. */
const lagging = (second: number) => [csn(second, 1), endOfTime(2)];

function began(phase: "snapshot" | "reconcile", state?: readonly string[]): ChangeBatch {
  return { phase, refresh: "begins", changes: [], ...(state === undefined ? {} : { state }) };
}

function listed(
  phase: "snapshot" | "reconcile",
  changes: readonly Change[],
  { state = own, checkpoint = "c", swept = true }: Partial<ListOptions> = {},
): readonly ChangeBatch[] {
  return [
    began(phase, state),
    { phase, refresh: "continues", changes },
    { phase, refresh: "ends", changes: swept ? [sweep] : [], checkpoint },
  ];
}

interface ListOptions {
  readonly state: readonly string[];
  readonly checkpoint: string;
  readonly swept: boolean;
}

function ordered(changes: readonly Change[], checkpoint = "live"): ChangeBatch {
  return { phase: "live", ordered: true, changes, checkpoint };
}

/** A stream with a directory behind it that can be read again, which is what counts then. */
function streamOver(
  batches: Iterable<ChangeBatch> | (() => AsyncIterable<ChangeBatch>),
  directory: () => readonly Upsert[],
): ChangeStream & {
  readonly reread: NonNullable<ChangeStream["reread"]>;
  readonly asked: string[];
} {
  const asked: string[] = [];
  let reads = 0;
  return {
    source: "directory",
    asked,
    async *read() {
      // Whoever begins anew is told everything that there is.
      if (reads++ > 0) yield* listed("snapshot", directory(), { checkpoint: "anew" });
      else yield* typeof batches === "function" ? batches() : batches;
    },
    reread: (ids) => {
      asked.push(...ids);
      return Promise.resolve(directory().filter((change) => ids.includes(change.sourceId)));
    },
  };
}

const ann = person("1", "ann", { stamp: csn(10) });
const bob = person("2", "bob", { stamp: csn(10) });
const disabled = (change: Upsert, stamp: string): Upsert =>
  ({ ...change, stamp, resource: { ...change.resource, active: false } }) as Upsert;

async function run(target: Target, stream: ChangeStream): Promise<readonly string[]> {
  return inWords(await follow(stream, target));
}

onEveryTarget(({ open }) => {
  async function filled(...entries: readonly Upsert[]): Promise<Target> {
    const target = await open();
    await run(
      target,
      streamOver(listed("snapshot", entries), () => entries),
    );
    return target;
  }

  test("a directory that was restored from a backup is found by a list, and what it says counts", async () => {
    const eve = person("5", "eve", { stamp: csn(10) });
    const fay = person("6", "fay", { stamp: csn(10) });
    const staff = team("g", "staff", [uid("ann"), uid("bob")], { stamp: csn(10) });
    const backup = [ann, bob, eve, fay, staff];
    const target = await filled(...backup);
    await run(
      target,
      streamOver(
        [
          ordered([
            person("1", "ann", { stamp: csn(11), resource: { title: "later" } }),
            gone("2", csn(12)),
            person("5", "eva", { stamp: csn(13) }),
            disabled(fay, csn(14)),
          ]),
        ],
        () => [],
      ),
    );
    expect((await application(target)).users).toMatchObject({ bob: "inactive", fay: "inactive" });
    // One write after the restore, so that the server's own state covers all that was told before.
    const now = [
      ...backup.slice(0, 4),
      team("g", "staff", [uid("ann"), uid("bob"), uid("fay")], { stamp: csn(20) }),
    ];
    const names = now.map(({ sourceId, names, stamp = "" }) => ({ sourceId, names, stamp }));
    const stream = streamOver(listed("reconcile", [present(...names)]), () => now);
    const done = await run(target, stream);
    expect(done.filter((line) => line === "restarted")).toEqual(["restarted"]);
    expect(await application(target)).toEqual({
      users: { ann: "active", bob: "active", eve: "active", fay: "active" },
      groups: { staff: ["ann", "bob", "fay"] },
    });
    // Once is enough.
    expect(
      await run(
        target,
        streamOver(listed("reconcile", [present(...names)]), () => now),
      ),
    ).toEqual([]);
  });

  test("of an entry that live changes have touched since the list began, the list may be older", async () => {
    const target = await filled(ann, bob);
    const after = disabled(ann, csn(20));
    const stream = streamOver(
      [
        began("reconcile", own),
        ordered([after, gone("2", csn(21))]),
        {
          phase: "reconcile",
          refresh: "continues",
          changes: [present({ sourceId: "1", stamp: csn(10) }, { sourceId: "2", stamp: csn(10) })],
        },
        { phase: "reconcile", refresh: "ends", changes: [sweep], checkpoint: "c" },
      ],
      () => [after],
    );
    expect(await run(target, stream)).toEqual(["deactivated ann", "deactivated bob"]);
    expect(stream.asked).toEqual([]);
  });

  test.for(["snapshot", "reconcile"] as const)(
    "what a lagging server has yet to receive is not taken back by a %s, nor swept, nor read again",
    async (phase) => {
      const target = await filled(ann, bob);
      const cid = person("3", "cid", { stamp: csn(23) });
      const later = [
        disabled(ann, csn(20)),
        gone("2", csn(21)),
        cid,
        team("g", "staff", [uid("cid")], { stamp: csn(24) }),
      ];
      await run(
        target,
        streamOver([ordered(later)], () => []),
      );
      const before = await application(target);
      expect(before.users).toEqual({ ann: "inactive", bob: "inactive", cid: "active" });
      // A second server holds those of the first up to second 15: it lists ann and bob as they were, and not cid.
      const changes =
        phase === "snapshot"
          ? [ann, bob]
          : [present({ sourceId: "1", stamp: csn(10) }, { sourceId: "2", stamp: csn(10) })];
      const stream = streamOver(listed(phase, changes, { state: lagging(15) }), () => [ann, bob]);
      expect(await run(target, stream)).toEqual([]);
      expect(stream.asked).toEqual([]);
      expect(await application(target)).toEqual(before);
      // It has caught up, and still lists them so: the first server was restored, and the second one followed it.
      const caughtUp = streamOver(listed(phase, changes, { state: lagging(30) }), () => [ann, bob]);
      await run(target, caughtUp);
      expect(await application(target)).toEqual({
        users: { ann: "active", bob: "active", cid: "inactive" },
        groups: { staff: [] },
      });
    },
  );

  test("an entry that is unchanged in a list of a lagging server, and deleted here, is not missing", async () => {
    const target = await filled(ann, bob);
    await run(
      target,
      streamOver([ordered([gone("2", csn(20))])], () => []),
    );
    const stream = streamOver(
      listed(
        "reconcile",
        [present({ sourceId: "1", stamp: csn(10) }, { sourceId: "2", stamp: csn(10) })],
        {
          state: lagging(15),
        },
      ),
      () => [ann, bob],
    );
    expect(await run(target, stream)).toEqual([]);
  });

  test.for([
    ["by seconds", csn(7)],
    ["by hours", "20260101220000.000000Z#000001#001#000000"],
  ] as const)(
    "where the clock was set back %s, live changes count in their order",
    async ([, stamp]) => {
      const staff = team("g", "staff", [uid("ann"), uid("bob")], { stamp: csn(10) });
      const target = await filled(ann, bob, staff);
      const done = await run(
        target,
        streamOver(
          [
            ordered([disabled(ann, stamp)], "1"),
            ordered([team("g", "staff", [uid("ann")], { stamp })], "2"),
            ordered([gone("2", stamp)], "3"),
          ],
          () => [],
        ),
      );
      expect(done).toEqual(["deactivated ann", "bob out of staff", "deactivated bob"]);
      // And forward again.
      await run(
        target,
        streamOver([ordered([{ ...ann, stamp: csn(50) }], "4")], () => []),
      );
      expect((await application(target)).users).toEqual({ ann: "active", bob: "inactive" });
    },
  );

  test("what is taken away by changes with earlier stamps counts towards the limit", async () => {
    const target = await filled(ann, bob);
    const leaving = [disabled(ann, csn(5)), gone("2", csn(6))];
    const limited = follow(
      streamOver([ordered(leaving)], () => []),
      target,
      { maxDeletes: 1 },
    );
    await expect(limited).rejects.toMatchObject({ code: "too_many" });
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("where the order is not certain, a change with an earlier stamp is read again, and that counts", async () => {
    const target = await filled(ann, bob);
    const now = [disabled(ann, csn(5)), bob];
    const stream = streamOver(
      [
        ...listed("snapshot", [], { swept: false }),
        { phase: "live", changes: [{ ...ann, stamp: csn(4) }], checkpoint: "1" },
        { phase: "live", changes: [gone("2", csn(3))], checkpoint: "2" },
      ],
      () => now,
    );
    // Bob is found where he is read, so that the old deletion counts for nothing.
    expect(await run(target, stream)).toEqual(["deactivated ann"]);
    expect(stream.asked).toEqual(["1", "2"]);
  });

  test("a deletion with an earlier stamp counts where the entry is not found any more", async () => {
    const target = await filled(ann, bob);
    const stream = streamOver(
      [
        ...listed("snapshot", [], { swept: false }),
        { phase: "reconcile", refresh: "begins", changes: [], state: own },
        { phase: "reconcile", refresh: "continues", changes: [gone("2", csn(3))] },
        { phase: "reconcile", refresh: "ends", changes: [], checkpoint: "1" },
      ],
      () => [ann],
    );
    expect(await run(target, stream)).toEqual(["deactivated bob"]);
  });

  test("no checkpoint covers a change that is still to be read again", async () => {
    const target = await filled(ann, bob);
    let fails = 2;
    const stream = streamOver(
      [
        ...listed("snapshot", [], { swept: false, checkpoint: "begun" }),
        { phase: "live", changes: [{ ...ann, stamp: csn(4) }], checkpoint: "1" },
        { phase: "live", changes: [{ ...bob, stamp: csn(11) }], checkpoint: "2" },
      ],
      () => [disabled(ann, csn(5)), bob],
    );
    const { reread } = stream;
    const checkpoints: (string | undefined)[] = [];
    const shaky: ChangeStream = {
      ...stream,
      async *read(options) {
        for await (const batch of stream.read(options)) {
          yield batch;
          checkpoints.push((await target.checkpoints.load("directory"))?.checkpoint);
        }
        // It goes on until the wait after a failure is over.
        await new Promise((resolve) => setTimeout(resolve, 50));
      },
      reread: (ids) => {
        if (fails-- > 0) return Promise.reject(new Error("The connection was cut."));
        return reread(ids);
      },
    };
    const outcomes = await follow(shaky, target, { outages: { attempts: 3, delay: 1 } });
    expect(checkpoints.slice(-2)).toEqual(["begun", "begun"]);
    expect(inWords(outcomes)).toContain("deactivated ann");
    expect((await target.checkpoints.load("directory"))?.checkpoint).toBe("2");
    expect(outcomes.at(-1)).toMatchObject({ kind: "checkpoint", checkpoint: "2" });
  });

  test("a stream that says nothing of its order is believed by its stamps, as ever", async () => {
    const target = await filled(ann, bob);
    const stream = streamOver(
      [
        began("snapshot"),
        { phase: "snapshot", refresh: "ends", changes: [], checkpoint: "0" },
        { phase: "live", changes: [disabled(ann, csn(5)), gone("2", csn(5))], checkpoint: "1" },
      ],
      () => [],
    );
    expect(await run(target, stream)).toEqual([]);
    expect(stream.asked).toEqual([]);
  });

  test("a live change that was on its way when its entry was read again does not undo the answer", async () => {
    const staff = team("g", "staff", [dn("cn=ann")], { stamp: csn(10) });
    const target = await filled(ann, bob, staff);
    const now = [
      person("1", "anna", { stamp: csn(20) }),
      { ...bob, names: [dn("cn=ann"), uid("bob")], stamp: csn(21) },
      team("g", "staff", [dn("cn=anna")], { stamp: csn(22) }),
    ];
    const [anna, bobby] = now;
    if (anna === undefined || bobby === undefined) throw new Error();
    const stream = streamOver(
      [
        ...listed("snapshot", [], { swept: false }),
        // Bob takes the name of which staff is stated: staff is read again, and is later than its next change.
        ordered([anna], "1"),
        ordered([bobby], "2"),
        ordered([team("g", "staff", [dn("cn=ann")], { stamp: csn(15) })], "3"),
        ordered([team("g", "staff", [dn("cn=anna")], { stamp: csn(22) })], "4"),
      ],
      () => now,
    );
    const outcomes = await run(target, stream);
    expect(outcomes.filter((line) => line.includes("bob"))).toEqual([]);
    expect((await application(target)).groups).toEqual({ staff: ["anna"] });
  });

  test("an entry that is listed with another stamp than was sent is read again, and an unknown one too", async () => {
    const target = await filled(ann, bob);
    const cid = person("3", "cid", { stamp: csn(8) });
    const now = [disabled(ann, csn(12)), bob, cid];
    const entries = now.map(({ sourceId, stamp = "" }) => ({ sourceId, stamp }));
    const stream = streamOver(listed("reconcile", [present(...entries)]), () => now);
    expect([...(await run(target, stream))].sort()).toEqual(["created cid", "deactivated ann"]);
    expect(stream.asked.sort()).toEqual(["1", "3"]);
  });

  test("where more than a thousand entries are not as they were told, everything is read anew", async () => {
    const people = Array.from({ length: 1_001 }, (_, index) =>
      person(String(index), `p${index}`, { stamp: csn(10) }),
    );
    const target = await filled(...people);
    const now = people.map((each) => disabled(each, csn(11)));
    const entries = now.map(({ sourceId, stamp = "" }) => ({ sourceId, stamp }));
    const stream = streamOver(listed("reconcile", [present(...entries)]), () => now);
    const done = await run(target, stream);
    expect(done[0]).toBe("restarted");
    expect(stream.asked).toEqual([]);
    expect(new Set(Object.values((await application(target)).users))).toEqual(
      new Set(["inactive"]),
    );
  }, 60_000);

  test("a comparison that finds nothing writes nothing but the position", async () => {
    const target = await filled(ann, bob, team("g", "staff", [uid("ann")], { stamp: csn(10) }));
    const links = await target.links.list("directory", {}, { count: 10 });
    const entries = links.map(({ sourceId, stamp = "" }) => ({ sourceId, stamp }));
    expect(
      await run(
        target,
        streamOver(listed("reconcile", [present(...entries)]), () => []),
      ),
    ).toEqual([]);
    expect(await target.links.list("directory", {}, { count: 10 })).toEqual(links);
  });

  test("a comparison sweeps what it did not mention, but not what it mentioned in the batch of the sweep", async () => {
    const target = await filled(ann, bob, person("3", "cid", { stamp: csn(10) }));
    const batches: ChangeBatch[] = [
      began("reconcile", own),
      {
        phase: "reconcile",
        refresh: "continues",
        changes: [present({ sourceId: "1", stamp: csn(10) })],
      },
      {
        phase: "reconcile",
        refresh: "ends",
        changes: [present({ sourceId: "3", stamp: csn(10) }), sweep],
        checkpoint: "c",
      },
    ];
    expect(
      await run(
        target,
        streamOver(batches, () => []),
      ),
    ).toEqual(["deactivated bob"]);
  });
});
