import { UniquenessError } from "concordat";
import { retryRefusedChanges, streamState, synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import { application, interferedWith, onEveryTarget, type Target } from "./stores.js";
import {
  apply,
  dn,
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

/** Tries all that was refused again. @returns what was done, in words. */
async function retry(target: Target): Promise<readonly string[]> {
  const outcomes = [];
  for await (const outcome of retryRefusedChanges(target, "directory")) outcomes.push(outcome);
  return inWords(outcomes);
}

onEveryTarget(({ open }) => {
  test("a stream that was never followed has no state", async () => {
    expect(await streamState(await open(), "directory")).toEqual({
      source: "directory",
      refreshes: 0,
      linked: { users: 0, groups: 0 },
      refused: [],
      pending: [],
      dirty: 0,
      taken: [],
      isCut: false,
    });
  });

  test("the state says how far a stream was followed, what was refused, and which members are no entries", async () => {
    const target = await open();
    await target.users.create({ userName: "bob" });
    const staff = team("g", "staff", [uid("ann"), uid("zoe"), dn("cn=carl")]);
    await apply(target, refresh([person("1", "ann"), person("2", "bob"), staff]));
    await apply(target, [live([gone("1")], "2")]);
    const state = await streamState(target, "directory");
    expect(state).toMatchObject({ checkpoint: "2", refreshes: 1, isCut: false });
    expect(state.linked).toEqual({ users: 1, groups: 1 });
    expect(state.refused.map(({ sourceId, failure }) => [sourceId, failure.code])).toEqual([
      ["2", "unlinked"],
    ]);
    expect(state.pending.map(({ group, kind, key }) => `${group.name}: ${kind} ${key}`)).toEqual([
      ...["staff: dn cn=carl", "staff: uid ann", "staff: uid zoe"],
    ]);
    expect(state.taken).toMatchObject([{ removals: 1 }]);
  });

  test("a member that is an account of another source is reported once, and listed for as long as it is stated", async () => {
    const target = await open();
    const partner = { kind: "id", key: "S-1-5-21-1-2-3-1105", foreign: true } as const;
    const staff = team("g", "staff", [uid("ann"), partner]);
    const batches = [...refresh([person("1", "ann"), staff]), live([staff], "2")];
    const outcomes = await follow(scripted(batches), target);
    expect(inWords(outcomes)).toEqual([
      ...["created ann", "created staff", "ignored S-1-5-21-1-2-3-1105 in staff: foreign"],
      "ann into staff",
    ]);
    const { pending } = await streamState(target, "directory");
    expect(pending).toMatchObject([{ group: { name: "staff" }, key: partner.key }]);

    const { foreign: _, ...left } = partner;
    const part = { kind: "delta", add: [], remove: [left] } as const;
    await apply(target, [live([{ ...staff, members: part }], "3")]);
    expect((await streamState(target, "directory")).pending).toEqual([]);
  });

  test("the state of much is cut, and says so", async () => {
    const target = await open();
    const names = Array.from({ length: 30 }, (_, index) => uid(`nobody${index}`));
    await apply(target, refresh([team("g", "staff", names)]));
    expect(await streamState(target, "directory", { most: 10 })).toMatchObject({ isCut: true });
    expect((await streamState(target, "directory", { most: 10 })).pending).toHaveLength(10);
    expect(await streamState(target, "directory", { most: 30 })).toMatchObject({ isCut: false });
  });

  test("what was refused is tried again at once when that is asked for", async () => {
    const target = await open();
    const other = await target.users.create({ userName: "bob" });
    await apply(
      target,
      refresh([person("1", "ann"), person("2", "bob"), team("g", "t", [uid("bob")])]),
    );
    // Before its time has come, nothing is tried.
    await target.users.delete(other.id ?? "");
    expect(await apply(target, [])).toEqual([]);
    expect(await retry(target)).toEqual(["created bob", "bob into t"]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
    expect((await streamState(target, "directory")).refused).toEqual([]);
    // The position is where it was.
    expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "refreshed" });
  });

  test("what is refused again is kept, and counts one attempt more", async () => {
    const target = await open();
    await target.users.create({ userName: "bob" });
    await apply(target, refresh([person("2", "bob")]));
    const attempts = async () =>
      (await streamState(target, "directory")).refused.map(({ failure }) => failure.attempts);
    const [before = 0] = await attempts();
    expect(await retry(target)).toEqual(["deferred bob: unlinked"]);
    expect(await attempts()).toEqual([before + 1]);
  });

  test("a membership that was refused is tried again, too", async () => {
    const target = await open();
    let isRefusing = true;
    const refusing = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        isRefusing &&
        store === "groups" &&
        method === "write" &&
        JSON.stringify(args).includes('"members"')
          ? new UniquenessError("members", "x")
          : undefined,
    });
    await apply(refusing, refresh([person("1", "ann"), team("g", "t", [uid("ann")])]));
    isRefusing = false;
    expect(await retry(refusing)).toEqual(["ann into t"]);
  });

  test("a process that follows the stream meanwhile ends, and writes nothing after that", async () => {
    const target = await open();
    const follower = synchronize(
      {
        source: "directory",
        async *read() {
          yield* refresh([person("1", "ann")]);
          await retry(target);
          yield live([gone("1")], "3");
        },
      },
      target,
    );
    await expect(
      (async () => {
        for await (const _ of follower);
      })(),
    ).rejects.toMatchObject({ name: "StreamTakenError" });
    expect((await application(target)).users).toEqual({ ann: "active" });
  });
});
