import { createHash } from "node:crypto";
import type { CsnSet } from "../entries/csn.js";
import { type Entry, isInScope } from "../entries/entry.js";
import { evaluate } from "../entries/filter.js";
import type { Tree, Write } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import { LiveSearch, type RecordedWrite } from "./live-search.js";
import type { Content, Refresh, SyncMessage, SyncRequest } from "./message.js";
import type { SyncProvider } from "./provider.js";

export interface NumberedSyncOptions {
  readonly tree: Tree;
  /** The port of the server, which is part of its cookies. */
  readonly port: () => number;
  /** Whether the changelog has the changes of the tree; FreeIPA's has none of them. */
  readonly isLogged: boolean;
  readonly maxQueued: number;
}

interface LoggedChange extends Pick<Write, "uuid"> {
  readonly number: number;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** What a cookie has instead of a number: -1, without its sign. */
const noNumber = 4_294_967_295;

/** The server puts this many identifiers into one message. */
const identifiersPerSet = 50;

/**
 * The provider of RFC 4533 as 389 Directory Server is one, with what it gets wrong: a resumed refresh leaves out
 * operational attributes and who left the filter, and ends with refreshDeletes set to FALSE without a list where
 * nothing is followed; what is written while a refresh is sent is in neither that nor the changes after it; and a
 * change that was undone is reported.
 */
export class NumberedSync implements SyncProvider {
  readonly contextCsns: CsnSet = new Map();
  readonly writesFinished: undefined;
  readonly #options: NumberedSyncOptions;
  readonly #live = new Set<LiveSearch>();
  #changes: LoggedChange[] = [];
  #last = 0;
  #isUndoing = false;
  readonly #numbers = new Map<string, number>();

  constructor(options: NumberedSyncOptions) {
    this.#options = options;
  }

  /** The numbers that the root DSE has. */
  get range(): { readonly first: number; readonly last: number } {
    const first = this.#changes[0]?.number ?? (this.#last === 0 ? 0 : this.#last + 1);
    return { first, last: this.#last };
  }

  clearLog(): void {
    this.#changes = [];
  }

  /** What is held already was loaded, and not written. */
  startNumbering(): void {
    this.clearLog();
    this.#last = 0;
  }

  trimLog(keep: number): void {
    this.#changes.splice(0, Math.max(0, this.#changes.length - keep));
  }

  begin(): void {}

  end(): void {}

  /** What is done in `work` is undone after it, and reported all the same. */
  whileUndoing(work: () => void): void {
    this.#isUndoing = true;
    try {
      work();
    } finally {
      this.#isUndoing = false;
    }
  }

  record(write: Write): void {
    const { csn, uuid } = write;
    if (this.#options.isLogged && !this.#isUndoing) {
      this.#last += 1;
      const { before, after } = write;
      this.#changes.push({ number: this.#last, uuid, before, after });
      this.#numbers.set(csn, this.#last);
    }
    for (const search of this.#live) search.push({ ...write, advances: true });
  }

  save(): CsnSet {
    return new Map([
      [0, String(this.#last)],
      [1, String(this.range.first)],
    ]);
  }

  restore(state: CsnSet): void {
    this.#last = Number(state.get(0));
    const first = Number(state.get(1));
    this.#changes = this.#changes.filter(({ number }) => number >= first && number <= this.#last);
  }

  refresh(content: Content, request: SyncRequest): Refresh {
    const persists = request.mode === "refreshAndPersist";
    const cookie = this.#cookie(content, request, this.#last);
    if (request.cookie === undefined) {
      return { messages: this.#all(content), refreshDeletes: persists, cookie };
    }
    const since = this.#since(content, request);
    const changes = this.#changes.filter(({ number }) => number > since);
    return { messages: this.#changed(content, changes, cookie), refreshDeletes: persists, cookie };
  }

  follow(content: Content, request: SyncRequest): LiveSearch {
    const search: LiveSearch = new LiveSearch({
      maxQueued: this.#options.maxQueued,
      // The search is registered once the refresh has been sent.
      missesRefresh: true,
      describe: (write) => this.#describe(write, content, request),
      onClose: () => this.#live.delete(search),
    });
    this.#live.add(search);
    return search;
  }

  /** @throws {DirectoryError} e-syncRefreshRequired where the cookie is none of this search, or of the future. */
  #since(content: Content, request: SyncRequest): number {
    const [, search, digits] = /^(.*#)(\d+)$/s.exec(request.cookie ?? "") ?? [];
    const since = Number(digits);
    // That changes after it may be gone is not noticed.
    const isOwn = search === this.#cookie(content, request, "");
    if (!isOwn || since > this.#last) {
      throw new DirectoryError(ResultCode.syncRefreshRequired, "Invalid session cookie");
    }
    return since;
  }

  #cookie({ base, scope, filter }: Content, { bindDn }: SyncRequest, number: number | ""): string {
    const text = JSON.stringify([scope, filter]);
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
    return `localhost:${this.#options.port()}#${bindDn}:${base}:(${digest})#${number}`;
  }

  #matches(content: Content, entry: Entry | undefined): boolean {
    return (
      entry !== undefined &&
      isInScope(entry, content.base, content.scope) &&
      evaluate(content.filter, entry, (key) => this.#options.tree.isKnown(key)) === true
    );
  }

  *#all(content: Content): Generator<SyncMessage> {
    const { tree } = this.#options;
    const entries = tree.search(content.base, content.scope);
    for (const { uuid } of entries.filter((entry) => this.#matches(content, entry))) {
      const entry = tree.withUuid(uuid);
      if (entry !== undefined && this.#matches(content, entry)) {
        yield { kind: "entry", state: "add", entry };
      }
    }
  }

  *#changed(
    content: Content,
    changes: readonly LoggedChange[],
    cookie: string,
  ): Generator<SyncMessage> {
    const { tree } = this.#options;
    const isWithin = (entry: Entry | undefined) =>
      entry !== undefined && isInScope(entry, content.base, content.scope);
    // Also who has come back since.
    const leaving = changes.filter(({ before, after }) => isWithin(before) && !isWithin(after));
    const gone = [...new Set(leaving.map(({ uuid }) => uuid))];
    const uuids = new Set(changes.map(({ uuid }) => uuid));
    for (let at = 0; at < gone.length; at += identifiersPerSet) {
      const some = gone.slice(at, at + identifiersPerSet);
      yield { kind: "idSet", refreshDeletes: true, uuids: some, cookie };
    }
    for (const uuid of uuids) {
      const entry = tree.withUuid(uuid);
      if (entry !== undefined && this.#matches(content, entry)) {
        yield { kind: "entry", state: "add", entry, isPartial: true };
      }
    }
  }

  #describe(write: RecordedWrite, content: Content, request: SyncRequest): SyncMessage | undefined {
    const number = this.#numbers.get(write.csn) ?? noNumber;
    const cookie = this.#cookie(content, request, number);
    const wasIn = this.#matches(content, write.before);
    if (this.#matches(content, write.after) && write.after) {
      return { kind: "entry", state: wasIn ? "modify" : "add", entry: write.after, cookie };
    }
    if (!wasIn || !write.before) return undefined;
    return { kind: "entry", state: "delete", entry: write.after ?? write.before, cookie };
  }
}
