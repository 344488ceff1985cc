import type { Link } from "concordat/repositories";
import type { Group, User } from "concordat/scim";
import type { Entry } from "./model-state.js";
import type { ModelWorld } from "./model-world.js";

/** Everything in which the application, and what is stored about it, differ from what the directory says. */
export async function differences(world: CheckedWorld): Promise<readonly string[]> {
  return [...world.complaints, ...(await new ModelCheck(world).run())];
}

/** What an application is compared with. */
export type CheckedWorld = Pick<
  ModelWorld,
  "run" | "target" | "directory" | "complaints" | "blocked" | "localUsers" | "localMemberships"
>;

type Linked = Link & { readonly resourceId: string };

class ModelCheck {
  readonly #world: CheckedWorld;
  readonly #found: string[] = [];
  readonly #links = new Map<string, Link>();
  readonly #users = new Map<string, User>();
  readonly #groups = new Map<string, Group>();
  /** The link of each account and group whose entry is there, accepted as it is now or not. */
  readonly #owners = new Map<string, Link>();

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  async run(): Promise<readonly string[]> {
    const { target, directory } = this.#world;
    for (const link of await target.links.list("directory", {}, { count: 10_000 })) {
      this.#links.set(link.sourceId, link);
    }
    for (const user of (await target.users.find({})).resources) this.#users.set(user.id, user);
    for (const group of (await target.groups.find({})).resources) this.#groups.set(group.id, group);
    this.#checkLinks();
    const content = directory.state.content();
    for (const entry of content) this.#checkEntry(entry);
    this.#checkNothingElseIsActive();
    await this.#checkMemberships(content);
    return this.#found;
  }

  #checkLinks(): void {
    const linked = new Map<string, string>();
    for (const link of this.#links.values()) {
      const { sourceId, type, resourceId } = link;
      if (link.dirty) this.#found.push(`${sourceId} is not settled`);
      if (link.intent !== undefined) this.#found.push(`${sourceId} has an intent left`);
      if (link.state === "entering" || link.state === "leaving") {
        if (link.failure === undefined) this.#found.push(`${sourceId} is ${link.state}`);
      }
      if (resourceId === undefined) continue;
      const key = `${type} ${resourceId}`;
      if (linked.has(key)) this.#found.push(`${sourceId} and ${linked.get(key)} share ${key}`);
      linked.set(key, sourceId);
      if (link.state === "live" || link.state === "entering") this.#owners.set(resourceId, link);
    }
  }

  #checkEntry(entry: Entry): void {
    const link = this.#links.get(entry.id);
    if (link === undefined) {
      this.#found.push(`${entry.id} has no link`);
      return;
    }
    if (link.failure !== undefined) {
      if (!this.#mayWait(link, new Set())) {
        this.#found.push(`${entry.id} waits: ${link.failure.code} ${link.failure.message}`);
      }
      return;
    }
    const { resourceId } = link;
    if (link.state !== "live" || resourceId === undefined) {
      this.#found.push(`${entry.id} is ${link.state} without an account`);
      return;
    }
    if (entry.type === "Group") {
      const name = this.#groups.get(resourceId)?.displayName;
      if (name !== entry.name) this.#found.push(`${entry.id} is called ${name}, not ${entry.name}`);
      return;
    }
    const user = this.#users.get(resourceId);
    const names = this.#world.directory.state.userNamesOf(entry);
    if (user === undefined || !names.includes(user.userName)) {
      this.#found.push(`${entry.id} is called ${user?.userName}, not ${names.join(" or ")}`);
      return;
    }
    if ((user.title ?? "") !== entry.title) {
      this.#found.push(`${entry.id} has the title ${user.title}, not ${entry.title}`);
    }
    const active = entry.active && !this.#world.blocked.has(resourceId);
    if ((user.active !== false) !== active) {
      this.#found.push(`${entry.id} is ${active ? "not " : ""}active`);
    }
  }

  /**
   * A name that a local account has is a matter for a person, and so is one that somebody who waits for that has still.
   */
  #mayWait(link: Link, waiting: Set<string>): boolean {
    const entry = this.#world.directory.entries.get(link.sourceId);
    if (entry === undefined || entry.type === "Group" || waiting.has(link.sourceId)) return false;
    waiting.add(link.sourceId);
    const holder = [...this.#users.values()].find((user) => user.userName === entry.name);
    if (holder === undefined) return false;
    const owner = [...this.#links.values()].find(
      (each) => each.type === "User" && each.resourceId === holder.id,
    );
    if (owner === undefined) return this.#world.localUsers.has(holder.id);
    return owner.failure !== undefined && this.#mayWait(owner, waiting);
  }

  #checkNothingElseIsActive(): void {
    const known = new Set([...this.#links.values()].map((link) => link.resourceId));
    for (const user of this.#users.values()) {
      if (!known.has(user.id) && !this.#world.localUsers.has(user.id)) {
        this.#found.push(`${user.userName} belongs to nobody`);
      }
      if (known.has(user.id) && !this.#owners.has(user.id) && user.active !== false) {
        this.#found.push(`${user.userName} is active although its entry is gone`);
      }
    }
    for (const group of this.#groups.values()) {
      if (!known.has(group.id)) this.#found.push(`${group.displayName} belongs to nobody`);
    }
  }

  async #checkMemberships(content: readonly Entry[]): Promise<void> {
    const isLocal = new Set(
      this.#world.localMemberships.map(({ group, member }) => `${group} ${member}`),
    );
    const certain = this.#closure(content, false);
    const possible = this.#closure(content, true);
    for (const group of this.#groups.values()) {
      const { members } = await this.#world.target.groups.members(group.id, { count: 1_000 });
      const actual = new Set(members.map((member) => member.value));
      const groupId = this.#owners.get(group.id)?.sourceId;
      const sought = groupId === undefined ? undefined : certain.get(groupId);
      for (const memberId of sought ?? []) {
        const link = this.#links.get(memberId);
        if (!isAccepted(link)) continue;
        if (!actual.has(link.resourceId)) this.#found.push(`${memberId} is not in ${groupId}`);
      }
      const allowed = groupId === undefined ? undefined : possible.get(groupId);
      for (const id of actual) {
        if (isLocal.has(`${group.id} ${id}`)) continue;
        const known = this.#users.has(id) || this.#groups.has(id);
        const memberId = this.#owners.get(id)?.sourceId;
        if (known && (memberId === undefined || allowed?.has(memberId) !== true)) {
          this.#found.push(`${memberId ?? id} is in ${groupId ?? group.displayName}`);
        }
      }
    }
    for (const { group, member } of this.#world.localMemberships) {
      if (!this.#groups.has(group) || !this.#users.has(member)) continue;
      const still = await this.#world.target.groups.whichAreMembers(group, [member]);
      if (!still.has(member)) this.#found.push(`a local membership of ${member} is gone`);
    }
  }

  /**
   * Who is to be in each group: those whom its references mean, and with `dangling` also those whom they once meant,
   * where nobody has the name any more and that may count.
   */
  #closure(content: readonly Entry[], dangling: boolean): ReadonlyMap<string, ReadonlySet<string>> {
    const { run, directory } = this.#world;
    const holders = new Map<string, string>();
    const aliases = new Map<string, string[]>();
    for (const entry of content) {
      holders.set(`id ${entry.id}`, entry.id);
      for (const { kind, key, alias } of directory.state.namesOf(entry)) {
        if (alias === undefined) holders.set(`${kind} ${key}`, entry.id);
        else aliases.set(key, [...(aliases.get(key) ?? []), entry.id]);
      }
    }
    // Another name of an entry means it where it is nobody's own, and nobody else's other one.
    for (const [key, [holder, ...others]] of aliases) {
      if (others.length > 0 || holder === undefined || holders.has(`uid ${key}`)) continue;
      holders.set(`uid ${key}`, holder);
    }
    const direct = new Map<string, Set<string>>();
    for (const group of content) {
      if (group.type !== "Group") continue;
      const members = new Set<string>();
      for (const { kind, key } of group.members) {
        const holder = holders.get(`${kind} ${key}`);
        if (holder !== undefined) members.add(holder);
        else if (dangling && run.dangling === "keep") {
          for (const former of directory.formerHolders.get(`${kind} ${key}`) ?? []) {
            if (directory.entries.get(former)?.inContent === true) members.add(former);
          }
        }
      }
      direct.set(group.id, members);
    }
    if (run.nested === "keep") return direct;
    return new Map(
      [...direct].map(([group, members]) => {
        const below = new Set(members);
        for (const member of below) for (const next of direct.get(member) ?? []) below.add(next);
        return [group, new Set([...below].filter((id) => !direct.has(id)))];
      }),
    );
  }
}

function isAccepted(link: Link | undefined): link is Linked {
  return link?.state === "live" && link.resourceId !== undefined;
}
