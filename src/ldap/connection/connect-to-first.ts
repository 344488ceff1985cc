import { type ConnectOptions, connect, type LdapConnection } from "./connection.js";

/**
 * Connects to the first of several servers that can be connected to.
 *
 * @throws {LdapError} none can: the reason of the first.
 */
export async function connectToFirst(
  options: Omit<ConnectOptions, "url" | "signal">,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly url: string; readonly connection: LdapConnection }> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return { url, connection: await connect({ ...options, url, signal }) };
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
    }
  }
  throw failure;
}
