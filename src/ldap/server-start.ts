import { firstTextOf } from "./attributes.js";
import type { LdapConnection } from "./connection.js";
import { LdapResultError } from "./errors.js";

const request = {
  base: "cn=Subschema",
  scope: "base",
  filter: "(objectClass=subschema)",
  attributes: ["createTimestamp"],
} as const;

/**
 * When the server was started, as a generalized time in whole seconds: OpenLDAP makes the subschema subentry (RFC 4512 §4.2) anew
 * then, and says so in its `createTimestamp`. Undefined where the account may not read it, or there is none of this name.
 */
export async function readServerStart(
  connection: LdapConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    for await (const messages of connection.search(request, { signal })) {
      for (const message of messages) {
        if (message.kind === "entry") return firstTextOf(message.attributes, "createTimestamp");
      }
    }
  } catch (error) {
    if (!(error instanceof LdapResultError)) throw error;
  }
  return undefined;
}
