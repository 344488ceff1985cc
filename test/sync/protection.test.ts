import { synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import { application, groupNamed, onEveryTarget, userNamed } from "./stores.js";
import { apply, gone, live, person, refresh, team, uid, waiting } from "./streams.js";

onEveryTarget(({ open }) => {
  test("sessions are ended after the commit, and the outcome says how that went", async () => {
    for (const [sessions, expected] of [
      ["revoked", "revoked"],
      ["failing", "failed"],
      ["none", "unsupported"],
    ] as const) {
      const target = await open();
      await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
      const ended: string[] = [];
      const revokeSessions = async (id: string): Promise<void> => {
        ended.push(id);
        // Somebody outside of the transaction sees that the account is disabled.
        expect((await target.users.get(id))?.active).toBe(false);
        if (sessions === "failing") throw new Error("no");
      };
      const users = new Proxy(target.users, {
        get(wrapped, name): unknown {
          if (name === "capabilities") {
            return { ...wrapped.capabilities, sessions: sessions !== "none" };
          }
          if (name === "revokeSessions") return sessions === "none" ? undefined : revokeSessions;
          const value: unknown = Reflect.get(wrapped, name, wrapped);
          return typeof value === "function" ? value.bind(wrapped) : value;
        },
      });
      const { id } = await userNamed(target, "ann");
      const outcomes = [];
      const stream = waiting([live([gone("1"), gone("g")], "1")]);
      for await (const outcome of synchronize(stream, { ...target, users })) {
        outcomes.push(outcome);
        if (outcome.kind === "checkpoint") break;
      }
      expect(outcomes).toMatchObject([
        { kind: "deactivated", sessions: expected, resourceId: id },
        { kind: "released" },
        { kind: "checkpoint" },
      ]);
      expect(outcomes[1]).not.toHaveProperty("sessions");
      expect(ended).toEqual(sessions === "none" ? [] : [id]);
    }
  });

  test("protected by name, by id or by rule, an account is never touched", async () => {
    const target = await open();
    const local = await target.users.create({ userName: "Root" });
    const match = { users: "userName", groups: "displayName" } as const;
    const admins = await target.groups.create({
      displayName: "admins",
      members: [{ value: local.id }],
    });
    for (const protect of [
      ["root", "admins"],
      [local.id, admins.id],
      ({ name }: { name?: string }) => ["root", "admins"].includes(name?.toLowerCase() ?? ""),
    ]) {
      const before = await application(target);
      await apply(target, refresh([person("1", "root"), team("g", "admins", [])]), {
        match,
        protect,
      });
      await apply(target, refresh([]), { match, protect, onDelete: "delete" });
      expect(await application(target)).toEqual(before);
    }
  });

  test("protected later, an account of ours is left alone, and so are its memberships", async () => {
    const target = await open();
    const all = [
      person("1", "ann"),
      person("2", "bob"),
      team("g", "staff", [uid("ann")]),
      team("h", "board", []),
    ];
    await apply(target, refresh(all));
    const protect = ["ann", await groupNamed(target, "board")];
    const before = await application(target);
    await apply(
      target,
      [
        live([person("1", "anna", { resource: { active: false } })]),
        live([team("g", "staff", [])]),
        live([team("h", "board", [uid("bob")])]),
      ],
      { protect },
    );
    expect(await application(target)).toEqual(before);
    await apply(target, refresh([person("2", "bob")]), { protect, onDelete: "delete" });
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("what counts is also what a resource is called now, whatever the directory called it", async () => {
    for (const protect of [
      ["ROOT", "admins"],
      ({ name }: { name?: string }) => ["root", "admins"].includes(name ?? ""),
    ]) {
      const target = await open();
      const all = [
        person("1", "ann"),
        person("2", "bob"),
        team("g", "staff", [uid("ann")]),
        team("h", "board", [uid("ann")]),
      ];
      await apply(target, refresh(all));
      const { id } = await userNamed(target, "ann");
      await target.users.modify(id, { set: { userName: "root" } });
      await target.groups.modify(await groupNamed(target, "board"), {
        set: { displayName: "admins" },
      });
      const before = await application(target);
      const expected = {
        users: { bob: "active", root: "active" },
        groups: { admins: ["root"], staff: ["root"] },
      };
      expect(before).toEqual(expected);
      for (const changes of [
        [person("1", "ann", { resource: { active: false } })],
        [person("1", "anna")],
        [team("g", "staff", [uid("bob")])],
        [team("h", "board", [uid("bob")])],
        [gone("1")],
        [gone("h")],
      ]) {
        await apply(target, [live(changes)], { protect, onDelete: "delete" });
        const { groups, users } = await application(target);
        expect(users).toEqual(expected.users);
        expect(groups["admins"]).toEqual(["root"]);
        expect(groups["staff"]).toContain("root");
      }
      await apply(target, refresh([person("2", "bob")]), { protect, onDelete: "delete" });
      expect((await application(target)).users).toEqual(expected.users);
      expect((await application(target)).groups["admins"]).toEqual(["root"]);
    }
  });

  test("an account that gets a protected name from another program is left alone from then on", async () => {
    const target = await open();
    const protect = ["root"];
    await apply(target, refresh([person("1", "ann")]));
    const { id } = await userNamed(target, "ann");
    const stream = {
      source: "directory",
      async *read() {
        yield live([person("1", "anna")], "1");
        await target.users.modify(id, { set: { userName: "root" } });
        yield live([person("1", "anne", { resource: { active: false } })], "2");
      },
    };
    for await (const _ of synchronize(stream, target, { protect }));
    expect((await application(target)).users).toEqual({ root: "active" });
  });

  test("an account that the directory calls by a protected name is left alone, whatever it is called now", async () => {
    const target = await open();
    const all = [person("1", "root"), person("2", "bob"), team("g", "staff", [uid("root")])];
    await apply(target, refresh(all));
    const { id } = await userNamed(target, "root");
    await target.users.modify(id, { set: { userName: "keeper" } });
    const protect = ["root"];
    await apply(target, [live([team("g", "staff", [uid("bob")])])], { protect });
    await apply(target, [live([gone("1")])], { protect, onDelete: "delete" });
    expect(await application(target)).toEqual({
      users: { bob: "active", keeper: "active" },
      groups: { staff: ["bob", "keeper"] },
    });
  });
});
