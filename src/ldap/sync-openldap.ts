import type { Change } from "../changes/index.js";
import { UnavailableError } from "../core/index.js";
import {
  type CsnCookie,
  covers,
  isBeyond,
  mergeCookies,
  newestCsn,
  parseCookie,
  printCookie,
} from "./cookie.js";
import type { Dialect, ReaderBatch, Reading } from "./dialect.js";
import { LdapResultError } from "./errors.js";
import type { EncodedMessage, SearchRequest } from "./message.js";
import { hasMoved, mayPassOver, readServerStart, startedAfter } from "./session-log.js";
import { Arrivals, Wakeup } from "./sync-arrivals.js";
import { GroupList } from "./sync-group-list.js";
import {
  readSyncInfo,
  readSyncState,
  type SyncMode,
  syncInfoOid,
  syncRefreshRequired,
  syncRequest,
} from "./sync-messages.js";
import { NameList } from "./sync-name-list.js";
import type { Pass } from "./sync-pass.js";
import { Refresh } from "./sync-refresh.js";
import type { ResetReason } from "./watch-channel.js";

/**
 * RFC 4533 as OpenLDAP speaks it. The position is the cookie, merged and stripped as {@link CsnCookie} says.
 */
export const openLdap: Dialect = {
  name: "openldap",
  read(reading, position) {
    const cookie = parseCookie(position);
    // OpenLDAP answers a cookie that it cannot read with everything, as if that were what changed.
    if (position !== undefined && cookie === undefined) reading.reset("damaged");
    return new OpenLdapReader(reading, cookie).read();
  },
};

/** A look at the content that runs beside the live changes. */
interface Check {
  readonly kind: "secondPass" | "names" | "groups";
  readonly pass: Pass;
  readonly arrivals: Arrivals;
}

class OpenLdapReader {
  readonly #reading: Reading;
  readonly #wakeup = new Wakeup();
  /** What the changes that were handed over cover, all of them together. */
  #cookie: CsnCookie | undefined;
  /** Whether `#cookie` says more than the position that was handed over last. */
  #isNews = false;
  /** Changes that have been read and not handed over. */
  #changes: Change[] = [];
  /** The checks that are still to come before positions may be handed over, or because it is time. */
  readonly #due: Check["kind"][] = [];
  /** Whether a list of names will be due by itself. */
  #isScheduled = false;
  /** Closed between the end of a resumed refresh and the end of its second pass. */
  #gateIsOpen = true;
  /** The ids that live changes spoke of since the running check began; undefined while none runs. */
  #touched: Set<string> | undefined;
  /** What the refresh covered when it ended, before live changes: where the second pass starts. */
  #refreshed: CsnCookie | undefined;
  /** The numbers of `#refreshed` that no second pass has got beyond. What is covered beyond them may have been missed. */
  #unproven: readonly string[] = [];

  constructor(reading: Reading, cookie: CsnCookie | undefined) {
    this.#reading = reading;
    this.#cookie = cookie;
  }

  /** Reads until the search ends; begins again, without the cookie, when the server has no use for it. */
  async *read(): AsyncGenerator<ReaderBatch> {
    for (;;) {
      let reason: ResetReason | undefined;
      try {
        reason = yield* this.#run();
        if (reason === undefined) return;
      } catch (error) {
        reason = this.#cookie === undefined ? undefined : resetReason(error);
        if (reason === undefined) throw error;
      }
      this.#reading.reset(reason);
      this.#cookie = undefined;
      this.#changes = [];
      this.#due.length = 0;
      this.#unproven = [];
      this.#touched = undefined;
    }
  }

  /** Returns the reason why to begin again, without the cookie, if there is one. */
  async *#run(): AsyncGenerator<ReaderBatch, ResetReason | undefined> {
    const { connection, follow, signal, tell, baseStamp } = this.#reading;
    const resumedFrom = this.#cookie;
    const resumed = resumedFrom !== undefined;
    tell({ event: "refreshing", resumed });
    // Before the request is sent: whatever happens after this belongs to the new generation.
    yield { phase: "snapshot", refresh: "begins", changes: [] };
    const startedAt = resumed ? await readServerStart(connection, signal) : undefined;
    const refresh = new Refresh(resumedFrom, this.#reading);
    // Also where nothing is followed: OpenLDAP leaves out of a refreshOnly search what is written while it is sent, and what
    // was not sent would be taken to be gone.
    const live = this.#search("refreshAndPersist", resumedFrom);
    try {
      while (!refresh.ended) {
        for (let message = live.take(); message !== undefined; message = live.take()) {
          if (message.kind === "done") throw endedByServer();
          refresh.read(message, this.#changes);
          this.#giveBack(message);
          if (refresh.ended) break;
          while (this.#isFull) yield this.#hand("snapshot", "continues");
        }
        if (refresh.ended) break;
        // Nobody waits for a part of a refresh, and few large batches cost less to apply than many small ones.
        live.request();
        await this.#wakeup.wait();
      }
      const isOfSeveral = resumed && !refresh.sweeps && mayPassOver(resumedFrom, refresh.cookie);
      // Who goes on looks at the names of all entries. Who does not would never learn what was deleted.
      if (!follow && refresh.isSuspect(baseStamp)) return "ignored";
      if (!follow && isOfSeveral) return "severalServers";
      const isRestarted = resumed && !refresh.sweeps && startedAfter(resumedFrom, startedAt);
      if (!follow && isRestarted && hasMoved(resumedFrom, refresh.cookie)) return "serverRestarted";
      while (this.#isFull) yield this.#hand("snapshot", "continues");
      if (refresh.sweeps) this.#changes.push({ kind: "sweep" });
      if (refresh.cookie !== undefined) this.#advance(refresh.cookie);
      this.#refreshed = this.#cookie;
      if (follow && resumed) {
        this.#due.push("secondPass");
        // A list of all that exists has missed nothing.
        this.#unproven = refresh.sweeps ? [] : (this.#refreshed?.csns ?? []);
        if (isOfSeveral || isRestarted || refresh.isSuspect(baseStamp)) this.#due.push("names");
      }
      this.#gateIsOpen = this.#due.length === 0;
      tell({ event: "refreshed", resumed, swept: refresh.sweeps });
      yield this.#hand("snapshot", "ends");
      if (follow) yield* this.#follow(live);
      return undefined;
    } finally {
      await live.close();
    }
  }

  /** The persist stage (RFC 4533 §3.4.2), and the checks that run beside it. */
  async *#follow(live: Arrivals): AsyncGenerator<ReaderBatch> {
    const stop = new AbortController();
    let check: Check | undefined;
    this.#isScheduled = false;
    this.#scheduleNames(stop.signal);
    try {
      for (;;) {
        for (let message = live.take(); message !== undefined; message = live.take()) {
          this.#readLive(message);
          this.#giveBack(message);
          while (this.#isFull) yield this.#hand("live");
        }
        if (this.#changes.length > 0 || (this.#gateIsOpen && this.#isNews)) {
          yield this.#hand("live");
        }
        const due = check === undefined ? this.#due[0] : undefined;
        if (due !== undefined) {
          yield { phase: "reconcile", refresh: "begins", changes: [] };
          check = this.#begin(due);
        }
        if (check !== undefined) {
          yield* this.#advanceCheck(check);
          if (check.pass.ended) {
            await check.arrivals.close();
            if (check.kind === "names") this.#scheduleNames(stop.signal);
            check = undefined;
            this.#touched = undefined;
            if (this.#due.length > 0) continue;
          }
        }
        live.request();
        check?.arrivals.request();
        await this.#wakeup.wait();
      }
    } finally {
      stop.abort();
      await check?.arrivals.close();
    }
  }

  /**
   * Begins a check. The second pass asks once more for what changed since the end of the refresh: a server plays back its
   * session log up to the number that it gives as its state, and that number stays behind when writes overtake each other.
   * Deletions beyond it that were complete before the search for live changes was registered are told by neither, and come
   * to be covered by the next write. So a pass that ends where the refresh did proves nothing: it is repeated as soon as a
   * live change moves the state, before that is handed over.
   */
  #begin(kind: Check["kind"]): Check {
    this.#touched = new Set();
    const options = { mapper: this.#reading.mapper, touched: this.#touched };
    if (kind === "names") {
      const { content } = this.#reading;
      return {
        kind,
        pass: new NameList(options, (stamp) => !this.#covers(stamp)),
        arrivals: this.#send({ ...this.#request([]), attributes: content.nameAttributes }),
      };
    }
    if (kind === "groups") {
      const { filter, groupFilter = filter } = this.#reading.content;
      return {
        kind,
        pass: new GroupList(options),
        arrivals: this.#send({ ...this.#request([]), filter: groupFilter }),
      };
    }
    return {
      kind,
      pass: new Refresh(this.#refreshed, options),
      arrivals: this.#search("refreshOnly", this.#refreshed),
    };
  }

  async *#advanceCheck({ kind, pass, arrivals }: Check): AsyncGenerator<ReaderBatch> {
    while (!pass.ended) {
      const message = arrivals.take();
      if (message === undefined) break;
      pass.read(message, this.#changes);
      this.#giveBack(message);
      while (this.#isFull) yield this.#hand("reconcile", "continues");
    }
    if (!pass.ended) {
      if (this.#changes.length > 0) yield this.#hand("reconcile", "continues");
      return;
    }
    while (this.#isFull) yield this.#hand("reconcile", "continues");
    const sweeps = pass.sweeps && pass.isReload !== true;
    if (sweeps) this.#changes.push({ kind: "sweep" });
    this.#due.shift();
    // What else exists, a list tells, which leaves nothing out.
    if (pass.isReload === true) this.#due.push("names");
    if (kind === "secondPass") this.#prove(pass);
    // The cookie of the second pass itself is left alone: a change that was passed over because the live changes had
    // touched its entry may be on its way yet, and that cookie would claim it.
    if (this.#due.length === 0) this.#gateIsOpen = true;
    this.#checkWhatIsUnproven();
    this.#reading.tell({ event: "checked", check: kind, swept: sweeps });
    yield this.#hand("reconcile", "ends");
  }

  #readLive(message: EncodedMessage): void {
    switch (message.kind) {
      case "entry": {
        const { state, id, cookie } = readSyncState(message.controls);
        const covered = parseCookie(cookie);
        this.#touched?.add(id);
        if (state === "delete") this.#addDelete(id, covered);
        else if (state !== "present") {
          this.#changes.push(this.#reading.mapper.map(id, message));
        }
        if (covered !== undefined) this.#advance(covered);
        break;
      }
      case "intermediate":
        if (message.oid === syncInfoOid && message.value !== undefined) {
          const info = readSyncInfo(message.value);
          const covered = parseCookie(info.cookie);
          if (info.kind === "idSet" && info.refreshDeletes) {
            for (const id of info.ids) {
              this.#touched?.add(id);
              this.#addDelete(id, covered);
            }
          }
          // A new cookie without a change: something outside the content changed.
          if (covered !== undefined) this.#advance(covered);
        }
        break;
      case "done":
        throw endedByServer();
      case "reference":
        break;
    }
  }

  /** Lets the connection use the bytes of a message again, of which changes keep nothing. */
  #giveBack(message: EncodedMessage): void {
    if (message.kind === "entry") this.#reading.connection.reuse(message);
  }

  #addDelete(sourceId: string, covered: CsnCookie | undefined): void {
    this.#changes.push(
      covered === undefined
        ? { kind: "delete", sourceId }
        : { kind: "delete", sourceId, stamp: newestCsn(covered) },
    );
  }

  #covers(stamp: string): boolean {
    return this.#cookie !== undefined && covers(this.#cookie, stamp);
  }

  #advance(covered: CsnCookie): void {
    this.#cookie = mergeCookies(this.#cookie, covered);
    this.#isNews = true;
    this.#checkWhatIsUnproven();
  }

  /** A second pass has ended: beyond the numbers that it got beyond itself, nothing was missed. */
  #prove({ sweeps, cookie }: Pass): void {
    this.#unproven = sweeps ? [] : this.#unproven.filter((csn) => !isBeyond(cookie, csn));
  }

  /** Has a second pass made where the state has moved beyond a number that none has got beyond. */
  #checkWhatIsUnproven(): void {
    if (this.#due.includes("secondPass")) return;
    if (!this.#unproven.some((csn) => isBeyond(this.#cookie, csn))) return;
    this.#due.push("secondPass");
    this.#gateIsOpen = false;
  }

  get #isFull(): boolean {
    return this.#changes.length >= this.#reading.batchSize;
  }

  /**
   * Makes a batch of what there is. Changes beyond the limit stay for the next, and so does the position. The end of a
   * refresh states where things stand in any case; a live batch only does when it moved them.
   */
  #hand(phase: ReaderBatch["phase"], refresh?: ReaderBatch["refresh"]): ReaderBatch {
    const { batchSize } = this.#reading;
    const isAll = this.#changes.length <= batchSize;
    const changes = isAll ? this.#changes : this.#changes.slice(0, batchSize);
    this.#changes = isAll ? [] : this.#changes.slice(batchSize);
    const batch = refresh === undefined ? { phase, changes } : { phase, refresh, changes };
    const isDue = refresh === "ends" || (refresh === undefined && this.#isNews);
    if (!(isDue && isAll && this.#gateIsOpen) || this.#cookie === undefined) return batch;
    this.#isNews = false;
    return { ...batch, position: printCookie(this.#cookie) };
  }

  #scheduleNames(signal: AbortSignal): void {
    const { content, reconcileEvery, sleep } = this.#reading;
    if (reconcileEvery === undefined || this.#isScheduled) return;
    this.#isScheduled = true;
    sleep(reconcileEvery, signal).then(
      () => {
        this.#isScheduled = false;
        this.#due.push("names");
        if (content.groupFilter !== undefined) this.#due.push("groups");
        this.#wakeup.wake();
      },
      () => {
        // The connection has ended; the next one makes its own plans.
      },
    );
  }

  #search(mode: SyncMode, cookie: CsnCookie | undefined): Arrivals {
    const sent = cookie === undefined ? undefined : Buffer.from(printCookie(cookie));
    return this.#send(this.#request([syncRequest(mode, sent)]));
  }

  #request(controls: NonNullable<SearchRequest["controls"]>): SearchRequest {
    const { base, scope, filter, attributes, controls: always } = this.#reading.content;
    return { base, scope, filter, attributes, controls: [...controls, ...always] };
  }

  #send(request: SearchRequest): Arrivals {
    const { connection, signal } = this.#reading;
    return new Arrivals(connection.searchEncoded(request, { signal }), this.#wakeup.wake);
  }
}

/** Why a resume failed, if it is because of the cookie. */
function resetReason(error: unknown): ResetReason | undefined {
  if (!(error instanceof LdapResultError)) return undefined;
  if (error.resultCode === syncRefreshRequired) return "refreshRequired";
  // "consumer state is newer than provider!", as OpenLDAP says. The words are not part of the protocol, and if they were
  // others, the next attempt, without a cookie, will tell.
  return error.resultCode === unwillingToPerform ? "refused" : undefined;
}

const unwillingToPerform = 53;

function endedByServer(): UnavailableError {
  return new UnavailableError("The directory ended a search that was to go on.");
}
