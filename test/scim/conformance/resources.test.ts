import { createTables, KyselyUserRepository, nodeSqliteDialect } from "concordat/kysely";
import { InMemoryUserRepository, type UserRepository } from "concordat/repositories";
import {
  type AttributeDefinition,
  defineResourceType,
  defineSchema,
  groupResourceType,
  readResource,
  userResourceType,
} from "concordat/scim";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

const userId = userResourceType.schema.id;

const create = (body: object) =>
  readResource(
    userResourceType,
    { schemas: [userId], userName: "bjensen", ...body },
    { context: "creation" },
  ).resource;

const problem = (path: string): unknown => expect.objectContaining({ code: "invalid_value", path });

describe("a definition", () => {
  test.each(["string", "boolean", "decimal", "integer", "dateTime", "binary"])(
    "gives a simple attribute no sub-attributes: %s",
    (type) => {
      const attribute = { type, subAttributes: {} } as AttributeDefinition;
      expect(() =>
        defineSchema({ id: "urn:example:A", name: "A", attributes: { attribute } }),
      ).toThrow(problem("attribute"));
    },
  );
});

describe("schemas", () => {
  test("hold each URI once, however often it is sent", () => {
    expect(create({ schemas: [userId, userId.toUpperCase(), userId] }).schemas).toEqual([userId]);
  });
});

describe("what is required", () => {
  test("is not empty", () => {
    expect(() => create({ userName: "" })).toThrow(problem("userName"));
    const response = { schemas: [userId], id: "", userName: "bjensen" };
    expect(() => readResource(userResourceType, response, { context: "response" })).toThrow(
      problem("id"),
    );
    const group = { schemas: [groupResourceType.schema.id], displayName: "Staff" };
    for (const body of [
      { ...group, displayName: "" },
      { ...group, members: [{ value: "" }] },
    ]) {
      expect(() => readResource(groupResourceType, body, { context: "creation" })).toThrow(
        expect.objectContaining({ code: "invalid_value" }),
      );
    }
  });

  test("of a required extension is there too", () => {
    const badge = defineSchema({
      id: "urn:example:Badge",
      name: "Badge",
      attributes: { number: { required: true }, colour: {} },
    });
    const type = defineResourceType({
      name: "User",
      endpoint: "/Users",
      schema: userResourceType.schema,
      schemaExtensions: [{ schema: badge, required: true }],
    });
    const body = { schemas: [userId], userName: "b", "urn:example:Badge": { colour: "red" } };
    expect(() => readResource(type, body, { context: "creation" })).toThrow(
      problem("urn:example:Badge:number"),
    );
  });
});

describe("values", () => {
  test("are read whatever the order of the attributes", () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, part]) => [name, reversed(part)]),
      );
    };
    const printed = vector("rfc7643-8.3-user");
    const read = (body: unknown) =>
      readResource(userResourceType, body, { context: "response" }).resource;
    expect(read(reversed(printed))).toEqual(read(printed));
  });

  test("keep the case in which they were sent, whether or not it matters", () => {
    const sent = { externalId: "AbC", userName: "BJensen", emails: [{ value: "B@Example.COM" }] };
    expect(create(sent)).toEqual({ schemas: [userId], ...sent });
  });

  test("of a certificate are base64", () => {
    const x509Certificates = [{ value: "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAk=" }];
    expect(create({ x509Certificates }).x509Certificates).toEqual(x509Certificates);
    const pem = [{ value: "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----" }];
    expect(() => create({ x509Certificates: pem })).toThrow(problem("x509Certificates.value"));
  });
});

test("what is writeOnly is read in a replacement, and what is immutable in a creation", () => {
  const { resource } = readResource(
    userResourceType,
    { schemas: [userId], userName: "bjensen", password: "t1meMa$heen" },
    { context: "replacement", current: { id: "1", userName: "bjensen" } },
  );
  expect(resource.password).toBe("t1meMa$heen");
  const type = defineResourceType({
    name: "Badge",
    endpoint: "/Badges",
    schema: defineSchema({
      id: "urn:example:Badge",
      name: "Badge",
      attributes: { number: { mutability: "immutable" } },
    }),
  });
  const body = { schemas: ["urn:example:Badge"], number: "A7" };
  expect(readResource(type, body, { context: "creation" }).resource).toEqual(body);
});

describe("what a store makes", () => {
  /** A clock that is a second later each time that it is asked. */
  const clock = (): (() => Date) => {
    let time = Date.parse("2026-01-01T00:00:00Z");
    return () => {
      time += 1_000;
      return new Date(time);
    };
  };

  async function check(users: UserRepository): Promise<void> {
    const { id, meta } = await users.create({ userName: "ann" });
    // No such id has "bulkId" in it, which RFC 7643 §3.1 keeps for bulk requests.
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(meta?.version).toMatch(/^W\/"/);
    expect(meta).toMatchObject({ resourceType: "User", created: meta?.lastModified });
    await users.modify(id, { set: { title: "Dr." } });
    const modified = await users.get(id);
    expect(modified?.meta?.created).toBe(meta?.created);
    expect(Date.parse(modified?.meta?.lastModified ?? "")).toBeGreaterThan(
      Date.parse(meta?.lastModified ?? ""),
    );
  }

  test("in memory: an id, a weak version, and one time at first for both", async () => {
    await check(new InMemoryUserRepository({ now: clock() }));
  });

  test("in SQL: an id, a weak version, and one time at first for both", async () => {
    await using db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await createTables(db);
    await check(new KyselyUserRepository(db, { now: clock() }));
  });
});
