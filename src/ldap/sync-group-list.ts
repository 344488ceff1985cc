import type { Change } from "../changes/index.js";
import type { EncodedMessage } from "./message.js";
import type { Pass, PassOptions } from "./sync-pass.js";

/**
 * A plain search for all groups with their members. It finds what neither an event nor a stamp tells: OpenLDAP's refint
 * overlay rewrites the members of groups without either.
 */
export class GroupList implements Pass {
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
    // What is no group any more is told by the list of names.
    if (change.kind === "upsert") changes.push(change);
  }
}
