import assert from "node:assert/strict";
import { VersionConflictError } from "../../core/index.js";
import type { IdentityMapRepository, MappedIdentity } from "../../repositories/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import {
  assertOneWinner,
  assertRows,
  type ContractCase,
  hostileStrings,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
  unlessInvalid,
} from "../contract.js";

/** What is required of an {@link IdentityMapRepository}. */
export async function identityMapRepositoryContract(
  make: Make<IdentityMapRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const time = "2026-01-01T00:00:00.000Z";

function identity(
  id: string,
  localId: string,
  others: Partial<MappedIdentity> = {},
): MappedIdentity {
  return {
    type: "User",
    id,
    localId,
    origin: "created",
    created: time,
    lastModified: time,
    version: 1,
    revision: 1,
    ...others,
  };
}

/** The identity as it is once it is saved. */
function saved(stored: MappedIdentity): MappedIdentity {
  return { ...stored, revision: stored.revision + 1 };
}

const requirements: readonly Requirement<IdentityMapRepository>[] = [
  {
    name: "what was added is found by its ids and its externalId, in the order asked for",
    async check(map) {
      const ann = identity("ann", "1", { externalId: "x" });
      const bob = identity("bob", "2", {
        origin: "found",
        mark: "7 \u{1f511}",
        version: 7,
        revision: 3,
      });
      assert.deepEqual(await map.add([ann, bob]), [ann, bob]);
      assert.deepEqual(await map.get("User", ["bob", "nobody", "ann"]), [bob, undefined, ann]);
      assert.deepEqual(await map.byLocalId("User", ["3", "2", "1"]), [undefined, bob, ann]);
      assert.deepEqual(await map.byExternalId("User", "x"), [ann]);
      assert.deepEqual(await map.byExternalId("User", "X"), []);
      assert.deepEqual(await map.get("User", []), []);
      assert.deepEqual(await map.byLocalId("User", []), []);
      assert.deepEqual(await map.add([]), []);
      for (const id of unknownIds) assert.deepEqual(await map.get("User", [id]), [undefined], id);
    },
  },
  {
    name: "users and groups of one id are two",
    async check(map) {
      const user = identity("one", "1", { externalId: "x" });
      const group = identity("one", "1", { type: "Group", externalId: "x" });
      await map.add([user]);
      assert.deepEqual(await map.add([group]), [group]);
      assert.deepEqual(await map.get("User", ["one"]), [user]);
      assert.deepEqual(await map.get("Group", ["one"]), [group]);
      assert.deepEqual(await map.byLocalId("Group", ["1"]), [group]);
      assert.deepEqual(await map.byExternalId("Group", "x"), [group]);
    },
  },
  {
    name: "several have one externalId, if that is what was said",
    async check(map) {
      const both = [
        identity("ann", "1", { externalId: "x" }),
        identity("bob", "2", { externalId: "x" }),
      ];
      await map.add(both);
      assertRows(await map.byExternalId("User", "x"), both);
    },
  },
  {
    name: "of 100 concurrent additions for one localId the first has it, and all get that",
    async check(map) {
      const added = await Promise.all(
        Array.from({ length: 100 }, (_, number) =>
          map.add([identity(`other ${number}`, `2${number}`), identity(`id ${number}`, "1")]),
        ),
      );
      const [stored] = await map.byLocalId("User", ["1"]);
      assertThat(stored, "one of the identities is stored");
      for (const [, returned] of added) assert.deepEqual(returned, stored);
      const others = await map.get(
        "User",
        Array.from({ length: 100 }, (_, number) => `id ${number}`),
      );
      assert.equal(others.filter((other) => other !== undefined).length, 1);
    },
  },
  {
    name: "a save counts the revision, and is refused against another one",
    async check(map) {
      const [ann] = await map.add([identity("ann", "1", { externalId: "x" })]);
      assertThat(ann, "add returns what is stored");
      const { externalId: _, ...without } = ann;
      const first = await map.save({
        ...without,
        version: 2,
        lastModified: "2026-02-01T00:00:00.000Z",
      });
      assert.deepEqual(first, {
        ...saved(without),
        version: 2,
        lastModified: "2026-02-01T00:00:00.000Z",
      });
      assert.deepEqual(await map.get("User", ["ann"]), [first]);
      assert.deepEqual(await map.byExternalId("User", "x"), []);
      await assertRefusal(map.save(ann), VersionConflictError);
      await assertRefusal(map.save(identity("nobody", "9")), VersionConflictError);
      assert.deepEqual(await map.get("User", ["ann", "nobody"]), [first, undefined]);
    },
  },
  {
    name: "of 20 concurrent saves against one revision exactly one is done",
    async check(map) {
      const [ann] = await map.add([identity("ann", "1")]);
      assertThat(ann, "add returns what is stored");
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, number) => map.save({ ...ann, version: number + 10 })),
      );
      assertOneWinner(results, VersionConflictError);
      const winner = results.findIndex((result) => result.status === "fulfilled");
      const [stored] = await map.get("User", ["ann"]);
      assert.equal(stored?.version, winner + 10);
    },
  },
  {
    name: "of 100 concurrent touches none is lost, and none is in the way of a save",
    async check(map) {
      const [ann] = await map.add([identity("ann", "1")]);
      assertThat(ann, "add returns what is stored");
      const later = "2026-03-01T00:00:00.000Z";
      await Promise.all(Array.from({ length: 100 }, () => map.touch("User", "ann", later)));
      const touched = { ...ann, version: 101, lastModified: later };
      assert.deepEqual(await map.get("User", ["ann"]), [touched]);
      assert.deepEqual(await map.save(touched), saved(touched));
      for (const id of unknownIds) await map.touch("User", id, later);
    },
  },
  {
    name: "what is deleted is known by its id, and by its localId while the store has it",
    async check(map) {
      const [ann] = await map.add([identity("ann", "1", { externalId: "x" })]);
      assertThat(ann, "add returns what is stored");
      assert.equal(await map.hasRetained("User"), false);
      const deleted = await map.save({ ...ann, deleted: time });
      assert.equal(await map.hasRetained("User"), true);
      assert.equal(await map.hasRetained("Group"), false);
      assert.deepEqual(await map.get("User", ["ann"]), [deleted]);
      assert.deepEqual(await map.byLocalId("User", ["1"]), [deleted]);
      assert.deepEqual(await map.byExternalId("User", "x"), []);
      assert.deepEqual(await map.add([identity("bob", "1")]), [deleted]);
      const { localId, ...others } = deleted;
      const gone = await map.save({ ...others, formerLocalId: "1" });
      assert.equal(gone.formerLocalId, localId);
      assert.equal(await map.hasRetained("User"), false);
      assert.deepEqual(await map.get("User", ["ann"]), [gone]);
      assert.deepEqual(await map.byLocalId("User", ["1"]), [undefined]);
      const bob = identity("bob", "1");
      assert.deepEqual(await map.add([bob]), [bob]);
      assert.deepEqual(await map.byLocalId("User", ["1"]), [bob]);
    },
  },
  {
    name: "strings are kept as they are, or refused as InvalidValueError",
    async check(map) {
      for (const [at, text] of [...hostileStrings, "nul\u0000byte"].entries()) {
        const hostile = identity(`id ${at}`, text, { externalId: text, formerLocalId: text });
        const added = await unlessInvalid(map.add([hostile]));
        if (added === undefined) continue;
        assert.deepEqual(await map.byLocalId("User", [text]), [hostile], text);
        assert.deepEqual(await map.byExternalId("User", text), [hostile], text);
      }
    },
  },
  {
    name: "a call whose signal is aborted rejects with the signal's reason and writes nothing",
    async check(map) {
      const reason = new Error("The caller has left.");
      const options = { signal: AbortSignal.abort(reason) };
      const because = (error: unknown): boolean => error === reason;
      await assertRefusal(map.get("User", ["ann"], options), because);
      await assertRefusal(map.add([identity("ann", "1")], options), because);
      assert.deepEqual(await map.get("User", ["ann"]), [undefined]);
    },
  },
];
