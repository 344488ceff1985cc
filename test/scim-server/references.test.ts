import { entraProfile } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { enterpriseUserId, groupId, kinds, patch, provider, userId } from "./provider.js";

const invalid = { status: 400, body: { scimType: "invalidValue" } };

describe.each(Object.entries(kinds))("references, over stores in %s", (_, open) => {
  test.each([
    ["a sub-attribute", { op: "add", path: 'members[value eq "ghost"].display', value: "x" }],
    ["a type", { op: "add", path: 'members[value eq "ghost"].type', value: "User" }],
    ["an object", { op: "add", path: 'members[value eq "ghost"]', value: { display: "x" } }],
    [
      "a filter that states the type",
      { op: "add", path: 'members[value eq "ghost" and type eq "Group"]', value: { display: "x" } },
    ],
    [
      "a replacement that adds",
      { op: "replace", path: 'members[value eq "ghost"].type', value: "User" },
    ],
  ])("to nobody are refused where a filter brings them: %s", async (__, operation) => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: entraProfile });
    const { id } = await create("/Groups", { displayName: "Tour Guides" });
    expect(await call("PATCH", `/Groups/${id}`, patch(operation))).toMatchObject(invalid);
    expect((await call("GET", `/Groups/${id}`)).body).not.toHaveProperty("members");
  });

  test("that a filter brings say what they refer to", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const { id } = await create("/Groups", { displayName: "Tour Guides" });
    const inner = await create("/Groups", { displayName: "Guides" });
    const path = `members[value eq "${inner.id}"].display`;
    await call("PATCH", `/Groups/${id}`, patch({ op: "add", path, value: "Guides" }));
    expect((await call("GET", `/Groups/${id}`)).body.members).toMatchObject([
      { value: inner.id, type: "Group" },
    ]);
  });

  test("are by id: a URL alone is refused, and one beside an id is not kept", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const $ref = "https://other-tenant.example/Users/1";
    const schemas = [userId, enterpriseUserId];
    const sent = { schemas, userName: "a", [enterpriseUserId]: { manager: { $ref } } };
    expect(await call("POST", "/Users", sent)).toMatchObject(invalid);
    const boss = await create("/Users", { userName: "boss" });
    const path = `/Users/${boss.id}`;
    expect(await call("PUT", path, sent)).toMatchObject(invalid);
    const manager = `${enterpriseUserId}:manager`;
    for (const operation of [
      { op: "add", path: manager, value: { $ref } },
      { op: "add", path: `${manager}.$ref`, value: $ref },
      { op: "replace", value: { [enterpriseUserId]: { manager: { $ref } } } },
    ]) {
      expect(await call("PATCH", path, patch(operation))).toMatchObject(invalid);
    }
    const group = { schemas: [groupId], displayName: "x", members: [{ $ref }] };
    expect(await call("POST", "/Groups", group)).toMatchObject(invalid);
    const { body } = await call("POST", "/Users", {
      ...sent,
      [enterpriseUserId]: { manager: { value: boss.id, $ref } },
    });
    expect(body[enterpriseUserId].manager).toMatchObject({
      value: boss.id,
      $ref: boss.meta.location,
    });
  });
});
