import { UnsupportedError } from "../../core/index.js";

/** What a server says of itself: `version()` and `@@sql_mode`. */
export interface MariaDbServer {
  readonly version: string;
  readonly mode: string;
}

/**
 * Refuses MySQL, which only its version distinguishes from MariaDB, and a connection whose modes let MariaDB cut values
 * that do not fit, or take a backslash for itself: `mysql2` writes values into the text of a statement, and escapes
 * them with it.
 *
 * @throws {UnsupportedError} the server is not MariaDB, or not in a mode in which values are safe.
 */
export function assertMariaDb({ version, mode }: MariaDbServer): void {
  if (!version.includes("MariaDB")) {
    throw new UnsupportedError("The database is MySQL, which is not supported; MariaDB is.");
  }
  const modes = new Set(mode.split(","));
  if (!modes.has("STRICT_TRANS_TABLES") && !modes.has("STRICT_ALL_TABLES")) {
    throw new UnsupportedError("The sql_mode of MariaDB must have STRICT_TRANS_TABLES.");
  }
  if (modes.has("NO_BACKSLASH_ESCAPES")) {
    throw new UnsupportedError("The sql_mode of MariaDB must not have NO_BACKSLASH_ESCAPES.");
  }
}
