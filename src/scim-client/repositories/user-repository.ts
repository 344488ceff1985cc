import {
  type CallOptions,
  type Capabilities,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  UserRepository,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../../repositories/index.js";
import type { NewUser, ResourceType, User } from "../../scim/index.js";
import { RemoteStore, type RemoteStoreParts } from "./remote-store.js";

/**
 * Users at a service provider. {@link remoteRepositories} makes it of what the service provider says that it can do.
 *
 * A change of one attribute is one PATCH. For a change of several the user is read, and what differs is one PATCH;
 * where there is none, or it is refused, what was read is replaced, on condition of the version, if there are versions.
 */
export class RemoteUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  readonly #store: RemoteStore<User, NewUser>;

  constructor(parts: RemoteStoreParts<User, NewUser>) {
    super();
    const store = new RemoteStore(parts);
    this.#store = store;
    this.type = store.type;
    this.capabilities = store.capabilities;
    if (store.capabilities.password === "set" && store.canPatch) {
      this.setPassword = async (id, value, options) => {
        await store.setPassword(id, value, options ?? {});
      };
    }
  }

  override async get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return await this.#store.reads.get(id, options);
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return await this.#store.reads.find(query, options);
  }

  override async create(user: NewUser, options?: CallOptions): Promise<User> {
    return await this.#store.create(user, options);
  }

  override async replace(id: string, user: NewUser | User, options?: WriteOptions): Promise<User> {
    const { password: _, ...attributes }: NewUser = user;
    return await this.#store.replace(id, attributes, options);
  }

  override async modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    await this.#store.modify(id, modification, options);
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    await this.#store.delete(id, options);
  }

  override async write(
    writes: readonly Write<User, NewUser>[],
    options: CallOptions = {},
  ): Promise<readonly WriteResult[]> {
    return await this.#store.write(writes, options, this);
  }
}
