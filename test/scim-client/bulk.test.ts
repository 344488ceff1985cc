import { NotFoundError, TooManyError, UniquenessError, UnsupportedError } from "concordat";
import { type BulkOperation, groupSchema, patchOpId, userSchema } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { startProvider } from "./running-provider.js";
import { type Scripted, script } from "./scripted-provider.js";

const creation = (userName: string, bulkId = userName): BulkOperation => ({
  method: "POST",
  path: "/Users",
  bulkId,
  data: { schemas: [userSchema.id], userName },
});

const group = (displayName: string, ...bulkIds: readonly string[]): BulkOperation => ({
  method: "POST",
  path: "/Groups",
  bulkId: displayName,
  data: {
    schemas: [groupSchema.id],
    displayName,
    members: bulkIds.map((bulkId) => ({ value: `bulkId:${bulkId}`, type: "User" })),
  },
});

describe("bulk requests to a service provider", () => {
  test("are as many as its limit of operations asks for, and refer to each other's resources by id", async () => {
    await using provider = await startProvider({ server: { limits: { bulkOperations: 3 } } });
    const names = ["ann", "bob", "eve", "zoe"];
    const outcomes = await provider.client.bulk([
      ...names.map((name) => creation(name)),
      group("staff", ...names),
      {
        method: "PATCH",
        path: "/Users/bulkId:ann",
        data: {
          schemas: [patchOpId],
          Operations: [{ op: "add", path: "title", value: "Guide" }],
        },
      },
      { method: "DELETE", path: "/Users/bulkId:zoe" },
    ]);
    expect(provider.requests).toEqual([
      "GET /ServiceProviderConfig",
      "POST /Bulk",
      "POST /Bulk",
      "POST /Bulk",
    ]);
    expect(outcomes.map((outcome) => outcome.done && outcome.status)).toEqual([
      201, 201, 201, 201, 201, 200, 204,
    ]);
    const ids = outcomes.map((outcome) => (outcome.done ? (outcome.id ?? "") : ""));
    expect((await provider.users.get(ids[0] ?? ""))?.title).toBe("Guide");
    const { members } = await provider.groups.members(ids[4] ?? "");
    expect(members.map(({ value }) => value).sort()).toEqual(ids.slice(0, 3).sort());
    // Who is deleted leaves the group.
    expect(await provider.users.get(ids[3] ?? "")).toBeUndefined();
  });

  test("heed its limit of bytes", async () => {
    await using provider = await startProvider({ server: { limits: { maxBodyBytes: 1_000 } } });
    const outcomes = await provider.client.bulk(
      Array.from({ length: 20 }, (_, n) => creation(`user${n}`)),
    );
    expect(outcomes.every(({ done }) => done)).toBe(true);
    expect(provider.requests.length).toBeGreaterThan(3);
    expect((await provider.users.find({})).totalResults).toBe(20);
  });

  test("keep together what refers to what comes later, in a circle too", async () => {
    await using provider = await startProvider({ server: { limits: { bulkOperations: 2 } } });
    const manager = (userName: string, other: string): BulkOperation => {
      const extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
      return {
        method: "POST",
        path: "/Users",
        bulkId: userName,
        data: {
          schemas: [userSchema.id, extension],
          userName,
          [extension]: { manager: { value: `bulkId:${other}` } },
        },
      };
    };
    const outcomes = await provider.client.bulk([
      creation("zoe"),
      manager("ann", "bob"),
      manager("bob", "ann"),
    ]);
    expect(outcomes.map(({ done }) => done)).toEqual([true, true, true]);
    const call = provider.client.bulk([manager("a", "b"), manager("b", "c"), manager("c", "a")]);
    await expect(call).rejects.toThrow(TooManyError);
    expect((await provider.users.find({})).totalResults).toBe(3);
  });

  test("tell of each operation what went wrong with it, as the single request does", async () => {
    await using provider = await startProvider();
    const [, second, third] = await provider.client.bulk([
      creation("ann", "1"),
      creation("ANN", "2"),
      { method: "DELETE", path: "/Users/nobody" },
    ]);
    expect(second?.done === false && second.error).toBeInstanceOf(UniquenessError);
    expect(second).toMatchObject({ error: { attribute: "userName" } });
    expect(third?.done === false && third.error).toBeInstanceOf(NotFoundError);
    expect(third).toMatchObject({ error: { id: "nobody" } });
  });

  test("stop after as many errors as are said, over all requests", async () => {
    await using provider = await startProvider({ server: { limits: { bulkOperations: 2 } } });
    const missing = (id: string): BulkOperation => ({ method: "DELETE", path: `/Users/${id}` });
    const operations = [
      missing("1"),
      creation("ann"),
      missing("2"),
      creation("bob"),
      creation("eve"),
    ];
    const outcomes = await provider.client.bulk(operations, { failOnErrors: 2 });
    expect(outcomes.map(({ done }) => done)).toEqual([false, true, false, false, false]);
    expect(outcomes[3]).toMatchObject({ error: { code: "unavailable", mayBeDone: false } });
    expect((await provider.users.find({})).totalResults).toBe(1);
  });
});

const configuration = { bulk: { supported: true, maxOperations: 2, maxPayloadSize: 10_000 } };
const done = (...bulkIds: readonly string[]): Scripted => ({
  status: 200,
  body: {
    Operations: bulkIds.map((bulkId) => ({
      method: "POST",
      bulkId,
      location: `https://example.com/v2/Users/id-${bulkId}`,
      status: "201",
    })),
  },
});

describe("a bulk request", () => {
  test("is on the wire as RFC 7644 §3.7 has it", async () => {
    await using provider = await script([done("ann")], { configuration });
    await provider.client.bulk([creation("ann")]);
    expect(provider.received.map(({ method, target, body }) => [method, target, body])).toEqual([
      [
        "POST",
        "/Bulk",
        '{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST",' +
          '"path":"/Users","bulkId":"ann","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],' +
          '"userName":"ann"}}]}',
      ],
    ]);
  });

  test("whose results come in another order", async () => {
    await using provider = await script([done("bob", "ann")], { configuration });
    const outcomes = await provider.client.bulk([creation("ann"), creation("bob")]);
    expect(outcomes).toMatchObject([{ id: "id-ann" }, { id: "id-bob" }]);
  });

  test("has ids in the place of references, and of no other text that begins with bulkId:", async () => {
    const changed = { status: 200, body: { Operations: [{ method: "PATCH", status: "200" }] } };
    await using provider = await script([done("ann"), done("bob"), changed], {
      configuration: { bulk: { supported: true, maxOperations: 1 } },
    });
    const extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const odd = {
      userName: "bob",
      displayName: "bulkId:ann",
      emails: [{ value: "bulkId:ann" }],
      [extension]: { department: "bulkId:ann", manager: { value: "bulkId:ann" } },
      "urn:example:Desk": { owner: { value: "bulkId:ann", display: "bulkId:ann" } },
    };
    const patch = {
      Operations: [
        { op: "replace", path: "title", value: "bulkId:ann" },
        { op: "add", path: "members", value: [{ value: "bulkId:ann", display: "bulkId:ann" }] },
        { op: "replace", path: `${extension}:manager.value`, value: "bulkId:ann" },
        { op: "add", path: extension, value: { manager: "bulkId:ann", division: "bulkId:ann" } },
        { op: "add", value: { nickName: "bulkId:ann", members: [{ value: "bulkId:ann" }] } },
      ],
    };
    await provider.client.bulk([
      creation("ann"),
      { method: "POST", path: "/Users", bulkId: "bob", data: odd },
      { method: "PATCH", path: "/Users/1", data: patch },
      { method: "PATCH", path: "/Groups/1", data: patch },
    ]);
    const [, second, third, fourth] = provider.received.map(
      ({ body }) => JSON.parse(body).Operations[0].data,
    );
    expect(second).toEqual({
      userName: "bob",
      displayName: "bulkId:ann",
      emails: [{ value: "bulkId:ann" }],
      [extension]: { department: "bulkId:ann", manager: { value: "id-ann" } },
      "urn:example:Desk": { owner: { value: "id-ann", display: "bulkId:ann" } },
    });
    const values = (data: typeof patch) => data.Operations.map(({ value }) => value);
    expect(values(third)).toEqual([
      "bulkId:ann",
      // No user has members that a schema here knows.
      [{ value: "id-ann", display: "bulkId:ann" }],
      "id-ann",
      { manager: "id-ann", division: "bulkId:ann" },
      { nickName: "bulkId:ann", members: [{ value: "id-ann" }] },
    ]);
    expect(values(fourth).slice(0, 2)).toEqual([
      "bulkId:ann",
      [{ value: "id-ann", display: "bulkId:ann" }],
    ]);
  });

  test.each([
    ["HTML", "<p>"],
    ["a list", []],
    ["nothing", undefined],
  ])("that is answered with %s may have been done", async (_, body) => {
    await using provider = await script([{ status: 200, body }], { configuration });
    const [outcome] = await provider.client.bulk([creation("ann"), creation("bob")]);
    expect(outcome).toMatchObject({ error: { code: "unavailable", mayBeDone: true } });
  });

  test("that is too large all the same is divided", async () => {
    await using provider = await script([{ status: 413 }, done("ann"), done("bob")], {
      configuration,
    });
    const outcomes = await provider.client.bulk([creation("ann"), creation("bob")]);
    expect(outcomes).toMatchObject([{ id: "id-ann" }, { id: "id-bob" }]);
  });

  test("that breaks off may have been done, and none is sent after it", async () => {
    await using provider = await script([done("1", "2"), (response) => response.destroy()], {
      configuration,
    });
    const operations = ["1", "2", "3", "4", "5"].map((name) => creation(name));
    const outcomes = await provider.client.bulk(operations);
    expect(outcomes).toMatchObject([
      { done: true },
      { done: true },
      { done: false, error: { mayBeDone: true } },
      { done: false, error: { mayBeDone: true } },
      { done: false, error: { mayBeDone: false } },
    ]);
    expect(provider.received).toHaveLength(2);
  });

  test("of which the answer leaves something out", async () => {
    await using provider = await script([done("ann")], { configuration });
    const outcomes = await provider.client.bulk([creation("ann"), creation("bob")]);
    expect(outcomes).toMatchObject([
      { done: true },
      { error: { code: "unavailable", mayBeDone: true } },
    ]);
  });

  test("is not sent where there are none", async () => {
    await using provider = await script([done("ann")], { configuration: {} });
    await expect(provider.client.bulk([creation("ann")])).rejects.toThrow(UnsupportedError);
    expect(provider.received).toEqual([]);
  });
});
