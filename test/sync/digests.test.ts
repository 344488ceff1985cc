import type { Name, Upsert } from "concordat/changes";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noteEdit } from "../../src/changes/internal.js";
import { DigestedBlocks, Digests } from "../../src/sync/comparison/digests.js";
import { StatedMembers } from "../../src/sync/step/stated-members.js";
import { dn, team } from "./streams.js";

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.nat(3), fc.nat(2_000)),
  add: fc.array(fc.nat(50_000), { maxLength: 3 }),
  isSaid: fc.boolean(),
});

/** The list after an edit, which may say so. */
function edited(members: readonly Name[], { at, remove, add, isSaid }: Edit): readonly Name[] {
  const start = Math.floor(at * members.length);
  const added = add.map((number) => dn(`cn=new${number}`));
  const list = members.toSpliced(start, remove, ...added);
  const removed = Math.min(remove, members.length - start);
  if (isSaid) noteEdit(list, members, { start, removed, added: added.length });
  return list;
}

type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

const upsertOf = (members: readonly Name[]): Upsert => team("g", "everybody", members) as Upsert;

test("the digest of a long list says what is in it, whatever was digested before", () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      const blocks = new DigestedBlocks();
      let members: readonly Name[] = Array.from({ length: 9_000 }, (_, i) => dn(`cn=m${i}`));
      const byDigest = new Map<string, string>();
      for (const each of edits) {
        // One step knows the blocks of those before it; another program, begun now, does not.
        const digest = new Digests(blocks).of(upsertOf(members));
        expect(new Digests(new DigestedBlocks()).of(upsertOf(members))).toBe(digest);
        const list = members.map(({ key }) => key).join("\n");
        expect(byDigest.get(digest) ?? list).toBe(list);
        byDigest.set(digest, list);
        members = edited(members, each);
      }
    }),
    { numRuns: 50 },
  );
});

test("a long list that goes on behind its end has the digest that it has for a program begun now", () => {
  const blocks = new DigestedBlocks();
  const members = Array.from({ length: 5_000 }, (_, i) => dn(`cn=m${i}`));
  new Digests(blocks).of(upsertOf(members));
  const more = [...members, dn("cn=new")];
  const digest = new Digests(blocks).of(upsertOf(more));
  expect(digest).toBe(new Digests(new DigestedBlocks()).of(upsertOf(more)));
});

test("of a long list in which somebody left, only what is near is digested again", () => {
  const members = Array.from({ length: 50_000 }, (_, i) => dn(`cn=m${i}`));
  let digested = 0;
  const blocks = new DigestedBlocks();
  const set = blocks.byFirst.set.bind(blocks.byFirst);
  blocks.byFirst.set = (first, block) => {
    digested += block.members.length;
    return set(first, block);
  };
  new Digests(blocks).of(upsertOf(members));
  expect(digested).toBe(50_000);
  digested = 0;
  new Digests(blocks).of(upsertOf(members.toSpliced(20_000, 1)));
  expect(digested).toBeLessThan(10_000);
});

test("what came to a long list and what left it is the same whether or not it is said where that was", () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      let members: readonly Name[] = Array.from({ length: 3_000 }, (_, i) => dn(`cn=m${i}`));
      const stated = new StatedMembers();
      for (const each of edits) {
        stated.remember("g", members);
        const list = edited(members, each);
        const found = stated.compare("g", list);
        expect(found).toEqual(stated.compare("g", [...list]));
        members = list;
      }
    }),
    { numRuns: 50 },
  );
});

test("a long list of which it is said how it was made of the one before is not ignored", () => {
  const members = Array.from({ length: 50_000 }, (_, i) => dn(`cn=m${i}`));
  const blocks = new DigestedBlocks();
  const stated = new StatedMembers();
  new Digests(blocks).of(upsertOf(members));
  stated.remember("g", members);
  let looks = 0;
  const list = new Proxy(members.toSpliced(20_000, 1, dn("cn=new")), {
    get(of, name, receiver): unknown {
      if (/^\d+$/.test(String(name))) looks += 1;
      return Reflect.get(of, name, receiver);
    },
  });
  noteEdit(list, members, { start: 20_000, removed: 1, added: 1 });
  const digest = new Digests(blocks).of(upsertOf(list));
  expect(stated.compare("g", list)).toEqual({ add: [dn("cn=new")], remove: [dn("cn=m20000")] });
  expect(looks).toBeLessThan(25_000);
  expect(digest).toBe(new Digests(new DigestedBlocks()).of(upsertOf([...list])));
});
