import { expect, test } from "vitest";
import { baseUrl, kinds, provider } from "./provider.js";

test.each(Object.entries(kinds))(
  "the groups of a user are told to who asks for them, over stores in %s",
  async (_, open) => {
    await using stores = await open();
    const { call, create } = provider(stores);
    const user = await create("/Users", { userName: "bjensen" });
    const other = await create("/Users", { userName: "jsmith" });
    const members = [{ value: user.id }];
    const guides = await create("/Groups", { displayName: "Guides", members });
    const all = await create("/Groups", { displayName: "All", members: [{ value: guides.id }] });
    const groups = [
      {
        value: guides.id,
        $ref: `${baseUrl}/Groups/${guides.id}`,
        display: "Guides",
        type: "direct",
      },
    ];
    const read = await call("GET", `/Users/${user.id}?attributes=userName,groups`);
    expect(read.body).toEqual({ schemas: user.schemas, id: user.id, userName: "bjensen", groups });
    const list = await call("GET", "/Users?attributes=groups.display&sortBy=userName");
    expect(list.body.Resources).toEqual([
      { schemas: user.schemas, id: user.id, groups: [{ display: "Guides" }] },
      { schemas: user.schemas, id: other.id },
    ]);
    const root = await call("GET", "/?attributes=groups");
    expect(root.body.totalResults).toBe(4);
    expect(JSON.stringify(root.body)).toContain(`"value":"${guides.id}"`);
    expect(JSON.stringify(root.body)).not.toContain(all.meta.location);

    expect((await call("GET", `/Users/${user.id}`)).body).toMatchObject({ groups });
    const asked = provider(stores, { userGroups: "request" });
    expect((await asked.call("GET", `/Users/${user.id}`)).body).not.toHaveProperty("groups");
    // A membership is not in the version of a user, so nothing is left out because of it.
    const path = `/Users/${user.id}?attributes=groups`;
    const known = { "if-none-match": user.meta.version };
    expect(await call("GET", path, undefined, known)).toMatchObject({ status: 200 });
  },
);

test("without a store of groups, users are in none", async () => {
  await using stores = await kinds["memory"]?.();
  if (stores === undefined) throw new Error("There are no stores in memory.");
  const { users } = stores;
  const { call, create } = provider(stores, { repositories: () => ({ users }) });
  const { id, schemas } = await create("/Users", { userName: "bjensen" });
  const { body } = await call("GET", `/Users/${id}?attributes=groups`);
  expect(body).toEqual({ schemas, id });
});
