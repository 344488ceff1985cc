import { randomUUID } from "node:crypto";
import { lenientProfile, rfc7644Profile, searchRequestId } from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import {
  type Answer,
  baseUrl,
  groupId,
  inMemory,
  kinds,
  patch,
  provider,
  userId,
} from "./provider.js";

const runs = Number(process.env["CONCORDAT_RUNS"] ?? 150);

/** Names that mean something somewhere, and some that would if an object's prototype were looked at. */
const names = fc.constantFrom(
  ...["schemas", "Operations", "op", "path", "value", "id", "userName", "USERNAME", "members"],
  ...[
    "displayName",
    "emails",
    "name",
    "active",
    "password",
    "meta",
    "externalId",
    "filter",
    "count",
  ],
  ...["startIndex", "cursor", "sortBy", "attributes", "method", "bulkId", "data", "failOnErrors"],
  ...["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "manager", "$ref", "type"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"],
);
const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    ...[userId, groupId, bulkRequestId, searchRequestId, "add", "Replace", "remove", "POST"],
    ...["urn:ietf:params:scim:api:messages:2.0:PatchOp", "/Users", "/Groups/x", "bulkId:x", "x"],
    ...['emails[type eq "work"].value', "members", "name.givenName", "True", "", "__proto__.x"],
    ...['userName eq "x"', "((((", "not (userName pr)", "descending", "\u0000", "\ud800"],
  ),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthSize: "medium" },
    texts,
    fc.boolean(),
    fc.integer({ min: -2, max: 5 }),
    fc.double(),
    fc.constant(null),
    fc.array(tie("json"), { maxLength: 4 }),
    fc
      .array(fc.tuple(names, tie("json")), { maxLength: 6 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));
/** Bodies that have the right schemas, so that what is read after these is reached. */
const messages = fc.oneof(
  json,
  fc
    .tuple(
      fc.constantFrom(
        [userId],
        [groupId],
        ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        [searchRequestId],
        [bulkRequestId],
      ),
      json,
      fc.array(fc.dictionary(names, json, { maxKeys: 4 }), { maxLength: 4 }),
    )
    .map(([schemas, other, Operations]) => ({ ...Object(other), schemas, Operations })),
);
/** Messages of which every part is nearly right. */
const patches = fc
  .array(
    fc.record({
      op: fc.constantFrom("add", "remove", "replace", "Add"),
      path: fc.oneof(texts, names, fc.constantFrom("emails[value pr]", 'members[value eq "x"]')),
      value: json,
    }),
    { maxLength: 4 },
  )
  .map((operations) => patch(...operations));
const resources = fc
  .tuple(fc.constantFrom(userId, groupId), fc.dictionary(names, json, { maxKeys: 5 }))
  .map(([schema, attributes]) => ({
    userName: "babs",
    displayName: "Guides",
    ...attributes,
    schemas: [schema],
  }));
const bulks = fc
  .array(
    fc.record(
      {
        method: fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
        path: fc.constantFrom(
          "/Users",
          "/Groups",
          "/Users/EXISTING",
          "/Users/bulkId:x",
          "/Bulk",
          "/",
        ),
        bulkId: fc.constantFrom("x", "y"),
        version: texts,
        data: fc.oneof(resources, patches, json),
      },
      { requiredKeys: ["method", "path", "data"] },
    ),
    { maxLength: 4 },
  )
  .map((Operations) => ({ schemas: [bulkRequestId], Operations }));
const paths = fc.constantFrom(
  ...["/Users", "/Groups", "/Users/x", "/Groups/x", "/.search", "/Users/.search", "/Bulk", "/Me"],
  ...["/", "/Schemas", "/ResourceTypes/User", "/ServiceProviderConfig", "/Users/EXISTING"],
  ...["/__proto__", "/constructor", "/Users/__proto__", "/%", "/Users/%00", "/Users/a/b"],
);
const bodies = fc.oneof(messages, patches, resources, bulks);
const queries = fc.dictionary(
  fc.constantFrom(
    ...["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes"],
    ...["excludedAttributes", "__proto__"],
  ),
  fc.oneof(texts, fc.integer().map(String)),
  { maxKeys: 3 },
);

/** What every answer is, whatever was asked. */
function assertScim({ status, headers, body }: Answer): void {
  if (status !== 501) expect(status).toBeLessThan(500);
  if (body === undefined) {
    expect([204, 304]).toContain(status);
    return;
  }
  expect(headers.get("content-type")).toBe("application/scim+json");
  expect(body.schemas).toBeInstanceOf(Array);
  if (status >= 400) {
    expect(body.schemas).toEqual(["urn:ietf:params:scim:api:messages:2.0:Error"]);
    expect(body.status).toBe(String(status));
  }
}

describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test.each([rfc7644Profile, lenientProfile])(
    "whatever JSON comes to whichever endpoint ($name), the answer is SCIM, and no failure",
    async (profile) => {
      await using stores = await open();
      const existing = { id: "" };
      const { call, create } = provider(stores, {
        profile,
        mayWrite: () => true,
        me: () => existing.id,
        policy: { before: () => {} },
      });
      const assertAnswered = async (
        method: string,
        path: string,
        body?: unknown,
      ): Promise<void> => {
        if ((await stores.users.get(existing.id)) === undefined) {
          const emails = [{ value: "x" }];
          existing.id = (await create("/Users", { userName: randomUUID(), emails })).id;
          const members = [{ value: existing.id }];
          await create("/Groups", { displayName: "Guides", members });
        }
        const sent = JSON.stringify(body)?.replaceAll("EXISTING", existing.id);
        assertScim(await call(method, path.replace("EXISTING", existing.id), sent));
      };
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
          paths,
          queries,
          bodies,
          async (method, path, query, body) => {
            const at = `${path}?${new URLSearchParams(query)}`;
            await assertAnswered(method, at, method === "GET" ? undefined : body);
          },
        ),
        { numRuns: runs * 4 },
      );
      await fc.assert(
        fc.asyncProperty(bulks, (body) => assertAnswered("POST", "/Bulk", body)),
        { numRuns: runs },
      );
      await fc.assert(
        fc.asyncProperty(patches, (body) => assertAnswered("PATCH", "/Users/EXISTING", body)),
        { numRuns: runs },
      );
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );
});

test.each([
  ["text that is not JSON", "{", "application/scim+json", 400],
  ["nothing", "", "application/scim+json", 400],
  ["a deep nest", `${"[".repeat(100_000)}`, "application/scim+json", 400],
  [
    "a nest within the limit of bytes",
    `{"schemas":["${userId}"],"userName":"x","unknown":${"[".repeat(32)}${"]".repeat(32)}}`,
    "application/json",
    400,
  ],
  ["another type", "userName=x", "application/x-www-form-urlencoded", 415],
  ["another character set", "{}", "application/scim+json; charset=iso-8859-1", 415],
  [
    "brackets in a text",
    JSON.stringify({ schemas: [userId], userName: `"${"[".repeat(99)}` }),
    "application/scim+json; charset=UTF-8",
    201,
  ],
])("a body of %s", async (_, body, type, status) => {
  const { call } = provider(inMemory());
  const answer = await call("POST", "/Users", body, { "content-type": type });
  expect(answer.status).toBe(status);
  assertScim(answer);
});

test("bytes that are not UTF-8 are refused", async () => {
  const { handler } = provider(inMemory(), { authenticate: () => ({ id: "client" }) });
  const body = new Uint8Array([0x7b, 0xff, 0x7d]);
  const response = await handler(new Request(`${baseUrl}/Users`, { method: "POST", body }));
  expect(response.status).toBe(400);
});

test("a body is read no further than the limit, whatever it says of its length", async () => {
  const { handler } = provider(inMemory(), {
    authenticate: () => ({ id: "client" }),
    limits: { maxBodyBytes: 1_000 },
  });
  let read = 0;
  const endless = new ReadableStream({
    pull(controller) {
      read += 100;
      controller.enqueue(new Uint8Array(100).fill(0x20));
    },
  });
  const request = new Request(`${baseUrl}/Users`, {
    method: "POST",
    body: endless,
    duplex: "half",
  });
  const response = await handler(request);
  expect(response.status).toBe(413);
  expect(read).toBeLessThan(2_000);
});

test("more than the limits allow is refused before it is done", async () => {
  const { call, create } = provider(inMemory(), { limits: { values: 2, patchOperations: 2 } });
  const group = await create("/Groups", { displayName: "Guides" });
  const ids: string[] = [];
  for (const userName of ["a", "b", "c"]) ids.push((await create("/Users", { userName })).id);
  const members = ids.map((value) => ({ value }));
  const add = { op: "add", path: "members", value: members };
  expect(await call("PATCH", `/Groups/${group.id}`, patch(add))).toMatchObject({ status: 400 });
  const title = { op: "add", path: "displayName", value: "x" };
  expect(await call("PATCH", `/Groups/${group.id}`, patch(title, title, title))).toMatchObject({
    status: 413,
  });
  expect((await call("GET", `/Groups/${group.id}`)).body).toEqual(group);
});

test("a PATCH that would go through a long list again and again is refused, and changes nothing", async () => {
  const { call, create } = provider(inMemory(), { limits: { patchComparisons: 79 } });
  const emails = Array.from({ length: 50 }, (_, at) => ({ value: `${at}@example.com` }));
  const user = await create("/Users", { userName: "a", emails });
  const removal = (at: number) => ({ op: "remove", path: `emails[value co "${at}@"]` });
  const at = `/Users/${user.id}`;
  expect(await call("PATCH", at, patch(removal(1), removal(2), removal(3)))).toMatchObject({
    status: 413,
  });
  expect((await call("GET", at)).body).toEqual(user);
  expect(await call("PATCH", at, patch(removal(49), removal(48)))).toMatchObject({ status: 200 });
});

test("an id is an id, whatever is in it", async () => {
  const { call, create } = provider(inMemory());
  await create("/Users", { userName: "bjensen" });
  for (const id of ['zz" or userName pr or id eq "zz', "..", ".", "a/b", "%2e%2e", "é", "\u0000"]) {
    const answer = await call("GET", `/Users/${encodeURIComponent(id)}`);
    expect([200, 404]).toContain(answer.status);
    if (answer.status === 200) expect(id).toMatch(/^\.+$/);
  }
  const injected = `/Users?filter=${encodeURIComponent('id eq "zz\\" or userName pr or id eq \\"zz"')}`;
  expect((await call("GET", injected)).body.totalResults).toBe(0);
});

test("what a request says of the host is in no answer", async () => {
  const { handler } = provider(inMemory(), { authenticate: () => ({ id: "client" }) });
  const request = new Request("https://evil.example.com/v2/Users", {
    method: "POST",
    headers: {
      host: "evil.example.com",
      "x-forwarded-host": "evil.example.com",
      "content-type": "application/scim+json",
    },
    body: JSON.stringify({ schemas: [userId], userName: "bjensen" }),
  });
  const response = await handler(request);
  const body = await response.text();
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toMatch(/^https:\/\/example\.com\/v2\/Users\//);
  expect(body).not.toContain("evil");
});
