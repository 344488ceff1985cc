import { ConcordatError, UnavailableError, UnsupportedError } from "../../core/index.js";
import {
  type CallOptions,
  type GroupRepository,
  isRefusal,
  type Membership,
  type Query,
  type SyncTarget,
  type UserRepository,
  type Write,
  type WriteResult,
} from "../../repositories/index.js";
import {
  type BoundFilter,
  bindFilter,
  eq,
  type Group,
  type NewGroup,
  type NewUser,
  printFilter,
  type User,
} from "../../scim/index.js";
import { refusedChanges } from "../entries/refused.js";
import { nameOf } from "../step/accounts.js";

/** How often a store may fail for one resource before that is the resource's trouble. */
const attemptsForOne = 3;
/** So many resources in a row for which a write fails are an outage. */
const manyInARow = 10;

/**
 * A target whose stores distinguish trouble with one resource from an outage: a store that fails for one resource again
 * and again, while it answers for others, refuses that one. Else one entry that some service provider answers with 500
 * would keep all others waiting.
 *
 * Where there are transactions, a failure may have spoiled one, so there each failure is an outage.
 */
export async function withTroubleApart(target: SyncTarget, source: string): Promise<SyncTarget> {
  if (target.transaction !== undefined) return target;
  const { users, groups, ...others } = target;
  const known = await refusedKeys(target, source);
  return {
    ...others,
    users: apart<UserRepository, User, NewUser>(users, known),
    ...(groups !== undefined && { groups: apart<GroupRepository, Group, NewGroup>(groups, known) }),
  };
}

/** The resources whose changes were refused before: that they fail again is no news, however many they are. */
async function refusedKeys({ links }: SyncTarget, source: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  try {
    for await (const { resourceId, failure } of refusedChanges(links, source)) {
      if (resourceId !== undefined) keys.add(resourceId);
      const name = failure.change.kind === "upsert" ? nameOf(failure.change) : undefined;
      if (name !== undefined) keys.add(keyOfNew(name));
    }
  } catch {
    // The next use of the links finds that they cannot be read.
  }
  return keys;
}

/** The key of a resource that there is not yet. */
function keyOfNew(name: string): string {
  return `new ${name}`;
}

/** The parts of a store that are about single resources. */
type Store<T, N> = {
  readonly type: UserRepository["type"];
  get(id: string, options?: CallOptions): Promise<T | undefined>;
  find(query: Query, options?: CallOptions): Promise<{ readonly resources: readonly T[] }>;
  delete(id: string, options?: CallOptions): Promise<void>;
  write(writes: readonly Write<T, N>[], options?: CallOptions): Promise<readonly WriteResult[]>;
  whichExist?(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]>;
};

function apart<R extends UserRepository | GroupRepository, T extends { readonly id: string }, N>(
  repository: R,
  known: ReadonlySet<string>,
): R {
  // A store has more methods than those that are distinguished here, and state of its own that only it may reach.
  const store = repository as unknown as Store<T, N>;
  const own = new StoreApart<T, N>(store, known);
  return new Proxy(repository, {
    get(target, name) {
      switch (name) {
        case "get":
          return own.get;
        case "find":
          return own.find;
        case "delete":
          return own.delete;
        case "write":
          return own.write;
        case "whichExist":
          return store.whichExist === undefined ? undefined : own.whichExist;
        default: {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        }
      }
    },
  });
}

/** What failed for a resource. */
interface Trouble {
  attempts: number;
  /** How many successes of others there were before it first failed. */
  readonly successesBefore: number;
}

class StoreApart<T extends { readonly id: string }, N> {
  readonly #store: Store<T, N>;
  readonly #troubles = new Map<string, Trouble>();
  /** Answers about resources. */
  #successes = 0;
  /** The resources for which writes have failed since one did not. */
  readonly #inARow = new Set<string>();
  /** Whether a write of several failed, so that it is made one by one. */
  #isOneByOne = false;
  /** Groups whose members cannot be seen. */
  readonly #unseen = new Map<string, UnsupportedError>();

  /** @param known Resources whose trouble is known. */
  constructor(store: Store<T, N>, known: ReadonlySet<string>) {
    this.#store = store;
    for (const key of known) {
      this.#troubles.set(key, { attempts: attemptsForOne, successesBefore: 0 });
    }
  }

  readonly get: Store<T, N>["get"] = (id, options) =>
    this.#about(id, () => this.#store.get(id, options));

  readonly delete: Store<T, N>["delete"] = (id, options) =>
    this.#about(id, () => this.#store.delete(id, options));

  readonly find: Store<T, N>["find"] = async (query, options) => {
    const { filter } = query;
    const find = () => this.#store.find(query, options);
    return filter === undefined ? await find() : await this.#about(questionOf(filter), find);
  };

  readonly write: Store<T, N>["write"] = async (writes, options) => {
    const isSuspect = writes.some((write) => this.#troubles.has(this.#keyOf(write)));
    if (writes.length > 1 && !isSuspect && !this.#isOneByOne && this.#unseen.size === 0) {
      try {
        const results = await this.#store.write(writes, options);
        this.#successes += writes.length;
        this.#inARow.clear();
        return results;
      } catch (error) {
        // Which of them it was is seen when they are tried again.
        if (isTrouble(error)) this.#isOneByOne = true;
        throw error;
      }
    }
    const results: WriteResult[] = [];
    let first: unknown;
    for (const write of writes) {
      try {
        results.push(await this.#writeOne(write, options));
      } catch (error) {
        if (!isTrouble(error)) throw error;
        if (this.#inARow.size >= manyInARow) throw error;
        // The others are not to wait for it.
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
    this.#isOneByOne = false;
    return results;
  };

  /** Which memberships there are. To a group whose members cannot be seen, none is added. */
  readonly whichExist = async (
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> => {
    const ask = async (some: readonly Membership[]): Promise<readonly Membership[]> =>
      (await this.#store.whichExist?.(some, options)) ?? [];
    try {
      const existing = await ask(memberships);
      for (const { group } of memberships) this.#unseen.delete(group);
      return existing;
    } catch (error) {
      if (!isTrouble(error)) throw error;
    }
    const existing: Membership[] = [];
    for (const [group, ofGroup] of Map.groupBy(memberships, (membership) => membership.group)) {
      try {
        existing.push(...(await this.#about(group, () => ask(ofGroup))));
        this.#unseen.delete(group);
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        this.#unseen.set(group, error);
      }
    }
    return existing;
  };

  async #writeOne(write: Write<T, N>, options: CallOptions | undefined): Promise<WriteResult> {
    const unseen = write.kind === "create" ? undefined : this.#unseen.get(write.id);
    if (unseen !== undefined) return { written: false, error: unseen };
    const key = this.#keyOf(write);
    try {
      const [result] = await this.#store.write([write], options);
      this.#succeeded(key);
      this.#inARow.clear();
      return result ?? { written: false, error: new UnsupportedError("It was not written.") };
    } catch (error) {
      if (!isTrouble(error)) throw error;
      // Whose trouble is known says nothing of the store.
      if (!this.#isKnown(key)) this.#inARow.add(key);
      if (this.#inARow.size >= manyInARow) throw error;
      const refusal = await this.#judge(key, error, options);
      const done = refusal === undefined ? undefined : await this.#lookFor(write, error, options);
      if (done !== undefined) return { written: true, id: done };
      return { written: false, error: refusal };
    }
  }

  /** Asks about one resource. @throws {UnsupportedError} the store fails for this one alone. */
  async #about<R>(key: string, ask: () => Promise<R>): Promise<R> {
    try {
      const answer = await ask();
      this.#succeeded(key);
      return answer;
    } catch (error) {
      if (!isTrouble(error)) {
        if (isRefusal(error)) this.#succeeded(key);
        throw error;
      }
      throw await this.#judge(key, error);
    }
  }

  #isKnown(key: string): boolean {
    return (this.#troubles.get(key)?.attempts ?? 0) >= attemptsForOne;
  }

  #succeeded(key: string): void {
    this.#successes += 1;
    this.#troubles.delete(key);
  }

  /**
   * Whether a failure is the trouble of one resource.
   *
   * @returns the refusal.
   * @throws the failure itself, if it may be an outage.
   */
  async #judge(
    key: string,
    error: UnavailableError,
    options?: CallOptions,
  ): Promise<UnsupportedError> {
    const trouble = this.#troubles.get(key) ?? { attempts: 0, successesBefore: this.#successes };
    trouble.attempts += 1;
    this.#troubles.set(key, trouble);
    if (trouble.attempts < attemptsForOne) throw error;
    const isAvailable =
      this.#successes > trouble.successesBefore || (await this.#responds(options));
    if (!isAvailable) throw error;
    return new UnsupportedError(
      `The store failed ${trouble.attempts} times for this one, and not for others. ${error.message}`,
      { cause: error },
    );
  }

  /** Whether the store is available at all. */
  async #responds(options: CallOptions | undefined): Promise<boolean> {
    try {
      await this.#store.find({ count: 1 }, options);
      return true;
    } catch (error) {
      return error instanceof ConcordatError && !(error instanceof UnavailableError);
    }
  }

  /**
   * The id of what may have been created although the store failed: it is known by its name, which was free before.
   */
  async #lookFor(
    write: Write<T, N>,
    { mayBeDone }: UnavailableError,
    options: CallOptions | undefined,
  ): Promise<string | undefined> {
    if (write.kind !== "create" || !mayBeDone) return undefined;
    const [naming, name] = this.#nameOf(write);
    const filter = bindFilter(eq(naming, name), this.#store.type);
    const { resources } = await this.#store.find({ filter }, options);
    return resources.length === 1 ? resources[0]?.id : undefined;
  }

  #nameOf({ resource }: Extract<Write<T, N>, { readonly kind: "create" }>): [string, string] {
    const naming = this.#store.type.schema.attributes.has("username") ? "userName" : "displayName";
    return [naming, String(Reflect.get(resource as object, naming))];
  }

  #keyOf(write: Write<T, N>): string {
    return write.kind === "create" ? keyOfNew(this.#nameOf(write)[1]) : write.id;
  }
}

/** A key for a question, beside those of resources. */
function questionOf(filter: BoundFilter): string {
  return `? ${printFilter(filter)}`;
}

/**
 * Whether a store answered that it failed (5xx), and did not ask to come again later: else there was no answer, or
 * there would be none to anything, which is no trouble of one resource.
 */
function isTrouble(error: unknown): error is UnavailableError {
  if (!(error instanceof UnavailableError) || error.retryAfter !== undefined) return false;
  const { cause } = error;
  const status: unknown = cause instanceof Error ? Reflect.get(cause, "status") : undefined;
  return typeof status === "number" && status >= 500;
}
