import type { NewUser, User } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import type { Page, Query } from "../query.js";
import {
  applyChangeSet,
  type CallOptions,
  changeSetFor,
  type Modification,
  type ReadOptions,
  type WriteOptions,
} from "../resource-repository.js";
import { UserRepository } from "../user-repository.js";
import { type InMemoryResourceOptions, ResourceStore } from "./resource-store.js";
import { Session } from "./session.js";

/** Options of {@link InMemoryUserRepository}. */
export interface InMemoryUserOptions extends InMemoryResourceOptions {
  /** Ends the sessions of a user. Without it the store has no sessions. */
  readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
}

/**
 * Users in memory: for tests, for trying things out, and as the example of what a store does.
 *
 * Names are unique and compared without regard to case and to compatibility forms (NFKC); they are else taken as they are,
 * accents and trailing spaces included. Pages are ordered by id. Resources are frozen. A password is accepted and not kept.
 */
export class InMemoryUserRepository extends UserRepository {
  override readonly capabilities: Capabilities;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #options: InMemoryUserOptions;
  readonly #session: Session;
  readonly #store: ResourceStore<User>;

  constructor(options?: InMemoryUserOptions);
  /** @internal */
  constructor(options: InMemoryUserOptions, session: Session, store?: ResourceStore<User>);
  constructor(
    options: InMemoryUserOptions = {},
    session: Session = new Session(),
    store: ResourceStore<User> = new ResourceStore<User>(
      {
        name: "User",
        naming: { attribute: "userName", unique: true },
        passedOver: ["id", "meta", "groups", "password"],
      },
      options,
    ),
  ) {
    super();
    this.#options = options;
    this.#session = session;
    this.#store = store;
    this.capabilities = {
      filter: store.filter,
      maxPageSize: store.maxPageSize,
      versions: "atomic",
      delete: "hard",
      rename: true,
      sessions: options.revokeSessions !== undefined,
    };
    if (options.revokeSessions !== undefined) this.revokeSessions = options.revokeSessions;
  }

  /** The same store, bound to a transaction. @internal */
  in(session: Session): InMemoryUserRepository {
    return new InMemoryUserRepository(this.#options, session, this.#store);
  }

  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return this.#session.run(() => this.#store.get(id), options?.signal);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return this.#session.run(() => this.#store.find(query), options?.signal);
  }

  override create(resource: NewUser, options?: CallOptions): Promise<User> {
    return this.#session.run((journal) => this.#store.create(journal, resource), options?.signal);
  }

  override replace(id: string, resource: NewUser | User, options?: WriteOptions): Promise<User> {
    return this.#session.run((journal) => {
      const current = this.#store.demand(id, options?.ifVersion);
      return this.#store.replace(journal, current, resource);
    }, options?.signal);
  }

  override modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.#session.run((journal) => {
      const current = this.#store.demand(id, options?.ifVersion);
      const changes = changeSetFor(modification, current);
      this.#store.replace(journal, current, applyChangeSet(current, changes));
    }, options?.signal);
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#session.run((journal) => {
      this.#store.demand(id, options?.ifVersion);
      this.#store.delete(journal, id);
    }, options?.signal);
  }
}
