import type { Change } from "../changes/index.js";
import { firstTextOf } from "./attributes.js";
import type { SearchMessage } from "./message.js";
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

  read(message: SearchMessage, changes: Change[]): void {
    if (message.kind === "done") this.#ended = true;
    if (message.kind !== "entry") return;
    const { mapper, touched } = this.#options;
    const { dn, attributes } = message;
    const sourceId = firstTextOf(attributes, "entryUUID")?.toLowerCase();
    if (sourceId === undefined || touched?.has(sourceId)) return;
    const change = mapper.map(sourceId, dn, attributes);
    // What is no group any more is told by the list of names.
    if (change.kind === "upsert") changes.push(change);
  }
}
