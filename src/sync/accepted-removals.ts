import { createHash } from "node:crypto";
import type { Subject } from "./outcome.js";

/**
 * Something that is taken away: `gone`, an entry is no longer in the source; `inactive`, a user becomes inactive there;
 * `leaves`, a member leaves a group that stays. This is what `maxDeletes` counts, and plain data, so that it can be
 * kept as JSON until an administrator has looked at it.
 */
export type Removal =
  | ({
      /** Whether the entry is gone, or its user becomes inactive. */
      readonly kind: "gone" | "inactive";
    } & Subject)
  | {
      readonly kind: "leaves";
      /** The group that the member leaves. */
      readonly group: Subject;
      /** The id of the member's entry in the source. */
      readonly member: string;
    };

/** Removals that a person has looked at. They do not count towards `maxDeletes`. */
export class AcceptedRemovals {
  readonly #keys: ReadonlySet<string>;

  constructor(removals: readonly Removal[]) {
    this.#keys = new Set(removals.map(keyOf));
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  isAccepted(removal: Removal): boolean {
    return this.#keys.has(keyOf(removal));
  }
}

/** Each removal once, however often it was foreseen. */
export class RemovalList {
  readonly #removals = new Map<string, Removal>();

  add(removals: readonly Removal[]): void {
    for (const removal of removals) {
      const key = keyOf(removal);
      if (!this.#removals.has(key)) this.#removals.set(key, removal);
    }
  }

  /** In an order that does not depend on when each was found. */
  toArray(): readonly Removal[] {
    return [...this.#removals].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, it]) => it);
  }
}

/**
 * A digest of which removals these are, in any order: SHA-256, of which the first 128 bits are given as 32 hexadecimal
 * digits. Names do not matter, ids of entries and what becomes of them do.
 */
export function removalsDigest(removals: readonly Removal[]): string {
  const keys = [...new Set(removals.map(keyOf))].sort();
  const hash = createHash("sha256").update("concordat removals 1\n");
  for (const key of keys) hash.update(`${key}\n`);
  return hash.digest("hex").slice(0, 32);
}

function keyOf(removal: Removal): string {
  return JSON.stringify(
    removal.kind === "leaves"
      ? ["leaves", removal.group.sourceId, removal.member]
      : [removal.kind, removal.type, removal.sourceId],
  );
}
