import { InvalidValueError } from "../../core/index.js";
import { LdapCredentialsError, LdapResultError } from "../wire/errors.js";
import type { Protection } from "../wire/gssapi-errors.js";
import { encodeExternalBind, encodeSimpleBind } from "../wire/request.js";
import type { GssContext, GssTarget } from "./gssapi/context.js";
import type { LdapSession } from "./session.js";

/** With a name and a password (RFC 4513 §5.1.3). */
export interface SimpleBind {
  /** By a name and a password (RFC 4513 §5.1.3). */
  readonly method: "simple";
  /** The distinguished name of the account. */
  readonly dn: string;
  /**
   * The password, or where to get it: a function is called once, when the connection is up and secured. What it throws
   * is thrown on; an `UnavailableError` tells a stream that reconnects by itself to try again later.
   */
  readonly password: string | (() => string | Promise<string>);
}

/** With what the layers below have proved: a client certificate, or the user of a local socket (RFC 4513 §5.2.3). */
export interface ExternalBind {
  /** By the client certificate of the connection, or the user of a socket (RFC 4513 §5.2.3). */
  readonly method: "external";
  /** Whom to act as, such as `dn:cn=sync,dc=example,dc=com`. Default: whom the server takes the credentials for. */
  readonly authorizationId?: string | undefined;
}

/** With a security context of GSS-API, as a rule of Kerberos (the SASL mechanism GSSAPI, RFC 4752). */
export interface GssapiBind {
  /** By Kerberos (RFC 4752). */
  readonly method: "gssapi";
  /**
   * Makes a security context. It is called at each connection. An `UnavailableError` that it throws tells a
   * stream that reconnects by itself to try again later.
   */
  readonly context: (target: GssTarget) => GssContext | Promise<GssContext>;
  /** The host in the name of the service, where it is not the one of the URL. For `ldapi:` it is to be given. */
  readonly host?: string | undefined;
  /**
   * The least protection of what is sent from then on. A server that offers less is refused; of what it offers beyond
   * that, the weakest is taken. Default: `"none"` under TLS and on a socket of this machine, `"privacy"` without: most
   * servers of Active Directory take no other protection under TLS. `"none"` over `ldap:` takes `allowCleartext`.
   */
  readonly protection?: Protection | undefined;
  /** Whom to act as, such as `dn:cn=sync,dc=example,dc=com`. Default: whom the server takes the credentials for. */
  readonly authorizationId?: string | undefined;
}

/** Who the client says it is. */
export type BindOptions = SimpleBind | ExternalBind | GssapiBind;

/** It goes out in one token, of which a server need not take more than some thousand bytes. */
const longestAuthorizationId = 1_024;

/** Result codes by which servers refuse a name or a password. 389 Directory Server answers 32 for an unknown name. */
export const refusals: readonly number[] = [32, 48, 49];

/**
 * Refuses, before anything is sent, what could not be a proof of identity: a name without a password is an
 * "unauthenticated bind", which succeeds as anonymous on many servers (RFC 4513 §5.1.2).
 */
export function checkBind(bind: BindOptions | undefined): void {
  if (bind?.method === "gssapi") checkGssapi(bind);
  if (bind?.method !== "simple") return;
  if (!isFilled(bind.dn)) {
    throw new InvalidValueError("bind.dn", "It is empty: leave out bind to be anonymous.");
  }
  if (typeof bind.password !== "function" && !isFilled(bind.password)) throw emptyPassword();
}

/**
 * Authenticates the session (RFC 4511 §4.2).
 *
 * @throws LdapCredentialsError - the server does not accept the credentials.
 */
export async function authenticate(
  session: LdapSession,
  bind: SimpleBind | ExternalBind,
): Promise<void> {
  const result =
    bind.method === "external"
      ? await session.exchange("bind", (id) => encodeExternalBind(id, bind.authorizationId ?? ""))
      : await simpleBind(session, bind);
  if (result.resultCode === 0) return;
  throw refusals.includes(result.resultCode)
    ? new LdapCredentialsError(result)
    : new LdapResultError("bind", result);
}

function checkGssapi({ authorizationId, context, protection }: GssapiBind): void {
  if (typeof context !== "function") {
    throw new InvalidValueError("bind.context", "It is missing: give a function.");
  }
  if (protection !== undefined && !["none", "integrity", "privacy"].includes(protection)) {
    const reason = 'It must be "none", "integrity" or "privacy".';
    throw new InvalidValueError("bind.protection", reason);
  }
  if (authorizationId !== undefined && authorizationId.length > longestAuthorizationId) {
    const reason = `It is longer than ${longestAuthorizationId} characters.`;
    throw new InvalidValueError("bind.authorizationId", reason);
  }
}

async function simpleBind(
  session: LdapSession,
  { dn, password }: SimpleBind,
): ReturnType<LdapSession["exchange"]> {
  const secret = typeof password === "string" ? password : await password();
  if (!isFilled(secret)) throw emptyPassword();
  return session.exchange("bind", (id) => encodeSimpleBind(id, dn, secret));
}

/** Whether it is a text at all, too: what was never set comes as undefined or null, whatever the types say. */
function isFilled(text: unknown): text is string {
  return typeof text === "string" && text !== "";
}

function emptyPassword(): InvalidValueError {
  return new InvalidValueError(
    "bind.password",
    "It is empty or missing. A server would take that for an anonymous bind and let it succeed.",
  );
}
