import type { Change } from "../../changes/index.js";
import type { EncodedMessage } from "../wire/message.js";
import type { Pass, PassOptions } from "./pass.js";

/**
 * A plain search for entries with all that is mapped, which sweeps nothing. Of all groups, it finds what neither an
 * event nor a stamp shows: OpenLDAP's refint overlay rewrites their members without either. Below a parent that was
 * moved, it finds who has come with it, and by what name. Of some entries, it finds what a server has not sent whole,
 * or what has become of them with time.
 */
export class EntryList implements Pass<never> {
  readonly sweeps = false;
  readonly #options: PassOptions;
  readonly #missing: Set<string>;
  #ended = false;

  /** @param expected - The ids of entries that are gone if they are not found. */
  constructor(options: PassOptions, expected: readonly string[] = []) {
    this.#options = options;
    this.#missing = new Set(expected);
  }

  get ended(): boolean {
    return this.#ended;
  }

  read(message: EncodedMessage, changes: Change[]): void {
    if (message.kind === "done") {
      this.#ended = true;
      for (const sourceId of this.#missing) changes.push({ kind: "delete", sourceId });
    }
    // Whichever of them was too long to be read, it is there.
    if (message.kind === "oversized") this.#missing.clear();
    if (message.kind !== "entry") return;
    const { mapper, touched } = this.#options;
    const entry = mapper.identify(message);
    if (typeof entry === "string" || touched?.has(entry.sourceId)) return;
    this.#missing.delete(entry.sourceId);
    const change = mapper.map(entry.sourceId, message);
    // What is neither a user nor a group any more is found by a list of names.
    if (change.kind === "upsert") changes.push(change);
  }
}
