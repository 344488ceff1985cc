import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Capabilities, Modification } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { keeps } from "./attribute-requirements.js";
import { equal, ids, type ResourceKind, supports } from "./resource-kind.js";

/** What is required of writes that change nothing, and of what tells that something has changed. */
export function unchangedRequirements<S, T extends Resource, N extends ResourceRequest>(
  { naming, type, named, renamed, nameOf, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const noRename = capabilities.rename ? undefined : "the store cannot rename";
  return [
    {
      name: "a modify that changes nothing leaves the version and the times as they were",
      async check(subject) {
        const resources = repository(subject);
        const external = keeps(capabilities, "externalId") ? { externalId: "1" } : {};
        const { id } = await resources.create({ ...named("ann"), ...external });
        const before = await resources.get(id);
        assertThat(before, "get returns what was created");
        const modifications: Readonly<Record<string, Modification<T, N>>> = {
          "one that says nothing": {},
          "one that sets the name that there is": renamed("ann"),
          "one that sets everything that there is": {
            set: { ...named("ann"), ...external },
          } as Modification<T, N>,
          "one that is computed": { reads: [], plan: () => renamed("ann") },
        };
        for (const [name, modification] of Object.entries(modifications)) {
          await resources.modify(id, modification);
          assert.deepEqual(await resources.get(id), before, `what get returns after ${name}`);
        }
        await resources.write([{ kind: "modify", id, modification: renamed("ann") }]);
        assert.deepEqual(await resources.get(id), before, "what get returns after one of a batch");
      },
    },
    {
      name: "meta.lastModified moves with each write",
      skip: noRename,
      async check(subject) {
        const resources = repository(subject);
        const { id } = await resources.create(named("ann"));
        let count = 0;
        const read = async () => (await resources.get(id))?.meta?.lastModified;
        await assertLater(read, () => resources.modify(id, renamed(`ann ${count++}`)));
        await assertLater(read, () => resources.replace(id, named(`ann ${count++}`)));
      },
    },
    {
      name: "what was renamed is found by the new name, and by the old one no more",
      skip:
        noRename ??
        (supports(capabilities, type, naming)
          ? undefined
          : `the store declares no filter of ${naming}`),
      async check(subject) {
        const resources = repository(subject);
        const found = async (name: string): Promise<string[]> =>
          ids((await resources.find({ filter: equal(type, naming, name) })).resources);
        const { id } = await resources.create(named("ann"));
        const writes: Readonly<Record<string, (name: string) => Promise<unknown>>> = {
          modify: (name) => resources.modify(id, renamed(name)),
          replace: (name) => resources.replace(id, named(name)),
          write: (name) => resources.write([{ kind: "modify", id, modification: renamed(name) }]),
        };
        let former = "ann";
        for (const [name, write] of Object.entries(writes)) {
          await write(`after ${name}`);
          assert.deepEqual(await found(former), [], `who is found by the name before ${name}`);
          former = `after ${name}`;
          assert.deepEqual(await found(former), [id], `who is found by the name after ${name}`);
        }
        const read = await resources.get(id);
        assert.equal(read && nameOf(read), former);
      },
    },
  ];
}

/**
 * Asserts that a time is later after a write, where the store has such a time. Of a store that counts seconds it may be
 * the same at first.
 */
export async function assertLater(
  read: () => Promise<string | undefined>,
  write: () => Promise<unknown>,
): Promise<void> {
  for (const pause of [20, 1100]) {
    const before = await read();
    if (before === undefined) return;
    await sleep(pause);
    await write();
    const after = await read();
    assertThat(after !== undefined, "what had a meta.lastModified has one after a write");
    if (Date.parse(after) > Date.parse(before)) return;
    if (pause < 1000) continue;
    assert.fail(`meta.lastModified is ${before} before a write and ${after} after it`);
  }
}
