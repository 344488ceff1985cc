import { ConcordatError, UnavailableError } from "../core/index.js";

/**
 * The configuration of the command cannot be used: a file, a setting or a secret is missing or is not as it must be.
 */
export class ConfigError extends ConcordatError {
  override readonly name = "ConfigError";
  override readonly code = "config";
}

/** The command was called in a way that it does not understand. */
export class UsageError extends Error {}

/** The message of whatever was thrown; of a store that is unavailable, with what its driver said. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof UnavailableError)) return error.message;
  const { cause } = error;
  // Where a host has several addresses, each attempt is an error of its own, and the whole has no message.
  const reason = cause instanceof AggregateError && cause.message === "" ? cause.errors[0] : cause;
  return reason instanceof Error ? `${error.message} (${reason.message})` : error.message;
}
