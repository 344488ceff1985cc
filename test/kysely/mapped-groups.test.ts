import {
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyMembershipRepository,
} from "concordat/kysely";
import {
  type ExternalGroupRepository,
  type GroupRepository,
  mapGroups,
} from "concordat/repositories";
import { afterAll, expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";

const people = Array.from({ length: 6 }, (_, number) => ({
  value: `user${number}`,
  type: "User" as const,
}));

for (const database of databases) {
  describeOn(database, "groups that are mapped", async () => {
    const opened = await database.open();
    afterAll(() => opened[Symbol.asyncDispose]());
    const { db } = opened;
    const local = new KyselyGroupRepository(db, { users: "elsewhere" });
    const newMapping = (): ExternalGroupRepository =>
      mapGroups({
        external: new KyselyGroupRepository(db, { users: "elsewhere" }),
        local,
        mappings: new KyselyGroupMappingRepository(db),
        memberships: new KyselyMembershipRepository(db),
      });
    const usersIn = async (groups: GroupRepository, id: string): Promise<readonly string[]> =>
      (await groups.members(id)).members.map(({ value }) => value).sort();

    test("60 changes at once, of two groups and by hand, through two objects, leave what all want", async () => {
      const writers = [newMapping(), newMapping()] as const;
      const [groups] = writers;
      const team = (await local.create({ displayName: "Team" })).id;
      const externals = [
        (await groups.create({ displayName: "Engineers", members: people })).id,
        (await groups.create({ displayName: "Pilots" })).id,
      ] as const;
      for (const external of externals) await groups.map(external, team);

      const byHand = people.slice(4);
      await Promise.all(
        Array.from({ length: 60 }, async (_, number) => {
          const writer = writers[number % 2 === 0 ? 0 : 1];
          const member = people[number % people.length];
          if (member === undefined) return;
          if (number % 10 === 9) await writer.local.changeMembers(team, { add: byHand });
          else {
            const change = number % 3 === 0 ? { add: [member] } : { remove: [member] };
            await writer.changeMembers(externals[number % 4 < 2 ? 0 : 1], change);
          }
        }),
      );

      const wanted = new Set(byHand.map(({ value }) => value));
      for (const external of externals) {
        for (const user of await usersIn(groups, external)) wanted.add(user);
      }
      expect(await usersIn(local, team)).toEqual([...wanted].sort());
      for (const external of externals) await groups.delete(external);
      expect(await usersIn(local, team)).toEqual(byHand.map(({ value }) => value));
    });
  });
}
