import type { Name, Upsert } from "concordat/changes";
import { dn, id, person, team, uid } from "./streams.js";

/** An entry of the model directory. */
export interface Entry {
  readonly id: string;
  readonly type: "User" | "Group";
  name: string;
  /** The container that it is in. */
  parent: 0 | 1;
  /** Whether the filter of the stream matches it. */
  inContent: boolean;
  active: boolean;
  title: string;
  members: Name[];
  stamp: string;
}

/** Something that a follower of the directory is told at the time. */
export type DirectoryEvent =
  | { readonly stamp: string; readonly id: string; readonly upsert: Upsert }
  | { readonly stamp: string; readonly id: string; readonly upsert?: undefined };

/**
 * Whether groups follow the names of their members: not at all, as an event of the group, or without anybody being told, as
 * OpenLDAP's overlay of that name has it.
 */
export type Refint = "off" | "told" | "silent";

/** A directory in which distinguished names and user names are unique at any one time, and change hands. */
export class ModelDirectory {
  readonly entries: Map<string, Entry> = new Map();
  readonly events: DirectoryEvent[] = [];
  /** Who ever had a name, by the name's key. */
  readonly formerHolders: Map<string, Set<string>> = new Map();
  readonly #parents: [string, string] = ["p0", "q0"];
  readonly #refint: Refint;
  #created = 0;
  #stamps = 0;

  constructor(refint: Refint) {
    this.#refint = refint;
  }

  /** The stamp of the last change. */
  get stamp(): string {
    return stampOf(this.#stamps);
  }

  /** The entries that the filter matches. */
  content(): readonly Entry[] {
    return [...this.entries.values()].filter((entry) => entry.inContent);
  }

  dnOf({ name, parent }: Pick<Entry, "name" | "parent">): string {
    return `cn=${name},ou=${this.#parents[parent]}`;
  }

  namesOf(entry: Entry): readonly Name[] {
    const names = [dn(this.dnOf(entry))];
    return entry.type === "User" ? [...names, uid(entry.name)] : names;
  }

  /** The entry as a stream states it now. */
  stated(entry: Entry): Upsert {
    const more = { names: this.namesOf(entry), stamp: entry.stamp };
    return entry.type === "User"
      ? person(entry.id, entry.name, {
          ...more,
          resource: { active: entry.active, title: entry.title },
        })
      : team(entry.id, entry.name, [...entry.members], more);
  }

  create(type: Entry["type"], name: string, parent: 0 | 1): Entry | undefined {
    if (this.#isTaken(type, name)) return undefined;
    const entry: Entry = {
      id: `${type === "User" ? "u" : "g"}-${this.#created++}`,
      type,
      name,
      parent,
      inContent: true,
      active: true,
      title: "",
      members: [],
      stamp: "",
    };
    this.entries.set(entry.id, entry);
    this.#changed(entry);
    return entry;
  }

  delete(entry: Entry): void {
    this.entries.delete(entry.id);
    this.#stamps++;
    this.events.push({ stamp: this.stamp, id: entry.id });
    this.#followDn(this.dnOf(entry), undefined);
  }

  /** Gives the entry another name or another parent. @returns whether nobody else has the name. */
  rename(entry: Entry, name: string, parent: 0 | 1 = entry.parent): boolean {
    if (name !== entry.name && this.#isTaken(entry.type, name)) return false;
    const before = this.dnOf(entry);
    entry.name = name;
    entry.parent = parent;
    this.#changed(entry);
    this.#followDn(before, this.dnOf(entry));
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
    const before = children.map((child) => this.dnOf(child));
    const name = this.#parents[parent];
    this.#parents[parent] = `${name[0]}${name[1] === "0" ? "1" : "0"}`;
    for (const [index, child] of children.entries()) {
      this.#remember(child);
      this.#followDn(before[index] as string, this.dnOf(child));
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

  /** The name by which a group refers to an entry. */
  reference(entry: Entry, kind: Name["kind"]): Name {
    if (kind === "id") return id(entry.id);
    return kind === "uid" && entry.type === "User" ? uid(entry.name) : dn(this.dnOf(entry));
  }

  #followDn(before: string, after: string | undefined): void {
    if (this.#refint === "off") return;
    for (const group of this.entries.values()) {
      if (!group.members.some((name) => name.kind === "dn" && name.key === before)) continue;
      const others = group.members.filter((name) => name.kind !== "dn" || name.key !== before);
      const follows = after !== undefined && !others.some((name) => name.key === after);
      const members = follows ? [...others, dn(after)] : others;
      if (this.#refint === "told") this.change(group, { members });
      else group.members = members;
    }
  }

  #isTaken(type: Entry["type"], name: string): boolean {
    return [...this.entries.values()].some((entry) => entry.type === type && entry.name === name);
  }

  #changed(entry: Entry): void {
    this.#stamps++;
    entry.stamp = this.stamp;
    this.#remember(entry);
    this.events.push({
      stamp: this.stamp,
      id: entry.id,
      ...(entry.inContent ? { upsert: this.stated(entry) } : {}),
    });
  }

  #remember(entry: Entry): void {
    for (const { kind, key } of this.namesOf(entry)) {
      const holders = this.formerHolders.get(`${kind} ${key}`) ?? new Set();
      this.formerHolders.set(`${kind} ${key}`, holders.add(entry.id));
    }
  }
}

function stampOf(count: number): string {
  return String(count).padStart(6, "0");
}
