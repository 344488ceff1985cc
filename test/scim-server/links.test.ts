import { mayWriteByDefault, ScimRequestError } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { enterpriseUserId, kinds, patch, provider, userId } from "./provider.js";

const number = `${enterpriseUserId}:employeeNumber`;

describe.each(Object.entries(kinds))("a user who is restored, over stores in %s", (_, open) => {
  test("keeps what was not sent, and what may not be written", async () => {
    await using stores = await open();
    const { id } = await stores.users.create({
      userName: "bjensen",
      externalId: "701984",
      active: false,
      name: { familyName: "Jensen", givenName: "Barbara" },
      emails: [{ value: "bjensen@example.com" }],
      title: "Guide",
      [enterpriseUserId]: { employeeNumber: "701984", costCenter: "4130" },
    });
    const { create } = provider(stores, {
      mayWrite: (__, path, type) => mayWriteByDefault(path, type) && path !== number,
    });
    const restored = await create("/Users", {
      userName: "babs",
      externalId: "701984",
      name: { givenName: "Babs" },
      emails: [{ value: "babs@example.com" }],
      [enterpriseUserId]: { department: "Tours", employeeNumber: "1" },
    });
    expect(restored).toMatchObject({
      id,
      active: true,
      userName: "babs",
      title: "Guide",
      name: { familyName: "Jensen", givenName: "Babs" },
      [enterpriseUserId]: { department: "Tours", employeeNumber: "701984", costCenter: "4130" },
    });
    expect(restored.emails).toEqual([{ value: "babs@example.com" }]);
  });

  test("is restored once, however many ask for it at once", async () => {
    await using stores = await open();
    const { id } = await stores.users.create({
      userName: "bjensen",
      externalId: "701984",
      active: false,
    });
    const { call } = provider(stores);
    const titles = ["Guide", "Driver", "Cook"];
    const answers = await Promise.all(
      titles.map((title) =>
        call("POST", "/Users", {
          schemas: [userId],
          userName: "bjensen",
          externalId: "701984",
          title,
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const done = answers.find(({ status }) => status === 201)?.body;
    expect(done).toMatchObject({ id, active: true });
    expect((await stores.users.get(id))?.title).toBe(done?.title);
  });

  test("is told to the policy as the change of that user, which it can refuse", async () => {
    await using stores = await open();
    const sent = { userName: "owner", externalId: "1" };
    const { id } = await stores.users.create({ ...sent, active: false });
    const seen: string[] = [];
    const { call } = provider(stores, {
      policy: {
        before(operation) {
          seen.push(operation.kind);
          const isProtected = operation.kind === "modify" && operation.id === id;
          if (!isProtected) return;
          expect(operation.values).toMatchObject({ active: true, title: "Guide" });
          throw new ScimRequestError(403, "The owner stays as they are.");
        },
      },
    });
    const answer = await call("POST", "/Users", { schemas: [userId], ...sent, title: "Guide" });
    expect(answer).toMatchObject({ status: 403, body: { detail: "The owner stays as they are." } });
    expect(seen).toEqual(["create", "modify"]);
    expect((await stores.users.get(id))?.active).toBe(false);
  });

  test("stays inactive where the principal may not say otherwise", async () => {
    await using stores = await open();
    const sent = { userName: "bjensen", externalId: "1" };
    const { id } = await stores.users.create({ ...sent, active: false });
    const { create, call } = provider(stores, { mayWrite: (__, path) => path !== "active" });
    expect(await create("/Users", { ...sent, active: true })).toMatchObject({ id, active: false });
    const activation = patch({ op: "replace", path: "active", value: true });
    expect((await call("PATCH", `/Users/${id}`, activation)).body.active).toBe(false);
  });
});
