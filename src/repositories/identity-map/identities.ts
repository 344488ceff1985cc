import { randomBytes, randomUUID } from "node:crypto";
import { NotFoundError, UnsupportedError, VersionConflictError } from "../../core/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import type { GroupRepository } from "../group-repository.js";
import type {
  IdentifiedType,
  IdentityMapRepository,
  MappedIdentity,
} from "../identity-map-repository.js";
import type { CallOptions, ResourceRepository } from "../resource-repository.js";
import type { UserRepository } from "../user-repository.js";

/** An identity of a resource that the store has, or has kept when it was deleted. */
export type Present = MappedIdentity & { readonly localId: string };

/** Options of `withIdentityMap`. */
export interface IdentityMapOptions {
  /** What the time is. Default: the system's clock. */
  readonly now?: (() => Date) | undefined;
  /** Makes the id of a resource. Default: a random UUID. */
  readonly newId?: (() => string) | undefined;
  /**
   * The store's own groups, which a user leaves who is deleted while the store keeps the account, or while the groups
   * do not learn of it. Without it, the next owner of the account is in them.
   */
  readonly groups?: GroupRepository | undefined;
  /** For groups: the store's own users, by which members are distinguished where their ids are used again. */
  readonly users?: UserRepository | undefined;
  /**
   * Makes the password of an account that the store has kept and that comes back, where its new owner is given none:
   * the former one's must not be valid any longer. Default: 256 random bits, after a letter of each case, a digit and a
   * sign.
   */
  readonly newPassword?: (() => string) | undefined;
  /**
   * The most resources to look at for one page by index, once the store has kept what was deleted: no code but the map
   * can tell which of them are to be counted. Pages by cursor look at no more than they show. Default: 100,000.
   */
  readonly maxRows?: number | undefined;
}

/** What has to be known of a store to tell its resources apart. */
type Distinguishing = Pick<
  ResourceRepository<Resource, ResourceRequest>,
  "capabilities" | "get" | "markOf"
>;

/** The identities of the resources of one type. */
export class Identities {
  readonly type: IdentifiedType;
  readonly map: IdentityMapRepository;
  readonly maxRows: number;
  readonly #now: () => Date;
  readonly #newId: () => string;
  readonly #store: Distinguishing | undefined;

  /** @param store What is known by these identities; where it is absent, their ids are never used again. */
  constructor(
    type: IdentifiedType,
    map: IdentityMapRepository,
    { now = () => new Date(), newId = randomUUID, maxRows = 100_000 }: IdentityMapOptions,
    store?: Distinguishing,
  ) {
    this.#store = store;
    this.maxRows = maxRows;
    this.type = type;
    this.map = map;
    this.#now = now;
    this.#newId = newId;
  }

  /** The time, as `xsd:dateTime`. */
  now(): string {
    return this.#now().toISOString();
  }

  /** The identity with this id, unless the resource is deleted. */
  async find(id: string, options?: CallOptions): Promise<Present | undefined> {
    const [identity] = await this.findAll([id], options);
    return identity;
  }

  /** The identities with these ids, of resources that are not deleted. */
  async findAll(ids: readonly string[], options?: CallOptions): Promise<readonly Present[]> {
    const known = await this.map.get(this.type, ids, options);
    const believed = await this.#believed(known.filter(isKept), undefined, options);
    return believed.filter(isLiving);
  }

  /** @throws {NotFoundError} there is no such resource. */
  async existing(id: string, options?: CallOptions): Promise<Present> {
    const identity = await this.find(id, options);
    if (identity === undefined) throw new NotFoundError(id);
    return identity;
  }

  /**
   * The identities of what the store has, made for what was not known; `undefined` for what is deleted.
   *
   * @param locals What the store has, where that was read.
   */
  async ofLocal(
    localIds: readonly string[],
    options?: CallOptions,
    locals?: readonly Resource[],
  ): Promise<ReadonlyMap<string, Present>> {
    const known = await this.ofLocalKept(localIds, options, locals);
    const unknown = localIds.filter((localId) => !known.has(localId));
    const made: Present[] = [];
    for (const localId of unknown) {
      made.push(this.make(localId, "found", await this.markOf(localId, options, locals)));
    }
    const found = made.length === 0 ? [] : await this.map.add(made, options);
    const living = [...known.values(), ...found].filter(isLiving);
    return new Map(living.map((identity) => [identity.localId, identity]));
  }

  /** The identities that are known of what the store has, of what is deleted too. */
  async ofLocalKept(
    localIds: readonly string[],
    options?: CallOptions,
    locals?: readonly Resource[],
  ): Promise<ReadonlyMap<string, Present>> {
    const known = await this.map.byLocalId(this.type, localIds, options);
    const believed = await this.#believed(known.filter(isKept), locals, options);
    return new Map(believed.map((identity) => [identity.localId, identity]));
  }

  /** What distinguishes a resource from another one that gets its id later, where ids are used again. */
  async markOf(
    localId: string,
    options?: CallOptions,
    locals?: readonly Resource[],
  ): Promise<string | undefined> {
    if (this.#store?.capabilities.ids !== "reused") return undefined;
    const read = locals?.find(({ id }) => id === localId);
    const local = read ?? (await this.#store.get(localId, options));
    return local && this.#store.markOf(local);
  }

  /**
   * Those of these identities whose local id still is that of the resource they were made for; the others end here.
   *
   * @throws {UnsupportedError} ids are used again, and nothing distinguishes the resources.
   */
  async #believed(
    identities: readonly Present[],
    locals: readonly Resource[] | undefined,
    options?: CallOptions,
  ): Promise<readonly Present[]> {
    const believed: Present[] = [];
    for (const identity of identities) {
      if (this.#store === undefined && identity.mark !== undefined) {
        throw new UnsupportedError(
          "Ids of users are used again in the store: withIdentityMap(groups, identities, { users }) " +
            "has to be given its users.",
        );
      }
      const mark = await this.markOf(identity.localId, options, locals);
      // Without a mark, the resource is gone, or it has never had one.
      if (mark === undefined || mark === identity.mark) believed.push(identity);
      else if (identity.mark === undefined) believed.push(await this.#marked(identity, mark));
      else await this.#saved({ ...forgotten(identity), deleted: identity.deleted ?? this.now() });
    }
    return believed;
  }

  /** An identity from before there were marks is believed once more. */
  async #marked(identity: Present, mark: string): Promise<Present> {
    const saved = await this.#saved({ ...identity, mark });
    return saved !== undefined && isKept(saved) ? saved : identity;
  }

  /** Saves an identity, unless another writer does just now; the next caller then sees what is to be done. */
  async #saved(identity: MappedIdentity): Promise<MappedIdentity | undefined> {
    try {
      return await this.map.save(identity);
    } catch (error) {
      if (error instanceof VersionConflictError) return undefined;
      throw error;
    }
  }

  /** An identity for a resource that has none. */
  make(
    localId: string,
    origin: MappedIdentity["origin"],
    mark: string | undefined,
    externalId?: string,
  ): Present {
    const time = this.now();
    return {
      type: this.type,
      id: this.#newId(),
      localId,
      ...(mark !== undefined && { mark }),
      ...(externalId !== undefined && { externalId }),
      origin,
      created: time,
      lastModified: time,
      version: 1,
      revision: 1,
    };
  }
}

/** A password that is not known to any person, with a character of each kind that rules ask for. */
export function randomPassword(): string {
  return `Aa1!${randomBytes(32).toString("base64url")}`;
}

/** An identity of which the store has nothing any more. */
export function forgotten({ localId, mark: _, ...identity }: MappedIdentity): MappedIdentity {
  return { ...identity, ...(localId !== undefined && { formerLocalId: localId }) };
}

function isKept(identity: MappedIdentity | undefined): identity is Present {
  return identity?.localId !== undefined;
}

function isLiving(identity: MappedIdentity): identity is Present {
  return identity.deleted === undefined && identity.localId !== undefined;
}
