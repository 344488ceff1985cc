import type { EncodedMessage } from "../wire/message.js";
import { Batches } from "./batches.js";
import { type Check, DueChecks, takeMessage } from "./checks.js";
import { Covered } from "./covered.js";
import { EntryList } from "./entry-list.js";
import type { ResetReason } from "./events.js";
import { Expiries } from "./expiries.js";
import { FollowedParents } from "./followed-parents.js";
import { endedByServer, type MessageBuffer, Wakeup } from "./message-buffer.js";
import { NameList } from "./name-list.js";
import { filterOfIds } from "./pass.js";
import type { Protocol, ReaderTools } from "./protocol.js";
import type { ReaderBatch, Reading } from "./reading.js";
import { Schedule } from "./schedule.js";
import { Searches } from "./searches.js";

/**
 * Reads a directory: a refresh, then the changes as they happen, and the checks that run beside them. How the server is
 * asked, and what its responses mean, the protocol says, whose position is a `P`.
 */
export class Reader<P> {
  readonly #reading: Reading;
  readonly #protocol: Protocol<P>;
  readonly #wakeup = new Wakeup();
  readonly #searches: Searches;
  readonly #parents: FollowedParents;
  readonly #expiries: Expiries;
  /** The checks that are still to come before positions may be handed over, or because it is time. */
  readonly #due = new DueChecks();
  /** What has been read since the reader began, or began again. */
  #covered: Covered<P>;
  #batches: Batches;
  #check: Check<P> | undefined;

  constructor(reading: Reading, protocolOf: (tools: ReaderTools) => Protocol<P>) {
    this.#reading = reading;
    this.#searches = new Searches(reading, this.#wakeup);
    this.#parents = new FollowedParents(reading, this.#searches, this.#due, this.#wakeup);
    const due = this.#due;
    this.#expiries = new Expiries(reading, {
      readAgain: (ids) => due.addEntries(ids, { gates: false, missing: "ignored" }),
      get isReadingAgain() {
        return due.includes("entries");
      },
      wake: this.#wakeup.wake,
    });
    this.#protocol = protocolOf({ reading, searches: this.#searches, due: this.#due });
    this.#covered = this.#coveredFrom(this.#protocol.former?.cookie);
    this.#batches = new Batches(reading.batchSize);
  }

  /** Reads until the search ends; begins again, without the position, when the server has no use for it. */
  async *read(): AsyncGenerator<ReaderBatch> {
    try {
      yield* this.#readAnewWhereNeeded();
    } finally {
      this.#expiries.stop();
    }
  }

  async *#readAnewWhereNeeded(): AsyncGenerator<ReaderBatch> {
    await this.#protocol.open();
    let resumedFrom = this.#protocol.former?.cookie;
    for (;;) {
      this.#covered = this.#coveredFrom(resumedFrom);
      let reason: ResetReason | undefined;
      try {
        reason = yield* this.#run(resumedFrom);
        if (reason === undefined) return;
      } catch (error) {
        const isResumed = this.#covered.position !== undefined;
        reason = isResumed ? this.#protocol.resetReason(error) : undefined;
        if (reason === undefined) throw error;
      }
      this.#reading.reset(reason);
      this.#expiries.restart();
      resumedFrom = undefined;
      this.#batches = new Batches(this.#reading.batchSize);
      this.#due.clear();
    }
  }

  #coveredFrom(resumedFrom: P | undefined): Covered<P> {
    return new Covered(this.#protocol.positions, resumedFrom, this.#due, this.#wakeup);
  }

  /** Returns the reason why to begin again, without the position, if there is one. */
  async *#run(resumedFrom: P | undefined): AsyncGenerator<ReaderBatch, ResetReason | undefined> {
    const { follow, report } = this.#reading;
    const resumed = resumedFrom !== undefined;
    report({ event: "refreshing", resumed });
    // Before the request is sent: whatever happens after this belongs to the new generation.
    yield this.#beginning("snapshot");
    await this.#parents.list(this.#protocol.followsParents);
    const { refresh, messages, live, judge } = this.#protocol.begin(resumedFrom);
    try {
      while (!refresh.ended) {
        for (let message = messages.take(); message !== undefined; message = messages.take()) {
          if (message.kind === "done" && messages === live) throw endedByServer();
          refresh.read(message, this.#batches.changes);
          this.#giveBack(message);
          if (refresh.ended) break;
          while (this.#batches.isFull) yield this.#hand("snapshot", "continues");
        }
        if (refresh.ended) break;
        // No consumer waits for a part of a refresh, and few large batches cost less to apply than many small ones.
        live.request();
        messages.request();
        await this.#wakeup.wait();
      }
      const judgement = judge();
      if (typeof judgement === "string") return judgement;
      while (this.#batches.isFull) yield this.#hand("snapshot", "continues");
      if (refresh.cookie !== undefined) this.#advance(refresh.cookie, refresh.held);
      if (refresh.sweeps) this.#batches.changes.push(this.#covered.sweep());
      this.#covered.endRefresh();
      for (const check of judgement) this.#due.add(check);
      const { former } = this.#protocol;
      if (resumed && this.#parents.mayHaveMoved(former?.parents, refresh)) {
        this.#due.add({ kind: "names", gates: true });
      }
      this.#parents.look(this.#batches.changes);
      await this.#parents.ask();
      report({ event: "refreshed", resumed, swept: refresh.sweeps });
      yield this.#hand("snapshot", "ends");
      await this.#expiries.look();
      if (follow || !this.#due.isEmpty) yield* this.#follow(live);
      return undefined;
    } finally {
      await live.close();
      if (messages !== live) await messages.close();
    }
  }

  /** The changes after the refresh, and the checks beside them. Where nothing is followed, until those are made. */
  async *#follow(live: MessageBuffer): AsyncGenerator<ReaderBatch> {
    const { follow } = this.#reading;
    const schedule = new Schedule(this.#reading, this.#due, this.#wakeup);
    if (follow) {
      schedule.plan();
      this.#parents.follow();
    }
    try {
      for (;;) {
        for (let message = live.take(); message !== undefined; message = live.take()) {
          this.#readLive(message);
          while (this.#batches.isFull) yield this.#hand("live");
        }
        this.#parents.readMoves();
        await this.#expiries.look();
        if (!this.#batches.isEmpty || this.#covered.isNewsDue) yield this.#hand("live");
        if (this.#check === undefined && !this.#due.isEmpty) {
          await this.#protocol.beforeCheck(this.#covered.position);
          yield this.#beginning("reconcile");
          this.#check = this.#beginCheck();
        }
        if (this.#check !== undefined) {
          const check = this.#check;
          yield* this.#advanceCheck(check);
          if (check.pass.ended) {
            await check.messages.close();
            if (check.kind === "names") schedule.plan();
            this.#parents.checked(check);
            this.#check = undefined;
            if (!this.#due.isEmpty) continue;
          }
        }
        if (!follow && this.#check === undefined) return;
        live.request();
        this.#check?.messages.request();
        this.#parents.request();
        await this.#wakeup.wait();
      }
    } finally {
      schedule.stop();
      this.#covered.stop();
      await this.#parents.stop();
      await this.#check?.messages.close();
      this.#check = undefined;
    }
  }

  /**
   * Begins a check. The second pass asks once more for what changed since the end of the refresh: a server plays back
   * its session log up to the number that it states as its position, and that number stays behind when writes overtake
   * each other. Deletions beyond it that were complete before the search for live changes was registered are sent by
   * neither, and come to be covered by the next write. So a pass that ends where the refresh did proves nothing: it is
   * repeated as soon as a live change moves the state, before that is handed over.
   */
  #beginCheck(): Check<P> | undefined {
    const due = this.#due.begin();
    if (due === undefined) return undefined;
    const { mapper, content, now } = this.#reading;
    const begun = { kind: due.kind, since: now(), touched: new Set<string>() };
    const options = { mapper, touched: begun.touched };
    if (due.kind === "secondPass") {
      return { ...begun, ...this.#protocol.secondPass(this.#covered.refreshed, options) };
    }
    const request = this.#searches.request();
    switch (due.kind) {
      case "names": {
        const own = this.#protocol.listNames?.(options);
        if (own !== undefined) return { ...begun, ...own };
        const pass = new NameList(options, (stamp) => !this.#covered.includes(stamp));
        const { nameAttributes: attributes } = content;
        return { ...begun, pass, messages: this.#searches.send({ ...request, attributes }) };
      }
      case "groups": {
        const { groupFilter: filter = request.filter } = content;
        const messages = this.#searches.send({ ...request, filter });
        return { ...begun, pass: new EntryList(options), messages };
      }
      case "entries": {
        const filter = filterOfIds(request.filter, due.ids, mapper.identification);
        const messages = this.#searches.send({ ...request, filter });
        const expected = due.missing === "gone" ? due.ids : [];
        return { ...begun, pass: new EntryList(options, expected), messages };
      }
      case "below": {
        const messages = this.#searches.send({ ...request, base: due.base, scope: "sub" });
        return { ...begun, pass: new EntryList(options), messages };
      }
    }
  }

  async *#advanceCheck(check: Check<P>): AsyncGenerator<ReaderBatch> {
    const { kind, pass } = check;
    while (!pass.ended) {
      const message = takeMessage(check);
      if (message === undefined) break;
      pass.read(message, this.#batches.changes);
      this.#giveBack(message);
      while (this.#batches.isFull) yield this.#hand("reconcile", "continues");
    }
    if (!pass.ended) {
      if (!this.#batches.isEmpty) yield this.#hand("reconcile", "continues");
      return;
    }
    while (this.#batches.isFull) yield this.#hand("reconcile", "continues");
    const sweeps = pass.sweeps && pass.isReload !== true;
    if (sweeps) this.#batches.changes.push(this.#covered.sweep());
    this.#due.end();
    // What else exists is found by a list, which leaves nothing out.
    if (pass.isReload === true) this.#due.add({ kind: "names", gates: true });
    // The position of the second pass itself is left alone: a change that was ignored because the live changes had
    // touched its entry may be on its way yet, and that position would claim it.
    const covered = this.#protocol.checked(kind, pass, this.#covered.position);
    if (covered !== undefined) this.#advance(covered, covered);
    this.#parents.look(this.#batches.changes);
    await this.#parents.ask();
    this.#reading.report({ event: "checked", check: kind, swept: sweeps });
    yield this.#hand("reconcile", "ends");
  }

  #readLive(message: EncodedMessage): void {
    this.#batches.noteOrder(this.#protocol.isOrderSure);
    // Whatever has changed may have come with a parent that was moved; others may be below a user, too.
    this.#parents.mayBeMoving();
    const { changes } = this.#batches;
    const covered = this.#protocol.readLive(message, changes, this.#check?.touched);
    if (covered !== undefined) this.#advance(covered, covered);
    this.#giveBack(message);
  }

  #advance(covered: P, held: P | undefined): void {
    this.#protocol.advanced(this.#covered.advance(covered), held);
  }

  /** Lets the connection use the bytes of a message again, of which changes keep nothing. */
  #giveBack(message: EncodedMessage): void {
    if (message.kind === "entry") this.#reading.connection.reuse(message);
  }

  /** The first batch of a refresh or of a check. */
  #beginning(phase: "snapshot" | "reconcile"): ReaderBatch {
    const { state } = this.#protocol;
    return { phase, refresh: "begins", changes: [], ...(state === undefined ? {} : { state }) };
  }

  /**
   * Makes a batch of what there is. Changes beyond the limit stay for the next, and so does the position. The end of a
   * refresh states where things stand in any case; a live batch only does when it moved them.
   */
  #hand(phase: ReaderBatch["phase"], refresh?: ReaderBatch["refresh"]): ReaderBatch {
    const { changes, isLast, isOrdered } = this.#batches.take();
    this.#parents.look(changes);
    const batch: ReaderBatch = {
      phase,
      ...(refresh === undefined ? {} : { refresh }),
      ...(phase === "live" && isOrdered ? { ordered: true } : {}),
      changes,
    };
    if (!isLast || (refresh !== undefined && refresh !== "ends") || this.#due.areGating)
      return batch;
    const cookie = this.#covered.hand(refresh === "ends");
    if (cookie === undefined) return batch;
    const { handedUntil: expiredUntil } = this.#expiries;
    const position = this.#protocol.print({ cookie, parents: this.#parents.digest });
    return { ...batch, position, ...(expiredUntil === undefined ? {} : { expiredUntil }) };
  }
}
