import assert from "node:assert/strict";
import type { LinkRepository } from "../../repositories/index.js";
import { assertRows, hostileStrings, longStrings, type Requirement } from "../contract.js";
import { dn, link, uid } from "./link-samples.js";

/** What is required of the names of links. */
export const linkNameRequirements: readonly Requirement<LinkRepository>[] = [
  {
    name: "an entry has the names that it was last given and no others",
    async check(links) {
      await links.save("source", [link("1")]);
      await links.setNames("source", [{ sourceId: "1", names: [dn("a"), dn("b"), uid("u")] }]);
      await links.setNames("source", [{ sourceId: "1", names: [dn("b"), uid("v"), dn("b")] }]);
      assertRows(await links.names("source", ["1", "unknown"]), [
        { ...dn("b"), sourceId: "1", state: "live", seen: 1 },
        { ...uid("v"), sourceId: "1", state: "live", seen: 1 },
      ]);
      assert.deepEqual(await links.holders("source", [dn("a"), uid("u")]), []);
      await links.setNames("source", [{ sourceId: "1", names: [] }]);
      assert.deepEqual(await links.names("source", ["1"]), []);
    },
  },
  {
    name: "a distinguished name is taken from its holder; a uid may have two holders",
    async check(links) {
      await links.save("source", [link("1"), link("2"), link("3")]);
      await links.setNames("source", [{ sourceId: "1", names: [dn("x"), uid("x")] }]);
      await links.setNames("source", [
        { sourceId: "2", names: [dn("x"), uid("x")] },
        { sourceId: "3", names: [dn("y")] },
      ]);
      assertRows(await links.holders("source", [dn("x"), uid("x"), dn("z")]), [
        { ...dn("x"), sourceId: "2", state: "live", seen: 1 },
        { ...uid("x"), sourceId: "1", state: "live", seen: 1 },
        { ...uid("x"), sourceId: "2", state: "live", seen: 1 },
      ]);
      assert.deepEqual(await links.names("source", ["1"]), [
        { ...uid("x"), sourceId: "1", state: "live", seen: 1 },
      ]);
    },
  },
  {
    name: "a name that is an alias is kept as one, and becomes none when it is given as none",
    async check(links) {
      await links.save("source", [link("1"), link("2")]);
      const alias = { ...uid("x"), alias: true } as const;
      await links.setNames("source", [
        { sourceId: "1", names: [dn("1"), uid("y"), alias] },
        { sourceId: "2", names: [uid("x")] },
      ]);
      const held = { state: "live", seen: 1 } as const;
      const holders = [
        { ...alias, sourceId: "1", ...held },
        { ...uid("x"), sourceId: "2", ...held },
      ];
      assertRows(await links.holders("source", [uid("x")]), holders);
      assertRows(await links.names("source", ["1"]), [
        { ...dn("1"), sourceId: "1", ...held },
        { ...uid("y"), sourceId: "1", ...held },
        { ...alias, sourceId: "1", ...held },
      ]);
      await links.setNames("source", [{ sourceId: "1", names: [uid("x")] }]);
      assertRows(await links.names("source", ["1"]), [{ ...uid("x"), sourceId: "1", ...held }]);
      await links.setNames("source", [{ sourceId: "1", names: [alias] }]);
      assertRows(await links.holders("source", [uid("x")]), holders);
    },
  },
  {
    name: "names that change hands in one call end with the last who is given them",
    async check(links) {
      await links.save("source", [link("1"), link("2")]);
      await links.setNames("source", [
        { sourceId: "1", names: [dn("x")] },
        { sourceId: "2", names: [dn("y")] },
      ]);
      await links.setNames("source", [
        { sourceId: "1", names: [dn("y")] },
        { sourceId: "2", names: [dn("x")] },
      ]);
      assertRows(await links.holders("source", [dn("x"), dn("y")]), [
        { ...dn("x"), sourceId: "2", state: "live", seen: 1 },
        { ...dn("y"), sourceId: "1", state: "live", seen: 1 },
      ]);
    },
  },
  {
    name: "holders are known in every state, and a name of kind id is its link",
    async check(links) {
      await links.save("source", [link("1", { state: "gone" }), link("2", { state: "entering" })]);
      await links.setNames("source", [
        { sourceId: "1", names: [dn("x"), { kind: "id", key: "1" }] },
        { sourceId: "2", names: [uid("x")] },
      ]);
      const id = { kind: "id", key: "1" } as const;
      assertRows(
        await links.holders("source", [id, dn("x"), uid("x"), { kind: "id", key: "x" }, id]),
        [
          { ...dn("x"), sourceId: "1", state: "gone", seen: 1 },
          { ...id, sourceId: "1", state: "gone", seen: 1 },
          { ...uid("x"), sourceId: "2", state: "entering", seen: 1 },
        ],
      );
      assert.deepEqual(await links.names("source", ["1"]), [
        { ...dn("x"), sourceId: "1", state: "gone", seen: 1 },
      ]);
      await links.save("source", [link("1")]);
      assert.deepEqual(await links.holders("source", [dn("x")]), [
        { ...dn("x"), sourceId: "1", state: "live", seen: 1 },
      ]);
    },
  },
  {
    name: "names are equal exactly when their keys are equal strings",
    async check(links) {
      const keys = [...hostileStrings, "x y", "X Y ", "\u00e9 is not \u00e9"];
      await links.save(
        "source",
        keys.map((_, at) => link(`${at}`)),
      );
      await links.setNames(
        "source",
        keys.map((key, at) => ({ sourceId: `${at}`, names: [dn(key), uid(key)] })),
      );
      for (const [at, key] of keys.entries()) {
        assertRows(await links.holders("source", [dn(key), uid(key)]), [
          { ...dn(key), sourceId: `${at}`, state: "live", seen: 1 },
          { ...uid(key), sourceId: `${at}`, state: "live", seen: 1 },
        ]);
      }
    },
  },
  {
    name: "sources, ids and names of 10,000 characters are kept apart by their last",
    async check(links) {
      const [first = "", second = ""] = longStrings;
      const linked = longStrings.map((text) =>
        link(text, { resourceId: text, name: text, intent: { name: text }, stamp: text }),
      );
      for (const source of longStrings) {
        await links.save(source, linked);
        await links.setNames(
          source,
          longStrings.map((text) => ({ sourceId: text, names: [dn(text), uid(text)] })),
        );
      }
      await links.setNames(first, [{ sourceId: first, names: [dn(second)] }]);
      assert.deepEqual(await links.get(second, longStrings), linked);
      assertRows(await links.list(second, {}, { count: 9 }), linked);
      assertRows(await links.names(first, [first, second]), [
        { ...dn(second), sourceId: first, state: "live", seen: 1 },
        { ...uid(second), sourceId: second, state: "live", seen: 1 },
      ]);
      assertRows(
        await links.holders(second, [dn(first), uid(second), { kind: "id", key: first }]),
        [
          { ...dn(first), sourceId: first, state: "live", seen: 1 },
          { ...uid(second), sourceId: second, state: "live", seen: 1 },
          { kind: "id", key: first, sourceId: first, state: "live", seen: 1 },
        ],
      );
      const owners = longStrings.map((source) => ({
        source,
        sourceId: first,
        state: "live",
        resourceId: first,
        intent: { name: first },
      }));
      assertRows(await links.owners("User", [first]), owners);
      assertRows(await links.intents("User", first), owners);
      await links.remove(first, [second]);
      assert.equal(await links.count(first, {}), longStrings.length - 1);
      assert.equal(await links.count(second, {}), longStrings.length);
    },
  },
];
