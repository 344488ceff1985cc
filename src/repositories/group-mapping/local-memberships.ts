import { NotFoundError, Turns, UnavailableError } from "../../core/index.js";
import type { GroupRepository } from "../group-repository.js";
import type { Grant, SourceGrant } from "../membership-repository.js";
import { type CallOptions, isRefusal, type Refusal } from "../resource-repository.js";
import type { GroupMappingOptions, MappingReport } from "./map-groups.js";

/** Names those who were put into local groups through `local`. They are so whatever is mapped. */
const byHand = "by hand";

/** How many members are looked at together. */
const sliceSize = 500;

/** A report that is being written. */
export type Tally = { -readonly [K in keyof MappingReport]: MappingReport[K] };

/** A report of nothing. */
export function newTally(): Tally {
  return { added: 0, removed: 0, refused: 0 };
}

/** What is known of some members of a local group. */
interface Facts {
  /** Who is in an external group that is mapped to it. */
  readonly mapped: ReadonlySet<string>;
  /** Who was put into it because of that. */
  readonly granted: ReadonlyMap<string, Grant>;
  /** Who was put into it by others too: by hand, or by another source. */
  readonly claims: ReadonlyMap<string, readonly SourceGrant[]>;
  /** Who is in it. */
  readonly present: ReadonlySet<string>;
}

/**
 * The memberships of users in local groups, and whose they are.
 *
 * Whoever changes an external group, a mapping or a claim settles the memberships concerned afterwards. Within this object one
 * settles a group after the other, so that what it reads of the group stays true until it has written. Writers in other processes
 * are held off by nothing; against them, a grant is there before the member is and goes after the member has, and whoever has
 * written looks again. So of any number of writers the last one sees what the others have left, and nobody is missing in the end
 * who is mapped or claimed. Where three of them are at one membership in one moment, its grant may be lost: the member is then
 * taken for one put in by hand, and stays.
 */
export class LocalMemberships {
  readonly #options: GroupMappingOptions;
  readonly #source: string;
  readonly #turns = new Turns();

  constructor(options: GroupMappingOptions) {
    this.#options = options;
    this.#source = options.source ?? "mapped groups";
  }

  /**
   * Changes who is claimed by hand for a group.
   *
   * @param add users who are to be in the group whatever is mapped.
   * @param remove users who are to be in it only if mapped.
   * @param write adds the former to the group.
   */
  claim(
    group: string,
    add: readonly string[],
    remove: readonly string[],
    write: () => Promise<void>,
    options?: CallOptions,
  ): Promise<void> {
    return this.#turns.run(
      group,
      async () => {
        await this.#saveClaims(group, add);
        try {
          await write();
        } catch (error) {
          const present = await existing(this.#options.local, [group], add, options);
          await this.#removeClaims(
            group,
            add.filter((user) => !present.has(user)),
          );
          throw error;
        }
        await this.#removeClaims(group, remove);
        await this.#settle(group, [...add, ...remove], newTally(), options, new Set(remove));
      },
      options?.signal,
    );
  }

  /** Settles everybody who was put into a group. */
  async settleGranted(group: string, tally: Tally, options?: CallOptions): Promise<void> {
    for await (const users of this.#granted(this.#source, group)) {
      await this.settle(group, users, tally, options);
    }
  }

  /** Forgets all about a group that is gone. */
  async forget(group: string, options?: CallOptions): Promise<void> {
    const { mappings, memberships } = this.#options;
    for (const external of await mappings.externalGroups(group, options)) {
      await mappings.remove({ external, local: group }, options);
    }
    for (const source of [this.#source, byHand]) {
      for await (const users of this.#granted(source, group)) {
        await memberships.removeGrants(
          source,
          users.map((user) => keyOf(group, user)),
        );
      }
    }
  }

  /** Brings the memberships of these users in a local group to what the mappings say. */
  async settle(
    group: string,
    users: readonly string[],
    tally: Tally,
    options?: CallOptions,
  ): Promise<void> {
    const all = [...new Set(users)];
    for (let at = 0; at < all.length; at += sliceSize) {
      const some = all.slice(at, at + sliceSize);
      const work = (): Promise<void> => this.#settle(group, some, tally, options);
      await this.#turns.run(group, work, options?.signal);
    }
  }

  /** @param released those whose membership, if there is one, nobody claims by hand any longer. */
  async #settle(
    group: string,
    users: readonly string[],
    tally: Tally,
    options?: CallOptions,
    released: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    const settlement = new Settlement(this.#options, this.#source, group, released, options);
    try {
      await settlement.run(users, tally);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      if ((await this.#options.local.get(group, options)) !== undefined) throw error;
      await this.forget(group, options);
    }
  }

  async #saveClaims(group: string, users: readonly string[]): Promise<void> {
    const grants = users.map((user) => ({ ...keyOf(group, user), ours: false, held: true }));
    if (grants.length > 0) await this.#options.memberships.saveGrants(byHand, grants);
  }

  async #removeClaims(group: string, users: readonly string[]): Promise<void> {
    const keys = users.map((user) => keyOf(group, user));
    if (keys.length > 0) await this.#options.memberships.removeGrants(byHand, keys);
  }

  /** The users to whom a source has a grant in a group, in slices. */
  async *#granted(source: string, group: string): AsyncGenerator<readonly string[]> {
    for (let after: string | undefined; ; ) {
      const page = { count: sliceSize, ...(after !== undefined && { after }) };
      const grants = await this.#options.memberships.grantsIn(source, group, page);
      if (grants.length === 0) return;
      after = grants.at(-1)?.member;
      yield grants.map(userOf);
    }
  }
}

/** One run over some members of one local group. */
class Settlement {
  readonly #options: GroupMappingOptions;
  readonly #source: string;
  readonly #group: string;
  readonly #call: CallOptions | undefined;
  /** Whose membership this run has made, or was given. If nothing tells whose it is, it is ours. */
  readonly #ours: Set<string>;
  /** Whom this run has taken out, or left to those who claim them. */
  readonly #let: Set<string> = new Set();
  readonly #refused: Set<string> = new Set();

  constructor(
    options: GroupMappingOptions,
    source: string,
    group: string,
    released: ReadonlySet<string>,
    call: CallOptions | undefined,
  ) {
    this.#options = options;
    this.#source = source;
    this.#group = group;
    this.#ours = new Set(released);
    this.#call = call;
  }

  async run(users: readonly string[], tally: Tally): Promise<void> {
    let open = users;
    for (let pass = 1; open.length > 0; pass++) {
      if (pass > 20) {
        throw new UnavailableError(
          `Others change the members of the group "${this.#group}" all the time.`,
        );
      }
      const facts = await this.#read(open);
      const add = open.filter((user) => this.#isToCome(user, facts));
      const end = open.filter((user) => this.#isToGo(user, facts));
      const note = open.filter((user) => this.#isToBeNoted(user, facts));
      await this.#saveGrants(note, true);
      tally.added += await this.#add(add, facts);
      tally.removed += await this.#end(end, facts);
      open = [...add, ...end, ...note].filter((user) => !this.#refused.has(user));
    }
    tally.refused += this.#refused.size;
  }

  async #read(users: readonly string[]): Promise<Facts> {
    const { external, local, mappings, memberships } = this.#options;
    const sources = await mappings.externalGroups(this.#group, this.#call);
    const mapped = await existing(external, sources, users, this.#call);
    const granted = new Map<string, Grant>();
    const claims = new Map<string, SourceGrant[]>();
    const keys = users.map((user) => keyOf(this.#group, user));
    for (const { source, ...grant } of await memberships.grantsOf(keys)) {
      const user = userOf(grant);
      if (source === this.#source) granted.set(user, grant);
      else if (grant.held) claims.set(user, [...(claims.get(user) ?? []), { ...grant, source }]);
    }
    const present = await existing(local, [this.#group], users, this.#call);
    return { mapped, granted, claims, present };
  }

  /** Who is mapped; and who is claimed, if it was us who took them out. */
  #isToCome(user: string, { mapped, claims, present }: Facts): boolean {
    const touched = this.#ours.has(user) || this.#let.has(user);
    return !present.has(user) && (mapped.has(user) || (touched && claims.has(user)));
  }

  #isToGo(user: string, { mapped, granted, claims, present }: Facts): boolean {
    if (mapped.has(user)) return false;
    return granted.has(user) || (this.#ours.has(user) && present.has(user) && !claims.has(user));
  }

  /** Who is a member because of us, though nothing says so: another writer forgot it, or one ended before it was said. */
  #isToBeNoted(user: string, { mapped, granted, present }: Facts): boolean {
    if (!mapped.has(user) || !present.has(user)) return false;
    const grant = granted.get(user);
    return grant === undefined ? this.#ours.has(user) || this.#let.has(user) : !grant.held;
  }

  async #add(users: readonly string[], { mapped }: Facts): Promise<number> {
    const granted = users.filter((user) => mapped.has(user));
    await this.#saveGrants(granted, false);
    const refused = await this.#change(users, (add) => ({ add }));
    // A refusal is definite: a membership that somebody else makes later is not ours.
    await this.#removeGrants(granted.filter((user) => refused.has(user)));
    await this.#saveGrants(
      granted.filter((user) => !refused.has(user)),
      true,
    );
    for (const user of users) if (!refused.has(user)) this.#ours.add(user);
    return users.length - refused.size;
  }

  async #end(users: readonly string[], { granted, claims, present }: Facts): Promise<number> {
    const going = users.filter((user) => !claims.has(user));
    await this.#saveGrants(
      going.filter((user) => granted.has(user)),
      false,
    );
    const members = going.filter((user) => present.has(user));
    const refused = await this.#change(members, (remove) => ({ remove }));
    await this.#leave(users.flatMap((user) => claims.get(user) ?? []));
    await this.#removeGrants(users.filter((user) => granted.has(user) && !refused.has(user)));
    for (const user of users) {
      this.#ours.delete(user);
      this.#let.add(user);
    }
    return members.length - refused.size;
  }

  /** Leaves memberships that were ours to the other sources that have a grant too. Those made by hand need no word. */
  async #leave(claims: readonly SourceGrant[]): Promise<void> {
    for (const { source, ...grant } of claims) {
      if (source === byHand || grant.ours) continue;
      await this.#options.memberships.saveGrants(source, [{ ...grant, ours: true }]);
    }
  }

  /** Changes members together, and one by one where something is refused. Returns to whom it was. */
  async #change(
    users: readonly string[],
    change: (members: readonly { value: string; type: "User" }[]) => object,
  ): Promise<ReadonlySet<string>> {
    const refused = new Set<string>();
    const write = (some: readonly string[]): Promise<void> => {
      const members = some.map((value) => ({ value, type: "User" as const }));
      return this.#options.local.changeMembers(this.#group, change(members), this.#call);
    };
    if (users.length === 0) return refused;
    try {
      await write(users);
      return refused;
    } catch (error) {
      if (!isRefusal(error) || error instanceof NotFoundError) throw error;
    }
    for (const user of users) {
      try {
        await write([user]);
      } catch (error) {
        if (!isRefusal(error) || error instanceof NotFoundError) throw error;
        refused.add(user);
        this.#refuse(user, error);
      }
    }
    return refused;
  }

  #refuse(member: string, error: Refusal): void {
    this.#refused.add(member);
    this.#options.onRefusal?.({ group: this.#group, member, error });
  }

  async #saveGrants(users: readonly string[], held: boolean): Promise<void> {
    if (users.length === 0) return;
    const grants = users.map((user) => ({ ...keyOf(this.#group, user), ours: true, held }));
    await this.#options.memberships.saveGrants(this.#source, grants);
  }

  async #removeGrants(users: readonly string[]): Promise<void> {
    if (users.length === 0) return;
    const keys = users.map((user) => keyOf(this.#group, user));
    await this.#options.memberships.removeGrants(this.#source, keys);
  }
}

/** Which of these users are in any of these groups. */
async function existing(
  groups: GroupRepository,
  ids: readonly string[],
  users: readonly string[],
  options?: CallOptions,
): Promise<ReadonlySet<string>> {
  const asked = ids.flatMap((group) =>
    users.map((member) => ({ group, member, type: "User" as const })),
  );
  const found = asked.length === 0 ? [] : await groups.whichExist(asked, options);
  return new Set(found.map(({ member }) => member));
}

function keyOf(group: string, user: string): { readonly group: string; readonly member: string } {
  return { group, member: `Users/${user}` };
}

function userOf({ member }: { readonly member: string }): string {
  return member.slice("Users/".length);
}
