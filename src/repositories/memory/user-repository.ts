import { type NewUser, type ResourceType, type User, userResourceType } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import { applyChangeSet, changeSetFor, type Modification } from "../change-set.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { UserRepository } from "../user-repository.js";
import { type InMemoryResourceOptions, ResourceStore } from "./resource-store.js";
import { TransactionScope } from "./transaction-scope.js";

/** Options of {@link InMemoryUserRepository}. */
export interface InMemoryUserOptions extends InMemoryResourceOptions {
  /** Ends the sessions of a user. Without it the store has no sessions. */
  readonly revokeSessions?: ((id: string, options?: CallOptions) => Promise<void>) | undefined;
  /** Is handed the passwords of users who are created, and later ones. Without it, passwords are ignored. */
  readonly setPassword?:
    | ((id: string, password: string, options?: CallOptions) => Promise<void>)
    | undefined;
}

/**
 * Users in memory: for tests, for trying things out, and as the example of what a store does.
 *
 * Names are unique and compared without regard to case and to compatibility forms (NFKC); they are else taken as they
 * are, accents and trailing spaces included. Every filter is supported, but of `groups`: those of `id`, `userName` and
 * `externalId` by an index, others by looking at every user. Without an order, pages are ordered by id. Resources are
 * frozen.
 */
export class InMemoryUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  readonly #options: InMemoryUserOptions;
  readonly #scope: TransactionScope;
  readonly #store: ResourceStore<User>;

  constructor(options?: InMemoryUserOptions);
  /** @internal */
  constructor(options: InMemoryUserOptions, scope: TransactionScope, store?: ResourceStore<User>);
  constructor(
    options: InMemoryUserOptions = {},
    scope: TransactionScope = new TransactionScope(),
    store: ResourceStore<User> = new ResourceStore<User>(
      {
        type: options.type ?? userResourceType,
        naming: { attribute: "userName", unique: true },
        ignored: ["id", "meta", "groups", "password"],
        unknown: ["schemas", "meta.location", "groups", "password"],
        unordered: [],
      },
      options,
    ),
  ) {
    super();
    this.#options = options;
    this.#scope = scope;
    this.#store = store;
    const { type = userResourceType, revokeSessions, setPassword } = options;
    this.type = type;
    this.capabilities = {
      ...store.capabilities,
      password: setPassword === undefined ? "none" : "set",
      sessions: revokeSessions !== undefined,
    };
    if (revokeSessions !== undefined) this.revokeSessions = revokeSessions;
    if (setPassword !== undefined) {
      this.setPassword = async (id, password, callOptions) => {
        await this.#scope.run(() => this.#store.existing(id), callOptions?.signal);
        await setPassword(id, password, callOptions);
      };
    }
  }

  /** What a store of groups needs in order to know who there is, and to learn of deletions. @internal */
  get shared(): { readonly scope: TransactionScope; readonly store: ResourceStore<User> } {
    return { scope: this.#scope, store: this.#store };
  }

  /** The same store, bound to a transaction. @internal */
  in(scope: TransactionScope): InMemoryUserRepository {
    return new InMemoryUserRepository(this.#options, scope, this.#store);
  }

  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return this.#scope.run(() => this.#store.get(id), options?.signal);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return this.#scope.run(() => this.#store.find(query), options?.signal);
  }

  override async create(resource: NewUser, options?: CallOptions): Promise<User> {
    const user = await this.#scope.run(
      (journal) => this.#store.create(journal, resource),
      options?.signal,
    );
    if (resource.password !== undefined) {
      await this.#options.setPassword?.(user.id, resource.password, options);
    }
    return user;
  }

  override replace(id: string, resource: NewUser | User, options?: WriteOptions): Promise<User> {
    return this.#scope.run((journal) => {
      const current = this.#store.existing(id, options?.ifVersion);
      return this.#store.replace(journal, current, resource);
    }, options?.signal);
  }

  override modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.#scope.run((journal) => {
      const current = this.#store.existing(id, options?.ifVersion);
      const changes = changeSetFor(modification, current);
      this.#store.change(journal, current, applyChangeSet(this.type, current, changes));
    }, options?.signal);
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#scope.run((journal) => {
      this.#store.existing(id, options?.ifVersion);
      this.#store.delete(journal, id);
    }, options?.signal);
  }
}
