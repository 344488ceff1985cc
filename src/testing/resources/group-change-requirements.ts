import assert from "node:assert/strict";
import { InvalidValueError, NotFoundError, VersionConflictError } from "../../core/index.js";
import type {
  CallOptions,
  Capabilities,
  GroupRepository,
  UserRepository,
} from "../../repositories/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { type Requirement, unlessInvalid } from "../contract.js";
import {
  type GroupsUnderTest,
  memberIds,
  membersRead,
  newMembers,
  staff,
} from "./group-subject.js";

/** What is required of changes of members that overlap, are refused, or are called off. */
export function groupChangeRequirements(): readonly Requirement<GroupsUnderTest>[] {
  return [
    {
      name: "replace leaves exactly the members that it names, also those who were there before",
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const { id } = await groups.create(staff(ann, bob));
        const steps = [[bob, eve], [ann, bob, eve], [bob], [bob, bob, ann], [ann, eve], []];
        for (const values of steps) {
          await groups.replace(id, staff(...values));
          const expected = [...new Set(values)].sort();
          const message = `the members after a replacement by ${values.length} of them`;
          assert.deepEqual(await memberIds(groups, id), expected, message);
          assert.deepEqual(
            await membersRead(groups, id),
            expected,
            `${message}, as get reads them`,
          );
          for (const value of [ann, bob, eve]) {
            const groupsOf = expected.includes(value) ? [id] : [];
            assert.deepEqual(await groups.groupsOf(value), groupsOf, `${message}, by groupsOf`);
          }
        }
      },
    },
    {
      name: "modify that sets members leaves exactly those, also those who were there before",
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const { id } = await groups.create(staff(ann, bob));
        await groups.modify(id, { set: { members: [{ value: bob }, { value: eve }] } });
        assert.deepEqual(await memberIds(groups, id), [bob, eve].sort(), "set to two of three");
        await groups.modify(id, { unset: ["members"] });
        assert.deepEqual(await memberIds(groups, id), [], "unset");
      },
    },
    {
      name: "a member who is removed without a type leaves, whether a user or a group",
      async check({ groups }) {
        const outer = await groups.create({ displayName: "outer" });
        const inner = await groups.create({ displayName: "inner" });
        for (const type of ["Group", "User"] as const) {
          const change = { add: [{ value: inner.id, type }] };
          await unlessInvalid(groups.changeMembers(outer.id, change));
        }
        await groups.changeMembers(outer.id, { remove: [{ value: inner.id }] });
        const { members } = await groups.members(outer.id);
        assert.deepEqual(members, [], "the members after a removal without a type");
        assert.deepEqual(await groups.groupsOf(inner.id), [], "the groups of who was removed");
      },
    },
    {
      name: "a create that is refused because of a member leaves no group",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        for (const wrong of wrongMembers) {
          const resource = { displayName: "staff", members: [{ value: ann }, wrong] };
          if (!(await isRefused(groups.create(resource), wrong))) return;
          const { totalResults, resources } = await groups.find({});
          const message = "the groups there are after a create that was refused";
          assert.deepEqual([totalResults, resources], [0, []], message);
          assert.deepEqual(await groups.groupsOf(ann), [], "the groups of its other member");
        }
      },
    },
    {
      name: "a write that is refused because of a member changes nothing",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann));
        const before = await groups.get(id);
        for (const wrong of wrongMembers) {
          const members = [{ value: bob }, wrong];
          const change = { clear: true, add: [{ value: bob }, { value: wrong.value }] };
          const writes = {
            replace: () => groups.replace(id, { displayName: "crew", members }),
            // Attributes and members at once are two steps in many stores, so only the members are changed here.
            "modify by set": () => groups.modify(id, { set: { members } }),
            ...(wrong.type === undefined && {
              "modify by relations": () => groups.modify(id, { relations: { members: change } }),
              changeMembers: () => groups.changeMembers(id, change),
            }),
          };
          for (const [name, write] of Object.entries<() => Promise<unknown>>(writes)) {
            if (!(await isRefused(write(), wrong))) return;
            assert.deepEqual(await memberIds(groups, id), [ann], `the members after ${name}`);
            assert.deepEqual(await groups.get(id), before, `the group after ${name}`);
          }
        }
      },
    },
    {
      name: "a call about members whose signal is aborted rejects with the signal's reason and changes nothing",
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann));
        const reason = new Error("The caller has left.");
        const options: CallOptions = { signal: AbortSignal.abort(reason) };
        const calls: Readonly<Record<string, () => Promise<unknown>>> = {
          "changeMembers that adds": () =>
            groups.changeMembers(id, { add: [{ value: bob }] }, options),
          "changeMembers that removes": () =>
            groups.changeMembers(id, { remove: [{ value: ann }] }, options),
          "changeMembers that clears": () => groups.changeMembers(id, { clear: true }, options),
          "modify of members": () =>
            groups.modify(id, { relations: { members: { clear: true } } }, options),
          members: () => groups.members(id, {}, options),
          whichAreMembers: () => groups.whichAreMembers(id, [ann], options),
          groupsOf: () => groups.groupsOf(ann, options),
          whichExist: () => groups.whichExist([{ group: id, member: ann }], options),
        };
        for (const [name, call] of Object.entries(calls)) {
          await assertRefusal(call(), reason, name);
          assert.deepEqual(await memberIds(groups, id), [ann], `the members after ${name}`);
        }
      },
    },
  ];
}

/** What is required of the memberships of those who are deleted. */
export function deletedMemberRequirements(
  capabilities: Capabilities,
  users: Capabilities | undefined,
): readonly Requirement<GroupsUnderTest>[] {
  const { deletedMembers = "leave" } = capabilities;
  const noUser = unlessUsersAreDeleted(users);
  const stays = unlessTheyLeave(capabilities);
  const noGroup = capabilities.delete === "hard" ? undefined : "the store does not remove groups";
  return [
    {
      name: "a user who is deleted is a member of no group any more",
      skip: noUser ?? stays,
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann, bob));
        const crew = await groups.create({ displayName: "crew", members: [{ value: ann }] });
        await users?.delete(ann);
        await assertGone(groups, ann, [id, crew.id]);
        assert.deepEqual(await memberIds(groups, id), [bob], "the members who are left");
      },
    },
    {
      name: "a user who is deleted while being added to a group is no member afterwards",
      skip: noUser ?? stays,
      async check({ groups, users }) {
        const all = await newMembers(users, 40);
        const { id } = await groups.create({ displayName: "staff" });
        const doors: readonly ((value: string, number: number) => Promise<unknown>)[] = [
          (value) => groups.changeMembers(id, { add: [{ value }] }),
          (value) => groups.modify(id, { relations: { members: { add: [{ value }] } } }),
          (value, number) => groups.create({ displayName: `crew ${number}`, members: [{ value }] }),
          (value) => groups.replace(id, staff(value)),
        ];
        await Promise.all(
          all.map((value, number) => {
            const add = doors[number % doors.length];
            return addAndDelete(async () => await add?.(value, number), users, value);
          }),
        );
        for (const value of all) await assertGone(groups, value, [id]);
        const [late = ""] = all;
        await unlessInvalid(groups.changeMembers(id, { add: [{ value: late }] }));
        await assertGone(groups, late, [id]);
      },
    },
    {
      name: "a user who was deleted can still be removed from a group, where such users stay",
      skip:
        noUser ??
        (deletedMembers === "leave" ? "those who are deleted leave the groups" : undefined),
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann, bob));
        await users?.delete(ann);
        await groups.changeMembers(id, { remove: [{ value: ann }] });
        await assertGone(groups, ann, [id]);
        assert.deepEqual(await memberIds(groups, id), [bob], "the members who are left");
      },
    },
    {
      name: "a group that is deleted is a member of no group any more",
      skip: noGroup ?? stays,
      async check({ groups }) {
        const outer = await groups.create({ displayName: "outer" });
        const inner = await groups.create({ displayName: "inner" });
        const add = [{ value: inner.id, type: "Group" }] as const;
        await unlessInvalid(groups.changeMembers(outer.id, { add }));
        await groups.delete(inner.id);
        await assertGone(groups, inner.id, [outer.id]);
        await unlessInvalid(groups.changeMembers(outer.id, { remove: add }));
      },
    },
  ];
}

/** Why a case about users who are deleted does not apply, if it does not. */
export function unlessUsersAreDeleted(users: Capabilities | undefined): string | undefined {
  if (users === undefined) return "the subject has no users";
  return users.delete === "hard" ? undefined : "the store of users does not remove them";
}

/** Why a case about members who leave when they are deleted does not apply, if it does not. */
export function unlessTheyLeave({ deletedMembers = "leave" }: Capabilities): string | undefined {
  return deletedMembers === "stay"
    ? "the groups declare that those who are deleted stay members"
    : undefined;
}

interface WrongMember {
  readonly value: string;
  readonly type?: string;
}

/** Members that no group can have: of a type that there is not, and, in many stores, one who does not exist. */
const wrongMembers: readonly WrongMember[] = [
  { value: "printer", type: "Device" },
  { value: "nobody" },
];

/**
 * Whether a write was refused because of a member. One that does not exist may be kept; one that is neither user nor
 * group not.
 */
async function isRefused(write: Promise<unknown>, { type }: WrongMember): Promise<boolean> {
  const isDone = (await unlessInvalid(write.then(() => true))) === true;
  assertThat(!isDone || type === undefined, `a member of the type ${type} is refused`);
  return !isDone;
}

/** Adds a user to a group and deletes it at once. The addition may come too late; nothing else may go wrong. */
async function addAndDelete(
  add: () => Promise<unknown>,
  users: UserRepository | undefined,
  value: string,
): Promise<void> {
  const adding = add().catch((error: unknown) => {
    const isLate =
      error instanceof InvalidValueError ||
      error instanceof NotFoundError ||
      // Forty writers of one group: the default of `modify` may end so.
      error instanceof VersionConflictError;
    if (!isLate) throw error;
  });
  await Promise.all([adding, users?.delete(value)]);
}

/** Asserts that no resource with this id is a member of these groups. */
async function assertGone(
  groups: GroupRepository,
  value: string,
  of: readonly string[],
): Promise<void> {
  assert.deepEqual(await groups.groupsOf(value), [], "the groups of who was deleted");
  for (const id of of) {
    const found = await groups.whichAreMembers(id, [value]);
    assert.deepEqual(found, new Set(), "whether who was deleted is a member");
    const members = await memberIds(groups, id);
    assertThat(!members.includes(value), "who was deleted is not among the members of a group");
    const read = await membersRead(groups, id);
    assertThat(!read.includes(value), "who was deleted is not among the members that get returns");
  }
}
