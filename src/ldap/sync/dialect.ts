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
  /** Whether a server speaks it, by what it says of itself. */
  isSpokenBy(rootDse: RootDse): boolean;
  /** Refreshes from the position, or reads everything, and follows the changes until the connection ends. */
  read(reading: Reading, position: string | undefined): AsyncIterable<ReaderBatch>;
}
