import { LdapError } from "./errors.js";

/** Why a security context could not be made, as far as status codes tell. */
export type GssapiFailure =
  | "no_credentials"
  | "credentials_expired"
  | "credentials_refused"
  | "service_unknown"
  | "clock_skew"
  | "kdc_unreachable"
  | "unknown";

/** What the person who runs the program can do about it. */
const advice: Readonly<Record<GssapiFailure, (service: string) => string>> = {
  no_credentials: () =>
    "There is no ticket and no keytab: set KRB5_CLIENT_KTNAME to a keytab that this process may read, or run kinit.",
  credentials_expired: () =>
    "The ticket has expired: with KRB5_CLIENT_KTNAME set to a keytab it is renewed by itself; otherwise run kinit.",
  credentials_refused: () =>
    "The key distribution centre does not accept the account: check that the keytab is current " +
    "(its key version changes with the password), and that the account is neither locked nor expired.",
  service_unknown: (service) =>
    `There is no service principal for ${service}: name the server in the URL as its principal does, ` +
    'by its full host name and not by an address, or set bind.host; or have the principal added ("setspn -S" on Windows).',
  clock_skew: () => "The clocks of this machine and of the servers differ: set them.",
  kdc_unreachable: () =>
    "No key distribution centre answers: check krb5.conf, the name service and firewalls.",
  unknown: () => "The cause says what the library reports.",
};

/**
 * Kerberos, or another mechanism of GSS-API, failed on this side of a GSSAPI bind. The cause is what the adapter threw.
 */
export class LdapGssapiError extends LdapError {
  override readonly name = "LdapGssapiError";
  override readonly code = "ldap_gssapi";
  override readonly retryable: boolean;
  /** Why, to switch on. */
  readonly reason: GssapiFailure;
  /** The service that the context was for, such as `ldap@directory.example.com`. */
  readonly service: string;

  /** @param step - What failed, such as `step`. */
  constructor(step: string, service: string, reason: GssapiFailure, options?: { cause?: unknown }) {
    super(
      `The security context with ${service} failed in its ${step} (${reason}). ${advice[reason](service)}`,
      options,
    );
    this.reason = reason;
    this.service = service;
    this.retryable = reason === "kdc_unreachable";
  }
}

/** How messages are protected by a security layer (RFC 4752 §3.1), the weakest first. */
export type Protection = "none" | "integrity" | "privacy";

/**
 * The server does not offer the protection that is required, by the offer that it signed. Nothing was sent but the
 * credentials, which are no secret, and the connection has been closed.
 */
export class LdapProtectionError extends LdapError {
  override readonly name = "LdapProtectionError";
  override readonly code = "ldap_protection";
  /** The least that was to be had. */
  readonly required: Protection;
  /** What the server offers. */
  readonly offered: readonly Protection[];

  constructor(required: Protection, offered: readonly Protection[]) {
    super(
      `The directory offers no protection of at least "${required}" by GSSAPI, ` +
        `but ${offered.length === 0 ? "nothing that is known" : offered.join(", ")}. ` +
        "Have it offer more, or use TLS, which protects the connection by itself.",
    );
    this.required = required;
    this.offered = offered;
  }
}
