import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import {
  entraProfile,
  lenientProfile,
  oktaProfile,
  rfc7644Profile,
  searchRequestId,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import { enterpriseUserId, groupId, inMemory, kinds, patch, provider, userId } from "./provider.js";

const profiles = { rfc7644Profile, entraProfile, oktaProfile, lenientProfile };

describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test.each<[unknown, keyof typeof profiles]>([
    ["", "entraProfile"],
    ["", "lenientProfile"],
    [[""], "entraProfile"],
    [[], "oktaProfile"],
    [null, "rfc7644Profile"],
  ])("a PUT of a group whose members are %j empties it, by %s", async (members, name) => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: profiles[name] });
    const user = await create("/Users", { userName: "bjensen" });
    const path = `/Groups/${(await create("/Groups", { displayName: "Guides", members: [{ value: user.id }] })).id}`;
    const body = { schemas: [groupId], displayName: "Guides", members };
    expect(await call("PUT", path, body)).toMatchObject({ status: 200 });
    expect((await call("GET", path)).body).not.toHaveProperty("members");
  });

  test("a group that is sent as it was read has no new version, nor one with the same members anew", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const inner = await create("/Groups", { displayName: "Inner" });
    const user = await create("/Users", { userName: "bjensen" });
    const members = [{ value: user.id }, { value: inner.id }];
    const path = `/Groups/${(await create("/Groups", { displayName: "Guides", members })).id}`;
    const { body: read } = await call("GET", path);
    expect(await call("PUT", path, read)).toMatchObject({ status: 200, body: { meta: read.meta } });
    const same = patch({ op: "replace", path: "members", value: members });
    expect(await call("PATCH", path, same)).toMatchObject({ status: 204 });
    expect((await call("GET", path)).body).toEqual(read);
    const less = patch({ op: "replace", path: "members", value: [{ value: user.id }] });
    expect(await call("PATCH", path, less)).toMatchObject({ status: 204 });
    const { body: after } = await call("GET", path);
    expect(after.members).toHaveLength(1);
    expect(after.meta.version).not.toBe(read.meta.version);
  });

  test("a PUT whose members are there twice is refused", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const user = await create("/Users", { userName: "bjensen" });
    const members = [{ value: user.id }];
    const path = `/Groups/${(await create("/Groups", { displayName: "Guides", members })).id}`;
    const body = { schemas: [groupId], displayName: "Guides", members: [], Members: members };
    expect(await call("PUT", path, body)).toMatchObject({ status: 400 });
    expect((await call("GET", path)).body.members).toHaveLength(1);
  });

  test("a PUT with a path among its names changes nothing", async () => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: lenientProfile });
    const own = { department: "Tours" };
    const user = await create("/Users", { userName: "bjensen", [enterpriseUserId]: own });
    const body = {
      schemas: [userId],
      userName: "bjensen",
      [`${enterpriseUserId}:department`]: "x",
    };
    const refused = { status: 400, body: { scimType: "invalidValue" } };
    expect(await call("PUT", `/Users/${user.id}`, body)).toMatchObject(refused);
    const read = await call("GET", `/Users/${user.id}`);
    expect(read.body[enterpriseUserId]).toEqual(own);
  });

  test.each([
    ["entraProfile", `${enterpriseUserId}.manager`],
    ["lenientProfile", "manager"],
  ] as const)("a bulkId is found by %s behind the path %s", async (name, path) => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: profiles[name] });
    const user = await create("/Users", { userName: "bjensen" });
    for (const [number, data] of [
      patch({ op: "add", path, value: "bulkId:boss" }),
      patch({ op: "replace", value: { [path]: { value: "bulkId:boss" } } }),
      patch({ op: "replace", value: [{ [path]: { value: "bulkId:boss" } }] }),
    ].entries()) {
      const boss = { schemas: [userId], userName: `boss${number}` };
      const answer = await call("POST", "/Bulk", {
        schemas: [bulkRequestId],
        Operations: [
          { method: "PATCH", path: `/Users/${user.id}`, data },
          { method: "POST", path: "/Users", bulkId: "boss", data: boss },
        ],
      });
      const [{ status }, { location }] = answer.body.Operations;
      expect(status).toBe("200");
      const read = (await call("GET", `/Users/${user.id}`)).body;
      expect(read[enterpriseUserId].manager.$ref).toBe(location);
    }
  });

  test("a bulkId selects the member that a PATCH removes", async () => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const path = `/Groups/${(await create("/Groups", { displayName: "Guides" })).id}`;
    const added = patch({ op: "add", path: "members", value: [{ value: 'bulkId:a b"' }] });
    const removed = patch({ op: "remove", path: 'members[value eq "bulkId:a b\\""]' });
    const { body } = await call("POST", "/Bulk", {
      schemas: [bulkRequestId],
      Operations: [
        { method: "PATCH", path, data: added },
        { method: "PATCH", path, data: removed },
        {
          method: "POST",
          path: "/Users",
          bulkId: 'a b"',
          data: { schemas: [userId], userName: "ada" },
        },
      ],
    });
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual([
      "200",
      "200",
      "201",
    ]);
    expect((await call("GET", path)).body).not.toHaveProperty("members");
    const unknown = patch({ op: "remove", path: 'members[value eq "bulkId:nobody"]' });
    const refused = await call("POST", "/Bulk", {
      schemas: [bulkRequestId],
      Operations: [{ method: "PATCH", path, data: unknown }],
    });
    expect(refused.body.Operations).toMatchObject([{ status: "400" }]);
  });

  test.each(["ignore", "keep", "refuse"] as const)(
    "a bulkId that no creation has is refused, whatever becomes of other ids: %s",
    async (lostReferences) => {
      await using stores = await open();
      const { call } = provider(stores, { lostReferences });
      const body = { schemas: [groupId], displayName: "Guides", members: [{ value: "bulkId:x" }] };
      const refused = { status: 400, body: { scimType: "invalidValue" } };
      expect(await call("POST", "/Groups", body)).toMatchObject(refused);
      expect((await call("GET", "/Groups")).body).toMatchObject({ totalResults: 0 });
    },
  );

  test("a manager who is emptied by a text is cleared, or the PATCH is refused", async () => {
    await using stores = await open();
    for (const [name, profile] of Object.entries(profiles)) {
      const { call, create } = provider(stores, { profile });
      const boss = await create("/Users", { userName: `boss of ${name}` });
      const own = { manager: { value: boss.id } };
      const user = await create("/Users", { userName: name, [enterpriseUserId]: own });
      const body = patch({ op: "replace", path: `${enterpriseUserId}:manager.value`, value: "" });
      const { status } = await call("PATCH", `/Users/${user.id}`, body);
      const read = (await call("GET", `/Users/${user.id}`)).body;
      expect([status, Object.hasOwn(read, enterpriseUserId)]).toEqual(
        profile.rewrites.has("emptyText") ? [200, false] : [400, true],
      );
    }
  });
});

test.each([
  ["POST", "/Users/.search?filter=userName%20eq%20%22bjensen%22", "invalidValue"],
  ["POST", "/.search?count=1", "invalidValue"],
  ["GET", "/Users?$filter=userName%20eq%20%22bjensen%22", "invalidValue"],
  ["GET", "/Users?filter[]=userName%20eq%20%22bjensen%22", "invalidValue"],
  ["GET", "/Users?sort_by=userName", "invalidValue"],
  ["GET", "/Users/{id}?filter=userName%20eq%20%22x%22", "invalidFilter"],
  ["DELETE", "/Users/{id}?filter=userName%20eq%20%22x%22", "invalidFilter"],
])("what a query says where it is not read is refused: %s %s", async (method, path, scimType) => {
  const { call, create } = provider(inMemory());
  const { id } = await create("/Users", { userName: "bjensen" });
  const body = method === "POST" ? { schemas: [searchRequestId] } : undefined;
  const answer = await call(method, path.replace("{id}", id), body);
  expect(answer).toMatchObject({ status: 400, body: { scimType } });
  expect(await call("GET", `/Users/${id}`)).toMatchObject({ status: 200 });
});

test("a search with a filter that is spelled in another way is refused, and one with empty lists is not", async () => {
  const { call, create } = provider(inMemory());
  await create("/Users", { userName: "bjensen" });
  const search = (more: object) =>
    call("POST", "/Users/.search", { schemas: [searchRequestId], ...more });
  expect(await search({ "filter ": 'userName eq "x"' })).toMatchObject({ status: 400 });
  const { body } = await search({ attributes: [], excludedAttributes: [] });
  expect(body.Resources).toMatchObject([{ userName: "bjensen" }]);
});

describe("a name that nobody could be given now", () => {
  const strange = "b  jensen";

  test("is no reason to refuse a PATCH that repeats it", async () => {
    const users = new InMemoryUserRepository();
    const groups = new InMemoryGroupRepository({ users });
    const { id } = await users.create({ schemas: [userId], userName: strange });
    const group = await groups.create({ schemas: [groupId], displayName: " Guides" });
    const { call } = provider({ users, groups });
    const disabling = patch({ op: "replace", value: { userName: strange, active: false } });
    const disabled = await call("PATCH", `/Users/${id}`, disabling);
    expect(disabled).toMatchObject({ status: 200, body: { active: false } });
    const renaming = (displayName: string) =>
      call(
        "PATCH",
        `/Groups/${group.id}`,
        patch({ op: "replace", path: "displayName", value: displayName }),
      );
    expect(await renaming(" Guides")).toMatchObject({ status: 204 });
    expect(await renaming("  Guides")).toMatchObject({ status: 400 });
  });

  test("is no reason not to restore who has it", async () => {
    const users = new InMemoryUserRepository();
    const person = { schemas: [userId], userName: strange, externalId: "1" };
    const { id } = await users.create({ ...person, active: false });
    const { call } = provider({ users, groups: new InMemoryGroupRepository({ users }) });
    expect(await call("POST", "/Users", person)).toMatchObject({
      status: 201,
      body: { id, active: true },
    });
    const other = await call("POST", "/Users", {
      ...person,
      externalId: "2",
      userName: "c  jensen",
    });
    expect(other).toMatchObject({ status: 400 });
  });
});
