import { UnavailableError } from "concordat";
import { KyselyUserRepository, kyselyTarget } from "concordat/kysely";
import type { Kysely } from "kysely";
import { expect, test } from "vitest";
import { describeOn, type ServerKind, servers, type TestDatabase } from "./databases.js";
import { type Relay, startRelay } from "./servers/relay.js";

for (const server of servers) {
  describeOn(server, "a connection that is lost", () => {
    test("while a transaction is under way undoes it, and the next finds another", async () => {
      await using database = await server.open();
      const target = kyselyTarget({ db: database.db });
      const { endConnections } = await server.server();
      const lost = target.transaction?.(async (inside) => {
        await inside.users.create({ userName: "ann" });
        await endConnections();
        await inside.users.create({ userName: "bob" });
      });
      await expect(lost).rejects.toThrow(UnavailableError);
      await expect(lost).rejects.toMatchObject({ mayBeDone: false });
      expect(await namesIn(database.db)).toEqual([]);
      await target.transaction?.((inside) => inside.users.create({ userName: "eve" }));
      expect(await namesIn(database.db)).toEqual(["eve"]);
    });

    test("while nobody uses it is replaced, or refused as something to try again", async () => {
      await using database = await server.open({ connections: 1 });
      const users = new KyselyUserRepository(database.db);
      await users.create({ userName: "ann" });
      await (await server.server()).endConnections();
      await users.find({}).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "unavailable", mayBeDone: false });
      });
      await expect.poll(() => namesIn(database.db)).toEqual(["ann"]);
    });

    test("with the failure that a transaction is rolled back for does not hide that failure", async () => {
      await using database = await server.open();
      const target = kyselyTarget({ db: database.db });
      const { endConnections } = await server.server();
      const failed = target.transaction?.(async (inside) => {
        await inside.users.create({ userName: "ann" });
        await endConnections();
        throw new Error("The work failed.");
      });
      await expect(failed).rejects.toThrow("The work failed.");
    });

    test("before the server says that it has committed leaves it open whether it has", async () => {
      await using relayed = await overRelay(server);
      const { relay, db } = relayed;
      const target = kyselyTarget({ db });
      for (const [lost, names] of [
        ["answer", ["answer"]],
        ["statement", ["answer"]],
      ] as const) {
        const transaction = target.transaction?.(async (inside) => {
          await inside.users.create({ userName: lost });
          relay.lose(lost, "commit");
        });
        await expect(transaction).rejects.toThrow(UnavailableError);
        await expect(transaction).rejects.toMatchObject({ mayBeDone: true });
        expect(await namesIn(db)).toEqual(names);
      }
    });

    test("before the server answers a statement leaves it open what was done, if it does anything", async () => {
      await using relayed = await overRelay(server);
      const { relay, db } = relayed;
      const users = new KyselyUserRepository(db);
      relay.lose("answer", "insert into");
      await expect(users.create({ userName: "ann" })).rejects.toMatchObject({
        code: "unavailable",
        mayBeDone: true,
      });
      expect(await namesIn(db)).toEqual(["ann"]);
      relay.lose("answer", "select");
      await expect(users.find({})).rejects.toMatchObject({ code: "unavailable", mayBeDone: false });
    });

    test("after something was written says that this may be done", async () => {
      await using relayed = await overRelay(server);
      const { relay, db } = relayed;
      const users = new KyselyUserRepository(db);
      const { id } = await users.create({ userName: "ann" });
      const maybe = { code: "unavailable", mayBeDone: true };
      relay.lose("answer", "select");
      await expect(users.replace(id, { userName: "eve" })).rejects.toMatchObject(maybe);
      expect(await namesIn(db)).toEqual(["eve"]);
      relay.lose("statement", "delete from");
      const batch = users.write([
        { kind: "create", resource: { userName: "bob" } },
        { kind: "delete", id },
      ]);
      await expect(batch).rejects.toMatchObject(maybe);
      expect(await namesIn(db)).toEqual(["eve", "bob"]);
      const lost = kyselyTarget({ db }).transaction?.((inside) => {
        relay.lose("answer", "select");
        return inside.users.replace(id, { userName: "zoe" });
      });
      await expect(lost).rejects.toMatchObject({ ...maybe, mayBeDone: false });
      expect(await namesIn(db)).toEqual(["eve", "bob"]);
    });

    test("in what a repository does at once is told of in the same way", async () => {
      await using relayed = await overRelay(server);
      const { relay, db } = relayed;
      const users = new KyselyUserRepository(db);
      const { id } = await users.create({ userName: "ann" });
      relay.lose("answer", "delete from");
      await expect(users.delete(id)).rejects.toMatchObject({
        code: "unavailable",
        mayBeDone: false,
      });
      expect(await namesIn(db)).toEqual(["ann"]);
      relay.lose("answer", "commit");
      await expect(users.delete(id)).rejects.toMatchObject({
        code: "unavailable",
        mayBeDone: true,
      });
      expect(await namesIn(db)).toEqual([]);
    });

    test("and a server that does not answer are things to try again", async () => {
      const relayed = await overRelay(server);
      await using database = await server.open({ socket: relayed.relay.socket, tables: false });
      await relayed[Symbol.asyncDispose]();
      await expect(new KyselyUserRepository(database.db).find({})).rejects.toMatchObject({
        code: "unavailable",
        mayBeDone: false,
      });
    });
  });
}

/** A database that is reached over a relay. */
async function overRelay(server: ServerKind): Promise<TestDatabase & { readonly relay: Relay }> {
  const relay = await startRelay(await server.server());
  const database = await server.open({ socket: relay.socket });
  return {
    ...database,
    relay,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
    },
  };
}

async function namesIn(db: Kysely<unknown>): Promise<string[]> {
  const { resources } = await new KyselyUserRepository(db).find({});
  return resources.map(({ userName }) => userName);
}
