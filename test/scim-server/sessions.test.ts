import { InvalidValueError } from "concordat";
import { InMemoryUserRepository, type UserRepository } from "concordat/repositories";
import { describe, expect, test } from "vitest";
import { baseUrl, inMemory, patch, provider, type Stores, token, userId } from "./provider.js";

const deactivations: Readonly<Record<string, readonly [string, object | undefined]>> = {
  "PATCH by path": ["PATCH", patch({ op: "replace", path: "active", value: false })],
  "PATCH that is computed": [
    "PATCH",
    patch(
      { op: "replace", path: "active", value: false },
      { op: "add", path: "emails", value: [{ value: "bjensen@example.com" }] },
    ),
  ],
  PUT: ["PUT", { schemas: [userId], userName: "bjensen", active: false }],
  DELETE: ["DELETE", undefined],
};

/** Stores in memory that note whose sessions were ended. */
function watched(setPassword?: () => Promise<void>): Stores & { readonly revoked: string[] } {
  const revoked: string[] = [];
  const users = new InMemoryUserRepository({
    revokeSessions: async (id) => {
      revoked.push(id);
    },
    ...(setPassword !== undefined && { setPassword }),
  });
  return { ...inMemory(), users, revoked };
}

describe.each(Object.entries(deactivations))(
  "a user who is shut out by %s",
  (_, [method, body]) => {
    test("has no sessions, though the client goes away while it is written", async () => {
      const stores = watched();
      const { handler } = provider(stores);
      const { id } = await stores.users.create({ userName: "bjensen", active: true });
      const client = new AbortController();
      for (const name of ["modify", "delete"] as const) leavesAfter(stores.users, name, client);
      await handler(requestOf(method, id, body, client.signal));
      expect(client.signal.aborted).toBe(true);
      expect((await stores.users.get(id))?.active ?? false).toBe(false);
      expect(stores.revoked).toEqual([id]);
    });

    test("has none when the client asks again", async () => {
      const stores = watched();
      const { call } = provider(stores);
      const { id } = await stores.users.create({ userName: "bjensen", active: false });
      const answer = await call(method, `/Users/${id}`, body);
      expect(answer.status).toBeLessThan(300);
      expect(stores.revoked).toEqual([id]);
    });
  },
);

test.each([
  ["PATCH", patch({ op: "replace", value: { active: false, password: "short" } })],
  ["PUT", { schemas: [userId], userName: "bjensen", active: false, password: "short" }],
])(
  "a user whom a %s deactivates has no sessions, though the password is refused",
  async (method, body) => {
    const stores = watched(() =>
      Promise.reject(new InvalidValueError("password", "it is too short.")),
    );
    const { call } = provider(stores, { mayWrite: () => true });
    const { id } = await stores.users.create({ userName: "bjensen", active: true });
    expect(await call(method, `/Users/${id}`, body)).toMatchObject({ status: 400 });
    expect((await stores.users.get(id))?.active).toBe(false);
    expect(stores.revoked).toEqual([id]);
  },
);

test("a password is set with the rest, though the client goes away between the two", async () => {
  const passwords: string[] = [];
  const client = new AbortController();
  const users = new InMemoryUserRepository({
    setPassword: async (_, password, options) => {
      options?.signal?.throwIfAborted();
      passwords.push(password);
    },
  });
  const { id } = await users.create({ userName: "bjensen" });
  const modify = users.modify.bind(users);
  users.modify = async (...given) => {
    await modify(...given);
    client.abort();
  };
  const at = provider({ ...inMemory(), users }, { mayWrite: () => true });
  const change = patch({ op: "replace", value: { title: "Guide", password: "t1meMa$heen" } });
  await at.handler(requestOf("PATCH", id, change, client.signal));
  expect((await users.get(id))?.title).toBe("Guide");
  expect(passwords).toEqual(["t1meMa$heen"]);
});

function requestOf(
  method: string,
  id: string,
  body: object | undefined,
  signal: AbortSignal,
): Request {
  return new Request(`${baseUrl}/Users/${id}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal,
  });
}

/**
 * Has the client go away when the store has written, and before it says so: as a store does that watches the signal.
 */
function leavesAfter(
  users: UserRepository,
  name: "modify" | "delete",
  client: AbortController,
): void {
  const write = users[name].bind(users) as (...given: readonly unknown[]) => Promise<void>;
  Object.assign(users, {
    [name]: async (...given: readonly unknown[]) => {
      await write(...given);
      client.abort();
      const options = given.at(-1) as { readonly signal?: AbortSignal } | undefined;
      options?.signal?.throwIfAborted();
    },
  });
}
