import type { ChangeBatch, ChangeStream } from "concordat/changes";
import type { Link } from "concordat/repositories";
import { type Outcome, synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import { application, groupsOf, interferedWith, onEveryTarget, userNamed } from "./stores.js";
import {
  apply,
  dn,
  follow,
  gone,
  inWords,
  live,
  person,
  present,
  quick,
  refresh,
  scripted,
  sweep,
  team,
  uid,
} from "./streams.js";

onEveryTarget(({ open, transactions }) => {
  test("what an aborted refresh marked does not keep anybody from the sweep of the next", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const [begins, continues] = refresh([person("1", "ann"), person("2", "bob")]);
    const aborted = [begins, continues] as readonly ChangeBatch[];
    await apply(target, aborted);
    await apply(target, [...aborted, ...refresh([person("1", "ann")])]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "inactive" });
  });

  test("entries of which the stamp alone is new are marked as seen, and the stamp is kept", async () => {
    const target = await open();
    const at = (second: number) => `2026010200000${second}.000000Z#000000#001#000000`;
    const people = (second: number) => [
      person("1", "ann", { stamp: at(second) }),
      person("2", "bob", { stamp: at(second) }),
    ];
    await apply(target, refresh(people(1)));
    const { generation = 0 } = (await target.checkpoints.load("directory")) ?? {};
    expect(await apply(target, refresh(people(5)))).toEqual([]);
    const links = await target.links.get("directory", ["1", "2"]);
    expect(links.map((link) => ({ seen: link?.seen, stamp: link?.stamp }))).toEqual([
      { seen: generation + 1, stamp: at(5) },
      { seen: generation + 1, stamp: at(5) },
    ]);
    const between = { ...person("1", "ann"), stamp: at(3), resource: { active: false } } as const;
    expect(
      await apply(target, [live([{ ...person("1", "anna"), stamp: at(3) }, between])]),
    ).toEqual([]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "active" });
  });

  test("the generation is stored before the first mark of a refresh", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const stored = await target.checkpoints.load("directory");
    const marks: unknown[] = [];
    const watched = interferedWith(target, {
      before: async ({ store, method, args }) => {
        if (store !== "links" || method !== "save") return;
        const [, [link]] = args as [string, readonly Link[]];
        // Seen by a process that is to come after this one.
        if (!transactions) {
          expect((await target.checkpoints.load("directory"))?.generation).toBe(link?.seen);
        }
        marks.push(link?.seen);
      },
    });
    const again: readonly ChangeBatch[] = [
      { phase: "snapshot", refresh: "begins", changes: [person("1", "anna")] },
      { phase: "snapshot", refresh: "ends", changes: [sweep] },
    ];
    await apply(watched, again);
    expect(new Set(marks)).toEqual(new Set([(stored?.generation ?? 0) + 1]));
  });

  test("a refresh that finds everything as it was writes nothing about entries, and sweeps as before", async () => {
    const target = await open();
    const content = [person("1", "ann"), person("2", "bob"), team("g", "staff", [uid("ann")])];
    await apply(target, refresh(content));
    const written = new Set<string>();
    const watched = interferedWith(target, {
      before: ({ store, method, args }) => {
        const [, many] = args;
        if (Array.isArray(many) && many.length === 0) return;
        if (/^(write|save|set|mark|remove|delete)/.test(method)) written.add(`${store}.${method}`);
      },
    });
    await apply(watched, refresh(content));
    expect([...written]).toEqual(["checkpoints.save"]);
    expect(await apply(watched, refresh(content.slice(1)))).toContain("deactivated ann");
  });

  test("a present entry that is not known: the stored state is of no use, and everything is read anew", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")], { checkpoint: "old" }));
    const stream = scripted([]);
    const reads: (string | undefined)[] = [];
    const outcomes = await follow(
      {
        ...stream,
        async *read({ after } = {}) {
          reads.push(after);
          yield* after === undefined
            ? refresh([person("1", "ann"), person("2", "bob")], { checkpoint: "new" })
            : refresh([present("1", "2")], { checkpoint: "wrong" });
        },
      },
      target,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual([
      "restarted",
      "created",
      "refreshed",
      "checkpoint",
    ]);
    expect(reads).toEqual(["old", undefined]);
    expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "new" });
  });

  test("a present entry that is not known, and the sweep after it in one batch: nobody is swept", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")], { checkpoint: "old" }));
    const outcomes = await follow(
      {
        source: "directory",
        async *read({ after } = {}) {
          if (after === undefined) return;
          yield { phase: "snapshot", refresh: "begins", changes: [] };
          yield {
            phase: "snapshot",
            refresh: "ends",
            changes: [present("2", "1"), sweep],
            checkpoint: "x",
          };
        },
      },
      target,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["restarted"]);
    expect((await application(target)).users).toEqual({ ann: "active" });
    expect(await target.checkpoints.load("directory")).not.toHaveProperty("checkpoint");
  });

  test("an entry that is present although it is gone: everything is read anew", async () => {
    const target = await open();
    await apply(target, [...refresh([person("1", "ann")]), live([gone("1")], "old")]);
    const outcomes = await follow(
      {
        source: "directory",
        read: ({ after } = {}) =>
          scripted(refresh(after === undefined ? [person("1", "ann")] : [present("1")])).read(),
      },
      target,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual([
      "restarted",
      "reactivated",
      "refreshed",
      "checkpoint",
    ]);
  });

  test("a comparison that crosses a live delete is stale, and nothing else", async () => {
    const target = await open();
    const ann = person("1", "ann", { stamp: "1" });
    const crossing = { sourceId: "1", stamp: "1" };
    const outcomes = await follow(
      scripted([
        ...refresh([ann]),
        { phase: "reconcile", refresh: "begins", changes: [] },
        live([gone("1", "2")], "2"),
        { phase: "reconcile", refresh: "continues", changes: [present(crossing), ann] },
        { phase: "reconcile", refresh: "ends", changes: [sweep] },
        live([], "3"),
      ]),
      target,
    );
    expect(inWords(outcomes)).toEqual(["created ann", "deactivated ann"]);
    // An entry that came back later than it went is another matter.
    const later = await apply(
      target,
      refresh([person("1", "ann", { stamp: "3" })], { phase: "reconcile" }),
    );
    expect(later).toEqual(["reactivated ann"]);
  });

  test("stale entries and deletes are ignored, live and in a comparison", async () => {
    const target = await open();
    const version = (stamp: string, title: string) =>
      person("1", "ann", { stamp, resource: { title } });
    await apply(target, [...refresh([version("5", "five")]), live([version("4", "four")])]);
    expect((await userNamed(target, "ann")).title).toBe("five");
    await apply(target, [live([gone("1", "4")])]);
    expect((await userNamed(target, "ann")).active).toBe(true);
    await apply(target, refresh([version("3", "three")], { phase: "reconcile" }));
    expect(await userNamed(target, "ann")).toMatchObject({ active: true, title: "five" });
  });

  test("a restored directory goes back in time, and we with it", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann", { stamp: "5", resource: { title: "five" } })]));
    await apply(target, refresh([person("1", "ann", { stamp: "2", resource: { title: "two" } })]));
    expect((await userNamed(target, "ann")).title).toBe("two");
    // From there it goes on: what is later than the backup is news, though it is earlier than what was known once.
    await apply(target, [live([person("1", "ann", { stamp: "3", resource: { title: "three" } })])]);
    expect((await userNamed(target, "ann")).title).toBe("three");
  });

  test("a part of an entry that is not finished, and a sweep: it is read anew, and not swept", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")], { checkpoint: "1" }));
    const before = await userNamed(target, "ann");
    const [link] = await target.links.get("directory", ["1"]);
    if (link === undefined) throw new Error("There is no link.");
    await target.links.save("directory", [{ ...link, state: "entering" }]);
    const part = { ...person("1", "ann"), complete: false };
    const swept = refresh([], { checkpoint: "x" }).map((batch) =>
      batch.refresh === "ends" ? { ...batch, changes: [part, sweep] } : batch,
    );
    const stream: ChangeStream = {
      source: "directory",
      read: ({ after } = {}) =>
        scripted(after === undefined ? refresh([person("1", "ann")]) : swept).read(),
    };
    await follow(stream, target, { onDelete: "delete" });
    expect((await userNamed(target, "ann")).id).toBe(before.id);
  });

  test("a part of an entry that is not known asks for everything, and creates nobody", async () => {
    const target = await open();
    const part = { ...person("1", "ann"), complete: false };
    await apply(target, refresh([], { checkpoint: "1" }));
    const outcomes = await follow(
      {
        source: "directory",
        read: ({ after } = {}) =>
          scripted(
            after === undefined
              ? refresh([person("1", "anna")], { checkpoint: "2" })
              : [live([part], "x")],
          ).read(),
      },
      target,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual([
      "restarted",
      "created",
      "refreshed",
      "checkpoint",
    ]);
    expect((await application(target)).users).toEqual({ anna: "active" });
  });

  test("a refresh leaves nothing dirty, not even an entry whose name it has found with another", async () => {
    const target = await open();
    const ann = person("1", "ann");
    const staff = team("g", "staff", [dn("cn=ann")]);
    await apply(target, refresh([ann, staff]));
    const taker = person("2", "bob", { names: [dn("cn=ann"), uid("bob")] });
    await apply(target, refresh([present("1", "g"), taker]));
    expect(await groupsOf(target)).toEqual({ staff: ["bob"] });
    expect(await target.links.list("directory", { dirty: true }, { count: 10 })).toEqual([]);
  });

  test("what could not be read is told, and stays as it is: it is not swept", async () => {
    const target = await open();
    const all = [person("1", "ann"), person("2", "bob"), team("g", "staff", [uid("ann")])];
    await apply(target, refresh(all));
    const unreadable = {
      kind: "unreadable",
      sourceId: "1",
      code: "too_large",
      message: "The entry is larger than what may be read.",
    } as const;
    for (const phase of ["snapshot", "reconcile"] as const) {
      const outcomes = await follow(
        scripted(refresh([unreadable, ...all.slice(1)], { phase })),
        target,
      );
      expect(outcomes).toContainEqual(unreadable);
      expect(await application(target)).toEqual({
        users: { ann: "active", bob: "active" },
        groups: { staff: ["ann"] },
      });
    }
    expect(await apply(target, refresh(all.slice(1)))).toContain("deactivated ann");
  });

  test("entries without a stamp are swept too where the source says what it holds", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann"), person("2", "bob")]));
    const [begins, ...rest] = refresh([person("1", "ann", { stamp: "7" })]) as [ChangeBatch];
    const listed = [{ ...begins, state: ["7"] }, ...rest];
    expect(await apply(target, listed)).toEqual(["deactivated bob"]);
    expect((await application(target)).users).toEqual({ ann: "active", bob: "inactive" });
  });

  test("whether an entry is missing that was called unchanged is asked when the list is over, not before", async () => {
    const target = await open();
    await apply(target, refresh([person("1", "ann")]));
    const phase = "reconcile";
    const stream = scripted([
      { phase, refresh: "begins", changes: [] },
      { phase, refresh: "continues", changes: [present("1", "2")] },
      live([person("3", "cid")], "one more"),
      live([person("2", "bob")], "and one"),
      { phase, refresh: "ends", changes: [sweep], checkpoint: "listed" },
    ]);
    const outcomes: Outcome[] = [];
    for await (const outcome of synchronize(stream, target, quick)) {
      outcomes.push(outcome);
      if (outcome.kind === "restarted") break;
    }
    expect(inWords(outcomes)).toEqual(["created cid", "created bob"]);
  });
});
