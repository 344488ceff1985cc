import { InvalidValueError, UnsupportedError } from "concordat";
import { groupSchema, userSchema } from "concordat/scim";
import {
  remoteRepositories,
  ScimResponseError,
  type ServiceProviderConfig,
} from "concordat/scim-client";
import { describe, expect, test } from "vitest";
import { type Scripted, script } from "./scripted-provider.js";

const able: ServiceProviderConfig = { patch: { supported: true }, filter: { supported: true } };

const types = (...Resources: readonly unknown[]): Scripted => ({
  status: 200,
  body: { totalResults: Resources.length, Resources },
});

const user = { name: "User", endpoint: "/Users", schema: userSchema.id };

describe("the endpoint of a type of resources", () => {
  test.each([
    ["Groups", "/Groups"],
    ["/Groups", "/Groups"],
    ["/Groups/", "/Groups"],
    ["/v2/Groups", "/Groups"],
    ["https://internal.example.com:8443/scim/v2/Groups/", "/Groups"],
    ["https://internal.example.com/v2/tenant/Groups", "/Groups"],
    ["/Teams", "/Teams"],
  ])("that is written %s is %s", async (endpoint, path) => {
    const group = { name: "Group", endpoint, schema: groupSchema.id };
    await using provider = await script([types(user, group), { status: 404 }], {
      configuration: able,
    });
    const { groups, notUnderstood } = await remoteRepositories(provider.client);
    expect(notUnderstood).toEqual([]);
    await groups?.get("g");
    expect(provider.received[1]?.target).toMatch(`${path}/g`);
  });

  test("may be a whole URL below the base URL", async () => {
    await using first = await script([{ status: 200 }], { configuration: able });
    const answers: Scripted[] = [
      (response) => {
        const endpoint = `${first.baseUrl}/Groups`;
        const group = { name: "Group", endpoint, schema: groupSchema.id };
        response.writeHead(200, { "content-type": "application/scim+json" });
        response.end(JSON.stringify({ totalResults: 1, Resources: [group] }));
      },
      { status: 404 },
    ];
    await using provider = await script(answers, { configuration: able });
    expect((await provider.client.resourceTypes())[0]?.endpoint).toBe("/Groups");
  });
});

describe("what a service provider names and that is not understood is told", () => {
  test("types, extensions, and what is no type", async () => {
    await using provider = await script(
      [
        types(
          { ...user, schemaExtensions: [{ schema: "urn:example:Badge", required: true }] },
          { name: "Role", endpoint: "/Roles", schema: "urn:example:Role" },
          { name: "Group", endpoint: 7, schema: groupSchema.id },
          "Device",
        ),
      ],
      { configuration: able },
    );
    const { groups, notUnderstood } = await remoteRepositories(provider.client);
    expect(groups).toBeUndefined();
    expect(notUnderstood.map(({ name }) => name)).toEqual([
      "Group",
      undefined,
      "urn:example:Badge",
      "Role",
    ]);
    for (const { document, reason } of notUnderstood) {
      expect(document).toBe("/ResourceTypes");
      expect(reason).not.toBe("");
    }
  });

  test("that there are no users", async () => {
    await using provider = await script([types()], { configuration: able });
    expect((await remoteRepositories(provider.client)).notUnderstood).toMatchObject([
      { name: "User" },
    ]);
  });
});

describe("a document that is missing, or cannot be read, is named, and what takes its place", () => {
  const html: Scripted = { status: 200, body: "<p>", headers: { "content-type": "text/html" } };
  const own = { document: "/ServiceProviderConfig", option: "`configuration`" };
  const list = { document: "/ResourceTypes", option: "`resourceTypes`" };

  test.each([
    ["is missing", { status: 404 }, UnsupportedError],
    ["is HTML", html, ScimResponseError],
    ["is none", { status: 200, body: { patch: 7, filter: { supported: [1, 2] } } }, undefined],
    ["is text", { status: 200, body: '"7"' }, ScimResponseError],
    ["is refused", { status: 401 }, ScimResponseError],
  ] as const)("/ServiceProviderConfig %s", async (_, answer, kind) => {
    await using provider = await script([answer]);
    const error: unknown = await provider.client.configuration().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (kind === undefined) {
      expect(error).toBeUndefined();
      return;
    }
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(own.document);
    expect((error as Error).message).toContain(own.option);
  });

  test("/ResourceTypes", async () => {
    await using provider = await script([html], { configuration: able });
    const error: unknown = await remoteRepositories(provider.client).catch((reason) => reason);
    expect((error as Error).message).toContain(list.document);
    expect((error as Error).message).toContain(list.option);
    const resourceTypes = [{ ...user, schemaExtensions: [] }];
    const told = await remoteRepositories(provider.client, { resourceTypes });
    expect(told).not.toHaveProperty("groups");
  });

  test("numbers and booleans of ServiceProviderConfig may be text", async () => {
    const body = { patch: { supported: "True" }, bulk: { supported: "true", maxOperations: "7" } };
    await using provider = await script([{ status: 200, body }]);
    expect(await provider.client.configuration()).toEqual({
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 7 },
    });
  });
});

test("what a host leaves undefined is concluded from the service provider, and not taken for absent", async () => {
  const group = { name: "Group", endpoint: "/Groups", schema: groupSchema.id };
  const documents = types(user, group);
  await using provider = await script([documents, documents], { configuration: able });
  const concluded = await remoteRepositories(provider.client);
  const users = Object.fromEntries(
    Object.keys(concluded.users.capabilities).map((name) => [name, undefined]),
  );
  const stated = await remoteRepositories(provider.client, { users, groups: users });
  expect(stated.users.capabilities).toEqual(concluded.users.capabilities);
  expect(stated.groups?.capabilities).toEqual(concluded.groups?.capabilities);
});

test.each([{ membersAtOnce: 0 }, { membersAtOnce: 1.5 }, { lookEvery: 0 }])(
  "an option that is wrong is refused: %o",
  async (options) => {
    await using provider = await script([types(user)], { configuration: able });
    await expect(remoteRepositories(provider.client, options)).rejects.toThrow(InvalidValueError);
  },
);
