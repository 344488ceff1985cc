import assert from "node:assert/strict";
import { NotFoundError, UniquenessError, UnsupportedError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { type Requirement, unknownIds } from "../contract.js";
import { equal, ids, type ResourceKind, supports } from "./resource-kind.js";

/** Why a case that creates resources does not apply, if it does not. */
export const createsNothing = "the store creates no resources";

/** A name that no resource of a store has. */
const nowhere = "concordat-contract-nobody-made-this";

/** What is required of a store whose resources are made elsewhere. It has two of them at least. */
export function existingRequirements<S, T extends Resource, N extends ResourceRequest>(
  { type, naming, named, renamed, nameOf, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const isIndexed = capabilities.pages?.includes("index") ?? true;
  return [
    {
      name: "create is refused: of what is there as UniquenessError that names it, of anything else as UnsupportedError",
      async check(subject) {
        const resources = repository(subject);
        const before = await resources.find({});
        await assertRefusal(resources.create(named(nowhere)), UnsupportedError);
        const [one] = before.resources;
        assertThat(one, "a store that creates nothing has a resource");
        await assertRefusal(
          resources.create(named(nameOf(one) ?? "")),
          (error) => error instanceof UniquenessError && error.resourceId === one.id,
        );
        const [first, second] = await resources.write([
          { kind: "create", resource: named(nowhere) },
          { kind: "modify", id: one.id, modification: {} },
        ]);
        assert.deepEqual([first?.written, second?.written], [false, true], "which are written");
        assert.deepEqual(await resources.find({}), before, "what is there afterwards");
      },
    },
    {
      name: "each of the resources that are there is read by its id, and found by its name",
      async check(subject) {
        const resources = repository(subject);
        const { resources: listed } = await resources.find({});
        for (const one of listed) {
          assert.deepEqual(await resources.get(one.id), one, "what get returns of a page");
          if (!supports(capabilities, type, naming)) continue;
          const filter = equal(type, naming, nameOf(one) ?? "");
          const found = await resources.find({ filter });
          assertThat(
            ids(found.resources).includes(one.id),
            "a filter of its name finds a resource",
          );
        }
      },
    },
    {
      name: "pages by index together hold every resource once",
      skip: isIndexed ? undefined : "the store has no pages by index",
      async check(subject) {
        const resources = repository(subject);
        const count = Math.min(2, capabilities.maxPageSize);
        const seen: string[] = [];
        for (let total = 1; seen.length < total; ) {
          const page = await resources.find({ startIndex: seen.length + 1, count });
          total = page.totalResults ?? 0;
          assertThat(page.resources.length > 0, "a page before the end has a resource");
          seen.push(...ids(page.resources));
        }
        assert.equal(new Set(seen).size, seen.length, "how many of those on the pages differ");
      },
    },
    {
      name: "an id that was never given out is that of nothing",
      async check(subject) {
        const resources = repository(subject);
        for (const id of unknownIds) {
          assert.equal(await resources.get(id), undefined, id);
          await assertRefusal(resources.replace(id, named(nowhere)), NotFoundError, id);
          await assertRefusal(resources.modify(id, renamed(nowhere)), NotFoundError, id);
        }
      },
    },
    {
      name: "what was read can be written, and is as it was",
      async check(subject) {
        const resources = repository(subject);
        const { resources: listed } = await resources.find({});
        for (const one of listed.slice(0, 2)) {
          const written = await resources.replace(one.id, one);
          assert.equal(written.id, one.id, "the id that replace returns");
          assert.equal(nameOf(written), nameOf(one), "the name that replace returns");
          await resources.modify(one.id, {});
          const read = await resources.get(one.id);
          assert.equal(read && nameOf(read), nameOf(one), "the name afterwards");
        }
      },
    },
    {
      name: "a resource keeps its name: another is refused",
      skip: capabilities.rename ? "the store can rename" : undefined,
      async check(subject) {
        const resources = repository(subject);
        const [one] = (await resources.find({})).resources;
        assertThat(one, "a store that creates nothing has a resource");
        for (const write of [
          () => resources.replace(one.id, named(nowhere)),
          () => resources.modify(one.id, renamed(nowhere)),
        ]) {
          const isDone = await write().then(
            () => true,
            () => false,
          );
          assertThat(!isDone, "another name is refused");
          assert.deepEqual(await resources.get(one.id), one, "the resource afterwards");
        }
      },
    },
    {
      name: "delete is refused",
      skip: capabilities.delete === "none" ? undefined : "the store can delete",
      async check(subject) {
        const resources = repository(subject);
        const [one] = (await resources.find({})).resources;
        assertThat(one, "a store that creates nothing has a resource");
        await assertRefusal(resources.delete(one.id), UnsupportedError);
        assert.deepEqual(await resources.get(one.id), one, "the resource afterwards");
      },
    },
    {
      name: "a call whose signal is aborted rejects with the signal's reason",
      async check(subject) {
        const resources = repository(subject);
        const [one] = (await resources.find({})).resources;
        const id = one?.id ?? "";
        const reason = new Error("The caller has left.");
        const options = { signal: AbortSignal.abort(reason) };
        await assertRefusal(resources.get(id, options), reason, "get");
        await assertRefusal(resources.find({}, options), reason, "find");
        await assertRefusal(resources.create(named(nowhere), options), reason, "create");
        await assertRefusal(resources.replace(id, named(nowhere), options), reason, "replace");
        await assertRefusal(resources.modify(id, renamed(nowhere), options), reason, "modify");
      },
    },
  ];
}
