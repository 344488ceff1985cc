import type { Change } from "../../../changes/index.js";
import { UnavailableError } from "../../../core/index.js";
import type { ResetReason } from "../../watch/channel.js";
import { LdapResultError } from "../../wire/errors.js";
import type { EncodedMessage } from "../../wire/message.js";
import { maxInt } from "../../wire/request.js";
import {
  readSyncInfo,
  readSyncState,
  syncInfoOid,
  syncRefreshRequired,
} from "../../wire/sync-messages.js";
import { type Check, DueChecks, takeMessage } from "../checks.js";
import type { Dialect, ReaderBatch, Reading } from "../dialect.js";
import { EntryList } from "../entry-list.js";
import { FollowedParents } from "../followed-parents.js";
import { type Arrivals, Wakeup } from "../message-buffer.js";
import { NameList } from "../name-list.js";
import { Searches } from "../searches.js";
import { unreadable } from "../unreadable.js";
import { type CsnCookie, newestCsn, parseCookie, timeOf } from "./cookie.js";
import { Covered } from "./covered.js";
import { parsePosition, printPosition, type SyncPosition } from "./position.js";
import { Refresh } from "./refresh.js";
import { readServerState, type ServerState } from "./server-state.js";
import { hasMoved, mayPassOver, readServerStart, startedAfter } from "./session-log.js";

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
  readonly #searches: Searches;
  readonly #parents: FollowedParents;
  /** What has been read since the reader began, or began again. */
  #covered: Covered;
  /** Among these are changes that were read while the server lagged behind: they may be older than what is known. */
  #isOrderUnsure = false;
  /** Changes that have been read and not handed over. */
  #changes: Change[] = [];
  /** The checks that are still to come before positions may be handed over, or because it is time. */
  readonly #due = new DueChecks();
  /** Whether a list of names will be due by itself. */
  #isScheduled = false;
  /** The ids that live changes spoke of since the running check began; undefined while none runs. */
  #touched: Set<string> | undefined;
  /** What the server itself holds; undefined where it does not say. */
  #server: ServerState | undefined;
  /** The position that is resumed from. */
  readonly #former: SyncPosition | undefined;
  /** When the server was started, by its clock; undefined where this account may not read it. */
  #startedAt: string | undefined;

  constructor(reading: Reading, former: SyncPosition | undefined) {
    this.#reading = reading;
    this.#former = former;
    this.#searches = new Searches(reading, this.#wakeup);
    this.#parents = new FollowedParents(reading, this.#searches, this.#due, this.#wakeup);
    this.#covered = this.#coveredFrom(former?.cookie);
  }

  /** Reads until the search ends; begins again, without the cookie, when the server has no use for it. */
  async *read(): AsyncGenerator<ReaderBatch> {
    const { connection, content, signal } = this.#reading;
    this.#server = await readServerState(connection, content, signal);
    this.#startedAt = await readServerStart(connection, signal);
    let resumedFrom = this.#former?.cookie;
    try {
      for (;;) {
        this.#covered = this.#coveredFrom(resumedFrom);
        let reason: ResetReason | undefined;
        try {
          reason = yield* this.#run(resumedFrom);
          if (reason === undefined) return;
        } catch (error) {
          reason = this.#covered.isNothing ? undefined : resetReason(error);
          if (reason === undefined) throw error;
        }
        this.#reading.reset(reason);
        resumedFrom = undefined;
        this.#changes = [];
        this.#due.clear();
        this.#touched = undefined;
      }
    } finally {
      await this.#parents.close();
    }
  }

  #coveredFrom(resumedFrom: CsnCookie | undefined): Covered {
    return new Covered(resumedFrom, this.#server, this.#due, this.#wakeup);
  }

  /** Returns the reason why to begin again, without the cookie, if there is one. */
  async *#run(
    resumedFrom: CsnCookie | undefined,
  ): AsyncGenerator<ReaderBatch, ResetReason | undefined> {
    const { follow, tell, baseStamp, now } = this.#reading;
    const resumed = resumedFrom !== undefined;
    tell({ event: "refreshing", resumed });
    // Before the request is sent: whatever happens after this belongs to the new generation.
    yield this.#beginning("snapshot");
    await this.#parents.list();
    const refresh = new Refresh(resumedFrom, this.#reading);
    // Also where nothing is followed: OpenLDAP leaves out of a refreshOnly search what is written while it is sent, and what
    // was not sent would be taken to be gone.
    const live = this.#searches.synchronize("refreshAndPersist", resumedFrom);
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
      if (refresh.cookie !== undefined) this.#covered.advance(refresh.cookie, refresh.held);
      if (refresh.sweeps) this.#changes.push(this.#covered.sweep());
      this.#covered.endRefresh();
      // A clock that was set back: what was written since may have numbers that the cookie covers already.
      const isClockBack = resumed && timeOf(newestCsn(resumedFrom)) > now();
      const isMoved = resumed && this.#parents.mayHaveMoved(this.#former?.parents, refresh);
      if (follow && resumed) {
        this.#due.add({ kind: "secondPass", gates: true });
        this.#covered.demandProof(refresh.sweeps);
        const isDoubtful = isOfSeveral || refresh.isSuspect(baseStamp);
        if (isDoubtful) this.#due.add({ kind: "names", gates: true });
      }
      if (isClockBack || isMoved || isRestarted) this.#due.add({ kind: "names", gates: true });
      this.#parents.look(this.#changes);
      await this.#parents.ask();
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
    if (follow) this.#parents.follow();
    try {
      for (;;) {
        for (let message = live.take(); message !== undefined; message = live.take()) {
          this.#isOrderUnsure ||= this.#covered.isAhead;
          this.#readLive(message);
          this.#giveBack(message);
          while (this.#isFull) yield this.#hand("live");
        }
        this.#parents.readMoves();
        if (this.#changes.length > 0 || this.#covered.isNewsDue) yield this.#hand("live");
        if (check === undefined && !this.#due.isEmpty) {
          await this.#askForState();
          yield this.#beginning("reconcile");
          check = this.#begin();
        }
        if (check !== undefined) {
          yield* this.#advanceCheck(check);
          if (check.pass.ended) {
            await check.arrivals.close();
            if (check.kind === "names") this.#scheduleNames(stop.signal);
            this.#parents.checked(check);
            check = undefined;
            this.#touched = undefined;
            if (!this.#due.isEmpty) continue;
          }
        }
        if (!follow && check === undefined) return;
        live.request();
        check?.arrivals.request();
        this.#parents.request();
        await this.#wakeup.wait();
      }
    } finally {
      stop.abort();
      this.#covered.stop();
      this.#parents.stop();
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
    const request = this.#searches.request();
    const { nameAttributes, groupFilter = request.filter } = this.#reading.content;
    switch (kind) {
      case "names": {
        const pass = new NameList(options, (stamp) => !this.#covered.includes(stamp));
        const arrivals = this.#searches.send({ ...request, attributes: nameAttributes });
        return { kind, pass, arrivals, since };
      }
      case "groups": {
        const arrivals = this.#searches.send({ ...request, filter: groupFilter });
        return { kind, pass: new EntryList(options), arrivals, since };
      }
      case "below": {
        const arrivals = this.#searches.send({ ...request, base: due.base, scope: "sub" });
        return { kind, pass: new EntryList(options), arrivals, since };
      }
      case "secondPass": {
        const { refreshed } = this.#covered;
        const arrivals = this.#searches.synchronize("refreshOnly", refreshed);
        return { kind, pass: new Refresh(refreshed, options), arrivals, since };
      }
    }
  }

  async *#advanceCheck({ kind, pass, arrivals }: Check): AsyncGenerator<ReaderBatch> {
    while (!pass.ended) {
      const message = takeMessage(kind, arrivals);
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
    if (sweeps) this.#changes.push(this.#covered.sweep());
    this.#due.end();
    // What else exists, a list tells, which leaves nothing out.
    if (pass.isReload === true) this.#due.add({ kind: "names", gates: true });
    if (kind === "secondPass") this.#covered.prove(pass);
    // The cookie of the second pass itself is left alone: a change that was passed over because the live changes had
    // touched its entry may be on its way yet, and that cookie would claim it.
    this.#covered.checkWhatIsUnproven();
    this.#parents.look(this.#changes);
    await this.#parents.ask();
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
        this.#parents.mayBeMoving();
        const covered = parseCookie(cookie);
        if (state === "delete") this.#addDelete(id, covered);
        else if (message.kind === "oversized") this.#changes.push(unreadable(id, message));
        else if (state !== "present") {
          this.#changes.push(this.#reading.mapper.map(id, message));
        }
        if (covered !== undefined) this.#covered.advance(covered);
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
          if (info.kind === "newCookie") this.#parents.mayBeMoving();
          if (covered !== undefined) this.#covered.advance(covered);
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

  /** Whether the server may have been started since: it is told by another start, too, as the clock may have been set back before. */
  #wasStartedSince(resumedFrom: CsnCookie): boolean {
    const before = this.#former?.startedAt;
    const isOther = before !== undefined && this.#startedAt !== before;
    return isOther || startedAfter(resumedFrom, this.#startedAt);
  }

  get #isFull(): boolean {
    return this.#changes.length >= this.#reading.batchSize;
  }

  /** Asks a server once more that has not said what it holds: without that, it is not seen to go back. */
  async #askForState(): Promise<void> {
    if (this.#server !== undefined) return;
    const { connection, content, signal } = this.#reading;
    this.#server = await readServerState(connection, content, signal);
    if (this.#server === undefined) return;
    this.#covered.learn(this.#server);
    this.#isOrderUnsure ||= this.#covered.isAhead;
  }

  /** The first batch of a refresh or of a check. */
  #beginning(phase: "snapshot" | "reconcile"): ReaderBatch {
    const { state } = this.#covered;
    return { phase, refresh: "begins", changes: [], ...(state === undefined ? {} : { state }) };
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
    this.#parents.look(changes);
    const isSure = this.#server !== undefined && !this.#isOrderUnsure;
    const isOrdered = phase === "live" && isSure;
    // What was read until the server had caught up may be among the changes that are left.
    if (isAll) this.#isOrderUnsure = this.#covered.isAhead;
    const batch: ReaderBatch = {
      phase,
      ...(refresh === undefined ? {} : { refresh }),
      ...(isOrdered ? { ordered: true } : {}),
      changes,
    };
    if (!isAll || (refresh !== undefined && refresh !== "ends") || this.#due.areGating)
      return batch;
    const position = this.#covered.hand(refresh === "ends");
    if (position === undefined) return batch;
    const parents = this.#parents.digest;
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
