import { caseless, KeyedMutex, NotFoundError } from "../../core/index.js";
import type { CallOptions } from "../resource-repository.js";
import type { GroupMappingOptions } from "./options.js";
import { byHand, existing, keyOf, newTally, Settlement, type Tally, userOf } from "./settlement.js";

/** How many members are looked at together. */
const sliceSize = 500;

/**
 * The memberships of users in local groups, and whose they are.
 *
 * A writer that changes an external group, a mapping or a claim settles the memberships concerned afterwards. Within
 * this object one settles a group after the other, so that what it reads of the group stays true until it has written.
 * Writers in other processes are held off by nothing; against them, a grant is there before the member is and goes
 * after the member has, and a writer looks again after it has written, at what it did too: so of any number of writers
 * the last one sees what the others have left. A grant that one writer forgets while another relies on it is made good
 * by either, since each knows whom it has put in or taken out itself.
 */
export class LocalMemberships {
  readonly #options: GroupMappingOptions;
  readonly #source: string;
  readonly #mutex = new KeyedMutex();

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
    return this.#mutex.run(
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

  /** Settles all members that were added to a group. */
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
      await this.#mutex.run(group, work, options?.signal);
    }
  }

  /**
   * The members that were added to a group under another spelling of these ids. A store of the host's own may remove
   * what it has in capitals when it is asked in small letters; whom it did not take out is still mapped, and stays. All
   * who were put into the group are read only where a member was not added under the id that is asked for, nor in
   * capitals, nor in small letters.
   */
  async spelledOtherwise(group: string, users: readonly string[]): Promise<readonly string[]> {
    const known = new Set<string>();
    const spellings = users.flatMap((user) => [user, user.toLowerCase(), user.toUpperCase()]);
    const keys = Array.from(new Set(spellings), (user) => keyOf(group, user));
    for (let at = 0; at < keys.length; at += sliceSize) {
      const slice = keys.slice(at, at + sliceSize);
      for (const { source, ...grant } of await this.#options.memberships.grantsOf(slice)) {
        if (source === this.#source) known.add(userOf(grant));
      }
    }
    const forms = new Set([...known].map(caseless));
    const missing = new Set(users.map(caseless).filter((form) => !forms.has(form)));
    if (missing.size === 0) return [...known];
    for await (const granted of this.#granted(this.#source, group)) {
      for (const user of granted) if (missing.has(caseless(user))) known.add(user);
    }
    return [...known];
  }

  /** @param released those whose membership, if there is one, is no longer claimed by hand. */
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
