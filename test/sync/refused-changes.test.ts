import { UniquenessError } from "concordat";
import { expect, test } from "vitest";
import { application, groupNamed, interferedWith, onEveryTarget, userNamed } from "./stores.js";
import { apply, gone, live, person, refresh, refused, team, uid } from "./streams.js";

onEveryTarget(({ open }) => {
  test("however many changes are refused, all of them are listed", async () => {
    const target = await open();
    const ids = Array.from({ length: 1_001 }, (_, index) => `id${index}`);
    const failed = ids.map((sourceId) => ({
      sourceId,
      type: "User" as const,
      state: "entering" as const,
      adopted: false,
      seen: 1,
      disabledByUs: false,
      unsettled: false,
      failure: {
        code: "uniqueness",
        message: "It is taken.",
        change: person(sourceId, sourceId),
        attempts: 1,
        nextAttempt: 0,
      },
    }));
    await target.links.save("directory", failed);
    const listed = (await refused(target)).map((change) => change.sourceId);
    expect(listed).toEqual([...ids].sort());
  });

  test("a person who was refused and is a group by now is left as a question for a person", async () => {
    const target = await open();
    await target.users.create({ userName: "ann" });
    expect(await apply(target, refresh([person("1", "ann")]))).toContain("deferred ann: unlinked");
    expect(await apply(target, [live([team("1", "ann", [])])])).toEqual(["deferred ann: conflict"]);
    expect(await application(target)).toEqual({ users: { ann: "active" }, groups: {} });
  });

  test("a membership that was refused and that somebody else makes later is not the directory's to end", async () => {
    const target = await open();
    const ann = person("1", "ann");
    const staff = (...members: readonly string[]) => team("g", "staff", members.map(uid));
    await apply(target, refresh([ann, staff()]));
    const refusing = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        store === "groups" && method === "write" && JSON.stringify(args).includes('"members"')
          ? new UniquenessError("members", "x")
          : undefined,
    });
    const done = await apply(refusing, [live([staff("ann")])]);
    expect(done).toEqual(["deferred ann and staff: uniqueness"]);
    const { id } = await userNamed(target, "ann");
    await target.groups.changeMembers(await groupNamed(target, "staff"), { add: [{ value: id }] });
    await apply(target, refresh([ann, staff("ann")]));
    await apply(target, [live([staff()])]);
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
  });

  test("what was granted to an account that vanished is forgotten with it", async () => {
    const target = await open();
    const all = [person("1", "ann"), team("g", "staff", [uid("ann")])];
    await apply(target, refresh(all));
    const { id } = await userNamed(target, "ann");
    expect(await target.memberships.grantsTo("directory", [`Users/${id}`])).toHaveLength(1);
    await target.users.delete(id);
    const titled = person("1", "ann", { resource: { title: "Engineer" } });
    expect(await apply(target, [live([titled])])).toEqual(["created ann", "ann into staff"]);
    expect(await target.memberships.grantsTo("directory", [`Users/${id}`])).toEqual([]);
  });

  test("an account that was deleted, made anew and disabled by somebody else stays disabled", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    await apply(target, [live([gone("1")]), live([person("1", "ann")])], { onDelete: "delete" });
    await target.users.modify((await userNamed(target, "ann")).id, { set: { active: false } });
    await apply(target, [live([person("1", "ann", { resource: { title: "Engineer" } })])]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });
});
