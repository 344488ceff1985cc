import { InvalidValueError, UnsupportedError } from "concordat";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Tryton } from "../../examples/tryton-scim/client.js";
import { TrytonUsers } from "../../examples/tryton-scim/users.js";
import {
  database,
  debian,
  installTryton,
  newest,
  serviceAccount,
  type TrytonServer,
  type Trytons,
  trytonIsMissing,
} from "./tryton-server.js";

const password = "Corr3ct-hOrse.x";

describe.each([
  ["6.0 of Debian", trytonIsMissing === undefined ? debian : undefined],
  ["the newest", newest],
])("inactive accounts of Tryton, %s", (_release, release) => {
  let trytons: Trytons | undefined;
  let server: TrytonServer;
  let tryton: Tryton;

  beforeAll(async () => {
    if (release === undefined) return;
    trytons = await installTryton(release);
    server = await trytons.copy();
    tryton = new Tryton({ url: server.url, database, ...serviceAccount });
  }, 240_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await trytons?.[Symbol.asyncDispose]();
  });

  async function disabled(userName: string, users: TrytonUsers): Promise<string> {
    const { id } = await users.create({ userName, password });
    await users.modify(id, { set: { active: false } });
    return id;
  }

  async function stored(id: string): Promise<string> {
    const found = await tryton.records("res.user", [["id", "=", Number(id)]], ["login", "active"]);
    return found.map(({ login, active }) => `${login} ${Boolean(active)}`).join();
  }

  test.skipIf(release === undefined)(
    "are changed, get another name or password, and are deleted, and nobody is let in",
    async () => {
      const users = new TrytonUsers(tryton, { passwords: true });
      const id = await disabled("ada", users);
      await users.modify(id, { set: { userName: "lovelace", displayName: "Ada" } });
      expect(await users.get(id)).toMatchObject({ userName: "lovelace", displayName: "Ada" });
      const another = "An0ther-hOrse.z";
      await users.setPassword?.(id, another);
      expect(await stored(id)).toBe("lovelace false");
      expect(await server.as("lovelace", another)).toBeUndefined();

      // Enabled with another name, by one change.
      await users.modify(id, { set: { userName: "king", active: true } });
      expect(await stored(id)).toBe("king true");
      expect(await server.as("king", another)).toBeDefined();

      await users.modify(id, { set: { active: false } });
      await users.delete(id);
      expect(await stored(id)).toBe(`king~retired~${id} false`);
    },
    120_000,
  );

  test.skipIf(release === undefined)(
    "are made as they are, and nobody is let in before they are enabled",
    async () => {
      const users = new TrytonUsers(tryton, { passwords: true });
      const { id, active } = await users.create({ userName: "alan", active: false, password });
      expect(active).toBe(false);
      expect(await stored(id)).toBe("alan false");
      expect(await server.as("alan", password)).toBeUndefined();
      await users.modify(id, { set: { active: true } });
      expect(await server.as("alan", password)).toBeDefined();

      // What Tryton refuses for another reason is not made in two steps.
      const weak = users.create({ userName: "turing", active: false, password: "a" });
      await expect(weak).rejects.toThrow(InvalidValueError);
      expect(
        (await users.find({ count: 100 })).resources.map((user) => user.userName),
      ).not.toContain("turing");
    },
    120_000,
  );

  test.skipIf(release === undefined)(
    "stay inactive where Tryton refuses the change",
    async () => {
      const users = new TrytonUsers(tryton, { passwords: true });
      const id = await disabled("grace", users);
      await expect(users.setPassword?.(id, "a")).rejects.toThrow(InvalidValueError);
      expect(await stored(id)).toBe("grace false");
      expect(await server.as("grace", password)).toBeUndefined();
    },
    120_000,
  );
});

describe.skipIf(newest === undefined)("an inactive account of the newest Tryton", () => {
  let trytons: Trytons | undefined;
  let server: TrytonServer;
  let tryton: Tryton;

  beforeAll(async () => {
    trytons = await installTryton(newest);
    server = await trytons.copy();
    tryton = new Tryton({ url: server.url, database, ...serviceAccount });
  }, 240_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await trytons?.[Symbol.asyncDispose]();
  });

  test("is left as it is, by option, with the reason", async () => {
    const users = new TrytonUsers(tryton, { changesOfInactive: "refuse" });
    await expect(users.create({ userName: "kim", active: false })).rejects.toThrow(
      /makes no account that is inactive/,
    );
    expect((await users.find({ count: 100 })).resources.map((user) => user.userName)).not.toContain(
      "kim",
    );
    const { id } = await users.create({ userName: "kay" });
    await users.modify(id, { set: { active: false } });
    const changed = users.modify(id, { set: { displayName: "Kay" } });
    await expect(changed).rejects.toThrow(UnsupportedError);
    await expect(users.delete(id)).rejects.toThrow(
      /changes nothing at an account that is inactive/,
    );
    await users.modify(id, { set: { displayName: "Kay", active: true } });
    expect(await users.get(id)).toMatchObject({ active: true, displayName: "Kay" });
    await users.delete(id);
    expect(await users.get(id)).toBeUndefined();
  }, 120_000);

  test("keeps no session of the moment in which it was active", async () => {
    const users = new TrytonUsers(tryton, { passwords: true });
    const { id } = await users.create({ userName: "eve", password });
    await users.modify(id, { set: { active: false } });
    // What the template does, with somebody who is fast between its two calls.
    await tryton.call("res.user", "write", [[Number(id)], { active: true }]);
    const session = await server.as("eve", password);
    const preferences = () => session?.call("model.res.user.get_preferences", true);
    expect(await preferences()).toBeDefined();
    await tryton.call("res.user", "write", [[Number(id)], { name: "Eve", active: false }]);
    await expect(preferences()).rejects.toThrow(/401/);
  }, 120_000);
});
