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
  /** Other user names that it has. */
  aliases: readonly string[];
  /** The values of which any may be the user name, where the one in the RDN is of another attribute. */
  candidates: readonly [string, ...string[]] | undefined;
  stamp: string;
}

/** What a directory holds at one time. */
export class DirectoryState {
  readonly entries: Map<string, Entry> = new Map();
  readonly parents: [string, string] = ["p0", "q0"];
  /** The latest stamp that it has seen. */
  stamp = "";

  copy(): DirectoryState {
    const copy = new DirectoryState();
    for (const entry of this.entries.values()) {
      copy.entries.set(entry.id, { ...entry, members: [...entry.members] });
    }
    for (const parent of [0, 1] as const) copy.parents[parent] = this.parents[parent];
    copy.stamp = this.stamp;
    return copy;
  }

  /** The entries that the filter matches. */
  content(): readonly Entry[] {
    return [...this.entries.values()].filter((entry) => entry.inContent);
  }

  dnOf({ name, parent }: Pick<Entry, "name" | "parent">): string {
    return `cn=${name},ou=${this.parents[parent]}`;
  }

  namesOf(entry: Entry): readonly Name[] {
    const names = [dn(this.dnOf(entry))];
    if (entry.type === "Group") return names;
    if (entry.candidates !== undefined) return [...names, ...entry.candidates.map(alias)];
    return [...names, uid(entry.name), ...entry.aliases.map(alias)];
  }

  /** The user names that the account of the entry may have. */
  userNamesOf({ name, candidates }: Entry): readonly string[] {
    return candidates ?? [name];
  }

  /** The entry as a stream states it now. */
  stated(entry: Entry): Upsert {
    const more = { names: this.namesOf(entry), stamp: entry.stamp };
    if (entry.type === "Group") return team(entry.id, entry.name, [...entry.members], more);
    const nameCandidates = entry.candidates && [...entry.candidates].sort();
    const { active, title } = entry;
    return person(entry.id, nameCandidates?.[0] ?? entry.name, {
      ...more,
      ...(nameCandidates === undefined ? {} : { nameCandidates }),
      resource: { externalId: entry.id, active, title },
    });
  }

  /** The name by which a group refers to an entry. */
  reference(entry: Entry, kind: "dn" | "uid" | "alias" | "id"): Name {
    if (kind === "id") return id(entry.id);
    if (kind === "dn" || entry.type === "Group") return dn(this.dnOf(entry));
    const other = entry.candidates?.[0] ?? (kind === "alias" ? entry.aliases[0] : undefined);
    return uid(other ?? entry.name);
  }
}

function alias(key: string): Name {
  return { ...uid(key), alias: true };
}
