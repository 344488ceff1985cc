import type { Change, ChangeBatch } from "concordat/changes";
import { expect, test } from "vitest";
import { groupsOf, interferedWith, onEveryTarget, userNamed } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  live,
  person,
  present,
  refresh,
  scripted,
  sweep,
  team,
} from "./streams.js";

onEveryTarget(({ open }) => {
  test.for([
    ["rewritten without an event", [dn("cn=anna")], ["anna"]],
    ["left as it was", [dn("cn=ann")], ["ann"]],
  ] as const)(
    "before somebody takes a member's old name, the group is read again: %s",
    async ([, members, expected]) => {
      const target = await open();
      await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
      const asked: (readonly string[])[] = [];
      const stream = {
        ...scripted([live([person("1", "anna")]), live([person("2", "ann")])]),
        reread: async (sourceIds: readonly string[]) => {
          asked.push(sourceIds);
          return [team("g", "staff", members)];
        },
      };
      await follow(stream, target);
      expect(await groupsOf(target)).toEqual({ staff: expected });
      expect(asked).toEqual([["g"]]);
    },
  );

  test("a group that was read again is so once more where that was undone", async () => {
    for (let calls = 0, failed = true; failed; calls++) {
      const target = await open();
      await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
      let left = Number.POSITIVE_INFINITY;
      const shaky = interferedWith(target, {
        before: () => {
          if (left-- === 0) throw new Error("socket hang up");
        },
      });
      const stream = {
        ...scripted([live([person("1", "anna")]), live([person("2", "ann")])]),
        reread: async () => {
          left = Math.min(left, calls);
          return [team("g", "staff", [dn("cn=anna")])];
        },
      };
      await follow(stream, shaky);
      failed = left < 0;
      expect(await groupsOf(target), `failing at call ${calls}`).toEqual({ staff: ["anna"] });
    }
  });

  test("a group whose new member has another name by the end of the batch is read again", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    const changes = [team("g", "staff", [dn("cn=ann")]), person("1", "anna")];
    const reread = async () => [team("g", "staff", [dn("cn=anna")])];
    await follow({ ...scripted([live(changes)]), reread }, target);
    expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
  });

  test.for([
    ["before", [], [person("2", "ann")]],
    [
      "in the same batch",
      [person("3", "cyd")],
      [team("g", "staff", [dn("cn=ann")]), person("2", "ann")],
    ],
  ] as const)(
    "a group that meant somebody outside of the content, %s, is read before the name means another",
    async ([, people, changes]) => {
      const target = await open();
      const members = people.length === 0 ? [dn("cn=ann")] : [];
      const known = refresh([...people, team("g", "staff", members)]);
      const reread = async () => [team("g", "staff", [])];
      await follow({ ...scripted([...known, live(changes)]), reread }, target);
      expect(await groupsOf(target)).toEqual({ staff: [] });
    },
  );

  test("a group that lost a member without an event is read before the name means another", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
    const stream = {
      ...scripted([live([gone("1")]), live([person("2", "ann")])]),
      reread: async () => [team("g", "staff", [])],
    };
    await follow(stream, target);
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("a name that changed hands while the group could not be read means its former holder no more", async () => {
    const target = await open();
    const options = { dangling: "drop" } as const;
    const staff = team("g", "staff", [dn("cn=ann")]);
    await apply(target, refresh([person("1", "ann"), person("2", "bob"), staff]), options);
    const stream = scripted([
      live([person("1", "anna"), person("2", "ann")]),
      live([person("2", "bob")]),
      ...refresh([person("1", "anna"), person("2", "bob"), staff]),
    ]);
    const reread = () => Promise.reject(new Error("The connection was cut."));
    await follow({ ...stream, reread }, target, options);
    expect(await groupsOf(target)).toEqual({ staff: [] });
  });

  test("what was read beside the stream stands against older stamps, until the stream is connected anew", async () => {
    for (const isAnew of [false, true]) {
      const target = await open();
      const ann = person("1", "ann", { stamp: "5" });
      await apply(target, refresh([ann]));
      const ordered = (changes: readonly Change[], checkpoint: string): ChangeBatch => ({
        phase: "live",
        ordered: true,
        changes,
        checkpoint,
      });
      const readAgain = person("1", "ann", { stamp: "9", resource: { title: "read again" } });
      const list = { phase: "snapshot", state: ["9"] } as const;
      const whole: ChangeBatch[] = [
        { ...list, refresh: "begins", changes: [] },
        { ...list, refresh: "continues", changes: [readAgain] },
        { ...list, refresh: "ends", changes: [sweep], checkpoint: "anew" },
      ];
      const names = [{ sourceId: "1", stamp: "9" }];
      const stream = {
        ...scripted([
          { phase: "reconcile", state: ["9"], refresh: "begins", changes: [] },
          { phase: "reconcile", refresh: "continues", changes: [present(...names)] },
          { phase: "reconcile", refresh: "ends", changes: [sweep], checkpoint: "listed" },
          ...(isAnew ? whole : []),
          ordered([person("1", "ann", { stamp: "7", resource: { title: "told" } })], "told"),
        ]),
        reread: async () => [readAgain],
      };
      await follow(stream, target);
      // The clock of the source was set back meanwhile: on a new connection, what comes is the latest all the same.
      expect((await userNamed(target, "ann")).title).toBe(isAnew ? "told" : "read again");
    }
  });

  test("a group that comes with the entry that took a member's name means it, and is not reread", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    const changes = [person("1", "anna"), person("2", "ann"), team("g", "staff", [dn("cn=ann")])];
    const asked: (readonly string[])[] = [];
    const reread = async (sourceIds: readonly string[]) => {
      asked.push(sourceIds);
      return [team("g", "staff", [dn("cn=ann")])];
    };
    await follow({ ...scripted([live(changes)]), reread }, target);
    expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
    expect(asked).toEqual([]);
  });
});
