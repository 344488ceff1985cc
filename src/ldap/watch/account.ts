import type { BindOptions } from "../connection/bind.js";
import type { LdapConnection } from "../connection/connection.js";
import { LdapResultError } from "../wire/errors.js";

/** Whom the server takes the client for (RFC 4532); undefined where it does not say. */
export async function readAccount(
  connection: LdapConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await connection.whoAmI({ signal });
  } catch (error) {
    if (error instanceof LdapResultError) return undefined;
    throw error;
  }
}

/**
 * Whom a ticket, a certificate or the user of a socket was taken for, which the options do not say: another one may see
 * other entries. Undefined where the options do say it, and where the server does not.
 */
export async function accountBehind(
  bind: BindOptions | undefined,
  connection: LdapConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (bind === undefined || bind.method === "simple") return undefined;
  return await readAccount(connection, signal);
}
