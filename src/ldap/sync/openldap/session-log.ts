import type { LdapConnection } from "../../connection/connection.js";
import { firstTextOf } from "../../wire/attributes.js";
import { LdapResultError } from "../../wire/errors.js";
import { type CsnCookie, covers, mergeCookies, oldestCsn } from "./cookie.js";

const request = {
  base: "cn=Subschema",
  scope: "base",
  filter: "(objectClass=subschema)",
  attributes: ["createTimestamp"],
} as const;

/**
 * When the server was started, as a generalized time in whole seconds: OpenLDAP makes the subschema subentry (RFC 4512
 * §4.2) anew then, and says so in its `createTimestamp`. Undefined where the account may not read it, or there is none
 * of this name.
 */
export async function readServerStart(
  connection: LdapConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const [subschema] = await connection.searchAll(request, { signal });
    return subschema && firstTextOf(subschema.attributes, "createTimestamp");
  } catch (error) {
    if (!(error instanceof LdapResultError)) throw error;
    return undefined;
  }
}

/**
 * Whether the server may have been started since the state that was resumed from. Its session log begins then, and an
 * OpenLDAP that was killed begins it with the state that it stored last, as if it knew of the deletions between that
 * and its end.
 */
export function startedAfter(resumedFrom: CsnCookie, startedAt: string | undefined): boolean {
  const toTheSecond = "YYYYmmddHHMMSS".length;
  const oldest = oldestCsn(resumedFrom).slice(0, toTheSecond);
  return startedAt !== undefined && oldest <= startedAt.slice(0, toTheSecond);
}

/**
 * Whether a resumed refresh may claim deletions that it has not sent: a play-back of the session log that stops at a
 * number of one server leaves out later deletions of the others. Where the state has not moved, it claims nothing new.
 */
export function mayPassOver(resumedFrom: CsnCookie, ended: CsnCookie | undefined): boolean {
  if (ended === undefined || mergeCookies(resumedFrom, ended).csns.length === 1) return false;
  return hasMoved(resumedFrom, ended);
}

/** Whether the state went on from the one that was resumed from. */
export function hasMoved(resumedFrom: CsnCookie, ended: CsnCookie | undefined): boolean {
  return ended?.csns.some((csn) => !covers(resumedFrom, csn)) === true;
}
