import { ConcordatError } from "../core/index.js";

/**
 * The configuration of the command cannot be used: a file, a setting or a secret is missing or is not as it must be.
 */
export class ConfigError extends ConcordatError {
  override readonly name = "ConfigError";
  override readonly code = "config";
}

/** The command was called in a way that it does not understand. */
export class UsageError extends Error {}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
