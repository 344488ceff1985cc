import { type CsnSet, printCookie, readCookie } from "../entries/csn.js";
import { type Entry, isInScope } from "../entries/entry.js";
import { evaluate } from "../entries/filter.js";
import type { Tree, Write } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import type { PlannedFaults } from "../planned-faults.js";
import { ContextCsn } from "./context-csn.js";
import { LiveSearch, type RecordedWrite } from "./live-search.js";
import type { Content, Refresh, SyncMessage, SyncRequest } from "./message.js";
import type { SyncProvider } from "./provider.js";
import { SessionLog } from "./session-log.js";

/** How the provider is set up. */
export interface ContentSyncOptions {
  readonly tree: Tree;
  readonly serverId: number;
  /** How many writes the session log holds; 0 for none. */
  readonly sessionLog: number;
  /** Whether a consumer that did not set reloadHint is asked to refresh, instead of being sent everything. */
  readonly reloadHint: boolean;
  /** Whether the cookie of this change comes without a CSN. */
  readonly isBare: (write: Write) => boolean;
  readonly faults: PlannedFaults;
  /** How many changes may wait for a consumer that does not read. */
  readonly maxQueued: number;
}

/** slapd puts this many identifiers into one message. */
const identifiersPerSet = 256;

/** The provider of RFC 4533, in the dialect of OpenLDAP's syncprov overlay. */
export class ContentSync implements SyncProvider {
  readonly #options: ContentSyncOptions;
  readonly #context = new ContextCsn();
  readonly #live = new Set<LiveSearch>();
  #log: SessionLog;

  constructor(options: ContentSyncOptions) {
    this.#options = options;
    this.#log = new SessionLog(options.sessionLog, this.#context.csns);
  }

  /** The latest CSN of each server, which is what `contextCSN` holds. */
  get contextCsns(): CsnSet {
    return this.#context.csns;
  }

  /** While a write has its CSN and has not happened: fulfilled when there is none. */
  get writesFinished(): Promise<void> | undefined {
    return this.#context.finished;
  }

  /** Forgets the session log, as a restart does. */
  clearLog(): void {
    this.#log = new SessionLog(this.#options.sessionLog, this.#context.csns);
    this.#context.clean();
  }

  save(): CsnSet {
    return new Map(this.#context.csns);
  }

  /** Goes back to a state, as a server does that is started from a backup. */
  restore(csns: CsnSet): void {
    this.#context.restore(csns);
    this.clearLog();
  }

  /** Forgets all but the last writes of the session log. */
  trimLog(keep: number): void {
    this.#log.trim(keep);
  }

  /** A write has its CSN, and will be recorded, or given up, later. */
  begin(csn: string, serverId: number): void {
    this.#context.begin(csn, serverId);
  }

  /** A write that had begun was recorded or given up. */
  end(csn: string): void {
    this.#context.end(csn);
  }

  /** Takes note of a write and passes it on to every search that persists. */
  record(write: Write): void {
    const advances = this.#context.advance(write.csn, write.serverId);
    this.#log.append(write);
    for (const search of this.#live) search.push({ ...write, advances });
  }

  /**
   * Determines the refresh of a search as of now (RFC 4533 §3.3).
   *
   * @throws {DirectoryError} unwillingToPerform for a cookie of the future, or e-syncRefreshRequired.
   */
  refresh(content: Content, request: SyncRequest): Refresh {
    const { faults, serverId, reloadHint } = this.#options;
    // What is written while it is sent is not what this refresh is about.
    const context = new Map(this.#context.csns);
    const { rid, csns } = readCookie(request.cookie ?? "");
    const refusal = csns.size > 0 ? faults.takeRefusal() : undefined;
    if (refusal !== undefined) throw refused(refusal);
    // A search that persists is sent everything; another one nothing that is later than what its cookie will say.
    const isSent = ({ csn }: Entry, server: number) =>
      request.mode === "refreshAndPersist" || csn <= (context.get(server) ?? csn);
    const all = () => this.#added(content, isSent);
    if (csns.size > 0 && faults.takeIgnoredCookie()) {
      return { messages: all(), refreshDeletes: true, cookie: "" };
    }
    const known = new Map([...csns].filter(([server]) => context.has(server)));
    const own = known.get(serverId);
    if (own !== undefined && own > (context.get(serverId) ?? "")) {
      throw refused(ResultCode.unwillingToPerform);
    }
    const cookie = this.#spoilt(rid, this.#cookie(rid, context));
    if (known.size === 0) {
      // A state of servers that are not known here is no state, but slapd ends the refresh as if it were one.
      return { messages: all(), refreshDeletes: csns.size === 0, cookie };
    }
    const isNewer = (csn: string, server: number) => (known.get(server) ?? "") < csn;
    const hasChanged = [...context].some(([server, csn]) => isNewer(csn, server));
    if (!hasChanged && !this.#context.isDirty) return { messages: [], refreshDeletes: true };
    const end = hasChanged ? { cookie } : {};
    const changed = () =>
      this.#added(content, (entry, server) => isNewer(entry.csn, server) && isSent(entry, server));
    if (this.#log.covers(known)) {
      const uuids = this.#deletedSince(known, context, this.#entries(content));
      // slapd leaves the field of a server that it does not know empty.
      const echoed = new Map(
        [...csns].map(([server, csn]) => [server, known.has(server) ? csn : ""]),
      );
      const deleted = this.#asDeleted(uuids, rid, echoed);
      return { messages: concatenate(deleted, changed()), refreshDeletes: true, ...end };
    }
    const oldest = [...known.values()].sort()[0] ?? "";
    const everything = this.#options.tree.search(this.#options.tree.suffix, "sub");
    if (!everything.some((entry) => entry.csn <= oldest)) {
      if (reloadHint && !request.reloadHint) throw refused(ResultCode.syncRefreshRequired);
      return { messages: all(), refreshDeletes: false, ...end };
    }
    const messages = concatenate(this.#asPresent(content), changed());
    return { messages, refreshDeletes: false, ...end };
  }

  /** Follows the changes to a content from now on (RFC 4533 §3.4.2). */
  follow(content: Content, request: SyncRequest): LiveSearch {
    const { rid, sid } = readCookie(request.cookie ?? "");
    const isElsewhere = sid > 0 && sid !== this.#options.serverId;
    const search: LiveSearch = new LiveSearch({
      maxQueued: this.#options.maxQueued,
      // A consumer that presents itself as another server does not receive that server's writes, which came from there.
      describe: (write) =>
        isElsewhere && write.serverId === sid ? undefined : this.#describe(write, content, rid),
      onClose: () => this.#live.delete(search),
    });
    this.#live.add(search);
    return search;
  }

  #entries(content: Content): Entry[] {
    const { tree } = this.#options;
    return tree
      .search(content.base, content.scope)
      .filter((entry) => this.#matches(content, entry));
  }

  #matches(content: Content, entry: Entry | undefined): boolean {
    return (
      entry !== undefined &&
      isInScope(entry, content.base, content.scope) &&
      evaluate(content.filter, entry, (key) => this.#options.tree.isKnown(key)) === true
    );
  }

  #cookie(rid: string | undefined, csns: CsnSet, delcsn?: string): string {
    const { serverId } = this.#options;
    return printCookie({ rid, serverId, csns, ...(delcsn === undefined ? {} : { delcsn }) });
  }

  /**
   * What left the content since a state, in the order of the CSNs: what was deleted, by its deletion, and what changed
   * and no longer matches, by its first change.
   */
  #deletedSince(state: CsnSet, context: CsnSet, matching: readonly Entry[]): Map<string, string> {
    const present = new Set(matching.map((entry) => entry.uuid));
    const gone = new Map<string, string>();
    for (const { kind, uuid, csn } of this.#log.since(state, context)) {
      // What was only added was not in the content before.
      if (kind === "add" || present.has(uuid)) continue;
      if (kind === "delete") gone.delete(uuid);
      if (!gone.has(uuid)) gone.set(uuid, csn);
    }
    return gone;
  }

  /** One message for each, with a cookie of the state that the consumer came with, as slapd does. */
  *#asDeleted(
    gone: ReadonlyMap<string, string>,
    rid: string | undefined,
    state: CsnSet,
  ): Generator<SyncMessage> {
    for (const [uuid, csn] of gone) {
      const cookie = this.#cookie(rid, state, csn);
      yield { kind: "idSet", refreshDeletes: true, uuids: [uuid], cookie };
    }
  }

  /** What a write means for a content. */
  #describe(
    write: RecordedWrite,
    content: Content,
    rid: string | undefined,
  ): SyncMessage | undefined {
    const wasIn = this.#matches(content, write.before);
    const isIn = this.#matches(content, write.after);
    // slapd ignores the deletion of an entry that was not in the content.
    if (!wasIn && write.after === undefined) return undefined;
    const isBare = !write.advances || this.#options.isBare(write);
    const csns = isBare ? new Map() : new Map([[write.serverId, write.csn]]);
    const cookie = this.#spoilt(rid, this.#cookie(rid, csns));
    if (isIn && write.after) {
      return { kind: "entry", state: wasIn ? "modify" : "add", entry: write.after, cookie };
    }
    if (wasIn && write.before) {
      return { kind: "entry", state: "delete", entry: write.after ?? write.before, cookie };
    }
    return { kind: "newCookie", cookie };
  }

  /** The cookie, or what a fault makes of it. */
  #spoilt(rid: string | undefined, cookie: string): string {
    switch (this.#options.faults.takeSpoiltCookie()) {
      case "bare":
        return this.#cookie(rid, new Map());
      case "garbage":
        return "no cookie of this server";
      case "empty":
        return "";
      case undefined:
        return cookie;
    }
  }

  /** Entries as they are when they are sent; those that have gone by then are left out. */
  *#added(
    content: Content,
    isSent: (entry: Entry, serverId: number) => boolean,
  ): Generator<SyncMessage> {
    const isToBeSent = (entry: Entry) => isSent(entry, serverIdOf(entry));
    for (const { uuid } of this.#entries(content).filter(isToBeSent)) {
      const entry = this.#options.tree.withUuid(uuid);
      if (entry === undefined || !this.#matches(content, entry) || !isToBeSent(entry)) continue;
      yield { kind: "entry", state: "add", entry };
    }
  }

  /** All that is there now, as slapd says it: also what follows as changed. */
  *#asPresent(content: Content): Generator<SyncMessage> {
    const entries = this.#entries(content);
    for (let at = 0; at < entries.length; at += identifiersPerSet) {
      const uuids = entries.slice(at, at + identifiersPerSet).map((entry) => entry.uuid);
      yield { kind: "idSet", refreshDeletes: false, uuids };
    }
  }
}

const refusalTexts: ReadonlyMap<number, string> = new Map([
  [ResultCode.unwillingToPerform, "consumer state is newer than provider!"],
  [ResultCode.syncRefreshRequired, "sync cookie is stale"],
]);

function refused(resultCode: number): DirectoryError {
  return new DirectoryError(resultCode, refusalTexts.get(resultCode) ?? "");
}

function serverIdOf(entry: Entry): number {
  return Number.parseInt(entry.csn.split("#")[2] ?? "0", 16);
}

function* concatenate<T>(...parts: Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}
