import type { LdapConnection } from "../connection/connection.js";
import type { Identification } from "../profile/identification.js";
import type { RootDse } from "../wire/root-dse.js";
import type { ReaderBatch, Reading } from "./reading.js";

/**
 * How a kind of server tells its changes. Another kind is one more of these, in a file of its own, and a line in
 * `dialect-choice.ts`: a server of RFC 4533 has a {@link ContentSync} for the {@link Reader}, others their own
 * {@link Protocol}.
 */
export interface Dialect {
  /** Stored in checkpoints; it must not change. */
  readonly name: string;
  /** By what its servers say which entry one is. */
  readonly identification: Identification;
  /** Whether a server speaks it, by what it says of itself, or by what is asked over the connection. */
  isSpokenBy(rootDse: RootDse, connection: LdapConnection): boolean | Promise<boolean>;
  /** Refreshes from the position, or reads everything, and follows the changes until the connection ends. */
  read(reading: Reading, position: string | undefined): AsyncIterable<ReaderBatch>;
}
