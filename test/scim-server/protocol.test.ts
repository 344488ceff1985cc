import {
  InMemoryIdentityMapRepository,
  InMemoryUserRepository,
  withIdentityMap,
} from "concordat/repositories";
import { searchRequestId } from "concordat/scim";
import { expect, test } from "vitest";
import { bulkRequestId, listResponseId } from "../../src/scim/internal.js";
import { groupId, inMemory, patch, provider, userId } from "./provider.js";

const errorId = "urn:ietf:params:scim:api:messages:2.0:Error";

test("unknown parameters of a query are ignored", async () => {
  const { call, create } = provider(inMemory());
  await create("/Users", { userName: "bjensen" });
  const plain = await call("GET", "/Users");
  expect(await call("GET", "/Users?colour=blue&filters=x&cursors=1")).toMatchObject({
    status: 200,
    body: plain.body,
  });
});

test("a search and a bulk request without their schemas are none", async () => {
  const { call } = provider(inMemory());
  for (const [path, body] of [
    ["/.search", { filter: "userName pr" }],
    ["/Users/.search", { schemas: [bulkRequestId], filter: "userName pr" }],
    ["/Bulk", { schemas: [searchRequestId], Operations: [] }],
  ] as const) {
    expect(await call("POST", path, body)).toMatchObject({
      status: 400,
      body: { scimType: "invalidSyntax" },
    });
  }
});

test("a PATCH of a group is answered 204, and with attributes 200 whatever is preferred", async () => {
  const { call, create } = provider(inMemory());
  const { id } = await create("/Groups", { displayName: "Guides" });
  const rename = (displayName: string): object => patch({ op: "replace", value: { displayName } });
  const bare = await call("PATCH", `/Groups/${id}`, rename("Tour Guides"));
  expect(bare).toMatchObject({ status: 204, body: undefined });
  expect(bare.headers.get("location")).toBe(`https://example.com/v2/Groups/${id}`);
  for (const prefer of ["return=representation", "return=minimal"]) {
    const path = `/Groups/${id}?attributes=displayName`;
    expect(await call("PATCH", path, rename(prefer), { prefer })).toMatchObject({
      status: 200,
      body: { schemas: [groupId], id, displayName: prefer },
    });
  }
});

test.each([
  ["GET", "/Users/nobody", undefined, 404, undefined],
  ["GET", "/Nothing", undefined, 404, undefined],
  ["GET", "/v3/Users", undefined, 404, undefined],
  ["POST", "/Users/x", {}, 405, undefined],
  ["POST", "/Me", {}, 501, undefined],
  ["POST", "/Users", "{", 400, "invalidSyntax"],
  ["POST", "/Users", { schemas: [userId] }, 400, "invalidValue"],
  ["POST", "/Users", { schemas: [userId], userName: "taken" }, 409, "uniqueness"],
  ["PATCH", "/Users/taken", patch({ op: "replace", path: "id", value: "x" }), 400, "mutability"],
  ["PATCH", "/Users/taken", patch({ op: "add", path: "no such", value: 1 }), 400, "invalidPath"],
  ["PATCH", "/Users/taken", patch({ op: "remove" }), 400, "noTarget"],
  ["PATCH", "/Users/taken", patch({ op: "remove", path: "userName" }), 400, "mutability"],
  ["GET", "/Users?filter=x", undefined, 400, "invalidFilter"],
  ["GET", "/Schemas?filter=x", undefined, 403, undefined],
] as const)(
  "%s %s with %j is an error %d %s of §3.12",
  async (method, path, body, status, scimType) => {
    const users = new InMemoryUserRepository({ newId: () => "taken" });
    const { call } = provider({ ...inMemory(), users });
    await users.create({ userName: "taken" });
    const answer = await call(method, path, body);
    expect(answer.headers.get("content-type")).toBe("application/scim+json");
    expect(answer).toMatchObject({ status });
    expect(answer.body).toEqual({
      schemas: [errorId],
      status: String(status),
      detail: expect.stringMatching(/./),
      ...(scimType !== undefined && { scimType }),
    });
  },
);

test("an answer is JSON in UTF-8, whichever of both media types is accepted", async () => {
  const { handler } = provider(inMemory(), { authenticate: () => ({ id: "client" }) });
  for (const accept of ["application/scim+json", "application/json", "*/*", undefined]) {
    const response = await handler(
      new Request("https://example.com/v2/Users", {
        method: "POST",
        headers: { ...(accept !== undefined && { accept }), "content-type": "application/json" },
        body: JSON.stringify({ schemas: [userId], userName: `Žofie ${accept}` }),
      }),
    );
    expect(response.status).toBe(201);
    expect(response.headers.get("content-type")).toBe("application/scim+json");
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await response.arrayBuffer());
    expect(JSON.parse(text)).toMatchObject({ userName: `Žofie ${accept}` });
  }
});

test("lists of what the service provider is are whole, whatever page or order is asked for", async () => {
  const { call } = provider(inMemory());
  for (const path of ["/Schemas", "/ResourceTypes"]) {
    const plain = await call("GET", path);
    expect(plain.body.schemas).toEqual([listResponseId]);
    const asked = `${path}?startIndex=2&count=1&sortBy=id&sortOrder=down&cursor=x&attributes=id`;
    expect(await call("GET", asked)).toMatchObject({ status: 200, body: plain.body });
  }
  const config = await call("GET", "/ServiceProviderConfig?count=0&startIndex=x");
  expect(config.body.schemas).toEqual([
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
  ]);
});

test("messages are no schemas that could be discovered", async () => {
  const { call } = provider(inMemory());
  expect(JSON.stringify((await call("GET", "/Schemas")).body.Resources)).not.toContain(":api:");
  expect(await call("GET", `/Schemas/${listResponseId}`)).toMatchObject({ status: 404 });
});

test("who was deleted is not found, and may come again, though the store can only deactivate", async () => {
  const stored = new InMemoryUserRepository();
  Object.assign(stored, {
    capabilities: { ...stored.capabilities, delete: "deactivate" },
    delete: async (id: string) => stored.modify(id, { set: { active: false } }),
  });
  const users = withIdentityMap(stored, new InMemoryIdentityMapRepository());
  const { call, create } = provider({ ...inMemory(), users });
  const sent = { userName: "bjensen", externalId: "701984", title: "Guide" };
  const { id } = await create("/Users", sent);
  expect(await call("DELETE", `/Users/${id}`)).toMatchObject({ status: 204 });
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const body = method === "PATCH" ? patch({ op: "remove", path: "title" }) : undefined;
    expect(await call(method, `/Users/${id}`, body)).toMatchObject({ status: 404 });
  }
  expect((await call("GET", "/Users")).body.totalResults).toBe(0);
  const again = await create("/Users", { userName: "bjensen", externalId: "701984" });
  expect(again.id).not.toBe(id);
  expect(again).not.toHaveProperty("title");
  expect((await stored.find({})).resources).toHaveLength(1);
});

test("HEAD is answered as GET is, without the body", async () => {
  const { call, create } = provider(inMemory());
  const { id } = await create("/Users", { userName: "bjensen" });
  for (const path of ["/", "/Users", `/Users/${id}`, "/Schemas", "/ResourceTypes", "/nothing"]) {
    const [get, head] = [await call("GET", path), await call("HEAD", path)];
    expect(head).toMatchObject({ status: get.status, body: undefined });
    expect([...head.headers]).toEqual([...get.headers]);
  }
  expect(await call("HEAD", "/Bulk")).toMatchObject({ status: 405 });
});
