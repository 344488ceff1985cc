import type { Comparison } from "../comparison/comparison.js";
import { DigestedBlocks, Digests } from "../comparison/digests.js";
import { ReadAgain, Told } from "../comparison/order.js";
import { StatedMembers } from "../memberships/stated-members.js";

/** What a run has found out and no store keeps: a run that is started anew finds it out once more. */
export class Findings {
  /** What the refresh under way shows. */
  comparison: Comparison | undefined;
  /** Up to which stamps the source held everything when the last refresh began. */
  state: readonly string[] | undefined;
  /** What the stream has told beyond that. */
  readonly told: Told = new Told();
  /** Why everything has to be read anew. */
  restart: string | undefined;
  /** Groups that are to be read again before somebody becomes a member of them. */
  readonly doubtful: Set<string> = new Set();
  /** Groups whose stated members can be relied on. */
  readonly reliable: Set<string> = new Set();
  /** Entries that are to be read again, since it is not sure that what is known of them is the latest. */
  readonly again: ReadAgain = new ReadAgain();
  /** Entries that the refresh has called unchanged and that nobody knows. */
  readonly missing: Set<string> = new Set();
  /** Entries that could not be read. */
  readonly unreadable: Set<string> = new Set();
  readonly stated: StatedMembers = new StatedMembers();
  readonly #digestedBlocks = new DigestedBlocks();

  /** Digests that take over what was digested before. */
  digests(): Digests {
    return new Digests(this.#digestedBlocks);
  }

  /** Everything is read anew. */
  beginAnew(): void {
    this.restart = undefined;
    this.comparison = undefined;
    this.missing.clear();
    this.again.clear();
  }

  /** A step was undone. */
  undoStep(): void {
    this.stated.clear();
    // Groups that were read again in vain are as doubtful as before.
    this.reliable.clear();
  }
}
