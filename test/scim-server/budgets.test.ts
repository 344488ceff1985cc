import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import { lenientProfile } from "concordat/scim";
import { bearerTokens } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import { answerOf, baseUrl, inMemory, patch, provider, sha256, userId } from "./provider.js";

test("the PATCHes of a bulk request compare no more together than one alone", async () => {
  const emails = Array.from({ length: 10 }, (_, n) => ({ value: `${n}@example.com` }));
  const { call, create } = provider(inMemory(), { limits: { patchComparisons: 25 } });
  const edit = { op: "replace", path: 'emails[value eq "3@example.com"].type', value: "home" };
  const ids: string[] = [];
  for (const userName of ["a", "b", "c", "d"]) {
    ids.push((await create("/Users", { userName, emails })).id);
  }
  const operation = (id: string): object => ({
    method: "PATCH",
    path: `/Users/${id}`,
    data: patch(edit),
  });
  const { body } = await call("POST", "/Bulk", {
    schemas: [bulkRequestId],
    Operations: ids.map(operation),
  });
  // The first is free, and each of the others compares ten values.
  expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual([
    "200",
    "200",
    "200",
    "413",
  ]);
  for (const id of ids) expect((await call("PATCH", `/Users/${id}`, patch(edit))).status).toBe(200);
});

describe("turns", () => {
  /** A tenant whose stores have no versions, and may be held up. */
  function tenant(newId: () => string): {
    users: InMemoryUserRepository;
    groups: InMemoryGroupRepository;
    release: () => void;
    reached: Promise<void>;
  } {
    const users = new InMemoryUserRepository({ newId });
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    Object.assign(users, { capabilities: { ...users.capabilities, versions: "none" } });
    const modify = users.modify.bind(users);
    Object.assign(users, {
      modify: async (...parameters: Parameters<typeof modify>) => {
        reached.resolve();
        await gate.promise;
        await modify(...parameters);
      },
    });
    const groups = new InMemoryGroupRepository();
    return { users, groups, release: gate.resolve, reached: reached.promise };
  }

  test.each([
    ["of a tenant that is named", true, () => "1"],
    ["of one that is not, for an id that is another's", false, () => crypto.randomUUID()],
  ])("%s delay nobody else's", async (_, isNamed, newId) => {
    const [a, b] = [tenant(newId), tenant(newId)];
    const stores = { a, b };
    const { handler } = provider(inMemory(), {
      authenticate: bearerTokens(
        (["a", "b"] as const).map((id) => ({
          sha256: sha256(id),
          principal: { id, ...(isNamed && { tenant: id }) },
        })),
      ),
      repositories: ({ id }) => stores[id as "a" | "b"],
    });
    const send = async (who: string, id: string): Promise<number> => {
      const request = new Request(`${baseUrl}/Users/${id}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${who}`, "content-type": "application/scim+json" },
        body: JSON.stringify(patch({ op: "replace", path: "title", value: who })),
      });
      return (await answerOf(await handler(request))).status;
    };
    const { id } = await b.users.create({ userName: "b" });
    if (isNamed) await a.users.create({ userName: "a" });
    const slow = send("a", id);
    // The one of tenant A is at the store and stays there, or is answered that there is nobody.
    await Promise.race([a.reached, slow]);
    b.release();
    expect(await send("b", id)).toBe(200);
    a.release();
    expect(await slow).toBe(isNamed ? 200 : 404);
  });
});

test("pages are told in ServiceProviderConfig, unless the host would rather not", async () => {
  const told = async (tellPagination: boolean): Promise<object> =>
    (await provider(inMemory(), { tellPagination }).call("GET", "/ServiceProviderConfig")).body;
  expect(await told(true)).toHaveProperty("pagination");
  expect(await told(false)).not.toHaveProperty("pagination");
});

test("a PATCH of a group is answered with it where the client or the profile wants it", async () => {
  const rename = patch({ op: "replace", path: "displayName", value: "b" });
  const strict = provider(inMemory());
  const group = await strict.create("/Groups", { displayName: "a" });
  const path = `/Groups/${group.id}`;
  const prefer = { prefer: "return=representation" };
  expect(await strict.call("PATCH", path, rename)).toMatchObject({ status: 204 });
  const preferred = await strict.call("PATCH", path, rename, prefer);
  expect(preferred).toMatchObject({ status: 200, body: { displayName: "b" } });
  const lenient = provider(strict, { profile: lenientProfile });
  const answered = await lenient.call("PATCH", path, rename);
  expect(answered).toMatchObject({ status: 200, body: { displayName: "b" } });
  const minimal = await lenient.call("PATCH", path, rename, { prefer: "return=minimal" });
  expect(minimal).toMatchObject({ status: 204 });
});

test("an externalId that two users share restores the one who is meant", async () => {
  const { call, create, users } = provider(inMemory());
  const externalId = "701984";
  const gone = await users.create({ userName: "bjensen", externalId, active: false });
  await users.create({ userName: "other", externalId, active: true });
  const sent = { userName: "babs", externalId };
  expect(await create("/Users", sent)).toMatchObject({ id: gone.id, active: true });
  // Two are inactive: the one with the name that was sent, or nobody.
  const a = await users.create({ userName: "a", externalId: "2", active: false });
  await users.create({ userName: "b", externalId: "2", active: false });
  expect(await create("/Users", { userName: "A", externalId: "2" })).toMatchObject({ id: a.id });
  await users.modify(a.id, { set: { active: false } });
  const third = { schemas: [userId], userName: "c", externalId: "2" };
  const { body } = await call("POST", "/Users", third);
  expect(await users.find({})).toMatchObject({ totalResults: 5 });
  expect(body.userName).toBe("c");
});
