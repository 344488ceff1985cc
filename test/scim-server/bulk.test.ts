import { InMemoryUserRepository } from "concordat/repositories";
import { entraProfile, rfc7644Profile } from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import { vector } from "../vectors/vector.js";
import {
  baseUrl,
  enterpriseUserId,
  groupId,
  inMemory,
  kinds,
  type Provider,
  patch,
  provider,
  userId,
} from "./provider.js";

function bulk(...Operations: readonly object[]): object {
  return { schemas: [bulkRequestId], Operations };
}

function user(userName: string, attributes: object = {}): object {
  return { schemas: [userId], userName, ...attributes };
}

function managed(userName: string, bulkId: string): object {
  const manager = { value: `bulkId:${bulkId}` };
  return {
    ...user(userName, { [enterpriseUserId]: { manager } }),
    schemas: [userId, enterpriseUserId],
  };
}

function group(displayName: string, members: readonly object[]): object {
  return { schemas: [groupId], displayName, members };
}

function isOfGroup(operation: object): boolean {
  return Reflect.get(operation, "path") === "/Groups";
}

function creation(bulkId: string, data: object, path = "/Users"): object {
  return { method: "POST", path, bulkId, data };
}

describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test("RFC 7644 §3.7.2: a group refers to a user that is created with it", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const answer = await call("POST", "/Bulk", vector("rfc7644-3.7.2-bulk-request"));
    expect(answer).toMatchObject({
      status: 200,
      body: {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        Operations: [
          { method: "POST", bulkId: "qwerty", status: "201", version: expect.any(String) },
          { method: "POST", bulkId: "ytrewq", status: "201", version: expect.any(String) },
        ],
      },
    });
    const [alice, guides] = answer.body.Operations;
    const { body: group } = await call("GET", guides.location);
    expect(group).toMatchObject({
      displayName: "Tour Guides",
      members: [{ type: "User", $ref: alice.location }],
      meta: { location: guides.location, version: guides.version },
    });
    expect((await call("GET", alice.location)).body.userName).toBe("Alice");
  });

  test("RFC 7644 §3.7.2: the reference of an extension is one too", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const answer = await call("POST", "/Bulk", vector("rfc7644-3.7.2-bulk-request-2"));
    const [alice, bob] = answer.body.Operations;
    expect((await call("GET", bob.location)).body[enterpriseUserId]).toMatchObject({
      employeeNumber: "11250",
      manager: { value: alice.location.slice(`${baseUrl}/Users/`.length), $ref: alice.location },
    });
  });

  test("RFC 7644 §3.7.2: what begins with bulkId: and is no reference is a value like any other", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const values = {
      displayName: "bulkId:ann",
      emails: [{ value: "bulkId:ann", type: "work" }],
      phoneNumbers: [{ value: "bulkId:bob" }],
    };
    const manager = { [enterpriseUserId]: { manager: { value: "bulkId:bob" } } };
    const schemas = { schemas: [userId, enterpriseUserId] };
    const answer = await call(
      "POST",
      "/Bulk",
      bulk(
        creation("ann", user("ann", { ...values, ...manager, ...schemas })),
        creation("bob", user("bob", values)),
        creation("staff", { schemas: [groupId], displayName: "bulkId:bob" }, "/Groups"),
        {
          method: "PATCH",
          path: "/Groups/bulkId:staff",
          data: patch(
            { op: "replace", path: "externalId", value: "bulkId:ann" },
            { Op: "add", Path: "members", Value: [{ Value: "bulkId:ann", display: "bulkId:ann" }] },
          ),
        },
      ),
    );
    const results: { status: string; location: string }[] = answer.body.Operations;
    expect(results.map(({ status }) => status)).toEqual(["201", "201", "201", "200"]);
    const [ann, bob, staff] = await Promise.all(
      results.slice(0, 3).map(async ({ location }) => (await call("GET", location)).body),
    );
    expect(ann).toMatchObject({ ...values, [enterpriseUserId]: { manager: { value: bob.id } } });
    expect(bob).toMatchObject(values);
    expect(staff).toMatchObject({
      displayName: "bulkId:bob",
      externalId: "bulkId:ann",
      members: [{ value: ann.id }],
    });
  });

  test("RFC 7644 §3.7.1: two groups are members of each other", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const answer = await call("POST", "/Bulk", vector("rfc7644-3.7.1-bulk-request"));
    expect(answer.body.Operations).toMatchObject([{ status: "201" }, { status: "201" }]);
    const [a, b] = answer.body.Operations;
    const [groupA, groupB] = [await call("GET", a.location), await call("GET", b.location)];
    expect(groupA.body).toMatchObject({
      displayName: "Group A",
      members: [{ type: "Group", $ref: b.location }],
      meta: { version: a.version },
    });
    expect(groupB.body).toMatchObject({
      displayName: "Group B",
      members: [{ type: "Group", $ref: a.location }],
    });
  });

  test("each can be the manager of the other, and who comes first does not matter", async () => {
    await using stores = await open();
    const { call } = provider(stores);
    const managedBy = (bulkId: string): object => ({
      schemas: [userId, enterpriseUserId],
      [enterpriseUserId]: { costCenter: "1", manager: { value: `bulkId:${bulkId}` } },
    });
    const answer = await call(
      "POST",
      "/Bulk",
      bulk(
        creation("a", user("alice", managedBy("b"))),
        creation("b", user("bob", managedBy("c"))),
        creation("c", user("carol", managedBy("a"))),
        creation("d", user("dave", managedBy("a"))),
      ),
    );
    const results: { status: string; location: string }[] = answer.body.Operations;
    expect(results.map(({ status }) => status)).toEqual(["201", "201", "201", "201"]);
    const managers = await Promise.all(
      results.map(async ({ location }) => (await call("GET", location)).body[enterpriseUserId]),
    );
    const [a, b, c] = results.map(({ location }) => location);
    expect(managers).toMatchObject([
      { costCenter: "1", manager: { $ref: b } },
      { costCenter: "1", manager: { $ref: c } },
      { costCenter: "1", manager: { $ref: a } },
      { costCenter: "1", manager: { $ref: a } },
    ]);
  });

  test.each<[string, readonly object[], readonly string[], readonly string[]]>([
    [
      "one of a circle is taken, and who refers to it goes with it",
      [
        creation("a", managed("alice", "b")),
        creation("b", managed("bob", "c")),
        creation("c", managed("carol", "a")),
        creation("d", managed("dave", "c")),
        creation("e", user("eve")),
      ],
      ["409", "400", "400", "400", "201"],
      ["alice", "eve"],
    ],
    [
      "a circle goes through what is created nowhere",
      [creation("b", managed("bob", "c")), creation("c", managed("carol", "nobody"))],
      ["400", "400"],
      ["alice"],
    ],
    [
      "a member of a circle is not of the type that it is said to be",
      [
        creation("g", group("G", [{ value: "bulkId:h", type: "User" }]), "/Groups"),
        creation("h", group("H", [{ value: "bulkId:g" }]), "/Groups"),
      ],
      ["400", "400"],
      ["alice"],
    ],
    [
      "the errors are too many before the circle is closed",
      [
        creation("x", user("alice")),
        creation("b", managed("bob", "c")),
        creation("c", managed("carol", "b")),
      ],
      ["409"],
      ["alice"],
    ],
  ])("what is answered 400 is not created: %s", async (_what, operations, statuses, names) => {
    for (const profile of [rfc7644Profile, entraProfile]) {
      await using stores = await open();
      const { call, create } = provider(stores, { profile });
      await create("/Users", { userName: "alice" });
      const body = { ...bulk(...operations), ...(statuses.length === 1 && { failOnErrors: 1 }) };
      const answer = await call("POST", "/Bulk", body);
      const results: { status: string; location?: string }[] = answer.body.Operations;
      const isLenient = profile === entraProfile && operations.some(isOfGroup);
      if (isLenient) {
        // The member of the wrong type is ignored, and the groups are there without it.
        expect(results.map(({ status }) => status)).toEqual(["201", "201"]);
        continue;
      }
      expect(results.map(({ status }) => status)).toEqual(statuses);
      for (const { status, location } of results) {
        expect(location === undefined).toBe(status !== "201");
      }
      const { Resources } = (await call("GET", "/Users?sortBy=userName")).body;
      expect(Resources.map(({ userName }: { userName: string }) => userName)).toEqual(names);
      expect((await call("GET", "/Groups")).body.totalResults).toBe(0);
    }
  });

  test("each operation is what the single request would be, and others go on when one fails", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const bob = await create("/Users", { userName: "bob" });
    const carol = await create("/Users", { userName: "carol" });
    const dave = await create("/Users", { userName: "dave" });
    const stale = 'W/"stale"';
    const answer = await call(
      "POST",
      "/Bulk",
      bulk(
        creation("taken", user("BOB")),
        { method: "PUT", path: `/Users/${bob.id}`, version: bob.meta.version, data: user("Bob") },
        { method: "PUT", path: `/Users/${carol.id}`, version: stale, data: user("x") },
        {
          method: "PATCH",
          path: `/Users/${carol.id}`,
          data: patch({ op: "add", path: "title", value: "Guide" }),
        },
        { method: "DELETE", path: `/Users/${dave.id}`, version: dave.meta.version },
        { method: "DELETE", path: "/Users/nobody" },
        { method: "DELETE", path: "/Users" },
        { method: "PATCH", path: "/Nothing/x", data: {} },
        { method: "PATCH", path: "/Users/bulkId:nobody", data: {} },
        { method: "DELETE", path: "Users/x" },
      ),
    );
    expect(answer.status).toBe(200);
    expect(answer.body.Operations).toMatchObject([
      { bulkId: "taken", status: "409", response: { scimType: "uniqueness", status: "409" } },
      { method: "PUT", status: "200", location: bob.meta.location },
      { method: "PUT", status: "412", location: carol.meta.location, response: { status: "412" } },
      { method: "PATCH", status: "200", location: carol.meta.location },
      { method: "DELETE", status: "204", location: dave.meta.location },
      { method: "DELETE", status: "404", location: `${baseUrl}/Users/nobody` },
      { method: "DELETE", status: "405", location: `${baseUrl}/Users` },
      { method: "PATCH", status: "404", location: `${baseUrl}/Nothing/x` },
      { method: "PATCH", status: "400", location: `${baseUrl}/Users/bulkId:nobody` },
      { method: "DELETE", status: "404" },
    ]);
    expect(answer.body.Operations[0]).not.toHaveProperty("location");
    expect(answer.body.Operations.at(-1)).not.toHaveProperty("location");
    for (const result of answer.body.Operations) expect(result).not.toHaveProperty("version");
    expect((await call("GET", `/Users/${bob.id}`)).body).toMatchObject({ userName: "Bob" });
    expect((await call("GET", `/Users/${carol.id}`)).body).toMatchObject({
      userName: "carol",
      title: "Guide",
    });
  });
});

const userNames = fc.constantFrom("alice", "bob", "Alice");
const paths = fc.constantFrom("/Users/1", "/Users/2", "/Users/3");
const version = fc.option(fc.constant('W/"stale"'), { nil: undefined });
const operations = fc.oneof(
  userNames.map((userName) => ({ method: "POST", path: "/Users", data: user(userName) })),
  fc.record({ method: fc.constant("DELETE"), path: paths, version }),
  fc.record({
    method: fc.constant("PUT"),
    path: paths,
    version,
    data: userNames.map((name) => user(name, { nickName: "x" })),
  }),
  fc.record({
    method: fc.constant("PATCH"),
    path: paths,
    version,
    data: fc.constantFrom(
      patch({ op: "add", path: "title", value: "Guide" }),
      patch({ op: "add", path: "emails", value: [{ value: "a@example.com" }] }),
      patch({ op: "remove", path: "userName" }),
    ),
  }),
);

test("any operations together come to what they come to one after the other", async () => {
  const counting = (): Provider => {
    let last = 0;
    return provider({
      ...inMemory(),
      users: new InMemoryUserRepository({ newId: () => String(++last) }),
    });
  };
  const stored = async ({ users }: Provider): Promise<unknown> =>
    (await users.find({})).resources.map(({ meta: _, ...attributes }) => attributes);
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { maxLength: 12 }), async (sent) => {
      const [together, apart] = [counting(), counting()];
      const statuses: string[] = [];
      for (const { method, path, ...rest } of sent) {
        const { data, version: known } = { data: undefined, version: undefined, ...rest };
        const conditions = known === undefined ? {} : { "if-match": known };
        statuses.push(String((await apart.call(method, path, data, conditions)).status));
      }
      const Operations = sent.map((operation, n) => ({ bulkId: `${n}`, ...operation }));
      const { body } = await together.call("POST", "/Bulk", bulk(...Operations));
      expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(statuses);
      expect(await stored(together)).toEqual(await stored(apart));
    }),
  );
});

test("RFC 7644 §3.7.3: after failOnErrors errors, what is left is not done", async () => {
  const { call } = provider(inMemory());
  const { Operations } = vector<{ readonly Operations: readonly object[] }>(
    "rfc7644-3.7.3-bulk-request",
  );
  const request = { schemas: [bulkRequestId], failOnErrors: 1, Operations };
  const { body } = await call("POST", "/Bulk", request);
  // The schemas of the user that the RFC prints are not those of a user.
  expect(body.Operations).toMatchObject([
    { method: "POST", bulkId: "qwerty", status: "400", response: { status: "400" } },
  ]);
  const all = await call("POST", "/Bulk", { ...request, failOnErrors: 5 });
  expect(all.body.Operations.map(({ status }: { status: string }) => status)).toEqual([
    "400",
    "404",
    "404",
    "404",
  ]);
});

test("who refers to what was not created is not created, or told to be incomplete", async () => {
  const { call, create } = provider(inMemory());
  await create("/Users", { userName: "alice" });
  const member = (bulkId: string): object => ({ members: [{ value: `bulkId:${bulkId}` }] });
  const group = (displayName: string, attributes: object): object => ({
    schemas: [groupId],
    displayName,
    ...attributes,
  });
  const { body } = await call(
    "POST",
    "/Bulk",
    bulk(
      creation("guides", group("Guides", member("alice")), "/Groups"),
      creation("alice", user("alice")),
      creation("lost", group("Lost", member("nobody")), "/Groups"),
    ),
  );
  expect(body.Operations).toMatchObject([
    { bulkId: "guides", status: "400", response: { scimType: "invalidValue" } },
    { bulkId: "alice", status: "409" },
    { bulkId: "lost", status: "400", response: { scimType: "invalidValue" } },
  ]);
  expect((await call("GET", "/Groups")).body.totalResults).toBe(0);
});

test("operations on what is created in the same request find it by its bulkId", async () => {
  const { call } = provider(inMemory());
  const { body } = await call(
    "POST",
    "/Bulk",
    bulk(
      {
        method: "PATCH",
        path: "/Groups/bulkId:guides",
        data: patch({ op: "add", path: "members", value: [{ value: "bulkId:alice" }] }),
      },
      creation("guides", { schemas: [groupId], displayName: "Guides" }, "/Groups"),
      creation("alice", user("alice", { nickName: "bulkId:guides" })),
    ),
  );
  const [change, guides, alice] = body.Operations;
  expect(change).toMatchObject({ status: "200", location: guides.location });
  expect((await call("GET", guides.location)).body.members).toMatchObject([
    { $ref: alice.location },
  ]);
  expect((await call("GET", alice.location)).body.nickName).toBe("bulkId:guides");
});

test("a bulk request that is none is refused whole, and one that is too large with the limit", async () => {
  const { call } = provider(inMemory(), { limits: { bulkOperations: 2, maxBodyBytes: 2_000 } });
  const invalid = { status: 400, body: { scimType: "invalidSyntax" } };
  for (const body of [
    [],
    {},
    { schemas: [bulkRequestId] },
    { schemas: [bulkRequestId], Operations: [null] },
    { schemas: [bulkRequestId], failOnErrors: 0, Operations: [] },
    { schemas: [bulkRequestId], failOnErrors: 1.5, Operations: [] },
    { schemas: [bulkRequestId], failOnErrors: "1", Operations: [] },
    bulk({ method: "GET", path: "/Users" }),
    bulk({ method: "POST", path: "/Users", data: user("x") }),
    bulk({ method: "DELETE" }),
    bulk(creation("a", user("x")), creation("a", user("y"))),
  ]) {
    expect(await call("POST", "/Bulk", body)).toMatchObject(invalid);
  }
  const many = bulk(...["a", "b", "c"].map((name) => creation(name, user(name))));
  expect(await call("POST", "/Bulk", many)).toMatchObject({
    status: 413,
    body: { status: "413", detail: expect.stringContaining("maxOperations (2)") },
  });
  const large = bulk(creation("a", user("x".repeat(2_000))));
  expect(await call("POST", "/Bulk", large)).toMatchObject({
    status: 413,
    body: { detail: expect.stringContaining("maxPayloadSize (2000)") },
  });
  expect((await call("GET", "/Users")).body.totalResults).toBe(0);
});

test("a chain of references may be as long as the request", async () => {
  const length = 8_000;
  const { call } = provider(inMemory(), {
    limits: { bulkOperations: length, maxBodyBytes: 10_000_000 },
  });
  const Operations = Array.from({ length }, (_, at) => ({
    method: "POST",
    path: "/Groups",
    bulkId: `group ${at}`,
    data: {
      schemas: [groupId],
      displayName: `Group ${at}`,
      ...(at + 1 < length && { members: [{ value: `bulkId:group ${at + 1}`, type: "Group" }] }),
    },
  }));
  const answer = await call("POST", "/Bulk", { schemas: [bulkRequestId], Operations });
  expect(answer.status).toBe(200);
  const statuses = answer.body.Operations.map(({ status }: { status: string }) => status);
  expect(new Set(statuses)).toEqual(new Set(["201"]));
  expect(statuses).toHaveLength(length);
});
