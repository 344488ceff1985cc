import { UnavailableError } from "concordat";
import { inMemoryTarget } from "concordat/repositories";
import { refusedChanges, type SynchronizeOptions } from "concordat/sync";
import { describe, expect, test } from "vitest";
import { application, type Call, interferedWith, onEveryTarget, type Target } from "./stores.js";
import {
  apply,
  follow,
  gone,
  inWords,
  live,
  person,
  refresh,
  resumable,
  scripted,
  team,
  uid,
} from "./streams.js";

/** What a service provider answers that has failed. */
function failure(status = 500, more: { retryAfter?: number; mayBeDone?: boolean } = {}): Error {
  const cause = Object.assign(new Error(`The service provider responded with ${status}.`), {
    status,
  });
  return new UnavailableError(cause.message, { cause, mayBeDone: true, ...more });
}

const options: SynchronizeOptions = {
  outages: { attempts: 6, delay: 1, maxDelay: 1 },
  refusals: { delay: 1, maxDelay: 1 },
};

/** Whether a call is a write, of users or groups, in which a name comes. */
const writes = ({ store, method, args }: Call, name: string): boolean =>
  ["users", "groups"].includes(store) &&
  ["write", "delete"].includes(method) &&
  JSON.stringify(args).includes(name);

/** A target without transactions, as one whose users and groups are at a service provider has none. */
function remote(fails: (call: Call) => Error | undefined): {
  readonly inner: Target;
  readonly target: Target;
  readonly calls: Call[];
} {
  const inner = inMemoryTarget({ transactions: false });
  const calls: Call[] = [];
  const target = interferedWith(inner, {
    before: (call) => {
      calls.push(call);
      const error = fails(call);
      if (error !== undefined) throw error;
    },
  });
  return { inner, target, calls };
}

async function failuresOf(target: Target): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { sourceId } of refusedChanges(target.links, "directory")) found.push(sourceId);
  return found;
}

describe("one entry that a service provider answers with 500", () => {
  test("is refused after some attempts, and nobody else waits for it", async () => {
    const { inner, target, calls } = remote((call) =>
      writes(call, "bob") ? failure() : undefined,
    );
    const batches = [
      ...refresh([person("1", "ann"), person("2", "bob"), person("3", "eve")]),
      live([gone("3")], "2"),
    ];
    const done = inWords(await follow(scripted(batches), target, options));
    expect(done).toContain("created ann");
    expect(done).toContain("deferred bob: unsupported");
    expect(done).toContain("deactivated eve");
    expect((await application(inner)).users).toEqual({ ann: "active", eve: "inactive" });
    // They were not even kept waiting until it was known whose trouble it is.
    const order = calls.flatMap((call) => ["bob", "eve"].filter((name) => writes(call, name)));
    expect(order.indexOf("eve")).toBeLessThan(order.indexOf("bob", 2));
  });

  test("and is created by the last attempt is found", async () => {
    const { inner, target } = remote(() => undefined);
    const create = inner.users.write.bind(inner.users);
    let attempts = 0;
    const failing = new Proxy(target.users, {
      get(wrapped, name) {
        const value: unknown = Reflect.get(wrapped, name, wrapped);
        if (name !== "write") return typeof value === "function" ? value.bind(wrapped) : value;
        return async (all: Parameters<typeof create>[0]) => {
          if (!/"create".*bob/.test(JSON.stringify(all))) return await create(all);
          // The first is of several, and three of its own follow.
          attempts += 1;
          if (attempts === 4) await create(all);
          throw failure();
        };
      },
    });
    const people = [person("1", "ann"), person("2", "bob")];
    const done = inWords(
      await follow(scripted(refresh(people)), { ...target, users: failing }, options),
    );
    expect(done).toContain("created bob");
    expect(await failuresOf(target)).toEqual([]);
    expect((await inner.users.find({})).totalResults).toBe(2);
  });

  test("is tried again, and made when it can be", async () => {
    let isDown = true;
    const { inner, target } = remote((call) =>
      isDown && writes(call, "bob") ? failure() : undefined,
    );
    const stream = resumable([
      ...refresh([person("1", "ann"), person("2", "bob")]),
      live([person("3", "eve")], "2"),
    ]);
    let time = 1_000_000;
    const timed = { ...options, now: () => time };
    await follow(stream, target, timed);
    expect(await failuresOf(target)).toEqual(["2"]);
    isDown = false;
    time += 1;
    await follow(stream, target, timed);
    expect(Object.keys((await application(inner)).users)).toContain("bob");
  });

  test("does not keep somebody from being disabled who comes after it, although it fails in each change", async () => {
    const { inner, target } = remote((call) =>
      writes(call, "Boss") || (writes(call, '"id":"') && JSON.stringify(call.args).includes("Boss"))
        ? failure()
        : undefined,
    );
    const titled = (title: string) => person("1", "ann", { resource: { userName: "ann", title } });
    const off = person("2", "bob", { resource: { userName: "bob", active: false } });
    const batches = [
      ...refresh([titled("Engineer"), person("2", "bob")]),
      live([titled("Boss"), off], "2"),
    ];
    const done = inWords(await follow(scripted(batches), target, options));
    expect(done).toContain("deactivated bob");
    expect(done).toContain("deferred ann: unsupported");
    expect((await application(inner)).users).toEqual({ ann: "active", bob: "inactive" });
  });

  test("and was created all the same is found, and not taken for somebody else's", async () => {
    const { inner, target } = remote(() => undefined);
    const { users } = inner;
    const create = users.write.bind(users);
    // It is written, and then something fails.
    const failing = new Proxy(target.users, {
      get(wrapped, name) {
        const value: unknown = Reflect.get(wrapped, name, wrapped);
        if (name !== "write") return typeof value === "function" ? value.bind(wrapped) : value;
        return async (all: Parameters<typeof create>[0]) => {
          const results = await create(all);
          if (/"create".*bob/.test(JSON.stringify(all))) throw failure();
          return results;
        };
      },
    });
    const done = await follow(
      scripted(refresh([person("1", "ann"), person("2", "bob")])),
      { ...target, users: failing },
      options,
    );
    const words = inWords(done);
    expect(words).toContain("created bob");
    expect(words.some((word) => word.startsWith("deferred"))).toBe(false);
    expect((await users.find({})).totalResults).toBe(2);
  });

  test("may be a group: memberships in others are made", async () => {
    let groups: ReadonlyMap<string, string> = new Map();
    const { inner, target } = remote((call) =>
      call.store === "groups" &&
      call.method === "write" &&
      isAboutMembersOf(call, groups.get("staff"))
        ? failure()
        : undefined,
    );
    groups = await namesOf(target, "staff", "crew");
    const done = await apply(
      target,
      [
        live(
          [team("g", "staff", [uid("ann")]), team("h", "crew", [uid("ann")]), person("1", "ann")],
          "2",
        ),
      ],
      options,
    );
    expect((await application(inner)).groups).toEqual({ staff: [], crew: ["ann"] });
    expect(done).toContain("deferred ann and staff: unsupported");
  });

  test("may be a group of which nobody can see who is in it: nobody is put into it", async () => {
    let groups: ReadonlyMap<string, string> = new Map();
    const { target, calls } = remote((call) =>
      ["whichAreMembers", "whichExist"].includes(call.method) &&
      JSON.stringify(call.args).includes(groups.get("staff") ?? "?")
        ? failure()
        : undefined,
    );
    groups = await namesOf(target, "staff", "crew");
    const done = await apply(
      target,
      [
        live(
          [team("g", "staff", [uid("ann")]), team("h", "crew", [uid("ann")]), person("1", "ann")],
          "2",
        ),
      ],
      options,
    );
    expect(done).toContain("ann into crew");
    expect(done).toContain("deferred ann and staff: unsupported");
    const into = calls.filter(
      (call) => call.method === "write" && isAboutMembersOf(call, groups.get("staff")),
    );
    expect(into).toEqual([]);
  });

  test("may be a question: a name that cannot be looked for", async () => {
    const { target } = remote(({ store, method, args }) =>
      store === "users" && method === "find" && JSON.stringify(args).includes("b%b")
        ? failure()
        : undefined,
    );
    const batches = refresh([person("1", "ann"), person("2", "b%b"), person("3", "eve")]);
    const done = await apply(target, batches, options);
    expect(done).toContain("created eve");
    expect(done).toContain("deferred b%b: unsupported");
  });
});

describe("an outage is one", () => {
  test("where many fail in a row", async () => {
    const { target } = remote((call) => (writes(call, "zed") ? failure() : undefined));
    const people = Array.from({ length: 12 }, (_, n) => person(`${n}`, `zed${n}`));
    const batches = refresh([person("a", "ann"), ...people]);
    await expect(follow(scripted(batches), target, options)).rejects.toThrow(UnavailableError);
    expect(await failuresOf(target)).toEqual([]);
  });

  test("where nobody is answered", async () => {
    const { target } = remote(({ store }) => (store === "users" ? failure() : undefined));
    const batches = refresh([person("1", "ann"), person("2", "bob")]);
    await expect(follow(scripted(batches), target, options)).rejects.toThrow(UnavailableError);
  });

  test.each([
    ["asks to come again later", failure(503, { retryAfter: 1 })],
    ["did not answer", new UnavailableError("The connection was lost.", { mayBeDone: true })],
  ])("where the store %s", async (_, error) => {
    const { target } = remote((call) => (writes(call, "bob") ? error : undefined));
    const batches = refresh([person("1", "ann"), person("2", "bob")]);
    await expect(follow(scripted(batches), target, options)).rejects.toThrow(UnavailableError);
  });

  test("but not where those fail again whose trouble is known", async () => {
    const { inner, target } = remote((call) => (writes(call, "zed") ? failure() : undefined));
    const batches = [
      ...refresh([person("a", "ann")]),
      // One after the other, with others in between.
      ...Array.from({ length: 12 }, (_, n) =>
        live([person(`${n}`, `zed${n}`), person(`o${n}`, `other${n}`)], `c${n}`),
      ),
    ];
    const stream = resumable(batches);
    await follow(stream, target, options);
    await follow(resumable([live([person("z", "zoe")], "z")]), target, options);
    expect(Object.keys((await application(inner)).users)).toContain("zoe");
    expect(await failuresOf(target)).toHaveLength(12);
  });
});

test("what is written together goes to the store as one request, until one of them fails", async () => {
  const inner = inMemoryTarget({ transactions: false });
  const requests: (readonly string[])[] = [];
  let fails = false;
  const users = new Proxy(inner.users, {
    get(wrapped, name) {
      const value: unknown = Reflect.get(wrapped, name, wrapped);
      if (name !== "write") return typeof value === "function" ? value.bind(wrapped) : value;
      return async (all: Parameters<typeof wrapped.write>[0]) => {
        requests.push(all.map((write) => ("resource" in write ? write.resource.userName : "?")));
        if (fails && /bob/.test(JSON.stringify(all))) throw failure();
        return await wrapped.write(all);
      };
    },
  });
  const target = { ...inner, users };
  await apply(target, refresh(["ann", "cid"].map((name) => person(name, name))), options);
  expect(requests).toEqual([["ann", "cid"]]);
  requests.length = 0;
  fails = true;
  await apply(target, [live(["bob", "dan", "eve"].map((name) => person(name, name)))], options);
  expect(requests[0]).toEqual(["bob", "dan", "eve"]);
  expect(requests.slice(1).every((names) => names.length === 1)).toBe(true);
  requests.length = 0;
  await apply(target, [live(["fay", "gus"].map((name) => person(name, name)))], options);
  expect(requests).toContainEqual(["fay", "gus"]);
});

onEveryTarget(({ open, transactions }) => {
  test.runIf(transactions)("in a transaction, each failure is an outage", async () => {
    const target = interferedWith(await open(), {
      before: (call) => {
        if (writes(call, "bob")) throw failure();
      },
    });
    const batches = refresh([person("1", "ann"), person("2", "bob")]);
    await expect(follow(scripted(batches), target, options)).rejects.toThrow(UnavailableError);
  });
});

function isAboutMembersOf({ args }: Call, group = "?"): boolean {
  const text = JSON.stringify(args);
  return text.includes('"members"') && text.includes(`"${group}"`);
}

/** Groups that are there already, in the application and in what is known of the source, by name. */
async function namesOf(target: Target, ...names: readonly string[]) {
  const teams = names.map((name, at) => team("gh"[at] ?? name, name, []));
  await apply(target, refresh([person("0", "zero"), ...teams]), options);
  const { resources } = await target.groups.find({});
  return new Map(resources.map(({ displayName, id }) => [displayName, id]));
}
