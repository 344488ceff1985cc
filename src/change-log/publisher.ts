import type {
  Change,
  ChangeBatch,
  ChangeStream,
  Delete,
  Name,
  Present,
  Sweep,
  Upsert,
} from "../changes/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import {
  Findings,
  isEarlier,
  isOutdated,
  isOutdatedDelete,
  knownStamp,
  mergedNames,
  noLaterThan,
  type Order,
  orderOfBatch,
  readAgainIfUnsure,
  readBound,
  withoutPassword,
} from "../sync/internal.js";
import {
  type Judging,
  movedNames,
  type Phase,
  removalsOf,
  sweptBy,
  type View,
} from "./batch-effects.js";
import { EntryWriter } from "./entry-writer.js";
import { hasNames, type KnownEntries, linkAt, linkOf } from "./known-entries.js";
import type { PublishSettings } from "./options.js";
import { type EntryLabel, type PublisherPosition, positionRecord } from "./records.js";
import { RemovalLimit } from "./removal-limit.js";
import { SilentChanges } from "./silent-changes.js";
import { allMembers } from "./stored-members.js";
import type { LogWriter } from "./writer.js";

/** Writes what a source says to a log, for one term. */
export class Publisher {
  readonly findings: Findings;
  readonly silent: SilentChanges;
  readonly #log: ChangeLog;
  readonly #writer: LogWriter;
  readonly #options: CallOptions;
  readonly #known: KnownEntries;
  readonly #limit: RemovalLimit;
  readonly #entries: EntryWriter;
  #position: PublisherPosition;
  /** A checkpoint that is stored once entries have been read again. */
  #held: string | undefined;

  constructor(
    stream: ChangeStream,
    log: ChangeLog,
    writer: LogWriter,
    known: KnownEntries,
    position: PublisherPosition,
    settings: PublishSettings,
    options: CallOptions,
  ) {
    this.findings = new Findings(stream);
    this.silent = new SilentChanges(stream, log, known, settings, options);
    this.#log = log;
    this.#writer = writer;
    this.#options = options;
    this.#known = known;
    this.#position = position;
    this.#limit = new RemovalLimit(settings.maxDeletes, settings.now, position.taken);
    this.#entries = new EntryWriter(log, writer, known, this.silent, settings, options);
  }

  /** Where to go on in the source. */
  get checkpoint(): string | undefined {
    return this.#position.checkpoint ?? undefined;
  }

  /** What was done since this was asked last. */
  takePublished(): ReturnType<EntryWriter["takePublished"]> {
    return this.#entries.takePublished();
  }

  /** Writes a batch. @returns whether its refresh has ended. */
  async apply(batch: ChangeBatch): Promise<boolean> {
    const { phase, refresh, checkpoint } = batch;
    const { findings } = this;
    if (refresh === "begins") {
      findings.refresh.begin(batch.state);
      if (phase === "snapshot") findings.connected();
      this.#limit.beginRefresh();
    }
    const changes = batch.changes.map(withoutPassword);
    findings.note(changes, phase === "live");
    this.#limit.take(this.#removals(changes, phase, orderOfBatch(batch)), this.#known.live);
    await this.#applyAll(changes, phase, orderOfBatch(batch));
    if (refresh === "ends" && !findings.refresh.isRestarting) findings.judge(phase);
    if (findings.refresh.isRestarting) return false;
    const isUnderWay = findings.refresh.isUnderWay && refresh !== "ends";
    if (phase === "live" || refresh === "ends") {
      await this.#reach(phase, checkpoint, !isUnderWay);
      if (refresh === "ends") findings.refresh.end();
      await this.#readAgain();
    }
    await this.#writer.flush();
    if (refresh === "ends") this.#limit.endRefresh();
    return refresh === "ends" && !findings.refresh.isRestarting;
  }

  /** Everything is read anew. */
  async beginAnew(): Promise<void> {
    this.#held = undefined;
    this.findings.beginAnew();
    // Without a position of its own, a log that was never whole stays so.
    const [stored] = await this.#log.get([positionRecord(this.#position).key], this.#options);
    this.#position = { ...this.#position, checkpoint: null };
    if (stored === undefined) return;
    await this.#writer.put(positionRecord(this.#position));
    await this.#writer.flush();
  }

  /** Reads groups again of which it is time. @param all those, too, of which it is not. */
  async recheck(all = false): Promise<void> {
    if (this.findings.refresh.isUnderWay) return;
    const restated = await this.silent.reread(await this.silent.due(all));
    await this.#restate(restated, new Set());
    await this.#writer.flush();
  }

  async #reach(phase: Phase, checkpoint: string | undefined, judges: boolean): Promise<void> {
    if (checkpoint === undefined) return;
    const { refresh, again } = this.findings;
    if (judges) {
      const unknown = refresh.takeUnknown().filter((id) => {
        const isThere = this.#known.present(id) !== undefined;
        return !isThere && !this.findings.isUnreadable(id);
      });
      const mayAsk = phase === "reconcile" && refresh.state !== undefined && this.silent.canReread;
      if (unknown.length > 0 && !mayAsk) refresh.restart("An entry that should be known is not.");
      for (const id of unknown) again.ask(id);
    }
    this.findings.judgeAgain();
    if (refresh.isRestarting) return;
    if (again.size > 0) this.#held = checkpoint;
    else await this.#store(checkpoint);
  }

  async #store(checkpoint: string): Promise<void> {
    this.#held = undefined;
    this.#position = { checkpoint, taken: this.#limit.taken };
    await this.#writer.put(positionRecord(this.#position));
  }

  /** Reads entries again of which it is not sure that what is known is the latest. */
  async #readAgain(): Promise<void> {
    const { again, refresh } = this.findings;
    while (again.size > 0 && !refresh.isRestarting && this.silent.canReread) {
      const { ids } = again;
      const gone = again.goneAmong(ids);
      const restated = await this.silent.reread(ids);
      const found = new Set(restated.map(({ sourceId }) => sourceId));
      const deletes = gone
        .filter((id) => !found.has(id))
        .map((sourceId): Delete => ({ kind: "delete", sourceId }));
      this.#limit.take(this.#removals(deletes, "reconcile", "reread"), this.#known.live);
      await this.#applyAll([...restated, ...deletes], "reconcile", "reread");
      again.noteReread(ids);
    }
    if (this.#held !== undefined && again.size === 0) await this.#store(this.#held);
  }

  /** How many entries would go. */
  #removals(changes: readonly Change[], phase: Phase, order: Order): number {
    return removalsOf(changes, { phase, ordering: this.findings.ordering(order) }, this.#view);
  }

  get #view(): View {
    return { known: this.#known, findings: this.findings };
  }

  /** @param reread groups that have been read again for this, and are not once more. */
  async #applyAll(
    changes: readonly Change[],
    phase: Phase,
    order: Order,
    reread: Set<string> = new Set(),
  ): Promise<void> {
    const judging = { phase, ordering: this.findings.ordering(order) };
    await this.#rereadBefore(changes, judging, reread);
    for (const change of changes) {
      if (this.findings.refresh.isRestarting) return;
      if (order !== "reread") {
        judging.ordering.sent.note([change], phase, judging.ordering.state);
      }
      switch (change.kind) {
        case "upsert":
          await this.#upsert(change, judging);
          break;
        case "delete":
          await this.#delete(change, judging);
          break;
        case "present":
          await this.#present(change, judging);
          break;
        case "unreadable":
          this.#seen(change.sourceId);
          this.#entries.noteUnreadable(change);
          break;
        case "sweep":
          await this.#sweep(change, judging);
          break;
      }
    }
  }

  /** Groups that state a name which is given up or taken are read again, and written before who takes it. */
  async #rereadBefore(
    changes: readonly Change[],
    judging: Judging,
    reread: Set<string>,
  ): Promise<void> {
    if (!this.silent.canReread) return;
    const { givenUp, taken } = movedNames(changes, judging, this.#view);
    const { groups } = this.findings;
    const doubtful = new Set(await this.silent.mentioning(givenUp));
    for (const group of doubtful) groups.distrust(group);
    for (const group of await this.silent.mentioning(taken)) {
      if (judging.phase !== "snapshot" || !groups.isBelieved(group)) doubtful.add(group);
    }
    const ids = [...doubtful].filter((group) => !reread.has(group));
    if (ids.length === 0) return;
    for (const id of ids) reread.add(id);
    await this.#restate(await this.silent.reread(ids), reread);
    for (const id of ids) this.findings.again.noteReread([id]);
  }

  async #restate(restated: readonly Upsert[], reread: Set<string>): Promise<void> {
    await this.#applyAll(restated.map(withoutPassword), "reconcile", "reread", reread);
  }

  #seen(sourceId: string): void {
    this.findings.refresh.comparison?.mentioned.add(sourceId);
  }

  async #upsert(change: Upsert, { phase, ordering }: Judging): Promise<void> {
    const { sourceId, stamp } = change;
    const known = this.#known.get(sourceId);
    const link = known && linkOf(sourceId, known);
    if (!change.complete && (known === undefined || known.isGone)) {
      this.findings.refresh.restart("Part of an entry changed that is not known.");
      return;
    }
    if (known !== undefined && link !== undefined) {
      if (isOutdated(ordering, phase, change, link)) {
        readAgainIfUnsure(ordering, change, link);
        if (!known.isGone) this.#seen(sourceId);
        return;
      }
      const isSentAgain = phase === "live" && ordering.order !== "reread" && !known.isGone;
      if (isSentAgain && stamp !== undefined && stamp === known.stamp) {
        this.#seen(sourceId);
        return;
      }
    }
    this.#seen(sourceId);
    const before = await this.#entries.storedFor(change, known);
    const entry = await this.#entries.entryAfter(change, before);
    if (entry === undefined) return;
    await this.#entries.write(sourceId, entry, stamp, known);
    if (change.members?.kind !== "all") return;
    this.silent.stated(sourceId, change.members.members);
    this.#believe(sourceId, change.members.members);
  }

  /** A group is believed until a name that it states is given up; where no entry has one, that may have been before. */
  #believe(group: string, members: readonly Name[]): void {
    this.findings.groups.stated(group, { kind: "all", members }, true);
  }

  async #delete(change: Delete, { phase, ordering }: Judging): Promise<void> {
    const { sourceId, stamp } = change;
    const { refresh } = this.findings;
    refresh.noteGone(sourceId);
    const link = linkAt(this.#known, sourceId);
    if (link === undefined) return;
    if (link.state === "gone") {
      const { goneStamp } = link;
      if (goneStamp === undefined || stamp === undefined) return;
      const { latest, isBound } = readBound(goneStamp);
      if (isBound && stamp > latest) await this.#remove(sourceId, stamp);
      return;
    }
    if (isOutdatedDelete(ordering, change, link)) readAgainIfUnsure(ordering, change, link);
    else {
      const isBound = phase === "snapshot" && stamp !== undefined;
      await this.#remove(sourceId, isBound ? noLaterThan(stamp) : stamp);
    }
  }

  async #remove(sourceId: string, stamp: string | undefined): Promise<void> {
    await this.#entries.remove(sourceId, stamp);
    this.findings.groups.forget(sourceId);
  }

  async #present(change: Present, { ordering }: Judging): Promise<void> {
    const { refresh } = this.findings;
    for (const entry of change.entries) {
      const { sourceId, names, stamp } = entry;
      const link = linkAt(this.#known, sourceId);
      const found = refresh.comparison?.compare(entry, link, ordering) ?? "missing";
      if (found === "missing") refresh.noteUnknown(sourceId);
      const known = this.#known.present(sourceId);
      if (found !== "there" || link === undefined || known === undefined) continue;
      this.#seen(sourceId);
      if (names === undefined || isEarlier(stamp, knownStamp(link))) continue;
      if (hasNames(known, names)) this.#entries.noteUnchanged();
      else await this.#rename(sourceId, known, names);
    }
  }

  async #rename(sourceId: string, known: EntryLabel, names: readonly Name[]): Promise<void> {
    const stored = await this.#entries.stored(sourceId);
    if (stored === undefined) return;
    const entry = { ...stored, names: mergedNames(stored.names, names) };
    await this.#entries.write(sourceId, entry, known.stamp, known);
    if (entry.type !== "Group") return;
    this.silent.stated(sourceId, await allMembers(this.#entries.members, sourceId, entry));
  }

  async #sweep({ stamp }: Sweep, judging: Judging): Promise<void> {
    for (const id of [...sweptBy(judging, this.#view)]) {
      const known = this.#known.get(id)?.stamp;
      const latest = stamp !== undefined && isEarlier(stamp, known) ? known : stamp;
      await this.#remove(id, latest === undefined ? undefined : noLaterThan(latest));
    }
  }
}
