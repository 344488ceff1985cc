import assert from "node:assert/strict";
import { NotFoundError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { type Requirement, unlessInvalid } from "../contract.js";
import { type GroupsUnderTest, memberIds, newMembers, staff } from "./group-subject.js";
import type { ResourceKind } from "./resource-kind.js";

/** Other texts that a careless comparison takes for an id: an id is case exact (RFC 7643 §3.1). */
function otherSpellings(id: string): readonly string[] {
  const others = [
    id.toUpperCase(),
    id.toLowerCase(),
    ` ${id}`,
    `${id} `,
    `${id}\n`,
    `0${id}`,
    `{${id}}`,
    `${id}\u200b`,
    id.replaceAll("-", ""),
    id.replace(/^./, (first) => String.fromCodePoint((first.codePointAt(0) ?? 0) + 0xfee0)),
  ];
  return [...new Set(others)].filter((other) => other !== id);
}

/** What is required of ids: that they are spelled in one way, and are the store's to give. */
export function idRequirements<S, T extends Resource, N extends ResourceRequest>(
  { named, renamed, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  return [
    {
      name: "an id in another spelling is unknown, whether it is read, written or deleted",
      async check(subject) {
        const resources = repository(subject);
        const created = await resources.create(named("ann"));
        for (const id of otherSpellings(created.id)) {
          assert.equal(await resources.get(id), undefined, id);
          await assertRefusal(resources.replace(id, named("eve")), NotFoundError, id);
          await assertRefusal(resources.modify(id, renamed("eve")), NotFoundError, id);
          if (capabilities.delete !== "none") {
            await assertRefusal(resources.delete(id), NotFoundError, id);
          }
          const [result] = await resources.write([
            { kind: "modify", id, modification: renamed("eve") },
          ]);
          assertThat(
            result?.written === false,
            `a write of a batch to ${JSON.stringify(id)} is refused`,
          );
          const message = `what is left after writes to ${JSON.stringify(id)}`;
          assert.deepEqual(await resources.get(created.id), created, message);
        }
      },
    },
    {
      name: "an id that comes with a resource is not believed",
      async check(subject) {
        const resources = repository(subject);
        const bob = await resources.create(named("bob"));
        const ann = await resources.create({ ...named("ann"), id: bob.id });
        assert.notEqual(ann.id, bob.id, "the id of a user who is created with the id of another");
        const eve = await resources.create({ ...named("eve"), id: "eve" });
        assert.notEqual(eve.id, "eve", "the id of a user who is created with a free one");
        const read = await resources.get(ann.id);
        assertThat(read, "get returns what was created");
        const replaced = await resources.replace(ann.id, { ...read, id: bob.id });
        assert.equal(
          replaced.id,
          ann.id,
          "the id of a user who is replaced with the id of another",
        );
        assert.deepEqual(await resources.get(bob.id), bob, "whose id came with others");
      },
    },
  ];
}

/** What is required of the ids of members, and of the groups whose members are changed. */
export function memberSpellingRequirements(): readonly Requirement<GroupsUnderTest>[] {
  return [
    {
      name: "a member in another spelling is unknown, and not removed by it",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        const { id } = await groups.create(staff(ann));
        for (const other of otherSpellings(ann)) {
          const text = JSON.stringify(other);
          const found = await groups.whichAreMembers(id, [other]);
          assert.deepEqual(found, new Set(), `whether ${text} is a member`);
          const existing = await groups.whichExist([{ group: id, member: other }]);
          assert.deepEqual(existing, [], `the membership of ${text}`);
          assert.deepEqual(await groups.groupsOf(other), [], `the groups of ${text}`);
          await groups.changeMembers(id, { remove: [{ value: other }] });
          await groups.modify(id, { relations: { members: { remove: [{ value: other }] } } });
          assert.deepEqual(await memberIds(groups, id), [ann], `the members without ${text}`);
          const add = [{ value: other }];
          const added = await unlessInvalid(groups.changeMembers(id, { add }).then(() => true));
          const message = `the members after ${text} was ${added ? "added" : "refused"}`;
          const expected = added ? [ann, other] : [ann];
          assert.deepEqual(await memberIds(groups, id), expected.sort(), message);
          await groups.changeMembers(id, { remove: add });
          assert.deepEqual(await memberIds(groups, id), [ann], `the members after ${text} left`);
        }
      },
    },
    {
      name: "the members of a group in another spelling are those of nothing",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann));
        for (const other of otherSpellings(id)) {
          const change = { add: [{ value: bob }], remove: [{ value: ann }] };
          await assertRefusal(groups.changeMembers(other, change), NotFoundError, other);
          await assertRefusal(groups.members(other), NotFoundError, other);
          const found = await groups.whichAreMembers(other, [ann]);
          assert.deepEqual(found, new Set(), JSON.stringify(other));
          assert.deepEqual(await memberIds(groups, id), [ann], JSON.stringify(other));
        }
      },
    },
  ];
}
