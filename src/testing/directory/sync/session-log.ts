import type { CsnSet } from "../entries/csn.js";
import type { Write } from "../entries/tree.js";

/** What the provider remembers of a write, so that a consumer can be sent what left its content. */
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

  /** Takes a write in, in the order of the CSNs, which a write that was overtaken has not come in. */
  append(write: Write): void {
    if (this.#size === 0) return;
    const { kind, csn, serverId, uuid } = write;
    const before = this.#writes.findLastIndex((other) => other.csn < csn);
    this.#writes.splice(before + 1, 0, { kind, csn, serverId, uuid });
    this.trim(this.#size);
  }

  /** Forgets all but the last writes. */
  trim(keep: number): void {
    const forgotten = this.#writes.splice(0, Math.max(0, this.#writes.length - keep));
    for (const { serverId, csn } of forgotten) this.#start.set(serverId, csn);
  }

  /** Whether the log holds every write since a consumer's state. */
  covers(state: CsnSet): boolean {
    if (this.#size === 0) return false;
    return [...this.#start].every(([server, csn]) => (state.get(server) ?? "") >= csn);
  }

  /** The writes that a consumer of this state has not seen, up to the first that the context does not hold. */
  since(state: CsnSet, context: CsnSet): LoggedWrite[] {
    const isIn = ({ csn, serverId }: LoggedWrite, csns: CsnSet) =>
      csn <= (csns.get(serverId) ?? "");
    const unseen = this.#writes.filter((write) => !isIn(write, state));
    const tooNew = unseen.findIndex((write) => !isIn(write, context));
    return tooNew < 0 ? unseen : unseen.slice(0, tooNew);
  }
}
