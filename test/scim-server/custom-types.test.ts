import { setImmediate } from "node:timers/promises";
import { UnsupportedError } from "concordat";
import {
  type Capabilities,
  InMemoryUserRepository,
  type Page,
  type Query,
  ResourceRepository,
} from "concordat/repositories";
import {
  defineResourceType,
  defineSchema,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  userResourceType,
} from "concordat/scim";
import { expect, test } from "vitest";
import { baseUrl, inMemory, patch, provider } from "./provider.js";

const deviceSchema = defineSchema({
  id: "urn:example:params:scim:schemas:Device",
  name: "Device",
  attributes: {
    serial: { type: "string", required: true, mutability: "immutable" },
    label: { type: "string" },
    active: { type: "boolean" },
    notes: { type: "string", multiValued: true },
    pin: { type: "string", mutability: "writeOnly", returned: "never" },
    secretary: { type: "string", returned: "request" },
    owner: {
      type: "complex",
      subAttributes: {
        value: { type: "string", caseExact: true },
        $ref: { type: "reference", referenceTypes: ["User"] },
      },
    },
  },
});
const deviceType = defineResourceType({
  name: "Device",
  endpoint: "/Devices",
  schema: deviceSchema,
});

/** The least that a store can be: a map, without filters, orders, cursors and versions. */
class Devices extends ResourceRepository<Resource, ResourceRequest> {
  override readonly type: ResourceType = deviceType;
  override readonly capabilities: Capabilities = {
    filter: {},
    maxPageSize: 10,
    versions: "none",
    delete: "none",
    rename: true,
    sessions: false,
  };
  readonly #devices = new Map<string, Resource>();

  override async get(id: string): Promise<Resource | undefined> {
    await setImmediate();
    return this.#devices.get(id);
  }
  override async find({ count = 10, startIndex = 1 }: Query): Promise<Page<Resource>> {
    const all = [...this.#devices.values()];
    return {
      totalResults: all.length,
      startIndex,
      resources: all.slice(startIndex - 1, startIndex - 1 + count),
    };
  }
  override async create(resource: ResourceRequest): Promise<Resource> {
    const id = String(this.#devices.size + 1);
    this.#devices.set(id, { ...resource, id });
    return { ...resource, id };
  }
  override async replace(id: string, resource: ResourceRequest): Promise<Resource> {
    await setImmediate();
    this.#devices.set(id, { ...resource, id });
    return { ...resource, id };
  }
  override async delete(): Promise<void> {
    throw new UnsupportedError("Devices stay.");
  }
}

test("a type of the host's own has all of it, as far as its store goes", async () => {
  const stores = inMemory();
  const { call, create } = provider(stores, {
    types: [userResourceType, deviceType],
    repositories: () => ({ ...stores, others: { Device: devices } }),
  });
  const devices = new Devices();
  const owner = await create("/Users", { userName: "bjensen" });
  const sent = {
    schemas: [deviceSchema.id],
    serial: "A1",
    pin: "1234",
    secretary: "x",
    owner: { value: owner.id },
  };
  const created = await call("POST", "/Devices", sent);
  expect(created.body).toEqual({
    schemas: [deviceSchema.id],
    id: "1",
    serial: "A1",
    secretary: "x",
    owner: { value: owner.id, $ref: `${baseUrl}/Users/${owner.id}` },
    meta: { resourceType: "Device", location: `${baseUrl}/Devices/1` },
  });
  expect(created.headers.has("etag")).toBe(false);
  const read = await call("GET", "/Devices/1");
  expect(read.body).not.toHaveProperty("secretary");
  expect((await call("GET", "/Devices/1?attributes=secretary")).body).toEqual({
    schemas: [deviceSchema.id],
    id: "1",
    secretary: "x",
  });

  const mutability = { status: 400, body: { scimType: "mutability" } };
  const path = "/Devices/1";
  expect(await call("PUT", path, { ...sent, serial: "B2" })).toMatchObject(mutability);
  const change = patch({ op: "replace", path: "serial", value: "B2" });
  expect(await call("PATCH", path, change)).toMatchObject(mutability);
  const replaced = await call("PUT", path, {
    schemas: [deviceSchema.id],
    serial: "A1",
    label: "x",
  });
  expect(replaced).toMatchObject({ status: 200, body: { serial: "A1", label: "x" } });
  expect(replaced.body).not.toHaveProperty("owner");

  expect(await call("DELETE", path)).toMatchObject({ status: 501, body: { status: "501" } });
  expect(await call("PUT", path, sent, { "if-match": 'W/"1"' })).toMatchObject({ status: 412 });
  expect((await call("GET", "/ServiceProviderConfig")).body).toMatchObject({
    etag: { supported: false },
    sort: { supported: false },
    pagination: { cursor: false, maxPageSize: 10 },
  });
  expect((await call("GET", "/")).body.totalResults).toBe(2);
  expect(await call("GET", "/Groups")).toMatchObject({ status: 404 });
});

test("writes to what has no versions wait for each other", async () => {
  const devices = new Devices();
  const { call } = provider(inMemory(), {
    types: [deviceType],
    repositories: () => ({ others: { Device: devices } }),
  });
  await call("POST", "/Devices", { schemas: [deviceSchema.id], serial: "A1" });
  const notes = Array.from({ length: 20 }, (_, n) => `note ${n}`);
  const answers = await Promise.all(
    notes.map((note) =>
      call("PATCH", "/Devices/1", patch({ op: "add", path: "notes", value: [note] })),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(notes.map(() => 200));
  expect((await call("GET", "/Devices/1")).body.notes).toEqual(notes);
});

test("what is no user has no sessions, though it can be deactivated and has the id of one", async () => {
  const revoked: string[] = [];
  const users = new InMemoryUserRepository({
    newId: () => "1",
    revokeSessions: async (id) => {
      revoked.push(id);
    },
  });
  await users.create({ userName: "bjensen" });
  const devices = new Devices();
  const { call } = provider(inMemory(), {
    types: [userResourceType, deviceType],
    repositories: () => ({ users, others: { Device: devices } }),
  });
  const device = { schemas: [deviceSchema.id], serial: "A1" };
  expect((await call("POST", "/Devices", device)).body.id).toBe("1");
  const deactivation = patch({ op: "replace", path: "active", value: false });
  expect((await call("PATCH", "/Devices/1", deactivation)).status).toBe(200);
  expect((await call("PUT", "/Devices/1", { ...device, active: false })).status).toBe(200);
  expect(revoked).toEqual([]);
  await call("PATCH", "/Users/1", deactivation);
  expect(revoked).toEqual(["1"]);
});
