import { NotFoundError, UnavailableError } from "../../core/index.js";
import type { MembersChange } from "../change-set.js";
import type { GroupRepository } from "../group-repository.js";
import type { Member } from "../member-types.js";
import type { Grant, SourceGrant } from "../membership-repository.js";
import { type CallOptions, isRefusal, type Refusal } from "../resource-repository.js";
import type { GroupMappingOptions, MappingReport } from "./options.js";

/** Names those who were put into local groups through `local`. They are so whatever is mapped. */
export const byHand = "by hand";

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

/** One run over some members of one local group. */
export class Settlement {
  readonly #options: GroupMappingOptions;
  readonly #source: string;
  readonly #group: string;
  readonly #call: CallOptions | undefined;
  /**
   * Whom this run was given, has put in or has taken out. If such a one is a member and nothing says because of whom,
   * it is because of a mapping: of this run, or of another that was at it in the same moment.
   */
  readonly #touched: Set<string>;
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
    this.#touched = new Set(released);
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
    return (
      !present.has(user) && (mapped.has(user) || (this.#touched.has(user) && claims.has(user)))
    );
  }

  #isToGo(user: string, { mapped, granted, claims, present }: Facts): boolean {
    if (mapped.has(user)) return false;
    return granted.has(user) || (this.#touched.has(user) && present.has(user) && !claims.has(user));
  }

  /**
   * Who is a member because of us, though nothing says so: another writer forgot it, or one ended before it was said.
   */
  #isToBeNoted(user: string, { mapped, granted, present }: Facts): boolean {
    if (!mapped.has(user) || !present.has(user)) return false;
    const grant = granted.get(user);
    return grant === undefined ? this.#touched.has(user) : !grant.held;
  }

  async #add(users: readonly string[], { mapped }: Facts): Promise<number> {
    const granted = users.filter((user) => mapped.has(user));
    await this.#saveGrants(granted, false);
    const refused = await this.#change(users, (add) => ({ add }));
    // A refusal is definite: a membership that another program adds later is not ours.
    await this.#removeGrants(granted.filter((user) => refused.has(user)));
    await this.#saveGrants(
      granted.filter((user) => !refused.has(user)),
      true,
    );
    for (const user of users) if (!refused.has(user)) this.#touched.add(user);
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
    for (const user of users) this.#touched.add(user);
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
    change: (members: readonly Member[]) => MembersChange,
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
export async function existing(
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

export function keyOf(
  group: string,
  user: string,
): { readonly group: string; readonly member: string } {
  return { group, member: `Users/${user}` };
}

export function userOf({ member }: { readonly member: string }): string {
  return member.slice("Users/".length);
}
