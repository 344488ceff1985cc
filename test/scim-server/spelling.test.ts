import {
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type Modification,
  type ReadOptions,
  type WriteOptions,
} from "concordat/repositories";
import { enterpriseUserId, type NewUser, type User } from "concordat/scim";
import { type RequestedChange, ScimRequestError } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import { groupId, patch, provider, userId } from "./provider.js";

const owner = "11f0e9b2-7c1d-4f3b-8a55-0a1b2c3d4e5f";

/** Users as in a column that takes several spellings of an id for one, as the type uuid of PostgreSQL does. */
class FoldingUsers extends InMemoryUserRepository {
  readonly ended: string[] = [];
  override readonly revokeSessions = async (id: string): Promise<void> => {
    this.ended.push(id);
  };

  constructor() {
    super({ newId: () => ids.shift() ?? crypto.randomUUID(), revokeSessions: async () => {} });
  }
  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return super.get(folded(id), options);
  }
  override modify(
    id: string,
    change: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return super.modify(folded(id), change, options);
  }
  override replace(id: string, user: NewUser | User, options?: WriteOptions): Promise<User> {
    return super.replace(folded(id), user, options);
  }
  override delete(id: string, options?: WriteOptions): Promise<void> {
    return super.delete(folded(id), options);
  }
}

let ids: string[] = [];

function folded(id: string): string {
  return id
    .toLowerCase()
    .normalize("NFKC")
    .replaceAll(/[{}]|^urn:uuid:|\s/g, "");
}

const spellings = [
  owner.toUpperCase(),
  owner.replace("b2", "B2"),
  `{${owner}}`,
  `urn:uuid:${owner}`,
  ` ${owner}`,
  `${owner} `,
  owner.replace("f0", "\uff460"),
];

const deactivation = patch({ op: "replace", path: "active", value: false });
const blind = patch({ op: "replace", path: "title", value: "x" });
const computed = patch({ op: "add", path: "emails", value: [{ value: "x@example.com" }] });
const replacement = { schemas: [userId], userName: "mallory", active: false };

/** The ways to a user by an id. */
const doors: Readonly<Record<string, (id: string) => readonly [string, string, object?]>> = {
  GET: (id) => ["GET", `/Users/${encodeURIComponent(id)}`],
  "GET with If-None-Match": (id) => ["GET", `/Users/${encodeURIComponent(id)}?attributes=groups`],
  PUT: (id) => ["PUT", `/Users/${encodeURIComponent(id)}`, replacement],
  "PATCH without a look": (id) => ["PATCH", `/Users/${encodeURIComponent(id)}`, blind],
  "PATCH with a look": (id) => ["PATCH", `/Users/${encodeURIComponent(id)}`, computed],
  "PATCH that deactivates": (id) => ["PATCH", `/Users/${encodeURIComponent(id)}`, deactivation],
  DELETE: (id) => ["DELETE", `/Users/${encodeURIComponent(id)}`],
};

describe.each(Object.entries(doors))("by %s", (_, door) => {
  test.each(spellings)("no user is found by another spelling: %j", async (spelling) => {
    ids = [owner];
    const users = new FoldingUsers();
    const asked: RequestedChange[] = [];
    const { call, create } = provider(
      { users, groups: new InMemoryGroupRepository() },
      {
        policy: {
          before(operation) {
            if ("id" in operation && operation.id === owner) throw new ScimRequestError(403, "No.");
            asked.push(operation);
          },
        },
      },
    );
    const before = await create("/Users", { userName: "owner", title: "Owner" });
    const [method, path, data] = door(spelling);
    expect(await call(method, path, data)).toMatchObject({ status: 404 });
    if (method !== "GET") {
      const inBulk = { method, path, ...(data !== undefined && { data }) };
      const { body } = await call("POST", "/Bulk", {
        schemas: [bulkRequestId],
        Operations: [inBulk],
      });
      expect(body.Operations).toMatchObject([{ status: "404" }]);
    }
    expect((await call("GET", `/Users/${owner}`)).body).toEqual(before);
    expect(asked.map(({ kind }) => kind)).toEqual(["create"]);
    expect(users.ended).toEqual([]);
  });
});

test("whose sessions end is named as the store has it, or nobody's end", async () => {
  for (const spelling of [owner, ...spellings]) {
    for (const door of ["PUT", "PATCH that deactivates", "DELETE"]) {
      ids = [owner];
      const users = new FoldingUsers();
      const { call, create } = provider({ users, groups: new InMemoryGroupRepository() });
      await create("/Users", { userName: "owner", active: true });
      const [method = "", path = "", data] = doors[door]?.(spelling) ?? [];
      await call(method, path, data);
      expect(users.ended).toEqual(spelling === owner ? [owner] : []);
    }
  }
});

test.each(spellings)("a reference by another spelling is unknown: %j", async (value) => {
  ids = [owner];
  const { call, create } = provider({
    users: new FoldingUsers(),
    groups: new InMemoryGroupRepository(),
  });
  await create("/Users", { userName: "owner" });
  const group = { schemas: [groupId], displayName: "x", members: [{ value }] };
  const user = {
    schemas: [userId, enterpriseUserId],
    userName: "a",
    [enterpriseUserId]: { manager: { value } },
  };
  expect(await call("POST", "/Groups", group)).toMatchObject({ status: 400 });
  expect(await call("POST", "/Users", user)).toMatchObject({ status: 400 });
  const { id } = await create("/Groups", { displayName: "Owners", members: [{ value: owner }] });
  const path = `/Groups/${id}`;
  const addition = patch({ op: "add", path: "members", value: [{ value }] });
  expect(await call("PATCH", path, addition)).toMatchObject({ status: 400 });
  // What is removed by another spelling was no member.
  const removal = patch({ op: "remove", path: `members[value eq ${JSON.stringify(value)}]` });
  expect((await call("PATCH", path, removal)).status).toBeLessThan(300);
  expect((await call("GET", path)).body.members).toMatchObject([{ value: owner }]);
  const filter = new URLSearchParams({ filter: `id eq ${JSON.stringify(value)}` });
  expect((await call("GET", `/Users?${filter}`)).body.totalResults).toBe(0);
});
