import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import { afterAll, beforeEach, expect, test } from "vitest";
import { describeOn, emptyTables, postgres } from "../kysely/databases.js";
import { type Provider, patch, provider, userId } from "./provider.js";

describeOn(postgres, "requests at once", async () => {
  const opened = postgres.missing === undefined ? await postgres.open() : undefined;
  afterAll(() => opened?.[Symbol.asyncDispose]());
  let at: Provider;

  beforeEach(async () => {
    if (opened === undefined) return;
    await emptyTables(opened.db);
    at = provider({
      users: new KyselyUserRepository(opened.db),
      groups: new KyselyGroupRepository(opened.db),
    });
  });

  /** How often each status was answered. */
  async function statuses(
    count: number,
    send: (n: number) => ReturnType<Provider["call"]>,
  ): Promise<Readonly<Record<string, number>>> {
    const answers = await Promise.all(Array.from({ length: count }, (_, n) => send(n)));
    const found: Record<string, number> = {};
    for (const { status } of answers) found[status] = (found[status] ?? 0) + 1;
    return found;
  }

  test("of 50 creations of one userName one is done, and the others are conflicts", async () => {
    const names = ["bjensen", "BJensen", "BJENSEN"];
    const found = await statuses(50, (n) =>
      at.call("POST", "/Users", { schemas: [userId], userName: names[n % 3] }),
    );
    expect(found).toEqual({ 201: 1, 409: 49 });
  });

  test("of 50 changes of one version one is done, by PATCH, PUT and DELETE", async () => {
    for (const change of [
      (n: number) => ["PATCH", patch({ op: "replace", path: "title", value: `${n}` })] as const,
      (n: number) => ["PUT", { schemas: [userId], userName: `user${n}` }] as const,
    ]) {
      const { id, meta } = await at.create("/Users", { userName: "bjensen" });
      const found = await statuses(50, (n) => {
        const [method, body] = change(n);
        return at.call(method, `/Users/${id}`, body, { "if-match": meta.version });
      });
      expect(found).toEqual({ 200: 1, 412: 49 });
      await at.call("DELETE", `/Users/${id}`);
    }
    const { id, meta } = await at.create("/Users", { userName: "bjensen" });
    const found = await statuses(50, () =>
      at.call("DELETE", `/Users/${id}`, undefined, { "if-match": meta.version }),
    );
    // A later reader finds none.
    const { 204: done, 404: gone = 0, 412: refused = 0 } = found;
    expect({ done, others: gone + refused }).toEqual({ done: 1, others: 49 });
  });

  test("30 replacements without a version are all done, one after the other", async () => {
    const { id } = await at.create("/Users", { userName: "bjensen" });
    const found = await statuses(30, (n) =>
      at.call("PUT", `/Users/${id}`, { schemas: [userId], userName: "bjensen", title: `${n}` }),
    );
    expect(found).toEqual({ 200: 30 });
  });

  test("100 members who are added at once are all there, and gone when removed at once", async () => {
    const group = await at.create("/Groups", { displayName: "Guides" });
    const ids = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const { id } = await at.create("/Users", { userName: `user${n}` });
        return String(id);
      }),
    );
    const path = `/Groups/${group.id}`;
    const added = await statuses(100, (n) =>
      at.call("PATCH", path, patch({ op: "add", path: "members", value: [{ value: ids[n] }] })),
    );
    expect(added).toEqual({ 204: 100 });
    const { members } = (await at.call("GET", path)).body;
    expect(new Set(members.map(({ value }: { value: string }) => value))).toEqual(new Set(ids));
    const removed = await statuses(100, (n) =>
      at.call("PATCH", path, patch({ op: "remove", path: `members[value eq "${ids[n]}"]` })),
    );
    expect(removed).toEqual({ 204: 100 });
    expect((await at.call("GET", path)).body).not.toHaveProperty("members");
  });

  test("30 values that are added at once are all there, with a policy that sees each and without", async () => {
    const { users, groups } = at;
    for (const policy of [undefined, { before: async () => {} }]) {
      const serving = provider({ users, groups }, policy && { policy });
      const { id } = await serving.create("/Users", { userName: `of ${policy}` });
      const found = await statuses(30, (n) => {
        const value = [{ value: `user${n}@example.com` }];
        return serving.call("PATCH", `/Users/${id}`, patch({ op: "add", path: "emails", value }));
      });
      expect(found).toEqual({ 200: 30 });
      expect((await serving.call("GET", `/Users/${id}`)).body.emails).toHaveLength(30);
    }
  });
});
