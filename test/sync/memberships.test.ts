import { expect, test } from "vitest";
import {
  application,
  groupNamed,
  groupsOf,
  interferedWith,
  onEveryTarget,
  type Target,
  userNamed,
} from "./stores.js";
import {
  apply,
  dn,
  gone,
  id,
  live,
  membersOf,
  partOfPerson,
  person,
  present,
  refresh,
  sweep,
  team,
  uid,
} from "./streams.js";

onEveryTarget(({ open }) => {
  test.for([dn("cn=ann"), uid("ann"), id("1")])(
    "a group that comes before its members has them when they come, by %o",
    async (name) => {
      const target = await open();
      expect(await apply(target, refresh([team("g", "staff", [name])]))).toEqual(["created staff"]);
      const done = await apply(target, [live([person("1", "ann")])]);
      expect(done).toEqual(["created ann", "ann into staff"]);
      expect(await apply(target, [live([gone("1")])])).toEqual([
        "deactivated ann",
        "ann out of staff",
      ]);
    },
  );

  test("a rename, refint on: the binding is kept until the group states the new name", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    expect(await apply(target, [live([person("1", "anna")])])).toEqual(["renamed ann to anna"]);
    expect(await apply(target, [live([team("g", "staff", [dn("cn=anna")])])])).toEqual([]);
    expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
  });

  test("a group in a refresh means nobody who had the name before and has another one at the end", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    // Somebody else had become "ann", and was deleted before it could be told.
    const changes = [team("g", "staff", [dn("cn=ann"), uid("bob")]), person("1", "anna")];
    await apply(target, refresh([...changes, present("2")]));
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
  });

  test("a group that a refresh tells long before whoever gave a name up means them no more", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const stated = team("g", "staff", [dn("cn=ann"), uid("bob")]);
    await apply(target, [
      { phase: "snapshot", refresh: "begins", changes: [] },
      { phase: "snapshot", refresh: "continues", changes: [stated] },
      { phase: "snapshot", refresh: "continues", changes: [person("1", "anna")] },
      { phase: "snapshot", refresh: "ends", changes: [present("2"), sweep], checkpoint: "again" },
    ]);
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
  });

  test("a rename, refint off, kept: until the group changes", async () => {
    const target = await open();
    const members = [dn("cn=ann"), dn("cn=bob")];
    await apply(
      target,
      refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", members)]),
    );
    await apply(target, [live([person("1", "anna")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["anna", "bob"] });
    await apply(
      target,
      refresh([person("1", "anna"), person("2", "bob"), team("g", "staff", members)]),
    );
    expect(await groupsOf(target)).toEqual({ staff: ["anna", "bob"] });
    await apply(target, [live([team("g", "staff", [dn("cn=bob")])])]);
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
  });

  test("a rename, refint off, kept: until somebody else takes the name", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    await apply(target, [live([person("1", "anna")])]);
    await apply(target, [live([person("2", "ann")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    expect(Object.keys((await application(target)).users).sort()).toEqual(["ann", "anna"]);
  });

  test("a rename, refint off, dropped: the group states a name that nobody has", async () => {
    const target = await open();
    const dangling = "drop";
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]), {
      dangling,
    });
    await apply(target, [live([person("1", "anna")])], { dangling });
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(target, [live([person("1", "ann")])], { dangling });
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("a rename that comes when the group has been told of it already", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    await apply(target, [live([team("g", "staff", [dn("cn=anna")])])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(target, [live([person("1", "anna")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
  });

  test("a renamed parent gives its children other names without an event of theirs", async () => {
    const target = await open();
    const there = (names: readonly string[]) =>
      person("1", "ann", { names: names.map((name) => dn(name)), stamp: "5" });
    await apply(
      target,
      refresh([
        there(["cn=ann,ou=old"]),
        team("g", "staff", [dn("cn=ann,ou=new")], { stamp: "5" }),
      ]),
    );
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(
      target,
      refresh(
        [
          present(
            { sourceId: "1", names: [dn("cn=ann,ou=new")], stamp: "5" },
            { sourceId: "g", stamp: "5" },
          ),
        ],
        { phase: "reconcile" },
      ),
    );
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    // The entry itself, as it was before, is a change again.
    await apply(target, refresh([there(["cn=ann,ou=old"]), present("g")]), { dangling: "drop" });
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("names of an entry that is present in an older version are not taken", async () => {
    const target = await open();
    await apply(
      target,
      refresh([person("1", "ann", { stamp: "5" }), team("g", "staff", [dn("cn=ann")])]),
    );
    const stale = { sourceId: "1", names: [dn("cn=elsewhere")], stamp: "4" };
    await apply(target, refresh([present(stale, "g")], { phase: "reconcile" }), {
      dangling: "drop",
    });
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("somebody who leaves the filter and returns is in the groups again", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    const { id: before } = await userNamed(target, "ann");
    expect(await apply(target, [live([gone("1")])])).toEqual([
      "deactivated ann",
      "ann out of staff",
    ]);
    expect(await apply(target, [live([person("1", "ann")])])).toEqual([
      "reactivated ann",
      "ann into staff",
    ]);
    expect((await userNamed(target, "ann")).id).toBe(before);
  });

  test("somebody who leaves and returns by another name is in no group that states the old one", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    await apply(target, [live([gone("1")]), live([person("1", "anna")])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("a group that leaves and returns has its members again", async () => {
    const target = await open();
    const staff = team("g", "staff", [dn("cn=ann")]);
    await apply(target, refresh([person("1", "ann"), staff]));
    await apply(target, [live([gone("g")])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(target, [live([staff])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("a group that goes and returns within one batch has its members", async () => {
    const target = await open();
    const staff = team("g", "staff", [dn("cn=ann")]);
    await apply(target, refresh([person("1", "ann"), staff]));
    await apply(target, [live([gone("g"), { ...staff, stamp: "2" }])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    await apply(target, [live([gone("g"), team("g", "board", [dn("cn=ann")])])]);
    expect(await groupsOf(target)).toEqual({ board: ["ann"] });
  });

  test("a group that comes several times in a batch ends as it was stated last", async () => {
    const target = await open();
    const first = team("g", "staff", [dn("cn=ann")]);
    const people = [person("1", "ann"), person("2", "bob")];
    await apply(target, refresh([...people, team("g", "staff", [])]));
    await apply(target, [live([first, team("g", "staff", [dn("cn=bob")]), first])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("members come and go one by one", async () => {
    const target = await open();
    const people = [person("1", "ann"), person("2", "bob"), person("3", "cleo")];
    await apply(target, refresh([...people, team("g", "staff", [uid("ann"), uid("bob")])]));
    const done = await apply(target, [
      live([
        membersOf("g", { add: [uid("cleo"), uid("ann")], remove: [uid("bob"), uid("nobody")] }),
      ]),
    ]);
    expect(done).toEqual(["updated staff", "bob out of staff", "cleo into staff"]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann", "cleo"] });
  });

  test("one member of a large group changes, and the application's list of members is never read", async () => {
    const target = await open();
    const count = 1_200;
    const people = Array.from({ length: count }, (_, index) => person(`${index}`, `p${index}`));
    const members = people.map(({ sourceId }) => id(sourceId));
    const listed: string[] = [];
    const watched = interferedWith(target, {
      before: ({ store, method, args }) => {
        if (store !== "groups") return;
        const asked = method === "get" || method === "find" ? JSON.stringify(args[1] ?? {}) : "";
        if (method === "members" || asked.includes("members")) listed.push(method);
        if (method === "whichAreMembers") {
          expect((args[1] as readonly string[]).length).toBeLessThan(2);
        }
      },
    });
    await apply(target, refresh([...people, team("g", "all", members)]));
    expect(await apply(watched, [live([team("g", "all", members.slice(1))])])).toEqual([
      "p0 out of all",
    ]);
    expect(await apply(watched, [live([team("g", "all", members)])])).toEqual(["p0 into all"]);
    expect(listed).toEqual([]);
    expect(Object.values(await groupsOf(target))[0]).toHaveLength(count);
  });

  test("a uid that two entries have means neither, until one of them gives it up", async () => {
    const target = await open();
    const names = (name: string) => ({ names: [dn(`cn=${name}`), uid("shared")] });
    await apply(
      target,
      refresh([person("1", "ann", names("ann")), team("g", "staff", [uid("shared")])]),
    );
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    await apply(target, [live([person("2", "bob", names("bob"))])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(target, [live([person("1", "ann", { names: [dn("cn=ann"), uid("ann")] })])]);
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
    await apply(target, [live([person("1", "ann", names("ann"))]), live([gone("2")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("a uid that means one user again by a deletion, and that the group drops in the same batch", async () => {
    const target = await open();
    await apply(
      target,
      refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", [uid("ann")])]),
    );
    await apply(target, [live([person("2", "bob", { names: [dn("cn=bob"), uid("ann")] })])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
    await apply(target, [live([gone("1"), team("g", "staff", [])])]);
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("a membership that was there stays when the directory states it and withdraws it", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    const { id: ann } = await userNamed(target, "ann");
    await target.groups.changeMembers(await groupNamed(target, "staff"), { add: [{ value: ann }] });
    await apply(target, [live([team("g", "staff", [uid("ann")])]), live([team("g", "staff", [])])]);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test("local members of a group stay when its entry goes", async () => {
    const target = await open();
    const local = await target.users.create({ userName: "local" });
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    const staff = await groupNamed(target, "staff");
    await target.groups.changeMembers(staff, { add: [{ value: local.id }] });
    await apply(target, [live([gone("g")])]);
    expect(await groupsOf(target)).toEqual({ staff: ["local"] });
  });

  test("a membership that two sources state ends with the second of them, whoever was first", async () => {
    for (const firstToGo of ["hr", "directory"]) {
      const target = await open({ uniqueDisplayName: true });
      const match = { users: "userName", groups: "displayName" } as const;
      const stated = refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]);
      const withdrawn = [live([team("g", "staff", [])])];
      await apply(target, stated, { source: "directory" });
      // The other source's links are told, not matched: an account of another source is never taken over.
      const { id: ann } = await userNamed(target, "ann");
      const staff = await groupNamed(target, "staff");
      await target.links.save("hr", [
        { ...(await linkOf(target, "1")), resourceId: ann },
        { ...(await linkOf(target, "g")), resourceId: staff },
      ]);
      await apply(target, stated, { source: "hr", match });
      await apply(target, withdrawn, { source: firstToGo });
      expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
      await apply(target, withdrawn, { source: firstToGo === "hr" ? "directory" : "hr" });
      expect(await groupsOf(target)).toEqual({ staff: [] });
    }
  });

  test("a local membership that two sources state outlives both", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    const { id: ann } = await userNamed(target, "ann");
    const staff = await groupNamed(target, "staff");
    await target.groups.changeMembers(staff, { add: [{ value: ann }] });
    await target.links.save("hr", [
      { ...(await linkOf(target, "1")), resourceId: ann },
      { ...(await linkOf(target, "g")), resourceId: staff },
    ]);
    const stated = refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]);
    await apply(target, stated);
    await apply(target, stated, { source: "hr" });
    await apply(target, [live([team("g", "staff", [])])]);
    await apply(target, [live([team("g", "staff", [])])], { source: "hr" });
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });

  test.for(["snapshot", "reconcile"] as const)(
    "nobody comes or goes while names are still being read (%s)",
    async (phase) => {
      const target = await open();
      const named = (sourceId: string, userName: string, name: string) =>
        person(sourceId, userName, { names: [dn(name)] });
      const before = [named("1", "ann", "cn=x"), named("2", "bob", "cn=y")];
      await apply(target, refresh([...before, team("g", "staff", [dn("cn=x")])]));
      // The two have swapped their names, and the group says so first.
      const done = await apply(target, [
        { phase, refresh: "begins", changes: [team("g", "staff", [dn("cn=y")])] },
        { phase, refresh: "continues", changes: [named("1", "ann", "cn=y")] },
        { phase, refresh: "continues", changes: [named("2", "bob", "cn=x")] },
        { phase, refresh: "ends", changes: [sweep] },
      ]);
      expect(done.filter((words) => / into | out of /.test(words))).toEqual([]);
      expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    },
  );

  test("a part of an entry that names it anew leaves its names of other kinds", async () => {
    const target = await open();
    const dangling = "drop";
    const groups = [team("g", "by dn", [dn("cn=new")]), team("h", "by uid", [uid("ann")])];
    await apply(target, refresh([person("1", "ann"), ...groups]), { dangling });
    await apply(target, [live([partOfPerson("1", {}, { names: [dn("cn=new")] })])], { dangling });
    expect(await groupsOf(target)).toEqual({ "by dn": ["ann"], "by uid": ["ann"] });
  });

  test("a name that an entry loses to another for a while is its own again when it is stated again", async () => {
    const target = await open();
    const ann = person("1", "ann", { names: [dn("cn=x")], stamp: "1" });
    const bob = (name: string, stamp: string) => person("2", "bob", { names: [dn(name)], stamp });
    const staff = team("g", "staff", [dn("cn=x")], { stamp: "1" });
    const dangling = "drop";
    await apply(target, refresh([ann, bob("cn=y", "1"), staff]), { dangling });
    await apply(target, [live([bob("cn=x", "2")])], { dangling });
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
    await apply(target, [live([bob("cn=y", "3")]), live([ann])], { dangling });
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
  });
});

async function linkOf(target: Target, sourceId: string) {
  const [link] = await target.links.get("directory", [sourceId]);
  if (link === undefined) throw new Error(`There is no link for "${sourceId}".`);
  const { digest: _, ...rest } = link;
  return rest;
}
