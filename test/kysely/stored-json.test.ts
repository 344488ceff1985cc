import {
  KyselyCheckpointRepository,
  KyselyConsumerRepository,
  KyselyLinkRepository,
  KyselyServerRepository,
  KyselySignOnTokenRepository,
  KyselyUserRepository,
  StoredValueError,
} from "concordat/kysely";
import { newConsumer } from "concordat/sso";
import { type Kysely, sql } from "kysely";
import { describe, expect, test } from "vitest";
import { testDatabase } from "./database.js";

const secret = "0123456789abcdefSECRET0123456789abcdef";

/** A table with damaged rows, and how they are read. */
interface Damaged {
  readonly table: string;
  readonly column: string;
  /** Writes a row, and returns how it is read. */
  write(db: Kysely<unknown>): Promise<() => Promise<unknown>>;
}

const damaged: readonly Damaged[] = [
  {
    table: "concordat_consumer",
    column: "definition",
    async write(db) {
      const consumers = new KyselyConsumerRepository(db);
      const redirectUris = ["https://shop.example/"];
      await consumers.save(
        newConsumer({ name: "shop", key: "k", secret, format: "http-signature", redirectUris }),
      );
      return () => consumers.get("k");
    },
  },
  {
    table: "concordat_server",
    column: "definition",
    async write(db) {
      const servers = new KyselyServerRepository(db);
      await servers.put({
        identifier: "child",
        url: "https://child.example",
        tls: { key: secret },
      });
      return () => servers.get("child");
    },
  },
  {
    table: "concordat_sign_on_token",
    column: "token",
    async write(db) {
      const tokens = new KyselySignOnTokenRepository(db);
      const expiresAt = new Date(Date.now() + 60_000);
      await tokens.save({ kind: "session", id: "1", consumer: "k", subject: secret, expiresAt });
      return () => tokens.get("session", "1");
    },
  },
  {
    table: "concordat_sync_stream",
    column: "taken",
    async write(db) {
      const checkpoints = new KyselyCheckpointRepository(db);
      await checkpoints.save("s", {
        checkpoint: secret,
        generation: 0,
        epoch: 0,
        revision: 0,
        taken: [],
      });
      return () => checkpoints.load("s");
    },
  },
  {
    table: "concordat_sync_entry",
    column: "failure",
    async write(db) {
      const links = new KyselyLinkRepository(db);
      const link = {
        sourceId: "1",
        type: "User",
        state: "live",
        name: secret,
        adopted: false,
        seen: 0,
        disabledByUs: false,
        dirty: false,
      } as const;
      await links.save("s", [link]);
      return () => links.get("s", ["1"]);
    },
  },
  {
    table: "concordat_user",
    column: "attributes",
    async write(db) {
      const users = new KyselyUserRepository(db);
      const { id } = await users.create({ userName: "ada", title: secret });
      return () => users.get(id);
    },
  },
];

describe("a damaged row", () => {
  test.for(damaged)(
    "in $table is an error that quotes nothing",
    async ({ table, column, write }) => {
      await using database = await testDatabase();
      const { db } = database;
      const read = await write(db);
      await read();
      // Each is no JSON, and JSON.parse quotes it.
      for (const text of [`{"a": ${secret}`, `${secret}`, `{"value":"${secret}"`]) {
        await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${text}`.execute(db);
        const error: unknown = await read().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StoredValueError);
        expect(error).toMatchObject({ code: "stored_value", column });
        expect(`${error} ${(error as Error).stack} ${(error as Error).cause}`).not.toMatch(
          /012345|SECRET/,
        );
      }
    },
  );

  test.for(damaged.slice(0, 3))(
    "in $table that is JSON of another kind too",
    async ({ table, column, write }) => {
      await using database = await testDatabase();
      const { db } = database;
      const read = await write(db);
      await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${"null"}`.execute(db);
      await expect(read()).rejects.toMatchObject({ code: "stored_value", column });
    },
  );
});
