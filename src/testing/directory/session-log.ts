import type { CsnSet } from "./csn.js";
import type { Write } from "./tree.js";

/** What the provider remembers of a write, so that a consumer can be told what left its content. */
export interface LoggedWrite {
  readonly kind: Write["kind"];
  readonly csn: string;
  readonly serverId: number;
  readonly uuid: string;
}

/** The last writes of a provider since it started. It lives in memory, and a restart empties it. */
export class SessionLog {
  readonly #size: number;
  /** Per server, the state from which on every write is in the log. */
  readonly #start: Map<number, string>;
  #writes: LoggedWrite[] = [];

  constructor(size: number, context: CsnSet) {
    this.#size = size;
    this.#start = new Map(context);
  }

  append(write: Write): void {
    if (this.#size === 0) return;
    const { kind, csn, serverId, uuid } = write;
    this.#writes.push({ kind, csn, serverId, uuid });
    if (this.#writes.length <= this.#size) return;
    const [forgotten] = this.#writes.splice(0, 1);
    if (forgotten) this.#start.set(forgotten.serverId, forgotten.csn);
  }

  /** Whether the log holds every write since a consumer's state. */
  covers(state: CsnSet): boolean {
    if (this.#size === 0) return false;
    return [...this.#start].every(([server, csn]) => (state.get(server) ?? "") >= csn);
  }

  /** The writes that a consumer of this state has not seen. */
  since(state: CsnSet): LoggedWrite[] {
    return this.#writes.filter(({ csn, serverId }) => csn > (state.get(serverId) ?? ""));
  }
}
