import type { MemberChange, Name } from "../../changes/index.js";
import { type Difference, StatedMembers } from "./stated-members.js";

/**
 * What groups have stated, and which of them can be believed: a directory may rewrite the members of a group without
 * telling when a name is given up. A group is believed from when it states all its members until a name among them is
 * given up. One that is not has to be read again before an entry that takes such a name becomes a member of it.
 *
 * It lasts as long as a run. After a step that failed, no group is believed.
 */
export class GroupTrust {
  /** Whether the source can read a group again: else what groups state is all there is. */
  readonly canReread: boolean;
  readonly #believed = new Set<string>();
  readonly #doubtful = new Set<string>();
  readonly #members = new StatedMembers();

  constructor(canReread: boolean) {
    this.canReread = canReread;
  }

  isBelieved(group: string): boolean {
    return this.#believed.has(group);
  }

  /** How a group's members differ from those that are stored; undefined if these are not remembered. */
  compare(group: string, members: readonly Name[]): Difference | undefined {
    return this.#members.compare(group, members);
  }

  /** The members that a group states are stored, unless they are as they were. */
  stated(group: string, members: MemberChange, isCertain: boolean): void {
    if (members.kind === "all") this.#members.remember(group, members.members);
    else this.#members.forget(group);
    if (!isCertain) this.#believed.delete(group);
    else if (members.kind === "all") this.#believed.add(group);
  }

  /** A group states again what is stored. */
  restated(group: string): void {
    this.#believed.add(group);
  }

  /** A name among the members of the group was given up. */
  distrust(group: string): void {
    this.#believed.delete(group);
  }

  /** The group leaves. */
  forget(group: string): void {
    this.#members.forget(group);
  }

  /** Has a group read again, between two steps, so that no transaction is held open meanwhile. */
  doubt(group: string): void {
    this.#doubtful.add(group);
  }

  /** The groups that are to be read again. */
  get doubtful(): readonly string[] {
    return [...this.#doubtful];
  }

  /** These were read again. One that was not found is gone, which the stream will report. */
  reread(groups: readonly string[]): void {
    for (const group of groups) {
      this.#believed.add(group);
      this.#doubtful.delete(group);
    }
  }

  /** They cannot be read now. Each entry that waits for one is dirty, and doubts it again. */
  stopRereading(): void {
    this.#doubtful.clear();
  }

  /**
   * A step was undone: it is not known what is stored, and groups that were read again in vain are as doubtful as
   * before.
   */
  undoStep(): void {
    this.#members.clear();
    this.#believed.clear();
  }
}
