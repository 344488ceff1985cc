import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import {
  applyPatch,
  groupResourceType,
  type PatchOp,
  planPatch,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { vector } from "../vectors/vector.js";
import { baseUrl, inMemory, type Provider, patch, provider } from "./provider.js";

const babsId = "2819c223-7f76-453a-919d-413861904646";

/** A service provider whose resources get these ids, one after the other. */
function withIds(...ids: readonly string[]): Provider {
  const left = [...ids];
  const newId = (): string => left.shift() ?? "none";
  const users = new InMemoryUserRepository({ newId });
  return provider({ users, groups: new InMemoryGroupRepository({ newId }) });
}

test("§3.3 and §3.4.1: a user is created, and read as it was created", async () => {
  const { call } = withIds(babsId);
  const created = await call("POST", "/Users", vector("rfc7644-3.3-creation-request"));
  const { meta, ...printed } = vector("rfc7644-3.3-creation-response");
  expect(created).toMatchObject({ status: 201, body: printed });
  expect(Object.keys(created.body.meta).sort()).toEqual(Object.keys(Object(meta)).sort());
  expect(created.headers.get("location")).toBe(Reflect.get(Object(meta), "location"));
  expect(created.headers.get("etag")).toBe(created.body.meta.version);
  expect((await call("GET", `/Users/${babsId}`)).body).toEqual(created.body);
});

test("§3.4.2: attributes=userName leaves the id, the schemas and the userName", async () => {
  const { call } = withIds(babsId, "c75ad752-64ae-4823-840d-ffa80929976c");
  for (const userName of ["bjensen", "jsmith"]) {
    const sent = vector("rfc7644-3.3-creation-request");
    await call("POST", "/Users", { ...sent, userName });
  }
  const { body } = await call("GET", "/Users?attributes=userName");
  const printed = vector<{ readonly Resources: readonly object[] }>("rfc7644-3.4.2-list-response");
  const { schemas, Resources, ...counts } = printed as typeof printed & { schemas: unknown };
  expect(body).toMatchObject({ ...counts, schemas });
  // The RFC prints them without "schemas", which are always returned (RFC 7643 §3).
  const ofUser = { schemas: [userResourceType.schema.id] };
  expect(body.Resources).toEqual(Resources.map((resource) => ({ ...ofUser, ...resource })));
});

test("§3.5.1: a user is replaced", async () => {
  const { call } = withIds(babsId);
  const created = await call("POST", "/Users", vector("rfc7644-3.3-creation-request"));
  const replaced = await call(
    "PUT",
    `/Users/${babsId}`,
    vector("rfc7644-3.5.1-replacement-request"),
    { "if-match": created.body.meta.version },
  );
  const { meta: _, ...printed } = vector("rfc7644-3.5.1-replacement-response");
  const { meta, ...body } = replaced.body;
  expect({ status: replaced.status, body }).toEqual({ status: 200, body: printed });
  expect(meta.location).toBe(`${baseUrl}/Users/${babsId}`);
  expect(replaced.headers.get("etag")).toBe(meta.version);
  expect(meta.version).not.toBe(created.body.meta.version);
});

describe("§3.5.2: the request is answered, and what it says is stored", () => {
  const work = { type: "work", streetAddress: "100 Universal City Plaza", primary: false };
  const home = { type: "home", streetAddress: "456 Hollywood Blvd", primary: true };
  const user = {
    nickName: "Barbie",
    emails: [
      { value: "bjensen@example.com", type: "work" },
      { value: "bjensen@example.org", type: "work" },
    ],
    addresses: [work, home],
  };

  test.each([
    "rfc7644-3.5.2.1-add-attributes",
    "rfc7644-3.5.2.2-remove-email",
    "rfc7644-3.5.2.3-replace-address",
    "rfc7644-3.5.2.3-replace-street-address",
    "rfc7644-3.5.2.3-replace-attributes",
  ])("%s", async (name) => {
    const { call, create } = withIds(babsId);
    const before = await create("/Users", { userName: "bjensen", ...user });
    const request = vector(name);
    const expected = applyPatch(planPatch(userResourceType, request), before);
    const answered = await call("PATCH", `/Users/${babsId}`, request);
    const { meta: _, ...body } = answered.body;
    const { meta: __, ...after } = expected;
    expect({ status: answered.status, body }).toEqual({ status: 200, body: after });
    expect(after).not.toEqual({ ...before, meta: undefined });
  });

  test.each([
    "rfc7644-3.5.2-add-member",
    "rfc7644-3.5.2.1-add-member",
    "rfc7644-3.5.2.2-remove-member",
    "rfc7644-3.5.2.2-remove-members",
    "rfc7644-3.5.2.2-remove-and-add-member",
    "rfc7644-3.5.2.2-replace-members",
    "rfc7644-3.5.2.3-replace-members",
  ])("%s", async (name) => {
    // The RFC shortens ids with dots; here they are ids as they stand.
    const request = vector<Record<string, unknown> & PatchOp>(name);
    const printed = [
      ...JSON.stringify(request).matchAll(/(?:value\\?": ?|eq )\\?"([0-9a-f.-]+)\\?"/g),
    ];
    const ids = [...new Set(["902c246b", ...printed.map(([, id]) => id ?? "")])];
    const valuesOf = (group: { readonly members?: readonly { value?: string }[] }): Set<unknown> =>
      new Set((group.members ?? []).map(({ value }) => value));
    for (const present of [["902c246b"], ids]) {
      const { call, create, users } = withIds(...ids, "acbf3ae7");
      for (const id of ids) expect((await users.create({ userName: id })).id).toBe(id);
      const members = present.map((value) => ({ value }));
      const before = await create("/Groups", { displayName: "Tour Guides", members });
      expect(before.members).toHaveLength(present.length);
      expect((await call("PATCH", "/Groups/acbf3ae7", request)).status).toBe(204);
      const expected = applyPatch(planPatch(groupResourceType, request), before);
      expect(valuesOf((await call("GET", "/Groups/acbf3ae7")).body)).toEqual(valuesOf(expected));
    }
  });
});

test("§3.6 and §3.12: what was deleted is not found, and its name is free", async () => {
  const { call, create } = provider(inMemory());
  const { id, meta } = await create("/Users", { userName: "bjensen" });
  const deleted = await call("DELETE", `/Users/${id}`, undefined, { "if-match": meta.version });
  expect(deleted).toMatchObject({ status: 204, body: undefined });
  expect(await call("GET", `/Users/${id}`)).toMatchObject({
    status: 404,
    body: {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
      detail: expect.stringContaining(id),
      status: "404",
    },
  });
  await create("/Users", { userName: "bjensen" });
});

test("§3.9: attributes=userName of one user", async () => {
  const { call } = withIds(babsId);
  await call("POST", "/Users", vector("rfc7644-3.3-creation-request"));
  const read = await call("GET", `/Users/${babsId}?attributes=userName`);
  expect(read.body).toEqual(vector("rfc7644-3.9-projection"));
  expect(read.headers.get("location")).toBe(`${baseUrl}/Users/${babsId}`);
  expect(read.headers.get("etag")).toMatch(/^W\//);
});

test("§3.12: a change of what is readOnly is refused with mutability", async () => {
  const { call, create } = provider(inMemory());
  const { id } = await create("/Users", { userName: "bjensen" });
  expect(
    await call("PATCH", `/Users/${id}`, patch({ op: "replace", path: "id", value: "x" })),
  ).toMatchObject({ status: 400, body: { scimType: "mutability", status: "400" } });
});

test("§3.14: a user that has not changed is not sent again", async () => {
  const { call } = withIds(babsId);
  const created = await call("POST", "/Users", vector("rfc7644-3.3-creation-request"));
  const path = `/Users/${babsId}?attributes=displayName`;
  const known = { "if-none-match": created.body.meta.version };
  expect(await call("GET", path, undefined, known)).toMatchObject({ status: 304, body: undefined });
});
