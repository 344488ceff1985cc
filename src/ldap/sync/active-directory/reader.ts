import type { Change, Present } from "../../../changes/index.js";
import type { IdentifiedEntry } from "../../profile/mapper.js";
import { LdapResultError } from "../../wire/errors.js";
import { attributesIn } from "../../wire/filter.js";
import { DueChecks } from "../checks.js";
import { Expiries, type Rereading } from "../expiries.js";
import { Wakeup } from "../message-buffer.js";
import { entriesPerChange } from "../pass.js";
import type { ReaderBatch, Reading } from "../reading.js";
import { Schedule, Timer } from "../schedule.js";
import { Alarm } from "./alarm.js";
import { DirSyncChanges } from "./changes.js";
import { type Controller, readController, readProgress, strangenessOf } from "./controller.js";
import { deletionsAreMissed, seesDeletedObjects } from "./deletions.js";
import { type DirSyncRequest, readDirSync } from "./dirsync.js";
import { Entries, primaryGroupOf } from "./entries.js";
import { plainEntry } from "./plain-entry.js";
import { type Position, printPosition } from "./position.js";

type Phase = ReaderBatch["phase"];
type Stage = ReaderBatch["refresh"];

/**
 * Reads a domain of Active Directory. DirSync says what has changed since a cookie, whatever happened in between; it is
 * asked whenever the change notification rings, and from time to time. Everything is read over one connection, one
 * search after the other, so that what is read later is newer.
 */
export class ActiveDirectoryReader {
  readonly #reading: Reading;
  readonly #controller: Controller;
  readonly #entries: Entries;
  readonly #changesOf: DirSyncChanges;
  readonly #request: DirSyncRequest;
  readonly #wakeup = new Wakeup();
  readonly #due = new DueChecks();
  readonly #expiries: Expiries;
  /** Entries that are to be read again although nothing is reported of them. */
  readonly #again = new Set<string>();
  #changes: Change[] = [];

  constructor(reading: Reading, controller: Controller) {
    const { content, mapper } = reading;
    this.#reading = reading;
    this.#controller = controller;
    this.#entries = new Entries(reading);
    const filtered = attributesIn(content.filter);
    this.#changesOf = new DirSyncChanges(this.#entries, mapper, filtered);
    this.#expiries = new Expiries(reading, this.#rereading());
    this.#request = {
      namingContext: controller.namingContext,
      filter: dirSyncFilter(reading, filtered),
      attributes: [...new Set([...this.#entries.attributes, ...filtered, ...deciding])],
    };
  }

  /** Reads from a position, or everything, and follows the changes until the connection ends. */
  async *read(former: Position | undefined): AsyncGenerator<ReaderBatch> {
    const { connection, follow, deletions, signal } = this.#reading;
    const { namingContext } = this.#controller;
    if (deletions === "probe") {
      const sees = await seesDeletedObjects(connection, namingContext, signal);
      if (!sees) throw deletionsAreMissed(namingContext);
    }
    // Before anything is read: what changes from now on wakes up.
    const alarm = follow
      ? new Alarm(connection, namingContext, this.#wakeup, signal, (error) =>
          this.#reading.report({ event: "polling", error }),
        )
      : undefined;
    try {
      let cookie = former === undefined ? undefined : yield* this.#resume(former.cookie);
      const isResumed = cookie !== undefined;
      cookie ??= yield* this.#readAll();
      if (isResumed && deletions === "sweep") this.#due.add({ kind: "names", gates: false });
      if (alarm !== undefined) yield* this.#follow(cookie, alarm);
      else yield* this.#check(cookie);
    } finally {
      this.#expiries.stop();
      await alarm?.close();
    }
  }

  #rereading(): Rereading {
    const again = this.#again;
    return {
      readAgain: (ids) => {
        for (const id of ids) again.add(id);
      },
      get isReadingAgain() {
        return again.size > 0;
      },
      wake: this.#wakeup.wake,
      search: (request) => this.#entries.encoded(request),
    };
  }

  /** Brings the content up to date. Undefined where the server has no use for the cookie. */
  async *#resume(former: Buffer): AsyncGenerator<ReaderBatch, Buffer | undefined> {
    this.#reading.report({ event: "refreshing", resumed: true });
    yield { phase: "snapshot", refresh: "begins", changes: [] };
    try {
      const cookie = yield* this.#readChanges(former, "snapshot");
      yield* this.#readExpired("snapshot");
      const end = await this.#ending("snapshot", cookie);
      this.#reading.report({ event: "refreshed", resumed: true, swept: false });
      yield* end;
      return cookie;
    } catch (error) {
      if (!(error instanceof LdapResultError) || !refusals.has(error.resultCode)) throw error;
      this.#reading.reset("refused");
      this.#expiries.restart();
      this.#changes = [];
      return undefined;
    }
  }

  /**
   * Reads all of the content. The cookie comes first, so that what changes meanwhile comes after it; and that is read
   * before the rest is swept, since a page leaves out what moves from behind it to before it.
   */
  async *#readAll(): AsyncGenerator<ReaderBatch, Buffer> {
    const { content } = this.#reading;
    this.#reading.report({ event: "refreshing", resumed: false });
    yield { phase: "snapshot", refresh: "begins", changes: [] };
    let cookie = await this.#presentCookie();
    const { groupFilter, filter } = content;
    const primary = new Map<string, string[]>();
    // Groups come last: by then it is known whose primary group they are.
    const others = groupFilter === undefined ? filter : `(&${filter}(!${groupFilter}))`;
    for (const part of groupFilter === undefined ? [others] : [others, groupFilter]) {
      for await (const page of this.#entries.all(part, this.#entries.attributes)) {
        for (const found of page) {
          const rid = primaryGroupOf(found.entry);
          if (rid !== undefined) primary.set(rid, [...(primary.get(rid) ?? []), found.id]);
          this.#changes.push(await this.#entries.map(found, primary));
        }
        yield* this.#full("snapshot", "continues");
      }
    }
    cookie = yield* this.#readChanges(cookie, "snapshot");
    yield* this.#readExpired("snapshot");
    this.#changes.push({ kind: "sweep" });
    const end = await this.#ending("snapshot", cookie);
    this.#reading.report({ event: "refreshed", resumed: false, swept: true });
    yield* end;
    return cookie;
  }

  /** The cookie of how it is now. What it tells of all objects is not needed: as few of it as possible is asked for. */
  async #presentCookie(): Promise<Buffer> {
    const { connection, signal } = this.#reading;
    const request = { ...this.#request, attributes: ["objectGUID"] };
    let page = await readDirSync(connection, request, undefined, signal);
    while (page.hasMore) page = await readDirSync(connection, request, page.cookie, signal);
    return page.cookie;
  }

  async *#follow(from: Buffer, alarm: Alarm): AsyncGenerator<ReaderBatch> {
    const { connection, pollEvery, sleep, signal } = this.#reading;
    const { wake } = this.#wakeup;
    const schedule = new Schedule(this.#reading, this.#due, this.#wakeup);
    const timer = new Timer(sleep);
    let isPollDue = false;
    let cookie = from;
    signal.addEventListener("abort", wake);
    // Without an alarm nothing else would notice.
    void connection.closed.then(wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        schedule.plan();
        if (!timer.isSet) {
          timer.set(pollEvery, () => {
            isPollDue = true;
            wake();
          });
        }
        const hasRung = alarm.take();
        if (hasRung || isPollDue) {
          isPollDue = false;
          cookie = yield* this.#readChanges(cookie, "live");
        }
        yield* this.#readExpired("live");
        if (this.#changes.length > 0)
          yield this.#batch("live", undefined, await this.#print(cookie));
        cookie = yield* this.#check(cookie);
        await this.#wakeup.wait();
      }
    } finally {
      signal.removeEventListener("abort", wake);
      schedule.stop();
      timer.stop();
    }
  }

  /** Reads what has changed since a cookie. @returns the new one. */
  async *#readChanges(
    from: Buffer,
    phase: Phase,
    touched?: Set<string>,
  ): AsyncGenerator<ReaderBatch, Buffer> {
    const { connection, signal } = this.#reading;
    let cookie = from;
    for (;;) {
      const page = await readDirSync(connection, this.#request, cookie, signal);
      for await (const change of this.#changesOf.of(page.entries)) {
        if ("sourceId" in change) touched?.add(change.sourceId);
        this.#changes.push(change);
        yield* this.#full(phase, phase === "live" ? undefined : "continues");
      }
      const isNew = !page.cookie.equals(cookie);
      cookie = page.cookie;
      if (this.#changesOf.isInDoubt) {
        this.#changesOf.isInDoubt = false;
        this.#due.add({ kind: "names", gates: false });
      }
      if (phase === "live" && (isNew || this.#changes.length > 0))
        yield this.#batch(phase, undefined, await this.#print(cookie));
      if (!page.hasMore) return cookie;
    }
  }

  /** Reads entries again that have come to mean something else by themselves. */
  async *#readExpired(phase: Phase): AsyncGenerator<ReaderBatch> {
    await this.#expiries.look();
    if (this.#again.size === 0) return;
    const ids = [...this.#again];
    for (const found of await this.#entries.byIds(ids)) {
      this.#changes.push(await this.#entries.map(found));
      yield* this.#full(phase, phase === "live" ? undefined : "continues");
    }
    // Of others it was told, or will be, that they have left.
    this.#again.clear();
  }

  /** Looks at all names, or at all groups, where that is due. */
  async *#check(from: Buffer): AsyncGenerator<ReaderBatch, Buffer> {
    let cookie = from;
    for (let due = this.#due.begin(); due !== undefined; due = this.#due.begin()) {
      yield { phase: "reconcile", refresh: "begins", changes: [] };
      const swept = due.kind === "names";
      if (due.kind === "groups") yield* this.#readGroups();
      else cookie = yield* this.#listNames(cookie);
      const end = await this.#ending("reconcile", cookie);
      this.#due.end();
      this.#reading.report({ event: "checked", check: due.kind, swept });
      yield* end;
    }
    return cookie;
  }

  async *#readGroups(): AsyncGenerator<ReaderBatch> {
    const { groupFilter } = this.#reading.content;
    if (groupFilter === undefined) return;
    for await (const page of this.#entries.all(groupFilter, this.#entries.attributes)) {
      for (const found of page) {
        this.#changes.push(await this.#entries.map(found));
        yield* this.#full("reconcile", "continues");
      }
    }
  }

  /** What has changed while the names were listed comes before them. */
  async *#listNames(from: Buffer): AsyncGenerator<ReaderBatch, Buffer> {
    const { content, mapper } = this.#reading;
    const listed: IdentifiedEntry[] = [];
    let isPartial = false;
    for await (const page of this.#entries.all(content.filter, content.nameAttributes)) {
      for (const { entry } of page) {
        const identified = mapper.identify(plainEntry(entry, entry.attributes));
        if (identified === "hidden") isPartial = true;
        else if (identified !== "other") listed.push(identified);
      }
    }
    const touched = new Set<string>();
    const cookie = yield* this.#readChanges(from, "reconcile", touched);
    const present = listed.filter(({ sourceId }) => !touched.has(sourceId));
    for (let at = 0; at < present.length; at += entriesPerChange) {
      const entries = present.slice(at, at + entriesPerChange);
      this.#changes.push({ kind: "present", entries } satisfies Present);
      yield* this.#full("reconcile", "continues");
    }
    if (!isPartial) this.#changes.push({ kind: "sweep" });
    return cookie;
  }

  /** Full batches of what was read. */
  *#full(phase: Phase, stage: Stage): Generator<ReaderBatch> {
    while (this.#changes.length > this.#reading.batchSize) yield this.#batch(phase, stage);
  }

  /** The last batches of a refresh. */
  async #ending(phase: Phase, cookie: Buffer): Promise<readonly ReaderBatch[]> {
    const batches = [...this.#full(phase, "continues")];
    return [...batches, this.#batch(phase, "ends", await this.#print(cookie))];
  }

  #batch(phase: Phase, refresh: Stage, position?: string): ReaderBatch {
    const isRest = position !== undefined;
    const changes = isRest ? this.#changes : this.#changes.slice(0, this.#reading.batchSize);
    this.#changes = isRest ? [] : this.#changes.slice(this.#reading.batchSize);
    return {
      phase,
      ...(refresh === undefined ? {} : { refresh }),
      ...(phase === "live" ? { ordered: true } : {}),
      changes,
      ...(position === undefined ? {} : { position, ...this.#expired() }),
    };
  }

  #expired(): Pick<ReaderBatch, "expiredUntil"> {
    const { handedUntil: expiredUntil } = this.#expiries;
    return expiredUntil === undefined ? {} : { expiredUntil };
  }

  async #print(cookie: Buffer): Promise<string> {
    const { connection, signal } = this.#reading;
    const progress = await readProgress(connection, signal);
    return printPosition({ cookie, invocationId: this.#controller.invocationId, ...progress });
  }
}

/** Opens the connection's controller, and sees whether the position is of it. */
export async function* readActiveDirectory(
  reading: Reading,
  stored: Position | undefined,
): AsyncGenerator<ReaderBatch> {
  const { connection, content, signal } = reading;
  const controller = await readController(connection, content.bases, signal);
  const reason =
    stored === undefined ? undefined : await strangenessOf(connection, controller, stored, signal);
  if (reason !== undefined) reading.reset(reason);
  const former = reason === undefined ? stored : undefined;
  yield* new ActiveDirectoryReader(reading, controller).read(former);
}

/** What DirSync is asked for besides what is mapped: whether, where and by which name an object is. */
const deciding = ["objectClass", "name", "parentGUID", "isDeleted"];

/** By what a server says that it has no use for a cookie. */
const refusals: ReadonlySet<number> = new Set([2, 12, 53]);

/**
 * Which objects are entries: by their classes only, since tombstones have lost most of what another filter would ask
 * for; and what may be above or decide about others.
 */
function dirSyncFilter({ content }: Reading, filtered: ReadonlySet<string>): string {
  const { classFilter, parentFilter } = content;
  const groups = filtered.has("memberof") ? "(objectClass=group)" : "";
  return `(|${classFilter}${parentFilter ?? ""}${groups})`;
}
