import type { Outcome } from "concordat/sync";
import type { ModelWorld } from "./model-world.js";

/** Looks at what must not happen on the way, however it ends. */
export class ModelWatch {
  readonly #world: ModelWorld;
  /** The latest stamp with which each entry was stored. */
  readonly #stamps = new Map<string, string>();

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Nobody is disabled or deleted who was there, and active, all the time. */
  checkTakenAway(outcome: Outcome): void {
    if (outcome.kind !== "deactivated" && outcome.kind !== "deleted") return;
    const { type, sourceId, kind } = outcome;
    if (type !== "User" || this.#world.directory.everLeft.has(sourceId)) return;
    this.#world.complaints.push(`${sourceId} was ${kind} without having been gone`);
  }

  /** Nobody is renamed who has kept the name, where any of several may be it. */
  checkRenamed(outcome: Outcome): void {
    if (outcome.kind !== "renamed") return;
    const { sourceId, from } = outcome;
    const { everLeft, lostValues, entries } = this.#world.directory;
    const isUnsure = entries.get(sourceId)?.candidates !== undefined;
    if (!isUnsure || everLeft.has(sourceId) || !from.startsWith(sourceId)) return;
    if (lostValues.has(`${sourceId} ${from}`)) return;
    this.#world.complaints.push(`${sourceId} was renamed although it had kept the name ${from}`);
  }

  /**
   * What was stored after the position that is resumed from is told once more, by a server that may not have got that
   * far.
   */
  async resumes(checkpoint: string): Promise<void> {
    const { run, target, toldAhead } = this.#world;
    if (run.source !== "servers") return;
    for (const link of await target.links.list("directory", {}, { count: 1_000 })) {
      const stamp = link.failure?.change.stamp ?? link.stamp ?? "";
      if (stamp > checkpoint) toldAhead.add(link.sourceId);
    }
  }

  /**
   * Where neither a clock nor a directory goes back, nothing that is known of an entry becomes older: a server may lag
   * behind.
   */
  async checkStamps(): Promise<void> {
    const { run, target, toldAhead, complaints } = this.#world;
    if (run.source !== "servers") return;
    const links = await target.links.list("directory", {}, { count: 1_000 });
    // Of an entry whose account was deleted nothing is known any more after some refreshes.
    const ids = new Set(links.map((link) => link.sourceId));
    for (const id of this.#stamps.keys()) if (!ids.has(id)) this.#stamps.delete(id);
    for (const { sourceId, state, failure, goneStamp, stamp } of links) {
      const isThere = state === "live" || state === "entering";
      const latest = isThere ? (failure?.change.stamp ?? stamp) : goneStamp?.replace("<=", "");
      const known = this.#stamps.get(sourceId) ?? "";
      if (latest === undefined || (!isThere && latest < known)) continue;
      if (latest >= known || toldAhead.has(sourceId)) this.#stamps.set(sourceId, latest);
      else complaints.push(`${sourceId} went back from ${known} to ${latest}`);
    }
  }
}
