import {
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  UniquenessError,
  VersionConflictError,
} from "concordat";
import {
  type Capabilities,
  type Page,
  type Query,
  ResourceRepository,
} from "concordat/repositories";
import {
  defineResourceType,
  defineSchema,
  enterpriseUserId,
  eq,
  groupResourceType,
  InvalidFilterError,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  type Schema,
  userResourceType,
} from "concordat/scim";
import { ScimResponseError } from "concordat/scim-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { startProvider } from "./running-provider.js";

describe("users of a service provider", () => {
  test("are created, read, replaced, changed and deleted", async () => {
    await using provider = await startProvider();
    const users = provider.client.resources(userResourceType);
    const created = await users.create({
      userName: "bjensen",
      name: { familyName: "Jensen" },
      [enterpriseUserId]: { department: "Tours" },
    });
    expect(created).toMatchObject({
      userName: "bjensen",
      [enterpriseUserId]: { department: "Tours" },
    });
    expect(await users.get(created.id)).toEqual(created);

    const replaced = await users.replace(created.id, { userName: "bjensen", title: "Guide" });
    expect(replaced.name).toBeUndefined();
    expect(replaced.title).toBe("Guide");

    const patched = await users.patch(created.id, [
      { op: "replace", path: "name.familyName", value: "Smith" },
      { op: "remove", path: "title" },
    ]);
    expect(patched).toMatchObject({ userName: "bjensen", name: { familyName: "Smith" } });
    expect(patched?.title).toBeUndefined();

    await users.delete(created.id);
    expect(await users.get(created.id)).toBeUndefined();
    await expect(users.delete(created.id)).rejects.toThrow(NotFoundError);
    expect((await provider.users.find({})).totalResults).toBe(0);
  });

  test("what was read can be written, and what differs is one PATCH", async () => {
    await using provider = await startProvider();
    const users = provider.client.resources(userResourceType);
    const before = await users.create({ userName: "bjensen", title: "Guide", active: true });
    provider.requests.length = 0;
    expect(await users.update(before, before)).toBe(false);
    expect(provider.requests).toEqual([]);
    expect(await users.update(before, { ...before, title: "Head" })).toBe(true);
    expect(provider.requests).toEqual([`PATCH /Users/${before.id}`]);
    // Another writer was faster.
    await expect(users.update(before, { ...before, title: "Boss" })).rejects.toThrow(
      VersionConflictError,
    );
    expect((await provider.users.get(before.id))?.title).toBe("Head");
  });

  test("are asked for in pages, or all", async () => {
    await using provider = await startProvider();
    const users = provider.client.resources(userResourceType);
    for (let number = 0; number < 12; number++) {
      await provider.users.create({ userName: `user${String(number).padStart(2, "0")}` });
    }
    const page = await users.query({ sortBy: "userName", startIndex: 3, count: 2 });
    expect(page.totalResults).toBe(12);
    expect(page.resources.map(({ userName }) => userName)).toEqual(["user02", "user03"]);
    for (const part of [{ count: 5 }, { count: 5, cursor: "" }]) {
      const found: string[] = [];
      for await (const { userName } of users.list(part)) found.push(userName);
      expect(found.sort()).toEqual(
        Array.from({ length: 12 }, (_, n) => `user${String(n).padStart(2, "0")}`),
      );
    }
    const named = await users.query({ filter: eq("userName", 'user"07') });
    expect(named.resources).toEqual([]);
    const few = await users.query({ filter: 'userName eq "user07"', attributes: ["userName"] });
    expect(few.resources).toEqual([
      { schemas: [userResourceType.schema.id], id: expect.any(String), userName: "user07" },
    ]);
  });

  test("a query that is too long for an address is sent in a body", async () => {
    await using provider = await startProvider();
    const { id } = await provider.users.create({ userName: "ann" });
    const filter = `userName eq "ann" or userName eq "${"x".repeat(8_000)}"`;
    const users = provider.client.resources(userResourceType);
    expect((await users.query({ filter })).resources.map((user) => user.id)).toEqual([id]);
    expect(provider.requests).toEqual(["POST /Users/.search"]);
  });

  test("ids that no path leads to are unknown", async () => {
    await using provider = await startProvider();
    const users = provider.client.resources(userResourceType);
    await provider.users.create({ userName: "ann" });
    for (const id of ["", ".", "..", ".search", "../Users", "a/b", "a?b", "\ud800"]) {
      expect(await users.get(id), id).toBeUndefined();
      await expect(users.delete(id), id).rejects.toThrow(NotFoundError);
    }
    expect((await provider.users.find({})).totalResults).toBe(1);
  });
});

describe("the errors of a service provider are typed", () => {
  test("a name that is taken, a value that is none, a filter that is none, a version that is old", async () => {
    await using provider = await startProvider();
    const users = provider.client.resources(userResourceType);
    const groups = provider.client.resources(groupResourceType);
    const { id, meta } = await users.create({ userName: "ann" });
    await expect(users.create({ userName: "ANN" })).rejects.toSatisfy(
      (error) => error instanceof UniquenessError && error.attribute === "userName",
    );
    await expect(
      groups.create({ displayName: "staff", members: [{ value: "nobody" }] }),
    ).rejects.toThrow(InvalidValueError);
    await expect(users.query({ filter: "userName is ann" })).rejects.toThrow(InvalidFilterError);
    await users.patch(id, [{ op: "add", path: "title", value: "Guide" }]);
    const ifVersion = meta?.version ?? "";
    await expect(users.delete(id, { ifVersion })).rejects.toThrow(VersionConflictError);
    const error: unknown = await users.query({ cursor: "made up" }).catch((reason) => reason);
    expect(error).toBeInstanceOf(InvalidValueError);
    expect((error as Error).cause).toMatchObject({ status: 400, scimType: "invalidCursor" });
    expect((error as Error).cause).toBeInstanceOf(ScimResponseError);
  });
});

const deviceDefinition = {
  id: "urn:example:params:scim:schemas:Device",
  name: "Device",
  attributes: {
    serial: { required: true, mutability: "immutable" },
    weight: { type: "decimal" },
  },
} as const;
const deviceSchema: Schema<typeof deviceDefinition> = defineSchema(deviceDefinition);
const deviceType = defineResourceType({
  name: "Device",
  endpoint: "/Devices",
  schema: deviceSchema,
});

/** The least that a store can be: a map, without filters, orders and versions. */
class Devices extends ResourceRepository<Resource, ResourceRequest> {
  override readonly type: ResourceType = deviceType;
  override readonly capabilities: Capabilities = {
    filter: {},
    maxPageSize: 2,
    versions: "none",
    delete: "hard",
    rename: true,
    sessions: false,
  };
  readonly #devices = new Map<string, Resource>();

  override async get(id: string): Promise<Resource | undefined> {
    return this.#devices.get(id);
  }
  override async find({ count = 2, startIndex = 1 }: Query): Promise<Page<Resource>> {
    const all = [...this.#devices.values()];
    const resources = all.slice(startIndex - 1, startIndex - 1 + count);
    return { totalResults: all.length, startIndex, resources };
  }
  override async create(resource: ResourceRequest): Promise<Resource> {
    return await this.replace(crypto.randomUUID(), resource);
  }
  override async replace(id: string, resource: ResourceRequest): Promise<Resource> {
    const device = { ...resource, id };
    this.#devices.set(id, device);
    return device;
  }
  override async delete(id: string): Promise<void> {
    if (!this.#devices.delete(id)) throw new NotFoundError(id);
  }
}

test("resources of a type of one's own have the types of its schema", async () => {
  const types = [deviceType];
  const stores = { others: { Device: new Devices() } };
  await using provider = await startProvider({ server: { types, repositories: () => stores } });
  const devices = provider.client.resources(deviceType);
  const scale = await devices.create({ serial: "A-1", weight: 1.5 });
  expectTypeOf(scale.weight).toEqualTypeOf<number | undefined>();
  expect(scale).toMatchObject({ serial: "A-1", weight: 1.5 });
  await expect(devices.replace(scale.id, { serial: "A-2" })).rejects.toSatisfy(
    (error) => error instanceof MutabilityError && error.path === "serial",
  );
  for (const serial of ["A-2", "A-3"]) await devices.create({ serial });
  const serials: string[] = [];
  for await (const { serial } of devices.list()) serials.push(serial);
  expect(serials).toEqual(["A-1", "A-2", "A-3"]);
  await devices.delete(scale.id);
  expect(await devices.get(scale.id)).toBeUndefined();
});
