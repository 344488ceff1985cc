import assert from "node:assert/strict";
import type { Name } from "../../changes/index.js";
import type { Grant, MembershipRepository, Reference } from "../../repositories/index.js";
import { assertThat } from "../assertions.js";
import {
  assertRows,
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
} from "../contract.js";

/** What is required of a {@link MembershipRepository}. */
export async function membershipRepositoryContract(
  make: Make<MembershipRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, [...referenceRequirements, ...grantRequirements]);
}

const referenceRequirements: readonly Requirement<MembershipRepository>[] = [
  {
    name: "references of a group come ordered by kind and key, page by page",
    async check(memberships) {
      const stored = [
        reference("g", "dn", "Z"),
        reference("g", "dn", "a", "1"),
        reference("g", "dn", "é"),
        reference("g", "id", "b", "2"),
        reference("g", "uid", "a"),
        reference("g", "uid", "c", "1"),
      ];
      await memberships.saveReferences("s", [...stored].reverse());
      await memberships.saveReferences("s", [reference("h", "dn", "b")]);
      await memberships.saveReferences("another", [reference("g", "dn", "b")]);
      for (const count of [1, 2, 100]) {
        assert.deepEqual(await allReferences(memberships, "g", count), stored);
      }
      const after = { kind: "dn", key: "b" } as const;
      assert.deepEqual(
        await memberships.references("s", "g", { after, count: 2 }),
        stored.slice(2, 4),
      );
      assert.deepEqual(await memberships.references("s", "unknown", { count: 2 }), []);
    },
  },
  {
    name: "keys beyond the basic multilingual plane are in code unit order too",
    async check(memberships) {
      // By code point the last two would change places, and a merge with what the source states would go wrong.
      const stored = ["a", "é", "\u{1F600}", "\uFFFD"].map((key) => reference("g", "dn", key));
      await memberships.saveReferences("s", stored);
      assert.deepEqual(await memberships.references("s", "g", { count: 10 }), stored);
      assert.deepEqual(await allReferences(memberships, "g", 1), stored);
    },
  },
  {
    name: "a reference that is saved again has its new target, or none",
    async check(memberships) {
      await memberships.saveReferences("s", [reference("g", "dn", "a", "1")]);
      await memberships.saveReferences("s", [reference("g", "dn", "a", "2")]);
      assert.deepEqual(await memberships.referencesTo("s", ["1"]), []);
      assert.deepEqual(await memberships.referencesTo("s", ["2", "2"]), [
        reference("g", "dn", "a", "2"),
      ]);
      await memberships.saveReferences("s", [reference("g", "dn", "a")]);
      assert.deepEqual(await memberships.referencesTo("s", ["1", "2"]), []);
      assert.deepEqual(await allReferences(memberships, "g", 10), [reference("g", "dn", "a")]);
    },
  },
  {
    name: "references are found by name and by target, in any group of the source",
    async check(memberships) {
      const stored = [
        reference("g", "dn", "a", "1"),
        reference("h", "dn", "a", "1"),
        reference("h", "uid", "a", "2"),
        reference("h", "dn", "A"),
      ];
      await memberships.saveReferences("s", stored);
      await memberships.saveReferences("another", [reference("g", "dn", "a", "1")]);
      const name: Name = { kind: "dn", key: "a" };
      const byName = await memberships.referencesBy("s", [name, { kind: "id", key: "a" }, name]);
      assertRows(byName, stored.slice(0, 2));
      const both = await memberships.referencesTo("s", ["1", "2", "3"]);
      assertRows(both, stored.slice(0, 3));
      assert.deepEqual(await memberships.referencesBy("s", []), []);
      assert.deepEqual(await memberships.referencesTo("s", []), []);
    },
  },
  {
    name: "references are forgotten whatever their targets, and only those that are named",
    async check(memberships) {
      await memberships.saveReferences("s", [
        reference("g", "dn", "a", "1"),
        reference("g", "uid", "a", "1"),
        reference("h", "dn", "a", "1"),
      ]);
      await memberships.saveReferences("another", [reference("g", "dn", "a", "1")]);
      await memberships.removeReferences("s", [
        reference("g", "dn", "a", "other"),
        reference("g", "dn", "unknown"),
      ]);
      assert.deepEqual(await allReferences(memberships, "g", 10), [
        reference("g", "uid", "a", "1"),
      ]);
      assert.equal((await memberships.referencesTo("s", ["1"])).length, 2);
      assert.equal((await memberships.referencesTo("another", ["1"])).length, 1);
    },
  },
  {
    name: "strings in references are kept as they are",
    async check(memberships) {
      const stored = hostileStrings.flatMap((text) =>
        hostileStrings.slice(0, 3).map((group) => reference(group, "dn", text, text)),
      );
      await memberships.saveReferences("it's", stored);
      for (const text of hostileStrings) {
        const expected = stored.filter((each) => each.key === text);
        const byName = await memberships.referencesBy("it's", [{ kind: "dn", key: text }]);
        assertRows(byName, expected);
        assertRows(await memberships.referencesTo("it's", [text]), expected);
      }
      assert.deepEqual(await memberships.referencesBy("it's", [{ kind: "dn", key: "x y" }]), []);
    },
  },
  {
    name: "names, groups and targets of 10,000 characters are kept apart by their last",
    async check(memberships) {
      const stored = longStrings.flatMap((group) => [
        ...longStrings.map((key) => reference(group, "dn", key, key)),
        reference(group, "uid", "short"),
      ]);
      await memberships.saveReferences("s", stored);
      for (const text of longStrings) {
        const own = stored.filter(({ group }) => group === text);
        for (const count of [1, 2, 100]) {
          assertRows(await allReferences(memberships, text, count), own);
        }
        const named = stored.filter(({ key }) => key === text);
        assertRows(await memberships.referencesBy("s", [{ kind: "dn", key: text }]), named);
        assertRows(await memberships.referencesTo("s", [text]), named);
      }
      const [first = "", second = ""] = longStrings;
      await memberships.saveReferences("s", [reference(first, "dn", first, second)]);
      await memberships.removeReferences("s", [reference(first, "dn", second)]);
      assertRows(await allReferences(memberships, first, 1), [
        reference(first, "dn", first, second),
        ...stored.filter(({ group, key }) => group === first && key !== first && key !== second),
      ]);
      assert.equal((await allReferences(memberships, second, 1)).length, 4);
    },
  },
];

const grantRequirements: readonly Requirement<MembershipRepository>[] = [
  {
    name: "a grant is stored in place of the one for the same membership",
    async check(memberships) {
      await memberships.saveGrants("s", [grant("g", "m", { ours: true, held: false })]);
      await memberships.saveGrants("s", [grant("g", "m", { ours: false, held: true })]);
      assert.deepEqual(await memberships.grantsTo("s", ["m", "m", "n"]), [
        grant("g", "m", { ours: false, held: true }),
      ]);
    },
  },
  {
    name: "grants are found by member, by group page by page, and by membership across sources",
    async check(memberships) {
      const inGroup = ["Z", "a", "b", "é"].map((member) => grant("g", member));
      await memberships.saveGrants("s", [...inGroup, grant("h", "a", { held: false })].reverse());
      await memberships.saveGrants("another", [grant("g", "a", { ours: false })]);
      assertRows(await memberships.grantsTo("s", ["a"]), [
        grant("g", "a"),
        grant("h", "a", { held: false }),
      ]);
      for (const count of [1, 3, 100]) {
        assert.deepEqual(await allGrants(memberships, "g", count), inGroup);
      }
      assert.deepEqual(
        await memberships.grantsIn("s", "g", { after: "aa", count: 1 }),
        inGroup.slice(2, 3),
      );
      const asked = { group: "g", member: "a" };
      const of = await memberships.grantsOf([asked, { group: "h", member: "b" }, asked]);
      assertRows(
        of.map((each) => [each.source, each]),
        [
          ["another", { ...grant("g", "a", { ours: false }), source: "another" }],
          ["s", { ...grant("g", "a"), source: "s" }],
        ],
      );
      assert.deepEqual(await memberships.grantsOf([]), []);
      assert.deepEqual(await memberships.grantsTo("s", []), []);
    },
  },
  {
    name: "grants that are not held are found, of this source and no more than were asked for",
    async check(memberships) {
      const begun = [
        grant("g", "a", { held: false }),
        grant("h", "a", { held: false, ours: false }),
        grant("h", "b", { held: false }),
      ];
      await memberships.saveGrants("s", [grant("g", "b"), ...begun, grant("g", "c")]);
      await memberships.saveGrants("another", [grant("g", "d", { held: false })]);
      assertRows(await memberships.grantsNotHeld("s", 10), begun);
      assert.equal((await memberships.grantsNotHeld("s", 2)).length, 2);
      await memberships.saveGrants("s", [grant("g", "a"), grant("g", "c", { held: false })]);
      await memberships.removeGrants("s", [{ group: "h", member: "b" }]);
      assertRows(await memberships.grantsNotHeld("s", 10), [
        grant("g", "c", { held: false }),
        grant("h", "a", { held: false, ours: false }),
      ]);
      assert.deepEqual(await memberships.grantsNotHeld("none", 10), []);
    },
  },
  {
    name: "a source's grants are forgotten, another source's are not",
    async check(memberships) {
      await memberships.saveGrants("s", [grant("g", "a"), grant("g", "b")]);
      await memberships.saveGrants("another", [grant("g", "a")]);
      await memberships.removeGrants("s", [
        { group: "g", member: "a" },
        { group: "h", member: "b" },
      ]);
      assert.deepEqual(await allGrants(memberships, "g", 10), [grant("g", "b")]);
      assert.deepEqual(await memberships.grantsTo("another", ["a"]), [grant("g", "a")]);
    },
  },
  {
    name: "strings in grants are kept as they are",
    async check(memberships) {
      const stored = hostileStrings.map((text) => grant(text, text));
      await memberships.saveGrants("it's", stored);
      for (const each of stored) {
        assert.deepEqual(await memberships.grantsTo("it's", [each.member]), [each]);
        assert.deepEqual(await memberships.grantsIn("it's", each.group, { count: 9 }), [each]);
        assert.deepEqual(await memberships.grantsOf([each]), [{ ...each, source: "it's" }]);
      }
      assert.deepEqual(await memberships.grantsTo("it's", ["x y"]), []);
    },
  },
  {
    name: "grants of sources, groups and members of 10,000 characters are kept apart by their last",
    async check(memberships) {
      const stored = longStrings.flatMap((group) =>
        longStrings.map((member) => grant(group, member)),
      );
      for (const source of longStrings) await memberships.saveGrants(source, stored);
      const [first = "", second = ""] = longStrings;
      await memberships.removeGrants(first, [{ group: first, member: first }]);
      await memberships.saveGrants(first, [grant(first, second, { held: false })]);
      assert.equal((await memberships.grantsTo(first, [first])).length, 2);
      assertRows(
        await memberships.grantsOf([
          { group: first, member: first },
          { group: first, member: second },
        ]),
        longStrings.flatMap((source) => [
          ...(source === first ? [] : [{ ...grant(first, first), source }]),
          { ...grant(first, second, { held: source !== first }), source },
        ]),
      );
      const seen: Grant[] = [];
      for (let page: readonly Grant[]; ; seen.push(...page)) {
        const after = seen.at(-1)?.member;
        page = await memberships.grantsIn(second, first, {
          count: 1,
          ...(after === undefined ? {} : { after }),
        });
        if (page.length === 0) break;
      }
      assertRows(
        seen,
        stored.filter(({ group }) => group === first),
      );
    },
  },
  {
    name: "of 50 concurrent grants and references none is lost",
    async check(memberships) {
      const members = Array.from({ length: 50 }, (_, number) => `m${number}`).sort();
      await Promise.all(
        members.flatMap((member) => [
          memberships.saveGrants("s", [grant("g", member)]),
          memberships.saveReferences("s", [reference("g", "id", member, member)]),
        ]),
      );
      assert.deepEqual(
        await allGrants(memberships, "g", 100),
        members.map((member) => grant("g", member)),
      );
      assert.equal((await allReferences(memberships, "g", 100)).length, 50);
    },
  },
];

function reference(group: string, kind: Name["kind"], key: string, target?: string): Reference {
  return target === undefined ? { group, kind, key } : { group, kind, key, target };
}

function grant(group: string, member: string, more: Partial<Grant> = {}): Grant {
  return { group, member, ours: true, held: true, ...more };
}

async function allReferences(
  memberships: MembershipRepository,
  group: string,
  count: number,
): Promise<Reference[]> {
  const found: Reference[] = [];
  for (;;) {
    const after = found.at(-1);
    const page = await memberships.references(
      "s",
      group,
      after === undefined ? { count } : { after, count },
    );
    assertThat(page.length <= count, "a page holds no more than was asked for");
    if (page.length === 0) return found;
    found.push(...page);
  }
}

async function allGrants(
  memberships: MembershipRepository,
  group: string,
  count: number,
): Promise<Grant[]> {
  const found: Grant[] = [];
  for (;;) {
    const after = found.at(-1)?.member;
    const page = await memberships.grantsIn(
      "s",
      group,
      after === undefined ? { count } : { after, count },
    );
    assertThat(page.length <= count, "a page holds no more than was asked for");
    if (page.length === 0) return found;
    found.push(...page);
  }
}
