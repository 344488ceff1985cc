import { InvalidValueError } from "concordat";
import { type InMemoryTarget, inMemoryTarget } from "concordat/repositories";
import { describe, expect, test } from "vitest";
import { type Answer, type Provider, patch, provider, userId } from "./provider.js";

/** Stores in memory that take passwords of eight characters and more. */
function target(transactions: boolean): { target: InMemoryTarget; passwords: Map<string, string> } {
  const passwords = new Map<string, string>();
  const setPassword = async (id: string, password: string): Promise<void> => {
    if (password.length < 8) throw new InvalidValueError("password", "it is too short.");
    passwords.set(id, password);
  };
  return { target: inMemoryTarget({ transactions, users: { setPassword } }), passwords };
}

const changes: Readonly<
  Record<string, (at: Provider, id: string, word: string) => Promise<Answer>>
> = {
  PATCH: (at, id, password) =>
    at.call("PATCH", `/Users/${id}`, patch({ op: "add", value: { password, title: "Guide" } })),
  PUT: (at, id, password) => {
    const user = { schemas: [userId], userName: "bjensen", title: "Guide", password };
    return at.call("PUT", `/Users/${id}`, user);
  },
};

describe.each(Object.entries(changes))("a password that comes with a %s", (_, change) => {
  test("is given to the user with the rest, and is in no answer", async () => {
    const { target: stores, passwords } = target(true);
    const at = provider(stores, { repositories: () => stores, mayWrite: () => true });
    const { id } = await at.create("/Users", { userName: "bjensen" });
    const answer = await change(at, id, "t1meMa$heen");
    expect(answer).toMatchObject({ status: 200, body: { title: "Guide" } });
    expect(JSON.stringify(answer.body)).not.toContain("assword");
    expect(passwords.get(id)).toBe("t1meMa$heen");
  });

  test.each([
    ["nothing is changed", true, undefined],
    ["the rest is changed where stores have no transactions", false, "Guide"],
  ])("is refused, and %s", async (__, transactions, title) => {
    const { target: stores } = target(transactions);
    const at = provider(stores, { repositories: () => stores, mayWrite: () => true });
    const created = await at.create("/Users", { userName: "bjensen" });
    expect(await change(at, created.id, "short")).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue" },
    });
    const { body } = await at.call("GET", `/Users/${created.id}`);
    expect(body.title).toBe(title);
  });
});
