import { MutabilityError, UniquenessError, UnsupportedError } from "concordat";
import { type GroupRepository, inMemoryTarget } from "concordat/repositories";
import { caseless } from "concordat/scim";
import { type ContractCase, groupRepositoryContract } from "concordat/testing";
import { describe, expect, test } from "vitest";
import { type Stores, withMistake } from "./mistakes/mistake.js";

/** Groups that are there, and to which none can be added: those that an application's configuration declares. */
async function declaredGroups(
  mistakes: (declared: Stores) => Partial<GroupRepository> = () => ({}),
): Promise<Stores> {
  const { users, groups } = inMemoryTarget();
  for (let number = 1; number <= 60; number++) {
    await groups.create({ displayName: `declared ${number}` });
  }
  const refuseName = async (id: string, displayName: string | undefined) => {
    const group = displayName === undefined ? undefined : await groups.get(id);
    if (group !== undefined && group.displayName !== displayName) {
      throw new MutabilityError("displayName", "it is declared in the configuration.");
    }
  };
  const declared = withMistake(
    { users, groups },
    {
      make: () => ({
        groups: {
          capabilities: { ...groups.capabilities, create: "none", delete: "none", rename: false },
          async create({ displayName }, options) {
            const { resources } = await groups.find({}, options);
            const there = resources.find(
              (group) => caseless(group.displayName) === caseless(displayName),
            );
            if (there !== undefined) throw new UniquenessError("displayName", there.id);
            throw new UnsupportedError("Groups are declared in the configuration.");
          },
          async replace(id, group, options) {
            options?.signal?.throwIfAborted();
            await refuseName(id, group.displayName);
            return await groups.replace(id, group, options);
          },
          async modify(id, change, options) {
            options?.signal?.throwIfAborted();
            if (!("plan" in change)) await refuseName(id, change.set?.displayName);
            await groups.modify(id, change, options);
          },
          async write(writes, options) {
            options?.signal?.throwIfAborted();
            const [first, ...others] = writes;
            if (first?.kind !== "create") return await groups.write(writes, options);
            const error = new UnsupportedError("Groups are declared in the configuration.");
            return [{ written: false, error }, ...(await groups.write(others, options))];
          },
          async delete() {
            throw new UnsupportedError("Groups are declared in the configuration.");
          },
        },
      }),
    },
  );
  return withMistake(declared, { make: () => ({ groups: mistakes(declared) }) });
}

describe("groups that are declared elsewhere", async () => {
  for (const { name, skip, run } of await groupRepositoryContract(() => declaredGroups())) {
    if (skip === undefined) test(name, run);
    else test.skip(`${name}: ${skip}`);
  }
});

const refused =
  "create is refused: of what is there as UniquenessError that names it, of anything else as UnsupportedError";

const mistakes: readonly {
  readonly mistake: string;
  readonly caughtBy: string;
  make(declared: Stores): Partial<GroupRepository>;
}[] = [
  {
    mistake: "says that it has created what it has not",
    caughtBy: refused,
    make: () => ({ create: async (group) => ({ ...group, id: "1", members: [] }) }),
  },
  {
    mistake: "does not name the group that is there",
    caughtBy: refused,
    make: () => ({
      async create({ displayName }) {
        if (displayName.startsWith("declared")) throw new UniquenessError("displayName");
        throw new UnsupportedError("Groups are declared in the configuration.");
      },
    }),
  },
  {
    mistake: "finds none by its name",
    caughtBy: "each of the resources that are there is read by its id, and found by its name",
    make: ({ groups }) => ({
      find: (query, options) =>
        query.filter === undefined
          ? groups.find(query, options)
          : Promise.resolve({ totalResults: 0, startIndex: 1, resources: [] }),
    }),
  },
  {
    mistake: "has the first page again after itself",
    caughtBy: "pages by index together hold every resource once",
    make: ({ groups }) => ({
      find: (query, options) => groups.find({ ...query, startIndex: 1 }, options),
    }),
  },
  {
    mistake: "makes a group of an id that there is not",
    caughtBy: "an id that was never given out is that of nothing",
    make: ({ groups }) => ({
      get: async (id, options) => (await groups.get(id, options)) ?? { id, displayName: id },
    }),
  },
  {
    mistake: "answers a write with another group",
    caughtBy: "what was read can be written, and is as it was",
    make: ({ groups }) => ({
      replace: async (...call) => ({ ...(await groups.replace(...call)), id: "another" }),
    }),
  },
  {
    mistake: "passes another name over without a word",
    caughtBy: "a resource keeps its name: another is refused",
    make: ({ groups }) => ({
      async modify(id, change, options) {
        if (!("plan" in change) && change.set?.displayName !== undefined) return;
        await groups.modify(id, change, options);
      },
    }),
  },
  {
    mistake: "says that it has deleted what stays",
    caughtBy: "delete is refused",
    make: () => ({ delete: async () => {} }),
  },
  {
    mistake: "adds a member where others are to be removed",
    caughtBy: "one change adds, removes and clears",
    make: ({ groups }) => ({
      changeMembers: (id, { add = [] }, options) => groups.changeMembers(id, { add }, options),
    }),
  },
  {
    mistake: "reads when the caller has left",
    caughtBy: "a call whose signal is aborted rejects with the signal's reason",
    make: ({ groups }) => ({ get: (id) => groups.get(id) }),
  },
];

describe("the suite of groups that are declared elsewhere", () => {
  test.each(mistakes)("sees a store that $mistake", async ({ caughtBy, make }) => {
    const cases = await groupRepositoryContract(() => declaredGroups(make));
    const named = cases.filter(({ name, skip }) => name === caughtBy && skip === undefined);
    expect(named).toHaveLength(1);
    await expect(runAll(named)).rejects.toThrow(`It is required: ${caughtBy}. But: `);
  });
});

async function runAll(cases: readonly ContractCase[]): Promise<void> {
  for (const one of cases) await one.run();
}
