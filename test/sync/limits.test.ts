import { InvalidValueError, TooManyError } from "concordat";
import type { ChangeBatch } from "concordat/changes";
import { type Outcome, type SynchronizeOptions, synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import { application, onEveryTarget, type Target } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  inWords,
  live,
  person,
  present,
  refresh,
  resumable,
  scripted,
  team,
  uid,
} from "./streams.js";

const people = Array.from({ length: 30 }, (_, index) => person(`${100 + index}`, `p${index}`));
const everybody = team(
  "g",
  "all",
  people.map((each) => uid(each.resource.userName ?? "")),
);

/** Runs into the limit. @returns what was said before that, and the error. */
async function limited(
  target: Target,
  batches: readonly ChangeBatch[],
  options: SynchronizeOptions,
): Promise<{ outcomes: Outcome[]; error: unknown }> {
  const outcomes: Outcome[] = [];
  try {
    for await (const outcome of synchronize(scripted(batches), target, options)) {
      outcomes.push(outcome);
    }
  } catch (error) {
    return { outcomes, error };
  }
  return { outcomes, error: undefined };
}

onEveryTarget(({ open }) => {
  async function filled(): Promise<Target> {
    const target = await open();
    await apply(target, refresh([...people, everybody], { checkpoint: "filled" }));
    return target;
  }

  test.for([
    ["a sweep", refresh([...people.slice(5), everybody]), { deletions: 5 }],
    [
      "live deletes",
      [
        live(
          people.slice(0, 5).map((each) => gone(each.sourceId)),
          "2",
        ),
      ],
      { deletions: 5 },
    ],
    [
      "deactivations",
      [
        live(
          people
            .slice(0, 5)
            .map((each) => ({ ...each, resource: { ...each.resource, active: false } })),
          "2",
        ),
      ],
      { deactivations: 5 },
    ],
    [
      "members that leave a group",
      [
        live(
          [
            team(
              "g",
              "all",
              everybody.members?.kind === "all" ? everybody.members.members.slice(5) : [],
            ),
          ],
          "2",
        ),
      ],
      { memberships: 5 },
    ],
    ["a group that comes empty", [live([team("g", "all", [])], "2")], { memberships: 30 }],
  ] as [string, readonly ChangeBatch[], Record<string, number>][])(
    "%s above the limit: nothing is changed, and the outcome says what would have been",
    async ([, batches, expected]) => {
      const target = await filled();
      const before = await application(target);
      const position = await target.checkpoints.load("directory");
      const count = Object.values(expected)[0] ?? 0;
      const { outcomes, error } = await limited(target, batches, { maxDeletes: count - 1 });
      expect(error).toBeInstanceOf(TooManyError);
      expect(error).toMatchObject({ code: "too_many", limit: count - 1 });
      const outcome = outcomes.at(-1);
      expect(outcome).toMatchObject({ kind: "limited", limit: count - 1, before: 0 });
      if (outcome?.kind !== "limited") throw new Error("not limited");
      const { deletions, deactivations, memberships } = outcome.removals;
      expect({
        deletions: deletions.length,
        deactivations: deactivations.length,
        memberships: memberships.reduce((sum, group) => sum + group.members, 0),
      }).toEqual({ deletions: 0, deactivations: 0, memberships: 0, ...expected });
      expect(await application(target)).toEqual(before);
      expect((await target.checkpoints.load("directory"))?.checkpoint).toBe(position?.checkpoint);
      // At the limit itself it goes through.
      expect((await limited(target, batches, { maxDeletes: count })).error).toBeUndefined();
      expect(await application(target)).not.toEqual(before);
    },
  );

  test("a group that is taken out of a group takes everybody in it along, where groups are flattened", async () => {
    const target = await open();
    const nested = "flatten";
    const outer = (...members: string[]) => team("o", "outer", members.map(dn));
    const all = [
      ...people,
      team("g", "all", [dn("cn=within")]),
      team("w", "within", [dn("cn=p1"), dn("cn=p2"), dn("cn=p3")]),
    ];
    await apply(target, refresh([...all, outer("cn=all", "cn=p4")]), { nested });
    const before = await application(target);
    const { outcomes, error } = await limited(target, [live([outer("cn=p4")])], {
      maxDeletes: 2,
      nested,
    });
    expect(error).toBeInstanceOf(TooManyError);
    expect(outcomes.at(-1)).toMatchObject({ removals: { memberships: [{ members: 3 }] } });
    expect(await application(target)).toEqual(before);
    await limited(target, [live([outer("cn=p4")])], { maxDeletes: 3, nested });
    expect((await application(target)).groups).toMatchObject({ outer: ["p4"] });
  });

  test("after the limit is raised the same stream goes through", async () => {
    const target = await filled();
    const kept = people.slice(12);
    const stream = resumable([
      ...refresh([...people, everybody], { checkpoint: "filled" }),
      ...refresh([...kept, everybody], { checkpoint: "swept" }),
    ]);
    const run = async (maxDeletes: number): Promise<void> => {
      for await (const _ of synchronize(stream, target, { maxDeletes }));
    };
    await expect(run(11)).rejects.toThrow(TooManyError);
    expect(Object.values((await application(target)).users)).not.toContain("inactive");
    await run(12);
    const { users } = await application(target);
    expect(Object.values(users).filter((state) => state === "inactive")).toHaveLength(12);
    expect(stream.readFrom).toEqual(["filled", "filled"]);
  });

  test("removals of a refresh count together, however many batches it has", async () => {
    const target = await filled();
    const deletes = people.slice(0, 6).map((each) => gone(each.sourceId));
    const batches: ChangeBatch[] = [
      { phase: "snapshot", refresh: "begins", changes: [] },
      { phase: "snapshot", refresh: "continues", changes: deletes.slice(0, 3) },
      { phase: "snapshot", refresh: "continues", changes: deletes.slice(3) },
      { phase: "snapshot", refresh: "ends", changes: [] },
    ];
    const { outcomes, error } = await limited(target, batches, { maxDeletes: 5 });
    expect(error).toBeInstanceOf(TooManyError);
    expect(outcomes.at(-1)).toMatchObject({ kind: "limited", before: 3 });
    const { users } = await application(target);
    expect(Object.values(users).filter((state) => state === "inactive")).toHaveLength(3);
  });

  test("live removals count together within a window of time", async () => {
    const deletes = people.slice(0, 6).map((each) => live([gone(each.sourceId)]));
    for (const [pause, expected] of [
      [10, 3],
      [100, 6],
    ] as const) {
      const target = await filled();
      let time = 0;
      function* spaced(): Generator<ChangeBatch> {
        for (const batch of deletes) {
          time += pause;
          yield batch;
        }
      }
      const outcomes: Outcome[] = [];
      const run = async (): Promise<void> => {
        const options = { maxDeletes: { count: 3, within: 250 }, now: () => time };
        for await (const outcome of synchronize(scripted(spaced()), target, options)) {
          outcomes.push(outcome);
        }
      };
      if (expected === 6) await run();
      else await expect(run()).rejects.toThrow(TooManyError);
      const inactive = Object.values((await application(target)).users).filter(
        (is) => is === "inactive",
      );
      expect(inactive).toHaveLength(expected);
    }
  });

  test.for([
    ["live", (each: (typeof people)[number]) => [live([gone(each.sourceId)])]],
    [
      "by refreshes",
      (each: (typeof people)[number], left: typeof people) =>
        refresh([...left.filter((other) => other !== each), everybody]),
    ],
  ] as const)(
    "what is taken away %s counts for as long as the window is, across restarts",
    async ([, batchesFor]) => {
      const target = await filled();
      let time = 1_000_000;
      const limit = { count: 10, fraction: 1, within: 86_400_000 };
      let left = people;
      const run = async (): Promise<unknown> => {
        const [first] = left;
        if (first === undefined) throw new Error("There is nobody left.");
        const options = { maxDeletes: limit, now: () => time };
        const { error } = await limited(target, batchesFor(first, left), options);
        if (error === undefined) left = left.slice(1);
        return error;
      };
      // A supervisor starts it again each time, a minute later.
      for (let times = 0; times < 10; times++, time += 60_000) expect(await run()).toBeUndefined();
      expect(await run()).toBeInstanceOf(TooManyError);
      time += 3_600_000;
      expect(await run()).toBeInstanceOf(TooManyError);
      expect(left).toHaveLength(20);
      time += 86_400_000;
      expect(await run()).toBeUndefined();
    },
  );

  test("entries that come within the window do not raise what may be taken away in it", async () => {
    const target = await filled();
    const options = { maxDeletes: { count: 1_000, fraction: 0.4, within: 60_000 } };
    // 31 entries, so 12 may go.
    expect((await limited(target, [live([gone("100")])], options)).error).toBeUndefined();
    const fake = Array.from({ length: 100 }, (_, index) => person(`f${index}`, `f${index}`));
    await apply(target, [live(fake)], options);
    const more = people.slice(1, 13).map((each) => gone(each.sourceId));
    const { outcomes, error } = await limited(target, [live(more)], options);
    expect(error).toBeInstanceOf(TooManyError);
    expect(outcomes.at(-1)).toMatchObject({ limit: 12, before: 1, count: 12 });
    expect((await limited(target, [live(more.slice(1))], options)).error).toBeUndefined();
  });

  test("accounts are not disabled by being adopted, but in a step that counts", async () => {
    const target = await open();
    const locals = Array.from({ length: 60 }, (_, index) => `l${index}`);
    for (const userName of locals) await target.users.create({ userName });
    const inactive = locals.map((name, index) =>
      person(`i${index}`, name, { resource: { active: false } }),
    );
    const options = { match: { users: "userName" }, maxDeletes: 5 } as const;
    const { outcomes, error } = await limited(target, refresh(inactive), options);
    expect(error).toBeInstanceOf(TooManyError);
    expect(outcomes.filter((outcome) => outcome.kind === "adopted")).toHaveLength(60);
    expect(outcomes.at(-1)).toMatchObject({ kind: "limited", limit: 5, count: 60 });
    expect(Object.values((await application(target)).users)).not.toContain("inactive");
    // Started again and again, it goes no further.
    for (let times = 0; times < 3; times++) {
      expect((await limited(target, refresh(inactive), options)).error).toBeInstanceOf(
        TooManyError,
      );
    }
    expect(Object.values((await application(target)).users)).not.toContain("inactive");
    expect((await limited(target, [], { ...options, maxDeletes: 60 })).error).toBeUndefined();
    expect(Object.values((await application(target)).users)).not.toContain("active");
  });

  test.for([
    ["a live change", false],
    ["an entry that is read again", true],
  ] as const)(
    "an account that %s adopts is disabled before the stream has ended",
    async ([, isRead]) => {
      const target = await open();
      await target.users.create({ userName: "ann" });
      const ann = person("1", "ann", { stamp: "1", resource: { active: false } });
      const told = [live([ann], "c")];
      const listed = refresh([present("1")], { phase: "reconcile" }).map((batch) =>
        batch.refresh === "begins" ? { ...batch, state: ["2"] } : batch,
      );
      const stream = { ...scripted(isRead ? listed : told), reread: async () => [ann] };
      const done = inWords(await follow(stream, target, { match: { users: "userName" } }));
      expect(done).toEqual(["adopted ann", "deferred ann: adopted", "deactivated ann"]);
    },
  );

  test("accounts that are adopted are disabled at once where the host says so", async () => {
    const target = await open();
    await target.users.create({ userName: "ann" });
    const match = { users: "userName", inactive: "disable" } as const;
    const ann = person("1", "ann", { resource: { active: false } });
    expect(await apply(target, [live([ann])], { match })).toEqual([
      "adopted ann",
      "deactivated ann",
    ]);
  });

  test("members who lose a group because their names go to others count, though no group has said so", async () => {
    const target = await open();
    const before = people
      .slice(0, 6)
      .map((each, index) => person(each.sourceId, `p${index}`, { names: [dn(`cn=old${index}`)] }));
    const staff = team(
      "g",
      "staff",
      before.flatMap((each) => each.names),
    );
    await apply(target, refresh([...before, staff], { checkpoint: "filled" }), {
      dangling: "drop",
    });
    const renamed = before.map((each, index) => ({ ...each, names: [dn(`cn=new${index}`)] }));
    const options = { maxDeletes: 5, dangling: "drop" } as const;
    const { outcomes, error } = await limited(target, [live(renamed)], options);
    expect(error).toBeInstanceOf(TooManyError);
    expect(outcomes.at(-1)).toMatchObject({ kind: "limited", count: 6, before: 0 });
    expect((await application(target)).groups["staff"]).toHaveLength(6);
    const all = await limited(target, [live(renamed)], { ...options, maxDeletes: 6 });
    expect(all.error).toBeUndefined();
    expect((await application(target)).groups["staff"]).toEqual([]);
  });

  test("members whose leaving was counted when their group said so are not counted once more", async () => {
    const target = await filled();
    const { error } = await limited(
      target,
      refresh([
        ...people,
        team(
          "g",
          "all",
          everybody.members?.kind === "all" ? everybody.members.members.slice(6) : [],
        ),
      ]),
      { maxDeletes: 6 },
    );
    expect(error).toBeUndefined();
    expect((await application(target)).groups["all"]).toHaveLength(24);
  });

  test("half of the entries may go by default, and ten however few there are", async () => {
    const target = await filled();
    const sweeping = (left: number) => refresh([...people.slice(30 - left), everybody]);
    // 31 entries, so 15 may go.
    expect((await limited(target, sweeping(14), {})).error).toBeInstanceOf(TooManyError);
    expect((await limited(target, sweeping(15), {})).error).toBeUndefined();
    const small = await open();
    await apply(small, refresh(people.slice(0, 10)));
    expect((await limited(small, refresh([]), {})).error).toBeUndefined();
  });

  test("what is repeated, stale or known already takes nothing away and counts for nothing", async () => {
    const target = await filled();
    const off = {
      ...people[0],
      resource: { ...people[0]?.resource, active: false },
    } as (typeof people)[0];
    const batches = [
      live([gone("101")]),
      live([gone("101"), gone("nobody")]),
      live([off]),
      live([off]),
      live([everybody]),
    ];
    expect((await limited(target, batches, { maxDeletes: 2 })).error).toBeUndefined();
  });

  test("somebody who comes back in the same batch as the sweep is not counted", async () => {
    const target = await filled();
    const batches: ChangeBatch[] = [
      { phase: "snapshot", refresh: "begins", changes: [] },
      { phase: "snapshot", refresh: "ends", changes: [...people, everybody, { kind: "sweep" }] },
    ];
    expect((await limited(target, batches, { maxDeletes: 0 })).error).toBeUndefined();
  });

  test("no limit at all is a choice, and nonsense is not", async () => {
    const target = await filled();
    expect(
      (await limited(target, refresh([]), { maxDeletes: Number.POSITIVE_INFINITY })).error,
    ).toBeUndefined();
    for (const maxDeletes of [
      -1,
      Number.NaN,
      { count: -1 },
      { fraction: -0.5 },
      { within: Number.NaN },
    ]) {
      expect(() => synchronize(scripted([]), target, { maxDeletes })).toThrow(InvalidValueError);
    }
    expect(() => synchronize(scripted([]), target, { concurrency: 0 })).toThrow(InvalidValueError);
  });
});
