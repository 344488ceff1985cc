import { InvalidValueError, NotFoundError, StreamTakenError, UnavailableError } from "concordat";
import { expect, test } from "vitest";
import { application, groupNamed, interferedWith, onEveryTarget, type Target } from "./stores.js";
import { apply, dn, follow, gone, live, person, refresh, scripted, team } from "./streams.js";

/** The time by which nothing that was begun can be under way any more. */
const later = () => Date.now() + 61_000;

const named = (name: string) => person("0", name, { resource: { externalId: "0" } });

/** The target with something done while the first write of a store is under way. */
function underWay(target: Target, asked: "users" | "groups", act: () => Promise<unknown>): Target {
  let isFirst = true;
  return interferedWith(target, {
    async before({ store, method }) {
      if (store !== asked || !["write", "changeMembers"].includes(method) || !isFirst) return;
      isFirst = false;
      await act();
    },
  });
}

/** An application in which a superseded runner has made a second account for an entry. */
async function withSurplus(target: Target): Promise<void> {
  const elder = apply(
    underWay(target, "users", () => apply(target, refresh([named("anna")]))),
    refresh([named("ann")]),
  );
  await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
  expect((await application(target)).users).toEqual({ ann: "active", anna: "active" });
}

/** The target whose application answers the first deletion so. */
function failing(target: Target, error: Error, times = 1): Target {
  let left = times;
  return interferedWith(target, {
    before({ store, method }) {
      if (store === "users" && method === "delete" && left-- > 0) throw error;
    },
  });
}

onEveryTarget(({ open, transactions }) => {
  test.skipIf(transactions)(
    "a second account that a superseded runner makes is deleted, and told as that one",
    async () => {
      const target = await open();
      await withSurplus(target);
      const [link] = await target.links.get("directory", ["0"]);
      const outcomes = await follow(scripted([]), target, { now: later });
      const [deleted] = outcomes.flatMap((outcome) =>
        outcome.kind === "deleted" ? [outcome] : [],
      );
      expect(deleted).toMatchObject({ sourceId: "0", name: "ann" });
      expect(deleted?.resourceId).not.toBe(link?.resourceId);
      expect((await application(target)).users).toEqual({ anna: "active" });
    },
  );

  test.skipIf(transactions).each([
    ["has gone by then", new NotFoundError("x"), []],
    ["cannot be deleted is disabled", new InvalidValueError("id", "No."), ["deactivated ann"]],
    [
      "cannot be reached is deleted later",
      new UnavailableError("down"),
      ["waiting", "deleted ann"],
    ],
  ] as const)("a second account that %s", async (_, error, expected) => {
    const target = await open();
    await withSurplus(target);
    const done = await apply(failing(target, error), [], { now: later });
    expect(done).toEqual(expected);
    const position = await target.checkpoints.load("directory");
    expect(position).not.toHaveProperty("unconfirmed");
  });

  test("who leaves a group that was deleted in the application has nothing more to wait for", async () => {
    const target = await open();
    await apply(target, refresh([named("ann"), team("g", "staff", [dn("cn=ann")])]));
    await target.groups.delete(await groupNamed(target, "staff"));
    const done = await apply(target, [live([gone("0")])]);
    expect(done).toEqual(["deactivated ann", "ann out of staff"]);
    expect(await target.links.list("directory", { dirty: true }, { count: 1 })).toEqual([]);
  });

  test.skipIf(transactions)(
    "a group that a superseded runner puts into another one too late leaves it again",
    async () => {
      const target = await open();
      const sub = team("s", "sub", []);
      const all = (...members: readonly string[]) =>
        team(
          "g",
          "all",
          members.map((name) => dn(`cn=${name}`)),
        );
      await apply(target, refresh([sub, all()]));
      const elder = apply(
        underWay(target, "groups", () => apply(target, refresh([sub, all()]))),
        [live([all("sub")])],
      );
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).groups).toEqual({ all: ["sub"], sub: [] });
      await apply(target, [], { now: later });
      expect((await application(target)).groups).toEqual({ all: [], sub: [] });
      expect(await groupNamed(target, "sub")).toBeDefined();
    },
  );

  test.skipIf(transactions)(
    "a group that a superseded runner takes out of another one too late comes into it again",
    async () => {
      const target = await open();
      const sub = team("s", "sub", []);
      const all = (...members: readonly string[]) =>
        team(
          "g",
          "all",
          members.map((name) => dn(`cn=${name}`)),
        );
      await apply(target, refresh([sub, all("sub")]));
      const elder = apply(
        underWay(target, "groups", () => apply(target, refresh([sub, all("sub")]))),
        [live([all()])],
      );
      await expect(elder).rejects.toBeInstanceOf(StreamTakenError);
      expect((await application(target)).groups).toEqual({ all: [], sub: [] });
      await apply(target, [], { now: later });
      expect((await application(target)).groups).toEqual({ all: ["sub"], sub: [] });
    },
  );
});
