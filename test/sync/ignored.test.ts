import type { UserRepository } from "concordat/repositories";
import { expect, test } from "vitest";
import { onEveryTarget, type Target } from "./stores.js";
import { follow, inWords, live, person, refresh, scripted } from "./streams.js";

/** The same target, whose users have no place for a title. */
function forgetful(target: Target): Target {
  const { transaction } = target;
  return {
    ...target,
    users: withoutTitles(target.users),
    ...(transaction !== undefined && {
      transaction: <R>(work: (inside: Target) => Promise<R>): Promise<R> =>
        transaction.call(target, (inside) => work(forgetful(inside as Target))) as Promise<R>,
    }),
  } as Target;
}

function withoutTitles(users: UserRepository): UserRepository {
  const write: UserRepository["write"] = async (writes, options) => {
    const results = await users.write(writes, options);
    return results.map((result, at) => {
      const isTitled = JSON.stringify(writes[at]).includes('"title"');
      return result.written && isTitled ? { ...result, ignored: ["title"] } : result;
    });
  };
  return new Proxy(users, {
    get(wrapped, name) {
      if (name === "write") return write;
      const value: unknown = Reflect.get(wrapped, name, wrapped);
      return typeof value === "function" ? value.bind(wrapped) : value;
    },
  });
}

onEveryTarget(({ open }) => {
  test("what a store neither keeps nor refuses is told, with what was done", async () => {
    const titled = (title: string) => person("1", "ann", { resource: { userName: "ann", title } });
    const batches = [
      ...refresh([titled("Engineer"), person("2", "bob")]),
      live([titled("Head")], "2"),
    ];
    const outcomes = await follow(scripted(batches), forgetful(await open()));
    expect(inWords(outcomes)).toEqual([
      "created ann",
      "ignored ann",
      "created bob",
      "updated ann",
      "ignored ann",
    ]);
    expect(outcomes).toContainEqual(
      expect.objectContaining({ kind: "ignored", sourceId: "1", attributes: ["title"] }),
    );
  });
});
