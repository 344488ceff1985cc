import type { Change, ChangeStream } from "../../changes/index.js";
import { DigestedBlocks, Digests } from "../comparison/digests.js";
import { type Order, type Ordering, ReadAgain, SentStamps } from "../comparison/order.js";
import { Refresh } from "../comparison/refresh.js";
import type { Phase } from "../step/context.js";
import { GroupTrust } from "../step/group-trust.js";

/** How many entries are read again beside the stream; where there are more, everything is read anew. */
const mostReadAgain = 1_000;

/** What a run has found out and no store keeps: a run that is started anew finds it out once more. */
export class Findings {
  readonly refresh: Refresh = new Refresh();
  readonly groups: GroupTrust;
  /** Entries that are to be read again, since it is not sure that what is known of them is the latest. */
  readonly again: ReadAgain = new ReadAgain();
  readonly #canReread: boolean;
  #hasReceived = false;
  /** What the stream has sent beyond its state. */
  readonly #sent = new SentStamps();
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
    return { order, state, sent: this.#sent, ...(this.#canReread && { again: this.again }) };
  }

  /** Digests that take over what was digested before. */
  digests(): Digests {
    return new Digests(this.#digestedBlocks);
  }

  /** The stream has a new connection, which may lead to another server. */
  connected(): void {
    this.again.connected();
    this.#sent.connected();
  }

  /**
   * Whether the stream has sent something. Before, it is not known what the source holds, and nothing is read beside
   * it.
   */
  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  /** What is to be remembered of changes, whatever becomes of them. */
  note(changes: readonly Change[], isLive: boolean): void {
    this.#hasReceived = true;
    for (const change of changes) this.#noteOne(change, isLive);
  }

  #noteOne(change: Change, isLive: boolean): void {
    this.refresh.comparison?.note(change, isLive);
    if (change.kind === "unreadable") this.#unreadable.add(change.sourceId);
    else if ("sourceId" in change) this.#unreadable.delete(change.sourceId);
  }

  isUnreadable(sourceId: string): boolean {
    return this.#unreadable.has(sourceId);
  }

  /**
   * What the refresh under way has shown: entries that have changed without being sent are read again, or everything
   * is.
   */
  judge(phase: Phase): void {
    const { comparison } = this.refresh;
    for (const id of comparison?.unsent ?? []) this.again.ask(id);
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
    this.refresh.restart("More entries are not as they were sent than are read again one by one.");
  }

  /** Everything is read anew. */
  beginAnew(): void {
    this.#hasReceived = false;
    this.refresh.beginAnew();
    this.again.clear();
  }
}
