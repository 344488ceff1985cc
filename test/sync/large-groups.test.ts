import type { Name } from "concordat/changes";
import fc from "fast-check";
import { expect, test } from "vitest";
import { interferedWith, onEveryTarget, type Target } from "./stores.js";
import { apply, dn, live, refresh, team } from "./streams.js";

/** Members that go, and members that come in their place. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(3),
  add: fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 3 }),
});

async function membersStored({ memberships }: Target): Promise<ReadonlySet<string>> {
  const references = await memberships.references("directory", "g", { count: 10_000 });
  return new Set(references.map((reference) => reference.key));
}

onEveryTarget(({ open }) => {
  test("a large group has the members that it stated last, also after a store has failed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1, maxLength: 5 }),
        fc.nat(4),
        async (edits, failing) => {
          let members: readonly Name[] = Array.from({ length: 1_010 }, (_, i) => dn(`cn=m${i}`));
          const batches = [...refresh([team("g", "everybody", members)])];
          for (const { at, remove, add } of edits) {
            const added = add.map((number) => dn(`cn=m${number}`));
            const next = members.toSpliced(Math.floor(at * members.length), remove, ...added);
            members = [...new Map(next.map((name) => [name.key, name])).values()];
            batches.push(live([team("g", "everybody", members)]));
          }
          const target = await open();
          let saves = 0;
          const failingOnce = interferedWith(target, {
            before({ store, method }) {
              const isSave = store === "memberships" && method === "saveReferences";
              if (isSave && saves++ === failing) throw new Error("The store cannot answer.");
            },
          });
          await apply(failingOnce, batches, { outages: { delay: 1 } });
          expect(await membersStored(target)).toEqual(new Set(members.map(({ key }) => key)));
        },
      ),
      { numRuns: 15 },
    );
  });
});
