/** Whose account was renamed or removed in a step, so that its name may be free for another entry. */
export class FreedNames {
  #sourceIds = new Set<string>();

  get isEmpty(): boolean {
    return this.#sourceIds.size === 0;
  }

  /** The account of this entry has its name no more. */
  free(sourceId: string): void {
    this.#sourceIds.add(sourceId);
  }

  /** Those since this was asked last: who waits for one of them is tried again once. */
  take(): ReadonlySet<string> {
    const taken = this.#sourceIds;
    this.#sourceIds = new Set();
    return taken;
  }
}
