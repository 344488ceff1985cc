import { InMemoryUserRepository } from "concordat/repositories";
import { userSchema } from "concordat/scim";
import { expect, test } from "vitest";
import { schemaDocument } from "../../src/scim/internal.js";
import { baseUrl, enterpriseUserId, groupId, inMemory, provider, userId } from "./provider.js";

test("ServiceProviderConfig tells what the stores and the limits are", async () => {
  const { call } = provider(inMemory(), {
    limits: { maxBodyBytes: 5_000, bulkOperations: 7, pageSize: 50, defaultPageSize: 80 },
    cursors: { timeout: 60 },
    documentationUri: "https://example.com/help",
  });
  const answer = await call("GET", "/ServiceProviderConfig");
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    documentationUri: "https://example.com/help",
    patch: { supported: true },
    bulk: { supported: true, maxOperations: 7, maxPayloadSize: 5_000 },
    filter: { supported: true, maxResults: 50 },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "OAuth Bearer Token",
        description: "A bearer token in the Authorization header",
        specUri: "https://www.rfc-editor.org/info/rfc6750",
        primary: true,
      },
    ],
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: "index",
      defaultPageSize: 50,
      maxPageSize: 50,
      cursorTimeout: 60,
    },
    meta: {
      resourceType: "ServiceProviderConfig",
      location: `${baseUrl}/ServiceProviderConfig`,
    },
  });
});

test("changing passwords is told where the store can and the principal may", async () => {
  const users = new InMemoryUserRepository({ setPassword: async () => {} });
  const { call } = provider({ ...inMemory(), users }, { mayWrite: () => true });
  expect((await call("GET", "/ServiceProviderConfig")).body.changePassword).toEqual({
    supported: true,
  });
});

test("resource types and schemas are listed, and found by their ids", async () => {
  const { call } = provider(inMemory());
  const types = await call("GET", "/ResourceTypes");
  expect(types.body).toMatchObject({
    totalResults: 2,
    Resources: [
      {
        id: "User",
        endpoint: "/Users",
        schema: userId,
        schemaExtensions: [{ schema: enterpriseUserId, required: false }],
        meta: { resourceType: "ResourceType", location: `${baseUrl}/ResourceTypes/User` },
      },
      { id: "Group", endpoint: "/Groups", schema: groupId },
    ],
  });
  expect((await call("GET", "/ResourceTypes/User")).body).toEqual(types.body.Resources[0]);

  const schemas = await call("GET", "/Schemas");
  const ids = schemas.body.Resources.map(({ id }: { id: string }) => id);
  expect(ids).toEqual([userId, enterpriseUserId, groupId]);
  // Of a client that may write everything to a store that takes passwords, it is what the schema says.
  const users = new InMemoryUserRepository({ setPassword: async () => {} });
  const all = provider({ ...inMemory(), users }, { mayWrite: () => true });
  const { meta, ...user } = (await all.call("GET", `/Schemas/${userId}`)).body;
  const { meta: _, ...expected } = schemaDocument(userSchema);
  expect(user).toEqual(expected);
  expect(meta).toEqual({ resourceType: "Schema", location: `${baseUrl}/Schemas/${userId}` });
  expect(await call("GET", "/Schemas/urn:none")).toMatchObject({ status: 404 });
});

test("what cannot be filtered says so, and what is read only has no other methods", async () => {
  const { call } = provider(inMemory());
  for (const path of ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"]) {
    expect(await call("GET", `${path}?filter=id%20eq%20%22User%22`)).toMatchObject({
      status: 403,
      body: { status: "403" },
    });
    const refused = await call("POST", path, {});
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD");
  }
});

test("discovery documents are sent without authentication if the host says so, and nothing else is", async () => {
  const made = provider(inMemory(), { discoveryPrincipal: { id: "anybody" } });
  const asks = async (path: string, authorization: string): Promise<number> =>
    (await made.call("GET", path, undefined, { authorization })).status;
  for (const authorization of ["", "Bearer of no good tidings"]) {
    for (const path of ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User"]) {
      expect(await asks(path, authorization)).toBe(200);
      expect(
        await provider(inMemory()).call("GET", path, undefined, { authorization }),
      ).toMatchObject({ status: 401 });
    }
    for (const path of ["/Users", "/", "/Me", "/schemas", "/Nothing"]) {
      expect(await asks(path, authorization)).toBe(401);
    }
  }
});

test("a type without a store does not exist", async () => {
  const { users } = inMemory();
  const { call } = provider({ ...inMemory() }, { repositories: () => ({ users }) });
  expect((await call("GET", "/ResourceTypes")).body.totalResults).toBe(1);
  expect(await call("GET", "/Groups")).toMatchObject({ status: 404 });
});
