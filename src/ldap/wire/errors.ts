import { ConcordatError } from "../../core/index.js";
import type { Control } from "./message.js";
import { resultCodeAdvice, resultCodeName } from "./result-code.js";

/** The base of the errors of this entry. None of them holds a password or an attribute value in its message. */
export class LdapError extends ConcordatError {
  override readonly name: string = "LdapError";
  override readonly code: string = "ldap";
  /** Whether the same call may succeed later, with nothing changed on this side. */
  readonly retryable: boolean = false;
}

/** An LDAPResult, as far as errors report it (RFC 4511 §4.1.9). */
export interface ResultDetails {
  /** The result code, such as 32 for `noSuchObject`. */
  readonly resultCode: number;
  /** The last entry that was found on the way to the base; empty where it makes no sense. */
  readonly matchedDn: string;
  /** The server's own words; empty if it has none. It may name entries, so it is not part of the message. */
  readonly diagnosticMessage: string;
  /** Where the data is, for the result code `referral`. */
  readonly referrals: readonly string[];
  /** The controls of the response; empty where it has none. */
  readonly controls: readonly Control[];
}

/** The server answered an operation with a result code other than success (RFC 4511 §4.1.9). */
export class LdapResultError extends LdapError implements ResultDetails {
  override readonly name = "LdapResultError";
  override readonly code = "ldap_result";
  override readonly retryable: boolean;
  readonly resultCode: number;
  /** The name of the result code, such as `noSuchObject`. */
  readonly resultName: string;
  readonly matchedDn: string;
  readonly diagnosticMessage: string;
  readonly referrals: readonly string[];
  readonly controls: readonly Control[];

  /**
   * @param operation - What was answered, such as `search`.
   * @param advice - What to do about it, where more is known than the result code says.
   */
  constructor(
    operation: string,
    result: ResultDetails,
    advice: string = resultCodeAdvice(result.resultCode),
  ) {
    const name = resultCodeName(result.resultCode);
    super(`The directory answered the ${operation} with ${name} (${result.resultCode}). ${advice}`);
    this.retryable = result.resultCode === 51 || result.resultCode === 52;
    this.resultCode = result.resultCode;
    this.resultName = name;
    this.matchedDn = result.matchedDn;
    this.diagnosticMessage = result.diagnosticMessage;
    this.referrals = result.referrals;
    this.controls = result.controls;
  }
}

/** The server does not accept the credentials of the bind: result codes 32, 48 and 49. */
export class LdapCredentialsError extends LdapError {
  override readonly name = "LdapCredentialsError";
  override readonly code = "ldap_credentials";
  /** The result code: 32, 48 or 49. */
  readonly resultCode: number;
  /** The name of the result code, such as `invalidCredentials`. */
  readonly resultName: string;
  /** The server's own words; empty if it has none. */
  readonly diagnosticMessage: string;

  /** @param advice - What to check. */
  constructor(
    result: ResultDetails,
    advice = "Check the bind DN and the password, or the client certificate, and whether the account is locked.",
  ) {
    const name = resultCodeName(result.resultCode);
    super(`The directory refused the credentials with ${name} (${result.resultCode}). ${advice}`);
    this.resultCode = result.resultCode;
    this.resultName = name;
    this.diagnosticMessage = result.diagnosticMessage;
  }
}

/** The peer sent something that is not LDAP as RFC 4511 has it. The connection has been closed. */
export class LdapProtocolError extends LdapError {
  override readonly name = "LdapProtocolError";
  override readonly code = "ldap_protocol";

  /** @param violation - What is wrong, as a clause: it follows a colon and is followed by a full stop. */
  constructor(violation: string, options?: { cause?: unknown }) {
    super(
      `The peer broke the LDAP protocol: ${violation}. Check that the URL names an LDAP server.`,
      options,
    );
  }
}

/** The server sent a message longer than the limit. It was not read, and the connection has been closed. */
export class LdapMessageTooLargeError extends LdapError {
  override readonly name = "LdapMessageTooLargeError";
  override readonly code = "ldap_message_too_large";
  /** The length that the server announced, in bytes. */
  readonly size: number;
  /** The limit, `maxMessageSize`, in bytes. */
  readonly limit: number;
  /** The distinguished name of the entry, where the message is one. */
  readonly dn?: string;

  constructor(size: number, limit: number, dn?: string) {
    const what = dn === undefined ? "a message" : `the entry "${dn}" in a message`;
    super(
      `The directory sent ${what} of ${size} bytes, the limit is ${limit}. ` +
        "Raise maxMessageSize, or do not ask for the attribute that is so large.",
    );
    this.size = size;
    this.limit = limit;
    if (dn !== undefined) this.dn = dn;
  }
}

/**
 * A function of the profile failed for an entry. The error that it threw is the cause.
 *
 * Nothing that can be said of the entry would be true, so the stream ends before it, and reads it again when resumed.
 */
export class LdapMappingError extends LdapError {
  override readonly name = "LdapMappingError";
  override readonly code = "ldap_mapping";
  /** The permanent id of the entry. */
  readonly sourceId: string;
  /** The attribute of the user or group that was to be mapped, such as `active`. */
  readonly attribute: string;

  constructor(sourceId: string, attribute: string, options: { cause: unknown }) {
    super(`The profile's mapping of "${attribute}" failed for the entry ${sourceId}.`, options);
    this.sourceId = sourceId;
    this.attribute = attribute;
  }
}

/** The connection could not be made: no such host, no server listening, no response in time. */
export class LdapConnectError extends LdapError {
  override readonly name = "LdapConnectError";
  override readonly code = "ldap_connect";
  override readonly retryable: boolean;
  /** The system's reason, such as `ECONNREFUSED` or `ENOTFOUND`; `ETIMEDOUT` also when `connectTimeout` passed. */
  readonly reason: string;

  constructor(address: string, reason: string, options?: { cause?: unknown }) {
    super(`Cannot connect to ${address} (${reason}). ${connectAdvice(reason)}`, options);
    this.reason = reason;
    this.retryable = reason !== "EACCES" && reason !== "EPERM";
  }
}

function connectAdvice(reason: string): string {
  switch (reason) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "The host name could not be resolved: check its spelling and the name service.";
    case "ECONNREFUSED":
    case "ENOENT":
      return "No server listens there: check the address, and that the server runs.";
    case "EACCES":
    case "EPERM":
      return "This process may not open it: check the permissions of the socket.";
    case "ETIMEDOUT":
      return "There was no answer in time: check the address, firewalls, and that the server is well.";
    default:
      return "Check the address, and that the server runs.";
  }
}

/** The connection broke while it was in use. Operations under way have no outcome: repeat them on a new one. */
export class LdapConnectionLostError extends LdapError {
  override readonly name = "LdapConnectionLostError";
  override readonly code = "ldap_connection_lost";
  override readonly retryable = true;

  /** @param how - What happened, as a clause: it follows a colon and is followed by a full stop. */
  constructor(how: string, options?: { cause?: unknown }) {
    super(`The connection to the directory was lost: ${how}. Connect again.`, options);
  }
}

/** The connection was closed from this side, by `close()`, before the operation ended or began. */
export class LdapConnectionClosedError extends LdapError {
  override readonly name = "LdapConnectionClosedError";
  override readonly code = "ldap_connection_closed";

  constructor() {
    super("The connection has been closed by this program. Connect again to go on.");
  }
}

/** The server announced that it ends the session: its Notice of Disconnection (RFC 4511 §4.4.1). */
export class LdapDisconnectedError extends LdapError {
  override readonly name = "LdapDisconnectedError";
  override readonly code = "ldap_disconnected";
  override readonly retryable: boolean;
  /** Why, as a result code. */
  readonly resultCode: number;
  /** The name of the result code, such as `unavailable`. */
  readonly resultName: string;
  /** The server's own words; empty if it has none. */
  readonly diagnosticMessage: string;

  constructor(result: ResultDetails) {
    const name = resultCodeName(result.resultCode);
    super(
      `The directory ended the session with ${name} (${result.resultCode}). ${resultCodeAdvice(result.resultCode)}`,
    );
    // protocolError, strongerAuthRequired and confidentialityRequired would only come again.
    this.retryable = ![2, 8, 13].includes(result.resultCode);
    this.resultCode = result.resultCode;
    this.resultName = name;
    this.diagnosticMessage = result.diagnosticMessage;
  }
}

/** TLS could not be established, mostly because the server's certificate was not accepted (RFC 4513 §3.1.3). */
export class LdapTlsError extends LdapError {
  override readonly name = "LdapTlsError";
  override readonly code = "ldap_tls";
  override readonly retryable: boolean;
  /** The reason as Node or OpenSSL codes it, such as `ERR_TLS_CERT_ALTNAME_INVALID`. */
  readonly reason: string;

  constructor(host: string, reason: string, options?: { cause?: unknown }) {
    super(`TLS with ${host} failed (${reason}). ${tlsAdvice(reason)}`, options);
    this.reason = reason;
    // A system error, such as ECONNRESET, says that the connection broke; all others are about the two sides.
    this.retryable = /^E[A-Z]+$/.test(reason);
  }
}

function tlsAdvice(reason: string): string {
  switch (reason) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "The certificate is for another name: connect by a name that it lists, or set tls.servername to one.";
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return "The certificate is not valid today: have it renewed, and check the clock.";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "The certificate's authority is not trusted here: give the certificate of the authority as tls.ca.";
    default:
      return "Check that the server speaks TLS there, and which versions and certificates both sides accept.";
  }
}

/** A password, or an authenticated session, would have been unprotected. Nothing was sent. */
export class LdapCleartextError extends LdapError {
  override readonly name = "LdapCleartextError";
  override readonly code = "ldap_cleartext";

  constructor(method: "simple" | "gssapi" = "simple") {
    super(
      method === "simple"
        ? "A simple bind over ldap: would send the password unencrypted. " +
            "Use ldaps: or startTls; allowCleartext accepts the risk, for a server on this very machine."
        : 'A GSSAPI bind over ldap: with the protection "none" would leave all that follows to be read and changed. ' +
            "Use ldaps: or startTls, or another protection; allowCleartext accepts the risk.",
    );
  }
}

/** A search filter does not follow the grammar of RFC 4515. Nothing was sent. */
export class LdapFilterError extends LdapError {
  override readonly name = "LdapFilterError";
  override readonly code = "ldap_filter";
  /** Where the fault is, counted in UTF-16 code units from 0. */
  readonly position: number;

  constructor(problem: string, position: number) {
    super(`The search filter has a syntax error at position ${position}: ${problem}.`);
    this.position = position;
  }
}
