import { ConcordatError, VersionConflictError } from "concordat";
import {
  createTables,
  KyselyGroupRepository,
  KyselyUserRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import {
  type Capabilities,
  type ChangeSet,
  GroupRepository,
  InMemoryGroupRepository,
  InMemoryIdentityMapRepository,
  InMemoryUserRepository,
  type MembersChange,
  type Modification,
  mirrored,
  UserRepository,
  withIdentityMap,
} from "concordat/repositories";
import {
  applyPatch,
  entraProfile,
  type Group,
  groupResourceType,
  modificationOf,
  type NewGroup,
  type NewUser,
  type PatchOp,
  type PatchPlan,
  patchOpId,
  planPatch,
  type ScimProfile,
  type User,
  userResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { storedUser, userPatch } from "../scim/patch/arbitrary-patches.js";
import { WriteOnlyUsers } from "./write-only.js";

const stores: Readonly<Record<string, () => Promise<UserRepository>>> = {
  "in memory": async () => new InMemoryUserRepository(),
  "in SQLite": async () => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await createTables(db);
    return new KyselyUserRepository(db);
  },
  "with an identity map": async () =>
    withIdentityMap(new InMemoryUserRepository(), new InMemoryIdentityMapRepository()),
  mirrored: async () => mirrored(new WriteOnlyUsers(), new InMemoryUserRepository()),
};

/** A user without what the store adds. */
function attributesOf({ id: _, meta: __, ...user }: User): object {
  return user;
}

/** The plan of a PATCH and what it makes of a user, unless it is refused. */
function applied(body: PatchOp, user: User): { plan: PatchPlan; after: User } | undefined {
  try {
    const plan = planPatch(userResourceType, body);
    return { plan, after: applyPatch(plan, user) };
  } catch (error) {
    if (error instanceof ConcordatError) return undefined;
    throw error;
  }
}

describe("a PATCH that a store makes comes to what applying it comes to", () => {
  test.each(Object.entries(stores))("%s", async (_, open) => {
    const users = await open();
    let patched = 0;
    await fc.assert(
      fc.asyncProperty(storedUser, userPatch, async (stored, body) => {
        const { id: _, userName, ...attributes } = stored;
        const { id } = await users.create({ ...attributes, userName: `user ${patched}` });
        const before = await users.get(id);
        if (before === undefined) throw new Error("The user is not there.");
        const planned = applied(body, before);
        if (planned !== undefined) {
          await users.modify(id, modificationOf<User, NewUser>(planned.plan));
          const read = await users.get(id);
          expect(read && attributesOf(read)).toEqual(attributesOf(planned.after));
          patched++;
        }
        await users.delete(id);
      }),
      { numRuns: 300 },
    );
    expect(patched).toBeGreaterThan(100);
  });
});

/** Users that are modified as every repository does that has no way of its own. */
class PlainUsers extends InMemoryUserRepository {
  override modify(...change: Parameters<UserRepository["modify"]>): Promise<void> {
    return UserRepository.prototype.modify.apply(this, change);
  }
}

describe("a change that changes nothing gives no new version and no new time", () => {
  const ann = {
    userName: "ann",
    title: "Dr.",
    name: { familyName: "Lee" },
    emails: [{ value: "a@b" }],
  };
  const nothing: Readonly<Record<string, ChangeSet<NewUser>>> = {
    "a part that is there": { set: { "name.familyName": "Lee", title: "Dr." } },
    "a part that is not there": { unset: ["name.givenName"] },
    "attributes that are there": { set: { title: "Dr.", emails: [{ value: "a@b" }] } },
    "attributes that are not there": { unset: ["nickName"] },
  };
  const open = {
    "in memory": stores["in memory"],
    "by the modify of every repository": async () => new PlainUsers(),
    "in SQLite": stores["in SQLite"],
    "with an identity map": stores["with an identity map"],
    mirrored: stores["mirrored"],
  };

  test.each(Object.entries(open))("%s", async (_, opened) => {
    const users = await opened?.();
    if (users === undefined) throw new Error("There is no such store.");
    const { id } = await users.create(ann);
    const { meta } = (await users.get(id)) ?? {};
    const { version = "" } = meta ?? {};
    for (const changes of Object.values(nothing)) {
      await users.modify(id, { reads: [], plan: () => changes }, { ifVersion: version });
      expect((await users.get(id))?.meta).toEqual(meta);
    }
    await users.modify(id, {
      reads: [],
      plan: () => ({ set: { title: "Prof." }, unset: ["name"] }),
    });
    const changed = await users.get(id);
    expect(changed).toMatchObject({ userName: "ann", title: "Prof.", emails: ann.emails });
    expect(changed?.name).toBeUndefined();
    expect(changed?.meta?.version).not.toBe(version);
    for (const changes of Object.values(nothing)) {
      const stale = users.modify(id, { reads: [], plan: () => changes }, { ifVersion: version });
      await expect(stale).rejects.toThrow(VersionConflictError);
    }
  });

  test.each(Object.entries(nothing))(
    "in memory, without having been read: %s",
    async (_, changes) => {
      const users = new InMemoryUserRepository();
      const { id, meta } = await users.create(ann);
      await users.modify(id, changes);
      expect((await users.get(id))?.meta).toEqual(meta);
    },
  );

  test("to groups, of which members may come all the same", async () => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await createTables(db);
    for (const groups of [
      new InMemoryGroupRepository(),
      new KyselyGroupRepository(db, { users: "elsewhere" }),
    ]) {
      const { id, meta } = await groups.create({
        displayName: "staff",
        members: [{ value: "ann" }],
      });
      const before = (await groups.get(id))?.meta ?? meta;
      const plan = (
        members: readonly { readonly value: string }[],
      ): Modification<Group, NewGroup> => ({
        reads: ["members"],
        plan: () => ({ set: { displayName: "staff" }, relations: { members: { add: members } } }),
      });
      await groups.modify(id, plan([{ value: "ann" }]));
      expect((await groups.get(id))?.meta).toEqual(before);
      await groups.modify(id, plan([{ value: "bob" }]));
      expect((await groups.get(id))?.meta?.version).not.toBe(before?.version);
      await groups.modify(id, { reads: [], plan: () => ({ unset: ["members"] }) });
      expect(await groups.members(id)).toEqual({ members: [] });
    }
  });
});

/** A group with a million members, of which nothing can be read once it is closed. */
class ClosedGroups extends GroupRepository {
  override readonly capabilities: Capabilities = new InMemoryGroupRepository().capabilities;
  readonly everybody: Set<string> = new Set();
  isClosed = false;

  #read<R>(value: R): Promise<R> {
    if (this.isClosed) throw new Error("The group was read.");
    return Promise.resolve(value);
  }

  override get(id: string): Promise<Group | undefined> {
    return this.#read({ id, displayName: "everybody" });
  }
  override find(): Promise<never> {
    return Promise.reject(new Error("The group was looked for."));
  }
  override create({ displayName }: NewGroup): Promise<Group> {
    return Promise.resolve({ id: "1", displayName });
  }
  override replace(): Promise<never> {
    return Promise.reject(new Error("The group was replaced."));
  }
  override delete(): Promise<never> {
    return Promise.reject(new Error("The group was deleted."));
  }
  override members(): Promise<never> {
    return Promise.reject(new Error("The members were read."));
  }
  override whichAreMembers(): Promise<never> {
    return Promise.reject(new Error("The members were asked for."));
  }
  override groupsOf(): Promise<never> {
    return Promise.reject(new Error("The groups of a member were asked for."));
  }
  override async changeMembers(_: string, { clear, add, remove }: MembersChange): Promise<void> {
    if (clear === true) throw new Error("Everybody was removed.");
    for (const { value } of remove ?? []) this.everybody.delete(value);
    for (const { value } of add ?? []) this.everybody.add(value);
  }
}

describe("nothing of a group of a million is read when a member comes or goes", () => {
  const patch = async (
    groups: GroupRepository,
    id: string,
    operation: object,
    profile?: ScimProfile,
  ): Promise<void> => {
    const body = { schemas: [patchOpId], Operations: [operation] };
    const plan = planPatch(groupResourceType, body, profile && { profile });
    await groups.modify(id, modificationOf<Group, NewGroup>(plan));
  };

  async function assertBlind(
    closed: ClosedGroups,
    groups: GroupRepository,
    id: string,
    [first, second]: readonly [string, string],
  ): Promise<void> {
    const { size } = closed.everybody;
    closed.isClosed = true;
    const value = [{ value: first }, { value: second }];
    await patch(groups, id, { op: "add", path: "members", value });
    expect(closed.everybody.size).toBe(size + 2);
    await patch(groups, id, { op: "remove", path: `members[value eq "${first}"]` });
    expect(closed.everybody.size).toBe(size + 1);
    await patch(
      groups,
      id,
      { op: "Remove", path: "members", value: [{ value: second }] },
      entraProfile,
    );
    expect(closed.everybody.size).toBe(size);
    await groups.changeMembers(id, { add: [{ value: first }], remove: [{ value: second }] });
    expect(closed.everybody.size).toBe(size + 1);
  }

  function millionOf(closed: ClosedGroups): void {
    for (let number = 0; number < 1_000_000; number++) closed.everybody.add(`member ${number}`);
  }

  test("by a store that overrides nothing", async () => {
    const closed = new ClosedGroups();
    millionOf(closed);
    await assertBlind(closed, closed, "1", ["ann", "bob"]);
  });

  test("through an identity map", async () => {
    const closed = new ClosedGroups();
    millionOf(closed);
    const identities = new InMemoryIdentityMapRepository();
    const users = withIdentityMap(new InMemoryUserRepository(), identities);
    const groups = withIdentityMap(closed, identities);
    const { id } = await groups.create({ displayName: "everybody" });
    const ann = await users.create({ userName: "ann" });
    const bob = await users.create({ userName: "bob" });
    await assertBlind(closed, groups, id, [ann.id, bob.id]);
  });
});
