import type { Handler } from "concordat/federation";
import { nodeSqliteDialect } from "concordat/kysely";
import { Kysely, sql } from "kysely";
import { oneTimePassword, type Token } from "./token.ts";

interface Tables {
  token: { user: string; serial: string; secret: string; counter: number; failures: number };
}

/** How many passwords a user may have let go by unused. */
const lookAhead = 50;

/** After how many wrong passwords in a row a token is locked. */
const maxFailures = 10;

/** Knows users and their tokens, and answers `validate/check` as privacyIDEA does. Several may share one database. */
export class Authority {
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Opens the database in this file, and makes it if it is not there. */
  static async open(path: string): Promise<Authority> {
    const db = new Kysely<Tables>({ dialect: nodeSqliteDialect({ path }) });
    await db.schema
      .createTable("token")
      .ifNotExists()
      .addColumn("user", "text", (column) => column.primaryKey())
      .addColumn("serial", "text", (column) => column.notNull())
      .addColumn("secret", "text", (column) => column.notNull())
      .addColumn("counter", "integer", (column) => column.notNull().defaultTo(0))
      .addColumn("failures", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
    return new Authority(db);
  }

  /** Gives a user a token. */
  async enrol(user: string, { serial, secret }: Token): Promise<void> {
    await this.#db
      .insertInto("token")
      .values({
        user,
        serial,
        secret: Buffer.from(secret).toString("hex"),
        counter: 0,
        failures: 0,
      })
      .execute();
  }

  /** Answers requests to check a user's password. */
  readonly handler: Handler = async (request) => {
    const { searchParams } = new URL(request.url);
    const parameters =
      request.method === "POST" ? new URLSearchParams(await request.text()) : searchParams;
    return await this.#check(parameters.get("user") ?? "", parameters.get("pass") ?? "");
  };

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async #check(user: string, password: string): Promise<Response> {
    const token = await this.#db
      .selectFrom("token")
      .selectAll()
      .where("user", "=", user)
      .executeTakeFirst();
    if (token === undefined) return unknownUser();
    const { serial, counter, failures } = token;
    if (failures >= maxFailures) return checked(false, "Failcounter exceeded", serial);
    const secret = Buffer.from(token.secret, "hex");
    const window = Array.from({ length: lookAhead }, (_, ahead) => counter + ahead);
    const used = window.find((one) => oneTimePassword(secret, one) === password);
    if (used !== undefined && (await this.#spend(user, used))) {
      return checked(true, "matching 1 tokens", serial);
    }
    await this.#db
      .updateTable("token")
      .set({ failures: sql`failures + 1` })
      .where("user", "=", user)
      .execute();
    return checked(false, "wrong otp value", serial);
  }

  /** Spends a password, and all before it; `false` if another instance has been faster. */
  async #spend(user: string, counter: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("token")
      .set({ counter: counter + 1, failures: 0 })
      .where("user", "=", user)
      .where("counter", "<=", counter)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }
}

function checked(isRight: boolean, message: string, serial: string): Response {
  const authentication = isRight ? "ACCEPT" : "REJECT";
  return Response.json({
    detail: { message, serial, type: "hotp" },
    id: 1,
    jsonrpc: "2.0",
    result: { authentication, status: true, value: isRight },
  });
}

function unknownUser(): Response {
  const message = "ERR904: The user can not be found in any resolver in this realm!";
  const result = { error: { code: 904, message }, status: false };
  return Response.json({ detail: null, id: 1, jsonrpc: "2.0", result }, { status: 400 });
}
