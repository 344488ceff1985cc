import { NotFoundError, UnavailableError, UniquenessError, VersionConflictError } from "concordat";
import {
  KyselyCheckpointRepository,
  KyselyGroupRepository,
  KyselyLinkRepository,
  KyselyUserRepository,
  kyselyTarget,
  type UserMap,
} from "concordat/kysely";
import type { Link } from "concordat/repositories";
import { bindFilter, eq, userResourceType } from "concordat/scim";
import { type Kysely, sql, type Transaction } from "kysely";
import { afterAll, beforeEach, expect, test } from "vitest";
import {
  describeOn,
  emptyTables,
  type ServerKind,
  servers,
  type TestDatabase,
} from "./databases.js";

/** As many transactions as this run at once. */
const connections = 20;

for (const server of servers) {
  describeOn(server, "writers at once", async () => {
    const { db } = await shared(server);

    test("100 changes of one user that are computed from what they read are all there", async () => {
      const users = new KyselyUserRepository(db);
      const { id } = await users.create({ userName: "ann", title: "" });
      await Promise.all(range(100).map((number) => appendToTitle(users, id, number)));
      expect(titleNumbers(await users.get(id))).toEqual(range(100));
    });

    test("50 changes of one user in a table without versions are all there", async () => {
      await sql`create table account (
        id varchar(40) primary key, login varchar(40) not null, title varchar(400) not null)`.execute(
        db,
      );
      const map: UserMap = {
        table: "account",
        id: { column: "id", generate: () => "1" },
        attributes: { userName: { column: "login", lower: true }, title: "title" },
        others: "ignore",
      };
      const users = new KyselyUserRepository(db, { map });
      const { id } = await users.create({ userName: "ann", title: "" });
      await Promise.all(range(50).map((number) => appendToTitle(users, id, number)));
      expect(titleNumbers(await users.get(id))).toEqual(range(50));
    });

    test("20 transactions that each change what they have read lose nothing", async () => {
      const target = kyselyTarget({ db: db });
      const { id } = await target.users.create({ userName: "ann", title: "" });
      await Promise.all(
        range(20).map((number) =>
          target.transaction?.(async (inside) => {
            await inside.users.get(id);
            await appendToTitle(inside.users, id, number);
          }),
        ),
      );
      expect(titleNumbers(await target.users.get(id))).toEqual(range(20));
    });

    test("of 20 who write against one version one does, and the others learn of it", async () => {
      const users = new KyselyUserRepository(db);
      const { id, meta } = await users.create({ userName: "ann" });
      const ifVersion = meta?.version ?? "";
      const results = await Promise.allSettled([
        ...range(10).map((n) => users.modify(id, { set: { title: String(n) } }, { ifVersion })),
        ...range(5).map((n) => users.replace(id, { userName: `ann${n}` }, { ifVersion })),
        ...range(5).map(() => users.delete(id, { ifVersion })),
      ]);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const reason of reasonsOf(results)) {
        // Whoever comes after a deletion finds nobody.
        const isGone = (await users.get(id)) === undefined;
        expect(reason).toBeInstanceOf(isGone ? NotFoundError : VersionConflictError);
      }
    });

    test("of 20 who create one name one does, and the others learn who has it", async () => {
      const users = new KyselyUserRepository(db);
      const results = await Promise.allSettled(
        range(20).map((number) => users.create({ userName: number % 2 === 0 ? "ann" : "ANN" })),
      );
      await assertOneHolder(db, results);
    });

    test("of 20 who take one name one does, and the others learn who has it", async () => {
      const users = new KyselyUserRepository(db);
      const created = await Promise.all(
        range(20).map((number) => users.create({ userName: `user${number}` })),
      );
      const results = await Promise.allSettled(
        created.map(({ id }) => users.modify(id, { set: { userName: "Ann" } })),
      );
      await assertOneHolder(db, results);
    });

    test("of 20 transactions that create one name one does, and the others learn who has it", async () => {
      const target = kyselyTarget({ db: db });
      const results = await Promise.allSettled(
        range(20).map((number) =>
          target.transaction?.(async (inside) => {
            // What the transaction sees of others is settled here, or with each statement.
            await inside.users.find({});
            await inside.users.create({ userName: "ann", title: String(number) });
          }),
        ),
      );
      await assertOneHolder(db, results);
    });

    test("a transaction of the application's that sees no others learns at least what is taken", async () => {
      const outside = new KyselyUserRepository(db);
      await db
        .transaction()
        .setIsolationLevel("repeatable read")
        .execute(async (transaction) => {
          const inside = new KyselyUserRepository(transaction);
          expect((await inside.find({})).totalResults).toBe(0);
          await outside.create({ userName: "ann" });
          await expect(inside.create({ userName: "Ann" })).rejects.toMatchObject({
            code: "uniqueness",
            attribute: "userName",
          });
          await inside.create({ userName: "bob" });
        });
      expect((await outside.find({})).totalResults).toBe(2);
    });

    test("of 20 batches with one name in each, all else is written, and one has it", async () => {
      const users = new KyselyUserRepository(db);
      const results = await Promise.all(
        range(20).map((number) =>
          users.write(
            [`before${number}`, "ann", `after${19 - number}`].map((userName) => ({
              kind: "create",
              resource: { userName },
            })),
          ),
        ),
      );
      for (const [before, , after] of results) {
        expect([before?.written, after?.written]).toEqual([true, true]);
      }
      await assertOneHolder(
        db,
        results.map(([, result]) =>
          result?.written === false
            ? { status: "rejected", reason: result.error }
            : { status: "fulfilled", value: undefined },
        ),
      );
    });

    test("100 additions and removals of members over ten groups lose none", async () => {
      const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
      const ids = await tenGroups(groups);
      const leaving = range(50).map((number) => ({ value: `leaving${number}` }));
      for (const id of ids) await groups.changeMembers(id, { add: leaving });
      await Promise.all(
        range(100).map(async (number) => {
          const half = Math.trunc(number / 2);
          const members =
            number % 2 === 0
              ? { add: [{ value: `coming${half}` }] }
              : { remove: [{ value: `leaving${half}` }] };
          const inOneOrder = number % 3 === 0 ? ids : ids.toReversed();
          const results = await groups.write(
            inOneOrder.map((id) => ({
              kind: "modify",
              id,
              modification: { relations: { members } },
            })),
          );
          expect(results.every(({ written }) => written)).toBe(true);
        }),
      );
      const coming = range(50).map((number) => `coming${number}`);
      for (const id of ids) {
        const { members } = await groups.members(id);
        expect(members.map(({ value }) => value).sort()).toEqual(coming.sort());
      }
    });

    test("no user becomes a member of a group while it is deleted", async () => {
      const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
      const ids = await tenGroups(groups);
      const results = await Promise.allSettled([
        ...range(5).map((number) =>
          groups.write(
            (number % 2 === 0 ? ids : ids.toReversed()).map((id) => ({ kind: "delete", id })),
          ),
        ),
        ...range(40).map((number) =>
          groups.changeMembers(ids[number % 10] ?? "", { clear: true, add: [{ value: "ann" }] }),
        ),
      ]);
      for (const reason of reasonsOf(results)) expect(reason).toBeInstanceOf(NotFoundError);
      expect((await groups.find({})).totalResults).toBe(0);
      expect(await groups.groupsOf("ann")).toEqual([]);
    });

    test("of two runners of one stream one saves its checkpoint, and the other stops", async () => {
      const target = kyselyTarget({ db: db });
      const first = { checkpoint: "0", generation: 1, epoch: 0, revision: 0 };
      for (const position of [first, { ...first, revision: 1 }]) {
        const results = await Promise.allSettled([
          ...range(5).map((runner) =>
            new KyselyCheckpointRepository(db).save("ldap", {
              ...position,
              checkpoint: String(runner),
            }),
          ),
          ...range(5).map((runner) =>
            target.transaction?.(async (inside) => {
              await inside.checkpoints.load("ldap");
              await inside.checkpoints.save("ldap", { ...position, checkpoint: `t${runner}` });
            }),
          ),
        ]);
        expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        for (const reason of reasonsOf(results))
          expect(reason).toBeInstanceOf(VersionConflictError);
        expect((await target.checkpoints.load("ldap"))?.revision).toBe(position.revision + 1);
      }
    });
  });

  describeOn(server, "a deadlock", async () => {
    const { db, statements } = await shared(server);

    test("is the end of one of two transactions, which may come again", async () => {
      const target = kyselyTarget({ db: db });
      const [ann, bob] = await Promise.all(
        ["ann", "bob"].map((userName) => target.users.create({ userName })),
      );
      const both = barrier(2);
      const change = (title: string, first = "", second = ""): Promise<void> | undefined =>
        target.transaction?.(async (inside) => {
          await inside.users.modify(first, { set: { title } });
          await both();
          await inside.users.modify(second, { set: { title } });
        });
      const results = await Promise.allSettled([
        change("1", ann?.id, bob?.id),
        change("2", bob?.id, ann?.id),
      ]);
      const [reason, ...others] = reasonsOf(results);
      expect(others).toEqual([]);
      expect(reason).toBeInstanceOf(UnavailableError);
      expect(reason).toMatchObject({ mayBeDone: false });
      const title = results[0]?.status === "fulfilled" ? "1" : "2";
      expect((await target.users.find({})).resources.map((user) => user.title)).toEqual([
        title,
        title,
      ]);
    });

    test("in a savepoint is the end of the transaction, or of the savepoint, and not ignored", async () => {
      const target = kyselyTarget({ db: db });
      const [ann, bob] = await Promise.all(
        ["ann", "bob"].map((userName) => target.users.create({ userName })),
      );
      const both = barrier(2);
      const change = (first = "", second = ""): Promise<void> | undefined =>
        target.transaction?.(async (inside) => {
          await inside.users.modify(first, { set: { title: "Dr." } });
          await both();
          await inside.transaction?.((inner) =>
            inner.users.modify(second, { set: { title: "Dr." } }),
          );
        });
      const results = await Promise.allSettled([
        change(ann?.id, bob?.id),
        change(bob?.id, ann?.id),
      ]);
      expect(reasonsOf(results)).toEqual([expect.any(UnavailableError)]);
    });

    test("with what a repository does at once is nothing that its caller notices", async () => {
      const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
      const { id } = await groups.create({ displayName: "staff", members: [{ value: "ann" }] });
      statements.length = 0;
      // The repository has the group and waits for the member; the other has the member and comes for the group.
      await interlocked(
        server,
        db,
        (other) => sql`delete from concordat_group_member where member_id = 'ann'`.execute(other),
        () => groups.changeMembers(id, { remove: [{ value: "ann" }], add: [{ value: "bob" }] }),
        (other) =>
          sql`update ${sql.table("concordat_group")} set external_id = 'x' where id = ${id}`.execute(
            other,
          ),
      );
      expect(statements).toContain("rollback");
      expect(await groups.get(id, { attributes: ["members"] })).toMatchObject({
        externalId: "x",
        members: [{ value: "bob" }],
      });
    });

    test("with one statement of many rows is nothing that its caller notices", async () => {
      const links = new KyselyLinkRepository(db);
      await links.save("ldap", ["a", "b"].map(link));
      const set = (sourceId: string, stamp: string) =>
        sql`update concordat_sync_entry set stamp = ${stamp} where source = 'ldap' and source_id = ${sourceId}`;
      await interlocked(
        server,
        db,
        (other) => set("b", "other").execute(other),
        () => links.markSeen("ldap", ["a", "b"], 2),
        (other) => set("a", "other").execute(other),
      );
      expect(await links.get("ldap", ["a", "b"])).toMatchObject([
        { seen: 2, stamp: "other" },
        { seen: 2, stamp: "other" },
      ]);
    });
  });
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

function appendToTitle(
  users: Pick<KyselyUserRepository, "modify">,
  id: string,
  number: number,
): Promise<void> {
  return users.modify(id, {
    reads: ["title"],
    plan: ({ title = "" }) => ({ set: { title: `${title}${number},` } }),
  });
}

function titleNumbers(user: { readonly title?: string } | undefined): number[] {
  const numbers = user?.title?.split(",").slice(0, -1).map(Number) ?? [];
  return numbers.sort((one, other) => one - other);
}

function reasonsOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
}

/** Asserts that one had success, and that the others were told who is called "ann" now. */
async function assertOneHolder(
  db: Kysely<unknown>,
  results: readonly PromiseSettledResult<unknown>[],
): Promise<void> {
  const filter = bindFilter(eq("userName", "ann"), userResourceType);
  const { resources } = await new KyselyUserRepository(db).find({ filter });
  expect(resources).toHaveLength(1);
  const reasons = reasonsOf(results);
  expect(reasons).toHaveLength(results.length - 1);
  for (const reason of reasons) {
    expect(reason).toBeInstanceOf(UniquenessError);
    expect(reason).toMatchObject({ attribute: "userName", resourceId: resources[0]?.id });
  }
}

/** A database for the tests of a suite, emptied before each. */
async function shared(server: ServerKind): Promise<TestDatabase> {
  const database = await server.open({ connections });
  beforeEach(() => emptyTables(database.db));
  afterAll(() => database[Symbol.asyncDispose]());
  return database;
}

async function tenGroups(groups: KyselyGroupRepository): Promise<string[]> {
  const results = await groups.write(
    range(10).map((number) => ({ kind: "create", resource: { displayName: `group${number}` } })),
  );
  return results.flatMap((result) => (result.written ? result.id : []));
}

/** Resolves for all who call it once so many have. */
function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  return () => {
    if (--missing === 0) resolve();
    return promise;
  };
}

/**
 * Lets a transaction of somebody else's take what `work` will wait for, and then wait for what `work` has; the database
 * then undoes `work`, since the other transaction has written more, or has more patience.
 */
async function interlocked(
  server: ServerKind,
  db: Kysely<unknown>,
  takes: (other: Transaction<unknown>) => Promise<unknown>,
  work: () => Promise<unknown>,
  waits: (other: Transaction<unknown>) => Promise<unknown>,
): Promise<void> {
  let working: Promise<unknown> = Promise.resolve();
  await db.transaction().execute(async (other) => {
    if (server.name === "PostgreSQL") await sql`set local deadlock_timeout = '1min'`.execute(other);
    else await new KyselyLinkRepository(other).save("other", range(64).map(String).map(link));
    await takes(other);
    working = work();
    working.catch(() => undefined);
    await (await server.server()).untilSomebodyWaits();
    await waits(other);
  });
  await working;
}

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
