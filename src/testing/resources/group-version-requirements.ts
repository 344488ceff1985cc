import assert from "node:assert/strict";
import type { Capabilities, MembersChange, Modification } from "../../repositories/index.js";
import type { Group, NewGroup } from "../../scim/index.js";
import { assertThat } from "../assertions.js";
import { type Requirement, unlessInvalid } from "../contract.js";
import { unlessTheyLeave, unlessUsersAreDeleted } from "./group-change-requirements.js";
import { type GroupsUnderTest, memberIds, newMembers, staff } from "./group-subject.js";
import { assertLater } from "./unchanged-requirements.js";

/** What is required of the version of a group, and of when it was changed, as members come and go. */
export function groupVersionRequirements(
  capabilities: Capabilities,
  users: Capabilities | undefined,
): readonly Requirement<GroupsUnderTest>[] {
  const noVersions = capabilities.versions === "atomic" ? undefined : "the store has no versions";
  return [
    {
      name: "a group has a new version when members come or go, and the same while none does",
      skip: noVersions,
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const { id } = await groups.create(staff(ann));
        const steps: Readonly<Record<string, () => Promise<unknown>>> = {
          "changeMembers that adds": () => groups.changeMembers(id, { add: [{ value: bob }] }),
          "changeMembers that removes": () =>
            groups.changeMembers(id, { remove: [{ value: bob }] }),
          "modify that adds": () => groups.modify(id, changing({ add: [{ value: eve }] })),
          "modify that sets members": () =>
            groups.modify(id, { set: { members: [{ value: bob }] } }),
          "replace with other members": () => groups.replace(id, staff(ann, eve)),
          "changeMembers that clears": () => groups.changeMembers(id, { clear: true }),
        };
        const seen = new Map<string | undefined, string>();
        seen.set((await groups.get(id))?.meta?.version, "create");
        for (const [name, step] of Object.entries(steps)) {
          await step();
          const version = (await groups.get(id))?.meta?.version;
          const message = `after ${name}, the version ${version} is that after ${seen.get(version)}`;
          assertThat(!seen.has(version), message);
          seen.set(version, name);
          const again = (await groups.get(id, { attributes: ["members"] }))?.meta?.version;
          assert.equal(again, version, `the version that the next reader sees after ${name}`);
        }
      },
    },
    {
      name: "a change of members that changes nothing leaves the version of the group, and its times, as they were",
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const both = [{ value: ann }, { value: bob }];
        const { id } = await groups.create(staff(ann, bob));
        const before = (await groups.get(id))?.meta;
        const steps: Readonly<Record<string, () => Promise<unknown>>> = {
          "changeMembers that says nothing": () => groups.changeMembers(id, {}),
          "changeMembers that adds who is there": () => groups.changeMembers(id, { add: both }),
          "changeMembers that removes who is not": () =>
            groups.changeMembers(id, { remove: [{ value: eve }, { value: "nobody" }] }),
          "changeMembers that clears, and adds the same again": () =>
            groups.changeMembers(id, { clear: true, add: both }),
          "modify that adds who is there": () => groups.modify(id, changing({ add: both })),
          "modify that sets the same members": () =>
            groups.modify(id, { set: { members: [...both].reverse() } }),
          "modify that sets the name that there is, and adds who is there": () =>
            groups.modify(id, { set: { displayName: "staff" }, ...changing({ add: both }) }),
        };
        for (const [name, step] of Object.entries(steps)) {
          await step();
          assert.deepEqual(
            (await groups.get(id))?.meta,
            before,
            `the meta of the group after ${name}`,
          );
          assert.deepEqual(
            await memberIds(groups, id),
            [ann, bob].sort(),
            `the members after ${name}`,
          );
        }
      },
    },
    {
      name: "a group has a new version when one of its members is deleted",
      skip: noVersions ?? unlessUsersAreDeleted(users) ?? unlessTheyLeave(capabilities),
      async check({ groups, users }) {
        const [ann, bob] = await newMembers(users, 2);
        const { id } = await groups.create(staff(ann, bob));
        const other = await groups.create({ displayName: "crew", members: [{ value: bob }] });
        const before = (await groups.get(id))?.meta?.version;
        const ofOther = (await groups.get(other.id))?.meta?.version;
        await users?.delete(ann);
        const after = (await groups.get(id))?.meta?.version;
        assertThat(
          after !== before,
          `the version ${before} is that of a group with another member`,
        );
        const still = (await groups.get(other.id))?.meta?.version;
        assert.equal(still, ofOther, "the version of a group that the member was not in");
      },
    },
    {
      name: "a group has a new version when a group in it is deleted",
      skip:
        noVersions ??
        unlessTheyLeave(capabilities) ??
        (capabilities.delete === "hard" ? undefined : "the store does not remove groups"),
      async check({ groups }) {
        const outer = await groups.create({ displayName: "outer" });
        const inner = await groups.create({ displayName: "inner" });
        const add = [{ value: inner.id, type: "Group" }] as const;
        const added = await unlessInvalid(groups.changeMembers(outer.id, { add }).then(() => true));
        if (added === undefined) return;
        const before = (await groups.get(outer.id))?.meta?.version;
        await groups.delete(inner.id);
        const after = (await groups.get(outer.id))?.meta?.version;
        assertThat(
          after !== before,
          `the version ${before} is that of a group with another member`,
        );
      },
    },
    {
      name: "meta.lastModified of a group moves when members come or go",
      async check({ groups, users }) {
        const [ann] = await newMembers(users, 1);
        const { id } = await groups.create(staff());
        let isThere = false;
        await assertLater(
          async () => (await groups.get(id))?.meta?.lastModified,
          async () => {
            await groups.changeMembers(id, { [isThere ? "remove" : "add"]: [{ value: ann }] });
            isThere = !isThere;
          },
        );
      },
    },
  ];
}

function changing(members: MembersChange): Modification<Group, NewGroup> & { relations: object } {
  return { relations: { members } };
}
