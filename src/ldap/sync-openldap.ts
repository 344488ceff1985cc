import type { Change, Sweep } from "../changes/index.js";
import { UnavailableError } from "../core/index.js";
import {
  type CsnCookie,
  covers,
  isBeyond,
  mergeCookies,
  newestCsn,
  parseCookie,
  printCookie,
  timeOf,
} from "./cookie.js";
import type { Dialect, ReaderBatch, Reading } from "./dialect.js";
import { LdapResultError } from "./errors.js";
import type { EncodedMessage, SearchRequest } from "./message.js";
import { maxInt } from "./request.js";
import { hasMoved, mayPassOver, readServerStart, startedAfter } from "./session-log.js";
import { Arrivals, Wakeup } from "./sync-arrivals.js";
import { type Check, DueChecks, Occasions } from "./sync-checks.js";
import { EntryList } from "./sync-entry-list.js";
import {
  readSyncInfo,
  readSyncState,
  type SyncMode,
  syncInfoOid,
  syncRefreshRequired,
  syncRequest,
} from "./sync-messages.js";
import { NameList } from "./sync-name-list.js";
import { type ParentMove, Parents } from "./sync-parents.js";
import type { Pass } from "./sync-pass.js";
import { parsePosition, printPosition, type SyncPosition } from "./sync-position.js";
import { Refresh } from "./sync-refresh.js";
import { readServerState, type ServerState } from "./sync-state.js";
import { unreadable } from "./sync-unreadable.js";
import type { ResetReason } from "./watch-channel.js";

/**
 * RFC 4533 as OpenLDAP speaks it. The position is the cookie, merged and stripped as {@link CsnCookie} says.
 */
export const openLdap: Dialect = {
  name: "openldap",
  read(reading, position) {
    const former = parsePosition(position);
    // OpenLDAP answers a cookie that it cannot read with everything, as if that were what changed.
    if (position !== undefined && former === undefined) reading.reset("damaged");
    return new OpenLdapReader(reading, former).read();
  },
};

class OpenLdapReader {
  readonly #reading: Reading;
  readonly #wakeup = new Wakeup();
  /** What the changes that were handed over cover, all of them together. */
  #cookie: CsnCookie | undefined;
  /** The position that was handed over last, or resumed from. */
  #handed: CsnCookie | undefined;
  /** Changes that have been read and not handed over. */
  #changes: Change[] = [];
  /** The checks that are still to come before positions may be handed over, or because it is time. */
  readonly #due = new DueChecks();
  /** Whether a list of names will be due by itself. */
  #isScheduled = false;
  /** The ids that live changes spoke of since the running check began; undefined while none runs. */
  #touched: Set<string> | undefined;
  /** What the refresh covered when it ended, before live changes: where the second pass starts. */
  #refreshed: CsnCookie | undefined;
  /** The numbers of `#refreshed` that no second pass has got beyond. What is covered beyond them may have been missed. */
  #unproven: readonly string[] = [];
  /** What the server itself holds; undefined where it does not say. */
  #server: ServerState | undefined;
  /** What was known from another server of the directory, while this one has yet to receive it. */
  #ahead: CsnCookie | undefined;
  /** Tells of parents that are moved; undefined where nothing depends on them, or the server does not. */
  #parents: Parents | undefined;
  /** Lists all names from time to time where the server does not tell of parents. */
  #occasions: Occasions | undefined;

  /** Runs while a position waits that comes with no changes. */
  #newsTimer: NodeJS.Timeout | undefined;
  #isNewsTime = false;
  /** The position that is resumed from. */
  readonly #former: SyncPosition | undefined;
  /** When the server was started, by its clock; undefined where this account may not read it. */
  #startedAt: string | undefined;

  constructor(reading: Reading, former: SyncPosition | undefined) {
    this.#reading = reading;
    this.#cookie = former?.cookie;
    this.#former = former;
  }

  /** Reads until the search ends; begins again, without the cookie, when the server has no use for it. */
  async *read(): AsyncGenerator<ReaderBatch> {
    const { connection, content, signal } = this.#reading;
    this.#server = await readServerState(connection, content, signal);
    this.#startedAt = await readServerStart(connection, signal);
    try {
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
        this.#due.clear();
        this.#unproven = [];
        this.#touched = undefined;
      }
    } finally {
      await this.#parents?.close();
    }
  }

  /** Returns the reason why to begin again, without the cookie, if there is one. */
  async *#run(): AsyncGenerator<ReaderBatch, ResetReason | undefined> {
    const { follow, tell, baseStamp, now } = this.#reading;
    const resumedFrom = this.#cookie;
    const resumed = resumedFrom !== undefined;
    this.#handed = resumedFrom;
    this.#ahead = this.#server?.lagsBehind(resumedFrom) === true ? resumedFrom : undefined;
    tell({ event: "refreshing", resumed });
    // Before the request is sent: whatever happens after this belongs to the new generation.
    yield this.#beginning("snapshot");
    await this.#listParents();
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
      const isRestarted = resumed && this.#wasStartedSince(resumedFrom);
      const isForgetful = isRestarted && !refresh.sweeps;
      if (!follow && isForgetful && hasMoved(resumedFrom, refresh.cookie)) return "serverRestarted";
      while (this.#isFull) yield this.#hand("snapshot", "continues");
      if (refresh.cookie !== undefined) this.#advance(refresh.cookie, refresh.held);
      if (refresh.sweeps) this.#changes.push(this.#sweep());
      this.#refreshed = this.#cookie;
      // A clock that was set back: what was written since may have numbers that the cookie covers already.
      const isClockBack = resumed && timeOf(newestCsn(resumedFrom)) > now();
      const isMoved = resumed && this.#mayHaveMoved(refresh);
      if (follow && resumed) {
        this.#due.add({ kind: "secondPass", gates: true });
        // A list of all that exists has missed nothing.
        this.#unproven = refresh.sweeps ? [] : (this.#refreshed?.csns ?? []);
        const isDoubtful = isOfSeveral || refresh.isSuspect(baseStamp);
        if (isDoubtful) this.#due.add({ kind: "names", gates: true });
      }
      if (isClockBack || isMoved || isRestarted) this.#due.add({ kind: "names", gates: true });
      this.#parents?.look(this.#changes);
      await this.#askAboutParents();
      tell({ event: "refreshed", resumed, swept: refresh.sweeps });
      yield this.#hand("snapshot", "ends");
      if (follow || !this.#due.isEmpty) yield* this.#follow(live);
      return undefined;
    } finally {
      await live.close();
    }
  }

  /** The persist stage (RFC 4533 §3.4.2), and the checks that run beside it. Where nothing is followed, only until those are made. */
  async *#follow(live: Arrivals): AsyncGenerator<ReaderBatch> {
    const { follow } = this.#reading;
    const stop = new AbortController();
    let check: Check | undefined;
    this.#isScheduled = false;
    if (follow) this.#scheduleNames(stop.signal);
    const parents = follow ? this.#parentRequest("refreshAndPersist") : undefined;
    if (parents !== undefined) this.#parents?.follow(this.#send(parents));
    try {
      for (;;) {
        for (let message = live.take(); message !== undefined; message = live.take()) {
          this.#readLive(message);
          this.#giveBack(message);
          while (this.#isFull) yield this.#hand("live");
        }
        this.#readParents();
        if (this.#changes.length > 0 || this.#isNewsDue) yield this.#hand("live");
        if (check === undefined && !this.#due.isEmpty) {
          yield this.#beginning("reconcile");
          check = this.#begin();
        }
        if (check !== undefined) {
          yield* this.#advanceCheck(check);
          if (check.pass.ended) {
            await check.arrivals.close();
            if (check.kind === "names") this.#scheduleNames(stop.signal);
            this.#occasions?.listed(check, this.#reading.now());
            check = undefined;
            this.#touched = undefined;
            if (!this.#due.isEmpty) continue;
          }
        }
        if (!follow && check === undefined) return;
        live.request();
        check?.arrivals.request();
        this.#parents?.request();
        await this.#wakeup.wait();
      }
    } finally {
      stop.abort();
      this.#forgetNews();
      this.#occasions?.stop();
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
  #begin(): Check | undefined {
    const due = this.#due.begin();
    if (due === undefined) return undefined;
    this.#touched = new Set();
    const options = { mapper: this.#reading.mapper, touched: this.#touched };
    const since = this.#reading.now();
    const { kind } = due;
    const request = this.#request([]);
    const { nameAttributes, groupFilter = request.filter } = this.#reading.content;
    switch (kind) {
      case "names": {
        const pass = new NameList(options, (stamp) => !this.#covers(stamp));
        const arrivals = this.#send({ ...request, attributes: nameAttributes });
        return { kind, pass, arrivals, since };
      }
      case "groups": {
        const arrivals = this.#send({ ...request, filter: groupFilter });
        return { kind, pass: new EntryList(options), arrivals, since };
      }
      case "below": {
        const arrivals = this.#send({ ...request, base: due.base, scope: "sub" });
        return { kind, pass: new EntryList(options), arrivals, since };
      }
      case "secondPass": {
        const pass = new Refresh(this.#refreshed, options);
        return { kind, pass, arrivals: this.#search("refreshOnly", this.#refreshed), since };
      }
    }
  }

  async *#advanceCheck({ kind, pass, arrivals }: Check): AsyncGenerator<ReaderBatch> {
    while (!pass.ended) {
      const message = takeFrom(kind, arrivals);
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
    if (sweeps) this.#changes.push(this.#sweep());
    this.#due.end();
    // What else exists, a list tells, which leaves nothing out.
    if (pass.isReload === true) this.#due.add({ kind: "names", gates: true });
    if (kind === "secondPass") this.#prove(pass);
    // The cookie of the second pass itself is left alone: a change that was passed over because the live changes had
    // touched its entry may be on its way yet, and that cookie would claim it.
    this.#checkWhatIsUnproven();
    this.#parents?.look(this.#changes);
    await this.#askAboutParents();
    this.#reading.tell({ event: "checked", check: kind, swept: sweeps });
    yield this.#hand("reconcile", "ends");
  }

  #readLive(message: EncodedMessage): void {
    switch (message.kind) {
      case "entry":
      case "oversized": {
        const { state, id, cookie } = readSyncState(message.controls);
        this.#touched?.add(id);
        // Others may be below a user, too.
        this.#occasions?.come(this.#reading.now());
        const covered = parseCookie(cookie);
        if (state === "delete") this.#addDelete(id, covered);
        else if (message.kind === "oversized") this.#changes.push(unreadable(id, message));
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
          if (info.kind === "newCookie") this.#occasions?.come(this.#reading.now());
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

  /** Whatever was not mentioned went before what is covered by now. */
  #sweep(): Sweep {
    if (this.#cookie === undefined) return { kind: "sweep" };
    return { kind: "sweep", stamp: newestCsn(this.#cookie) };
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

  /** @param held what of it the server has said that it holds. */
  #advance(covered: CsnCookie, held: CsnCookie | undefined = covered): void {
    this.#cookie = mergeCookies(this.#cookie, covered);
    if (held !== undefined) this.#server?.advance(held);
    if (this.#ahead !== undefined && this.#server?.lagsBehind(this.#ahead) === false) {
      // What it did not hold could not be compared before.
      this.#ahead = undefined;
      this.#due.add({ kind: "names", gates: false });
    }
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
    this.#due.add({ kind: "secondPass", gates: true });
  }

  /** Whether the server may have been started since: it is told by another start, too, as the clock may have been set back before. */
  #wasStartedSince(resumedFrom: CsnCookie): boolean {
    const before = this.#former?.startedAt;
    const isOther = before !== undefined && this.#startedAt !== before;
    return isOther || startedAfter(resumedFrom, this.#startedAt);
  }

  /** Whether a parent may have been moved since the position that was resumed from. */
  #mayHaveMoved(refresh: Refresh): boolean {
    if (this.#reading.content.parentFilter === undefined) return false;
    const parents = this.#parents;
    if (parents === undefined) return refresh.isBeyondWhatWasTold;
    return parents.arePartial || parents.digest !== this.#former?.parents;
  }

  /** Reads which parents there are, before anything below them is read. */
  async #listParents(): Promise<void> {
    const { connection, content, signal } = this.#reading;
    const request = this.#parentRequest("refreshOnly");
    if (request === undefined || this.#parents !== undefined) return;
    const parents = new Parents(content.base);
    if (await succeeds(parents.list(connection.searchEncoded(request, { signal })))) {
      this.#parents = parents;
    } else this.#lookAtOccasions();
  }

  /** Without being told of parents, all names are listed from time to time. */
  #lookAtOccasions(): void {
    this.#parents = undefined;
    this.#beginOccasions();
  }

  #beginOccasions(): void {
    this.#occasions ??= new Occasions(this.#reading.sleep, () => {
      this.#due.add({ kind: "names", gates: false });
      this.#wakeup.wake();
    });
  }

  /** Where something above the entries that were read is not followed, all names are listed from time to time, too. */
  async #askAboutParents(): Promise<void> {
    const { connection, signal } = this.#reading;
    const request = this.#parentRequest("refreshOnly");
    if (this.#parents === undefined || request === undefined) return;
    await this.#parents.ask(async (base) => {
      const search = connection.searchEncoded({ ...request, base, scope: "base" }, { signal });
      let isFound = false;
      const reading = async () => {
        for await (const messages of search)
          isFound ||= messages.some(({ kind }) => kind === "entry");
      };
      return (await succeeds(reading())) && isFound;
    });
    if (this.#parents.arePartial) this.#beginOccasions();
  }

  #parentRequest(mode: SyncMode): SearchRequest | undefined {
    const { parentFilter } = this.#reading.content;
    if (parentFilter === undefined) return undefined;
    return { ...this.#request([syncRequest(mode)]), filter: parentFilter, attributes: ["1.1"] };
  }

  #readParents(): void {
    for (const move of this.#takeMoves()) {
      if (move.kind === "below") this.#due.add({ kind: "below", base: move.dn, gates: true });
      else this.#due.add({ kind: "names", gates: true });
    }
  }

  #takeMoves(): readonly ParentMove[] {
    try {
      return this.#parents?.take() ?? [];
    } catch (error) {
      if (!(error instanceof LdapResultError)) throw error;
      this.#lookAtOccasions();
      // What was moved before this was noticed is looked for at once.
      return [{ kind: "left" }];
    }
  }

  get #isFull(): boolean {
    return this.#changes.length >= this.#reading.batchSize;
  }

  /** The first batch of a refresh or of a check. */
  #beginning(phase: "snapshot" | "reconcile"): ReaderBatch {
    const state = this.#server?.stamps;
    return { phase, refresh: "begins", changes: [], ...(state === undefined ? {} : { state }) };
  }

  /** The position that can be handed over, where it says more than the one before. */
  get #news(): CsnCookie | undefined {
    if (this.#cookie === undefined || this.#due.areGating) return undefined;
    const { csns = [] } = this.#handed ?? {};
    return this.#cookie.csns.every((csn) => csns.includes(csn)) ? undefined : this.#cookie;
  }

  /**
   * Whether a position is to be handed over that comes with no changes. It waits for a moment, since changes may come, or more such
   * positions: each is a commit to whoever applies them.
   */
  get #isNewsDue(): boolean {
    if (this.#news === undefined) return false;
    if (this.#isNewsTime) return true;
    this.#newsTimer ??= setTimeout(() => {
      this.#isNewsTime = true;
      this.#wakeup.wake();
    }, newsDelay);
    return false;
  }

  #forgetNews(): void {
    clearTimeout(this.#newsTimer);
    this.#newsTimer = undefined;
    this.#isNewsTime = false;
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
    this.#parents?.look(changes);
    const isOrdered = phase === "live" && this.#server !== undefined && this.#ahead === undefined;
    const batch: ReaderBatch = {
      phase,
      ...(refresh === undefined ? {} : { refresh }),
      ...(isOrdered ? { ordered: true } : {}),
      changes,
    };
    if (!isAll || (refresh !== undefined && refresh !== "ends") || this.#due.areGating)
      return batch;
    const news = this.#news;
    if (news !== undefined) this.#forgetNews();
    this.#handed = news ?? this.#handed;
    const position = refresh === "ends" ? this.#handed : news;
    if (position === undefined) return batch;
    const parents = this.#parents?.digest;
    const startedAt = this.#startedAt;
    return { ...batch, position: printPosition({ cookie: position, parents, startedAt }) };
  }

  #scheduleNames(signal: AbortSignal): void {
    const { content, reconcileEvery, reconcileGroups, sleep, random } = this.#reading;
    if (reconcileEvery === undefined || this.#isScheduled) return;
    this.#isScheduled = true;
    // Applications that were started together are not to ask all at once.
    const delay = Math.max(1, Math.round(reconcileEvery * (0.9 + 0.2 * random())));
    sleep(Math.min(delay, maxInt), signal).then(
      () => {
        this.#isScheduled = false;
        this.#due.add({ kind: "names", gates: false });
        if (reconcileGroups && content.groupFilter !== undefined) {
          this.#due.add({ kind: "groups", gates: false });
        }
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

/** How long a position waits that comes with no changes, in milliseconds. */
const newsDelay = 10;

/** Whether the server does what it is asked for. */
async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof LdapResultError) return false;
    throw error;
  }
}

/** The next message of a check. A parent that was moved may have gone meanwhile, and then nothing is below it. */
function takeFrom(kind: Check["kind"], arrivals: Arrivals): EncodedMessage | undefined {
  try {
    return arrivals.take();
  } catch (error) {
    const isGone = error instanceof LdapResultError && error.resultCode === noSuchObject;
    if (kind === "below" && isGone) return { kind: "done", controls: [] };
    throw error;
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

const noSuchObject = 32;
const unwillingToPerform = 53;

function endedByServer(): UnavailableError {
  return new UnavailableError("The directory ended a search that was to go on.");
}
