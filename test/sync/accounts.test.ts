import type { ChangeStream } from "concordat/changes";
import { expect, test } from "vitest";
import { application, groupNamed, interferedWith, onEveryTarget, userNamed } from "./stores.js";
import {
  apply,
  follow,
  gone,
  live,
  partOfPerson,
  person,
  refresh,
  refused,
  team,
  uid,
} from "./streams.js";

onEveryTarget(({ open }) => {
  test("people and groups of a first refresh are created", async () => {
    const target = await open();
    const done = await apply(
      target,
      refresh([
        person("1", "ann"),
        person("2", "bob", { resource: { active: false } }),
        team("g", "staff", [uid("ann")]),
      ]),
    );
    expect(done).toEqual(["created ann", "created bob", "created staff", "ann into staff"]);
    expect(await application(target)).toEqual({
      users: { ann: "active", bob: "inactive" },
      groups: { staff: ["ann"] },
    });
  });

  test("what was applied before is not applied again", async () => {
    const target = await open();
    const batches = refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]);
    await apply(target, batches);
    expect(await apply(target, batches)).toEqual([]);
    expect(await apply(target, [live([person("1", "ann", { stamp: "2" })])])).toEqual([]);
  });

  test("an account that was there is adopted where names are to match, and is never deleted", async () => {
    const target = await open();
    await target.users.create({ userName: "Ann", title: "Dr" });
    const match = { users: "userName" } as const;
    const done = await apply(
      target,
      refresh([person("1", "ann", { resource: { displayName: "A" } })]),
      {
        match,
      },
    );
    expect(done).toEqual(["adopted Ann", "renamed Ann to ann"]);
    expect(await userNamed(target, "ann")).toMatchObject({ title: "Dr", displayName: "A" });
    expect(await apply(target, [live([gone("1")])], { match, onDelete: "delete" })).toEqual([
      "deactivated ann",
    ]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("an adopted account that was blocked stays blocked", async () => {
    const target = await open();
    await target.users.create({ userName: "ann", active: false });
    await apply(target, refresh([person("1", "ann")]), { match: { users: "userName" } });
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("an adopted account of somebody whom the directory disables is disabled", async () => {
    const target = await open();
    await target.users.create({ userName: "ann" });
    const done = await apply(
      target,
      refresh([person("1", "ann", { resource: { active: false } })]),
      {
        match: { users: "userName" },
      },
    );
    expect(done).toEqual(["adopted ann", "deferred ann: adopted", "deactivated ann"]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test.for([true, false])(
    "a group that was there is adopted where names are to match (unique names: %s)",
    async (uniqueDisplayName) => {
      const target = await open({ uniqueDisplayName });
      const group = await target.groups.create({ displayName: "staff" });
      const done = await apply(
        target,
        refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]),
        { match: { groups: "displayName" } },
      );
      expect(done).toEqual(["created ann", "adopted staff", "ann into staff"]);
      expect((await target.groups.find({})).totalResults).toBe(1);
      await apply(target, [live([gone("g")])], { onDelete: "delete" });
      expect(await groupNamed(target, "staff")).toBe(group.id);
      expect((await application(target)).groups).toEqual({ staff: [] });
    },
  );

  test("a local account is a conflict for a person where names are not to match", async () => {
    const target = await open();
    const local = await target.users.create({ userName: "ann", title: "local" });
    expect(await apply(target, [live([person("1", "ann")])])).toEqual(["deferred ann: unlinked"]);
    expect(await userNamed(target, "ann")).toEqual(local);
    expect(await refused(target)).toMatchObject([{ sourceId: "1", failure: { code: "unlinked" } }]);
  });

  test("an account of another source is never taken over", async () => {
    const target = await open();
    const match = { users: "userName" } as const;
    await apply(target, refresh([person("1", "ann", { resource: { title: "HR" } })]), {
      source: "hr",
    });
    const done = await apply(target, [live([person("x", "ann")])], { match });
    expect(done).toEqual(["deferred ann: uniqueness"]);
    expect(await userNamed(target, "ann")).toMatchObject({ title: "HR" });
    // It stays where it is even when its own source has let it go: the tombstone keeps the account.
    await apply(target, [live([gone("1")])], { source: "hr" });
    await apply(target, refresh([person("x", "ann")]), { match });
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("attributes that the source does not manage stay, and those without a value are cleared", async () => {
    const target = await open();
    await apply(
      target,
      refresh([person("1", "ann", { resource: { title: "Dr", nickName: "Annie" } })]),
    );
    const { id } = await userNamed(target, "ann");
    await target.users.modify(id, { set: { locale: "de" } });
    await apply(target, [
      live([person("1", "ann", { resource: { title: "Prof", nickName: null } })]),
    ]);
    const user = await userNamed(target, "ann");
    expect(user).toMatchObject({ id, title: "Prof", locale: "de" });
    expect(user).not.toHaveProperty("nickName");
  });

  test("a renamed person keeps the account", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const { id } = await userNamed(target, "ann");
    expect(await apply(target, [live([person("1", "anna")])])).toEqual(["renamed ann to anna"]);
    expect((await userNamed(target, "anna")).id).toBe(id);
  });

  test("somebody who leaves is deactivated, and reactivated on return", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const { id } = await userNamed(target, "ann");
    expect(await apply(target, [live([gone("1")])])).toEqual(["deactivated ann"]);
    expect(await apply(target, [live([person("1", "ann")])])).toEqual(["reactivated ann"]);
    expect(await userNamed(target, "ann")).toMatchObject({ id, active: true });
  });

  test("somebody who leaves is deleted where that is wanted, and is somebody new on return", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    const { id } = await userNamed(target, "ann");
    const onDelete = "delete";
    expect(await apply(target, [live([gone("1")])], { onDelete })).toContain("deleted ann");
    expect(await application(target)).toEqual({ users: {}, groups: { staff: [] } });
    expect(await apply(target, [live([person("1", "ann")])], { onDelete })).toEqual([
      "created ann",
      "ann into staff",
    ]);
    expect((await userNamed(target, "ann")).id).not.toBe(id);
  });

  test("a group that goes loses our members and stays, or is deleted where that is wanted", async () => {
    const target = await open();
    const first = refresh([
      person("1", "ann"),
      team("g", "staff", [uid("ann")]),
      team("h", "board", [uid("ann")]),
    ]);
    await apply(target, first);
    expect(await apply(target, [live([gone("g")])])).toEqual([
      "ann out of staff",
      "released staff",
    ]);
    await apply(target, [live([gone("h")])], { onDelete: "delete" });
    expect((await application(target)).groups).toEqual({ staff: [] });
  });

  test("only what this source disabled is enabled again", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const { id } = await userNamed(target, "ann");
    await target.users.modify(id, { set: { active: false } });
    await apply(target, [
      live([person("1", "ann", { resource: { active: false } })]),
      live([person("2", "bob", { resource: { active: false } })]),
      live([person("1", "ann", { resource: { title: "back" } })]),
      live([person("2", "bob", { resource: { title: "back" } })]),
    ]);
    expect((await application(target)).users).toEqual({ ann: "inactive", bob: "active" });
  });

  test("a local block survives leaving and coming back", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const { id } = await userNamed(target, "ann");
    await target.users.modify(id, { set: { active: false } });
    await apply(target, [live([gone("1")]), live([person("1", "ann")])]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("somebody whom the directory keeps disabled is disabled again when the entry changes", async () => {
    const target = await open();
    const disabled = { active: false };
    await apply(target, refresh([person("1", "ann", { resource: disabled })]));
    const { id } = await userNamed(target, "ann");
    await target.users.modify(id, { set: { active: true } });
    await apply(target, [live([person("1", "ann", { resource: { ...disabled, title: "Dr" } })])]);
    expect(await userNamed(target, "ann")).toMatchObject({ active: false, title: "Dr" });
  });

  test("a part of an entry that does not speak of activity does not enable the account", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann", { resource: { active: false } })]));
    await apply(target, [live([partOfPerson("1", { title: "Dr" })])]);
    expect(await userNamed(target, "ann")).toMatchObject({ active: false, title: "Dr" });
    await apply(target, [live([partOfPerson("1", { active: true })])]);
    expect(await userNamed(target, "ann")).toMatchObject({ active: true, title: "Dr" });
  });

  test("an account that was deleted behind our back is created anew, with its memberships", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    await target.groups.changeMembers(await groupNamed(target, "staff"), {
      remove: [{ value: (await userNamed(target, "ann")).id }],
    });
    await target.users.delete((await userNamed(target, "ann")).id);
    const done = await apply(target, [live([person("1", "ann", { resource: { title: "Dr" } })])]);
    expect(done).toEqual(["created ann", "ann into staff"]);
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
  });

  test("a part of an entry whose account was deleted behind our back makes it again, whole", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    await target.groups.changeMembers(await groupNamed(target, "staff"), {
      remove: [{ value: (await userNamed(target, "ann")).id }],
    });
    await target.users.delete((await userNamed(target, "ann")).id);
    const whole = person("1", "ann", { resource: { userName: "ann", title: "Head" } });
    const reads: (string | undefined)[] = [];
    const stream: ChangeStream = {
      source: "directory",
      async *read({ after } = {}) {
        reads.push(after);
        // A part alone makes no account; whoever asks from the start is told everything.
        if (after === undefined) yield* refresh([whole, team("g", "staff", [uid("ann")])]);
        else yield live([partOfPerson("1", { title: "Head" })], "1");
      },
    };
    await follow(stream, target);
    expect(reads).toEqual(["refreshed", undefined]);
    expect(await application(target)).toEqual({
      users: { ann: "active" },
      groups: { staff: ["ann"] },
    });
    expect(await userNamed(target, "ann")).toMatchObject({ title: "Head" });
  });

  test("a group that was deleted behind our back is created anew, with its members", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    await target.groups.delete(await groupNamed(target, "staff"));
    await apply(target, [live([team("g", "the staff", [uid("ann")])])]);
    expect((await application(target)).groups).toEqual({ "the staff": ["ann"] });
    // Nothing but a new member tells of the second time.
    await target.groups.delete(await groupNamed(target, "the staff"));
    await apply(target, [
      live([person("2", "bob"), team("g", "the staff", [uid("ann"), uid("bob")])]),
    ]);
    expect((await application(target)).groups).toEqual({ "the staff": ["ann", "bob"] });
  });

  test("an account that is gone already does not hinder the entry's removal", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    await target.users.delete((await userNamed(target, "ann")).id);
    expect(await apply(target, [live([gone("1")])])).toEqual([]);
    expect(await refused(target)).toEqual([]);
  });

  test("an account that another source has begun to create is not adopted", async () => {
    const target = await open();
    await target.users.create({ userName: "ann" });
    await target.links.save("hr", [
      {
        sourceId: "x",
        type: "User",
        state: "entering",
        adopted: false,
        seen: 1,
        disabledByUs: false,
        dirty: true,
        intent: { name: "Ann" },
      },
    ]);
    const match = { users: "userName" } as const;
    expect(await apply(target, [live([person("1", "ann")])], { match })).toEqual([
      "deferred ann: uniqueness",
    ]);
  });

  test("a deleted entry is remembered until a later refresh, and for ever while its account is kept", async () => {
    for (const [onDelete, kept] of [
      ["delete", 0],
      ["deactivate", 1],
    ] as const) {
      const target = await open();
      const tombstones = (): Promise<number> =>
        target.links.count("directory", { states: ["gone"] });
      await apply(target, refresh([person("1", "ann")]));
      await apply(target, refresh([]), { onDelete });
      expect(await tombstones()).toBe(1);
      await apply(target, refresh([]), { onDelete });
      expect(await tombstones()).toBe(kept);
    }
  });

  test("whatever a refresh did not mention is swept", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    expect(await apply(target, refresh([person("2", "bob")]))).toEqual(["deactivated ann"]);
  });

  test("a refresh without a sweep removes nobody", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    await apply(target, refresh([person("2", "bob")], { swept: false }));
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("entries that turn from people into groups, as a wrong profile makes them, cost nobody an account", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const mistyped = [team("1", "ann", []), team("2", "bob", [])];
    expect(await apply(target, [live(mistyped), ...refresh(mistyped)])).toEqual(
      expect.arrayContaining(["deferred ann: conflict", "deferred bob: conflict"]),
    );
    expect(await application(target)).toEqual({
      users: { ann: "active", bob: "active" },
      groups: {},
    });
    expect(await refused(target)).toHaveLength(2);
    await apply(target, refresh([person("1", "anne"), person("2", "bob")]));
    expect((await application(target)).users).toEqual({ anne: "active", bob: "active" });
    expect(await refused(target)).toEqual([]);
  });

  test("groups are ignored where the application has none", async () => {
    const target = await open({ groups: false });
    const batches = [
      ...refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]),
      live([team("g", "board", [])]),
      live([gone("g")]),
    ];
    expect(await apply(target, batches)).toEqual(["created ann"]);
    expect(await refused(target)).toEqual([]);
  });

  test("a password in a foreign stream reaches nothing", async () => {
    const target = await open();
    const written: unknown[] = [];
    const watched = interferedWith(target, { before: (call) => void written.push(call) });
    const secret = { password: "correct horse" };
    await target.users.create({ userName: "bob" });
    await apply(watched, [
      ...refresh([
        person("1", "ann", { resource: secret }),
        person("2", "bob", { resource: secret }),
      ]),
      live([partOfPerson("2", secret), partOfPerson("1", secret)]),
    ]);
    expect(JSON.stringify(written)).not.toContain("correct horse");
  });

  test.for(["__proto__", "constructor", "toString", "o\"'; DROP TABLE users; --", "a b"])(
    "the name %j is a name like any other",
    async (name) => {
      const target = await open();
      const batches = [
        ...refresh([
          person(name, name),
          team(`${name} group`, name, [uid(name)]),
          person("2", "bob", { names: [{ kind: "dn", key: `cn=${name}` }] }),
        ]),
        live([person(name, `${name}2`)]),
      ];
      await apply(target, batches);
      expect(Object.entries((await application(target)).users).sort()).toEqual(
        [
          [`${name}2`, "active"],
          ["bob", "active"],
        ].sort(),
      );
      expect(Object.entries((await application(target)).groups)).toEqual([[name, [`${name}2`]]]);
      await apply(target, [live([gone(name), gone(`${name} group`)])], { onDelete: "delete" });
      expect(await application(target)).toEqual({ users: { bob: "active" }, groups: {} });
    },
  );

  test("attributes named like those of objects do no harm", async () => {
    const target = await open();
    const resource = JSON.parse(
      '{ "userName": "ann", "__proto__": { "title": "polluted" }, "constructor": { "prototype": {} } }',
    );
    await apply(target, refresh([person("1", "ann", { resource })]));
    // A store may refuse attributes that it has no place for.
    const { resources } = await target.users.find({});
    expect(resources.map((user) => user.title)).toEqual(resources.map(() => undefined));
    expect(({} as { title?: string }).title).toBeUndefined();
  });

  test("names with NUL are applied or refused, and spoil nothing else", async () => {
    const target = await open();
    const name = "nul\u0000nul";
    const all = [
      person(name, name),
      team("g\u0000", name, [uid(name), uid("bob")]),
      person("2", "bob"),
    ];
    await apply(target, [...refresh(all), live([gone(name), gone("g\u0000")])], {
      onDelete: "delete",
    });
    expect(await application(target)).toEqual({ users: { bob: "active" }, groups: {} });
  });
});
