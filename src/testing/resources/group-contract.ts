import assert from "node:assert/strict";
import { NotFoundError, VersionConflictError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import { type Group, groupResourceType, type NewGroup } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import {
  type ContractCase,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
  unlessInvalid,
  using,
} from "../contract.js";
import { ClaimedGroups } from "./claimed-groups.js";
import { createsNothing, existingRequirements } from "./existing-requirements.js";
import { deletedMemberRequirements, groupChangeRequirements } from "./group-change-requirements.js";
import { type GroupsUnderTest, memberIds, membersRead, newMembers } from "./group-subject.js";
import { groupVersionRequirements } from "./group-version-requirements.js";
import { memberQuestionRequirements } from "./member-question-requirements.js";
import { resourceRequirements } from "./resource-contract.js";
import type { ResourceKind } from "./resource-kind.js";
import { memberSpellingRequirements } from "./spelling-requirements.js";

const kind: ResourceKind<GroupsUnderTest, Group, NewGroup> = {
  naming: "displayName",
  type: groupResourceType,
  named: (displayName) => ({ displayName }),
  renamed: (displayName) => ({ set: { displayName } }),
  nameOf: (group) => group.displayName,
  repository: ({ groups }) => groups,
  relations: async ({ users }) => (await newMembers(users, 4)).map((value) => ({ value })),
};

/**
 * What is required of a `GroupRepository`, as far as its capabilities declare it. The groups that the cases
 * create have a `displayName`, of its own each, and members. A store that creates none (`create: "none"`) has 60 of
 * them at least, without members, of which the cases take theirs.
 */
export async function groupRepositoryContract(
  make: Make<GroupsUnderTest>,
): Promise<readonly ContractCase[]> {
  const { capabilities, ofUsers } = await using(make, ({ groups, users }) => ({
    capabilities: groups.capabilities,
    ofUsers: users?.capabilities,
  }));
  const ofResources = resourceRequirements(kind, capabilities);
  const ofMembers = [
    ...memberRequirements(capabilities),
    ...memberSpellingRequirements(),
    ...memberQuestionRequirements(capabilities),
    ...groupChangeRequirements(),
    ...groupVersionRequirements(capabilities, ofUsers),
    ...deletedMemberRequirements(capabilities, ofUsers),
    ...concurrencyRequirements(capabilities),
  ];
  if (capabilities.create !== "none") return toCases(make, [...ofResources, ...ofMembers]);
  return toCases(make, [
    ...existingRequirements(kind, capabilities),
    ...ofResources.map((one) => ({ ...one, skip: one.skip ?? createsNothing })),
    ...ofMembers.map(onExistingGroups),
  ]);
}

/** A requirement on groups that are there already. */
function onExistingGroups({
  check,
  ...requirement
}: Requirement<GroupsUnderTest>): Requirement<GroupsUnderTest> {
  return {
    ...requirement,
    check: (subject) => check({ ...subject, groups: new ClaimedGroups(subject.groups) }),
  };
}

function memberRequirements(capabilities: Capabilities): readonly Requirement<GroupsUnderTest>[] {
  return [
    {
      name: "members come only when asked for, and an empty group has none",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
        assert.equal((await groups.get(id))?.members, undefined);
        assert.deepEqual(await membersRead(groups, id), [ann]);
        const both = { attributes: ["members"], excludedAttributes: ["members"] };
        assert.equal((await groups.get(id, both))?.members, undefined);
        const page = await groups.find({});
        assert.deepEqual(
          page.resources.map((group) => group.members),
          [undefined],
        );
        const empty = await groups.create({ displayName: "empty" });
        assert.deepEqual(await membersRead(groups, empty.id), []);
        assert.deepEqual(await memberIds(groups, empty.id), []);
      },
    },
    {
      name: "replace leaves the members alone unless it has members",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
        await groups.replace(id, { displayName: "staff" });
        assert.deepEqual(await memberIds(groups, id), [ann]);
        await groups.replace(id, { displayName: "staff", members: [{ value: bob }] });
        assert.deepEqual(await memberIds(groups, id), [bob]);
        await groups.replace(id, { displayName: "staff", members: [] });
        assert.deepEqual(await memberIds(groups, id), []);
      },
    },
    {
      name: "member changes are idempotent",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create({ displayName: "staff" });
        for (const _ of [1, 2]) {
          await groups.changeMembers(id, { add: [{ value: ann }, { value: bob }, { value: ann }] });
          assert.deepEqual(await memberIds(groups, id), [ann, bob].sort());
        }
        for (const _ of [1, 2]) {
          await groups.changeMembers(id, {
            remove: [{ value: ann }, { value: "nobody" }, { value: ann }],
          });
          assert.deepEqual(await memberIds(groups, id), [bob]);
        }
        await groups.changeMembers(id, {});
        assert.deepEqual(await memberIds(groups, id), [bob]);
      },
    },
    {
      name: "one change adds, removes and clears",
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
        await groups.changeMembers(id, { add: [{ value: bob }], remove: [{ value: ann }] });
        assert.deepEqual(await memberIds(groups, id), [bob]);
        await groups.changeMembers(id, { clear: true, add: [{ value: eve }] });
        assert.deepEqual(await memberIds(groups, id), [eve]);
        await groups.changeMembers(id, { clear: true });
        assert.deepEqual(await memberIds(groups, id), []);
      },
    },
    {
      name: "modify changes attributes and members, members alone too",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
        await groups.modify(id, {
          set: { displayName: "crew" },
          relations: { members: { add: [{ value: bob }] } },
        });
        assert.equal((await groups.get(id))?.displayName, "crew");
        assert.deepEqual(await memberIds(groups, id), [ann, bob].sort());
        await groups.modify(id, { relations: { members: { remove: [{ value: bob }] } } });
        assert.deepEqual(await memberIds(groups, id), [ann]);
        await groups.modify(id, {
          reads: ["members"],
          plan: (current) => ({
            relations: {
              members: { remove: (current.members ?? []).map(({ value }) => ({ value })) },
            },
          }),
        });
        assert.deepEqual(await memberIds(groups, id), []);
      },
    },
    {
      name: "a change of members alone is refused in another version, and then changes nothing",
      skip: capabilities.versions === "atomic" ? undefined : "the store has no versions",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id, meta } = await groups.create({ displayName: "staff" });
        const ifVersion = meta?.version ?? "";
        const adding = (value: string) => ({ relations: { members: { add: [{ value }] } } });
        await groups.modify(id, adding(ann), { ifVersion });
        await groups.replace(id, { displayName: "crew" });
        await assertRefusal(groups.modify(id, adding(bob), { ifVersion }), VersionConflictError);
        assert.deepEqual(await memberIds(groups, id), [ann]);
      },
    },
    {
      name: "members of an unknown group are NotFoundError, and questions about it say no",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        for (const id of unknownIds) {
          const change = { add: [{ value: ann }] };
          await assertRefusal(groups.changeMembers(id, change), NotFoundError, id);
          await assertRefusal(groups.members(id), NotFoundError, id);
          assert.deepEqual(await groups.whichAreMembers(id, [ann]), new Set(), id);
        }
        assert.deepEqual(await groups.groupsOf(ann), []);
      },
    },
    {
      name: "questions about memberships are answered exactly",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const staff = await groups.create({ displayName: "staff" });
        const crew = await groups.create({ displayName: "crew" });
        await groups.changeMembers(staff.id, { add: [{ value: ann }] });
        await groups.changeMembers(crew.id, { add: [{ value: ann }, { value: bob }] });
        assert.deepEqual(await groups.whichAreMembers(staff.id, [ann, bob]), new Set([ann]));
        assert.deepEqual(await groups.whichAreMembers(staff.id, []), new Set());
        assert.deepEqual(await groups.whichAreMembers(staff.id, unknownIds), new Set());
        assert.deepEqual([...(await groups.groupsOf(ann))].sort(), [staff.id, crew.id].sort());
        assert.deepEqual(await groups.groupsOf(bob), [crew.id]);
        for (const id of unknownIds) assert.deepEqual(await groups.groupsOf(id), [], id);
        const asked = [
          { group: staff.id, member: bob },
          { group: crew.id, member: bob },
          { group: staff.id, member: ann },
          { group: "nothing", member: ann },
        ];
        const existing = await groups.whichExist(asked);
        assert.deepEqual(
          asked.map(({ group, member }) =>
            existing.some((found) => found.group === group && found.member === member),
          ),
          [false, true, true, false],
        );
        assert.equal(existing.length, 2);
      },
    },
    {
      name: "pages of members are stable: together they hold every member once",
      async check({ groups, users }) {
        const added = await newMembers(users, 25);
        const { id } = await groups.create({ displayName: "staff" });
        await groups.changeMembers(id, { add: added.map((value) => ({ value })) });
        const count = Math.min(10, capabilities.maxPageSize);
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = await groups.members(id, after === undefined ? { count } : { after, count });
          const { length } = page.members;
          assertThat(
            length > 0 && length <= count,
            `a page of ${count} holds one to ${count}, not ${length}`,
          );
          const areUsers = page.members.every((member) => member.type === "User");
          assertThat(areUsers, "a member that was added without a type is a User");
          seen.push(...page.members.map((member) => member.value));
          after = page.next;
        } while (after !== undefined);
        // Ids are ordered as the store orders them: those that are numbers as numbers.
        assert.deepEqual([...seen].sort(), [...added].sort());
      },
    },
    {
      name: "a group in a group says that it is one, or is refused as InvalidValueError",
      async check({ groups }) {
        const outer = await groups.create({ displayName: "outer" });
        const inner = await groups.create({ displayName: "inner" });
        const change = { add: [{ value: inner.id, type: "Group" }] } as const;
        const added = await unlessInvalid(groups.changeMembers(outer.id, change).then(() => true));
        const { members } = await groups.members(outer.id);
        assert.deepEqual(members, added ? [{ value: inner.id, type: "Group" }] : []);
        assert.deepEqual(await groups.groupsOf(inner.id), added ? [outer.id] : []);
      },
    },
    {
      name: "a user and a group of one id are two members, where the groups hold both",
      async check({ groups }) {
        const outer = await groups.create({ displayName: "outer" });
        const { id } = await groups.create({ displayName: "inner" });
        const types = ["User", "Group"] as const;
        const added = new Set<string>();
        for (const type of types) {
          const change = { add: [{ value: id, type }] };
          if (await unlessInvalid(groups.changeMembers(outer.id, change).then(() => true))) {
            added.add(type);
          }
        }
        for (const leaving of types) {
          const { members } = await groups.members(outer.id);
          assert.deepEqual(new Set(members.map(({ type }) => type)), added);
          assert.equal(members.length, added.size);
          assert.equal((await groups.groupsOf(id)).length, Math.min(added.size, 1));
          const asked = types.map((type) => ({ group: outer.id, member: id, type }));
          const existing = await groups.whichExist(asked);
          assert.deepEqual(new Set(existing.map(({ type }) => type)), added);
          for (const type of types) {
            const own = added.has(type);
            const found = await groups.whichAreMembers(outer.id, [id], { type });
            assert.deepEqual(found, new Set(own ? [id] : []));
            assert.deepEqual(await groups.groupsOf(id, { type }), own ? [outer.id] : []);
          }
          added.delete(leaving);
          await groups.changeMembers(outer.id, { remove: [{ value: id, type: leaving }] });
        }
        assert.deepEqual((await groups.members(outer.id)).members, []);
      },
    },
    {
      name: "a member that does not exist is kept as it is, or refused as InvalidValueError",
      async check({ groups }) {
        const { id } = await groups.create({ displayName: "staff" });
        for (const value of unknownIds) {
          const change = { add: [{ value }] };
          const added = await unlessInvalid(groups.changeMembers(id, change).then(() => true));
          const expected = new Set(added ? [value] : []);
          assert.deepEqual(await groups.whichAreMembers(id, [value]), expected, value);
          await groups.changeMembers(id, { remove: [{ value }] });
          assert.deepEqual(await memberIds(groups, id), [], value);
        }
      },
    },
    {
      name: "a deleted group has no members any more",
      skip: capabilities.delete === "hard" ? undefined : "the store does not remove groups",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
        await groups.delete(id);
        assert.deepEqual(await groups.groupsOf(ann), []);
        assert.deepEqual(await groups.whichAreMembers(id, [ann]), new Set());
        await assertRefusal(groups.members(id), NotFoundError);
      },
    },
  ];
}

function concurrencyRequirements(
  capabilities: Capabilities,
): readonly Requirement<GroupsUnderTest>[] {
  return [
    {
      name: "of 100 concurrent additions of members none is lost",
      async check({ groups, users }) {
        const added = await newMembers(users, 100);
        const { id } = await groups.create({ displayName: "staff" });
        await Promise.all(added.map((value) => groups.changeMembers(id, { add: [{ value }] })));
        assert.deepEqual(await memberIds(groups, id), [...added].sort());
      },
    },
    {
      name: "of 100 concurrent additions and removals of members none is lost",
      async check({ groups, users }) {
        const all = await newMembers(users, 100);
        const [leaving, coming] = [all.slice(0, 50), all.slice(50)];
        const { id } = await groups.create({ displayName: "staff" });
        await groups.changeMembers(id, { add: leaving.map((value) => ({ value })) });
        await Promise.all([
          ...leaving.map((member) => groups.changeMembers(id, { remove: [{ value: member }] })),
          ...coming.map((value) => groups.changeMembers(id, { add: [{ value }] })),
        ]);
        assert.deepEqual(await memberIds(groups, id), [...coming].sort());
      },
    },
    {
      name: "changes of attributes and of members at once lose neither",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check({ groups, users }) {
        const added = await newMembers(users, 10);
        const { id } = await groups.create({ displayName: "staff" });
        const settled = await Promise.allSettled([
          ...added.map((value) => groups.changeMembers(id, { add: [{ value }] })),
          groups.modify(id, { set: { displayName: "Staff" } }),
        ]);
        const rename = settled.at(-1);
        // Ten writers came between: the one error that the default `modify` may end with.
        const outrun =
          rename?.status === "rejected" && rename.reason instanceof VersionConflictError;
        if (rename?.status === "rejected" && !outrun) throw rename.reason;
        assert.equal((await groups.get(id))?.displayName, outrun ? "staff" : "Staff");
        assert.deepEqual(await memberIds(groups, id), [...added].sort());
      },
    },
  ];
}
