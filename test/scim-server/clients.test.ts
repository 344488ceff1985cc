import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import { entraProfile, lenientProfile, searchRequestId } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { bulkRequestId } from "../../src/scim/internal.js";
import { enterpriseUserId, kinds, patch, provider, userId } from "./provider.js";

/** What provisioning clients of today send beside what the RFCs have. */
describe.each(Object.entries(kinds))("over stores in %s", (_, open) => {
  test("a user whose manager is asked for as Entra asks is found", async () => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: entraProfile });
    const manager = await create("/Users", { userName: "boss" });
    const user = await create("/Users", {
      userName: "bjensen",
      [enterpriseUserId]: { manager: { value: manager.id } },
    });
    const matches = async (filter: string): Promise<number> => {
      const parameters = new URLSearchParams({ filter, attributes: "id" });
      return (await call("GET", `/Users?${parameters}`)).body.totalResults;
    };
    expect(await matches(`id eq "${user.id}" and manager eq "${manager.id}"`)).toBe(1);
    expect(await matches(`id eq "${user.id}" and manager eq "${user.id}"`)).toBe(0);
    expect(await matches(`${enterpriseUserId}.manager eq "${manager.id}"`)).toBe(1);
    expect(await matches("department pr")).toBe(0);
  });

  test("a user is disabled beside an address that is emptied and was none", async () => {
    await using stores = await open();
    const { call, create } = provider(stores, { profile: entraProfile });
    const { id } = await create("/Users", { userName: "bjensen", active: true });
    const sent = patch(
      { op: "Replace", path: 'emails[type eq "work"].value', value: "" },
      { op: "Replace", path: "active", value: "False" },
    );
    expect((await call("PATCH", `/Users/${id}`, sent)).body).toMatchObject({ active: false });
  });
});

describe("by the lenient profile, and by no other", () => {
  const lenient = provider({ ...stores() }, { profile: lenientProfile });
  const strict = provider({ ...stores() });
  function stores(): Parameters<typeof provider>[0] {
    return { users: new InMemoryUserRepository(), groups: new InMemoryGroupRepository() };
  }

  test("a search has numbers and lists as texts", async () => {
    const body = {
      schemas: [searchRequestId],
      startIndex: "2",
      count: "1",
      attributes: "userName, title",
    };
    for (const userName of ["a", "b", "c"])
      await lenient.create("/Users", { userName, title: "x" });
    const answered = await lenient.call("POST", "/Users/.search", body);
    expect(answered.body).toMatchObject({ startIndex: 2, itemsPerPage: 1, totalResults: 3 });
    expect(Object.keys(answered.body.Resources[0]).sort()).toEqual(
      ["id", "schemas", "title", "userName"].sort(),
    );
    expect(await strict.call("POST", "/Users/.search", body)).toMatchObject({ status: 400 });
    const wrong = { schemas: [searchRequestId], count: "many" };
    expect(await lenient.call("POST", "/Users/.search", wrong)).toMatchObject({ status: 400 });
  });

  test("a bulk request with failOnErrors 0 ends at the first error", async () => {
    const user = (userName: string): object => ({
      method: "POST",
      path: "/Users",
      bulkId: userName,
      data: { schemas: [userId], userName },
    });
    const body = {
      schemas: [bulkRequestId],
      failOnErrors: 0,
      Operations: [user("d"), user("D"), user("e")],
    };
    const { Operations } = (await lenient.call("POST", "/Bulk", body)).body;
    expect(Operations.map(({ status }: { status: string }) => status)).toEqual(["201", "409"]);
    expect(await strict.call("POST", "/Bulk", body)).toMatchObject({ status: 400 });
  });

  test.each(["application/json+scim", "application/scim;charset=utf-8"])(
    "a body is of %s",
    async (type) => {
      const body = { schemas: [searchRequestId] };
      const headers = { "content-type": type };
      expect((await lenient.call("POST", "/.search", body, headers)).status).toBe(200);
      expect((await strict.call("POST", "/.search", body, headers)).status).toBe(415);
    },
  );
});
