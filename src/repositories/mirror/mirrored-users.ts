import { caseless, KeyedMutex, UniquenessError, UnsupportedError } from "../../core/index.js";
import {
  bindFilter,
  eq,
  type NewUser,
  type ResourceType,
  type User,
  userResourceType,
} from "../../scim/index.js";
import { type Capabilities, supportsFilter } from "../capabilities.js";
import { applyChangeSet, type ChangeSet, changeSetFor, type Modification } from "../change-set.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { UserRepository } from "../user-repository.js";
import { Mirror, orTakenBack } from "./mirror.js";
import type { MirroredUsers } from "./mirror-target.js";

/** Of how many deleted users the sessions can still be ended. They are, right after the deletion. */
const rememberedUsers = 1_000;

/** Users of a target that cannot be read. */
export class MirroredUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #target: MirroredUsers;
  readonly #copy: UserRepository;
  readonly #mirror: Mirror<User, NewUser>;
  /** Serialises the writers that assign a user name. */
  readonly #names = new KeyedMutex();
  /** The last users who were deleted, whom the copy knows no more: the target gets to know whose sessions to end. */
  readonly #deleted: Map<string, User> = new Map();

  constructor(target: MirroredUsers, copy: UserRepository) {
    super();
    this.type = copy.type;
    this.#target = target;
    this.#copy = copy;
    this.#mirror = new Mirror<User, NewUser>(target, copy);
    const { setPassword, revokeSessions } = target;
    this.capabilities = {
      ...copy.capabilities,
      password: setPassword === undefined ? "create" : "set",
      sessions: revokeSessions !== undefined,
    };
    if (!supportsFilter(copy.capabilities, named(""))) {
      throw new UnsupportedError("The copy has to support filters of userName.");
    }
    if (setPassword !== undefined) {
      this.setPassword = (id, password, options) =>
        this.#mirror.inTurn(
          id,
          (user, call) => setPassword.call(target, user, password, call),
          options,
        );
    }
    if (revokeSessions !== undefined) {
      this.revokeSessions = async (id, options) => {
        const revoke = (user: User, call?: CallOptions): Promise<void> =>
          revokeSessions.call(target, user, call);
        const deleted = this.#deleted.get(id);
        if (deleted === undefined) await this.#mirror.inTurn(id, revoke, options);
        else await revoke(deleted, options);
      };
    }
  }

  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return this.#copy.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return this.#copy.find(query, options);
  }

  override create(resource: NewUser, options?: CallOptions): Promise<User> {
    return this.#naming(
      resource.userName,
      undefined,
      async () => {
        await this.#target.create(resource, options);
        const { password: _, ...kept } = resource;
        return await orTakenBack(
          () => this.#copy.create(kept, options),
          () => this.#target.delete(resource),
        );
      },
      options,
    );
  }

  override replace(id: string, resource: NewUser | User, options?: WriteOptions): Promise<User> {
    const { password: _, ...next }: NewUser = resource;
    return this.#naming(
      next.userName,
      id,
      () =>
        this.#mirror.change(
          id,
          () => next,
          (conditions) => this.#copy.replace(id, next, conditions),
          options,
        ),
      options,
    );
  }

  override async modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    let changes: ChangeSet<NewUser> = {};
    const attributes = "plan" in modification ? modification.reads : [];
    const change = (): Promise<void> =>
      this.#mirror.change(
        id,
        (before) => {
          changes = changeSetFor(modification, before);
          return applyChangeSet(this.type, before, changes);
        },
        (conditions) => this.#copy.modify(id, changes, conditions),
        { ...options, attributes },
      );
    const userName = "plan" in modification ? undefined : modification.set?.userName;
    // A name that is computed is compared by the copy alone.
    if (userName === undefined) await change();
    else await this.#naming(userName, id, change, options);
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    const user = await this.#mirror.delete(id, options);
    if (this.revokeSessions === undefined || this.capabilities.delete !== "hard") return;
    this.#deleted.set(id, user);
    const [first] = this.#deleted.keys();
    if (first !== undefined && this.#deleted.size > rememberedUsers) this.#deleted.delete(first);
  }

  /** Does what gives a user this name, unless another has it. */
  #naming<R>(
    userName: string,
    own: string | undefined,
    work: () => Promise<R>,
    options?: CallOptions,
  ): Promise<R> {
    const call = options?.signal === undefined ? {} : { signal: options.signal };
    return this.#names.run(
      caseless(userName),
      async () => {
        const { resources } = await this.#copy.find({ filter: named(userName) }, call);
        const holder = resources.find(({ id }) => id !== own);
        if (holder !== undefined) throw new UniquenessError("userName", holder.id);
        return await work();
      },
      options?.signal,
    );
  }
}

function named(userName: string): ReturnType<typeof bindFilter> {
  return bindFilter(eq("userName", userName), userResourceType);
}
