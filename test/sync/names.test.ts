import { expect, test } from "vitest";
import { application, onEveryTarget, type Target, userNamed } from "./stores.js";
import { apply, dn, gone, live, person, refresh, refused, team, uid } from "./streams.js";

/** The id of each person's account, by what the account was first called. */
async function idsOf(target: Target, ...names: string[]): Promise<string[]> {
  return await Promise.all(names.map(async (name) => (await userNamed(target, name)).id));
}

onEveryTarget(({ open }) => {
  test("a name changes hands within a batch, in either order", async () => {
    for (const order of [0, 1]) {
      const target = await open();
      await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
      const ids = await idsOf(target, "ann", "bob");
      const changes = [person("1", "anna"), person("2", "ann")];
      await apply(target, [live(order === 0 ? changes : changes.reverse())]);
      expect(await idsOf(target, "anna", "ann")).toEqual(ids);
    }
  });

  test("a name changes hands over two batches, the taker first", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const ids = await idsOf(target, "ann", "bob");
    const done = await apply(target, [live([person("2", "ann")]), live([person("1", "anna")])]);
    expect(done).toEqual(["deferred ann: uniqueness", "renamed ann to anna", "renamed bob to ann"]);
    expect(await idsOf(target, "anna", "ann")).toEqual(ids);
  });

  test.for(["one batch", "batch by batch"])("two swap their names, %s", async (how) => {
    const target = await open();
    const groups = [team("g", "staff", [dn("cn=ann")]), team("h", "board", [dn("cn=bob")])];
    await apply(target, refresh([person("1", "ann"), person("2", "bob"), ...groups]));
    const ids = await idsOf(target, "ann", "bob");
    const changes = [person("1", "bob"), person("2", "ann")];
    await apply(
      target,
      how === "one batch" ? [live(changes)] : changes.map((change) => live([change])),
    );
    expect(await idsOf(target, "bob", "ann")).toEqual(ids);
    // The groups still state the names, and the names are other people's now.
    expect((await application(target)).groups).toEqual({ staff: ["ann"], board: ["bob"] });
  });

  test.for(["snapshot", "live"] as const)(
    "five pass their names round in a circle (%s)",
    async (how) => {
      const target = await open();
      const names = ["a", "b", "c", "d", "e"];
      await apply(target, refresh(names.map((name) => person(name, name))));
      const ids = await idsOf(target, ...names);
      const round = names.map((name, index) => person(name, names[(index + 1) % 5] as string));
      await apply(target, how === "live" ? round.map((change) => live([change])) : refresh(round));
      expect(await idsOf(target, "b", "c", "d", "e", "a")).toEqual(ids);
      expect(Object.keys((await application(target)).users)).toHaveLength(5);
    },
  );

  test("a chain of names moves up as soon as its end is free", async () => {
    const target = await open();
    const names = ["a", "b", "c", "d"];
    await apply(target, refresh(names.map((name) => person(name, name))));
    const ids = await idsOf(target, ...names);
    await apply(target, [
      live([person("a", "b")]),
      live([person("b", "c")]),
      live([person("c", "d")]),
      live([person("d", "e")]),
    ]);
    expect(await idsOf(target, "b", "c", "d", "e")).toEqual(ids);
  });

  test("a name of somebody who left is used again: the old account steps aside", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    const [old] = await idsOf(target, "ann");
    const done = await apply(target, [live([gone("1")]), live([person("2", "ann")])]);
    expect(done).toContain(`renamed ann to ann~${old}`);
    expect(await application(target)).toEqual({
      users: { [`ann~${old}`]: "inactive", ann: "active" },
      groups: { staff: ["ann"] },
    });
    // The first returns under another name, to the account that was hers.
    await apply(target, [live([person("1", "anna")])]);
    expect(await idsOf(target, "anna")).toEqual([old]);
  });

  test("a name of somebody who left is refused where that is wanted, until a person frees it", async () => {
    const target = await open();
    let now = 0;
    const options = { namesOfGone: "refuse", now: () => now } as const;
    await apply(target, refresh([person("1", "ann")]), options);
    const { id } = await userNamed(target, "ann");
    const done = await apply(target, [live([gone("1")]), live([person("2", "ann")])], options);
    expect(done.at(-1)).toBe("deferred ann: uniqueness");
    expect((await application(target)).users).toEqual({ ann: "inactive" });
    expect((await refused(target)).map(({ failure }) => failure.message)).toEqual([
      'The name "ann" is that of an account whose person is gone: rename that one first.',
    ]);

    await target.users.modify(id, { set: { userName: "ann.before" } });
    now = 3_600_000;
    await apply(target, [live([])], options);
    expect((await application(target)).users).toEqual({ "ann.before": "inactive", ann: "active" });
  });

  test("the same DN and uid with a new id is somebody new, who inherits nothing that is not stated", async () => {
    const target = await open();
    await apply(
      target,
      refresh([
        person("1", "ann"),
        team("g", "by id", [{ kind: "id", key: "1" }]),
        team("h", "by dn", [dn("cn=ann")]),
      ]),
    );
    const [old] = await idsOf(target, "ann");
    await apply(
      target,
      refresh([
        person("2", "ann"),
        team("g", "by id", [{ kind: "id", key: "1" }]),
        team("h", "by dn", [dn("cn=ann")]),
      ]),
    );
    const { users, groups } = await application(target);
    expect(users).toEqual({ ann: "active", [`ann~${old}`]: "inactive" });
    expect(groups).toEqual({ "by id": [], "by dn": ["ann"] });
    expect(await idsOf(target, "ann")).not.toEqual([old]);
  });

  test("a refused name that becomes free because its holder is deleted is given at once", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    await apply(target, [live([person("2", "ann")])]);
    await apply(target, [live([gone("1")])], { onDelete: "delete" });
    expect((await application(target)).users).toEqual({ ann: "active" });
  });

  test("two new entries of a batch want one name: the second does not adopt the account of the first", async () => {
    const target = await open();
    const match = { users: "userName" } as const;
    const done = await apply(target, [live([person("1", "ann"), person("2", "ann")])], { match });
    expect(done).toEqual(["created ann", "deferred ann: uniqueness"]);
    expect(await refused(target)).toMatchObject([{ sourceId: "2", failure: { blocker: "1" } }]);
    await apply(target, [live([gone("1")])], { match, onDelete: "delete" });
    expect((await application(target)).users).toEqual({ ann: "active" });
  });

  test("a name is known to be taken by an entry of the same batch", async () => {
    const target = await open();
    await apply(target, refresh([person("2", "bob")]));
    const renamed = person("2", "ann", { resource: { active: false } });
    const done = await apply(target, [live([person("1", "ann"), renamed])]);
    expect(done).toEqual(["created ann", "deactivated bob", "deferred ann: uniqueness"]);
    expect(await refused(target)).toMatchObject([{ sourceId: "2", failure: { blocker: "1" } }]);
  });

  test("names differ in case only where the application says so", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    expect(await apply(target, [live([person("2", "ANN")])])).toEqual(["deferred ANN: uniqueness"]);
    expect(await apply(target, [live([person("1", "Ann")])])).toContain("renamed ann to Ann");
  });

  test("a group renamed to the name of another where the application wants them different waits", async () => {
    const target = await open({ uniqueDisplayName: true });
    await apply(target, refresh([team("g", "staff", []), team("h", "board", [])]));
    await apply(target, [live([team("g", "board", [])])]);
    expect(Object.keys((await application(target)).groups).sort()).toEqual(["board", "staff"]);
    await apply(target, [live([team("h", "council", [])])]);
    expect(Object.keys((await application(target)).groups).sort()).toEqual(["board", "council"]);
  });
});
