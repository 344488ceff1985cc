import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { NotFoundError, UnsupportedError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { hostileStrings, type Requirement, unknownIds, unlessInvalid } from "../contract.js";
import { attributeRequirements } from "./attribute-requirements.js";
import { cursorRequirements } from "./cursor-requirements.js";
import { deletionRequirements } from "./deletion-requirements.js";
import { findRequirements } from "./find-requirements.js";
import { questionRequirements } from "./question-requirements.js";
import { equal, ids, type ResourceKind, supports } from "./resource-kind.js";
import { idRequirements } from "./spelling-requirements.js";
import { textRequirements } from "./text-requirements.js";
import { unchangedRequirements } from "./unchanged-requirements.js";
import { versionRequirements } from "./version-requirements.js";

/** What is required of every repository of resources. */
export function resourceRequirements<S, T extends Resource, N extends ResourceRequest>(
  kind: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  return [
    ...lifeRequirements(kind, capabilities),
    ...idRequirements(kind, capabilities),
    ...attributeRequirements(kind, capabilities),
    ...textRequirements(kind, capabilities),
    ...deletionRequirements(kind, capabilities),
    ...findRequirements(kind, capabilities),
    ...questionRequirements(kind, capabilities),
    ...cursorRequirements(kind, capabilities),
    ...versionRequirements(kind, capabilities),
    ...unchangedRequirements(kind, capabilities),
  ];
}

function lifeRequirements<S, T extends Resource, N extends ResourceRequest>(
  { naming, type, named, renamed, nameOf, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  return [
    {
      name: "create stores a resource under an id of its own, and get returns it",
      async check(subject) {
        const resources = repository(subject);
        const ann = await resources.create(named("ann"));
        const bob = await resources.create(named("bob"));
        assert.equal(typeof ann.id, "string");
        assert.notEqual(ann.id, bob.id);
        assert.equal(nameOf(ann), "ann");
        assert.deepEqual(await resources.get(ann.id), ann);
        assert.deepEqual(await resources.get(bob.id), bob);
      },
    },
    {
      name: "get of an id that was never given out is undefined",
      async check(subject) {
        const resources = repository(subject);
        await resources.create(named("ann"));
        for (const id of unknownIds) assert.equal(await resources.get(id), undefined, id);
      },
    },
    {
      name: "replace and modify of an unknown id are NotFoundError",
      async check(subject) {
        const resources = repository(subject);
        for (const id of unknownIds) {
          await assertRefusal(resources.replace(id, named("ann")), NotFoundError, id);
          await assertRefusal(resources.modify(id, renamed("ann")), NotFoundError, id);
        }
        assert.equal((await resources.find({})).totalResults, 0);
      },
    },
    {
      name: "what was read can be written",
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        const read = await resources.get(id);
        assertThat(read, "get returns what was created");
        const { meta: _, ...written } = await resources.replace(id, read);
        const { meta: __, ...before } = read;
        assert.deepEqual(written, before);
      },
    },
    {
      name: "meta.created stays as it was, whatever is written later",
      async check(subject) {
        const resources = repository(subject);
        const { id, meta } = await resources.create(named("ann"));
        await sleep(20);
        const replaced = await resources.replace(id, named("Ann"));
        assert.equal(replaced.meta?.created, meta?.created, "meta.created that replace returns");
        await resources.modify(id, capabilities.rename ? renamed("ANN") : {});
        const modified = await resources.get(id);
        assertThat(modified, "get returns what was modified");
        // What a client says of it is ignored.
        const early = { ...modified.meta, created: "2001-01-01T00:00:00Z" };
        await resources.replace(id, { ...modified, meta: early });
        const read = await resources.get(id);
        assert.equal(read?.meta?.created, meta?.created, "meta.created after three writes");
        const [listed] = (await resources.find({})).resources;
        assert.equal(listed?.meta?.created, meta?.created, "meta.created in a page");
      },
    },
    {
      name: "callers cannot change the store through what was passed or returned",
      async check(subject) {
        const resources = repository(subject);
        const draft = { ...named("ann") };
        const created = await resources.create(draft);
        Reflect.set(draft, naming, "changed");
        Reflect.set(created, naming, "changed");
        const read = await resources.get(created.id);
        assertThat(read, "get returns what was created");
        Reflect.set(read, naming, "changed");
        Reflect.set(read, "id", "changed");
        const again = await resources.get(created.id);
        assert.equal(again && nameOf(again), "ann");
        assert.equal(again?.id, created.id);
      },
    },
    {
      name: "strings are kept as they are, or refused as InvalidValueError",
      async check(subject) {
        const resources = repository(subject);
        for (const name of [...hostileStrings, "nul\u0000byte"]) {
          const created = await unlessInvalid(resources.create(named(name)));
          if (created === undefined) continue;
          const read = await resources.get(created.id);
          assert.equal(read && nameOf(read), name);
          if (!supports(capabilities, type, naming)) continue;
          const page = await resources.find({ filter: equal(type, naming, name) });
          assert.deepEqual(ids(page.resources), [created.id], name);
        }
      },
    },
    {
      name: "the naming attribute can be changed, and the old name is free again",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        await resources.modify(id, renamed("Ann"));
        const replaced = await resources.replace(id, named("eve"));
        assert.equal(nameOf(replaced), "eve");
        await resources.modify(id, renamed("zoe"));
        const read = await resources.get(id);
        assert.equal(read && nameOf(read), "zoe");
        const other = await resources.create(named("ann"));
        assert.notEqual(other.id, id);
      },
    },
    {
      name: "delete removes the resource, and its name is free again",
      skip: capabilities.delete === "hard" ? undefined : "the store does not remove resources",
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        const kept = await resources.create(named("bob"));
        await resources.delete(id);
        assert.equal(await resources.get(id), undefined);
        assert.deepEqual(ids((await resources.find({})).resources), [kept.id]);
        await assertRefusal(resources.delete(id), NotFoundError);
        for (const unknown of unknownIds) {
          await assertRefusal(resources.delete(unknown), NotFoundError, unknown);
        }
        const again = await resources.create(named("ann"));
        assert.notEqual(again.id, id);
      },
    },
    {
      name: "delete is refused",
      skip: capabilities.delete === "none" ? undefined : "the store can delete",
      async check(subject) {
        const resources = repository(subject);
        const created = await resources.create(named("ann"));
        await assertRefusal(resources.delete(created.id), UnsupportedError);
        assert.deepEqual(await resources.get(created.id), created);
      },
    },
    {
      name: "one refused write of a batch stops no other, and results come in order",
      async check(subject) {
        const resources = repository(subject);
        const results = await resources.write([
          { kind: "create", resource: named("ann") },
          { kind: "modify", id: "unknown", modification: renamed("eve") },
          { kind: "replace", id: "unknown", resource: named("eve") },
          { kind: "create", resource: named("bob") },
        ]);
        assert.deepEqual(
          results.map((result) => result.written),
          [true, false, false, true],
        );
        for (const [at, name] of [
          [0, "ann"],
          [3, "bob"],
        ] as const) {
          const result = results[at];
          assertThat(
            result?.written,
            `the write ${at} of the batch, which creates ${name}, is done`,
          );
          const read = await resources.get(result.id);
          assert.equal(read && nameOf(read), name);
        }
        const isMissed = results[1]?.written === false && results[1].error instanceof NotFoundError;
        assertThat(isMissed, "the result of a write to an unknown id is a NotFoundError");
        assert.equal((await resources.find({})).totalResults, 2);
      },
    },
    {
      name: "a call whose signal is aborted rejects with the signal's reason and writes nothing",
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        const reason = new Error("The caller has left.");
        const options = { signal: AbortSignal.abort(reason) };
        const because = (error: unknown): boolean => error === reason;
        await assertRefusal(resources.get(id, options), because);
        await assertRefusal(resources.find({}, options), because);
        await assertRefusal(resources.create(named("bob"), options), because);
        await assertRefusal(resources.replace(id, named("eve"), options), because);
        await assertRefusal(resources.modify(id, renamed("eve"), options), because);
        if (capabilities.delete !== "none") {
          await assertRefusal(resources.delete(id, options), because);
        }
        const writes = [{ kind: "create", resource: named("bob") } as const];
        await assertRefusal(resources.write(writes, options), because);
        const { resources: left } = await resources.find({});
        assert.deepEqual(left.map(nameOf), ["ann"]);
      },
    },
  ];
}
