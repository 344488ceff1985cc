import type { Name, Upsert } from "concordat/changes";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Digests } from "../../src/sync/digests.js";
import { dn, team } from "./streams.js";

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.nat(3), fc.nat(2_000)),
  add: fc.array(fc.nat(50_000), { maxLength: 3 }),
});

const upsertOf = (members: readonly Name[]): Upsert => team("g", "everybody", members) as Upsert;

test("the digest of a long list says what is in it, whatever was digested before", () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      const blocks = new WeakMap();
      let members: readonly Name[] = Array.from({ length: 9_000 }, (_, i) => dn(`cn=m${i}`));
      const byDigest = new Map<string, string>();
      for (const { at, remove, add } of edits) {
        // One step knows the blocks of those before it; another program, begun now, does not.
        const digest = new Digests(blocks).of(upsertOf(members));
        expect(new Digests(new WeakMap()).of(upsertOf(members))).toBe(digest);
        const list = members.map(({ key }) => key).join("\n");
        expect(byDigest.get(digest) ?? list).toBe(list);
        byDigest.set(digest, list);
        const added = add.map((number) => dn(`cn=new${number}`));
        members = members.toSpliced(Math.floor(at * members.length), remove, ...added);
      }
    }),
    { numRuns: 50 },
  );
});

test("a long list that goes on behind its end has the digest that it has for a program begun now", () => {
  const blocks = new WeakMap();
  const members = Array.from({ length: 5_000 }, (_, i) => dn(`cn=m${i}`));
  new Digests(blocks).of(upsertOf(members));
  const more = [...members, dn("cn=new")];
  const digest = new Digests(blocks).of(upsertOf(more));
  expect(digest).toBe(new Digests(new WeakMap()).of(upsertOf(more)));
});

test("of a long list in which somebody left, only what is near is digested again", () => {
  const members = Array.from({ length: 50_000 }, (_, i) => dn(`cn=m${i}`));
  let digested = 0;
  const blocks = new (class extends WeakMap {
    override set(first: object, block: { members: readonly Name[] }): this {
      digested += block.members.length;
      return super.set(first, block);
    }
  })();
  new Digests(blocks).of(upsertOf(members));
  expect(digested).toBe(50_000);
  digested = 0;
  new Digests(blocks).of(upsertOf(members.toSpliced(20_000, 1)));
  expect(digested).toBeLessThan(10_000);
});
