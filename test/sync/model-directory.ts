import type { Name, Upsert } from "concordat/changes";
import { DirectoryState, type Entry } from "./model-state.js";
import { dn } from "./streams.js";

/** Something that a follower of the directory is told at the time. */
export interface DirectoryEvent {
  /** Its number; stamps may go back, these do not. */
  readonly number: number;
  readonly stamp: string;
  readonly id: string;
  /** The entry as it is from then on; absent where it is gone. */
  readonly upsert?: Upsert;
}

/**
 * Whether groups follow the names of their members: not at all, as an event of the group, or without anybody being
 * told, as OpenLDAP's overlay of that name has it.
 */
export type Refint = "off" | "told" | "silent";

/**
 * A directory in which distinguished names and user names are unique at any one time, and change hands. Its clock can
 * be set, it can be restored from a backup, and another server follows it.
 */
export class ModelDirectory {
  readonly events: DirectoryEvent[] = [];
  /** Who ever had a name, by the name's key. */
  readonly formerHolders: Map<string, Set<string>> = new Map();
  /** Who was not in the content, or not active, at some time. */
  readonly everLeft: Set<string> = new Set();
  /** The values that an entry has lost, as its id and the value. */
  readonly lostValues: Set<string> = new Set();
  /** The number of the first event that the server itself remembers. */
  rememberedFrom = 0;
  /** Whether an entry may have an earlier stamp than it was told with. */
  wentBack = false;
  readonly #refint: Refint;
  #state = new DirectoryState();
  #backup: DirectoryState | undefined;
  /** What it held after each event, for whoever is behind. */
  readonly #history: DirectoryState[] = [new DirectoryState()];
  #created = 0;
  #time = 1_000_000;

  constructor(refint: Refint) {
    this.#refint = refint;
  }

  /** What it holds now. */
  get state(): DirectoryState {
    return this.#state;
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.#state.entries;
  }

  /** The latest stamp that the server has seen. */
  get stamp(): string {
    return this.#state.stamp;
  }

  /** What it held after so many events. */
  stateAfter(events: number): DirectoryState {
    return this.#history[events] ?? this.#state;
  }

  /** Remembers what it holds, for whoever is behind. To be called whenever something has been done. */
  record(): void {
    this.#history[this.events.length] = this.#state.copy();
  }

  /** Sets the clock, forward or back. */
  setClock(by: number): void {
    this.#time = Math.max(1, this.#time + by);
    if (by < 0) this.wentBack = true;
  }

  backUp(): void {
    this.#backup = this.#state.copy();
  }

  /** Everything is as it was backed up, and the server, which is started for it, remembers no changes. */
  restore(): boolean {
    if (this.#backup === undefined) return false;
    const { entries: before } = this.#state;
    this.#state = this.#backup.copy();
    for (const entry of before.values()) {
      const now = this.#state.entries.get(entry.id);
      if (now?.inContent !== true || !now.active) this.everLeft.add(entry.id);
      this.#noteLost(entry, now);
    }
    this.rememberedFrom = this.events.length;
    this.wentBack = true;
    return true;
  }

  create(type: Entry["type"], name: string, parent: 0 | 1, isNamed = true): Entry | undefined {
    if (this.#isTaken(type, name)) return undefined;
    const number = this.#created++;
    const id = `${type === "User" ? "u" : "g"}-${number}`;
    const entry: Entry = {
      id,
      type,
      name,
      parent,
      inContent: true,
      active: true,
      title: "",
      members: [],
      aliases: [],
      candidates: type === "User" && !isNamed ? [`${id}-b`] : undefined,
      stamp: "",
    };
    this.#state.entries.set(entry.id, entry);
    this.#changed(entry);
    return entry;
  }

  delete(entry: Entry): void {
    const before = this.#state.dnOf(entry);
    this.#state.entries.delete(entry.id);
    this.everLeft.add(entry.id);
    this.#tell({ id: entry.id });
    this.#followDn(before, undefined);
  }

  /**
   * Gives the entry another name or another parent.
   *
   * @param keeps whether it keeps the old name as another one.
   * @returns whether nobody else has the name.
   */
  rename(entry: Entry, name: string, parent: 0 | 1 = entry.parent, keeps = false): boolean {
    if (name !== entry.name && this.#isTaken(entry.type, name)) return false;
    const before = this.#state.dnOf(entry);
    const others = entry.aliases.filter((alias) => alias !== name);
    entry.aliases = keeps && name !== entry.name ? [...new Set([...others, entry.name])] : others;
    entry.name = name;
    entry.parent = parent;
    this.#changed(entry);
    this.#followDn(before, this.#state.dnOf(entry));
    return true;
  }

  swap(one: Entry, other: Entry): void {
    if (one === other || one.type !== other.type) return;
    const [first, second] = [one.name, other.name];
    this.rename(one, `${first}-${one.id}`);
    this.rename(other, first);
    this.rename(one, second);
  }

  /** Renames a container: everything in it has another name, and nobody is told. */
  renameParent(parent: 0 | 1): void {
    const children = [...this.entries.values()].filter((entry) => entry.parent === parent);
    const before = children.map((child) => this.#state.dnOf(child));
    const name = this.#state.parents[parent];
    this.#state.parents[parent] = `${name[0]}${name[1] === "0" ? "1" : "0"}`;
    for (const [index, child] of children.entries()) {
      this.#remember(child);
      this.#followDn(before[index] as string, this.#state.dnOf(child));
    }
  }

  /** The entry leaves the content or comes back to it. */
  toggleFilter(entry: Entry): void {
    entry.inContent = !entry.inContent;
    this.#changed(entry);
  }

  change(entry: Entry, change: Partial<Pick<Entry, "active" | "title" | "members">>): void {
    Object.assign(entry, change);
    this.#changed(entry);
  }

  /** Gives the entry another user name besides, or takes it away; in some order. */
  toggleValue(entry: Entry, value: string): void {
    if (entry.type === "Group") return;
    const before = { ...entry };
    if (entry.candidates === undefined) {
      const others = entry.aliases.filter((alias) => alias !== value);
      const isNew = others.length === entry.aliases.length && value !== entry.name;
      entry.aliases = isNew ? [value, ...others] : others;
    } else {
      const own = `${entry.id}-${"abc"[Number(value.slice(1)) % 3]}`;
      const [first, ...more] = entry.candidates.filter((each) => each !== own);
      if (first === undefined) return;
      const isNew = more.length + 1 === entry.candidates.length;
      entry.candidates = isNew ? [own, first, ...more] : [first, ...more];
    }
    this.#noteLost(before, entry);
    this.#changed(entry);
  }

  #noteLost(before: Entry, after: Entry | undefined): void {
    for (const value of before.candidates ?? []) {
      if (after?.candidates?.includes(value) !== true) this.lostValues.add(`${before.id} ${value}`);
    }
  }

  #followDn(before: string, after: string | undefined): void {
    if (this.#refint === "off") return;
    for (const group of this.entries.values()) {
      if (!group.members.some((name) => name.kind === "dn" && name.key === before)) continue;
      const others = group.members.filter((name) => name.kind !== "dn" || name.key !== before);
      const follows = after !== undefined && !others.some((name) => name.key === after);
      const members: Name[] = follows ? [...others, dn(after)] : others;
      if (this.#refint === "told") this.change(group, { members });
      else group.members = members;
    }
  }

  #isTaken(type: Entry["type"], name: string): boolean {
    return [...this.entries.values()].some((entry) => entry.type === type && entry.name === name);
  }

  #changed(entry: Entry): void {
    if (!entry.inContent || !entry.active) this.everLeft.add(entry.id);
    this.#remember(entry);
    const { id } = entry;
    this.#tell(entry.inContent ? { id, upsert: entry } : { id }, entry);
  }

  /** Gives a change its stamp, and tells of it. No two changes have the same one, also where the clock was set back. */
  #tell({ id, upsert }: { id: string; upsert?: Entry }, changed?: Entry): void {
    const number = this.events.length;
    const digits = (count: number) => String(count).padStart(9, "0");
    const stamp = `${digits(++this.#time)}#${digits(number)}#001#000000`;
    if (changed !== undefined) changed.stamp = stamp;
    if (stamp > this.#state.stamp) this.#state.stamp = stamp;
    const told = upsert === undefined ? {} : { upsert: this.#state.stated(upsert) };
    this.events.push({ number, stamp, id, ...told });
    this.record();
  }

  #remember(entry: Entry): void {
    for (const { kind, key } of this.#state.namesOf(entry)) {
      const holders = this.formerHolders.get(`${kind} ${key}`) ?? new Set();
      this.formerHolders.set(`${kind} ${key}`, holders.add(entry.id));
    }
  }
}
