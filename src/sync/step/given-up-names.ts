import type { Name } from "../../changes/index.js";

/** The distinguished names that entries gave up in a step, or lost to another. */
export class GivenUpNames {
  readonly #keys = new Set<string>();

  add(names: readonly Name[]): void {
    for (const { kind, key } of names) if (kind === "dn") this.#keys.add(key);
  }

  /** Those of the names that were given up. */
  among(names: readonly Name[]): readonly Name[] {
    if (this.#keys.size === 0) return [];
    return names.filter(({ kind, key }) => kind === "dn" && this.#keys.has(key));
  }
}
