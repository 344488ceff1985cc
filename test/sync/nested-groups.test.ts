import { expect, test } from "vitest";
import { groupsOf, onEveryTarget } from "./stores.js";
import { apply, dn, gone, live, membersOf, person, refresh, team } from "./streams.js";

onEveryTarget(({ open }) => {
  test("a group in a group is a member of it, also when it comes later", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "all", [dn("cn=staff")])]));
    await apply(target, [live([team("h", "staff", [dn("cn=ann")])])]);
    expect(await groupsOf(target)).toEqual({ all: ["staff"], staff: ["ann"] });
    await apply(target, [live([gone("h")])], { onDelete: "delete" });
    expect(await groupsOf(target)).toEqual({ all: [] });
  });

  test("nested groups, flattened: everybody below is a member, however deep, round circles too", async () => {
    const target = await open();
    const nested = "flatten";
    await apply(
      target,
      refresh([
        team("a", "A", [dn("cn=B")]),
        team("b", "B", [dn("cn=C"), dn("cn=bob")]),
        team("c", "C", [dn("cn=A"), dn("cn=ann")]),
        person("1", "ann"),
        person("2", "bob"),
      ]),
      { nested },
    );
    const everybody = ["ann", "bob"];
    expect(await groupsOf(target)).toEqual({ A: everybody, B: everybody, C: everybody });
    // The circle is cut: C is no longer above anybody but ann.
    await apply(target, [live([team("c", "C", [dn("cn=ann")])])], { nested });
    expect(await groupsOf(target)).toEqual({ A: everybody, B: everybody, C: ["ann"] });
  });

  test("nested groups, flattened: an edge deep in the hierarchy changes", async () => {
    const target = await open();
    const nested = "flatten";
    const levels = ["A", "B", "C", "D"].map((name, index, all) =>
      team(name, name, index === 3 ? [dn("cn=ann"), dn("cn=bob")] : [dn(`cn=${all[index + 1]}`)]),
    );
    await apply(target, refresh([person("1", "ann"), person("2", "bob"), ...levels]), { nested });
    const everybody = ["ann", "bob"];
    expect(await groupsOf(target)).toEqual({
      A: everybody,
      B: everybody,
      C: everybody,
      D: everybody,
    });
    await apply(target, [live([team("B", "B", [dn("cn=ann")])])], { nested });
    expect(await groupsOf(target)).toEqual({ A: ["ann"], B: ["ann"], C: everybody, D: everybody });
    await apply(target, [live([team("B", "B", [dn("cn=C")])])], { nested });
    await apply(target, [live([gone("D")])], { nested, onDelete: "delete" });
    expect(await groupsOf(target)).toEqual({ A: [], B: [], C: [] });
  });

  test("nested groups, flattened: a deleted group between removes no member who stays otherwise", async () => {
    const target = await open();
    const nested = "flatten";
    await apply(
      target,
      refresh([
        person("1", "ann"),
        person("2", "bob"),
        team("a", "A", [dn("cn=B"), dn("cn=ann")]),
        team("b", "B", [dn("cn=ann"), dn("cn=bob")]),
      ]),
      { nested },
    );
    await apply(
      target,
      refresh([person("1", "ann"), person("2", "bob"), team("a", "A", [dn("cn=B"), dn("cn=ann")])]),
      {
        nested,
      },
    );
    expect(await groupsOf(target)).toEqual({ A: ["ann"], B: [] });
  });

  test.for([
    ["keep", "flatten"],
    ["flatten", "keep"],
  ] as const)(
    "the choice of %s becomes %s with the next whole refresh",
    async ([before, after]) => {
      const target = await open();
      const all = refresh([
        person("1", "ann"),
        team("a", "A", [dn("cn=B")]),
        team("b", "B", [dn("cn=ann")]),
      ]);
      const expected = { keep: { A: ["B"], B: ["ann"] }, flatten: { A: ["ann"], B: ["ann"] } };
      await apply(target, all, { nested: before });
      expect(await groupsOf(target)).toEqual(expected[before]);
      await apply(target, all, { nested: after });
      expect(await groupsOf(target)).toEqual(expected[after]);
    },
  );

  test("a group that means nobody by some name is put into another one by a later run", async () => {
    const target = await open();
    await apply(target, refresh([team("g", "inner", [dn("cn=nobody")]), team("h", "outer", [])]));
    const change = [live([membersOf("h", { add: [dn("cn=inner")] })])];
    expect(await apply(target, change)).toContain("inner into outer");
    expect(await groupsOf(target)).toEqual({ inner: [], outer: ["inner"] });
  });
});
