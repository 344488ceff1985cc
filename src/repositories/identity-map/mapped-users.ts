import { NotFoundError } from "../../core/index.js";
import type { NewUser, ResourceType, User } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import type { Modification } from "../change-set.js";
import type { IdentityMapRepository } from "../identity-map-repository.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { UserRepository } from "../user-repository.js";
import { Identities, type IdentityMapOptions, randomPassword } from "./identities.js";
import { Leaving } from "./leaving.js";
import { findMapped } from "./mapped-find.js";
import { MappedResources, type Retention } from "./mapped-resources.js";

/** Users of a store that has only ids of its own. */
export class MappedUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #users: MappedResources<User, NewUser>;

  constructor(
    store: UserRepository,
    identities: IdentityMapRepository,
    options: IdentityMapOptions,
  ) {
    super();
    this.type = store.type;
    const known = new Identities("User", identities, options, store);
    this.#users = new MappedResources(store, known, retentionOfUsers(store, identities, options));
    this.capabilities = this.#users.capabilities;
    const setPassword = store.setPassword?.bind(store);
    const revokeSessions = store.revokeSessions?.bind(store);
    if (setPassword !== undefined) {
      this.setPassword = async (id, password, call) => {
        const { localId } = await known.existing(id, call);
        await this.#users.translated(id, () => setPassword(localId, password, call));
      };
    }
    if (revokeSessions !== undefined) {
      this.revokeSessions = async (id, call) => {
        // Sessions are ended when a user has been deleted, whether or not the store has kept the account.
        const living = await known.find(id, call);
        const [identity] =
          living === undefined ? await identities.get("User", [id], call) : [living];
        const localId = identity?.localId ?? identity?.formerLocalId;
        if (localId === undefined) throw new NotFoundError(id);
        await this.#users.translated(id, () => revokeSessions(localId, call));
      };
    }
  }

  override async get(id: string, options?: ReadOptions): Promise<User | undefined> {
    const pair = await this.#users.get(id, options);
    return pair && this.#users.external(pair);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return findMapped(this.#users, query, async (pair) => this.#users.external(pair), options);
  }

  override async create(resource: NewUser, options?: CallOptions): Promise<User> {
    return await this.#existing(await this.#users.create(resource, options), options);
  }

  override async replace(
    id: string,
    resource: NewUser | User,
    options?: WriteOptions,
  ): Promise<User> {
    await this.#users.write(
      id,
      async ({ identity }, conditions) => {
        const { externalId, id: _, meta: __, ...attributes } = resource as User;
        await this.#users.store.replace(identity.localId, attributes, conditions);
        return { externalId };
      },
      options,
    );
    return await this.#existing(id, options);
  }

  override modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return this.#users.modify(
      id,
      modification,
      (localId, changes, conditions) => this.#users.store.modify(localId, changes, conditions),
      async (pair) => this.#users.external(pair),
      options,
    );
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#users.delete(id, options);
  }

  async #existing(id: string, options?: CallOptions): Promise<User> {
    const user = await this.get(id, options?.signal && { signal: options.signal });
    if (user === undefined) throw new NotFoundError(id);
    return user;
  }
}

function retentionOfUsers(
  store: UserRepository,
  identities: IdentityMapRepository,
  { groups, newPassword = randomPassword, now }: IdentityMapOptions,
): Retention<NewUser> {
  const leaving = new Leaving("User", groups, identities, now);
  return {
    async softDelete(localId, options) {
      await leaving.leave(localId, options);
      if (store.capabilities.delete === "deactivate") await store.delete(localId, options);
      else await store.modify(localId, { set: { active: false } }, options);
    },
    release: (localId, options) => leaving.release(localId, options),
    async restore(localId, { password, ...attributes }, options) {
      // First of all, so that the account is never active with the password of its former owner.
      await store.setPassword?.(localId, password ?? newPassword(), options);
      await store.replace(localId, { active: true, ...attributes }, options);
    },
  };
}
