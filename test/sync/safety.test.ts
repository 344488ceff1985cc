import { InvalidValueError, UnavailableError, UnsupportedError } from "concordat";
import type { ChangeStream } from "concordat/changes";
import { inMemoryTarget } from "concordat/repositories";
import { type Outcome, synchronize } from "concordat/sync";
import { describe, expect, test } from "vitest";
import { application, groupsOf, interferedWith, onEveryTarget } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  inWords,
  live,
  person,
  quick,
  refresh,
  refused,
  scripted,
  team,
  uid,
} from "./streams.js";

onEveryTarget(({ open }) => {
  test("an account that the application refuses to delete is disabled", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const keeping = interferedWith(target, {
      refuse: ({ store, method }) =>
        store === "users" && method === "delete"
          ? new UnsupportedError("There are invoices.")
          : undefined,
    });
    const done = await apply(keeping, [live([gone("1")])], { onDelete: "delete" });
    expect(done).toEqual(["deactivated ann", "deferred ann: unsupported"]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("whoever is to be disabled is, although the rest of the change is refused", async () => {
    const target = await open();
    await target.users.create({ userName: "taken" });
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    await apply(target, [
      live([
        person("1", "taken", { resource: { active: false } }),
        person("2", "", { resource: { active: false } }),
      ]),
    ]);
    expect((await application(target)).users).toEqual({
      ann: "inactive",
      bob: "inactive",
      taken: "active",
    });
    expect(await refused(target)).toHaveLength(2);
    // Enabled again, since it was we who disabled them.
    await apply(target, [live([person("1", "ann"), person("2", "bob")])]);
    expect((await application(target)).users).toMatchObject({ ann: "active", bob: "active" });
  });

  test("a group that is protected later keeps its members, whatever becomes of its entry", async () => {
    const target = await open();
    const people = [person("1", "ann"), person("2", "bob")];
    const members = [uid("ann"), uid("bob")];
    await apply(target, refresh([...people, team("g", "admins", members)]));
    const options = { protect: ["admins"] };
    await apply(target, [live([person("1", "ann", { names: [uid("ann"), dn("cn=x")] })])], options);
    await apply(target, [live([team("g", "admins", [uid("bob")])])], options);
    await apply(target, [live([gone("g")])], { ...options, onDelete: "delete" });
    expect(await groupsOf(target)).toEqual({ admins: ["ann", "bob"] });
  });

  test("members lost in groups that were read again count against the limit", async () => {
    const target = await open();
    const people = ["a", "b", "c", "d", "e", "f"].map((name) => person(name, name));
    const members = people.map(({ resource }) => dn(`cn=${resource.userName}`));
    const teams = ["g", "h"].map((id) => team(id, id, members));
    await apply(target, refresh([...people, ...teams]));
    const changes = scripted([
      live([person("a", "aa")]),
      live([person("new", "new", { names: [dn("cn=a")] })]),
    ]);
    const stream: ChangeStream = {
      ...changes,
      reread: async (ids) => ids.map((id) => team(id, id, members.slice(0, 4))),
    };
    // Two members are lost in each of two groups.
    const limited = follow(stream, target, { maxDeletes: 3 });
    await expect(limited).rejects.toMatchObject({ code: "too_many", limit: 3 });
    expect((await groupsOf(target))["g"]).toEqual(["aa", "b", "c", "d", "e", "f"]);
  });

  test("a directory that cannot be read again at the moment ends nothing", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    let isDown = true;
    const stream: ChangeStream = {
      ...scripted([
        live([person("1", "anna")]),
        live([person("2", "ann")], "1"),
        live([person("3", "carl")], "2"),
      ]),
      async reread() {
        if (isDown) throw new UnavailableError("down");
        return [team("g", "staff", [dn("cn=anna")])];
      },
    };
    const outcomes = await follow(stream, target);
    expect(inWords(outcomes)).toContain("created carl");
    expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
    isDown = false;
    await follow({ ...stream, ...scripted([]) }, target);
    expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
  });

  test("a checkpoint whose answer was lost is not taken for another runner's", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    let isLost = true;
    const forgetful = interferedWith(target, {
      interrupt: ({ store, method, args }) => {
        if (store !== "checkpoints" || method !== "save" || !isLost) return undefined;
        isLost = false;
        return { part: args, error: new Error("the connection was lost") };
      },
    });
    expect(await apply(forgetful, [live([person("2", "bob")], "next")])).toContain("waiting");
    expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "next" });
  });
});

describe("what does not depend on the store", () => {
  test("sessions of everybody in a commit end, although nobody reads the report to its end", async () => {
    const ended: string[] = [];
    const target = inMemoryTarget({ users: { revokeSessions: async (id) => void ended.push(id) } });
    const names = ["ann", "bob", "cleo"];
    await apply(target, refresh(names.map((name) => person(name, name))));
    const stream = scripted([live(names.map((name) => gone(name)))]);
    for await (const { kind } of synchronize(stream, target, quick)) {
      if (kind === "deactivated") break;
    }
    expect(ended).toHaveLength(3);
  });

  test("a store that says when to come again is not asked before", async () => {
    const target = inMemoryTarget();
    let isDown = true;
    const busy = interferedWith(target, {
      before: ({ store }) => {
        if (store !== "users" || !isDown) return;
        isDown = false;
        throw new UnavailableError("busy", { retryAfter: 40 });
      },
    });
    const outcomes = await follow(scripted([live([person("1", "ann")])]), busy);
    expect(outcomes).toContainEqual(expect.objectContaining({ kind: "waiting", delay: 40 }));
  });

  test("a stream that does not heed the signal is not waited for", async () => {
    const deaf: ChangeStream = {
      source: "directory",
      async *read() {
        yield live([person("1", "ann")], "1");
        await new Promise(() => {});
      },
    };
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      for await (const { kind } of synchronize(deaf, inMemoryTarget(), { signal: stop.signal })) {
        if (kind === "checkpoint") stop.abort(new Error("enough"));
      }
    };
    await run();
  });

  test.each([
    [{ outages: { attempts: 0 } }],
    [{ outages: { delay: Number.NaN } }],
    [{ refusals: { delay: 0 } }],
    [{ concurrency: 0 }],
    [{ maxDeletes: -1 }],
  ])("options that cannot be are refused: %o", (options) => {
    expect(() => synchronize(scripted([]), inMemoryTarget(), options)).toThrow(InvalidValueError);
  });

  test("an option that is undefined has its default", async () => {
    const target = inMemoryTarget();
    const options = { outages: { attempts: undefined as unknown as number, delay: 1 } };
    const down = interferedWith(target, {
      before: ({ store }) => {
        if (store === "users") throw new UnavailableError("down");
      },
    });
    const outcomes: Outcome[] = [];
    const run = async (): Promise<void> => {
      const all = synchronize(scripted([live([person("1", "ann")])]), down, options);
      for await (const outcome of all) outcomes.push(outcome);
    };
    await expect(run()).rejects.toThrow("down");
    expect(outcomes.filter(({ kind }) => kind === "waiting")).toHaveLength(9);
  });
});
