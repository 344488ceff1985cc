import assert from "node:assert/strict";
import type { Link, LinkRepository, LinkSelection } from "../../repositories/index.js";
import { assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { link } from "./link-samples.js";

const selected: readonly Link[] = [
  link("Z", { state: "entering", seen: 3, intent: { name: "z" }, dirty: true }),
  link("a", { seen: 3, digest: "a" }),
  link("b", { seen: 2, dirty: true }),
  link("c", { state: "leaving", seen: 1 }),
  link("d", { state: "gone", seen: 1, dirty: true, digest: "d" }),
  link("e", { seen: 1, failure: failureOf("e"), dirty: true }),
  link("é", { state: "entering", seen: 2, failure: failureOf("é"), intent: { name: "é" } }),
];

const selections: readonly (readonly [LinkSelection, readonly string[]])[] = [
  [{}, ["Z", "a", "b", "c", "d", "e", "é"]],
  [{ states: ["live"] }, ["a", "b", "e"]],
  [{ states: ["leaving", "gone"] }, ["c", "d"]],
  [{ states: [] }, []],
  [{ seenBefore: 1 }, []],
  [{ seenBefore: 2 }, ["c", "d", "e"]],
  [{ seenBefore: 3, states: ["live", "leaving"] }, ["b", "c", "e"]],
  [{ dirty: true }, ["Z", "b", "d", "e"]],
  [{ dirty: true, seenBefore: 3 }, ["b", "d", "e"]],
  [{ failed: true }, ["e", "é"]],
  [{ failed: true, states: ["entering"] }, ["é"]],
  [{ failed: true, intended: true }, ["é"]],
  [{ intended: true }, ["Z", "é"]],
  [{ intended: true, dirty: true, failed: true }, []],
  [{ unfinished: true }, ["Z", "b", "c", "e", "é"]],
  [{ unfinished: true, dirty: true, states: ["live", "gone"] }, ["b", "e"]],
];

/** What is required of `list`, `listIds` and `count`. */
export const linkSelectionRequirements: readonly Requirement<LinkRepository>[] = [
  {
    name: "list and count answer every selection, in code unit order and page by page",
    async check(links) {
      await links.save("source", [...selected].reverse());
      await links.save("another", [link("a", { dirty: true })]);
      for (const [selection, expected] of selections) {
        const title = JSON.stringify(selection);
        assert.equal(await links.count("source", selection), expected.length, title);
        for (const count of [1, 2, 100]) {
          const found = await listAll(links, selection, count);
          assert.deepEqual(
            found.map((each) => each.sourceId),
            expected,
            title,
          );
          const whole = selected.filter((each) => expected.includes(each.sourceId));
          assert.deepEqual(found, whole);
          const [after] = expected;
          const page = { count, ...(after === undefined ? {} : { after }) };
          assert.deepEqual(
            await links.listIds("source", selection, page),
            (await links.list("source", selection, page)).map((each) => each.sourceId),
            title,
          );
        }
      }
    },
  },
  {
    name: "ids beyond the basic multilingual plane are in code unit order too",
    async check(links) {
      // By code point the last two would change places.
      const ids = ["Z", "a", "é", "\u{1F600}", "\uFFFD"];
      await links.save(
        "source",
        ids.map((id) => link(id)),
      );
      const found = await links.list("source", {}, { count: 10 });
      assert.deepEqual(
        found.map((each) => each.sourceId),
        ids,
      );
    },
  },
  {
    name: "a listing goes on from an id that is gone, and sees what was done meanwhile",
    async check(links) {
      await links.save("source", [link("a"), link("b"), link("c"), link("d")]);
      const [first, second] = await links.list("source", { states: ["live"] }, { count: 2 });
      assert.deepEqual([first?.sourceId, second?.sourceId], ["a", "b"]);
      await links.remove("source", ["b"]);
      await links.save("source", [link("c", { state: "gone" }), link("bb")]);
      const rest = await links.list("source", { states: ["live"] }, { after: "b", count: 10 });
      assert.deepEqual(
        rest.map((each) => each.sourceId),
        ["bb", "d"],
      );
    },
  },
];

function failureOf(sourceId: string): NonNullable<Link["failure"]> {
  const change = { kind: "delete", sourceId } as const;
  return { code: "mutability", message: "It is protected.", change, attempts: 1, nextAttempt: 0 };
}

async function listAll(
  links: LinkRepository,
  selection: LinkSelection,
  count: number,
): Promise<Link[]> {
  const found: Link[] = [];
  for (;;) {
    const after = found.at(-1)?.sourceId;
    const page = await links.list(
      "source",
      selection,
      after === undefined ? { count } : { after, count },
    );
    assertThat(page.length <= count, "a page holds no more than was asked for");
    if (page.length === 0) return found;
    found.push(...page);
  }
}
