import type { Change } from "../../changes/index.js";
import type { EncodedMessage } from "../wire/message.js";
import type { Pass, PassOptions } from "./pass.js";

/**
 * A plain search for entries with all that is mapped, which sweeps nothing. Of all groups, it finds what neither an
 * event nor a stamp tells: OpenLDAP's refint overlay rewrites their members without either. Below a parent that was
 * moved, it finds who has come with it, and by what name.
 */
export class EntryList implements Pass<never> {
  readonly sweeps = false;
  readonly #options: PassOptions;
  #ended = false;

  constructor(options: PassOptions) {
    this.#options = options;
  }

  get ended(): boolean {
    return this.#ended;
  }

  read(message: EncodedMessage, changes: Change[]): void {
    if (message.kind === "done") this.#ended = true;
    if (message.kind !== "entry") return;
    const { mapper, touched } = this.#options;
    const entry = mapper.identify(message);
    if (typeof entry === "string" || touched?.has(entry.sourceId)) return;
    const change = mapper.map(entry.sourceId, message);
    // What is neither a user nor a group any more is told by a list of names.
    if (change.kind === "upsert") changes.push(change);
  }
}
