import type { CsnSet } from "../entries/csn.js";

/**
 * What the provider says that its content holds, as slapd keeps it: the number of a write counts once the write is
 * complete, unless one with a lower number is still under way. Then it is skipped, and made up for only by the next
 * write, since the lower one moves the context to its own number when it is complete.
 */
export class ContextCsn {
  readonly #latest = new Map<number, string>();
  #underWay: { readonly csn: string; readonly serverId: number }[] = [];
  #isDirty = false;
  #finished: PromiseWithResolvers<void> | undefined;

  /** The latest number of each server, which is what `contextCSN` holds. */
  get csns(): CsnSet {
    return this.#latest;
  }

  /** Whether the last write was skipped, so that there may be more than the context says. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** While a write is under way: fulfilled when none is. */
  get finished(): Promise<void> | undefined {
    return this.#finished?.promise;
  }

  /** A write has its number and is under way. */
  begin(csn: string, serverId: number): void {
    this.#underWay.push({ csn, serverId });
    this.#finished ??= Promise.withResolvers();
  }

  /** A write is under way no more, be it complete or given up. */
  end(csn: string): void {
    this.#underWay = this.#underWay.filter((write) => write.csn !== csn);
    if (this.#underWay.length > 0) return;
    this.#finished?.resolve();
    this.#finished = undefined;
  }

  /** A write is complete. @returns whether the context stands at it now. */
  advance(csn: string, serverId: number): boolean {
    const isBlocked = this.#underWay.some(
      (write) => write.serverId === serverId && write.csn < csn,
    );
    const advances = !isBlocked && csn > (this.#latest.get(serverId) ?? "");
    if (advances) this.#latest.set(serverId, csn);
    this.#isDirty = !advances;
    return advances;
  }

  /** Goes back to what the context was when a backup was made. */
  restore(csns: CsnSet): void {
    this.#latest.clear();
    for (const [server, csn] of csns) this.#latest.set(server, csn);
  }

  /** As after a start: what is there is what the context says. */
  clean(): void {
    this.#isDirty = false;
  }
}
