import assert from "node:assert/strict";
import { NotFoundError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertRefusal } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { equal, ids, type ResourceKind, supports } from "./resource-kind.js";

/** What is required of whatever was deleted: that it is nowhere. */
export function deletionRequirements<S, T extends Resource, N extends ResourceRequest>(
  { naming, type, named, renamed, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const { pages = ["index"] } = capabilities;
  return [
    {
      name: "a resource that was deleted is on no page, matches no filter, and is counted nowhere",
      skip: capabilities.delete === "hard" ? undefined : "the store does not remove resources",
      async check(subject) {
        const resources = repository(subject);
        const withId = supports(capabilities, type, "externalId") ? { externalId: "1" } : {};
        const gone = await resources.create({ ...named("ann"), ...withId });
        const kept = await resources.create(named("bob"));
        await resources.delete(gone.id);
        const sought = [[naming, "ann"] as const, ["id", gone.id] as const];
        const asked = [...sought, ...Object.entries(withId)].filter(([path]) =>
          supports(capabilities, type, path),
        );
        for (const page of pages.map((one) => (one === "cursor" ? { cursor: "" } : {}))) {
          for (const [path, value] of asked) {
            const found = await resources.find({ filter: equal(type, path, value), ...page });
            const message = `what a filter of the ${path} of one who was deleted finds`;
            assert.deepEqual(ids(found.resources), [], message);
            assert.equal(found.totalResults ?? 0, 0, `${message}, as totalResults`);
          }
          const all = await resources.find(page);
          assert.deepEqual(ids(all.resources), [kept.id], "what is left on the only page");
          assert.equal(all.totalResults ?? 1, 1, "totalResults of what is left");
        }
      },
    },
    {
      name: "a resource that was deleted cannot be written any more",
      skip: capabilities.delete === "hard" ? undefined : "the store does not remove resources",
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        await resources.delete(id);
        await assertRefusal(resources.replace(id, named("ann")), NotFoundError, "replace");
        await assertRefusal(resources.modify(id, renamed("eve")), NotFoundError, "modify");
        assert.equal(await resources.get(id), undefined, "what is left under the id");
        assert.equal((await resources.find({})).totalResults, 0, "totalResults of what is left");
      },
    },
  ];
}
