import { type GssapiFailure, LdapGssapiError } from "../../wire/gssapi-errors.js";

/**
 * Error codes of Kerberos by their offset in its table, which both MIT's library and Heimdal number from the same
 * base. The first 128 are the error codes of RFC 4120 §7.5.9.
 */
const kerberosBase = -1_765_328_384;
const kerberosFailures: ReadonlyMap<number, GssapiFailure> = new Map([
  [1, "credentials_expired"], // KDC_ERR_NAME_EXP
  [6, "credentials_refused"], // KDC_ERR_C_PRINCIPAL_UNKNOWN
  [7, "service_unknown"], // KDC_ERR_S_PRINCIPAL_UNKNOWN
  [18, "credentials_refused"], // KDC_ERR_CLIENT_REVOKED
  [23, "credentials_refused"], // KDC_ERR_KEY_EXPIRED
  [24, "credentials_refused"], // KDC_ERR_PREAUTH_FAILED
  [31, "credentials_refused"], // KRB_AP_ERR_BAD_INTEGRITY: the answer is for another key
  [32, "credentials_expired"], // KRB_AP_ERR_TKT_EXPIRED
  [33, "clock_skew"], // KRB_AP_ERR_TKT_NYV
  [37, "clock_skew"], // KRB_AP_ERR_SKEW
  [141, "no_credentials"], // KRB5_CC_NOTFOUND
  [156, "kdc_unreachable"], // KRB5_KDC_UNREACH
  [181, "no_credentials"], // KRB5_KT_NOTFOUND
  [195, "no_credentials"], // KRB5_FCC_NOFILE
]);

/** The routine errors of GSS-API that say enough by themselves (RFC 2744 §3.9.1). */
const routineFailures: ReadonlyMap<number, GssapiFailure> = new Map([
  [7, "no_credentials"], // GSS_S_NO_CRED
  [11, "credentials_expired"], // GSS_S_CREDENTIALS_EXPIRED
]);

/** What an adapter threw, with what to do about it where its status codes tell. */
export function gssapiError(step: string, service: string, cause: unknown): LdapGssapiError {
  return new LdapGssapiError(step, service, failureOf(cause), { cause });
}

function failureOf(cause: unknown): GssapiFailure {
  if (!(cause instanceof Error)) return "unknown";
  const minor = "minor" in cause && typeof cause.minor === "number" ? cause.minor : 0;
  const major = "major" in cause && typeof cause.major === "number" ? cause.major : 0;
  return (
    // A library may give the code as the unsigned number of the same bits.
    kerberosFailures.get((minor | 0) - kerberosBase) ??
    routineFailures.get((major >>> 16) & 0xff) ??
    "unknown"
  );
}
