import { InvalidValueError, MutabilityError } from "concordat";
import { synchronize } from "concordat/sync";
import { expect, test } from "vitest";
import {
  application,
  type Call,
  interferedWith,
  onEveryTarget,
  type Target,
  userNamed,
} from "./stores.js";
import {
  apply,
  dn,
  gone,
  live,
  membersOf,
  partOfPerson,
  person,
  present,
  refresh,
  refused,
  team,
  uid,
  waiting,
} from "./streams.js";

/** An application that refuses whatever mentions a name, for as long as it does. */
function refusing(target: Target, names: Set<string>): Target {
  return interferedWith(target, {
    refuse: ({ store, method, args }: Call) => {
      if (method !== "write" || (store !== "users" && store !== "groups")) return undefined;
      const text = JSON.stringify(args[0]);
      const name = [...names].find((each) => text.includes(`"${each}"`));
      return name === undefined ? name : new InvalidValueError(store, `"${name}" is refused.`);
    },
  });
}

/**
 * Stores like those of PostgreSQL, where a statement that failed spoils the transaction that it is in, up to a
 * savepoint.
 */
function spoiling(target: Target, refuses: (call: Call) => Error | undefined): Target {
  return spoilable(target, refuses).stores;
}

function spoilable(
  target: Target,
  refuses: (call: Call) => Error | undefined,
): { readonly stores: Target; assertSound(): void } {
  let isSpoiled = false;
  let hasFailed = false;
  const assertSound = (): void => {
    if (isSpoiled) throw new Error("The transaction is aborted.");
  };
  const { transaction, ...stores } = target;
  const guarded = interferedWith(stores, {
    before: assertSound,
    refuse: (call) => {
      const error = refuses(call);
      hasFailed ||= error !== undefined;
      return error;
    },
    // The writes of one call are each guarded by the store.
    after: () => {
      isSpoiled = hasFailed;
    },
  });
  if (transaction === undefined) return { stores: guarded, assertSound };
  const inTransaction: NonNullable<Target["transaction"]> = async (work) => {
    assertSound();
    return (await transaction.call(target, async (inside) => {
      const inner = spoilable(inside as Target, refuses);
      const result = await work(inner.stores);
      inner.assertSound();
      return result;
    })) as never;
  };
  return { stores: { ...guarded, transaction: inTransaction }, assertSound };
}

onEveryTarget(({ open, transactions }) => {
  test.runIf(transactions)(
    "a refusal spoils its own savepoint, and not the transaction",
    async () => {
      const target = await open();
      let refuses = true;
      const postgres = spoiling(target, ({ store, method, args }) => {
        const text = JSON.stringify(args);
        const isRefused =
          store === "groups" ? text.includes("relations") : /bob|"active":false/.test(text);
        return refuses && method === "write" && isRefused
          ? new InvalidValueError(store, "It is refused.")
          : undefined;
      });
      const people = [person("1", "ann"), person("2", "bob"), person("3", "cleo")];
      const options = { outages: { attempts: 1 } };
      await apply(postgres, refresh([...people, team("g", "staff", [uid("ann")])]), options);
      await apply(postgres, [live([gone("3"), person("4", "dan")], "9")], options);
      expect((await refused(target)).map((change) => change.sourceId)).toEqual(["2", "3"]);
      expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "9" });
      expect((await application(target)).users).toMatchObject({ ann: "active", dan: "active" });
      refuses = false;
      await apply(
        postgres,
        refresh([
          person("1", "ann"),
          person("2", "bob"),
          person("4", "dan"),
          team("g", "staff", [uid("ann")]),
        ]),
        options,
      );
      expect(await application(target)).toEqual({
        users: { ann: "active", bob: "active", cleo: "inactive", dan: "active" },
        groups: { staff: ["ann"] },
      });
    },
  );

  test("a refused entry is kept with its reason, and holds up nothing else", async () => {
    const target = await open();
    const picky = refusing(target, new Set(["bob"]));
    const done = await apply(picky, [
      ...refresh([]),
      live([person("1", "ann"), person("2", "bob"), person("3", "cleo")], "7"),
    ]);
    expect([...done].sort()).toEqual([
      "created ann",
      "created cleo",
      "deferred bob: invalid_value",
    ]);
    expect(await refused(target)).toMatchObject([
      {
        sourceId: "2",
        type: "User",
        failure: { code: "invalid_value", message: expect.stringContaining("bob"), attempts: 1 },
      },
    ]);
    expect(await target.checkpoints.load("directory")).toMatchObject({ checkpoint: "7" });
  });

  test("a refused entry is tried again when a refresh ends, also after a restart", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    await apply(picky, refresh([person("2", "bob"), team("g", "staff", [dn("cn=bob")])]));
    expect(await refused(target)).toMatchObject([{ failure: { attempts: 2 } }]);
    names.clear();
    const done = await apply(picky, refresh([present("2", "g")]));
    expect(done).toEqual(["created bob", "bob into staff"]);
    expect(await refused(target)).toEqual([]);
  });

  test("a refused entry is tried again when its time has come, each time after twice the wait", async () => {
    const target = await open();
    let time = 1_000_000;
    const names = new Set(["bob"]);
    const options = { now: () => time, refusals: { delay: 100, maxDelay: 250 } };
    const picky = refusing(target, names);
    const waits: number[] = [];
    await apply(picky, [live([person("2", "bob")])], options);
    for (let attempt = 1; attempt <= 4; attempt++) {
      const [change] = await refused(target);
      expect(change?.failure.attempts).toBe(attempt);
      waits.push((change?.failure.nextAttempt ?? 0) - time);
      time += (waits.at(-1) ?? 0) - 1;
      expect(await apply(picky, [], options)).toEqual([]);
      time += 1;
      if (attempt === 4) names.clear();
      await apply(picky, [], options);
    }
    expect(waits).toEqual([100, 200, 250, 250]);
    expect((await application(target)).users).toEqual({ bob: "active" });
  });

  test("a refused entry is tried again while the stream has nothing to say", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const seen: string[] = [];
    const stream = waiting([live([person("2", "bob")], "1")]);
    const options = { refusals: { delay: 5 } };
    for await (const outcome of synchronize(stream, refusing(target, names), options)) {
      if (outcome.kind === "deferred") names.clear();
      seen.push(outcome.kind);
      if (outcome.kind === "created") break;
    }
    expect(seen).toEqual(["deferred", "checkpoint", "created"]);
  });

  test("what is tried again in a silent stream, and shows that all has to be read, has it read", async () => {
    const target = await open();
    const names = new Set(["doctor"]);
    const seen: string[] = [];
    await apply(target, refresh([person("1", "ann")]));
    const ann = await userNamed(target, "ann");
    const stream = waiting([live([partOfPerson("1", { title: "doctor" })], "2")]);
    const options = { refusals: { delay: 5 } };
    for await (const { kind } of synchronize(stream, refusing(target, names), options)) {
      seen.push(kind);
      if (kind === "restarted") break;
      if (names.delete("doctor")) await target.users.delete(ann.id);
    }
    expect(seen).toEqual(["deferred", "checkpoint", "deferred", "restarted"]);
  });

  test("the latest change of a refused entry counts, and a part adds to what was refused", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    await apply(picky, [
      live([person("2", "bob", { resource: { title: "first", nickName: "B" } })]),
      live([person("2", "bob", { resource: { title: "second" } })]),
      live([partOfPerson("2", { locale: "de" })]),
    ]);
    names.clear();
    await apply(picky, refresh([present("2")]));
    const bob = await userNamed(target, "bob");
    expect(bob).toMatchObject({ title: "second", locale: "de" });
    expect(bob).not.toHaveProperty("nickName");
  });

  test("a part of a group that was refused adds to its members", async () => {
    const target = await open();
    const names = new Set(["staff"]);
    const picky = refusing(target, names);
    await apply(picky, [
      live([person("1", "ann"), person("2", "bob"), team("g", "staff", [uid("ann")])]),
      live([membersOf("g", { add: [uid("bob")], remove: [uid("ann")] })]),
    ]);
    names.clear();
    await apply(picky, refresh([present("1", "2", "g")]));
    expect((await application(target)).groups).toEqual({ staff: ["bob"] });
  });

  test("a delete, or a sweep, drops what was refused", async () => {
    const target = await open();
    const picky = refusing(target, new Set(["ann", "bob"]));
    await apply(picky, refresh([person("1", "ann"), person("2", "bob")]));
    await apply(picky, [live([gone("1")])]);
    await apply(picky, refresh([]));
    expect(await refused(target)).toEqual([]);
  });

  test("an older version of a refused entry does not take the place of what was refused", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    await apply(picky, [
      live([person("2", "bob", { stamp: "5", resource: { title: "new" } })]),
      live([person("2", "bob", { stamp: "4", resource: { title: "old" } })]),
    ]);
    names.clear();
    await apply(picky, refresh([present("2")]));
    expect((await userNamed(target, "bob")).title).toBe("new");
  });

  test("names follow the directory although the application refuses the entry", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    const cn = (name: string) => ({ names: [dn(name)] });
    await apply(picky, [
      live([person("1", "ann", cn("cn=x")), team("g", "staff", [dn("cn=x")])]),
      live([person("2", "bob", cn("cn=x"))]),
    ]);
    // The name is bob's, who is not there: nobody is meant, least of all its former holder.
    expect((await application(target)).groups).toEqual({ staff: [] });
    names.clear();
    await apply(picky, refresh([present("1", "2", "g")]));
    expect((await application(target)).groups).toEqual({ staff: ["bob"] });
  });

  test("trying again does not bring back a name that went to another", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    const dangling = "drop";
    const cn = (name: string) => ({ names: [dn(name)], stamp: "1" });
    const staff = team("g", "staff", [dn("cn=x")]);
    await apply(picky, [live([person("2", "bob", cn("cn=x")), staff])], { dangling });
    await apply(picky, [live([person("1", "ann", cn("cn=x"))])], { dangling });
    names.clear();
    await apply(picky, refresh([present("1", "2", "g")]), { dangling });
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
  });

  test("a refused entry keeps the names that it was given by a renamed parent", async () => {
    const target = await open();
    const names = new Set(["bob"]);
    const picky = refusing(target, names);
    const dangling = "drop";
    const old = person("2", "bob", { names: [dn("cn=bob,ou=old")], stamp: "1" });
    await apply(picky, refresh([old, team("g", "staff", [dn("cn=bob,ou=new")])]), { dangling });
    const moved = { sourceId: "2", names: [dn("cn=bob,ou=new")], stamp: "1" };
    await apply(picky, refresh([present(moved, "g")], { phase: "reconcile" }), { dangling });
    names.clear();
    await apply(picky, [live([partOfPerson("2", { title: "Dr" })])], { dangling });
    expect((await application(target)).groups).toEqual({ staff: ["bob"] });
  });

  test("a group that is accepted late has the members that it stated all along", async () => {
    const target = await open();
    const names = new Set(["staff"]);
    const picky = refusing(target, names);
    await apply(
      picky,
      refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", [uid("ann")])]),
    );
    names.clear();
    await apply(picky, refresh([present("1", "2", "g")]));
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
  });

  test("a refused removal is kept, counted, and done in the end", async () => {
    const target = await open();
    let refuses = true;
    let time = 1_000;
    const options = { now: () => time, refusals: { delay: 10 } };
    const picky = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        refuses &&
        store === "users" &&
        method === "write" &&
        JSON.stringify(args).includes("active")
          ? new MutabilityError("active", "not today")
          : undefined,
    });
    await apply(target, refresh([person("1", "ann")]), options);
    expect(await apply(picky, [live([gone("1", "9")])], options)).toEqual([
      "deferred ann: mutability",
    ]);
    expect(await refused(target)).toMatchObject([
      { sourceId: "1", failure: { code: "mutability", attempts: 1, change: { kind: "delete" } } },
    ]);
    time += 10;
    await apply(picky, [], options);
    expect(await refused(target)).toMatchObject([
      { failure: { attempts: 2, nextAttempt: time + 20 } },
    ]);
    refuses = false;
    time += 20;
    expect(await apply(picky, [], options)).toEqual(["deactivated ann"]);
    expect(await refused(target)).toEqual([]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("a refused deletion keeps its stamp: what was told before it brings nobody back", async () => {
    const target = await open();
    const at = (second: number) => `2026010200000${second}.000000Z#000000#001#000000`;
    let time = 1_000;
    const options = { now: () => time, refusals: { delay: 10 } };
    await apply(target, refresh([person("1", "ann", { stamp: at(1) })]), options);
    const refusing = interferedWith(target, {
      refuse: ({ store, method }) =>
        store === "users" && method === "write"
          ? new InvalidValueError("active", "not today")
          : undefined,
    });
    await apply(refusing, [live([gone("1", at(5))], "1")], options);
    // An older version, as a provider that lags or a recorded stream tells it.
    await apply(target, [live([person("1", "ann", { stamp: at(3) })], "2")], options);
    expect(await refused(target)).toMatchObject([
      { sourceId: "1", failure: { change: { kind: "delete" } } },
    ]);
    time += 10;
    expect(await apply(target, [], options)).toEqual(["deactivated ann"]);
    expect((await application(target)).users).toEqual({ ann: "inactive" });
  });

  test("a delete that is refused is not undone by a comparison that began before it", async () => {
    const target = await open();
    const picky = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        store === "users" && method === "write" && JSON.stringify(args).includes('"active":false')
          ? new MutabilityError("active", "not today")
          : undefined,
    });
    const ann = person("1", "ann", { stamp: "1" });
    await apply(target, refresh([ann]));
    await apply(picky, [live([gone("1", "2")])]);
    const crossing = { sourceId: "1", stamp: "1" };
    const done = await apply(picky, refresh([ann, present(crossing)], { phase: "reconcile" }));
    expect(done).not.toContain("restarted");
    expect(await refused(target)).toMatchObject([{ failure: { change: { kind: "delete" } } }]);
  });

  test("a refused membership is tried again, and so is one that is not to be taken away", async () => {
    const target = await open();
    let refuses = true;
    const picky = interferedWith(target, {
      refuse: ({ store, method, args }) =>
        refuses &&
        store === "groups" &&
        method === "write" &&
        JSON.stringify(args).includes("relations")
          ? new MutabilityError("members", "not today")
          : undefined,
    });
    let time = 1_000;
    const options = { now: () => time, refusals: { delay: 10 } };
    const people = [person("1", "ann"), person("2", "bob")];
    const first = await apply(
      picky,
      refresh([...people, team("g", "staff", [uid("ann"), uid("bob")])]),
      options,
    );
    expect(first).toContain("deferred ann and staff: mutability");
    refuses = false;
    time += 10;
    expect([...(await apply(picky, [], options))].sort()).toEqual([
      "ann into staff",
      "bob into staff",
    ]);
    refuses = true;
    // One withdrawn by the group, one by the member's leaving.
    await apply(picky, [live([team("g", "staff", [uid("bob")])]), live([gone("2")])], options);
    expect((await application(target)).groups).toEqual({ staff: ["ann", "bob"] });
    refuses = false;
    time += 10;
    await apply(picky, [], options);
    expect((await application(target)).groups).toEqual({ staff: [] });
  });

  test("a refused membership is not looked at again by what is told before its time has come", async () => {
    const target = await open();
    let tried = 0;
    const picky = interferedWith(target, {
      refuse: ({ store, method, args }) => {
        if (store !== "groups" || method !== "write") return undefined;
        if (!JSON.stringify(args).includes("relations")) return undefined;
        tried++;
        return new MutabilityError("members", "not today");
      },
    });
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [])]));
    const staff = live([team("g", "staff", [uid("ann")])]);
    const others = ["2", "3", "4"].map((sourceId) => live([person(sourceId, `no ${sourceId}`)]));
    await apply(picky, [staff, ...others], { now: () => 1_000, refusals: { delay: 10 } });
    // Together with others, and then alone.
    expect(tried).toBe(2);
    expect(await target.links.count("directory", { dirty: true })).toBe(1);
  });

  test("a refused membership is tried again although accounts move meanwhile", async () => {
    const target = await open();
    let refuses = true;
    const picky = interferedWith(target, {
      // With its quotation marks: an identifier may well be made of the letters a, d and d.
      refuse: ({ store, method, args }) =>
        refuses &&
        store === "groups" &&
        method === "write" &&
        JSON.stringify(args).includes('"add"')
          ? new MutabilityError("members", "not today")
          : undefined,
    });
    await apply(target, refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", [])]));
    const stream = waiting([
      live([team("g", "staff", [uid("ann")])]),
      live([person("2", "bobby")]),
    ]);
    const seen: string[] = [];
    for await (const { kind } of synchronize(stream, picky, { refusals: { delay: 5 } })) {
      seen.push(kind);
      if (kind === "memberDeferred") refuses = false;
      if (kind === "memberAdded") break;
    }
    expect(seen).toContain("memberDeferred");
    expect(await application(target)).toMatchObject({ groups: { staff: ["ann"] } });
  });

  test("an entry without a name waits for one", async () => {
    const target = await open();
    const nameless = person("1", "", { names: [dn("cn=?")] });
    expect(await apply(target, [live([nameless])])).toEqual(["deferred : invalid_value"]);
    expect(await apply(target, [live([person("1", "ann")])])).toEqual(["created ann"]);
  });

  test("a conflict with a local account ends when the account is renamed", async () => {
    const target = await open();
    const { id } = await target.users.create({ userName: "ann" });
    await apply(target, refresh([person("1", "ann"), team("g", "staff", [uid("ann")])]));
    await target.users.modify(id, { set: { userName: "the other ann" } });
    await apply(target, refresh([present("1", "g")]));
    expect(await application(target)).toEqual({
      users: { "the other ann": "active", ann: "active" },
      groups: { staff: ["ann"] },
    });
  });
});
