import { UnsupportedError } from "concordat";
import { expect, test } from "vitest";
import { interferedWith, onEveryTarget } from "./stores.js";
import { apply, person, refresh, team, uid } from "./streams.js";

onEveryTarget(({ open, transactions }) => {
  test("after a refusal, memberships that were made are not made again", async () => {
    const target = await open();
    const written: string[] = [];
    const strict = interferedWith(target, {
      before: ({ store, method, args }) => {
        const text = JSON.stringify(args);
        if (store === "groups" && method === "write" && text.includes('"members"')) {
          written.push(text);
        }
      },
      refuse: ({ store, method, args }) =>
        store === "groups" &&
        method === "write" &&
        /"add":\[[^\]]*"type":"Group"/.test(JSON.stringify(args))
          ? new UnsupportedError("There are no groups in groups.")
          : undefined,
    });
    const done = await apply(
      strict,
      refresh([
        person("1", "ann"),
        person("2", "bob"),
        team("g", "staff", [uid("ann"), uid("bob")]),
        team("h", "crew", [{ kind: "id", key: "g" }]),
      ]),
    );
    expect(done).toContain("ann into staff");
    expect(done).toContain("bob into staff");
    expect(done).toContain("deferred staff and crew: unsupported");
    // In a transaction, what was made was undone.
    const count = written.filter((text) => text.includes('"User"')).length;
    expect(count).toBe(transactions ? 3 : 1);
  });
});
