import { TooManyError } from "concordat";
import type { ChangeBatch, Upsert } from "concordat/changes";
import { type Outcome, readAnew, type SynchronizeOptions, synchronize } from "concordat/sync";
import { expect, test, vi } from "vitest";
import { application, interferedWith, onEveryTarget, type Target, userNamed } from "./stores.js";
import {
  apply,
  gone,
  live,
  person,
  quick,
  refresh,
  resumable,
  scripted,
  team,
  uid,
} from "./streams.js";

const people = Array.from({ length: 20 }, (_, index) =>
  person(String(index), `p${index}`, {
    resource: {
      title: "T",
      name: { givenName: "G", familyName: "F" },
      phoneNumbers: [
        { value: "1", type: "work" },
        { value: "2", type: "mobile" },
      ],
    },
  }),
);
const staff = team(
  "g",
  "staff",
  people.map((each) => uid(each.resource.userName ?? "")),
);

/** The same entries as they read without an attribute. */
function without(change: (resource: (typeof people)[number]["resource"]) => object): Upsert[] {
  return people.map((each) => ({
    ...each,
    resource: { ...each.resource, ...change(each.resource) },
  }));
}

async function limited(
  target: Target,
  batches: readonly ChangeBatch[],
  options: SynchronizeOptions = {},
  mapping = "profile",
): Promise<{ last: Outcome | undefined; error: unknown }> {
  let last: Outcome | undefined;
  try {
    const stream = { ...scripted(batches), mapping };
    for await (const outcome of synchronize(stream, target, { ...quick, ...options }))
      last = outcome;
    return { last, error: undefined };
  } catch (error) {
    return { last, error };
  }
}

onEveryTarget(({ open }) => {
  async function filled(): Promise<Target> {
    const target = await open();
    await limited(target, refresh([...people, staff], { checkpoint: "filled" }));
    return target;
  }

  test.for([
    ["an attribute", without(() => ({ title: null })), "title"],
    ["a part of one", without(() => ({ name: { givenName: "G" } })), "name.familyName"],
    [
      "the values of one type",
      without(() => ({ phoneNumbers: [{ value: "1", type: "work" }] })),
      "phoneNumbers.mobile",
    ],
    [
      "the names by which groups mean people",
      people.map((each) => ({ ...each, names: each.names.filter(({ kind }) => kind === "dn") })),
      "names.uid",
    ],
  ] as const)(
    "%s that vanishes everywhere changes nothing before somebody decides",
    async ([, hidden, path]) => {
      for (const batches of [refresh([...hidden, staff]), [live(hidden, "2")]]) {
        const target = await filled();
        const user = await userNamed(target, "p3");
        const before = await application(target);
        const { last, error } = await limited(target, batches);
        expect(error).toBeInstanceOf(TooManyError);
        // A fifth of 21, but never less than ten.
        expect(last).toMatchObject({ kind: "limited", option: "maxCleared", limit: 10, count: 20 });
        const cleared = last?.kind === "limited" ? last.cleared : [];
        expect(cleared).toHaveLength(20);
        expect(cleared[0]).toMatchObject({ type: "User", sourceId: "0", attributes: [path] });
        expect(await userNamed(target, "p3")).toEqual(user);
        expect(await application(target)).toEqual(before);
        expect((await target.checkpoints.load("directory"))?.checkpoint).toBe("filled");
        // It is what the directory means.
        expect((await limited(target, batches, { maxCleared: 20 })).error).toBeUndefined();
      }
    },
  );

  test("a program that was started since names what is lost by what the accounts still have", async () => {
    let lookedAt = 0;
    const target = interferedWith(await filled(), {
      before({ store, method }) {
        if (store === "users" && method === "get") lookedAt++;
      },
    });
    vi.resetModules();
    const started = await import("concordat/sync");
    let last: Outcome | undefined;
    const follow = async () => {
      const batches = [live(without(() => ({ phoneNumbers: null })))];
      const stream = { ...scripted(batches), mapping: "profile" };
      for await (const outcome of started.synchronize(stream, target, quick)) last = outcome;
    };
    await expect(follow()).rejects.toMatchObject({ code: "too_many" });
    const cleared = last?.kind === "limited" ? last.cleared : [];
    expect(cleared[0]?.attributes).toEqual(["phoneNumbers.mobile", "phoneNumbers.work"]);
    // One account shows what they are called, whoever else has lost them.
    expect(lookedAt).toBe(1);
  });

  test("the members of groups that come empty count as one value each, besides the members", async () => {
    const target = await open();
    const groups = Array.from({ length: 12 }, (_, index) =>
      team(`g${index}`, `g${index}`, [uid(`p${index}`)]),
    );
    await limited(target, refresh([...people, ...groups]));
    const empty = groups.map((each) => ({
      ...each,
      members: { kind: "all", members: [] } as const,
    }));
    const { last, error } = await limited(target, [live(empty)], {
      maxDeletes: Number.POSITIVE_INFINITY,
    });
    expect(error).toBeInstanceOf(TooManyError);
    // In the order of the events, a group that states its members is a change by itself.
    const counted = last?.kind === "limited" ? last.before + last.count : 0;
    expect(last).toMatchObject({ option: "maxCleared", limit: 10 });
    expect(counted).toBeGreaterThan(10);
    expect((await application(target)).groups["g3"]).toEqual(["p3"]);
  });

  test("a few values that are cleared are cleared, and what was counted is kept for the window", async () => {
    const target = await filled();
    const some = without(() => ({ title: null }));
    let time = 1_000_000;
    const options = { maxCleared: { count: 6, within: 60_000 }, now: () => time };
    expect((await limited(target, [live(some.slice(0, 4))], options)).error).toBeUndefined();
    expect((await userNamed(target, "p3")).title).toBeUndefined();
    expect((await limited(target, [live(some.slice(4, 7))], options)).error).toBeInstanceOf(
      TooManyError,
    );
    time += 61_000;
    expect((await limited(target, [live(some.slice(4, 7))], options)).error).toBeUndefined();
  });

  test("after a change of the profile values may be gone, until everything was read once", async () => {
    const target = await filled();
    const mapped = without(() => ({ title: null }));
    // Read by another profile, in part, so that the next run is still the first one.
    const cut = refresh([...mapped.slice(0, 12), staff]).slice(0, 2);
    expect((await limited(target, cut, {}, "another")).error).toBeUndefined();
    expect(
      (await limited(target, refresh([...mapped, staff]), {}, "another")).error,
    ).toBeUndefined();
    const less = mapped.map(
      (each) => ({ ...each, resource: { ...each.resource, name: null } }) as Upsert,
    );
    expect((await limited(target, refresh([...less, staff]), {}, "another")).error).toBeInstanceOf(
      TooManyError,
    );
  });

  test("what was hidden and cleared comes back when everything is read anew, which is one call", async () => {
    const target = await filled();
    const hidden = without(() => ({ title: null }));
    // Entries keep their stamps while a rule hides one of their attributes.
    await limited(target, refresh([...hidden, staff]), { maxCleared: Number.POSITIVE_INFINITY });
    expect((await userNamed(target, "p3")).title).toBeUndefined();
    const stream = resumable([
      ...refresh([...people, staff], { checkpoint: "refreshed" }),
      live([], "later"),
    ]);
    await apply(target, [], {});
    const follow = async () => {
      for await (const _ of synchronize(stream, target, quick));
    };
    await follow();
    expect((await userNamed(target, "p3")).title).toBeUndefined();
    await readAnew(target.checkpoints, "directory");
    await follow();
    expect((await userNamed(target, "p3")).title).toBe("T");
    expect(stream.readFrom).toEqual(["refreshed", undefined]);
  });

  test("a runner at work when everything is to be read anew ends, and reads it when it is started again", async () => {
    const target = await filled();
    const stream = {
      source: "directory",
      async *read() {
        await readAnew(target.checkpoints, "directory");
        yield live([person("0", "other")], "2");
      },
    };
    const following = (async () => {
      for await (const _ of synchronize(stream, target, quick));
    })();
    await expect(following).rejects.toMatchObject({ code: "stream_taken", source: "directory" });
    expect(await target.checkpoints.load("directory")).not.toHaveProperty("checkpoint");
    await userNamed(target, "p0");
  });

  test("accounts that were taken away count for their own window, however short the other one is", async () => {
    const target = await filled();
    let time = 1_000_000;
    const options = {
      maxDeletes: { count: 10, fraction: 1, within: 86_400_000 },
      maxCleared: { count: 10, within: 60_000 },
      now: () => time,
    };
    for (const { sourceId } of people.slice(0, 10)) {
      expect((await limited(target, [live([gone(sourceId)])], options)).error).toBeUndefined();
      time += 120_000;
    }
    const eleventh = await limited(target, [live([gone("10")])], options);
    expect(eleventh.last).toMatchObject({ kind: "limited", option: "maxDeletes", before: 10 });
  });
});
