import { StreamTakenError, UnavailableError, UnsupportedError } from "concordat";
import type { ChangeBatch, Upsert } from "concordat/changes";
import { type Outcome, synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import {
  application,
  type Call,
  interferedWith,
  onEveryTarget,
  type Target,
  userNamed,
} from "./stores.js";
import {
  apply,
  follow,
  gone,
  live,
  person,
  quick,
  refresh,
  refused,
  resumable,
  team,
  uid,
  waiting,
} from "./streams.js";

const names = ["ann", "bob", "cid", "dan", "eve", "fay"];
const people = names.map((name, index) =>
  person(String(index), name, { stamp: "1", resource: { externalId: String(index) } }),
);
const everybody = team("g", "all", names.map(uid), { stamp: "1" });

/** A first import in batches of two, and a change of each kind. */
const batches: readonly ChangeBatch[] = [
  { phase: "snapshot", refresh: "begins", changes: [] },
  { phase: "snapshot", refresh: "continues", changes: people.slice(0, 2) },
  { phase: "snapshot", refresh: "continues", changes: people.slice(2, 4) },
  { phase: "snapshot", refresh: "continues", changes: [...people.slice(4), everybody] },
  { phase: "snapshot", refresh: "ends", changes: [{ kind: "sweep" }], checkpoint: "1" },
  live([person("1", "bob", { stamp: "2", resource: { active: false } })], "2"),
  live([person("2", "cyd", { stamp: "3" })], "3"),
  live([gone("3", "4")], "4"),
  live([team("g", "all", ["ann", "eve"].map(uid), { stamp: "5" })], "5"),
];

const inTheEnd = {
  users: {
    ann: "active",
    bob: "inactive",
    cyd: "active",
    dan: "inactive",
    eve: "active",
    fay: "active",
  },
  groups: { all: ["ann", "eve"] },
};

const writes: Readonly<Record<Call["store"], readonly string[]>> = {
  users: ["write", "delete"],
  groups: ["write", "delete", "changeMembers"],
  links: ["save", "markSeen", "markDirty", "remove", "setNames"],
  memberships: ["saveReferences", "removeReferences", "saveGrants", "removeGrants"],
  settlement: ["state", "confirm"],
  checkpoints: ["save", "claim"],
};

/** The target with something done before its write of a number, which counts from 0. */
function beforeWrite(target: Target, at: number, act: () => Promise<void>): Target {
  let count = 0;
  return interferedWith(target, {
    async before({ store, method }) {
      if (writes[store].includes(method) && count++ === at) await act();
    },
  });
}

const stream = {
  ...resumable(batches),
  // What the directory says in the end.
  reread: async (ids: readonly string[]) =>
    [
      people[0],
      person("1", "bob", { stamp: "2", resource: { externalId: "1", active: false } }),
      person("2", "cyd", { stamp: "3", resource: { externalId: "2" } }),
      people[4],
      people[5],
      team("g", "all", ["ann", "eve"].map(uid), { stamp: "5" }),
    ].filter((change) => change !== undefined && ids.includes(change.sourceId)) as Upsert[],
};

async function run(target: Target, later = 0): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const now = () => Date.now() + later;
  for await (const outcome of synchronize(stream, target, { ...quick, now })) {
    outcomes.push(outcome);
  }
  return outcomes;
}

/** How many writes a runner makes that is not disturbed. */
async function writesOf(target: Target): Promise<number> {
  let count = 0;
  const counting = interferedWith(target, {
    before({ store, method }) {
      if (writes[store].includes(method)) count++;
    },
  });
  await run(counting);
  return count;
}

/** The time by which nothing that was begun can be under way any more. */
const later = () => Date.now() + 61_000;

/** The target with something done while the first write of users or groups is under way. */
function underWay(target: Target, asked: "users" | "groups", act: () => Promise<unknown>): Target {
  let isFirst = true;
  return interferedWith(target, {
    async before({ store, method }) {
      if (store !== asked || !writes[store].includes(method) || !isFirst) return;
      isFirst = false;
      await act();
    },
  });
}

onEveryTarget(({ open, transactions }) => {
  test("a second runner that begins before any write of the first goes on, and the first stops", async () => {
    const total = await writesOf(await open());
    expect(total).toBeGreaterThan(40);
    for (let at = 1; at < total; at++) {
      const target = await open();
      let second: Promise<readonly Outcome[]> | undefined;
      const first = run(
        beforeWrite(target, at, async () => {
          second = run(target);
          // In a transaction, nobody comes between its writes; the second one waits for its end.
          if (!transactions) await second;
        }),
      );
      const ended = await first.then(
        () => "ended",
        (error: unknown) => error,
      );
      await second;
      // The first one may have been at its last writes.
      if (ended !== "ended") expect(ended).toBeInstanceOf(StreamTakenError);
      // A write to the application may have been under way, and be done last. It is looked for when that can be no
      // more.
      if (!transactions) await run(target, 61_000);
      expect(await application(target), `before write ${at}`).toEqual(inTheEnd);
      expect(await refused(target)).toEqual([]);
      // Nobody is left over of whom the links know nothing: a deletion is applied to everybody.
      const rest = ["0", "1", "2", "4", "5"].map((id) => gone(id));
      await apply(target, [live([...rest, gone("g")])], { onDelete: "delete" });
      expect(Object.keys((await application(target)).users), `after write ${at}`).toEqual(["dan"]);
    }
  });

  test.for([
    ["a live change", [live([person("0", "anna", { stamp: "9" })])]],
    ["a refresh", refresh([person("0", "anna", { stamp: "9" })])],
    ["a comparison", refresh([person("0", "anna", { stamp: "9" })], { phase: "reconcile" })],
  ] as const)("a runner that was superseded does not apply %s", async ([, rest]) => {
    const target = await open();
    await run(target);
    const before = await application(target);
    const elder = follow(
      {
        source: "directory",
        async *read() {
          await target.checkpoints.claim("directory");
          yield* rest;
        },
      },
      target,
    );
    await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
    expect(await application(target)).toEqual(before);
  });

  test.skipIf(transactions).each([
    ["deactivate", { ann: "inactive" }],
    ["delete", {}],
  ] as const)(
    "an account that a superseded runner makes after its entry has gone does not stay (%s)",
    async (onDelete, left) => {
      const target = await open();
      // Its request to the application is under way while the next runner reads that nobody is there any more.
      const slow = interferedWith(target, {
        async before({ store, method }) {
          if (store === "users" && method === "write") await apply(target, refresh([]));
        },
      });
      const first = apply(slow, refresh([person("0", "ann", { resource: { externalId: "0" } })]));
      await expect(first).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).users).toEqual({ ann: "active" });
      // Meanwhile somebody else has the name, until nothing that was begun can be under way any more.
      const stream = waiting([live([person("1", "ann", { resource: { externalId: "1" } })])]);
      const stop = new AbortController();
      let later = 0;
      const options = { ...quick, onDelete, now: () => Date.now() + later, signal: stop.signal };
      const following = (async () => {
        for await (const outcome of synchronize(stream, target, options)) {
          if (outcome.kind === "deferred") later = 61_000;
          if (outcome.kind === "created" && outcome.sourceId === "1") stop.abort();
        }
      })();
      await following;
      const { users } = await application(target);
      const aside = Object.entries(users).map(([name, is]) => [name.replace(/~.*/, "~"), is]);
      expect(Object.fromEntries(aside)).toEqual({
        ...Object.fromEntries(Object.entries(left).map(([name, is]) => [`${name}~`, is])),
        ann: "active",
      });
      expect(await refused(target)).toEqual([]);
    },
  );

  test("where the position was lost, the former runner is not taken for the one that follows the stream", async () => {
    const [before, after] = [await open(), await open()];
    for (const target of [before, after]) await apply(target, [live([person("0", "ann")])]);
    const position = await before.checkpoints.load("directory");
    const held = after.checkpoints.hold("directory", position?.epoch ?? 0);
    await expect(held).rejects.toBeInstanceOf(StreamTakenError);
  });

  test("where the position was lost, a leaver is found by the next refresh", async () => {
    const target = await open();
    for (let times = 0; times < 3; times++) await apply(target, refresh(people));
    const kept = { ...target, checkpoints: (await open()).checkpoints };
    // The stores of links and positions are apart here, so nothing can be fenced.
    const { transaction: _, fence: __, ...apart } = kept;
    const done = await apply(apart as Target, refresh(people.slice(1)));
    expect(done).toEqual(["deactivated ann"]);
  });

  test("an account that a race left without a link is linked by externalId and name, and never deleted", async () => {
    const target = await open();
    await target.users.create({ userName: "Ann", externalId: "0", title: "of a race" });
    const done = await apply(target, refresh([...people.slice(0, 2)]));
    expect([...done].sort()).toEqual(["adopted Ann", "created bob", "renamed Ann to ann"]);
    await apply(target, [live([gone("0"), gone("1")])], { onDelete: "delete" });
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test.for([
    ["has the name alone", { userName: "ann" }],
    ["is another entry's", { userName: "ann", externalId: "1" }],
    ["differs in case, since an externalId is case exact", { userName: "ann", externalId: "X" }],
  ] as const)("an account that %s is listed by a code of its own", async ([, local]) => {
    const target = await open();
    await target.users.create(local);
    const ann = person("x", "ann", { resource: { externalId: "x" } });
    expect(await apply(target, [live([ann])])).toEqual(["deferred ann: unlinked"]);
    expect(await refused(target)).toMatchObject([{ failure: { code: "unlinked" } }]);
    // Whoever is responsible says that equal names are one person.
    const options = { match: { users: "userName" } } as const;
    expect(await apply(target, [live([ann])], options)).toEqual(["adopted ann"]);
  });

  test.skipIf(transactions)(
    "an account that a superseded runner enables after its entry has gone is disabled again",
    async () => {
      const target = await open();
      const ann = (active: boolean) =>
        person("0", "ann", { resource: { externalId: "0", active } });
      await apply(target, refresh([ann(false)]));
      const elder = apply(
        underWay(target, "users", () => apply(target, refresh([]))),
        [live([ann(true)])],
      );
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).users).toEqual({ ann: "active" });
      expect(await apply(target, [], { now: later })).toEqual(["deactivated ann"]);
      expect((await application(target)).users).toEqual({ ann: "inactive" });
      // What somebody has enabled by hand since is nobody's business.
      await target.users.modify((await userNamed(target, "ann")).id, { set: { active: true } });
      expect(await apply(target, [], { now: later })).toEqual([]);
    },
  );

  test.skipIf(transactions)(
    "a second account that a superseded runner makes is disabled where the application deletes nobody",
    async () => {
      const opened = await open();
      const users = new Proxy(opened.users, {
        get(wrapped, name): unknown {
          if (name === "capabilities") return { ...wrapped.capabilities, delete: "none" };
          if (name === "delete")
            return () => Promise.reject(new UnsupportedError("Nobody is deleted."));
          const value: unknown = Reflect.get(wrapped, name, wrapped);
          return typeof value === "function" ? value.bind(wrapped) : value;
        },
      });
      const target: Target = { ...opened, users };
      // By the time that the account is made, its entry has another name, and an account by that.
      const named = (name: string) => person("0", name, { resource: { externalId: "0" } });
      const elder = apply(
        underWay(target, "users", () => apply(target, refresh([named("anna")]))),
        refresh([named("ann")]),
      );
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).users).toEqual({ ann: "active", anna: "active" });
      expect(await apply(target, [], { now: later })).toEqual(["deactivated ann"]);
      expect((await application(target)).users).toEqual({ ann: "inactive", anna: "active" });
    },
  );

  test.skipIf(transactions)(
    "a membership that a superseded runner makes too late is ended, also where the store is away meanwhile",
    async () => {
      const target = await open();
      const ann = person("0", "ann");
      const staff = (...members: readonly string[]) => team("g", "staff", members.map(uid));
      await apply(target, refresh([ann, staff()]));
      const elder = apply(
        underWay(target, "groups", () => apply(target, refresh([ann, staff()]))),
        [live([staff("ann")])],
      );
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).groups).toEqual({ staff: ["ann"] });
      let isAway = true;
      const shaky = interferedWith(target, {
        before({ store, method }) {
          if (store !== "groups" || method !== "changeMembers" || !isAway) return;
          isAway = false;
          throw new UnavailableError("The connection was lost.", { mayBeDone: false });
        },
      });
      expect(await apply(shaky, [], { now: later })).toEqual(["waiting"]);
      expect(isAway).toBe(false);
      expect((await application(target)).groups).toEqual({ staff: [] });
    },
  );
});
