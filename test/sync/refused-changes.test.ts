import { UniquenessError } from "concordat";
import { expect, test } from "vitest";
import { application, groupNamed, interferedWith, onEveryTarget, userNamed } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  inWords,
  live,
  person,
  refresh,
  refused,
  scripted,
  team,
  uid,
} from "./streams.js";

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
      dirty: false,
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

  test.for(["elsewhere", "directory"])(
    "an account that is being created for another entry is not adopted (of the source %s)",
    async (source) => {
      const target = await open();
      await target.users.create({ userName: "ann" });
      const sourceId = source === "elsewhere" ? "1" : "2";
      const begun = {
        sourceId,
        type: "User" as const,
        state: "entering" as const,
        adopted: false,
        seen: 1,
        disabledByUs: false,
        dirty: false,
        intent: { name: "Ann" },
      };
      const match = { users: "userName" } as const;
      const stream = {
        source: "directory",
        async *read() {
          // What was begun before is looked for when a runner starts; this comes after that.
          await target.links.save(source, [begun]);
          yield live([person("1", "ann")], "1");
        },
      };
      const outcomes = await follow(stream, target, { match });
      expect(inWords(outcomes)).toContain("deferred ann: uniqueness");
      expect(inWords(outcomes)).not.toContain("adopted ann");
      const [{ failure } = { failure: undefined }] = await refused(target);
      expect(failure?.blocker).toBe(source === "directory" ? "2" : undefined);
    },
  );

  test("an entry without a name is refused, and the outcome has none either", async () => {
    const target = await open();
    const nameless = person("1", "", { names: [dn("cn=1")], resource: { active: true } });
    const { userName: _, ...resource } = nameless.resource;
    const outcomes = await follow(scripted([live([{ ...nameless, resource }])]), target);
    const deferred = outcomes.filter(({ kind }) => kind === "deferred");
    expect(deferred).toMatchObject([{ sourceId: "1", code: "invalid_value" }]);
    expect(deferred[0]).not.toHaveProperty("name");
  });

  test("a disabled account with a deleted entry's name stays so when the entry returns and adopts it", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    await apply(target, [live([gone("1")])], { onDelete: "delete" });
    await target.users.create({ userName: "ann", active: false });
    const match = { users: "userName" } as const;
    expect(await apply(target, [live([person("1", "ann")])], { match })).toEqual(["adopted ann"]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });
});
