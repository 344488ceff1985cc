import assert from "node:assert/strict";
import { UnsupportedError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type {
  ResolvedAttribute,
  Resource,
  ResourceRequest,
  ResourceType,
} from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { type Requirement, unknownIds } from "../contract.js";
import { equal, ids, type ResourceKind, skipUnlessSupported } from "./resource-kind.js";

/** What is required of `find`. */
export function findRequirements<S, T extends Resource, N extends ResourceRequest>(
  { naming, type, named, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  return [
    {
      name: "pages are stable: together they hold every resource once",
      async check(subject) {
        const resources = repository(subject);
        const created = new Set<string>();
        for (let number = 0; number < 25; number++) {
          created.add((await resources.create(named(`person ${number}`))).id);
        }
        const size = Math.min(10, capabilities.maxPageSize);
        const seen: string[] = [];
        while (seen.length < created.size) {
          const startIndex = seen.length + 1;
          const page = await resources.find({ startIndex, count: size });
          assert.equal(page.totalResults, created.size);
          assert.equal(page.startIndex, startIndex);
          assert.equal(page.resources.length, Math.min(size, created.size - seen.length));
          seen.push(...ids(page.resources));
        }
        assert.deepEqual(new Set(seen), created);
        assert.equal(seen.length, created.size);
      },
    },
    {
      name: "a page is never larger than asked for, and may begin after the end",
      async check(subject) {
        const resources = repository(subject);
        for (const name of ["ann", "bob", "eve"]) await resources.create(named(name));
        const none = await resources.find({ count: 0 });
        assert.deepEqual([none.totalResults, none.resources.length], [3, 0]);
        const negative = await resources.find({ count: -1 });
        assert.deepEqual([negative.totalResults, negative.resources.length], [3, 0]);
        const late = await resources.find({ startIndex: 4 });
        assert.deepEqual([late.totalResults, late.resources.length], [3, 0]);
        const early = await resources.find({ startIndex: -5, count: 1 });
        assert.deepEqual([early.startIndex, early.resources.length], [1, 1]);
        const most = await resources.find({ count: capabilities.maxPageSize + 1 });
        assert.equal(most.resources.length, Math.min(3, capabilities.maxPageSize));
      },
    },
    {
      name: `a filter of ${naming} ignores case and nothing else`,
      skip: skipUnlessSupported(capabilities, type, naming),
      async check(subject) {
        const resources = repository(subject);
        const filter = (value: string): Promise<string[]> =>
          resources
            .find({ filter: equal(type, naming, value) })
            .then((page) => ids(page.resources));
        const plain = await resources.create(named("jose"));
        const accented = await resources.create(named("JosÉ"));
        assert.deepEqual(await filter("JOSE"), [plain.id]);
        assert.deepEqual(await filter("josé"), [accented.id]);
        assert.deepEqual(await filter("jose "), []);
        assert.deepEqual(await filter("jos_"), []);
        assert.deepEqual(await filter("jos%"), []);
        assert.deepEqual(await filter("*"), []);
      },
    },
    {
      name: "a filter of id is exact",
      skip: skipUnlessSupported(capabilities, type, "id"),
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        const filter = (value: string): Promise<string[]> =>
          resources.find({ filter: equal(type, "id", value) }).then((page) => ids(page.resources));
        assert.deepEqual(await filter(id), [id]);
        for (const unknown of unknownIds) assert.deepEqual(await filter(unknown), [], unknown);
      },
    },
    {
      name: "externalId is kept, filtered by exactly, changed and cleared",
      skip: skipUnlessSupported(capabilities, type, "externalId"),
      async check(subject) {
        const resources = repository(subject);
        const filter = (value: string): Promise<string[]> =>
          resources
            .find({ filter: equal(type, "externalId", value) })
            .then((page) => ids(page.resources));
        const { id } = await resources.create({ ...named("ann"), externalId: "Ä1" });
        await resources.create(named("bob"));
        assert.equal((await resources.get(id))?.externalId, "Ä1");
        assert.deepEqual(await filter("Ä1"), [id]);
        assert.deepEqual(await filter("ä1"), []);
        assert.deepEqual(await filter("A1"), []);
        await resources.replace(id, { ...named("ann"), externalId: "2" });
        assert.deepEqual(await filter("Ä1"), []);
        assert.deepEqual(await filter("2"), [id]);
        await resources.modify(id, { unset: ["externalId"] });
        assert.deepEqual(await filter("2"), []);
        assert.equal((await resources.get(id))?.externalId, undefined);
      },
    },
    {
      name: "a filter that is not declared is refused, never widened",
      async check(subject) {
        const resources = repository(subject);
        await resources.create(named("ann"));
        const { attribute, ...target } = equalTarget(type, naming);
        for (const name of ["__proto__", "constructor", "toString", "nobodysAttribute"]) {
          const unknown = { ...target, path: name, attribute: { ...attribute, name } };
          const path = { attribute: name };
          const filter = { operator: "eq", path, target: unknown, value: "ann" } as const;
          await assertRefusal(resources.find({ filter }), UnsupportedError, name);
        }
      },
    },
  ];
}

/** What a filter that a store declares says of the attribute that it compares. */
function equalTarget(type: ResourceType, path: string): ResolvedAttribute {
  const filter = equal(type, path, "");
  assertThat(filter.operator === "eq", `eq binds as a comparison of ${path}`);
  return filter.target;
}
