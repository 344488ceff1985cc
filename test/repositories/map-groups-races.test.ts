import { type GroupMappingOptions, mapGroups } from "concordat/repositories";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kinds, storesInMemory, usersIn } from "./map-groups-world.js";

/** What may be done to two external groups, to some local ones, and to mappings between them. */
function stepsOn(users: readonly string[], locals: number) {
  const someUsers = fc.subarray([...users]);
  const external = fc.nat({ max: 1 });
  const local = fc.nat({ max: locals - 1 });
  const user = fc.constantFrom(...users);
  return {
    someUsers,
    identityProvider: fc.oneof(
      fc.record({ kind: fc.constant("change"), external, add: someUsers, remove: someUsers }),
      fc.record({ kind: fc.constant("replace"), external, members: someUsers }),
    ),
    administrator: fc.oneof(
      fc.record({ kind: fc.constant("map"), external, local }),
      fc.record({ kind: fc.constant("unmap"), external, local }),
      fc.record({ kind: fc.constant("apply") }),
    ),
    application: fc.oneof(
      fc.record({ kind: fc.constant("join"), local, user }),
      fc.record({ kind: fc.constant("leave"), local, user }),
    ),
  };
}

type Step =
  | { kind: "change"; external: number; add: string[]; remove: string[] }
  | { kind: "replace"; external: number; members: string[] }
  | { kind: "map" | "unmap"; external: number; local: number }
  | { kind: "apply" }
  | { kind: "join" | "leave"; local: number; user: string };

const members = (values: readonly string[]) =>
  values.map((value) => ({ value, type: "User" as const }));

/** Two external groups and two local ones, and who was put into the local ones by hand. */
async function newWorld(stores: GroupMappingOptions) {
  const own = mapGroups(stores);
  const [external, local]: [string[], string[]] = [[], []];
  for (const displayName of ["0", "1"]) {
    external.push((await stores.external.create({ displayName })).id);
    local.push((await stores.local.create({ displayName })).id);
  }
  const byHand = local.map(() => new Set<string>());
  const externalId = (at: number): string => external[at] ?? "";
  const localId = (at: number): string => local[at] ?? "";
  return {
    async take(step: Step, groups = own): Promise<void> {
      switch (step.kind) {
        case "change":
          await groups.changeMembers(externalId(step.external), {
            add: members(step.add),
            remove: members(step.remove),
          });
          break;
        case "replace":
          await groups.replace(externalId(step.external), {
            displayName: "x",
            members: members(step.members),
          });
          break;
        case "map":
        case "unmap":
          await groups[step.kind](externalId(step.external), localId(step.local));
          break;
        case "apply":
          await groups.apply();
          break;
        case "join":
          byHand[step.local]?.add(step.user);
          await groups.local.changeMembers(localId(step.local), { add: members([step.user]) });
          break;
        case "leave":
          byHand[step.local]?.delete(step.user);
          await groups.local.changeMembers(localId(step.local), { remove: members([step.user]) });
          break;
      }
    },
    /** Puts somebody into a local group past the mapping, before that does anything. */
    async found(at: number, user: string): Promise<void> {
      byHand[at]?.add(user);
      await stores.local.changeMembers(localId(at), { add: members([user]) });
    },
    /** Asserts that the local groups have those put in by hand, those mapped, and nobody else. */
    async check(): Promise<void> {
      for (const [at, id] of local.entries()) {
        const expected = new Set(byHand[at]);
        for (const source of await stores.mappings.externalGroups(id)) {
          for (const one of await usersIn(stores.external, source)) expected.add(one);
        }
        expect(await usersIn(stores.local, id)).toEqual([...expected].sort());
      }
    },
    /** Takes all mappings back, which must leave those put in by hand. */
    async unmapAll(): Promise<void> {
      for (const mapping of await stores.mappings.list()) {
        await own.unmap(mapping.external, mapping.local);
      }
    },
  };
}

const numRuns = Number(process.env["CONCORDAT_RUNS"] ?? 300);

describe.each(Object.entries(kinds))("in %s", (kind, open) => {
  test("after any steps a local group is who was put in by hand and who is mapped", async () => {
    const { someUsers, identityProvider, administrator, application } = stepsOn(
      ["ada", "bob", "cy"],
      2,
    );
    const steps = fc.array(fc.oneof(identityProvider, administrator, application), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(steps, someUsers, async (taken, found) => {
        await using stores = await open();
        const world = await newWorld(stores);
        for (const one of found) await world.found(0, one);
        for (const step of taken as readonly Step[]) {
          await world.take(step);
          await world.check();
        }
        await world.unmapAll();
        await world.check();
      }),
      { numRuns: kind === "memory" ? numRuns : numRuns / 5 },
    );
  });
});

/** Stores of a process that ends after so many calls. */
function ending(stores: GroupMappingOptions, calls: number): GroupMappingOptions {
  let left = calls;
  const counted = <T extends object>(store: T): T =>
    new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return async (...args: readonly unknown[]): Promise<unknown> => {
          if (left-- <= 0) throw new Error("The process has ended.");
          return await Reflect.apply(value, target, args);
        };
      },
    });
  return {
    external: counted(stores.external),
    local: counted(stores.local),
    mappings: counted(stores.mappings),
    memberships: counted(stores.memberships),
  };
}

test("what a process left that ended at any call, apply brings right, or the same step again", async () => {
  const { identityProvider, administrator, application, someUsers } = stepsOn(["ada", "bob"], 2);
  const before = fc.array(fc.oneof(identityProvider, administrator, application), { maxLength: 6 });
  const last = fc.oneof(identityProvider, administrator);
  await fc.assert(
    fc.asyncProperty(
      before,
      last,
      fc.nat({ max: 30 }),
      someUsers,
      async (taken, step, calls, found) => {
        const stores = storesInMemory();
        const world = await newWorld(stores);
        for (const one of found) await world.found(0, one);
        await world.take({ kind: "map", external: 0, local: 0 });
        for (const one of taken as readonly Step[]) await world.take(one);
        const ended = world.take(step as Step, mapGroups(ending(stores, calls)));
        await ended.catch(() => undefined);
        await world.take(step.kind === "unmap" ? (step as Step) : { kind: "apply" });
        await world.check();
        await world.unmapAll();
        await world.check();
      },
    ),
    { numRuns },
  );
});

/** Stores of which each call waits to be let through. */
class Gate {
  readonly #waiting: (() => void)[] = [];

  open(stores: GroupMappingOptions): GroupMappingOptions {
    const waiting = this.#waiting;
    const stopped = <T extends object>(store: T): T =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return async (...args: readonly unknown[]): Promise<unknown> => {
            await new Promise<void>((resolve) => waiting.push(resolve));
            return await Reflect.apply(value, target, args);
          };
        },
      });
    return {
      external: stopped(stores.external),
      local: stopped(stores.local),
      mappings: stopped(stores.mappings),
      memberships: stopped(stores.memberships),
    };
  }

  /**
   * Lets through so many calls: the one at this position, and then the one that came last, which is its successor as a
   * rule.
   */
  async letThrough(position: number, calls: number): Promise<void> {
    for (let call = 0; call < calls && this.#waiting.length > 0; call++) {
      const at = call === 0 ? position % this.#waiting.length : this.#waiting.length - 1;
      for (const go of this.#waiting.splice(at, 1)) go();
      // Until the writer has come to its next call: the stores in memory answer at once.
      await new Promise(setImmediate);
    }
  }
}

test.each(["one process", "several processes"])(
  "writers of %s who race for a membership leave what all of them want",
  async (processes) => {
    const { identityProvider, administrator, application } = stepsOn(["ada"], 1);
    const some = (step: fc.Arbitrary<unknown>) => fc.array(step, { minLength: 1, maxLength: 3 });
    const turn = fc.record({
      position: fc.nat({ max: 3 }),
      calls: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(
          some(identityProvider),
          some(identityProvider),
          some(fc.oneof({ weight: 3, arbitrary: identityProvider }, administrator)),
          some(application),
        ),
        fc.array(turn, { maxLength: 30 }),
        async (steps, turns) => {
          const stores = storesInMemory();
          const world = await newWorld(stores);
          await world.take({ kind: "change", external: 0, add: ["ada"], remove: [] });
          for (const external of [0, 1]) await world.take({ kind: "map", external, local: 0 });
          const gate = new Gate();
          const shared = mapGroups(gate.open(stores));
          const ends = (steps as readonly (readonly Step[])[]).map(async (own) => {
            const groups = processes === "one process" ? shared : mapGroups(gate.open(stores));
            for (const step of own) await world.take(step, groups);
          });
          let ended = false;
          const all = Promise.all(ends).finally(() => {
            ended = true;
          });
          for (const { position, calls } of turns) await gate.letThrough(position, calls);
          while (!ended) await gate.letThrough(0, 100);
          await all;
          await world.check();
          await world.unmapAll();
          await world.check();
        },
      ),
      { numRuns },
    );
  },
);
