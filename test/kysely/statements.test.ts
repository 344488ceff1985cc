import {
  KyselyCheckpointRepository,
  KyselyGroupRepository,
  KyselyLinkRepository,
  KyselyMembershipRepository,
  KyselyUserRepository,
} from "concordat/kysely";
import type { Link } from "concordat/repositories";
import { type Kysely, sql } from "kysely";
import { describe, expect, test } from "vitest";
import { testDatabase } from "./database.js";
import { databases, describeOn, mariadb } from "./databases.js";

const ids: readonly string[] = Array.from({ length: 500 }, (_, at) => `entry-${at}`);

function link(sourceId: string): Link {
  return {
    sourceId,
    type: "User",
    state: "live",
    adopted: false,
    seen: 1,
    disabledByUs: false,
    dirty: false,
  };
}

for (const kind of databases) {
  describeOn(kind, "statements for a batch of 500", () => {
    test("links are looked at once and written in 10, and read and marked in one", async () => {
      await using database = await kind.open();
      const { db, statements } = database;
      const links = new KyselyLinkRepository(db);
      await links.save("ldap", ids.map(link));
      // 7 of 64 rows, then 32, 16 and 4: the lengths are powers of two, so that each text is prepared once.
      expect(statements.filter((text) => !/savepoint|begin|commit/.test(text))).toHaveLength(11);
      statements.length = 0;
      expect((await links.get("ldap", ids)).filter((found) => found !== undefined)).toHaveLength(
        500,
      );
      expect(statements).toHaveLength(1);
      await links.markSeen("ldap", ids, 2);
      expect(statements).toHaveLength(2);
      await links.markDirty("ldap", ids, true);
      expect(statements).toHaveLength(3);
    });

    test("names that are as they were are read and not written", async () => {
      await using database = await kind.open();
      const { db, statements } = database;
      const links = new KyselyLinkRepository(db);
      await links.save("ldap", ids.map(link));
      const entries = ids.map((sourceId) => ({
        sourceId,
        names: [
          { kind: "dn" as const, key: `uid=${sourceId},dc=example` },
          { kind: "uid" as const, key: sourceId },
        ],
      }));
      await links.setNames("ldap", entries);
      statements.length = 0;
      await links.setNames("ldap", entries);
      // What an entry says of itself, and which other names it has.
      expect(statements.filter((text) => !/savepoint|begin|commit/.test(text))).toEqual([
        expect.stringMatching(/^select/),
        expect.stringMatching(/^select/),
      ]);
    });

    test("users are created in 10, deleted in one, and one that is changed costs one", async () => {
      await using database = await kind.open();
      const { db, statements } = database;
      const users = new KyselyUserRepository(db);
      const results = await users.write(
        ids.map((id) => ({ kind: "create", resource: { userName: id, title: "engineer" } })),
      );
      expect(results.every((result) => result.written)).toBe(true);
      expect(statements).toHaveLength(10);
      const created = results.flatMap((result) => (result.written ? result.id : []));
      statements.length = 0;
      await users.modify(created[0] ?? "", { set: { displayName: "Ann", title: "chief" } });
      expect(statements).toEqual([expect.stringMatching(/^update .concordat_user. set/)]);
      statements.length = 0;
      await users.write(created.map((id) => ({ kind: "delete", id })));
      expect(statements.filter((text) => text.startsWith("delete"))).toEqual([
        expect.stringContaining("concordat_group_member"),
        expect.stringContaining("concordat_user"),
      ]);
      expect((await users.find({})).totalResults).toBe(0);
    });

    test("references and grants are written in 6 statements each, and looked up in a few", async () => {
      await using database = await kind.open();
      const { db, statements } = database;
      // Of a list of pairs, MariaDB takes the longer for each the more there are.
      const parts = kind.name === "MariaDB" ? 4 : 1;
      const links = new KyselyLinkRepository(db);
      const memberships = new KyselyMembershipRepository(db);
      const withResource = (id: string) => ({ ...link(id), resourceId: `r-${id}` });
      await links.save("ldap", [...ids.map(withResource), { ...withResource("g"), type: "Group" }]);
      await links.setNames(
        "ldap",
        ids.map((id) => ({ sourceId: id, names: [{ kind: "dn", key: `uid=${id}` }] })),
      );
      const counts = async (work: () => Promise<unknown>) => {
        statements.length = 0;
        await work();
        const own = statements.filter((text) => !/savepoint|begin|commit/.test(text));
        const byVerb = Map.groupBy(own, (text) => text.slice(0, 6));
        return Object.fromEntries([...byVerb].map(([verb, all]) => [verb, all.length]));
      };
      const references = ids.map((id) => ({
        ...({ group: "g", kind: "dn", key: `uid=${id}` } as const),
        target: id,
      }));
      expect(await counts(() => memberships.saveReferences("ldap", references))).toEqual({
        select: 2 + parts,
        delete: parts,
        insert: 6,
      });
      expect(await counts(() => memberships.referencesTo("ldap", ids))).toEqual({ select: 3 });
      const grants = ids.map((id) => ({
        ...{ group: "r-g", member: `Users/r-${id}`, ours: true, held: true },
      }));
      expect(await counts(() => memberships.saveGrants("ldap", grants))).toEqual({
        select: 3,
        insert: 6,
      });
      expect(await counts(() => memberships.grantsOf(grants))).toEqual({ select: 1 + parts });
      expect(await memberships.grantsOf(grants)).toHaveLength(500);
      expect(await counts(() => memberships.removeGrants("ldap", grants))).toEqual({
        select: 2,
        update: parts,
        delete: 2 * parts,
      });
    });
  });
}

test("the first position of a stream is a plain insert, which no count of rows can call done", async () => {
  await using database = await testDatabase();
  const checkpoints = new KyselyCheckpointRepository(database.db);
  await checkpoints.save("ldap", { generation: 1, epoch: 0, revision: 0 });
  expect(database.statements).toEqual([
    expect.stringMatching(/^insert into "concordat_sync_stream" [^;]* values \((\?, ){7}\?\)$/),
  ]);
});

describe("the members of 50 groups", () => {
  const change = (id: string, value: string) => ({
    kind: "modify" as const,
    id,
    modification: { relations: { members: { add: [{ value }], remove: [{ value: "member-1" }] } } },
  });

  test("change in five statements, and so do the versions of those groups of which any did", async () => {
    await using database = await testDatabase();
    const { db, statements } = database;
    const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
    const created = await groups.write(
      ids.slice(0, 50).map((displayName) => ({ kind: "create", resource: { displayName } })),
    );
    const made = created.flatMap((result) => (result.written ? result.id : []));
    const begins = [
      "begin immediate",
      expect.stringMatching(/^select "id" as id from/),
      expect.stringMatching(/^delete from "concordat_group_m/),
    ];
    const insert = expect.stringMatching(/^insert into "concordat_group_m/);
    const ends = [expect.stringMatching(/^update "concordat_group" set/), "commit"];
    statements.length = 0;
    const results = await groups.write(made.map((id) => change(id, "ann")));
    expect(results).toEqual(made.map((id) => ({ written: true, id, present: [] })));
    // 32, 16 and 2 rows.
    const written = [...begins, ...Array(3).fill(insert), ...ends];
    expect(statements.map((text) => text.slice(0, 30))).toEqual(written);
    const versions = async () => (await groups.find({})).resources.map(({ meta }) => meta?.version);
    expect(await versions()).toEqual(made.map(() => 'W/"2"'));
    expect(await groups.groupsOf("ann")).toHaveLength(50);

    await groups.changeMembers(made[0] ?? "", { add: [{ value: "bob" }] });
    statements.length = 0;
    const present = [{ value: "bob", type: "User" }];
    expect(await groups.write(made.map((id) => change(id, "bob")))).toEqual(
      made.map((id, at) => ({ written: true, id, present: at === 0 ? present : [] })),
    );
    // That fewer rows came than were to come shows that somebody was there, which is then asked. Nothing is inserted of
    // the first group, and it keeps its version.
    const which = expect.stringMatching(/^select "group_id" as group_id/);
    const asked = [...begins, which, ...Array(3).fill(insert), ...ends];
    expect(statements.map((text) => text.slice(0, 30))).toEqual([
      ...[...begins, insert, "rollback"],
      ...asked,
    ]);
    expect(await versions()).toEqual(made.map(() => 'W/"3"'));
    expect(await groups.groupsOf("bob")).toHaveLength(50);
  });

  test("change although one of the groups is not there", async () => {
    await using database = await testDatabase();
    const groups = new KyselyGroupRepository(database.db, { users: "elsewhere" });
    const { id } = await groups.create({ displayName: "staff" });
    const results = await groups.write([change(id, "ann"), change("nobody", "ann")]);
    expect(results.map(({ written }) => written)).toEqual([true, false]);
    expect(await groups.groupsOf("ann")).toEqual([id]);
  });
});

describe("a group of 100,000", () => {
  test("takes and loses one member without a member being read", async () => {
    await using database = await testDatabase();
    const { db, statements } = database;
    const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
    const { id } = await groups.create({ displayName: "everybody" });
    await sql`
      insert into concordat_group_member (group_id, member_id, member_type)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000)
      select ${id}, 'member-' || i, 'User' from n`.execute(db);
    statements.length = 0;
    await groups.changeMembers(id, { add: [{ value: "ann" }], remove: [{ value: "member-7" }] });
    expect(statements).toEqual([
      "begin immediate",
      expect.stringMatching(/^select 1 as found from "concordat_group" where "id" = \?/),
      expect.stringMatching(/^delete from "concordat_group_member" where/),
      expect.stringMatching(/^insert into "concordat_group_member"/),
      expect.stringMatching(/^update "concordat_group" set "version"/),
      "commit",
    ]);
    expect(await groups.whichAreMembers(id, ["ann", "member-7", "member-8"])).toEqual(
      new Set(["ann", "member-8"]),
    );
  });

  test("is asked about 500 memberships in one statement", async () => {
    await using database = await testDatabase();
    const { db, statements } = database;
    const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
    const { id } = await groups.create({ displayName: "staff" });
    await groups.changeMembers(id, { add: ids.slice(0, 10).map((value) => ({ value })) });
    statements.length = 0;
    const asked = ids.map((member) => ({ group: id, member }));
    expect(await groups.whichExist(asked)).toHaveLength(10);
    expect(statements).toHaveLength(1);
  });
});

describe("the query planner", () => {
  test.each([
    ["links", "concordat_sync_entry", "source = ? and source_id in (?, ?)"],
    ["holders of names", "concordat_sync_entry", "dn in (?, ?) and source = ?"],
    ["holders of user names", "concordat_sync_entry", "uid in (?, ?) and source = ?"],
    ["holders of aliases", "concordat_sync_entry_name", "kind = ? and name_key in (?, ?)"],
    ["references by name", "concordat_sync_odd_reference", "kind = ? and name_key in (?, ?)"],
    ["references to entries", "concordat_sync_odd_reference", "target in (?, ?)"],
    ["memberships", "concordat_sync_membership", "member in (?, ?) and state <> 0"],
    ["grants to members", "concordat_sync_loose_grant", "source = ? and member_id in (?, ?)"],
    ["dirty links", "concordat_sync_entry", "source = ? and unsettled = 1 and source_id > ?"],
    [
      "refused changes",
      "concordat_sync_entry",
      "source = ? and failure is not null and source_id > ?",
    ],
    ["links of resources", "concordat_sync_entry", "type = ? and resource_id in (?, ?)"],
  ])("looks up %s by more than the source", async (_, table, condition) => {
    await using database = await testDatabase();
    const { rows } = await sql<{ detail: string }>`
      explain query plan select * from ${sql.table(table)} where ${sql.raw(condition)}
    `.execute(database.db);
    expect(rows.map(({ detail }) => detail).join()).toMatch(
      /SEARCH .* USING (?:(?:COVERING )?INDEX \S+|PRIMARY KEY) \(.*(source_id|dn|uid|name_key|target|member|member_id|resource_id)/,
    );
  });
});

describeOn(mariadb, "the query planner", () => {
  test("reads no whole table for a list of rows, however long it is", async () => {
    await using database = await mariadb.open();
    const { db } = database;
    const memberships = new KyselyMembershipRepository(db);
    const all = Array.from({ length: 10_000 }, (_, at) => ({
      group: `group-${at % 10}`,
      member: `member-${at}`,
      ours: true,
      held: true,
    }));
    await memberships.saveGrants("ldap", all);
    await sql`analyze table concordat_sync_loose_grant`.execute(db);
    for (const count of [1, 2, 100, 500]) {
      const before = await rowsRead(db);
      await memberships.grantsOf(all.slice(0, count));
      await memberships.removeGrants("ldap", all.slice(0, count));
      expect((await rowsRead(db)) - before).toBeLessThan(4 * count + 10);
      await memberships.saveGrants("ldap", all.slice(0, count));
    }
  });
});

/** How many rows MariaDB has read, in any of its ways. */
async function rowsRead(db: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ Value: string }>`
    show global status where variable_name in (
      'handler_read_first', 'handler_read_key', 'handler_read_next', 'handler_read_rnd', 'handler_read_rnd_next'
    )`.execute(db);
  return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
}
