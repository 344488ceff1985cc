import { InvalidValueError, NotFoundError, UnsupportedError } from "concordat";
import {
  endSessions,
  InMemoryGroupRepository,
  InMemoryLinkRepository,
  type InMemoryTarget,
  InMemoryUserRepository,
  inMemoryTarget,
  type Link,
  type LinkSelection,
  type LinkState,
} from "concordat/repositories";
import { bindFilter, eq, groupResourceType, userResourceType } from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("resources in memory", () => {
  test("have the ids, the times and the versions of their making", async () => {
    const times = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"];
    let ids = 0;
    let now = 0;
    const users = new InMemoryUserRepository({
      newId: () => `id${++ids}`,
      now: () => new Date(times[now] ?? ""),
    });
    const created = await users.create({ userName: "ann", password: "secret" });
    expect(created).toEqual({
      id: "id1",
      userName: "ann",
      meta: {
        resourceType: "User",
        created: times[0],
        lastModified: times[0],
        version: 'W/"1"',
      },
    });
    now = 1;
    const replaced = await users.replace("id1", { userName: "ann", title: "Dr." });
    expect(replaced.meta).toEqual({
      resourceType: "User",
      created: times[0],
      lastModified: times[1],
      version: 'W/"2"',
    });
  });

  test("are frozen, all the way down", async () => {
    const users = new InMemoryUserRepository();
    const emails = [{ value: "ann@example.com" }];
    const created = await users.create({ userName: "ann", emails });
    emails.push({ value: "eve@example.com" });
    expect(created.emails).toEqual([{ value: "ann@example.com" }]);
    expect(() => Reflect.apply(Array.prototype.push, created.emails, [{}])).toThrow(TypeError);
    expect(Object.isFrozen(created.emails?.[0])).toBe(true);
    const groups = new InMemoryGroupRepository();
    const { id } = await groups.create({ displayName: "staff", members: [{ value: "ann" }] });
    const group = await groups.get(id, { attributes: ["members"] });
    expect([group, group?.members, group?.members?.[0]].every(Object.isFrozen)).toBe(true);
  });

  test("do not keep what is unassigned, nor what clients cannot set", async () => {
    const users = new InMemoryUserRepository();
    const resource = { userName: "ann", emails: [], groups: [{ value: "g" }], id: "mine" };
    const { id, meta: _, ...rest } = await users.create(resource);
    expect(id).not.toBe("mine");
    expect(rest).toEqual({ userName: "ann" });
  });

  test("must have a name", async () => {
    const users = new InMemoryUserRepository();
    await expect(users.create({ userName: "" })).rejects.toThrow(InvalidValueError);
    const groups = new InMemoryGroupRepository();
    await expect(groups.create({ displayName: "" })).rejects.toThrow(InvalidValueError);
  });

  test("take an attribute called __proto__ for what it is", async () => {
    const users = new InMemoryUserRepository();
    const resource = JSON.parse('{"userName":"ann","__proto__":{"active":true}}');
    const created = await users.create(resource);
    expect(created.active).toBeUndefined();
    expect(Object.getPrototypeOf(created)).toBe(Object.prototype);
  });

  test("may share a displayName, unless they are told not to", async () => {
    const groups = new InMemoryGroupRepository();
    const ids = [
      (await groups.create({ displayName: "staff" })).id,
      (await groups.create({ displayName: "STAFF" })).id,
    ];
    const filter = bindFilter(eq("displayName", "Staff"), groupResourceType);
    const { resources } = await groups.find({ filter });
    expect(resources.map(({ id }) => id)).toEqual(ids.sort());
    const unique = new InMemoryGroupRepository({ uniqueDisplayName: true });
    await unique.create({ displayName: "staff" });
    await expect(unique.create({ displayName: "STAFF" })).rejects.toMatchObject({
      code: "uniqueness",
      attribute: "displayName",
    });
  });

  test("that are groups leave the groups that they were in when they are deleted", async () => {
    const groups = new InMemoryGroupRepository();
    const outer = await groups.create({ displayName: "outer" });
    const inner = await groups.create({ displayName: "inner" });
    await groups.changeMembers(outer.id, { add: [{ value: inner.id, type: "Group" }] });
    await groups.delete(inner.id);
    expect(await groups.members(outer.id)).toEqual({ members: [] });
  });

  test("that are groups have a new version when members come or go, and only then", async () => {
    const groups = new InMemoryGroupRepository();
    const { id } = await groups.create({ displayName: "staff" });
    const version = async (): Promise<string | undefined> => (await groups.get(id))?.meta?.version;
    const versions = [await version()];
    for (const change of [
      { add: [{ value: "ann" }] },
      { add: [{ value: "ann" }], remove: [{ value: "bob" }] },
      { remove: [{ value: "ann" }] },
      { clear: true },
    ]) {
      await groups.changeMembers(id, change);
      versions.push(await version());
    }
    const [first, added, same, removed, still] = versions;
    expect(added).not.toBe(first);
    expect(same).toBe(added);
    expect(removed).not.toBe(added);
    expect(still).toBe(removed);
  });

  test("that are users have sessions only where something can end them", async () => {
    const revoked: string[] = [];
    const users = new InMemoryUserRepository({
      revokeSessions: async (id) => {
        if (id === "broken") throw new Error("The session store is away.");
        revoked.push(id);
      },
    });
    expect(await endSessions(users, "1")).toBe("revoked");
    expect(await endSessions(users, "broken")).toBe("failed");
    expect(revoked).toEqual(["1"]);
    expect(await endSessions(new InMemoryUserRepository(), "1")).toBe("unsupported");
  });
});

describe("a transaction in memory", () => {
  const reason = new Error("The work failed.");

  function transaction<R>(
    target: InMemoryTarget,
    work: (inside: InMemoryTarget) => Promise<R>,
  ): Promise<R> {
    if (target.transaction === undefined) throw new Error("The target has no transactions.");
    return target.transaction(work);
  }

  test("is not there when it is not wanted", () => {
    expect(inMemoryTarget({ transactions: false }).transaction).toBeUndefined();
  });

  test("undoes a delete, with its members, names and indexes", async () => {
    const target = inMemoryTarget();
    const user = await target.users.create({ userName: "ann", externalId: "7" });
    const members = [{ value: user.id }];
    const group = await target.groups.create({ displayName: "staff", members });
    const before = await target.groups.get(group.id, { attributes: ["members"] });
    await expect(
      transaction(target, async (inside) => {
        await inside.users.delete(user.id);
        await inside.groups.delete(group.id);
        await inside.users.create({ userName: "ANN" });
        throw reason;
      }),
    ).rejects.toBe(reason);
    expect(await target.groups.get(group.id, { attributes: ["members"] })).toEqual(before);
    expect(await target.groups.groupsOf(user.id)).toEqual([group.id]);
    for (const [path, value] of [
      ["id", user.id],
      ["userName", "Ann"],
      ["externalId", "7"],
    ] as const) {
      const found = await target.users.find({
        filter: bindFilter(eq(path, value), userResourceType),
      });
      expect(found.resources).toEqual([user]);
    }
  });

  test("is not seen from outside before it ends", async () => {
    const target = inMemoryTarget();
    const order: string[] = [];
    const working = transaction(target, async (inside) => {
      await inside.users.create({ userName: "ann" });
      await new Promise((resolve) => setImmediate(resolve));
      order.push("the work ends");
    });
    const { totalResults } = await target.users.find({});
    order.push("the reader sees");
    await working;
    expect(totalResults).toBe(1);
    expect(order).toEqual(["the work ends", "the reader sees"]);
  });

  test("can be waited for no longer than the signal allows, and others get their turn", async () => {
    const target = inMemoryTarget();
    const gate = Promise.withResolvers<void>();
    const working = transaction(target, () => gate.promise);
    const controller = new AbortController();
    const aborted = target.users.create({ userName: "ann" }, { signal: controller.signal });
    const next = target.users.create({ userName: "bob" });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    gate.resolve();
    await working;
    await next;
    const { resources } = await target.users.find({});
    expect(resources.map((user) => user.userName)).toEqual(["bob"]);
  });

  test("ends with its work: later writes through it are refused", async () => {
    const target = inMemoryTarget();
    const kept: InMemoryTarget[] = [];
    const gate = Promise.withResolvers<void>();
    let forgotten: Promise<unknown> = Promise.resolve();
    await transaction(target, async (inside) => {
      kept.push(inside);
      await transaction(inside, async (inner) => kept.push(inner));
      // A savepoint that nobody waits for, which would write when all is over.
      forgotten = transaction(inside, async (inner) => {
        await gate.promise;
        await inner.users.create({ userName: "late" });
      });
    });
    gate.resolve();
    await expect(forgotten).rejects.toThrow(UnsupportedError);
    for (const { users } of kept) {
      await expect(users.create({ userName: "late" })).rejects.toThrow(UnsupportedError);
    }
    expect((await target.users.find({})).totalResults).toBe(0);
  });

  test("is not undone, once committed, by a savepoint that nobody waited for", async () => {
    const target = inMemoryTarget();
    const gate = Promise.withResolvers<void>();
    let forgotten: Promise<void> = Promise.resolve();
    await transaction(target, async (inside) => {
      const written = Promise.withResolvers<void>();
      forgotten = transaction(inside, async (inner) => {
        await inner.users.create({ userName: "ann" });
        written.resolve();
        await gate.promise;
        throw reason;
      });
      await written.promise;
    });
    const { resources } = await target.users.find({});
    await target.users.replace(resources[0]?.id ?? "", { userName: "anna" });
    gate.resolve();
    await expect(forgotten).rejects.toBe(reason);
    const after = await target.users.find({});
    expect(after.resources.map((user) => user.userName)).toEqual(["anna"]);
  });

  test("lets savepoints that are made at once follow one another", async () => {
    const target = inMemoryTarget();
    await transaction(target, async (inside) => {
      const results = await Promise.allSettled(
        ["a", "b", "c", "d"].map((name, at) =>
          transaction(inside, async (inner) => {
            await inner.users.create({ userName: name });
            await new Promise((resolve) => setImmediate(resolve));
            if (at % 2 === 0) throw reason;
          }),
        ),
      );
      expect(results.map(({ status }) => status)).toEqual([
        "rejected",
        "fulfilled",
        "rejected",
        "fulfilled",
      ]);
    });
    const { resources } = await target.users.find({});
    expect(resources.map((user) => user.userName).sort()).toEqual(["b", "d"]);
  });

  test("leaves the operation that fails in it without effect", async () => {
    const target = inMemoryTarget();
    const { id } = await target.groups.create({ displayName: "staff" });
    await transaction(target, async (inside) => {
      const members = [{ value: "ann" }, { value: "bob", type: "Robot" }];
      const written = inside.groups.replace(id, { displayName: "crew", members });
      await expect(written).rejects.toThrow(InvalidValueError);
      await expect(inside.groups.replace("other", { displayName: "x" })).rejects.toThrow(
        NotFoundError,
      );
    });
    expect((await target.groups.get(id))?.displayName).toBe("staff");
    expect(await target.groups.members(id)).toEqual({ members: [] });
  });
});

describe("links in memory", () => {
  const states: readonly LinkState[] = ["entering", "live", "leaving", "gone"];
  const anyLink = fc.record({
    sourceId: fc.string({ unit: "binary", maxLength: 2 }),
    type: fc.constantFrom<"User" | "Group">("User", "Group"),
    state: fc.constantFrom(...states),
    adopted: fc.boolean(),
    seen: fc.nat(3),
    disabledByUs: fc.boolean(),
    dirty: fc.boolean(),
  });
  const anySelection = fc.record(
    {
      states: fc.subarray([...states]),
      seenBefore: fc.nat(4),
      dirty: fc.constant(true as const),
    },
    { requiredKeys: [] },
  );
  const anyStep = fc.record({
    saved: fc.array(anyLink, { maxLength: 8 }),
    removed: fc.array(fc.string({ unit: "binary", maxLength: 2 }), { maxLength: 3 }),
    rolledBack: fc.boolean(),
  });

  const matching = (links: Iterable<Link>, { states: wanted, ...rest }: LinkSelection): Link[] =>
    [...links]
      .filter(
        ({ state, seen, dirty }) =>
          (wanted === undefined || wanted.includes(state)) &&
          (rest.seenBefore === undefined || seen < rest.seenBefore) &&
          (rest.dirty === undefined || dirty),
      )
      .sort((one, other) => (one.sourceId < other.sourceId ? -1 : 1));

  test("are listed as a search through all of them would find them, rollbacks or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { maxLength: 8 }),
        anySelection,
        fc.integer({ min: 1, max: 4 }),
        async (steps, selection, count) => {
          const target = inMemoryTarget();
          const model = new Map<string, Link>();
          for (const { saved, removed, rolledBack } of steps) {
            const done = await target
              .transaction?.(async ({ links }) => {
                await links.save("s", saved);
                await links.remove("s", removed);
                if (rolledBack) throw new Error("The work failed.");
                return true;
              })
              .catch(() => false);
            if (done !== true) continue;
            for (const link of saved) {
              const seen = Math.max(link.seen, model.get(link.sourceId)?.seen ?? 0);
              model.set(link.sourceId, { ...link, seen });
            }
            for (const id of removed) model.delete(id);
          }
          const expected = matching(model.values(), selection);
          const found: Link[] = [];
          for (;;) {
            const after = found.at(-1)?.sourceId;
            const page = { count, ...(after === undefined ? {} : { after }) };
            const next = await target.links.list("s", selection, page);
            if (next.length === 0) break;
            found.push(...next);
          }
          expect(found).toEqual(expected);
          expect(await target.links.count("s", selection)).toBe(expected.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("stay in order when there are many", async () => {
    const links = new InMemoryLinkRepository();
    const ids = Array.from({ length: 5000 }, (_, number) => `${(number * 7919) % 5000}`);
    const link = (sourceId: string): Link => ({
      sourceId,
      type: "User",
      state: "live",
      adopted: false,
      seen: 1,
      disabledByUs: false,
      dirty: false,
    });
    await links.save("s", ids.map(link));
    await links.remove("s", ids.slice(0, 2500));
    const kept = ids.slice(2500).sort();
    const listed = await links.list("s", {}, { count: 5000 });
    expect(listed.map(({ sourceId }) => sourceId)).toEqual(kept);
    const later = await links.list("s", {}, { after: kept[1999] ?? "", count: 3 });
    expect(later.map(({ sourceId }) => sourceId)).toEqual(kept.slice(2000, 2003));
    await links.remove("s", kept);
    expect(await links.count("s", {})).toBe(0);
  });
});
