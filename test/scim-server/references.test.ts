import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { entraProfile, lenientProfile, oktaProfile, rfc7644Profile } from "concordat/scim";
import { type RequestEvent, requestChannelName } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { enterpriseUserId, groupId, kinds, patch, provider, userId } from "./provider.js";

async function eventsOf(work: () => Promise<unknown>): Promise<readonly RequestEvent[]> {
  const events: RequestEvent[] = [];
  const listener = (event: unknown): void => {
    events.push(event as RequestEvent);
  };
  subscribe(requestChannelName, listener);
  try {
    await work();
  } finally {
    unsubscribe(requestChannelName, listener);
  }
  return events;
}

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
    const { call, create } = provider(stores, {
      profile: entraProfile,
      lostReferences: "refuse",
    });
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

  const lost = "2819c223-7f76-453a-919d-413861904646";
  const manager = `${enterpriseUserId}:manager`;
  const profiles = { rfc7644Profile, entraProfile, oktaProfile, lenientProfile };

  test.each(Object.entries(profiles))(
    "to who is not known are refused by the RFC, and ignored by %s for real providers",
    async (name, profile) => {
      const isStrict = name === "rfc7644Profile";
      await using stores = await open();
      const { call, create } = provider(stores, { profile });
      const user = await create("/Users", { userName: "bjensen" });
      const group = await create("/Groups", {
        displayName: "Guides",
        members: [{ value: user.id }],
      });
      const schemas = [userId, enterpriseUserId];
      const managed = (userName: string): object => ({
        schemas,
        userName,
        title: "Guide",
        [enterpriseUserId]: { manager: { value: lost } },
      });
      const members = [{ value: lost }, { value: user.id }];
      const group2 = { schemas: [groupId], displayName: "Others", members };
      const requests: [string, string, object][] = [
        ["POST", "/Users", managed("jsmith")],
        ["PUT", `/Users/${user.id}`, managed("bjensen")],
        ["PATCH", `/Users/${user.id}`, patch({ op: "add", path: manager, value: { value: lost } })],
        [
          "PATCH",
          `/Users/${user.id}`,
          patch({
            op: "replace",
            value: { title: "x", [enterpriseUserId]: { manager: { value: lost } } },
          }),
        ],
        ["POST", "/Groups", group2],
        ["PUT", `/Groups/${group.id}`, { ...group2, displayName: "Guides" }],
        [
          "PATCH",
          `/Groups/${group.id}`,
          patch({ op: "add", path: "members", value: [{ value: lost }] }),
        ],
        ["PATCH", `/Groups/${group.id}`, patch({ op: "replace", path: "members", value: members })],
        [
          "PATCH",
          `/Groups/${group.id}`,
          patch({ op: "add", path: "members", value: [{ value: user.id, type: "Group" }] }),
        ],
      ];
      for (const [method, path, body] of requests) {
        const [event] = await eventsOf(async () => {
          const answered = await call(method, path, body);
          if (isStrict) expect(answered).toMatchObject(invalid);
          else expect(answered.status).toBeLessThan(300);
          expect(JSON.stringify(answered.body ?? "")).not.toContain(isStrict ? "$ref" : lost);
        });
        const isMember = path.startsWith("/Groups");
        const passed = [{ path: isMember ? "members" : manager, reason: "lost" }];
        expect(event?.ignored).toEqual(isStrict ? [] : passed);
      }
      const path = `/Groups/${group.id}`;
      expect((await call("GET", path)).body.members).toMatchObject([{ value: user.id }]);
      // Nobody who is known: then nobody.
      const none = { schemas: [groupId], displayName: "Guides", members: [{ value: lost }] };
      await call("PUT", path, none);
      const left = (await call("GET", path)).body;
      if (!isStrict) expect(left).not.toHaveProperty("members");
    },
  );

  test("to who is not known are kept, where the host says so", async () => {
    await using stores = await open();
    const { create } = provider(stores, { lostReferences: () => "keep" });
    const own = { manager: { value: lost } };
    const user = await create("/Users", { userName: "bjensen", [enterpriseUserId]: own });
    expect(user[enterpriseUserId]).toMatchObject(own);
  });

  test.each(Object.entries(profiles))(
    "to who has gone are no reason to refuse what was read, by %s",
    async (_, profile) => {
      await using stores = await open();
      const { call, create } = provider(stores, { profile });
      const boss = await create("/Users", { userName: "boss" });
      const own = { manager: { value: boss.id } };
      const user = await create("/Users", { userName: "bjensen", [enterpriseUserId]: own });
      await call("DELETE", `/Users/${boss.id}`);
      const path = `/Users/${user.id}`;
      const read = (await call("GET", path)).body;
      const put = await call("PUT", path, { ...read, title: "Guide" });
      expect(put).toMatchObject({ status: 200, body: { title: "Guide" } });
      expect(put.body[enterpriseUserId]).toEqual(read[enterpriseUserId]);
      const again = patch({ op: "replace", path: manager, value: { value: boss.id } });
      expect((await call("PATCH", path, again)).body[enterpriseUserId]).toMatchObject(own);
    },
  );
});
