import { bearerTokens, createScimServer, type Principal } from "concordat/scim-server";
import { beforeEach, describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import {
  type Answer,
  answerOf,
  baseUrl,
  groupId,
  inMemory,
  patch,
  sha256,
  userId,
} from "./provider.js";

const errors = {
  notFound: { status: 404 },
  invalidValue: { status: 400, body: { scimType: "invalidValue" } },
};

interface Tenant extends Principal {
  readonly stores: ReturnType<typeof inMemory>;
}

let time = Date.UTC(2026, 10, 22);
let call: (tenant: "one" | "two", method: string, path: string, body?: unknown) => Promise<Answer>;
let create: (tenant: "one" | "two", path: string, attributes: object) => Promise<string>;

beforeEach(() => {
  const tokens = ["one", "two"].map((id) => ({
    sha256: sha256(`${id}-token`),
    principal: { id, stores: inMemory() },
  }));
  const handler = createScimServer<Tenant>({
    baseUrl,
    authenticate: bearerTokens(tokens),
    repositories: ({ stores }) => stores,
    now: () => time,
  });
  call = async (tenant, method, path, body) => {
    const request = new Request(`${baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tenant}-token`,
        "content-type": "application/scim+json",
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return await answerOf(await handler(request));
  };
  create = async (tenant, path, attributes) => {
    const schemas = [path === "/Groups" ? groupId : userId];
    const { status, body } = await call(tenant, "POST", path, { schemas, ...attributes });
    expect(status).toBe(201);
    return body.id;
  };
});

describe("a tenant", () => {
  test("cannot read, change or list what is another's", async () => {
    const id = await create("one", "/Users", { userName: "bjensen" });
    const change = patch({ op: "add", path: "title", value: "x" });
    expect(await call("two", "GET", `/Users/${id}`)).toMatchObject(errors.notFound);
    expect(await call("two", "PATCH", `/Users/${id}`, change)).toMatchObject(errors.notFound);
    const replacement = { schemas: [userId], userName: "x" };
    expect(await call("two", "PUT", `/Users/${id}`, replacement)).toMatchObject(errors.notFound);
    expect(await call("two", "DELETE", `/Users/${id}`)).toMatchObject(errors.notFound);
    for (const path of ["/Users", "/", `/Users?filter=${encodeURIComponent(`id eq "${id}"`)}`]) {
      expect((await call("two", "GET", path)).body.totalResults).toBe(0);
    }
    const bulk = {
      schemas: [bulkRequestId],
      Operations: [{ method: "DELETE", path: `/Users/${id}` }],
    };
    expect((await call("two", "POST", "/Bulk", bulk)).body.Operations[0].status).toBe("404");
    expect(await call("one", "GET", `/Users/${id}`)).toMatchObject({ status: 200 });
  });

  test("may have the names that another has", async () => {
    await create("one", "/Users", { userName: "bjensen" });
    await create("two", "/Users", { userName: "bjensen" });
  });

  test("cannot refer to what is another's", async () => {
    const id = await create("one", "/Users", { userName: "bjensen" });
    const group = await create("two", "/Groups", { displayName: "Guides" });
    const members = [{ value: id }];
    expect(
      await call("two", "POST", "/Groups", { schemas: [groupId], displayName: "x", members }),
    ).toMatchObject(errors.invalidValue);
    const change = patch({ op: "add", path: "members", value: members });
    expect(await call("two", "PATCH", `/Groups/${group}`, change)).toMatchObject(
      errors.invalidValue,
    );
  });

  test("is answered its own when both ask at once", async () => {
    const ids = {
      one: await create("one", "/Users", { userName: "one" }),
      two: await create("two", "/Users", { userName: "two" }),
    };
    const tenants = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? "one" : "two"));
    const answers = await Promise.all(tenants.map((tenant) => call(tenant, "GET", "/Users")));
    for (const [n, tenant] of tenants.entries()) {
      expect(answers[n]?.body.Resources).toMatchObject([
        {
          id: ids[tenant],
          userName: tenant,
          meta: { location: `${baseUrl}/Users/${ids[tenant]}` },
        },
      ]);
    }
  });
});

describe("a cursor", () => {
  async function firstPage(query = ""): Promise<string> {
    const { body } = await call("one", "GET", `/Users?count=1&cursor=${query}`);
    expect(body.nextCursor).toBeTypeOf("string");
    return body.nextCursor;
  }

  beforeEach(async () => {
    for (const tenant of ["one", "two"] as const) {
      for (const userName of ["a", "b", "c"]) await create(tenant, "/Users", { userName });
    }
  });

  const refused = (scimType: string): object => ({ status: 400, body: { scimType } });

  test("is good for who got it", async () => {
    const path = `/Users?count=1&cursor=${await firstPage()}`;
    expect(await call("one", "GET", path)).toMatchObject({ status: 200 });
    expect(await call("two", "GET", path)).toMatchObject(refused("invalidCursor"));
  });

  test("is good for the same query", async () => {
    const cursor = await firstPage();
    for (const other of [
      `/Users?count=1&sortBy=userName&cursor=${cursor}`,
      `/Users?count=1&filter=${encodeURIComponent("userName pr")}&cursor=${cursor}`,
      `/Groups?count=1&cursor=${cursor}`,
    ]) {
      expect(await call("one", "GET", other)).toMatchObject(refused("invalidCursor"));
    }
    expect(await call("one", "GET", `/Users?count=2&cursor=${cursor}`)).toMatchObject(
      refused("invalidCount"),
    );
  });

  test("cannot be made, read or changed", async () => {
    const cursor = await firstPage();
    const bytes = Buffer.from(cursor, "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      const path = `/Users?count=1&cursor=${changed.toString("base64url")}`;
      expect(await call("one", "GET", path)).toMatchObject(refused("invalidCursor"));
    }
    const inner = Buffer.from(JSON.stringify(["after", "", null, "0"])).toString("base64url");
    for (const forged of [inner, "x", cursor.slice(0, -1), cursor.slice(0, 30), "%00", "💥"]) {
      const path = `/Users?count=1&cursor=${encodeURIComponent(forged)}`;
      expect(await call("one", "GET", path)).toMatchObject(refused("invalidCursor"));
    }
    expect(bytes.toString("latin1")).not.toContain("after");
  });

  test("ends after its time", async () => {
    const path = `/Users?count=1&cursor=${await firstPage()}`;
    time += 3_600_000;
    expect(await call("one", "GET", path)).toMatchObject({ status: 200 });
    time += 1;
    expect(await call("one", "GET", path)).toMatchObject(refused("expiredCursor"));
  });

  test("outlives the process where the key does", async () => {
    const key = new Uint8Array(32).fill(7);
    const stores = inMemory();
    for (const userName of ["a", "b"]) await stores.users.create({ userName });
    const answers = async (cursor: string, secret: Uint8Array): Promise<Answer> => {
      const handler = createScimServer({
        baseUrl,
        authenticate: () => ({ id: "client" }),
        repositories: () => stores,
        cursors: { key: secret },
      });
      return await answerOf(
        await handler(new Request(`${baseUrl}/Users?count=1&cursor=${cursor}`)),
      );
    };
    const { nextCursor } = (await answers("", key)).body;
    expect(await answers(nextCursor, key)).toMatchObject({ status: 200 });
    const other = new Uint8Array(32).fill(8);
    expect(await answers(nextCursor, other)).toMatchObject(refused("invalidCursor"));
  });
});
