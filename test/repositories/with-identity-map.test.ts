import { UnsupportedError } from "concordat";
import {
  type Capabilities,
  endSessions,
  type GroupRepository,
  InMemoryIdentityMapRepository,
  InMemoryUserRepository,
  type MappedIdentity,
  type Page,
  type ReadOptions,
  type UserRepository,
  withIdentityMap,
} from "concordat/repositories";
import { and, bindFilter, eq, type NewUser, type User, userResourceType } from "concordat/scim";
import { beforeEach, expect, test } from "vitest";
import { RpcGroupRepository, RpcUserRepository } from "./rpc-repositories.js";
import { RpcServer } from "./rpc-server.js";

let server: RpcServer;
let own: { users: UserRepository; groups: GroupRepository };
let identities: InMemoryIdentityMapRepository;
let users: UserRepository;
let groups: GroupRepository;

beforeEach(() => {
  server = new RpcServer();
  own = { users: new RpcUserRepository(server), groups: new RpcGroupRepository(server) };
  identities = new InMemoryIdentityMapRepository();
  users = withIdentityMap(own.users, identities, { groups: own.groups });
  groups = withIdentityMap(own.groups, identities);
});

const byExternalId = async (value: string): Promise<readonly User[]> =>
  (await users.find({ filter: bindFilter(eq("externalId", value), userResourceType) })).resources;

async function identityOf(id: string): Promise<MappedIdentity | undefined> {
  const [identity] = await identities.get("User", [id]);
  return identity;
}

test("who was there before has an id from when somebody looks, and keeps it", async () => {
  await own.users.create({ userName: "ann" });
  const [seen] = (await users.find({})).resources;
  expect(seen?.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await users.get(seen?.id ?? "")).toEqual(seen);
  expect((await users.find({})).resources).toEqual([seen]);
  expect(await users.get("1")).toBeUndefined();
  expect(await identityOf(seen?.id ?? "")).toMatchObject({ localId: "1", origin: "found" });
  const { id } = await users.create({ userName: "bob" });
  expect(await identityOf(id)).toMatchObject({ localId: "2", origin: "created" });
});

test("two who look at once see one id", async () => {
  await own.users.create({ userName: "ann" });
  const pages = await Promise.all(Array.from({ length: 10 }, () => users.find({})));
  const ids = new Set(pages.flatMap(({ resources }) => resources.map(({ id }) => id)));
  expect(ids.size).toBe(1);
});

test("externalId is kept beside the store, which never sees it", async () => {
  const { id } = await users.create({ userName: "ann", externalId: "7" });
  expect(await own.users.get("1")).not.toHaveProperty("externalId");
  expect(await byExternalId("7")).toMatchObject([{ id, externalId: "7" }]);
  await users.modify(id, { set: { externalId: "8" } });
  expect(await byExternalId("7")).toEqual([]);
  expect(await byExternalId("8")).toMatchObject([{ id }]);
  await users.replace(id, { userName: "ann" });
  expect(await byExternalId("8")).toEqual([]);
});

test("what is changed in the application itself has another version", async () => {
  const { id, meta } = await users.create({ userName: "ann" });
  const ifVersion = meta?.version ?? "";
  expect((await users.get(id))?.meta?.version).toBe(ifVersion);
  await own.users.modify("1", { set: { title: "Dr." } });
  expect((await users.get(id))?.meta?.version).not.toBe(ifVersion);
  await expect(users.modify(id, { set: { active: false } }, { ifVersion })).rejects.toMatchObject({
    code: "version_conflict",
  });
});

test("a version is told from the whole resource, whatever the reader leaves out", async () => {
  class Sparing extends RpcUserRepository {
    override async get(id: string, options?: ReadOptions): Promise<User | undefined> {
      const user = await super.get(id, options);
      if (user === undefined || !options?.excludedAttributes?.includes("title")) return user;
      const { title: _, ...others } = user;
      return others;
    }
  }
  users = withIdentityMap(new Sparing(server), identities);
  const { id, meta } = await users.create({ userName: "ann", title: "Dr." });
  const read = await users.get(id, { excludedAttributes: ["title"], attributes: ["members"] });
  expect(read?.meta?.version).toBe(meta?.version);
});

test("who is deleted is gone, though the application keeps the account, which is in no group", async () => {
  const ann = await users.create({ userName: "ann", externalId: "7" });
  const bob = await users.create({ userName: "bob" });
  const staff = await groups.create({
    displayName: "staff",
    members: [{ value: ann.id }, { value: bob.id }],
  });
  await users.delete(ann.id);
  expect(await users.get(ann.id)).toBeUndefined();
  expect(await byExternalId("7")).toEqual([]);
  expect(await users.find({})).toMatchObject({ totalResults: 1, resources: [{ id: bob.id }] });
  expect((await groups.members(staff.id)).members).toEqual([{ value: bob.id, type: "User" }]);
  expect(await own.users.get("1")).toMatchObject({ userName: "ann", active: false });
  expect(await own.groups.groupsOf("1")).toEqual([]);
  await expect(users.delete(ann.id)).rejects.toMatchObject({ code: "not_found", id: ann.id });
  await expect(groups.changeMembers(staff.id, { add: [{ value: ann.id }] })).rejects.toMatchObject({
    code: "invalid_value",
  });
});

test("who comes in the place of one who was deleted is another, with nothing of the first", async () => {
  const first = await users.create({ userName: "ann", title: "Director", externalId: "7" });
  await users.delete(first.id);
  const second = await users.create({ userName: "Ann" });
  expect(second.id).not.toBe(first.id);
  expect(second).toMatchObject({ userName: "Ann", active: true });
  expect(second).not.toHaveProperty("title");
  expect(second).not.toHaveProperty("externalId");
  expect(await users.get(first.id)).toBeUndefined();
  expect(await identityOf(first.id)).toMatchObject({ deleted: expect.any(String) });
  expect(await identityOf(first.id)).not.toHaveProperty("localId");
  expect(await own.users.get("2")).toBeUndefined();
});

test("of several who come in that place at once, one does", async () => {
  const first = await users.create({ userName: "ann" });
  await users.delete(first.id);
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => users.create({ userName: "ann" })),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "uniqueness" });
  }
});

test("pages count nobody who was deleted, wherever they begin", async () => {
  const created: string[] = [];
  for (let number = 0; number < 50; number++) {
    created.push((await users.create({ userName: `user${number}` })).id);
  }
  for (const id of created.filter((_, at) => at % 5 === 0)) await users.delete(id);
  const seen: string[] = [];
  for (let startIndex = 1; startIndex <= 40; startIndex += 15) {
    const page = await users.find({ startIndex, count: 15 });
    expect(page).toMatchObject({ totalResults: 40, startIndex });
    seen.push(...page.resources.map(({ id }) => id));
  }
  expect(seen).toEqual(created.filter((_, at) => at % 5 !== 0));
});

test("an id that the store gives again is somebody else's", async () => {
  const reusing = new InMemoryUserRepository({ newId: () => "1" });
  const mapped = withIdentityMap(reusing, identities);
  const ann = await mapped.create({ userName: "ann" });
  await mapped.delete(ann.id);
  const bob = await mapped.create({ userName: "bob" });
  expect(bob.id).not.toBe(ann.id);
  expect(await mapped.get(ann.id)).toBeUndefined();
});

test("who is gone from the store is gone", async () => {
  const store = new InMemoryUserRepository({ newId: () => "1" });
  const mapped = withIdentityMap(store, identities);
  const { id } = await mapped.create({ userName: "ann" });
  await store.delete("1");
  expect(await mapped.get(id)).toBeUndefined();
  await expect(mapped.replace(id, { userName: "ann" })).rejects.toMatchObject({
    code: "not_found",
    id,
  });
});

test("errors name resources as they are known outside", async () => {
  await own.users.create({ userName: "ann" });
  const taken: unknown = await users.create({ userName: "ANN" }).catch((error: unknown) => error);
  const [ann] = (await users.find({})).resources;
  expect(taken).toMatchObject({ code: "uniqueness", resourceId: ann?.id });
});

test("two processes that have read one version do not both write", async () => {
  const other = withIdentityMap(own.users, identities, { groups: own.groups });
  const { id, meta } = await users.create({ userName: "ann" });
  const ifVersion = meta?.version ?? "";
  const results = await Promise.allSettled([
    users.modify(id, { set: { title: "Dr." } }, { ifVersion }),
    other.modify(id, { set: { title: "Prof." } }, { ifVersion }),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(server.calls.get("user.write")).toBe(1);
});

test("a create that ended before its identity was stored leaves somebody who was found", async () => {
  await own.users.create({ userName: "ann" });
  const taken: unknown = await users
    .create({ userName: "ann", externalId: "7" })
    .catch((error: unknown) => error);
  const [ann] = (await users.find({})).resources;
  expect(taken).toMatchObject({ resourceId: ann?.id });
  await users.modify(ann?.id ?? "", { set: { externalId: "7" } });
  expect(await byExternalId("7")).toHaveLength(1);
});

test("passwords and sessions are the store's, by its own ids", async () => {
  const calls: unknown[] = [];
  const store = new InMemoryUserRepository({
    newId: () => "1",
    setPassword: async (id, password) => void calls.push([id, password]),
    revokeSessions: async (id) => void calls.push([id]),
  });
  const mapped = withIdentityMap(store, identities);
  const { id } = await mapped.create({ userName: "ann" });
  await mapped.setPassword?.(id, "secret");
  await mapped.revokeSessions?.(id);
  expect(calls).toEqual([["1", "secret"], ["1"]]);
  await expect(mapped.setPassword?.("1", "secret")).rejects.toMatchObject({ code: "not_found" });
});

/** Users in memory, with pages by cursor, of whom none can be deleted. */
class Undeletable extends InMemoryUserRepository {
  override capabilities: Capabilities = {
    ...new InMemoryUserRepository().capabilities,
    password: "set",
    delete: "none",
  };
  override delete(): Promise<void> {
    return Promise.reject(new UnsupportedError("Nobody is deleted."));
  }
}

test("who comes in the place of another has a password of its own, and is active", async () => {
  const passwords: unknown[] = [];
  let last = 0;
  const store = new Undeletable({
    newId: () => String(++last),
    setPassword: async (id, password) => void passwords.push([id, password]),
  });
  const mapped = withIdentityMap(store, identities);
  const first = await mapped.create({ userName: "ann", password: "first" });
  await mapped.delete(first.id);
  expect(await store.get("1")).toMatchObject({ active: false });
  const second = await mapped.create({ userName: "ann", password: "second" });
  expect(second.active).toBe(true);
  expect(passwords).toEqual([
    ["1", "first"],
    ["1", "second"],
  ]);
  await mapped.delete(second.id);
  expect((await mapped.create({ userName: "ann", active: false })).active).toBe(false);
});

test("who comes in the place of another without a password does not keep the other's", async () => {
  const calls: unknown[] = [];
  class Noting extends Undeletable {
    override async replace(id: string, user: NewUser | User): Promise<User> {
      calls.push(["replace", id]);
      return await super.replace(id, user);
    }
  }
  const store = new Noting({
    newId: () => "1",
    setPassword: async (id, password) => void calls.push([id, password]),
  });
  let mapped = withIdentityMap(store, identities, { newPassword: () => "nobody knows" });
  const first = await mapped.create({ userName: "ann", password: "first" });
  await mapped.delete(first.id);
  const second = await mapped.create({ userName: "ann" });
  expect(calls).toEqual([
    ["1", "first"],
    ["1", "nobody knows"],
    ["replace", "1"],
  ]);
  mapped = withIdentityMap(store, identities);
  await mapped.delete(second.id);
  await mapped.create({ userName: "ann" });
  expect(calls.at(-2)).toEqual(["1", expect.stringMatching(/^Aa1![\w-]{43}$/)]);
});

test("a page by index looks at no more than the limit, once the store keeps what was deleted", async () => {
  const store = new Undeletable({ maxPageSize: 2 });
  for (let number = 0; number < 6; number++) await store.create({ userName: `user${number}` });
  const mapped = withIdentityMap(store, identities, { maxRows: 5 });
  const { resources, totalResults } = await mapped.find({ count: 1 });
  expect(totalResults).toBe(6);
  await mapped.delete(resources[0]?.id ?? "");
  await expect(mapped.find({ count: 1 })).rejects.toMatchObject({ code: "too_many", limit: 5 });
  expect((await mapped.find({ cursor: "", count: 1 })).resources).toHaveLength(1);
  const wide = withIdentityMap(store, identities, { maxRows: 6 });
  expect(await wide.find({ count: 1 })).toMatchObject({ totalResults: 5 });
});

test("a filter and an order look at attributes that the answer leaves out", async () => {
  class Exact extends InMemoryUserRepository {
    override async get(id: string, options: ReadOptions = {}): Promise<User | undefined> {
      const user = await super.get(id, options);
      const isWanted = ([name]: [string, unknown]): boolean =>
        !options.excludedAttributes?.includes(name);
      return user && (Object.fromEntries(Object.entries(user).filter(isWanted)) as typeof user);
    }
  }
  const mapped = withIdentityMap(new Exact(), identities);
  const { id } = await mapped.create({ userName: "ann", title: "Dr." });
  const filter = bindFilter(and(eq("id", id), eq("title", "Dr.")), userResourceType);
  const excludedAttributes = ["title"];
  expect((await mapped.find({ filter }, { excludedAttributes })).resources).toHaveLength(1);
});

test("pages by cursor show nobody who was deleted, and none of them is empty before the last", async () => {
  const mapped = withIdentityMap(new Undeletable(), identities);
  const created: string[] = [];
  for (let number = 0; number < 12; number++) {
    created.push((await mapped.create({ userName: `user${number}` })).id);
  }
  const order = (await mapped.find({})).resources.map(({ id }) => id);
  for (const id of order.slice(2, 8)) await mapped.delete(id);
  const seen: string[][] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page: Page<User> = await mapped.find({ cursor, count: 2 });
    expect(page.totalResults ?? 6).toBe(6);
    seen.push(page.resources.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual([order.slice(0, 2), order.slice(8, 10), order.slice(10)]);
});

test("a group that is deleted is gone, and the one that the store keeps has no members", async () => {
  const { id: ann } = await users.create({ userName: "ann" });
  const { id } = await groups.create({ displayName: "staff", members: [{ value: ann }] });
  await groups.delete(id);
  expect(await groups.get(id)).toBeUndefined();
  expect(await groups.groupsOf(ann)).toEqual([]);
  expect((await own.groups.members("1")).members).toEqual([]);
  expect(await groups.find({})).toMatchObject({ totalResults: 0, resources: [] });
});

test("a group has a new version when members come or go", async () => {
  const { id: ann } = await users.create({ userName: "ann" });
  const { id, meta } = await groups.create({ displayName: "staff" });
  await groups.changeMembers(id, { add: [{ value: ann }] });
  expect((await groups.get(id))?.meta?.version).not.toBe(meta?.version);
});

test("the sessions of who was deleted can be ended, while the store has the account", async () => {
  const revoked: string[] = [];
  const store = new Undeletable({
    newId: () => "1",
    revokeSessions: async (id) => void revoked.push(id),
  });
  store.capabilities = { ...store.capabilities, sessions: true };
  const mapped = withIdentityMap(store, identities);
  const { id } = await mapped.create({ userName: "ann" });
  await mapped.delete(id);
  expect(await endSessions(mapped, id)).toBe("revoked");
  expect(revoked).toEqual(["1"]);
});

test("the sessions of who was deleted can be ended, though the store forgot the account", async () => {
  const revoked: string[] = [];
  let last = 0;
  const store = new InMemoryUserRepository({
    newId: () => String(++last),
    revokeSessions: async (id) => void revoked.push(id),
  });
  const mapped = withIdentityMap(store, identities);
  const { id } = await mapped.create({ userName: "ann" });
  await mapped.delete(id);
  await mapped.create({ userName: "ann" });
  expect(await endSessions(mapped, id)).toBe("revoked");
  expect(revoked).toEqual(["1"]);
});

test("who is seen by others before the creation has ended is who was created", async () => {
  class Watched extends InMemoryUserRepository {
    override async create(user: NewUser): Promise<User> {
      const created = await super.create(user);
      await mapped.find({});
      return created;
    }
  }
  const mapped: UserRepository = withIdentityMap(new Watched(), identities);
  const { id, externalId } = await mapped.create({ userName: "ann", externalId: "7" });
  expect(externalId).toBe("7");
  expect(await identityOf(id)).toMatchObject({ origin: "created" });
  expect(await mapped.find({})).toMatchObject({ totalResults: 1, resources: [{ id }] });
});
