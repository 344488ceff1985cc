import { UnsupportedError } from "../../../core/index.js";
import type { LdapConnection } from "../../connection/connection.js";
import { LdapResultError } from "../../wire/errors.js";
import { readSyncDone, syncRequest } from "../../wire/sync-messages.js";
import type { Content } from "../reading.js";
import { type CsnCookie, covers, mergeCookies, parseCookie, serverOfCookie } from "./cookie.js";

/** The last stamp of a server that there can be: whatever it has changed, it knows itself. */
const endOfTime = "99999999999999.999999Z#ffffff";

const unavailableCriticalExtension = 12;

/**
 * What a server itself holds, as it has said on one connection. Another one of the same directory may be ahead of it:
 * what is known from there this one has yet to receive.
 */
export class ServerState {
  /** The server's own number, where it names it. */
  readonly #own: string | undefined;
  #held: CsnCookie;

  constructor(held: CsnCookie, own: string | undefined) {
    this.#held = held;
    this.#own = own ?? onlyServerOf(held);
  }

  /** What it holds. */
  get held(): CsnCookie {
    return this.#held;
  }

  /** The server has said that it holds this. */
  advance(cookie: CsnCookie): void {
    this.#held = mergeCookies(this.#held, cookie);
  }

  /** Whether the server has yet to receive changes of others that the cookie covers. */
  lagsBehind(cookie: CsnCookie | undefined): boolean {
    return (
      cookie?.csns.some((csn) => serverOf(csn) !== this.#own && !covers(this.#held, csn)) ?? false
    );
  }

  /** What the server holds, as the stamps of a change stream: of its own changes it holds all that there are. */
  get stamps(): readonly string[] {
    const others = this.#held.csns.filter((csn) => serverOf(csn) !== this.#own);
    return this.#own === undefined ? others : [...others, `${endOfTime}#${this.#own}#ffffff`];
  }
}

/**
 * Asks a server for its state: by a synchronization of nothing, whose end carries its cookie. Undefined where it has
 * none.
 *
 * @throws {UnsupportedError} the server knows content synchronization, but not for this database.
 */
export async function readServerState(
  connection: LdapConnection,
  { base, controls }: Content,
  signal: AbortSignal,
): Promise<ServerState | undefined> {
  const request = {
    base,
    scope: "base",
    filter: "(!(objectClass=*))",
    attributes: ["1.1"],
    controls: [syncRequest("refreshOnly"), ...controls],
  } as const;
  try {
    for await (const messages of connection.search(request, { signal, isAwaited: true })) {
      for (const message of messages) {
        if (message.kind !== "done") continue;
        const { cookie } = readSyncDone(message.controls);
        const held = parseCookie(cookie);
        return held && new ServerState(held, serverOfCookie(cookie));
      }
    }
  } catch (error) {
    if (!(error instanceof LdapResultError)) throw error;
    if (error.resultCode !== unavailableCriticalExtension) throw error;
    throw new UnsupportedError(
      `The directory offers content synchronization (RFC 4533), but not for the database of "${base}". ` +
        "On OpenLDAP, load the overlay syncprov on this database.",
      { cause: error },
    );
  }
  return undefined;
}

/** A server that does not number itself is the only one that makes changes, or does not say which it is. */
function onlyServerOf({ csns }: CsnCookie): string | undefined {
  const [only, ...others] = csns;
  return only === undefined || others.length > 0 ? undefined : serverOf(only);
}

function serverOf(csn: string): string {
  return csn.slice(30, 33);
}
