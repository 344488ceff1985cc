import { AssertionError } from "node:assert";
import { ConcordatError } from "concordat";
import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import { inMemoryTarget } from "concordat/repositories";
import {
  type ContractCase,
  groupRepositoryContract,
  type Make,
  userRepositoryContract,
} from "concordat/testing";
import { describe, expect, test } from "vitest";
import { testDatabase } from "../kysely/database.js";
import { answerMistakes } from "./mistakes/answers.js";
import { groupMistakes } from "./mistakes/groups.js";
import { type Mistake, type Stores, withMistake } from "./mistakes/mistake.js";
import { unnoticedMistakes } from "./mistakes/unnoticed.js";
import { unseenMistakes } from "./mistakes/unseen.js";
import { userMistakes } from "./mistakes/users.js";

const mistakes: readonly Mistake[] = [
  ...userMistakes,
  ...groupMistakes,
  ...answerMistakes,
  ...unnoticedMistakes,
];

/** Stores that are sound, each time anew. */
const sound: Readonly<Record<string, Make<Stores>>> = {
  memory: () => inMemoryTarget(),
  async SQLite() {
    const { db, [Symbol.asyncDispose]: dispose } = await testDatabase();
    return {
      users: new KyselyUserRepository(db),
      groups: new KyselyGroupRepository(db),
      [Symbol.asyncDispose]: dispose,
    };
  },
};

/** The cases of a suite on stores, with a mistake where one is given. */
function suiteOf(
  { suite, make: flaw }: Pick<Mistake, "suite" | "make">,
  make: Make<Stores>,
): Promise<readonly ContractCase[]> {
  const flawed = async () => {
    const stores = await make();
    const dispose = stores[Symbol.asyncDispose] ?? (async () => {});
    return Object.assign({ [Symbol.asyncDispose]: dispose }, withMistake(stores, { make: flaw }));
  };
  if (suite === "groups") return groupRepositoryContract(flawed);
  return userRepositoryContract(async () => {
    const { users, [Symbol.asyncDispose]: dispose } = await flawed();
    return new Proxy(users, {
      get: (wrapped, name): unknown =>
        name === Symbol.asyncDispose ? dispose : Reflect.get(wrapped, name),
    });
  });
}

/** What the case that has to see a mistake says of it; `undefined` where it sees nothing. */
async function seen(cases: readonly ContractCase[], name: string): Promise<unknown> {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no case "${name}".`);
  if (found.skip !== undefined) throw new Error(`"${name}" does not apply: ${found.skip}`);
  return await found.run().then(
    () => undefined,
    (error: unknown) => error,
  );
}

const nothing: Mistake["make"] = () => ({});

for (const [store, make] of Object.entries(sound)) {
  describe(`an adapter over ${store} with one mistake, which`, () => {
    test.for(mistakes)("$mistake, is caught", async (mistake) => {
      const error = await seen(await suiteOf(mistake, make), mistake.caughtBy);
      expect(error, `"${mistake.caughtBy}" sees nothing`).toBeDefined();
      // A reader of the failure learns what was required, and not that something was false.
      if (error instanceof AssertionError) {
        expect(error.message).toContain(`It is required: ${mistake.caughtBy}. But: `);
        expect(error.message).not.toMatch(/evaluated to a falsy value|== true/);
      } else expect(error, "an error that the store raised").toBeInstanceOf(ConcordatError);
    });

    test("passes each of these cases without the mistake", async () => {
      for (const suite of ["users", "groups"] as const) {
        const cases = await suiteOf({ suite, make: nothing }, make);
        const own = mistakes.filter((mistake) => mistake.suite === suite);
        for (const name of new Set(own.map(({ caughtBy }) => caughtBy))) {
          // Where there is no such attribute to declare, the case is for those who declare some.
          if (cases.find((each) => each.name === name)?.skip !== undefined) continue;
          expect(await seen(cases, name), name).toBeUndefined();
        }
      }
    });
  });
}

test("there are 54 mistakes or more, no two of one kind", () => {
  const kinds = new Set(mistakes.map(({ suite, mistake }) => `${suite}: ${mistake}`));
  expect(kinds.size).toBe(mistakes.length);
  expect(mistakes.length).toBeGreaterThanOrEqual(54);
});

describe("no case can see that an adapter", () => {
  test.for(unseenMistakes)("$mistake: $because", async (mistake) => {
    const failed: string[] = [];
    for (const { name, skip, run } of await suiteOf(mistake, () => inMemoryTarget())) {
      if (skip === undefined) await run().catch(() => failed.push(name));
    }
    expect(failed).toEqual([]);
  });
});
