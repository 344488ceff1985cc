import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { InMemoryUserRepository } from "concordat/repositories";
import { entraProfile, patchOpId, searchRequestId } from "concordat/scim";
import {
  type RequestEvent,
  type RequestedChange,
  requestChannelName,
  ScimRequestError,
} from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { enterpriseUserId, inMemory, patch, provider, type Stores, userId } from "./provider.js";

/** What the channel carries meanwhile. */
async function eventsOf(work: () => Promise<unknown>): Promise<readonly RequestEvent[]> {
  const events: RequestEvent[] = [];
  const listener = (event: unknown): void => {
    events.push(event as RequestEvent);
  };
  subscribe(requestChannelName, listener);
  try {
    await work();
  } finally {
    unsubscribe(requestChannelName, listener);
  }
  return events;
}

/** Stores that keep passwords, and note whose sessions were ended. */
function watchedStores(options: { readonly fails?: boolean } = {}): Stores & {
  readonly passwords: Map<string, string>;
  readonly revoked: string[];
} {
  const passwords = new Map<string, string>();
  const revoked: string[] = [];
  const users = new InMemoryUserRepository({
    setPassword: async (id, password) => {
      passwords.set(id, password);
    },
    revokeSessions: async (id) => {
      if (options.fails) throw new Error("There is no session store.");
      revoked.push(id);
    },
  });
  return { ...inMemory(), users, passwords, revoked };
}

describe("attributes that the principal may not write", () => {
  const privileged = { password: "t1meMa$heen", roles: [{ value: "admin" }] };

  test("are ignored by default where they would give rights, and reported", async () => {
    const stores = watchedStores();
    const { call, create } = provider(stores);
    const own = await stores.users.create({ userName: "own", roles: [{ value: "owner" }] });
    const events = await eventsOf(async () => {
      const user = await create("/Users", { userName: "bjensen", ...privileged, title: "Guide" });
      expect(user).toMatchObject({ title: "Guide" });
      expect(user).not.toHaveProperty("roles");
      const replacement = { schemas: [userId], userName: "own", ...privileged };
      expect((await call("PUT", `/Users/${own.id}`, replacement)).body.roles).toEqual([
        { value: "owner" },
      ]);
      const change = patch(
        { op: "add", value: { ...privileged, title: "Owner" } },
        { op: "replace", path: 'roles[value eq "owner"].value', value: "admin" },
        { op: "remove", path: "roles" },
        { op: "replace", path: "password", value: "x" },
      );
      expect((await call("PATCH", `/Users/${own.id}`, change)).body).toMatchObject({
        title: "Owner",
        roles: [{ value: "owner" }],
      });
    });
    expect(stores.passwords.size).toBe(0);
    const forbidden = (path: string): object => ({ path, reason: "forbidden" });
    for (const { ignored } of events) {
      expect(new Set(ignored)).toEqual(new Set([forbidden("password"), forbidden("roles")]));
    }
    expect(events).toHaveLength(3);
  });

  test("are as the host says, those of extensions one by one", async () => {
    const stores = watchedStores();
    const department = `${enterpriseUserId}:department`;
    const { call, create } = provider(stores, {
      mayWrite: (_, path) => path !== department,
    });
    const user = await create("/Users", {
      userName: "bjensen",
      ...privileged,
      [enterpriseUserId]: { department: "Tours", costCenter: "4130" },
    });
    expect(user).toMatchObject({
      roles: [{ value: "admin" }],
      [enterpriseUserId]: { costCenter: "4130" },
    });
    expect(user[enterpriseUserId]).not.toHaveProperty("department");
    expect(user).not.toHaveProperty("password");
    expect(stores.passwords.get(user.id)).toBe("t1meMa$heen");
    const change = patch(
      { op: "replace", path: "password", value: "another" },
      { op: "add", path: department, value: "Sales" },
    );
    const changed = await call("PATCH", `/Users/${user.id}`, change);
    expect(changed.status).toBe(200);
    expect(changed.body[enterpriseUserId]).toEqual({ costCenter: "4130" });
    expect(stores.passwords.get(user.id)).toBe("another");
    const replacement = { schemas: [userId], userName: "bjensen", password: "third" };
    await call("PUT", `/Users/${user.id}`, replacement);
    expect(stores.passwords.get(user.id)).toBe("third");
    const own = { department: "Tours", costCenter: "1" };
    await stores.users.modify(user.id, { set: { [enterpriseUserId]: own } });
    const replaced = await call("PUT", `/Users/${user.id}`, {
      ...replacement,
      [enterpriseUserId]: { department: "Sales", costCenter: "2" },
    });
    expect(replaced.body[enterpriseUserId]).toEqual({ department: "Tours", costCenter: "2" });
  });
});

describe("the policy", () => {
  test("sees each change before it is made, and can refuse it", async () => {
    const stores = inMemory();
    const seen: RequestedChange[] = [];
    const { call, create } = provider(stores, {
      policy: {
        before(operation, { principal, repositories }) {
          expect(principal.id).toBe("client");
          expect(repositories).toBe(stores);
          seen.push(operation);
          if (operation.kind === "delete") throw new ScimRequestError(403, "The last owner stays.");
        },
      },
    });
    const { id } = await create("/Users", { userName: "owner" });
    const group = await create("/Groups", { displayName: "Owners" });
    await call("PUT", `/Users/${id}`, { schemas: [userId], userName: "Owner" });
    await call("PATCH", `/Users/${id}`, patch({ op: "replace", path: "active", value: false }));
    await call(
      "PATCH",
      `/Groups/${group.id}`,
      patch({ op: "add", path: "members", value: [{ value: id }] }),
    );
    const refused = { status: 403, body: { detail: "The last owner stays.", status: "403" } };
    expect(await call("DELETE", `/Users/${id}`)).toMatchObject(refused);
    expect(await call("GET", `/Users/${id}`)).toMatchObject({ status: 200 });
    expect(seen).toMatchObject([
      { kind: "create", resource: { userName: "owner" } },
      { kind: "create", resource: { displayName: "Owners" } },
      { kind: "replace", id, resource: { userName: "Owner" } },
      { kind: "modify", id, paths: ["active"], values: { active: false } },
      { kind: "modify", id: group.id, members: { add: [{ value: id, type: "User" }] } },
      { kind: "delete", id },
    ]);
  });

  test("sees what a PATCH comes to that depends on the resource, and again if that has changed", async () => {
    const stores = inMemory();
    const seen: RequestedChange[] = [];
    const { call, create } = provider(stores, {
      policy: {
        async before(operation) {
          seen.push(operation);
          const others = [{ value: "other@example.com" }];
          if (operation.kind === "modify" && seen.length === 2) {
            await stores.users.modify(operation.id, { set: { emails: others } });
          }
          const { emails } = operation.kind === "modify" ? operation.values : {};
          if (JSON.stringify([emails]).includes("evil")) {
            throw new ScimRequestError(403, "Not this one.");
          }
        },
      },
    });
    const add = (value: string): object => patch({ op: "add", path: "emails", value: [{ value }] });
    const { id } = await create("/Users", { userName: "a", emails: [{ value: "a@example.com" }] });
    const path = `/Users/${id}`;
    const changed = await call("PATCH", path, add("b@example.com"));
    expect(changed).toMatchObject({
      status: 200,
      body: { emails: [{ value: "other@example.com" }, { value: "b@example.com" }] },
    });
    expect(seen.slice(1)).toMatchObject([
      { values: { emails: [{ value: "a@example.com" }, { value: "b@example.com" }] } },
      { values: { emails: [{ value: "other@example.com" }, { value: "b@example.com" }] } },
    ]);
    expect(await call("PATCH", path, add("evil@example.com"))).toMatchObject({ status: 403 });
    expect((await call("GET", path)).body).toEqual(changed.body);
    expect(await call("PATCH", "/Users/nobody", add("x"))).toMatchObject({ status: 404 });
  });
});

test("the policy sees a password that a PUT states, as it does at a creation", async () => {
  const seen: RequestedChange[] = [];
  const { call, create } = provider(watchedStores(), {
    mayWrite: () => true,
    policy: {
      before(operation) {
        seen.push(operation);
      },
    },
  });
  const sent = { userName: "bjensen", password: "t1meMa$heen" };
  const { id } = await create("/Users", sent);
  await call("PUT", `/Users/${id}`, { schemas: [userId], ...sent });
  await call("PUT", `/Users/${id}`, { schemas: [userId], userName: "bjensen" });
  expect(seen).toMatchObject([{ resource: sent }, { resource: sent }, { kind: "replace" }]);
  expect(seen[2]).not.toHaveProperty("resource.password");
});

describe("a user who may be known already", () => {
  test("is restored under the same id when inactive and sent again by externalId", async () => {
    const { call, create } = provider(inMemory());
    const { id } = await create("/Users", { userName: "bjensen", externalId: "701984" });
    const deactivation = patch({ op: "replace", path: "active", value: false });
    await call("PATCH", `/Users/${id}`, deactivation);
    const restored = await create("/Users", { userName: "babs", externalId: "701984" });
    expect(restored).toMatchObject({ id, userName: "babs", active: true });
    expect((await call("GET", "/Users")).body.totalResults).toBe(1);
  });

  test("is given the password that was sent with what restores", async () => {
    const stores = watchedStores();
    const { call, create } = provider(stores, { mayWrite: () => true });
    const { id } = await create("/Users", { userName: "bjensen", externalId: "701984" });
    await call("PATCH", `/Users/${id}`, patch({ op: "add", path: "active", value: false }));
    await create("/Users", { userName: "bjensen", externalId: "701984", password: "t1meMa$heen" });
    expect([...stores.passwords]).toEqual([[id, "t1meMa$heen"]]);
  });

  test("is not taken for another while active, nor by name or address", async () => {
    const { call, create } = provider(inMemory());
    const emails = [{ value: "bjensen@example.com" }];
    const known = await create("/Users", { userName: "bjensen", externalId: "1", emails });
    const conflict = { status: 409, body: { scimType: "uniqueness" } };
    const sent = { schemas: [userId], userName: "bjensen", externalId: "2", emails };
    expect(await call("POST", "/Users", sent)).toMatchObject(conflict);
    await call(
      "PATCH",
      `/Users/${known.id}`,
      patch({ op: "replace", path: "active", value: false }),
    );
    expect(await call("POST", "/Users", sent)).toMatchObject(conflict);
    expect((await create("/Users", { ...sent, userName: "other" })).id).not.toBe(known.id);
  });

  test("is who the host says, or waits", async () => {
    const stores = inMemory();
    const known = await stores.users.create({ userName: "bjensen", title: "Guide" });
    const { call, create } = provider(stores, {
      resolve: ({ userName }, { repositories }) => {
        expect(repositories).toBe(stores);
        if (userName === "bjensen") return { kind: "link", id: known.id };
        return userName === "jsmith"
          ? { kind: "pending", detail: "J. Smith has to agree." }
          : { kind: "create" };
      },
    });
    expect(await create("/Users", { userName: "bjensen", externalId: "1" })).toMatchObject({
      id: known.id,
      externalId: "1",
      title: "Guide",
    });
    expect(await call("POST", "/Users", { schemas: [userId], userName: "jsmith" })).toMatchObject({
      status: 409,
      body: { scimType: "uniqueness", detail: "J. Smith has to agree." },
    });
    await create("/Users", { userName: "carol" });
    // Groups are nobody.
    await create("/Groups", { displayName: "jsmith" });
  });
});

describe("sessions", () => {
  test("end when a user is deactivated or deleted, in whichever way, and only then", async () => {
    const stores = watchedStores();
    const { call, create } = provider(stores);
    const ids: string[] = [];
    for (const userName of ["a", "b", "c", "d", "e"]) {
      ids.push((await create("/Users", { userName, active: true })).id);
    }
    const [a, b, c, d, e] = ids;
    const events = await eventsOf(async () => {
      await call("PATCH", `/Users/${a}`, patch({ op: "add", value: { active: false } }));
      await call("PUT", `/Users/${b}`, { schemas: [userId], userName: "b", active: false });
      await call("DELETE", `/Users/${c}`);
      const addition = { op: "add", path: "emails", value: [{ value: "e@example.com" }] };
      const deactivation = { op: "replace", path: "active", value: false };
      await call("PATCH", `/Users/${e}`, patch(addition, deactivation));
      await call("PATCH", `/Users/${d}`, patch({ op: "replace", path: "title", value: "x" }));
      await call("PUT", `/Users/${d}`, { schemas: [userId], userName: "d", active: true });
      await call("DELETE", "/Users/nobody");
    });
    expect(stores.revoked).toEqual([a, b, c, e]);
    const revoked = (id: string | undefined): object => [{ id, outcome: "revoked" }];
    expect(events.map(({ sessions }) => sessions)).toEqual([
      revoked(a),
      revoked(b),
      revoked(c),
      revoked(e),
      [],
      [],
      [],
    ]);
  });

  test("that could not be ended are told to the log, and not to the client", async () => {
    const { call, create } = provider(watchedStores({ fails: true }));
    const { id } = await create("/Users", { userName: "a" });
    const [event] = await eventsOf(async () => {
      expect(await call("DELETE", `/Users/${id}`)).toMatchObject({ status: 204 });
    });
    expect(event?.sessions).toEqual([{ id, outcome: "failed" }]);
  });
});

describe("the channel", () => {
  test("carries what a request log needs, with secrets masked", async () => {
    const { call, create } = provider(watchedStores(), { profile: entraProfile });
    const { id } = await create("/Users", { userName: "bjensen" });
    const secret = "t1meMa$heen";
    const events = await eventsOf(async () => {
      await call("POST", "/Users", { schemas: [userId], userName: "bjensen", PassWord: secret });
      await call(
        "PATCH",
        `/Users/${id}`,
        patch(
          { op: "Replace", path: "active", value: "False" },
          { op: "replace", path: `${userId}:Password`, value: secret },
          { op: "add", value: { password: secret, title: "Guide" } },
        ),
      );
      await call("GET", `/Users?filter=${encodeURIComponent(`password eq "${secret}"`)}&count=1`);
      await call("GET", `/Users?password=${secret}&access_token=${secret}&count=2`);
    });
    expect(JSON.stringify(events)).not.toContain(secret);
    const [conflict, change, query, others] = events;
    expect(conflict).toMatchObject({
      method: "POST",
      path: "/Users",
      principal: "client",
      status: 409,
      scimType: "uniqueness",
      detail: expect.stringContaining("userName"),
      duration: expect.any(Number),
      body: { userName: "bjensen", PassWord: "[masked]" },
    });
    expect(change).toMatchObject({
      path: `/Users/${id}`,
      status: 200,
      rewrites: [{ rewrite: "booleanText", operation: 0, path: "active" }],
      body: {
        Operations: [
          { op: "Replace", path: "active", value: "False" },
          { op: "replace", path: "[masked]", value: "[masked]" },
          { op: "add", value: { password: "[masked]", title: "Guide" } },
        ],
      },
    });
    expect(query).toMatchObject({ status: 400, query: { filter: "[masked]", count: "1" } });
    expect(others).toMatchObject({
      status: 200,
      query: { password: "[masked]", access_token: "[masked]", count: "2" },
    });
  });

  test("carries that an answer could not be made, which is a 500", async () => {
    const stores = inMemory();
    const { call, create } = provider(stores, {
      policy: {
        before: ({ kind }) => {
          if (kind === "delete") throw new ScimRequestError(42, "No such status.");
          if (kind === "modify") {
            throw new ScimRequestError(403, "No.", { headers: { "x-reason": "\u2713" } });
          }
        },
      },
    });
    const { id } = await create("/Users", { userName: "a" });
    const change = patch({ op: "remove", path: "title" });
    const events = await eventsOf(async () => {
      expect(await call("DELETE", `/Users/${id}`)).toMatchObject({ status: 500 });
      expect(await call("PATCH", `/Users/${id}`, change)).toMatchObject({ status: 500 });
      const user = { id, userName: "a", meta: { version: 'W/"1\u2713"' } };
      Object.assign(stores.users, { get: async () => user });
      const answer = await call("GET", `/Users/${id}`);
      expect(answer).toMatchObject({ status: 500, body: { status: "500" } });
    });
    expect(events).toMatchObject([
      { status: 500, error: expect.any(RangeError) },
      { status: 500, error: expect.any(TypeError) },
      { status: 500, error: expect.any(TypeError) },
    ]);
  });

  test("carries what a store failed with, of which the client is told nothing", async () => {
    const stores = inMemory();
    const error = new Error("The password of the database is 12345.");
    Object.assign(stores.users, { get: () => Promise.reject(error) });
    const { call } = provider(stores);
    const [event] = await eventsOf(async () => {
      const answer = await call("GET", "/Users/1");
      expect(answer.status).toBe(500);
      expect(JSON.stringify(answer.body)).not.toContain("12345");
    });
    expect(event).toMatchObject({ status: 500, error });
  });
});

describe("/Me", () => {
  test("stands for the user that the host says", async () => {
    const stores = inMemory();
    const { id } = await stores.users.create({ userName: "bjensen" });
    const { call } = provider(stores, {
      me: ({ id: principal }) => (principal === "client" ? id : ""),
    });
    const read = await call("GET", "/Me?attributes=userName");
    expect(read).toMatchObject({ status: 200, body: { id, userName: "bjensen" } });
    expect(read.headers.get("location")).toBe(`https://example.com/v2/Users/${id}`);
    const change = patch({ op: "add", path: "title", value: "Guide" });
    expect((await call("PATCH", "/Me", change)).body.title).toBe("Guide");
    expect(await call("POST", "/Me", {})).toMatchObject({ status: 501 });
    expect(await call("DELETE", "/Me")).toMatchObject({ status: 204 });
    expect(await call("GET", "/Me")).toMatchObject({ status: 404 });
  });

  test("is not implemented where the host says nothing", async () => {
    expect(await provider(inMemory()).call("GET", "/Me")).toMatchObject({
      status: 501,
      body: { status: "501" },
    });
  });
});

test("Prefer: return=minimal is answered without the resource", async () => {
  const { call } = provider(inMemory());
  const prefer = { prefer: "respond-async, return=minimal" };
  const created = await call("POST", "/Users", { schemas: [userId], userName: "bjensen" }, prefer);
  expect(created).toMatchObject({ status: 201, body: undefined });
  expect(created.headers.get("preference-applied")).toBe("return=minimal");
  const path = (created.headers.get("location") ?? "").slice("https://example.com/v2".length);
  const changed = await call(
    "PATCH",
    path,
    patch({ op: "add", path: "title", value: "x" }),
    prefer,
  );
  expect(changed).toMatchObject({ status: 204, body: undefined });
  expect(changed.headers.get("etag")).not.toBe(created.headers.get("etag"));
  expect((await call("GET", path)).body.title).toBe("x");
  const group = await call("POST", "/Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: "Guides",
  });
  const whole = await call(
    "PATCH",
    `/Groups/${group.body.id}`,
    patch({ op: "replace", path: "displayName", value: "Tour Guides" }),
    { prefer: "return=representation" },
  );
  expect(whole).toMatchObject({ status: 200, body: { displayName: "Tour Guides" } });
});

describe("the channel, of a body", () => {
  const secret = "t1meMa$heen";
  test.each<[string, string, unknown]>([
    ["/Users/.search", "POST", { filter: `password eq "${secret}"`, schemas: [] }],
    [
      "/Users/x",
      "PATCH",
      { Operations: [{ op: "add", path: "password", Path: "x", value: secret }] },
    ],
    [
      "/Users/x",
      "PATCH",
      { Operations: [{ op: "add", path: "x", Path: "password", value: secret }] },
    ],
    ["/Users", "POST", { userName: "a", title: `He sent {"\\u0070assword":"${secret}"}` }],
    ["/Users", "POST", { userName: "a", title: `His password is ${secret}` }],
    ["/Users/x", "PATCH", { Operations: [{ op: "add", path: ["password"], value: secret }] }],
    ["/Users/x", "PATCH", { Operations: [{ op: "add", path: { of: "password" }, value: secret }] }],
    ["/Users/x", "PATCH", { Operations: [{ op: "add", "path ": "password", value: secret }] }],
    ["/Users/x", "PATCH", { Operations: [{ op: "add", attribute: "password", value: secret }] }],
    ["/Users/x", "PATCH", { Operations: [{ op: secret, path: "password", value: "x" }] }],
    [
      "/Users/x",
      "PATCH",
      {
        schemas: [patchOpId],
        Operations: [{ op: "add", path: `password[value eq ${secret}]`, value: "x" }],
      },
    ],
    ["/Users", "POST", { userName: "a", emails: [{ type: "password", value: secret }] }],
    ["/Users", "POST", { userName: "a", "pass\u200bword": secret }],
    ["/Users", "POST", { userName: "a", title: `"\\u007b\\"pass\\u0077ord\\":\\"${secret}\\""` }],
    ["/Users/.search", "POST", { schemas: [searchRequestId], filter: `password eq ${secret}` }],
  ])("masks what a body of %s hides: %s %j", async (path, method, body) => {
    const { call } = provider(inMemory());
    const [event] = await eventsOf(() => call(method, path, body));
    expect(event).toHaveProperty("body");
    expect(JSON.stringify(event)).not.toContain(secret);
  });
});

test("what is sent to an authenticated client is kept by no cache", async () => {
  const { call } = provider(inMemory(), { discoveryPrincipal: { id: "anybody" } });
  for (const path of ["/Users", "/Users/nobody", "/Schemas"]) {
    expect((await call("GET", path)).headers.get("cache-control")).toBe("no-store");
  }
  const anonymous = await call("GET", "/Schemas", undefined, { authorization: "" });
  expect(anonymous).toMatchObject({ status: 200 });
  expect(anonymous.headers.has("cache-control")).toBe(false);
});
