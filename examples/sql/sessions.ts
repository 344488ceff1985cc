import { randomBytes } from "node:crypto";
import { caseless } from "concordat/scim";
import { sql } from "kysely";
import type { Database } from "./database.ts";

const lifetime = 8 * 3_600_000;

/** Why somebody cannot sign in. */
export type SignInRefusal = "unknown" | "disabled";

/**
 * Signs a person in whom something in front of the application has authenticated: a proxy that speaks Kerberos, SAML or
 * OpenID Connect. It is the account that the directory made; no account is made here.
 *
 * @param login the user name, as the directory has it.
 * @returns the id of the session, or why there is none.
 */
export async function signIn(
  db: Database,
  login: string,
): Promise<{ readonly session: string } | { readonly refused: SignInRefusal }> {
  const { rows } = await sql<{ id: number; disabled: number }>`
    select id, disabled from person where login_key = ${caseless(login)}`.execute(db);
  const [person] = rows;
  if (person === undefined) return { refused: "unknown" };
  if (Number(person.disabled) !== 0) return { refused: "disabled" };
  const session = randomBytes(32).toString("base64url");
  const expires_at = new Date(Date.now() + lifetime).toISOString();
  await db
    .insertInto("session")
    .values({ id: session, person_id: person.id, expires_at })
    .execute();
  return { session };
}

/** Whose session it is, for as long as it lasts. */
export async function personOf(db: Database, session: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("session")
    .innerJoin("person", "person.id", "session.person_id")
    .select("person.login")
    .where("session.id", "=", session)
    .where("session.expires_at", ">", new Date().toISOString())
    .executeTakeFirst();
  return row?.login;
}

/** Ends every session of a person. Synchronisation calls it when the account was disabled. */
export async function endSessionsOf(db: Database, person: number): Promise<void> {
  await db.deleteFrom("session").where("person_id", "=", person).execute();
}
