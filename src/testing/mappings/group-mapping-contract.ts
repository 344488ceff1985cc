import assert from "node:assert/strict";
import type { GroupMapping, GroupMappingRepository } from "../../repositories/index.js";
import {
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
} from "../contract.js";

/** What is required of a {@link GroupMappingRepository}. */
export async function groupMappingRepositoryContract(
  make: Make<GroupMappingRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const requirements: readonly Requirement<GroupMappingRepository>[] = [
  {
    name: "a group without a mapping is mapped to nothing",
    async check(mappings) {
      for (const id of unknownIds) {
        assert.deepEqual(await mappings.localGroups(id), [], id);
        assert.deepEqual(await mappings.externalGroups(id), [], id);
        await mappings.remove({ external: id, local: id });
      }
      assert.deepEqual(await mappings.list(), []);
    },
  },
  {
    name: "a mapping is found from both of its ends, and listed in order",
    async check(mappings) {
      const stored = [mapping("b", "y"), mapping("a", "y"), mapping("a", "x"), mapping("B", "y")];
      for (const one of stored) await mappings.save(one);
      assert.deepEqual(sorted(await mappings.localGroups("a")), ["x", "y"]);
      assert.deepEqual(sorted(await mappings.externalGroups("y")), ["B", "a", "b"]);
      assert.deepEqual(await mappings.externalGroups("a"), []);
      assert.deepEqual(await mappings.localGroups("y"), []);
      assert.deepEqual(await mappings.list(), [
        mapping("B", "y"),
        mapping("a", "x"),
        mapping("a", "y"),
        mapping("b", "y"),
      ]);
    },
  },
  {
    name: "a mapping that is stored twice is there once",
    async check(mappings) {
      await Promise.all(Array.from({ length: 20 }, () => mappings.save(mapping("a", "x"))));
      assert.deepEqual(await mappings.list(), [mapping("a", "x")]);
    },
  },
  {
    name: "a mapping that is removed is gone, and no other",
    async check(mappings) {
      const others = [mapping("a", "y"), mapping("b", "x"), mapping("A", "x")];
      for (const one of [mapping("a", "x"), ...others]) await mappings.save(one);
      await mappings.remove(mapping("a", "x"));
      assert.deepEqual(await mappings.localGroups("a"), ["y"]);
      assert.deepEqual(sorted(await mappings.externalGroups("x")), ["A", "b"]);
      assert.equal((await mappings.list()).length, others.length);
    },
  },
  {
    name: "ids are kept as they are, also those of 10,000 characters",
    async check(mappings) {
      const ids = [...hostileStrings, ...longStrings];
      for (const [at, id] of ids.entries()) {
        await mappings.save(mapping(id, ids.at(at - 1) ?? ""));
      }
      for (const [at, id] of ids.entries()) {
        assert.deepEqual(await mappings.localGroups(id), [ids.at(at - 1)], id);
        assert.deepEqual(await mappings.externalGroups(ids.at(at - 1) ?? ""), [id], id);
      }
      await mappings.remove(mapping(ids[0] ?? "", ids.at(-1) ?? ""));
      assert.equal((await mappings.list()).length, ids.length - 1);
    },
  },
];

function mapping(external: string, local: string): GroupMapping {
  return { external, local };
}

function sorted(ids: readonly string[]): readonly string[] {
  return [...ids].sort();
}
