import type { Unreadable, Upsert } from "../changes/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import { mergedNames } from "../sync/internal.js";
import { entryKey, isDn, layoutPrefix } from "./keys.js";
import type { KnownEntries } from "./known-entries.js";
import type { PublishSettings } from "./options.js";
import {
  type EntryLabel,
  entryRecord,
  entryState,
  goneState,
  readEntry,
  type StoredEntry,
} from "./records.js";
import type { SilentChanges } from "./silent-changes.js";
import { type MemberWriting, writeMembers } from "./stored-members.js";
import type { LogWriter } from "./writer.js";

/** What a batch led to. */
export interface Published {
  /** Entries that were written. */
  written: number;
  /** Entries that were written as gone. */
  removed: number;
  /** Entries that are as they were. */
  unchanged: number;
}

/** Writes entries to a log, and keeps in mind what was written. */
export class EntryWriter {
  readonly members: MemberWriting;
  readonly #log: ChangeLog;
  readonly #writer: LogWriter;
  readonly #settings: PublishSettings;
  readonly #options: CallOptions;
  readonly #known: KnownEntries;
  readonly #silent: SilentChanges;
  #published: Published = { written: 0, removed: 0, unchanged: 0 };
  #unreadable: Unreadable[] = [];

  constructor(
    log: ChangeLog,
    writer: LogWriter,
    known: KnownEntries,
    silent: SilentChanges,
    settings: PublishSettings,
    options: CallOptions,
  ) {
    this.#log = log;
    this.#writer = writer;
    this.#settings = settings;
    this.#options = options;
    this.#known = known;
    this.#silent = silent;
    const { largeGroup, horizon, now } = settings;
    this.members = { log, writer, options, largeGroup, horizon, now };
  }

  /** What was done since this was asked last. */
  takePublished(): { readonly published: Published; readonly unreadable: readonly Unreadable[] } {
    const taken = { published: this.#published, unreadable: this.#unreadable };
    this.#published = { written: 0, removed: 0, unchanged: 0 };
    this.#unreadable = [];
    return taken;
  }

  /** An entry is as it was. */
  noteUnchanged(): void {
    this.#published.unchanged++;
  }

  /** An entry cannot be read. */
  noteUnreadable(change: Unreadable): void {
    this.#unreadable.push(change);
  }

  /** What is kept of an entry, where that is needed to say how it will be. */
  async storedFor(change: Upsert, known: EntryLabel | undefined): Promise<StoredEntry | undefined> {
    if (known === undefined || known.isGone) return undefined;
    const isPart = !change.complete || (change.type === "Group" && change.members === undefined);
    const isLarge = known.layout !== undefined;
    return isPart || isLarge ? await this.stored(change.sourceId) : undefined;
  }

  /** What is kept of an entry. */
  async stored(sourceId: string): Promise<StoredEntry | undefined> {
    const key = entryKey(sourceId);
    if (this.#writer.pending(key) !== undefined) await this.#writer.flush();
    const [record] = await this.#log.get([key], this.#options);
    const entry = record && readEntry(record);
    return entry?.kind === "entry" ? entry : undefined;
  }

  /** How an entry is kept after a change; its blocks are written. */
  async entryAfter(
    change: Upsert,
    before: StoredEntry | undefined,
  ): Promise<StoredEntry | undefined> {
    const { sourceId, type, nameCandidates } = change;
    const { members, layout } = before ?? {};
    const kept = { ...(members && { members }), ...(layout && { layout }) };
    const stated =
      change.members === undefined
        ? kept
        : await writeMembers(this.members, sourceId, kept, change.members);
    const base = { kind: "entry", type } as const;
    if (change.complete) {
      const { names, resource } = change;
      const candidates = nameCandidates && { nameCandidates };
      return { ...base, names, resource, ...candidates, ...stated };
    }
    if (before === undefined) return undefined;
    const candidates = nameCandidates ?? before.nameCandidates;
    return {
      ...base,
      names: mergedNames(before.names, change.names),
      resource: { ...before.resource, ...change.resource },
      ...(candidates && { nameCandidates: candidates }),
      ...stated,
    };
  }

  /** Writes an entry, unless it is as it was. */
  async write(
    sourceId: string,
    entry: StoredEntry,
    stamp: string | undefined,
    known: EntryLabel | undefined,
  ): Promise<void> {
    const state = entryState(entry, stamp);
    const { label } = state;
    const isSame =
      known?.isGone === false &&
      label.digest === known.digest &&
      label.layout === known.layout &&
      label.type === known.type;
    if (isSame && label.stamp === known.stamp) {
      this.#published.unchanged++;
      return;
    }
    const record = entryRecord(sourceId, state);
    if (!this.#writer.takes(record)) {
      const message = `The entry "${sourceId}" is longer than a record of the log may be.`;
      this.#unreadable.push({ kind: "unreadable", sourceId, code: "too_large", message });
      return;
    }
    await this.#writer.put(record);
    this.#known.set(sourceId, label);
    this.#noteGivenUp(known, label.names);
    this.#published.written++;
  }

  #noteGivenUp(known: EntryLabel | undefined, names: readonly number[]): void {
    if (known === undefined || known.isGone) return;
    this.#silent.givenUp(known.names.filter((name) => isDn(name) && !names.includes(name)));
  }

  /** Writes that an entry is gone. */
  async remove(sourceId: string, stamp: string | undefined): Promise<void> {
    const known = this.#known.get(sourceId);
    if (known === undefined) return;
    const gone = goneState(known.type, stamp);
    const expiresIn = this.#settings.horizon * 1.1 + 60_000;
    const stored = known.layout === undefined ? undefined : await this.stored(sourceId);
    await this.#writer.put({ ...entryRecord(sourceId, gone), expiresIn });
    if (stored?.layout !== undefined) {
      this.#writer.removeLater(layoutPrefix(sourceId, stored.layout.id));
    }
    this.#known.set(sourceId, gone.label);
    this.#noteGivenUp(known, []);
    this.#published.removed++;
  }
}
