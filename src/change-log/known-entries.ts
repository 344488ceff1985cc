import type { Name } from "../changes/index.js";
import type { CallOptions, ChangeLog, Link } from "../repositories/index.js";
import { HeldNames } from "./held-names.js";
import { entryPrefix, hashesOf, isDn } from "./keys.js";
import { PackedTexts } from "./packed-texts.js";
import { type EntryLabel, keptLabel, printLabel, readLabel, sourceIdOf } from "./records.js";

/** What a log holds of each entry, in short: it is listed when a publisher begins, without reading a body. */
export class KnownEntries {
  readonly #labels = new PackedTexts();
  /** Which distinguished names entries have. */
  readonly #held = new HeldNames();
  #live = 0;
  #groups = 0;

  static async load(log: ChangeLog, options?: CallOptions): Promise<KnownEntries> {
    const known = new KnownEntries();
    for await (const label of log.list(entryPrefix, options)) {
      known.set(sourceIdOf(label), readLabel(label));
    }
    return known;
  }

  /** How many entries are there. */
  get live(): number {
    return this.#live;
  }

  /** How many groups are there. */
  get groups(): number {
    return this.#groups;
  }

  get(sourceId: string): EntryLabel | undefined {
    const text = this.#labels.get(sourceId);
    return text === undefined ? undefined : keptLabel(text);
  }

  /** The entry, unless it is not known or gone. */
  present(sourceId: string): EntryLabel | undefined {
    const known = this.get(sourceId);
    return known?.isGone === true ? undefined : known;
  }

  set(sourceId: string, label: EntryLabel): void {
    this.#forget(this.present(sourceId));
    if (!label.isGone) {
      this.#live++;
      if (label.type === "Group") this.#groups++;
      for (const name of label.names) if (isDn(name)) this.#held.add(name);
    }
    this.#labels.set(sourceId, printLabel(label));
  }

  #forget(label: EntryLabel | undefined): void {
    if (label === undefined) return;
    this.#live--;
    if (label.type === "Group") this.#groups--;
    for (const name of label.names) if (isDn(name)) this.#held.remove(name);
  }

  /** Whether an entry has a distinguished name. */
  isHeld(name: number): boolean {
    return this.#held.has(name);
  }

  /** The entries that are there. They are not to be changed meanwhile. */
  *ids(type?: EntryLabel["type"]): Generator<string, void> {
    for (const [id, text] of this.#labels.entries()) {
      const label = keptLabel(text);
      if (!label.isGone && (type === undefined || label.type === type)) yield id;
    }
  }
}

/** What is known of an entry, as synchronisation judges what is newer. */
export function linkOf(sourceId: string, known: EntryLabel): Link {
  const { type, isGone, digest, stamp } = known;
  const link = { sourceId, type, adopted: false, disabledByUs: false, dirty: false, seen: 0 };
  if (isGone) return { ...link, state: "gone", ...(stamp && { goneStamp: stamp }) };
  return { ...link, state: "live", digest, ...(stamp && { stamp }) };
}

/** What is known of an entry by its id, as synchronisation judges it. */
export function linkAt(entries: KnownEntries, sourceId: string): Link | undefined {
  const known = entries.get(sourceId);
  return known && linkOf(sourceId, known);
}

/** Whether an entry has these names, and no other ones of their kinds. */
export function hasNames(known: EntryLabel, names: readonly Name[]): boolean {
  const stated = hashesOf(names);
  const kinds = new Set(stated.map((name) => name % 4));
  const present = known.names.filter((name) => kinds.has(name % 4));
  return present.length === stated.length && stated.every((name) => present.includes(name));
}
