import { randomBytes, randomUUID } from "node:crypto";
import { NotFoundError } from "../../core/index.js";
import type { GroupRepository } from "../group-repository.js";
import type {
  IdentifiedType,
  Identity,
  IdentityMapRepository,
} from "../identity-map-repository.js";
import type { CallOptions } from "../resource-repository.js";

/** An identity of a resource that the store has. */
export type Present = Identity & { readonly localId: string };

/** Options of `withIdentityMap`. */
export interface IdentityMapOptions {
  /** What the time is. Default: the system's clock. */
  readonly now?: () => Date;
  /** Makes the id of a resource. Default: a random UUID. */
  readonly newId?: () => string;
  /**
   * The store's own groups, which a user leaves who is deleted while the store keeps the account. Without it, whoever gets the
   * account later is in them.
   */
  readonly groups?: GroupRepository;
  /**
   * Makes the password of an account that the store has kept and that comes back, where its new owner is given none: the former
   * one's must not let anybody in. Default: 256 random bits, after a letter of each case, a digit and a sign.
   */
  readonly newPassword?: () => string;
  /**
   * The most resources to look at for one page by index, once the store has kept what was deleted: nobody but the map can tell
   * which of them are to be counted. Pages by cursor look at no more than they show. Default: 100,000.
   */
  readonly maxRows?: number;
}

/** The identities of the resources of one type. */
export class Identities {
  readonly type: IdentifiedType;
  readonly map: IdentityMapRepository;
  readonly maxRows: number;
  readonly #now: () => Date;
  readonly #newId: () => string;

  constructor(
    type: IdentifiedType,
    map: IdentityMapRepository,
    { now = () => new Date(), newId = randomUUID, maxRows = 100_000 }: IdentityMapOptions,
  ) {
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
    const [identity] = await this.map.get(this.type, [id], options);
    return identity !== undefined && isLiving(identity) ? identity : undefined;
  }

  /** @throws {NotFoundError} there is no such resource. */
  async demand(id: string, options?: CallOptions): Promise<Present> {
    const identity = await this.find(id, options);
    if (identity === undefined) throw new NotFoundError(id);
    return identity;
  }

  /** The identities of what the store has, made for what was not known; `undefined` for what is deleted. */
  async ofLocal(
    localIds: readonly string[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, Present>> {
    const known = await this.map.byLocalId(this.type, localIds, options);
    const unknown = localIds.filter((_, at) => known[at] === undefined);
    const found =
      unknown.length === 0
        ? []
        : await this.map.add(
            unknown.map((localId) => this.make(localId, "found")),
            options,
          );
    const living = [...known, ...found].filter(
      (identity): identity is Present => identity !== undefined && isLiving(identity),
    );
    return new Map(living.map((identity) => [identity.localId, identity]));
  }

  /** An identity for a resource that has none. */
  make(localId: string, origin: Identity["origin"], externalId?: string): Present {
    const time = this.now();
    return {
      type: this.type,
      id: this.#newId(),
      localId,
      ...(externalId !== undefined && { externalId }),
      origin,
      created: time,
      lastModified: time,
      version: 1,
      revision: 1,
    };
  }
}

/** A password that nobody knows, with a character of each kind that rules ask for. */
export function randomPassword(): string {
  return `Aa1!${randomBytes(32).toString("base64url")}`;
}

function isLiving(identity: Identity): identity is Present {
  return identity.deleted === undefined && identity.localId !== undefined;
}
