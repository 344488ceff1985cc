import type { Link } from "concordat/repositories";
import type { Group, User } from "concordat/scim";
import type { StoredEntry } from "concordat/testing/directory";
import { source } from "./consumer.js";
import { aliasesOf, isUser, nameOf, namesOf, statedMembers } from "./staff-directory.js";
import type { World } from "./world.js";

/** Everything in which the application differs from what the directory says, and what it should not have done on the way. */
export async function differences(world: World): Promise<readonly string[]> {
  return [...world.complaints, ...(await new Comparison(world).run())];
}

class Comparison {
  readonly #world: World;
  readonly #found: string[] = [];
  readonly #links = new Map<string, Link>();
  readonly #users = new Map<string, User>();
  readonly #groups = new Map<string, Group>();
  /** Whose account or group it is, of those whose entries are there. */
  readonly #owners = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  async run(): Promise<readonly string[]> {
    const { target, staff } = this.#world;
    for (const link of await target.links.list(source, {}, { count: 10_000 })) {
      this.#links.set(link.sourceId, link);
    }
    for (const user of (await target.users.find({})).resources) this.#users.set(user.id, user);
    for (const group of (await target.groups.find({})).resources) this.#groups.set(group.id, group);
    const content = staff.content();
    for (const entry of content) this.#checkEntry(entry);
    this.#checkOthers();
    await this.#checkMemberships(content);
    return this.#found;
  }

  #checkEntry(entry: StoredEntry): void {
    const { entryUUID, attributes } = entry;
    const name = nameOf(entry);
    const link = this.#links.get(entryUUID);
    if (link?.state !== "live" || link.resourceId === undefined || link.failure !== undefined) {
      const { state = "unknown", failure } = link ?? {};
      this.#found.push(`${name} is ${state}${failure ? `: ${failure.message}` : ""}`);
      return;
    }
    if (link.dirty || link.intent !== undefined) this.#found.push(`${name} is not settled`);
    this.#owners.set(link.resourceId, entryUUID);
    if (!isUser(entry)) {
      const displayName = this.#groups.get(link.resourceId)?.displayName;
      if (displayName !== name) this.#found.push(`${name} is called ${displayName}`);
      return;
    }
    const user = this.#users.get(link.resourceId);
    if (user?.userName !== name) this.#found.push(`${name} is called ${user?.userName}`);
    const title = attributes["title"]?.[0];
    if (user?.title !== title) this.#found.push(`${name} is ${user?.title}, not ${title}`);
    const isActive =
      attributes["employeeType"] === undefined && !this.#world.blocked.has(user?.id ?? "");
    if ((user?.active !== false) !== isActive) {
      this.#found.push(`${name} is ${isActive ? "not " : ""}active`);
    }
  }

  #checkOthers(): void {
    const linked = new Set([...this.#links.values()].map((link) => link.resourceId));
    for (const { id, userName, active } of this.#users.values()) {
      if (id === this.#world.localUser) {
        if (active === false) this.#found.push("the local user is not active");
      } else if (!linked.has(id)) {
        this.#found.push(`${userName} belongs to nobody`);
      } else if (!this.#owners.has(id) && active !== false) {
        this.#found.push(`${userName} is active, but is not in the directory`);
      }
    }
    if (!this.#users.has(this.#world.localUser)) this.#found.push("the local user is gone");
    for (const { id, displayName } of this.#groups.values()) {
      if (!linked.has(id)) this.#found.push(`${displayName} belongs to nobody`);
    }
  }

  async #checkMemberships(content: readonly StoredEntry[]): Promise<void> {
    const { target, localMemberships, localUser } = this.#world;
    const certain = this.#members(content, false);
    const possible = this.#members(content, true);
    const nameOfId = (id: string) =>
      this.#users.get(id)?.userName ?? this.#groups.get(id)?.displayName ?? id;
    for (const { id, displayName } of this.#groups.values()) {
      const owner = this.#owners.get(id) ?? "";
      const { members } = await target.groups.members(id, { count: 1_000 });
      const actual = new Set(members.map(({ value }) => value));
      const demanded = (await this.#isUnfindable(owner, content)) ? undefined : certain.get(owner);
      for (const member of demanded ?? []) {
        const account = this.#links.get(member)?.resourceId;
        if (account !== undefined && !actual.has(account)) {
          this.#found.push(`${nameOfId(account)} is not in ${displayName}`);
        }
      }
      for (const member of actual) {
        if (member === localUser) continue;
        const entry = this.#owners.get(member);
        if (entry === undefined || possible.get(owner)?.has(entry) !== true) {
          this.#found.push(`${nameOfId(member)} is in ${displayName}`);
        }
      }
    }
    for (const { group, member } of localMemberships) {
      if (!this.#groups.has(group)) continue;
      const still = await target.groups.whichAreMembers(group, [member]);
      if (!still.has(member))
        this.#found.push(`the local user is not in ${nameOfId(group)} any more`);
    }
  }

  /**
   * Whether the group once stated somebody whom the consumer never knew by that name, and was rewritten in silence since: who
   * that is now, no event tells, and nothing that is known leads there. Flattened, that may be so of any group below.
   */
  async #isUnfindable(uuid: string, content: readonly StoredEntry[]): Promise<boolean> {
    const { run, target } = this.#world;
    if (run.refint !== true) return false;
    for (const group of content) {
      if (isUser(group) || (run.nested === "keep" && group.entryUUID !== uuid)) continue;
      const stated = new Set(statedMembers(group));
      const known = await target.memberships.references(source, group.entryUUID, { count: 1_000 });
      const isStale = known.some(
        ({ kind, key, target }) => kind === "dn" && target === undefined && !stated.has(key),
      );
      if (isStale) return true;
    }
    return false;
  }

  /**
   * Who is to be in each group: whoever has a name that it states, and with `dangling` also whoever once had one that nobody has
   * now, where that may count.
   */
  #members(
    content: readonly StoredEntry[],
    dangling: boolean,
  ): ReadonlyMap<string, ReadonlySet<string>> {
    const { run, staff } = this.#world;
    const holders = new Map<string, string>();
    const aliases = new Map<string, string[]>();
    for (const entry of content) {
      const others = aliasesOf(entry);
      for (const key of namesOf(entry))
        if (!others.includes(key)) holders.set(key, entry.entryUUID);
      for (const key of others) aliases.set(key, [...(aliases.get(key) ?? []), entry.entryUUID]);
    }
    // Another name means an entry where it is nobody's own, and nobody else's other one.
    for (const [key, [holder, ...more]] of aliases) {
      if (more.length === 0 && holder !== undefined && !holders.has(key)) holders.set(key, holder);
    }
    const present = new Set(content.map((entry) => entry.entryUUID));
    const stated = new Map<string, ReadonlySet<string>>();
    for (const group of content) {
      if (isUser(group)) continue;
      const members = statedMembers(group).flatMap((key): readonly string[] => {
        const holder = holders.get(key);
        if (holder !== undefined) return [holder];
        const mayDangle = dangling && run.dangling === "keep";
        const former = mayDangle ? [...(staff.formerHolders.get(key) ?? [])] : [];
        return former.filter((uuid) => present.has(uuid));
      });
      stated.set(group.entryUUID, new Set(members));
    }
    if (run.nested === "keep") return stated;
    return new Map(
      [...stated].map(([group, members]) => {
        const below = new Set(members);
        for (const member of below) for (const next of stated.get(member) ?? []) below.add(next);
        return [group, new Set([...below].filter((uuid) => !stated.has(uuid)))];
      }),
    );
  }
}
