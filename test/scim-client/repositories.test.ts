import {
  InvalidValueError,
  NotFoundError,
  UnavailableError,
  UniquenessError,
  UnsupportedError,
} from "concordat";
import { isRefusal } from "concordat/repositories";
import { bindFilter, eq, groupSchema, userResourceType, userSchema } from "concordat/scim";
import { remoteRepositories, type ServiceProviderConfig } from "concordat/scim-client";
import { describe, expect, test } from "vitest";
import { startProvider } from "./running-provider.js";
import { type Scripted, script, user } from "./scripted-provider.js";

const types = {
  status: 200,
  body: {
    totalResults: 2,
    Resources: [
      { name: "User", endpoint: "/Users", schema: userSchema.id },
      { name: "Group", endpoint: "/Groups", schema: groupSchema.id },
    ],
  },
};

const able: ServiceProviderConfig = {
  patch: { supported: true },
  filter: { supported: true, maxResults: 50 },
};

/** Repositories over a service provider that answers as it is told. */
async function scripted(answers: readonly Scripted[], configuration = able) {
  const provider = await script([types, ...answers], { configuration, retry: { attempts: 1 } });
  const repositories = await remoteRepositories(provider.client);
  const { groups } = repositories;
  if (groups === undefined) throw new Error("The service provider has no groups.");
  return {
    users: repositories.users,
    groups,
    /** What has come after the discovery. */
    received: () =>
      provider.received.slice(1).map(({ method, target, body }) => {
        const operations = body === "" ? undefined : JSON.parse(body).Operations;
        return operations === undefined ? [method, target] : [method, target, operations];
      }),
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}

const refused = (scimType: string): Scripted => ({
  status: 400,
  body: { status: "400", scimType, detail: "No." },
});

describe("what a service provider says that it can do", () => {
  test("is what its repositories can", async () => {
    await using provider = await startProvider();
    const { users, groups } = await remoteRepositories(provider.client);
    expect(provider.requests).toEqual(["GET /ServiceProviderConfig", "GET /ResourceTypes"]);
    for (const repository of [users, groups]) {
      expect(repository?.capabilities).toMatchObject({
        logic: ["and", "or", "not"],
        pages: ["index", "cursor"],
        maxPageSize: 1_000,
        versions: "atomic",
        delete: "hard",
        rename: true,
        sessions: false,
      });
    }
    expect(users.capabilities.filter["userName"]).toContain("eq");
    expect(users.capabilities.filter["emails"]).toContain("valuePath");
    expect(users.capabilities.filter).not.toHaveProperty("password");
    expect(users.capabilities.sort).toContain("name.familyName");
  });

  test("a service provider of users alone has no groups", async () => {
    const body = { totalResults: 1, Resources: [types.body.Resources[0]] };
    await using provider = await script([{ status: 200, body }], { configuration: able });
    expect(await remoteRepositories(provider.client)).not.toHaveProperty("groups");
  });

  test("one that does not say which types it has is taken to have groups", async () => {
    await using provider = await script([{ status: 404 }], { configuration: able });
    expect(await remoteRepositories(provider.client)).toHaveProperty("groups");
  });

  test("is respected: there is no filter, no order, no page by cursor where it has none", async () => {
    await using remote = await scripted([], {});
    const { users } = remote;
    const filter = bindFilter(eq("userName", "ann"), userResourceType);
    await expect(users.find({ filter })).rejects.toThrow(UnsupportedError);
    await expect(users.find({ cursor: "" })).rejects.toThrow(UnsupportedError);
    expect(users.setPassword).toBeUndefined();
    expect(remote.received()).toEqual([]);
  });

  test("one that does not say must be told of", async () => {
    await using provider = await script([{ status: 404 }]);
    await expect(remoteRepositories(provider.client)).rejects.toThrow(UnsupportedError);
  });

  test("its types of resources and its schemas can be read", async () => {
    await using provider = await startProvider();
    expect(await provider.client.resourceTypes()).toMatchObject([
      {
        name: "User",
        endpoint: "/Users",
        schema: userSchema.id,
        schemaExtensions: [{ required: false }],
      },
      { name: "Group", endpoint: "/Groups", schemaExtensions: [] },
    ]);
    const schemas = await provider.client.schemas();
    expect(schemas.map(({ name }) => name)).toEqual(["User", "EnterpriseUser", "Group"]);
    expect(schemas[0]?.attributes.get("username")?.uniqueness).toBe("server");
  });
});

describe("an answer is held against the question", () => {
  test("a filter that the service provider ignores finds nobody", async () => {
    const body = { totalResults: 1, Resources: [user({ userName: "somebody" })] };
    await using remote = await scripted([{ status: 200, body }]);
    const filter = bindFilter(eq("userName", "ann"), userResourceType);
    await expect(remote.users.find({ filter })).rejects.toThrow(UnsupportedError);
  });

  test("a page has no more than was asked for, and no members", async () => {
    const members = [{ value: "1" }];
    const Resources = ["1", "2", "3"].map((id) => ({ id, displayName: id, members }));
    await using remote = await scripted([{ status: 200, body: { totalResults: 3, Resources } }]);
    const page = await remote.groups.find({ count: 2 });
    expect(page.resources.map(({ id, members }) => [id, members])).toEqual([
      ["1", undefined],
      ["2", undefined],
    ]);
    expect(remote.received()).toEqual([
      ["GET", "/Groups?startIndex=1&count=2&excludedAttributes=members"],
    ]);
  });
});

describe("an error says whether it makes sense to try again", () => {
  test.each([
    [{ status: 400 }, InvalidValueError],
    [{ status: 422 }, InvalidValueError],
    [refused("invalidPath"), UnsupportedError],
    [refused("invalidSyntax"), UnsupportedError],
    [{ status: 403 }, UnsupportedError],
    [{ status: 501 }, UnsupportedError],
    [{ status: 404 }, NotFoundError],
  ])("%o does not", async (answer, kind) => {
    await using remote = await scripted([answer]);
    const error = await remote.users.modify("u", { set: { title: "x" } }).catch((reason) => reason);
    expect(error).toBeInstanceOf(kind);
    expect(isRefusal(error)).toBe(true);
  });

  test.each([401, 402, 500, 502, 503, 504])("%i does", async (status) => {
    await using remote = await scripted([{ status }]);
    const error = await remote.users.modify("u", { set: { title: "x" } }).catch((reason) => reason);
    expect(isRefusal(error)).toBe(false);
  });

  test("a name that is taken: by whom, where that can be looked up", async () => {
    const holder = { totalResults: 1, Resources: [user({ userName: "ANN" })] };
    await using known = await scripted([{ status: 409 }, { status: 200, body: holder }]);
    const named = await known.users.create({ userName: "ann" }).catch((reason) => reason);
    expect(named).toBeInstanceOf(UniquenessError);
    expect(named).toMatchObject({ attribute: "userName", resourceId: "2819c223" });

    await using unknown = await scripted([{ status: 409 }, { status: 500 }]);
    const alone = await unknown.groups.create({ displayName: "staff" }).catch((reason) => reason);
    expect(alone).toBeInstanceOf(UniquenessError);
    expect(alone).toMatchObject({ attribute: "displayName" });
  });
});

describe("many writes", () => {
  test("are bulk requests, in which no resource comes twice", async () => {
    await using provider = await startProvider();
    const { users } = await remoteRepositories(provider.client);
    const taken = await users.create({ userName: "taken" });
    provider.requests.length = 0;
    const results = await users.write([
      { kind: "create", resource: { userName: "ann" } },
      { kind: "create", resource: { userName: "TAKEN" } },
      { kind: "modify", id: taken.id, modification: { set: { title: "Guide" } } },
      { kind: "modify", id: taken.id, modification: { set: { title: "Head" } } },
      { kind: "delete", id: "nobody" },
    ]);
    expect(results.map(({ written }) => written)).toEqual([true, false, true, true, false]);
    expect(results[1]).toMatchObject({ error: { attribute: "userName", resourceId: taken.id } });
    expect(results[4]).toMatchObject({ error: { code: "not_found", id: "nobody" } });
    expect((await provider.users.get(taken.id))?.title).toBe("Head");
    // Two about one user are in two rounds, of which the second has nothing to put together.
    expect(provider.requests.filter((request) => request.startsWith("POST"))).toEqual([
      "POST /Bulk",
    ]);
  });

  test("are single requests where there are no others", async () => {
    await using provider = await startProvider();
    const configuration = { patch: { supported: true } };
    const { users } = await remoteRepositories(provider.connect({ configuration }));
    provider.requests.length = 0;
    await users.write([
      { kind: "create", resource: { userName: "ann" } },
      { kind: "create", resource: { userName: "bob" } },
    ]);
    expect(provider.requests.filter((request) => !request.startsWith("GET"))).toEqual([
      "POST /Users",
      "POST /Users",
    ]);
  });

  test("of which an outage ends all: a part that was not answered is no refusal", async () => {
    const bulk = { supported: true };
    await using remote = await scripted([(response) => response.destroy()], { ...able, bulk });
    const writes = ["ann", "bob"].map((userName) => ({
      kind: "create" as const,
      resource: { userName },
    }));
    const error = await remote.users.write(writes).catch((reason) => reason);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ mayBeDone: true });
  });
});
