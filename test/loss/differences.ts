import type { ApplicationContent, LocalContent, Resource } from "./application.js";
import type { DirectoryEntry } from "./directory-content.js";

/** Something in which the application is not what the directory says. */
export interface Difference {
  readonly text: string;
  /** The entries that are concerned, by their ids, for a look at what happened to them. */
  readonly entries: readonly string[];
}

/** What is compared. */
export interface Comparison {
  readonly directory: readonly DirectoryEntry[];
  readonly application: ApplicationContent;
  readonly local: LocalContent;
  readonly localRows: readonly string[];
  readonly onDelete: "deactivate" | "delete";
  /** Whether a member whom a group states by a former name, which nobody has now, stays a member. */
  readonly keepsDangling: boolean;
  /** For each mark, every name that its entry may have had. */
  readonly namesByMark: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Compares in both directions: nothing is missing, nothing is left over, and nothing local has changed. */
export function differencesOf(comparison: Comparison): readonly Difference[] {
  return new Comparing(comparison).run();
}

class Comparing {
  readonly #given: Comparison;
  readonly #found: Difference[] = [];
  readonly #entries: ReadonlyMap<string, DirectoryEntry>;
  readonly #resources: ReadonlyMap<string, Resource>;
  /** The resource of each entry. */
  readonly #byEntry = new Map<string, Resource>();
  /** Who has a name, by the kind of name and the name. A uid means people only. */
  readonly #holders = new Map<string, DirectoryEntry>();

  constructor(given: Comparison) {
    this.#given = given;
    this.#entries = new Map(given.directory.map((entry) => [entry.id, entry]));
    this.#resources = new Map(given.application.resources.map((one) => [one.id, one]));
    for (const entry of given.directory) {
      this.#holders.set(`dn ${entry.dn}`, entry);
      if (entry.type === "User") this.#holders.set(`uid ${entry.name}`, entry);
    }
    // Where nobody has a uid for the name in the DN, it means whoever has it for an alias, if that is one person only.
    const aliases = given.directory.flatMap((entry) =>
      entry.aliases.map((uid) => ({ uid, entry })),
    );
    for (const [uid, holders] of Map.groupBy(aliases, (one) => one.uid)) {
      const [only, ...others] = holders;
      if (only === undefined || others.length > 0 || this.#holders.has(`uid ${uid}`)) continue;
      this.#holders.set(`uid ${uid}`, only.entry);
    }
  }

  run(): readonly Difference[] {
    const { application, local, localRows } = this.#given;
    for (const resource of application.resources) this.#checkResource(resource);
    for (const entry of this.#entries.values()) this.#checkEntry(entry);
    for (const [group, members] of application.members) this.#checkMembers(group, members);
    for (const text of application.unfinished) this.#differs(text, text.split(" ", 1)[0] ?? "");
    for (const { group, member } of local.memberships) {
      if (application.members.get(group)?.has(member) === true) continue;
      this.#differs(
        `the local membership of ${this.#name(member)} in ${this.#name(group)} is gone`,
      );
    }
    for (const row of local.rows) {
      if (!localRows.includes(row)) this.#differs(`what is local has changed: ${row}`);
    }
    for (const row of localRows) {
      if (!local.rows.includes(row)) this.#differs(`a local resource has appeared: ${row}`);
    }
    return this.#found;
  }

  /** Whether the resource stands for an entry, and alone; or may be left of one that is gone. */
  #checkResource(resource: Resource): void {
    const { externalId, type, attributes } = resource;
    if (externalId === null) return;
    if (this.#byEntry.has(externalId)) this.#differs(`${externalId} has two accounts`, externalId);
    this.#byEntry.set(externalId, resource);
    if (this.#entries.has(externalId)) return;
    const { application, onDelete } = this.#given;
    // What two runners at once had left without a link was adopted later, and is never deleted.
    const isKept = onDelete === "deactivate" || application.adopted.has(resource.id);
    const isLeft = isKept && (type === "Group" || attributes["active"] === false);
    if (!isLeft) this.#differs(`${this.#name(resource.id)} is left over`, externalId);
  }

  #checkEntry(entry: DirectoryEntry): void {
    const { id, mark, attributes } = entry;
    if (this.#mayWait(entry)) return;
    const resource = this.#byEntry.get(id);
    if (resource === undefined) {
      this.#differs(`${mark} (${entry.dn}) is missing`, id);
    } else if (JSON.stringify(resource.attributes) !== JSON.stringify(attributes)) {
      const [is, should] = [resource.attributes, attributes].map((one) => JSON.stringify(one));
      this.#differs(`${mark} (${entry.dn}) is ${is} and should be ${should}`, id);
    } else if (this.#given.application.refused.has(id)) {
      this.#differs(`${mark} (${entry.dn}) is called refused, and should not be`, id);
    }
  }

  /** A name that a local account has is a matter for a person, and so is one whose holder waits for such a name. */
  #mayWait(entry: DirectoryEntry, waiting: ReadonlySet<string> = new Set()): boolean {
    if (entry.type === "Group" || !this.#given.application.refused.has(entry.id)) return false;
    if (waiting.has(entry.id)) return false;
    const holder = this.#given.application.resources.find(
      ({ type, attributes }) => type === "User" && attributes["userName"] === entry.name,
    );
    if (holder === undefined) return false;
    if (holder.externalId === null) return true;
    const other = this.#entries.get(holder.externalId);
    return other !== undefined && this.#mayWait(other, new Set([...waiting, entry.id]));
  }

  #checkMembers(groupId: string, actual: ReadonlySet<string>): void {
    const externalId = this.#resources.get(groupId)?.externalId ?? null;
    const group = externalId === null ? undefined : this.#entries.get(externalId);
    const local = new Set(
      this.#given.local.memberships.filter((one) => one.group === groupId).map((one) => one.member),
    );
    const { certain, possible } = this.#statedBy(group);
    for (const entry of certain) {
      const member = this.#byEntry.get(entry.id);
      if (member === undefined || this.#mayWait(entry) || actual.has(member.id)) continue;
      this.#differs(
        `${entry.mark} (${entry.dn}) is not in ${group?.name}`,
        entry.id,
        externalId ?? "",
      );
    }
    for (const id of actual) {
      if (local.has(id)) continue;
      const memberId = this.#resources.get(id)?.externalId ?? "";
      const entry = this.#entries.get(memberId);
      if (entry !== undefined && (certain.has(entry) || possible.has(entry))) continue;
      if (entry !== undefined && this.#mayWait(entry)) continue;
      this.#differs(
        `${this.#name(id)} is in ${this.#name(groupId)}, and should not be`,
        memberId,
        externalId ?? "",
      );
    }
  }

  /** Who is a member for certain, and who may be one because the group states a name that was theirs and is nobody's. */
  #statedBy(group: DirectoryEntry | undefined): {
    readonly certain: ReadonlySet<DirectoryEntry>;
    readonly possible: ReadonlySet<DirectoryEntry>;
  } {
    const certain = new Set<DirectoryEntry>();
    const possible = new Set<DirectoryEntry>();
    for (const { kind, name } of group?.members ?? []) {
      const holder = this.#holders.get(`${kind} ${name}`);
      if (holder !== undefined) certain.add(holder);
      else if (this.#given.keepsDangling) {
        for (const entry of this.#entries.values()) {
          if (this.#given.namesByMark.get(entry.mark)?.has(name) === true) possible.add(entry);
        }
      }
    }
    return { certain, possible };
  }

  #name(resourceId: string): string {
    const resource = this.#resources.get(resourceId);
    if (resource === undefined) return resourceId;
    const { userName, displayName } = resource.attributes;
    const entry = resource.externalId === null ? undefined : this.#entries.get(resource.externalId);
    return `${userName ?? displayName}${entry === undefined ? "" : ` (${entry.mark}, ${entry.dn})`}`;
  }

  #differs(text: string, ...entries: readonly string[]): void {
    this.#found.push({ text, entries: entries.filter((id) => id !== "") });
  }
}
