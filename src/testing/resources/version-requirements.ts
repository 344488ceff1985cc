import assert from "node:assert/strict";
import { VersionConflictError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { assertOneWinner, type Requirement } from "../contract.js";
import type { ResourceKind } from "./resource-kind.js";

/** What is required of versions, and of writers that come at once. */
export function versionRequirements<S, T extends Resource, N extends ResourceRequest>(
  { named, renamed, nameOf, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const skip =
    capabilities.versions === "none"
      ? "the store has no versions"
      : capabilities.rename
        ? undefined
        : "the store cannot rename";
  return [
    {
      name: "resources have no version",
      skip: capabilities.versions === "none" ? undefined : "the store has versions",
      async check(subject) {
        const created = await repository(subject).create(named("ann"));
        assert.equal(created.meta?.version, undefined);
      },
    },
    {
      name: "every write gives a new version, which the next reader sees",
      skip,
      async check(subject) {
        const resources = repository(subject);
        const created = await resources.create(named("ann"));
        const replaced = await resources.replace(created.id, named("Ann"));
        assert.equal((await resources.get(created.id))?.meta?.version, replaced.meta?.version);
        await resources.modify(created.id, renamed("ANN"));
        const modified = await resources.get(created.id);
        const versions = [created, replaced, modified].map((resource) => resource?.meta?.version);
        assert.equal(new Set(versions).size, 3);
        assertThat(!versions.includes(undefined), "every result has a meta.version");
      },
    },
    {
      name: "a write against an old version is VersionConflictError and changes nothing",
      skip,
      async check(subject) {
        const resources = repository(subject);
        const { id, meta: old } = await resources.create(named("ann"));
        assertThat(old?.version !== undefined, "create returns a meta.version");
        const current = await resources.replace(id, named("Ann"), { ifVersion: old.version });
        const stale = { ifVersion: old.version };
        await assertRefusal(resources.replace(id, named("eve"), stale), VersionConflictError);
        await assertRefusal(resources.modify(id, renamed("eve"), stale), VersionConflictError);
        if (capabilities.delete !== "none") {
          await assertRefusal(resources.delete(id, stale), VersionConflictError);
        }
        assert.deepEqual(await resources.get(id), current);
      },
    },
    {
      name: "of 20 concurrent writes against one version exactly one is done",
      skip,
      async check(subject) {
        const resources = repository(subject);
        const { id, meta } = await resources.create(named("ann"));
        assertThat(meta?.version !== undefined, "create returns a meta.version");
        const ifVersion = meta.version;
        const names = Array.from({ length: 20 }, (_, number) => `ann${number}`);
        const results = await Promise.allSettled(
          names.map((name) => resources.replace(id, named(name), { ifVersion })),
        );
        assertOneWinner(results, VersionConflictError);
        const winner = results.findIndex((result) => result.status === "fulfilled");
        const read = await resources.get(id);
        assert.equal(read && nameOf(read), names[winner]);
      },
    },
    {
      name: "concurrent changes that are computed from what they read are all applied",
      skip,
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        const append = (letter: string): Promise<void> =>
          resources.modify(id, {
            reads: [],
            plan: (current) => renamed(`${nameOf(current)}${letter}`),
          });
        await Promise.all(["a", "b", "c", "d", "e"].map(append));
        const read = await resources.get(id);
        const letters = (read && nameOf(read))?.slice("ann".length) ?? "";
        assert.equal([...letters].sort().join(""), "abcde");
      },
    },
  ];
}
