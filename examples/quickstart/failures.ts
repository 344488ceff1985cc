import { ConcordatError, InvalidValueError, TooManyError } from "concordat";
import {
  LdapCleartextError,
  LdapCredentialsError,
  LdapResultError,
  LdapTlsError,
} from "concordat/ldap";

/** A mistake on the command line. Its message is for the person who made it. */
export class UsageError extends Error {}

/** A failure that was foreseen. Its message says what to do. */
export class Failure extends Error {}

/** The option that sets what the package calls by this name. */
const optionNames: Readonly<Record<string, string>> = {
  url: "--url",
  base: "--base",
  "bind.dn": "--bind-dn",
  "bind.password": "The password",
  startTls: "--start-tls",
  tls: "--ca",
};

/** Whether an error is what the signal ended something with, and not a failure that came at the same time. */
export function isInterruption(error: unknown, { aborted, reason }: AbortSignal): boolean {
  // Node's own functions put the reason into an error of theirs.
  return aborted && (error === reason || (error instanceof Error && error.cause === reason));
}

/**
 * What went wrong and what to do, in a sentence or two and in terms of this programme's options; undefined for a
 * failure that nobody foresaw, of which the stack is wanted.
 */
export function explain(error: unknown): string | undefined {
  if (error instanceof UsageError || error instanceof Failure) return error.message;
  if (error instanceof LdapCredentialsError) {
    return (
      "The directory does not accept the name or the password: check --bind-dn, the password, and whether the " +
      "account is locked."
    );
  }
  if (error instanceof LdapResultError && error.resultName === "noSuchObject") {
    return "The directory has no such entry, or does not show it to this account: check --base.";
  }
  if (error instanceof LdapTlsError) return error.message.replace("as tls.ca", "with --ca FILE");
  if (error instanceof LdapCleartextError) {
    return "The password would cross the network unencrypted: use an ldaps:// URL, or add --start-tls.";
  }
  if (error instanceof TooManyError) {
    return error.message.replace("Raise it", "Begin with a new database");
  }
  if (error instanceof InvalidValueError) {
    return error.message.replace(`"${error.path}"`, optionNames[error.path] ?? error.path);
  }
  return error instanceof ConcordatError ? error.message : undefined;
}
