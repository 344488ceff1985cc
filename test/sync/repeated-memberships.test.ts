import { UnsupportedError } from "concordat";
import { expect, test } from "vitest";
import { groupsOf, interferedWith, onEveryTarget } from "./stores.js";
import {
  apply,
  dn,
  follow,
  live,
  membersOf,
  person,
  present,
  refresh,
  scripted,
  team,
  uid,
} from "./streams.js";

onEveryTarget(({ open, transactions }) => {
  test("after a refusal, memberships that were made are not made again", async () => {
    const target = await open();
    const written: string[] = [];
    const strict = interferedWith(target, {
      before: ({ store, method, args }) => {
        const text = JSON.stringify(args);
        if (store === "groups" && method === "write" && text.includes('"members"')) {
          written.push(text);
        }
      },
      refuse: ({ store, method, args }) =>
        store === "groups" &&
        method === "write" &&
        /"add":\[[^\]]*"type":"Group"/.test(JSON.stringify(args))
          ? new UnsupportedError("There are no groups in groups.")
          : undefined,
    });
    const done = await apply(
      strict,
      refresh([
        person("1", "ann"),
        person("2", "bob"),
        team("g", "staff", [uid("ann"), uid("bob")]),
        team("h", "crew", [{ kind: "id", key: "g" }]),
      ]),
    );
    expect(done).toContain("ann into staff");
    expect(done).toContain("bob into staff");
    expect(done).toContain("deferred staff and crew: unsupported");
    // In a transaction, what was made was undone.
    const count = written.filter((text) => text.includes('"User"')).length;
    expect(count).toBe(transactions ? 3 : 1);
  });

  test("a member whose name is stated once more keeps what it meant, though nobody has it now", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    await apply(target, [live([person("1", "anna")])]);
    await apply(target, [live([membersOf("g", { add: [dn("cn=ann")] })])]);
    await apply(target, [live([person("1", "anne")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["anne"] });
  });

  test("a group is not read again for a member who has had the name since before the last comparison", async () => {
    const target = await open();
    const ann = person("1", "ann");
    await apply(target, refresh([ann, team("g", "staff", [])]));
    await apply(target, refresh([present("1", "g")], { phase: "reconcile" }));
    const asked: string[] = [];
    const reread = async (ids: readonly string[]) => {
      asked.push(...ids);
      return [];
    };
    const joined = live([team("g", "staff", [dn("cn=ann")])]);
    await follow({ ...scripted([joined]), reread }, target);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    expect(asked).toEqual([]);
  });
});
