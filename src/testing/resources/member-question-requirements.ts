import assert from "node:assert/strict";
import type { Capabilities } from "../../repositories/index.js";
import { assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import {
  type GroupsUnderTest,
  memberIds,
  membersRead,
  newMembers,
  staff,
} from "./group-subject.js";

/** What is required of queries about many members and many groups, and of batches of changes. */
export function memberQuestionRequirements(
  capabilities: Capabilities,
): readonly Requirement<GroupsUnderTest>[] {
  return [
    {
      name: "a group is read with all of its members, and all groups of a user are returned",
      async check({ groups, users }) {
        const all = await newMembers(users, 60);
        const [ann = "", bob = ""] = all;
        const { id } = await groups.create(staff(...all));
        assert.deepEqual(
          await membersRead(groups, id),
          [...all].sort(),
          "the members that get returns",
        );
        const { resources } = await groups.find({}, { attributes: ["members"] });
        const listed = (resources[0]?.members ?? []).map(({ value }) => value).sort();
        assert.deepEqual(listed, [...all].sort(), "the members that find returns");
        const ofAnn = [id];
        for (let number = 0; number < 40; number++) {
          const group = { displayName: `team ${number}`, members: [{ value: ann }] };
          ofAnn.push((await groups.create(group)).id);
        }
        assert.deepEqual([...(await groups.groupsOf(ann))].sort(), ofAnn.sort(), "groupsOf");
        const each = await groups.groupsOfEach([ann, bob, "nobody"]);
        assert.deepEqual([...(each.get(ann) ?? [])].sort(), ofAnn, "groupsOfEach, of the first");
        assert.deepEqual(each.get(bob), [id], "groupsOfEach, of the second");
        assert.deepEqual(each.get("nobody") ?? [], [], "groupsOfEach, of an unknown id");
      },
    },
    {
      name: "where writes say which members were there already, they say so of each group",
      async check({ groups, users }) {
        if (!groups.tellsPresent) return;
        const [ann = "", bob = "", eve = ""] = await newMembers(users, 3);
        const { id } = await groups.create(staff(ann, bob));
        const other = await groups.create({ displayName: "others" });
        const add = [ann, eve].map((value) => ({ value, type: "User" as const }));
        const writes = [id, other.id].map((group) => ({
          kind: "modify" as const,
          id: group,
          modification: { relations: { members: { add } } },
        }));
        const presentIn = async (some: typeof writes) =>
          (await groups.write(some)).map((result) =>
            result.written ? result.present?.map(({ value }) => value) : result,
          );
        assert.deepEqual(await presentIn(writes), [[ann], []], "the first time");
        assert.deepEqual(await presentIn(writes.slice(1)), [[ann, eve]], "one group again");
        assert.deepEqual(await memberIds(groups, id), [ann, bob, eve].sort());
        assert.deepEqual(await memberIds(groups, other.id), [ann, eve].sort());
      },
    },
    {
      name: "a member who stays is on a page of members, though others leave between two pages",
      async check({ groups, users }) {
        const all = await newMembers(users, 12);
        const { id } = await groups.create(staff(...all));
        const count = Math.min(4, capabilities.maxPageSize);
        const seen: string[] = [];
        const gone = new Set<string>();
        let after: string | undefined;
        do {
          const page = await groups.members(id, after === undefined ? { count } : { after, count });
          seen.push(...page.members.map(({ value }) => value));
          after = page.next;
          const [first] = page.members;
          if (first === undefined) continue;
          gone.add(first.value);
          await groups.changeMembers(id, { remove: [{ value: first.value }] });
        } while (after !== undefined);
        const unseen = all.filter((one) => !gone.has(one) && !seen.includes(one));
        assert.deepEqual(unseen, [], "who stayed and was on no page");
        assert.equal(new Set(seen).size, seen.length, "how many of those on the pages differ");
        const left = all.filter((one) => !gone.has(one)).sort();
        assert.deepEqual(await memberIds(groups, id), left, "the members who are left");
      },
    },
    {
      name: "a batch changes the members of each of its groups, and says of which it could not",
      async check({ groups, users }) {
        const [ann, bob, eve] = await newMembers(users, 3);
        const ids: string[] = [];
        for (const displayName of ["staff", "crew", "team"]) {
          ids.push((await groups.create({ displayName, members: [{ value: eve }] })).id);
        }
        const [one = "", two = "", three = ""] = ids;
        const changing = (id: string, members: object) =>
          ({ kind: "modify", id, modification: { relations: { members } } }) as const;
        const done = await groups.write([
          changing(one, { add: [{ value: ann }] }),
          changing(two, { add: [{ value: bob }], remove: [{ value: eve }] }),
          changing(three, { remove: [{ value: eve }] }),
        ]);
        assert.deepEqual(
          done.map((result) => result.written),
          [true, true, true],
          "which of the changes are written",
        );
        const expected = [[ann, eve], [bob], []].map((members) => members.sort());
        for (const [at, id] of ids.entries()) {
          assert.deepEqual(await memberIds(groups, id), expected[at], `the members of group ${at}`);
        }
        const mixed = await groups.write([
          changing(one, { remove: [{ value: ann }] }),
          changing("unknown", { add: [{ value: ann }] }),
          changing(two, { clear: true, add: [{ value: ann }] }),
        ]);
        assert.deepEqual(
          mixed.map((result) => result.written),
          [true, false, true],
          "which changes are written beside one of a group that there is not",
        );
        assert.deepEqual(await memberIds(groups, one), [eve], "who is left in the first");
        assert.deepEqual(await memberIds(groups, two), [ann], "who is left in the last");
        assertThat(mixed[1]?.written === false, "a change of a group that there is not is refused");
      },
    },
  ];
}
