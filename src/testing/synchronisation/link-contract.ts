import assert from "node:assert/strict";
import type { Link, LinkRepository } from "../../repositories/index.js";
import {
  assertRows,
  type ContractCase,
  hostileStrings,
  type Make,
  type Requirement,
  toCases,
} from "../contract.js";
import { linkNameRequirements } from "./link-name-requirements.js";
import { dn, link, uid, wholeLink } from "./link-samples.js";
import { linkSelectionRequirements } from "./link-selection-requirements.js";

/** What is required of a {@link LinkRepository}. */
export async function linkRepositoryContract(
  make: Make<LinkRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, [
    ...linkRequirements,
    ...linkSelectionRequirements,
    ...linkNameRequirements,
  ]);
}

const linkRequirements: readonly Requirement<LinkRepository>[] = [
  {
    name: "links are kept whole and returned in the order of the ids, undefined where there is none",
    async check(links) {
      const plain = link("plain");
      await links.save("source", [wholeLink, plain]);
      assert.deepEqual(await links.get("source", ["plain", "none", "whole", "plain"]), [
        plain,
        undefined,
        wholeLink,
        plain,
      ]);
      assert.deepEqual(await links.get("source", []), []);
    },
  },
  {
    name: "a link that is saved again is replaced, with what it no longer has",
    async check(links) {
      await links.save("source", [wholeLink]);
      const bare = link("whole", { type: "Group", state: "gone", seen: 7 });
      await links.save("source", [bare]);
      assert.deepEqual(await links.get("source", ["whole"]), [bare]);
      assert.deepEqual(await links.owners("User", ["resource"]), []);
      assert.deepEqual(await links.intents("User", "ann"), []);
      assert.equal(await links.count("source", { failed: true }), 0);
      assert.equal(await links.count("source", {}), 1);
    },
  },
  {
    name: "sources are kept apart",
    async check(links) {
      await links.save("a", [link("1")]);
      await links.save("b", [link("1", { state: "gone", dirty: true })]);
      await links.setNames("a", [{ sourceId: "1", names: [dn("x")] }]);
      await links.setNames("b", [{ sourceId: "1", names: [dn("x")] }]);
      await links.markSeen("a", ["1"], 9);
      await links.markDirty("b", ["1"], false);
      assert.deepEqual(await links.get("a", ["1"]), [link("1", { seen: 9 })]);
      assert.deepEqual(await links.get("b", ["1"]), [link("1", { state: "gone" })]);
      assert.deepEqual(await links.holders("a", [dn("x")]), [
        { ...dn("x"), sourceId: "1", state: "live", seen: 9 },
      ]);
      await links.remove("a", ["1"]);
      assert.equal(await links.count("a", {}), 0);
      assert.equal(await links.count("b", {}), 1);
      assert.equal((await links.names("b", ["1"])).length, 1);
    },
  },
  {
    name: "marks change what they say and nothing else, and ignore unknown ids",
    async check(links) {
      await links.save("source", [wholeLink, link("other")]);
      await links.markSeen("source", ["whole", "unknown"], 8);
      await links.markDirty("source", ["unknown", "whole"], false);
      assert.deepEqual(await links.get("source", ["whole", "other", "unknown"]), [
        { ...wholeLink, seen: 8, dirty: false },
        link("other"),
        undefined,
      ]);
    },
  },
  {
    name: "what was seen is never lowered, and the latest of a source is returned",
    async check(links) {
      assert.equal(await links.latestSeen("source"), 0);
      await links.save("source", [link("1", { seen: 7 }), link("2", { seen: 5, state: "gone" })]);
      await links.save("other", [link("1", { seen: 90 })]);
      assert.equal(await links.latestSeen("source"), 7);
      await links.save("source", [link("1", { seen: 3, name: "ann" })]);
      await links.markSeen("source", ["1", "2"], 6);
      const [one, two] = await links.get("source", ["1", "2"]);
      assert.deepEqual([one?.seen, one?.name, two?.seen], [7, "ann", 6]);
      assert.equal(await links.latestSeen("source"), 7);
      assert.equal(await links.count("source", { seenBefore: 7 }), 1);
      await links.markSeen("source", ["2"], 8);
      assert.equal(await links.latestSeen("source"), 8);
    },
  },
  {
    name: "owners are found across sources, by type and resource",
    async check(links) {
      const marked = link("1", { resourceId: "r", resourceMark: "then", state: "gone" });
      await links.save("a", [marked, link("2")]);
      await links.save("b", [
        link("3", { resourceId: "r", intent: { name: "ann" } }),
        link("4", { resourceId: "R" }),
        link("5", { type: "Group", resourceId: "r" }),
      ]);
      const owners = await links.owners("User", ["r", "none", "r"]);
      assertRows(owners, [
        { source: "a", sourceId: "1", state: "gone", resourceId: "r", resourceMark: "then" },
        { source: "b", sourceId: "3", state: "live", resourceId: "r", intent: { name: "ann" } },
      ]);
      assert.deepEqual(
        (await links.owners("Group", ["r"])).map((owner) => owner.sourceId),
        ["5"],
      );
    },
  },
  {
    name: "intents are found across sources, without regard to case and to nothing else",
    async check(links) {
      await links.save("a", [link("1", { state: "entering", intent: { name: "JosÉ" } })]);
      await links.save("b", [
        link("2", { intent: { name: "josé" } }),
        link("3", { intent: { name: "jose" } }),
        link("4", { type: "Group", intent: { name: "josé" } }),
      ]);
      assertRows(await links.intents("User", "JOSÉ"), [
        { source: "a", sourceId: "1", state: "entering", intent: { name: "JosÉ" } },
        { source: "b", sourceId: "2", state: "live", intent: { name: "josé" } },
      ]);
      assert.deepEqual(await links.intents("User", "josé "), []);
      assert.deepEqual(await links.intents("User", "jos_"), []);
    },
  },
  {
    name: "remove forgets links and their names, and ignores unknown ids",
    async check(links) {
      await links.save("source", [wholeLink, link("kept")]);
      await links.setNames("source", [
        { sourceId: "whole", names: [dn("x"), uid("x")] },
        { sourceId: "kept", names: [dn("y")] },
      ]);
      await links.remove("source", ["whole", "unknown"]);
      assert.deepEqual(await links.get("source", ["whole", "kept"]), [undefined, link("kept")]);
      assert.deepEqual(await links.owners("User", ["resource"]), []);
      assert.deepEqual(await links.holders("source", [dn("x"), uid("x")]), []);
      await links.save("source", [link("whole")]);
      assert.deepEqual(await links.names("source", ["whole"]), []);
    },
  },
  {
    name: "strings are kept as they are",
    async check(links) {
      const hostile = hostileStrings.map((text) =>
        link(text, {
          resourceId: text,
          stamp: text,
          failure: {
            code: text,
            message: text,
            change: {
              kind: "upsert",
              type: "Group",
              sourceId: text,
              names: [],
              resource: { displayName: text },
              complete: false,
            },
            attempts: 1,
            nextAttempt: 0,
          },
        }),
      );
      for (const source of hostileStrings.slice(0, 4)) {
        await links.save(source, hostile);
        assert.deepEqual(await links.get(source, hostileStrings), hostile);
        assert.deepEqual(await links.list(source, {}, { count: 100 }), inCodeUnitOrder(hostile));
      }
      await links.remove("O'Brien", hostileStrings);
      for (const text of hostileStrings) {
        const owners = await links.owners("User", [text]);
        assert.deepEqual(new Set(owners.map((owner) => owner.sourceId)), new Set([text]));
        assert.equal(owners.length, 3);
      }
    },
  },
  {
    name: "of 50 concurrent saves and marks none is lost",
    async check(links) {
      const ids = Array.from({ length: 50 }, (_, number) => `id${number}`);
      await Promise.all(ids.map((id) => links.save("source", [link(id)])));
      await Promise.all([
        ...ids.map((id) => links.markSeen("source", [id], 2)),
        ...ids.map((id) => links.markDirty("source", [id], true)),
      ]);
      assert.deepEqual(
        await links.get("source", ids),
        ids.map((id) => link(id, { seen: 2, dirty: true })),
      );
    },
  },
];

function inCodeUnitOrder(links: readonly Link[]): Link[] {
  return [...links].sort((one, other) => (one.sourceId < other.sourceId ? -1 : 1));
}
