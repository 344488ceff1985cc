import { createHash, randomBytes } from "node:crypto";
import { parse, serialize } from "hono/utils/cookie";
import type { Kysely } from "kysely";
import type { Tables } from "./database.ts";

/** A session of a browser at one site. */
export interface Session {
  readonly userId: string;
  readonly name: string;
}

/** How long a session lasts, in seconds. */
const lifetime = 12 * 3_600;

/** The sessions of a site, by a cookie. */
export class Sessions {
  readonly #db: Kysely<Tables>;
  readonly #isSecure: boolean;

  constructor(db: Kysely<Tables>, origin: string) {
    this.#db = db;
    this.#isSecure = origin.startsWith("https:");
  }

  /**
   * Begins a session, under a new identifier whatever the browser had before, so that nobody can have put one into it
   * that is known.
   *
   * @returns the `Set-Cookie` line.
   */
  async begin(request: Request, { userId, name }: Session): Promise<string> {
    await this.#db.deleteFrom("session").where("id", "=", this.#idOf(request)).execute();
    const secret = randomBytes(32).toString("base64url");
    const expiresAt = new Date(Date.now() + lifetime * 1_000).toISOString();
    await this.#db
      .insertInto("session")
      .values({ id: digest(secret), user_id: userId, name, expires_at: expiresAt })
      .execute();
    return serialize(this.#cookie, secret, {
      path: "/",
      httpOnly: true,
      secure: this.#isSecure,
      sameSite: "Lax",
      maxAge: lifetime,
    });
  }

  /** The session of whoever asks. */
  async of(request: Request): Promise<Session | undefined> {
    const row = await this.#db
      .selectFrom("session")
      .select(["user_id", "name"])
      .where("id", "=", this.#idOf(request))
      .where("expires_at", ">", new Date().toISOString())
      .executeTakeFirst();
    return row && { userId: row.user_id, name: row.name };
  }

  /** Ends the sessions of a user: those of this name, or all. */
  async end(userId: string, name?: string): Promise<void> {
    const rows = this.#db.deleteFrom("session").where("user_id", "=", userId);
    await (name === undefined ? rows : rows.where("name", "=", name)).execute();
  }

  /** Forgets the sessions that have expired. */
  async purge(): Promise<void> {
    const now = new Date().toISOString();
    await this.#db.deleteFrom("session").where("expires_at", "<=", now).execute();
  }

  /** With the prefix, no other host can set it; without TLS, browsers refuse such names. */
  get #cookie(): string {
    return this.#isSecure ? "__Host-session" : "session";
  }

  #idOf(request: Request): string {
    return digest(parse(request.headers.get("cookie") ?? "", this.#cookie)[this.#cookie] ?? "");
  }
}

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
