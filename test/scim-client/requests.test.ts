import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { inspect } from "node:util";
import {
  InvalidValueError,
  TooManyError,
  UnavailableError,
  UnsupportedError,
  VersionConflictError,
} from "concordat";
import { userResourceType } from "concordat/scim";
import {
  type ClientRequestEvent,
  clientRequestChannelName,
  ScimClient,
  ScimResponseError,
} from "concordat/scim-client";
import { describe, expect, test } from "vitest";
import { script, user } from "./scripted-provider.js";

const ok = { status: 200, body: user() };
const made = { status: 201, body: user() };

/** The error with which something is rejected. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("what is sent", () => {
  test("has the method, the path, the headers and the body that RFC 7644 has", async () => {
    await using provider = await script([made, ok]);
    const users = provider.client.resources(userResourceType);
    await users.create({ userName: "bjensen", externalId: "701984" });
    await users.patch("a b/c", [{ op: "replace", path: "active", value: false }], {
      ifVersion: 'W/"7"',
    });
    const [creation, change] = provider.received;
    expect(creation).toMatchObject({
      method: "POST",
      target: "/Users",
      headers: {
        accept: "application/scim+json, application/json;q=0.9",
        authorization: "Bearer h480djs93hd8",
        "content-type": "application/scim+json",
      },
      body: '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen","externalId":"701984"}',
    });
    expect(change).toMatchObject({
      method: "PATCH",
      target: "/Users/a%20b%2Fc",
      headers: { "if-match": 'W/"7"' },
      body:
        '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace",' +
        '"path":"active","value":false}]}',
    });
  });

  test("nothing that is the service provider's own is sent back to it but the id", async () => {
    const meta = { resourceType: "User", version: 'W/"1"', location: "https://example.com" };
    const groups = [{ value: "g" }];
    await using provider = await script([{ status: 200, body: user({ meta, groups }) }]);
    const users = provider.client.resources(userResourceType);
    const read = await users.get("2819c223");
    expect(read?.groups).toEqual(groups);
    await users.replace("2819c223", { ...read, userName: "babs" });
    expect(provider.received[1]?.body).toBe(
      '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"babs","id":"2819c223"}',
    );
  });

  test("a version that is no entity-tag is made one, and one that cannot be is refused", async () => {
    await using provider = await script([{ status: 412 }]);
    const users = provider.client.resources(userResourceType);
    await expect(users.delete("1", { ifVersion: "7" })).rejects.toThrow(VersionConflictError);
    expect(provider.received[0]?.headers["if-match"]).toBe('"7"');
    await expect(users.delete("1", { ifVersion: "7\r\nx: y" })).rejects.toThrow(InvalidValueError);
    expect(provider.received).toHaveLength(1);
  });

  test("the version of ETag stands in for one in the body", async () => {
    await using provider = await script([{ ...ok, headers: { etag: 'W/"9"' } }]);
    const read = await provider.client.resources(userResourceType).get("1");
    expect(read?.meta?.version).toBe('W/"9"');
  });
});

describe("a request is sent again", () => {
  test.each([429, 503])("after %i with Retry-After, whatever it is", async (status) => {
    await using provider = await script([{ status, headers: { "retry-after": "0" } }, made]);
    await provider.client.resources(userResourceType).create({ userName: "bjensen" });
    expect(provider.received).toHaveLength(2);
  });

  test("not after a pause that is too long: the caller is told of it", async () => {
    const headers = { "retry-after": "3600" };
    await using provider = await script([{ status: 429, headers }]);
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toMatchObject({ code: "unavailable", retryAfter: 3_600_000, mayBeDone: false });
    expect(provider.received).toHaveLength(1);
  });

  test("a date is held against the clock of the service provider", async () => {
    const headers = {
      date: "Tue, 01 Jan 2030 00:00:00 GMT",
      "retry-after": "Tue, 01 Jan 2030 02:00:00 GMT",
    };
    await using provider = await script([{ status: 503, headers }]);
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toMatchObject({ code: "unavailable", retryAfter: 7_200_000 });
  });

  test.each(["soon", "-1", "1.5", "Tue, 01 Jan 2030", "99999999999"])(
    "Retry-After %s says nothing",
    async (text) => {
      await using provider = await script([{ status: 503, headers: { "retry-after": text } }]);
      const users = provider.client.resources(userResourceType);
      const error = await errorOf(users.create({ userName: "bjensen" }));
      expect(error).toMatchObject({ code: "unavailable", mayBeDone: true });
      expect((error as UnavailableError).retryAfter).toBeUndefined();
      expect(provider.received).toHaveLength(1);
    },
  );

  test.each([502, 503, 504])("a GET after %i, so often and no more", async (status) => {
    await using provider = await script([{ status }]);
    const users = provider.client.resources(userResourceType);
    const error = await errorOf(users.get("1"));
    expect(error).toMatchObject({ code: "unavailable", mayBeDone: false });
    expect(provider.received).toHaveLength(4);
  });

  test("a GET whose connection breaks off", async () => {
    await using provider = await script([
      (response) => response.destroy(),
      (response) => {
        response.writeHead(200, { "content-length": 100, "content-type": "application/json" });
        response.write("{", () => response.destroy());
      },
      ok,
    ]);
    expect(await provider.client.resources(userResourceType).get("1")).toMatchObject(user());
    expect(provider.received).toHaveLength(3);
  });

  test("never a write that may have been done", async () => {
    await using provider = await script([(response) => response.destroy()]);
    const users = provider.client.resources(userResourceType);
    for (const call of [
      users.create({ userName: "bjensen" }),
      users.replace("1", { userName: "bjensen" }),
      users.patch("1", [{ op: "remove", path: "title" }]),
      users.delete("1"),
    ]) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({ mayBeDone: true });
    }
    expect(provider.received.map(({ method }) => method)).toEqual([
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
    ]);
  });

  test("a write as long as no server can have got it", async () => {
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    const seen: ClientRequestEvent[] = [];
    const note = (event: unknown) => seen.push(event as ClientRequestEvent);
    subscribe(clientRequestChannelName, note);
    await using client = new ScimClient({
      baseUrl: `http://127.0.0.1:${port}`,
      allowCleartext: true,
      retry: { attempts: 3, minDelay: 1 },
    });
    const users = client.resources(userResourceType);
    const error = await errorOf(users.create({ userName: "bjensen" }));
    unsubscribe(clientRequestChannelName, note);
    expect(error).toMatchObject({ code: "unavailable", mayBeDone: false });
    expect(seen.map(({ attempt, isSent }) => [attempt, isSent])).toEqual([
      [0, false],
      [1, false],
      [2, false],
    ]);
  });
});

describe("credentials", () => {
  test("are asked for once, and once again by all whose were refused", async () => {
    const asked: (string | undefined)[] = [];
    const authorization = async ({ refused }: { refused?: string }) => {
      asked.push(refused);
      return `Bearer token-${asked.length}`;
    };
    let renewed = false;
    await using provider = await script(
      [
        (response, { headers }) => {
          const isGood = headers.authorization !== "Bearer token-1";
          renewed ||= isGood;
          response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
          response.end(JSON.stringify(user()));
        },
      ],
      { authorization },
    );
    const users = provider.client.resources(userResourceType);
    await Promise.all(["1", "2", "3"].map((id) => users.get(id)));
    await users.get("4");
    expect(renewed).toBe(true);
    expect(asked).toEqual([undefined, "Bearer token-1"]);
  });

  test("are not waited for by a caller that has left", async () => {
    const reason = new Error("The caller has left.");
    const { promise, resolve } = Promise.withResolvers<string>();
    await using provider = await script([ok], { authorization: () => promise });
    const users = provider.client.resources(userResourceType);
    const stop = new AbortController();
    const left = errorOf(users.get("1", { signal: stop.signal }));
    const staying = users.get("1", { signal: new AbortController().signal });
    stop.abort(reason);
    expect(await left).toBe(reason);
    resolve("Bearer late");
    expect(await staying).toMatchObject(user());
    expect(provider.received).toHaveLength(1);
  });

  test("that are refused again are an error", async () => {
    let asked = 0;
    const authorization = () => `Bearer token-${++asked}`;
    await using provider = await script([{ status: 401 }], { authorization });
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toBeInstanceOf(ScimResponseError);
    expect(error).toMatchObject({ status: 401 });
    expect(asked).toBe(2);
    expect(provider.received).toHaveLength(2);
  });

  test("are in no error and on no channel, even where the service provider repeats them", async () => {
    const password = "correct horse battery staple";
    const detail = `Bearer h480djs93hd8, or h480djs93hd8, with ${password}\nis no good`;
    await using provider = await script([{ status: 400, body: { detail } }]);
    const seen: unknown[] = [];
    const note = (event: unknown) => seen.push(event);
    subscribe(clientRequestChannelName, note);
    const users = provider.client.resources(userResourceType);
    const errors = [
      await errorOf(users.create({ userName: "bjensen", password })),
      await errorOf(users.patch("1", [{ op: "replace", path: "password", value: password }])),
      await errorOf(users.patch("1", [{ op: "add", value: { password } }])),
    ];
    unsubscribe(clientRequestChannelName, note);
    for (const error of errors) {
      expect(error).toBeInstanceOf(InvalidValueError);
      const text = inspect(error, { depth: 10 });
      expect(text).toContain("is no good");
      expect(text).not.toMatch(/h480djs93hd8|correct horse/);
    }
    expect(seen).toHaveLength(3);
    expect(inspect(seen, { depth: 10 })).not.toMatch(/h480djs93hd8|correct horse/);
    expect(seen[0]).toMatchObject({ method: "POST", path: "/Users", attempt: 0, status: 400 });
  });

  test("do not travel for all to read unless that is said", () => {
    const open = (options: { baseUrl: string }) => () => new ScimClient(options);
    expect(open({ baseUrl: "http://example.com/v2" })).toThrow(InvalidValueError);
    expect(open({ baseUrl: "https://u:p@example.com/v2" })).toThrow(InvalidValueError);
    expect(open({ baseUrl: "https://example.com/v2?tenant=1" })).toThrow(InvalidValueError);
    expect(open({ baseUrl: "ftp://example.com/v2" })).toThrow(InvalidValueError);
  });
});

describe("an answer is not taken for what it is not", () => {
  test("a redirect is not followed", async () => {
    await using provider = await script([{ status: 302, headers: { location: "/v2/Users/2" } }]);
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toBeInstanceOf(ScimResponseError);
    expect(error).toMatchObject({ status: 302 });
    expect(provider.received).toHaveLength(1);
  });

  test.each([
    ["a page for people", { ...ok, headers: { "content-type": "text/html" } }],
    ["no JSON", { status: 200, body: "{" }],
    ["no object", { status: 200, body: "[]" }],
    ["no user", { status: 200, body: { id: "1" } }],
    [
      "deeper than the limit",
      { status: 200, body: user({ other: JSON.parse("[".repeat(40) + "]".repeat(40)) }) },
    ],
    ["compressed", { ...ok, headers: { "content-encoding": "gzip" } }],
    [
      "in another alphabet",
      { ...ok, headers: { "content-type": "application/json; charset=utf-16" } },
    ],
  ])("%s", async (_, answer) => {
    await using provider = await script([answer]);
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toBeInstanceOf(ScimResponseError);
  });

  test.each([
    ["as it says", (length: number) => ({ "content-length": String(length) })],
    ["as it turns out", () => ({ "transfer-encoding": "chunked" })],
  ])("longer than the limit, %s", async (_, headers) => {
    const body = JSON.stringify(user({ title: "x".repeat(2_000) }));
    await using provider = await script(
      [{ ...ok, body, headers: { "content-type": "application/json", ...headers(body.length) } }],
      { limits: { maxBodyBytes: 1_000 } },
    );
    const users = provider.client.resources(userResourceType);
    const error = await errorOf(users.get("1"));
    expect(error).toBeInstanceOf(TooManyError);
    expect(error).toMatchObject({ limit: 1_000 });
    expect(provider.received).toHaveLength(1);
    const written = await errorOf(users.create({ userName: "bjensen" }));
    expect(written).toMatchObject({ code: "unavailable", mayBeDone: true });
  });

  test("an error of a proxy that knows no SCIM has its status all the same", async () => {
    const headers = { "content-type": "text/html" };
    await using provider = await script([{ status: 403, body: "<h1>Forbidden</h1>", headers }]);
    const error = await errorOf(provider.client.resources(userResourceType).get("1"));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error).toMatchObject({ cause: { status: 403 } });
  });

  test("names are read in any case, and booleans that are text", async () => {
    const body = { SCHEMAS: [], TotalResults: 1, resources: [user({ Active: "False" })] };
    await using provider = await script([{ status: 200, body }]);
    const page = await provider.client.resources(userResourceType).query({});
    expect(page.totalResults).toBe(1);
    expect(page.resources[0]?.active).toBe(false);
  });
});

describe("no call waits longer than it may", () => {
  test("a service provider that says nothing", async () => {
    await using provider = await script([() => {}], {
      limits: { total: 50 },
      retry: { attempts: 1 },
    });
    const users = provider.client.resources(userResourceType);
    expect(await errorOf(users.get("1"))).toMatchObject({ code: "unavailable", mayBeDone: false });
    const written = await errorOf(users.create({ userName: "bjensen" }));
    expect(written).toMatchObject({ code: "unavailable", mayBeDone: true });
  });

  test("a signal ends the wait for an answer, and the pause between two tries", async () => {
    const reason = new Error("The caller has left.");
    const headers = { "retry-after": "2" };
    for (const answer of [() => {}, { status: 429, headers }] as const) {
      await using provider = await script([answer]);
      const stop = new AbortController();
      const call = provider.client
        .resources(userResourceType)
        .create({ userName: "bjensen" }, { signal: stop.signal });
      const rejected = errorOf(call);
      await expect.poll(() => provider.received.length).toBe(1);
      stop.abort(reason);
      expect(await rejected).toBe(reason);
    }
  });
});
