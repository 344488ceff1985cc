import { type CsnSet, printCookie, readCookie } from "./csn.js";
import { type Entry, isInScope } from "./entry.js";
import { DirectoryError, ResultCode } from "./errors.js";
import { evaluate } from "./filter.js";
import { LiveSearch } from "./live-search.js";
import { SessionLog } from "./session-log.js";
import type { Content, Refresh, SyncMessage, SyncRequest } from "./sync-message.js";
import type { Tree, Write } from "./tree.js";

/** How the provider is set up. */
export interface ContentSyncOptions {
  readonly tree: Tree;
  readonly serverId: number;
  /** How many writes the session log holds; 0 for none. */
  readonly sessionLog: number;
  /** Whether a consumer that did not set reloadHint is told to refresh, instead of being sent everything. */
  readonly reloadHint: boolean;
  /** Whether the cookie of this change comes without a CSN. */
  readonly isBare: (write: Write) => boolean;
  /** How many changes may wait for a consumer that does not read. */
  readonly maxQueued: number;
}

/** slapd puts this many identifiers into one message. */
const identifiersPerSet = 256;

/** The provider of RFC 4533, in the dialect of OpenLDAP's syncprov overlay. */
export class ContentSync {
  readonly #options: ContentSyncOptions;
  readonly #context = new Map<number, string>();
  readonly #live = new Set<LiveSearch>();
  #log: SessionLog;

  constructor(options: ContentSyncOptions) {
    this.#options = options;
    this.#log = new SessionLog(options.sessionLog, this.#context);
  }

  /** The latest CSN of each server, which is what `contextCSN` holds. */
  get contextCsns(): CsnSet {
    return this.#context;
  }

  /** Forgets the session log, as a restart does. */
  clearLog(): void {
    this.#log = new SessionLog(this.#options.sessionLog, this.#context);
  }

  /** Takes note of a write and passes it on to every search that persists. */
  record(write: Write): void {
    const latest = this.#context.get(write.serverId);
    if (latest === undefined || latest < write.csn) this.#context.set(write.serverId, write.csn);
    this.#log.append(write);
    for (const search of this.#live) search.push(write);
  }

  /**
   * Determines the refresh of a search as of now (RFC 4533 §3.3).
   *
   * @throws {DirectoryError} unwillingToPerform for a cookie of the future, or e-syncRefreshRequired.
   */
  refresh(content: Content, request: SyncRequest): Refresh {
    const { rid, csns } = readCookie(request.cookie ?? "");
    const known = new Map([...csns].filter(([server]) => this.#context.has(server)));
    const own = known.get(this.#options.serverId);
    if (own !== undefined && own > (this.#context.get(this.#options.serverId) ?? "")) {
      throw new DirectoryError(
        ResultCode.unwillingToPerform,
        "consumer state is newer than provider!",
      );
    }
    const cookie = this.#cookie(rid, this.#context);
    const matching = this.#entries(content);
    if (known.size === 0) {
      // A state of servers that are not known here is no state, but slapd ends the refresh as if it were one.
      return { messages: asAdded(matching), refreshDeletes: csns.size === 0, cookie };
    }
    const isNewer = (csn: string, server: number) => (known.get(server) ?? "") < csn;
    if (![...this.#context].some(([server, csn]) => isNewer(csn, server))) {
      return { messages: [], refreshDeletes: true };
    }
    const changed = matching.filter((entry) => isNewer(entry.csn, serverIdOf(entry)));
    if (this.#log.covers(known)) {
      const uuids = this.#deletedSince(known, matching);
      // slapd leaves the place of a server that it does not know empty.
      const echoed = new Map(
        [...csns].map(([server, csn]) => [server, known.has(server) ? csn : ""]),
      );
      return {
        messages: concatenate(this.#asDeleted(uuids, rid, echoed), asAdded(changed)),
        refreshDeletes: true,
        cookie,
      };
    }
    const oldest = [...known.values()].sort()[0] ?? "";
    const everything = this.#options.tree.search(this.#options.tree.suffix, "sub");
    if (!everything.some((entry) => entry.csn <= oldest)) {
      if (this.#options.reloadHint && !request.reloadHint) {
        throw new DirectoryError(ResultCode.syncRefreshRequired, "sync cookie is stale");
      }
      return { messages: asAdded(matching), refreshDeletes: false, cookie };
    }
    return {
      messages: concatenate(asPresent(matching), asAdded(changed)),
      refreshDeletes: false,
      cookie,
    };
  }

  /** Follows the changes to a content from now on (RFC 4533 §3.4.2). */
  follow(content: Content, request: SyncRequest): LiveSearch {
    const { rid } = readCookie(request.cookie ?? "");
    const search: LiveSearch = new LiveSearch({
      maxQueued: this.#options.maxQueued,
      describe: (write) => this.#describe(write, content, rid),
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
  #deletedSince(state: CsnSet, matching: readonly Entry[]): Map<string, string> {
    const present = new Set(matching.map((entry) => entry.uuid));
    const gone = new Map<string, string>();
    for (const { kind, uuid, csn } of this.#log.since(state)) {
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
  #describe(write: Write, content: Content, rid: string | undefined): SyncMessage | undefined {
    const csns = this.#options.isBare(write) ? new Map() : new Map([[write.serverId, write.csn]]);
    const cookie = this.#cookie(rid, csns);
    const wasIn = this.#matches(content, write.before);
    const isIn = this.#matches(content, write.after);
    if (isIn && write.after) {
      return { kind: "entry", state: wasIn ? "modify" : "add", entry: write.after, cookie };
    }
    if (wasIn && write.before) {
      return { kind: "entry", state: "delete", entry: write.after ?? write.before, cookie };
    }
    // slapd passes over the deletion of an entry that was not in the content.
    return write.after && { kind: "newCookie", cookie };
  }
}

function serverIdOf(entry: Entry): number {
  return Number.parseInt(entry.csn.split("#")[2] ?? "0", 16);
}

function* asAdded(entries: readonly Entry[]): Generator<SyncMessage> {
  for (const entry of entries) yield { kind: "entry", state: "add", entry };
}

/** All that is there now, as slapd says it: also what follows as changed. */
function* asPresent(entries: readonly Entry[]): Generator<SyncMessage> {
  for (let at = 0; at < entries.length; at += identifiersPerSet) {
    const uuids = entries.slice(at, at + identifiersPerSet).map((entry) => entry.uuid);
    yield { kind: "idSet", refreshDeletes: false, uuids };
  }
}

function* concatenate<T>(...parts: Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}
