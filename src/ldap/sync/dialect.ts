import type { SourceLag, Upsert } from "../../changes/index.js";
import type { LdapConnection } from "../connection/connection.js";
import type { Identification } from "../profile/identification.js";
import type { RootDse } from "../wire/root-dse.js";
import type { DialectInspection } from "./finding.js";
import type { Asking, EntryReading, ReaderBatch, Reading } from "./reading.js";

/**
 * How a kind of server reports its changes. Another kind is one more of these, in a file of its own, and a line in
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
  /** How it is said what an account may not see of such a server. */
  readonly inspection?: DialectInspection;
  /**
   * What compares names to find what is below one of several bases, where filters of its servers cannot say it: the
   * mapper, by the names that entries come with, or the reader itself.
   */
  readonly comparesBases?: "mapper" | "reader";
  /**
   * Reads entries by their ids, where that takes more than a search; those that are not in the content are left out.
   */
  reread?(reading: EntryReading, ids: readonly string[]): Promise<readonly Upsert[]>;
  /** How far a server has gone on since a position, where that can be asked. */
  lagBehind?(asking: Asking, position: string): Promise<SourceLag>;
  /** Refreshes from the position, or reads everything, and follows the changes until the connection ends. */
  read(reading: Reading, position: string | undefined): AsyncIterable<ReaderBatch>;
}
