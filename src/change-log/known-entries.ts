import type { Name } from "../changes/index.js";
import type { CallOptions, ChangeLog, Link } from "../repositories/index.js";
import { entryPrefix, isDn, nameHash } from "./keys.js";
import { type EntryLabel, readLabel, sourceIdOf } from "./records.js";

/** What a log holds of each entry, in short: it is listed when a publisher begins, without reading a body. */
export class KnownEntries {
  readonly #entries = new Map<string, EntryLabel>();
  /** How many entries have a distinguished name. */
  readonly #held = new Map<number, number>();
  #live = 0;

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

  get(sourceId: string): EntryLabel | undefined {
    return this.#entries.get(sourceId);
  }

  /** The entry, unless it is not known or gone. */
  present(sourceId: string): EntryLabel | undefined {
    const known = this.#entries.get(sourceId);
    return known?.isGone === true ? undefined : known;
  }

  set(sourceId: string, label: EntryLabel): void {
    this.#count(this.#entries.get(sourceId), -1);
    this.#count(label, 1);
    this.#entries.set(sourceId, label);
  }

  #count(label: EntryLabel | undefined, by: 1 | -1): void {
    if (label === undefined || label.isGone) return;
    this.#live += by;
    for (const name of label.names) {
      if (!isDn(name)) continue;
      const count = (this.#held.get(name) ?? 0) + by;
      if (count > 0) this.#held.set(name, count);
      else this.#held.delete(name);
    }
  }

  /** Whether an entry has a distinguished name. */
  isHeld(name: number): boolean {
    return this.#held.has(name);
  }

  /** The entries that are there. */
  *ids(type?: EntryLabel["type"]): Generator<string, void> {
    for (const [id, label] of this.#entries) {
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

/** Names as numbers, but for ids. */
export function hashesOf(names: readonly Name[]): readonly number[] {
  return names.filter(({ kind }) => kind !== "id").map(nameHash);
}

/** Whether an entry has these names, and no other ones of their kinds. */
export function hasNames(known: EntryLabel, names: readonly Name[]): boolean {
  const stated = hashesOf(names);
  const kinds = new Set(stated.map((name) => name % 4));
  const present = known.names.filter((name) => kinds.has(name % 4));
  return present.length === stated.length && stated.every((name) => present.includes(name));
}
