import { TooManyError } from "concordat";
import type { Change } from "concordat/changes";
import {
  type Plan,
  planChanges,
  type Removal,
  removalsDigest,
  type SynchronizeOptions,
} from "concordat/sync";
import { expect, test } from "vitest";
import { application, onEveryTarget, type Target } from "./stores.js";
import {
  apply,
  follow,
  gone,
  inWords,
  live,
  person,
  refresh,
  scripted,
  team,
  uid,
} from "./streams.js";

const people = Array.from({ length: 40 }, (_, index) => person(`${100 + index}`, `p${index}`));
const staff = (members: typeof people) =>
  team(
    "g",
    "staff",
    members.map(({ resource }) => uid(resource.userName ?? "")),
  );
const inactive = (each: (typeof people)[number]) => ({
  ...each,
  resource: { ...each.resource, active: false },
});

/** Three are gone, two are inactive, and seven leave a group, of whom three because they are gone. */
const next: readonly Change[] = [
  ...people.slice(5),
  ...people.slice(3, 5).map(inactive),
  staff(people.slice(7)),
];

function plan(target: Target, changes: readonly Change[], options: SynchronizeOptions = {}) {
  return planChanges(scripted(refresh(changes)), target, options);
}

function inShort(removals: readonly Removal[]): readonly string[] {
  return removals.map((removal) =>
    removal.kind === "leaves"
      ? `${removal.member} leaves ${removal.group.name}`
      : `${removal.name} is ${removal.kind}`,
  );
}

onEveryTarget(({ open }) => {
  async function filled(): Promise<Target> {
    const target = await open();
    await apply(target, refresh([...people, staff(people)], { checkpoint: "filled" }));
    return target;
  }

  test("a plan says what a run then does, and writes nothing", async () => {
    const target = await filled();
    const before = await application(target);
    const planned = await plan(target, [...next, person("new", "nora")]);
    expect(await application(target)).toEqual(before);
    expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "filled" });
    expect(planned.summary).toMatchObject({ created: 1, deactivated: 5, memberRemoved: 7 });
    const done = await follow(scripted(refresh([...next, person("new", "nora")])), target);
    expect([...inWords(planned.outcomes)].sort()).toEqual([...inWords(done)].sort());
  });

  test("what a plan takes away is listed, each once, and what is listed is plain data", async () => {
    const { removals, digest, limited } = await plan(await filled(), next);
    expect([...inShort(removals)].sort()).toEqual(
      [
        ...["p0 is gone", "p1 is gone", "p2 is gone", "p3 is inactive", "p4 is inactive"],
        ...[0, 1, 2, 3, 4, 5, 6].map((index) => `${100 + index} leaves staff`),
      ].sort(),
    );
    expect(limited).toEqual([]);
    expect(removalsDigest(JSON.parse(JSON.stringify(removals)))).toBe(digest);
    expect(digest).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a plan goes on where a run would end for its limit, and says so", async () => {
    const target = await filled();
    const planned = await plan(target, next, { maxDeletes: 3 });
    expect(planned.limited).toEqual(["maxDeletes"]);
    expect(planned.removals).toHaveLength(12);
    expect(planned.summary.deactivated).toBe(5);
  });

  test("values that would vanish are listed where they are more than the limit", async () => {
    const target = await open();
    const titled = (more: { title?: string }) =>
      people.slice(0, 15).map((each) => ({ ...each, resource: { ...each.resource, ...more } }));
    await apply(target, refresh(titled({ title: "Engineer" })));
    const planned = await plan(target, titled({}), { maxCleared: 5 });
    expect(planned.limited).toEqual(["maxCleared"]);
    expect(planned.cleared.map(({ attributes }) => attributes)).toEqual(
      Array.from({ length: 15 }, () => ["title"]),
    );
  });

  test("what is accepted is taken away beyond the limit, and no more", async () => {
    const target = await filled();
    const { removals } = await plan(target, next);
    const strict = { maxDeletes: 0 };
    await expect(apply(target, refresh(next), strict)).rejects.toThrow(TooManyError);

    // Another one has gone since the plan.
    const withMore = next.filter((change) => !("sourceId" in change && change.sourceId === "120"));
    const accept = JSON.parse(JSON.stringify(removals)) as readonly Removal[];
    const refused = apply(target, refresh(withMore), { ...strict, accept });
    await expect(refused).rejects.toThrow(TooManyError);
    expect((await application(target)).users["p20"]).toBe("active");

    expect(await apply(target, refresh(next), { ...strict, accept })).toContain("deactivated p0");
    const { users, groups } = await application(target);
    expect(Object.keys(users).filter((name) => users[name] !== "active")).toHaveLength(5);
    expect(groups["staff"]).toHaveLength(33);
  });

  test("what is accepted leaves the room of the limit to others", async () => {
    const target = await filled();
    const { removals } = await plan(target, next);
    const options = { maxDeletes: 2, accept: removals };
    await apply(target, refresh(next), options);
    // The same window of time, and without what was accepted.
    await apply(target, [live([gone("130"), gone("131")], "3")], { maxDeletes: 2 });
    const third = apply(target, [live([gone("132")], "4")], { maxDeletes: 2 });
    await expect(third).rejects.toThrow(TooManyError);
  });

  test("the digest is of who goes and how, whatever the order, and not of names", async () => {
    const target = await filled();
    const { removals, digest } = await plan(target, next);
    const named = removals.map((each) =>
      each.kind === "leaves" ? each : { ...each, name: "another", resourceId: "another" },
    );
    expect(removalsDigest([...named].reverse())).toBe(digest);
    expect(removalsDigest(removals.slice(1))).not.toBe(digest);
    const kinds = removals.map((each) =>
      each.kind === "inactive" ? { ...each, kind: "gone" as const } : each,
    );
    expect(removalsDigest(kinds)).not.toBe(digest);
  });

  test("accounts that adoption disables in a step of its own are in the plan after it, and can be accepted", async () => {
    const target = await open();
    for (let index = 0; index < 15; index++) await target.users.create({ userName: `p${index}` });
    const match = { users: "userName" } as const;
    const adopting = refresh(people.slice(0, 15).map(inactive));
    const first: Plan = await planChanges(scripted(adopting), target, { match, maxDeletes: 3 });
    expect(inShort(first.removals)).toContain("p0 is inactive");
    expect(first.limited).toEqual(["maxDeletes"]);
    await apply(target, adopting, { match, maxDeletes: 0, accept: first.removals });
    const { users } = await application(target);
    expect(Object.values(users).filter((state) => state === "active")).toEqual([]);
  });

  test("a stream that can end is told not to be followed", async () => {
    const target = await filled();
    const asked: (boolean | undefined)[] = [];
    const stream = {
      source: "directory",
      async *read({ follow }: { follow?: boolean } = {}) {
        asked.push(follow);
        yield* refresh(people);
      },
    };
    await planChanges(stream, target);
    await follow(stream, target, { follow: false });
    await follow(stream, target);
    expect(asked).toEqual([false, false, undefined]);
  });
});
