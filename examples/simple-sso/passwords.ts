import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Kysely } from "kysely";
import type { Tables } from "./database.ts";

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Who is found where nobody has the name, so that it takes as long to find nobody. */
const nobody = { salt: "", hash: Buffer.alloc(32).toString("base64") };

/** The passwords of the site's users. */
export class Passwords {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Gives a user a password. */
  async set(userName: string, userId: string, password: string): Promise<void> {
    const salt = randomBytes(16);
    const row = {
      user_id: userId,
      salt: salt.toString("base64"),
      hash: (await derive(password.normalize(), salt, 32)).toString("base64"),
    };
    await this.#db
      .insertInto("password")
      .values({ user_name: userName.toLowerCase(), ...row })
      .onConflict((conflict) => conflict.column("user_name").doUpdateSet(row))
      .execute();
  }

  /** The id of the user who has this name and this password. */
  async check(userName: string, password: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom("password")
      .select(["user_id", "salt", "hash"])
      .where("user_name", "=", userName.toLowerCase())
      .executeTakeFirst();
    const { salt, hash } = row ?? nobody;
    const derived = await derive(password.normalize(), Buffer.from(salt, "base64"), 32);
    return timingSafeEqual(derived, Buffer.from(hash, "base64")) ? row?.user_id : undefined;
  }
}
