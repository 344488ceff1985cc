import type { Change, Delete } from "../../changes/index.js";
import { LdapResultError } from "../wire/errors.js";
import type { EncodedMessage } from "../wire/message.js";
import {
  readSyncInfo,
  readSyncState,
  syncInfoOid,
  syncRefreshRequired,
} from "../wire/sync-messages.js";
import type { Check, DueCheck } from "./checks.js";
import type { ResetReason } from "./events.js";
import { endedByServer } from "./message-buffer.js";
import { type Pass, type PassOptions, unreadable } from "./pass.js";
import type {
  Positions,
  Protocol,
  ReaderTools,
  RefreshUnderWay,
  StoredPosition,
} from "./protocol.js";
import { Refresh } from "./refresh.js";

/**
 * Content synchronization (RFC 4533) with a server that keeps to the specification. What another does otherwise, or has
 * to say besides, its dialect overrides.
 */
export abstract class ContentSync<P> implements Protocol<P> {
  abstract readonly positions: Positions<P>;
  former: StoredPosition<P> | undefined;
  protected readonly tools: ReaderTools;

  constructor(tools: ReaderTools, former: StoredPosition<P> | undefined) {
    this.tools = tools;
    this.former = former;
  }

  abstract print(position: StoredPosition<P>): string;

  get state(): readonly string[] | undefined {
    return undefined;
  }

  get followsParents(): boolean {
    return true;
  }

  get isOrderSure(): boolean {
    return false;
  }

  async open(): Promise<void> {}

  /**
   * Also where nothing is followed: OpenLDAP leaves out of a refreshOnly search what is written while it is sent, and
   * what was not sent would be taken to be gone.
   */
  begin(since: P | undefined): RefreshUnderWay<P> {
    const { reading, searches } = this.tools;
    const refresh = new Refresh(this.positions, since, reading);
    const live = searches.synchronize("refreshAndPersist", this.cookie(since));
    return { refresh, messages: live, live, judge: () => this.judge(refresh) };
  }

  protected judge(_refresh: Refresh<P>): readonly DueCheck[] | ResetReason {
    return [];
  }

  advanced(_covered: P, _held: P | undefined): void {}

  async beforeCheck(_covered: P | undefined): Promise<void> {}

  secondPass(since: P | undefined, options: PassOptions): Pick<Check<P>, "pass" | "messages"> {
    const messages = this.tools.searches.synchronize("refreshOnly", this.cookie(since));
    return { pass: new Refresh(this.positions, since, options), messages };
  }

  /** Undefined: by a list of names that may be ahead of the live changes where its stamps say so. */
  listNames?(options: PassOptions): Pick<Check<P>, "pass" | "messages">;

  checked(_kind: Check<P>["kind"], _pass: Pass<P>, _covered: P | undefined): P | undefined {
    return undefined;
  }

  resetReason(error: unknown): ResetReason | undefined {
    const isRefreshRequired =
      error instanceof LdapResultError && error.resultCode === syncRefreshRequired;
    return isRefreshRequired ? "refreshRequired" : undefined;
  }

  /** Reads a message of the persist stage (RFC 4533 §3.4.2). */
  readLive(message: EncodedMessage, changes: Change[], touched?: Set<string>): P | undefined {
    switch (message.kind) {
      case "entry":
      case "oversized": {
        const { state, id, cookie } = readSyncState(message.controls);
        touched?.add(id);
        const covered = this.positions.parse(cookie);
        if (state === "delete") changes.push(this.#deletion(id, covered));
        else if (message.kind === "oversized") changes.push(unreadable(id, message));
        else if (state !== "present") changes.push(this.tools.reading.mapper.map(id, message));
        return covered;
      }
      case "intermediate": {
        if (message.oid !== syncInfoOid || message.value === undefined) return undefined;
        const info = readSyncInfo(message.value);
        const covered = this.positions.parse(info.cookie);
        if (info.kind !== "idSet" || !info.refreshDeletes) return covered;
        for (const id of info.ids) {
          touched?.add(id);
          changes.push(this.#deletion(id, covered));
        }
        return covered;
      }
      case "done":
        throw endedByServer();
      case "reference":
        return undefined;
    }
  }

  #deletion(sourceId: string, covered: P | undefined): Delete {
    const stamp = covered === undefined ? undefined : this.positions.stamps?.newest(covered);
    return { kind: "delete", sourceId, ...(stamp !== undefined && { stamp }) };
  }

  protected cookie(since: P | undefined): string | undefined {
    return since === undefined ? undefined : this.positions.print(since);
  }
}
