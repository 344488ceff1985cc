import { describe, expect, test } from "vitest";
import { baseUrl, groupId, inMemory, kinds, patch, provider, userId } from "./provider.js";

const errorId = "urn:ietf:params:scim:api:messages:2.0:Error";

describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test("a user is created, read, replaced, modified and deleted", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const sent = {
      schemas: [userId],
      userName: "bjensen",
      externalId: "bjensen",
      name: { familyName: "Jensen", givenName: "Barbara" },
    };
    const created = await call("POST", "/Users", sent);
    expect(created.status).toBe(201);
    expect(created.headers.get("content-type")).toBe("application/scim+json");
    const { id, meta } = created.body;
    const location = `${baseUrl}/Users/${id}`;
    expect(created.body).toMatchObject(sent);
    expect(meta).toEqual({
      resourceType: "User",
      created: expect.any(String),
      lastModified: expect.any(String),
      location,
      version: expect.stringMatching(/^W\/".+"$/),
    });
    expect(created.headers.get("location")).toBe(location);
    expect(created.headers.get("etag")).toBe(meta.version);

    const read = await call("GET", `/Users/${id}`);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(read.headers.get("location")).toBe(location);
    expect(read.headers.get("etag")).toBe(meta.version);

    const replaced = await call("PUT", `/Users/${id}`, {
      schemas: [userId],
      id: "another",
      userName: "babs",
      emails: [{ value: "babs@example.com", type: "work" }],
    });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ id, userName: "babs" });
    expect(replaced.body).not.toHaveProperty("name");
    expect(replaced.body).not.toHaveProperty("externalId");
    expect(replaced.body.meta.version).not.toBe(meta.version);

    const modified = await call(
      "PATCH",
      `/Users/${id}`,
      patch({ op: "replace", path: "name.givenName", value: "Babs" }),
    );
    expect(modified.status).toBe(200);
    expect(modified.body).toMatchObject({ userName: "babs", name: { givenName: "Babs" } });
    expect(modified.headers.get("etag")).toBe(modified.body.meta.version);

    const deleted = await call("DELETE", `/Users/${id}`);
    expect(deleted).toMatchObject({ status: 204, body: undefined });
    for (const method of ["GET", "DELETE", "PUT", "PATCH"]) {
      const body = {
        PUT: sent,
        PATCH: patch({ op: "replace", path: "title", value: "x" }),
      }[method];
      expect(await call(method, `/Users/${id}`, body)).toMatchObject({
        status: 404,
        body: { schemas: [errorId], status: "404", detail: expect.stringContaining(id) },
      });
    }
    expect((await call("POST", "/Users", sent)).status).toBe(201);
  });

  test("a taken userName is a conflict", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    await create("/Users", { userName: "bjensen" });
    const { id } = await create("/Users", { userName: "jsmith" });
    const conflict = { status: 409, body: { scimType: "uniqueness", status: "409" } };
    const sent = { schemas: [userId], userName: "BJensen" };
    expect(await call("POST", "/Users", sent)).toMatchObject(conflict);
    expect(await call("PUT", `/Users/${id}`, sent)).toMatchObject(conflict);
    const rename = patch({ op: "replace", path: "userName", value: "bJensen" });
    expect(await call("PATCH", `/Users/${id}`, rename)).toMatchObject(conflict);
  });

  test("members come and go, and each says what it is and where", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const user = await create("/Users", { userName: "bjensen" });
    const inner = await create("/Groups", { displayName: "Guides" });
    const group = await create("/Groups", {
      displayName: "Tour Guides",
      members: [{ value: user.id }],
    });
    const member = { value: user.id, type: "User", $ref: `${baseUrl}/Users/${user.id}` };
    expect(group.members).toEqual([member]);

    const added = await call(
      "PATCH",
      `/Groups/${group.id}`,
      patch({ op: "add", path: "members", value: [{ value: inner.id }] }),
    );
    expect(added).toMatchObject({ status: 204, body: undefined });
    // What version this change made is not known, and another writer's would let the client undo what it has not seen.
    expect(added.headers.has("etag")).toBe(false);
    expect(added.headers.get("location")).toBe(group.meta.location);
    const read = await call("GET", `/Groups/${group.id}`);
    expect(new Set(read.body.members)).toEqual(
      new Set([member, { value: inner.id, type: "Group", $ref: `${baseUrl}/Groups/${inner.id}` }]),
    );

    const removed = await call(
      "PATCH",
      `/Groups/${group.id}?attributes=members`,
      patch({ op: "remove", path: `members[value eq "${inner.id}"]` }),
    );
    expect(removed).toMatchObject({ status: 200, body: { members: [member] } });
    expect(removed.body).not.toHaveProperty("displayName");

    const without = await call("GET", `/Groups/${group.id}?excludedAttributes=members`);
    expect(without.body).not.toHaveProperty("members");
    const kept = await call("PUT", `/Groups/${group.id}`, {
      schemas: [groupId],
      displayName: "Guides of tours",
    });
    expect(kept.body).toMatchObject({ displayName: "Guides of tours", members: [member] });
    const cleared = await call("PUT", `/Groups/${group.id}`, {
      schemas: [groupId],
      displayName: "Guides of tours",
      members: [],
    });
    expect(cleared.status).toBe(200);
    expect(cleared.body).not.toHaveProperty("members");
  });

  test("a reference to what there is not is an invalid value", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const group = await create("/Groups", { displayName: "Tour Guides" });
    const user = await create("/Users", { userName: "bjensen" });
    const invalid = { status: 400, body: { scimType: "invalidValue" } };
    const add = (value: object): object => patch({ op: "add", path: "members", value: [value] });
    const members = `/Groups/${group.id}`;
    expect(await call("PATCH", members, add({ value: "nobody" }))).toMatchObject(invalid);
    expect(await call("PATCH", members, add({ value: user.id, type: "Group" }))).toMatchObject(
      invalid,
    );
    const sent = { schemas: [groupId], displayName: "x", members: [{ value: "nobody" }] };
    expect(await call("POST", "/Groups", sent)).toMatchObject(invalid);
    expect(await call("PUT", members, sent)).toMatchObject(invalid);
    const manager = patch({
      op: "add",
      path: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
      value: { value: "nobody" },
    });
    expect(await call("PATCH", `/Users/${user.id}`, manager)).toMatchObject(invalid);
    expect((await call("GET", members)).body).not.toHaveProperty("members");
  });

  test("a list has filters, an order and pages", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    for (const userName of ["carol", "alice", "bob"]) await create("/Users", { userName });
    const names = async (query: string): Promise<readonly string[]> =>
      (await call("GET", `/Users?${query}`)).body.Resources.map(
        ({ userName }: { userName: string }) => userName,
      );
    const found = await call("GET", `/Users?filter=${encodeURIComponent('userName eq "ALICE"')}`);
    expect(found).toMatchObject({
      status: 200,
      body: {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        totalResults: 1,
        startIndex: 1,
        itemsPerPage: 1,
        Resources: [{ userName: "alice" }],
      },
    });
    expect(await names("sortBy=userName")).toEqual(["alice", "bob", "carol"]);
    expect(await names("sortBy=userName&sortOrder=descending&startIndex=2&count=1")).toEqual([
      "bob",
    ]);
    expect(await names("sortBy=userName&startIndex=4")).toEqual([]);
    expect((await call("GET", "/Users?count=0")).body).toMatchObject({
      totalResults: 3,
      itemsPerPage: 0,
      Resources: [],
    });
    const none = await call("GET", `/Users?filter=${encodeURIComponent('userName eq "dave"')}`);
    expect(none).toMatchObject({ status: 200, body: { totalResults: 0, Resources: [] } });
  });

  test("pages by cursor hold everything once", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const all = new Set<string>();
    for (let n = 0; n < 7; n++) all.add((await create("/Users", { userName: `user${n}` })).id);
    const seen: string[] = [];
    let page = (await call("GET", "/Users?cursor&count=3")).body;
    for (;;) {
      expect(page).not.toHaveProperty("startIndex");
      seen.push(...page.Resources.map(({ id }: { id: string }) => id));
      if (page.nextCursor === undefined) break;
      expect(page.nextCursor).toMatch(/^[A-Za-z0-9._~-]+$/);
      page = (await call("GET", `/Users?cursor=${page.nextCursor}&count=3`)).body;
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(all);
  });

  test("a version is compared before a write, and before an answer", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const { id, meta } = await create("/Users", { userName: "bjensen" });
    const path = `/Users/${id}`;
    const current = { "if-match": meta.version };
    const stale = { "if-match": 'W/"none"' };
    const title = (value: string): object => patch({ op: "replace", path: "title", value });
    const failed = { status: 412, body: { status: "412" } };
    expect(await call("PATCH", path, title("x"), stale)).toMatchObject(failed);
    for (const tags of ["*", meta.version]) {
      const ifNew = { "if-none-match": tags };
      const sent = { schemas: [userId], userName: "x" };
      expect(await call("PUT", path, sent, ifNew)).toMatchObject(failed);
      expect(await call("PATCH", path, title("x"), ifNew)).toMatchObject(failed);
      expect(await call("DELETE", path, undefined, ifNew)).toMatchObject(failed);
    }
    expect(await call("PUT", path, { schemas: [userId], userName: "x" }, stale)).toMatchObject(
      failed,
    );
    expect(await call("DELETE", path, undefined, stale)).toMatchObject(failed);

    const withoutGroups = `${path}?excludedAttributes=groups`;
    const unchanged = await call("GET", withoutGroups, undefined, {
      "if-none-match": meta.version,
    });
    expect(unchanged).toMatchObject({ status: 304, body: undefined });
    expect(unchanged.headers.get("etag")).toBe(meta.version);
    expect(await call("PATCH", path, title("Guide"), current)).toMatchObject({ status: 200 });
    expect(await call("GET", path, undefined, { "if-none-match": meta.version })).toMatchObject({
      status: 200,
      body: { title: "Guide" },
    });
    expect(await call("PATCH", path, title("Tourist"), current)).toMatchObject(failed);
    // Tags of SCIM are weak, and If-Match compares them as if they were not.
    const { version } = (await call("GET", path)).body.meta;
    const several = { "if-match": `"other", ${version.slice("W/".length)}` };
    expect(await call("PATCH", path, title("Driver"), several)).toMatchObject({ status: 200 });
    expect(await call("PATCH", path, title("Tourist"), { "if-match": '"x", *' })).toMatchObject({
      status: 200,
    });
  });
});

test("a PUT without active leaves a user who is disabled disabled", async () => {
  const { call, create } = provider(inMemory());
  const { id } = await create("/Users", { userName: "bjensen", active: false });
  const put = await call("PUT", `/Users/${id}`, { schemas: [userId], userName: "babs" });
  expect(put.body).toMatchObject({ userName: "babs", active: false });
});

test("a PUT without members keeps them, or removes them, as the host says", async () => {
  for (const missingMembers of ["keep", "remove"] as const) {
    const { call, create } = provider(inMemory(), { missingMembers });
    const user = await create("/Users", { userName: "bjensen" });
    const { id } = await create("/Groups", { displayName: "a", members: [{ value: user.id }] });
    await call("PUT", `/Groups/${id}`, { schemas: [groupId], displayName: "b" });
    const { displayName, members = [] } = (await call("GET", `/Groups/${id}`)).body;
    expect([displayName, members.length]).toEqual(["b", missingMembers === "keep" ? 1 : 0]);
  }
});
