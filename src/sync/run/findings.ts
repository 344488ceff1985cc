import type { Change, ChangeStream } from "../../changes/index.js";
import { DigestedBlocks, Digests } from "../comparison/digests.js";
import { type Order, type Ordering, ReadAgain, Told } from "../comparison/order.js";
import { Refresh } from "../comparison/refresh.js";
import { GroupTrust } from "../memberships/group-trust.js";
import type { Phase } from "../step/context.js";

/** How many entries are read again beside the stream; where there are more, everything is read anew. */
const mostReadAgain = 1_000;

/** What a run has found out and no store keeps: a run that is started anew finds it out once more. */
export class Findings {
  readonly refresh: Refresh = new Refresh();
  readonly groups: GroupTrust;
  /** Entries that are to be read again, since it is not sure that what is known of them is the latest. */
  readonly again: ReadAgain = new ReadAgain();
  readonly #canReread: boolean;
  #isTold = false;
  /** What the stream has told beyond its state. */
  readonly #told = new Told();
  /** Entries that could not be read. */
  readonly #unreadable = new Set<string>();
  readonly #digestedBlocks = new DigestedBlocks();

  constructor(stream: ChangeStream) {
    this.#canReread = stream.reread !== undefined;
    this.groups = new GroupTrust(this.#canReread);
  }

  /** What a step knows of the order of changes. */
  ordering(order: Order): Ordering {
    const { state } = this.refresh;
    return { order, state, told: this.#told, ...(this.#canReread && { again: this.again }) };
  }

  /** Digests that take over what was digested before. */
  digests(): Digests {
    return new Digests(this.#digestedBlocks);
  }

  /** The stream has a new connection, which may lead to another server. */
  connected(): void {
    this.again.connected();
    this.#told.connected();
  }

  /**
   * Whether the stream has told something. Before, it is not known what the source holds, and nothing is read beside
   * it.
   */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** What is to be remembered of changes, whatever becomes of them. */
  note(changes: readonly Change[], isLive: boolean): void {
    this.#isTold = true;
    for (const change of changes) this.#noteOne(change, isLive);
  }

  #noteOne(change: Change, isLive: boolean): void {
    this.refresh.comparison?.note(change, isLive);
    // The stamp of a deletion is a bound, and may be that of a change that the server has yet to receive.
    if (change.kind === "upsert") this.#told.note(change.stamp, this.refresh.state);
    if (change.kind === "unreadable") this.#unreadable.add(change.sourceId);
    else if ("sourceId" in change) this.#unreadable.delete(change.sourceId);
  }

  isUnreadable(sourceId: string): boolean {
    return this.#unreadable.has(sourceId);
  }

  /**
   * What the refresh under way has shown: entries that have changed without being told are read again, or everything
   * is.
   */
  judge(phase: Phase): void {
    const { comparison } = this.refresh;
    for (const id of comparison?.untold ?? []) this.again.ask(id);
    if (phase !== "snapshot" && comparison?.wentBack === true) {
      this.refresh.restart(
        "The source went back to an earlier state, as if restored from a backup.",
      );
    }
    this.judgeAgain();
  }

  /** Where many entries are to be read again, everything is. */
  judgeAgain(): void {
    if (this.again.size <= mostReadAgain) return;
    this.refresh.restart("More entries are not as they were told than are read again one by one.");
  }

  /** Everything is read anew. */
  beginAnew(): void {
    this.#isTold = false;
    this.refresh.beginAnew();
    this.again.clear();
  }
}
