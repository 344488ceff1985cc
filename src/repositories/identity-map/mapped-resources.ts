import { isDeepStrictEqual } from "node:util";
import {
  KeyedMutex,
  NotFoundError,
  UniquenessError,
  VersionConflictError,
} from "../../core/index.js";
import type { Resource, ResourceRequest } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import { applyChangeSet, type ChangeSet, changeSetFor, type Modification } from "../change-set.js";
import type { MappedIdentity } from "../identity-map-repository.js";
import {
  type CallOptions,
  callOf,
  type ReadOptions,
  type ResourceRepository,
  type WriteOptions,
} from "../resource-repository.js";
import { forgotten, type Identities, type Present } from "./identities.js";
import { versionOf } from "./versions.js";

/** A resource of the store, and what is known of it beside. */
export interface Pair<T> {
  readonly identity: Present;
  readonly local: T;
}

/** What becomes of an account that the store cannot remove, and of one that it has kept. */
export interface Retention<N> {
  /** Makes it as good as gone. */
  softDelete(localId: string, options?: CallOptions): Promise<void>;
  /** Ends what holds it, before the store removes it; what is to be done once that is done is returned. */
  release?(localId: string, options?: CallOptions): Promise<() => Promise<void>>;
  /** Makes a new resource of what was soft-deleted. */
  restore(localId: string, resource: N, options?: CallOptions): Promise<void>;
}

/**
 * What a write does to the store; where it says so, the resource has another `externalId` after it, or none. What
 * changes nothing makes no version, and returns `undefined`.
 */
type MappedWrite<T> = (
  current: Pair<T>,
  options: WriteOptions,
) => Promise<{ readonly externalId?: string | undefined } | undefined>;

/** How often a write is tried again because another process was writing to the same resource. */
const attempts = 10;

/** Reads and writes the resources of a store by the ids of an identity map. */
export class MappedResources<T extends Resource, N extends ResourceRequest> {
  readonly store: ResourceRepository<T, N>;
  readonly identities: Identities;
  readonly capabilities: Capabilities;
  readonly #retention: Retention<N>;
  readonly #mutex = new KeyedMutex();

  constructor(store: ResourceRepository<T, N>, identities: Identities, retention: Retention<N>) {
    this.store = store;
    this.identities = identities;
    this.#retention = retention;
    this.capabilities = mappedCapabilities(store.capabilities);
  }

  async get(id: string, options?: ReadOptions): Promise<Pair<T> | undefined> {
    options?.signal?.throwIfAborted();
    const identity = await this.identities.find(id, options);
    const local = identity && (await this.store.get(identity.localId, this.reading(options)));
    return identity && local && { identity, local };
  }

  /** The resource as it is known outside. */
  external({ identity, local }: Pair<T>): T {
    const { externalId: _, ...own }: T & { readonly externalId?: string } = local;
    const { resourceType = identity.type, created, lastModified } = local.meta ?? {};
    return {
      ...own,
      id: identity.id,
      ...(identity.externalId !== undefined && { externalId: identity.externalId }),
      meta: {
        resourceType,
        created: created ?? identity.created,
        lastModified: latest(lastModified, identity.lastModified),
        version: versionOf(identity, local),
      },
    } as T;
  }

  async create(resource: N, options?: CallOptions): Promise<string> {
    options?.signal?.throwIfAborted();
    const { externalId, ...attributes } = resource;
    try {
      // What is left has every attribute that the store knows; the client's own id is kept beside it.
      const { id: localId } = await this.store.create(attributes as N, options);
      return await this.#identify(localId, externalId, options);
    } catch (error) {
      if (!(error instanceof UniquenessError)) throw error;
      return await this.#createInPlace(attributes as N, externalId, error, options);
    }
  }

  /** Writes to a resource while no other writer does, and only if it is in the version asked for. */
  async write(
    id: string,
    change: MappedWrite<T>,
    { ifVersion, ...options }: WriteOptions & ReadOptions = {},
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#mutex.run(
          id,
          () => this.#writeNow(id, change, ifVersion, options),
          options.signal,
        );
      } catch (error) {
        const again =
          error instanceof VersionConflictError && ifVersion === undefined && attempt < attempts;
        if (!again) throw error;
      }
    }
  }

  async #writeNow(
    id: string,
    change: MappedWrite<T>,
    ifVersion: string | undefined,
    options: ReadOptions,
  ): Promise<void> {
    const { current, claimed } = await this.#claim(id, ifVersion, options);
    const localVersion = current.local.meta?.version;
    const conditions = {
      ...callOf(options),
      ...(localVersion !== undefined && { ifVersion: localVersion }),
    };
    const changed = await this.translated(id, () => change(current, conditions));
    if (changed === undefined) return;
    const { externalId: before, ...others } = claimed;
    const externalId = "externalId" in changed ? changed.externalId : before;
    await this.identities.map.save({
      ...others,
      ...(externalId !== undefined && { externalId }),
      lastModified: this.identities.now(),
      version: claimed.version + 1,
    });
  }

  /**
   * Reads a resource in the version asked for. Of several processes that have read the same state, one comes to write.
   */
  async #claim(
    id: string,
    ifVersion: string | undefined,
    options?: ReadOptions,
  ): Promise<{ readonly current: Pair<T>; readonly claimed: MappedIdentity }> {
    const current = await this.get(id, options);
    if (current === undefined) throw new NotFoundError(id);
    if (ifVersion !== undefined && versionOf(current.identity, current.local) !== ifVersion) {
      throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
    }
    return { current, claimed: await this.identities.map.save(current.identity, options) };
  }

  /**
   * The modification of what the store has, and what becomes of the `externalId`.
   *
   * @param changesMembers Whether members come or go, where there are such, and the store has no version that would
   * tell.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    apply: (localId: string, changes: ChangeSet<N>, options: WriteOptions) => Promise<void>,
    external: (pair: Pair<T>) => Promise<T>,
    options?: WriteOptions,
    changesMembers?: (localId: string, changes: ChangeSet<N>) => Promise<boolean>,
  ): Promise<void> {
    const reads = "plan" in modification ? modification.reads : [];
    await this.write(
      id,
      async (current, conditions) => {
        const resource = await external(current);
        const changes: ChangeSet<N & ResourceRequest> = changeSetFor(modification, resource);
        const next = applyChangeSet(this.store.type, resource, changes);
        const { localId } = current.identity;
        const isCounted = this.store.capabilities.versions !== "none";
        // Members are not read unless they are asked for, so it does not show what becomes of them.
        const isOfMembers =
          namesMembers(changes) &&
          (isCounted || (await changesMembers?.(localId, changes)) === true);
        const isSame = isDeepStrictEqual(withoutMembers(next), withoutMembers(resource));
        if (!isOfMembers && isSame) return undefined;
        const { externalId, ...set } = changes.set ?? {};
        const unset = (changes.unset ?? []).filter((path) => path !== "externalId");
        if (Object.keys(set).length > 0 || unset.length > 0 || changes.relations !== undefined) {
          const rest = { ...changes, set, unset } as ChangeSet<N>;
          let isIgnored = false;
          await apply(localId, rest, {
            ...conditions,
            onIgnored(paths) {
              isIgnored = true;
              conditions.onIgnored?.(paths);
            },
          });
          // What the store has ignored may have been all, and members who come may be there.
          const isReported = isCounted ? isOfMembers || isIgnored : isIgnored && !isOfMembers;
          if (isReported && next.externalId === resource.externalId) {
            const after = await this.store.get(localId, this.reading(callOf(options)));
            const isKept = isCounted
              ? after?.meta?.version === current.local.meta?.version
              : isDeepStrictEqual(after, current.local);
            if (isKept) return undefined;
          }
        }
        if (changes.unset?.includes("externalId")) return { externalId: undefined };
        return externalId === undefined ? {} : { externalId };
      },
      { ...options, attributes: reads },
    );
  }

  async delete(id: string, { ifVersion, ...options }: WriteOptions = {}): Promise<void> {
    await this.#mutex.run(
      id,
      async () => {
        const { current, claimed } = await this.#claim(id, ifVersion, options);
        const { localId } = current.identity;
        const removes = this.store.capabilities.delete === "hard";
        await this.translated(id, async () => {
          if (!removes) return await this.#retention.softDelete(localId, options);
          const released = await this.#retention.release?.(localId, options);
          await this.store.delete(localId, options);
          await released?.();
        });
        const deleted = this.identities.now();
        await this.identities.map.save({ ...(removes ? forgotten(claimed) : claimed), deleted });
      },
      options.signal,
    );
  }

  /** Says that what is kept beside a resource has changed. */
  async touch(id: string, options?: CallOptions): Promise<void> {
    await this.identities.map.touch(this.identities.type, id, this.identities.now(), options);
  }

  /** Runs a call of the store with its errors in the ids by which resources are known outside. */
  async translated<R>(id: string, call: () => Promise<R>): Promise<R> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof NotFoundError) throw new NotFoundError(id, { cause: error });
      if (error instanceof UniquenessError) throw await this.#externalError(error);
      throw error;
    }
  }

  /** What the store is asked for, so that the version can be computed. */
  reading({ excludedAttributes, ...options }: ReadOptions = {}): ReadOptions {
    const isNeeded = this.store.capabilities.versions === "none";
    return isNeeded || excludedAttributes === undefined
      ? options
      : { ...options, excludedAttributes };
  }

  /** Gives a new resource an id, unless a reader has seen it meanwhile: then it has one. */
  async #identify(
    localId: string,
    externalId: string | undefined,
    options?: CallOptions,
  ): Promise<string> {
    const { map } = this.identities;
    const mark = await this.identities.markOf(localId, options);
    // The former resource of this id is deleted.
    if (mark !== undefined) await this.identities.ofLocalKept([localId], options);
    const made = this.identities.make(localId, "created", mark, externalId);
    for (;;) {
      const [identity = made] = await map.add([made]);
      if (identity.id === made.id) return made.id;
      try {
        const { id } = await map.save({
          ...identity,
          ...(externalId !== undefined && { externalId }),
          origin: "created",
        });
        return id;
      } catch (error) {
        if (!(error instanceof VersionConflictError)) throw error;
      }
    }
  }

  async #externalError(error: UniquenessError): Promise<UniquenessError> {
    if (error.resourceId === undefined) return error;
    const identities = await this.identities.ofLocal([error.resourceId]);
    return new UniquenessError(error.attribute, identities.get(error.resourceId)?.id, {
      cause: error,
    });
  }

  /** Where what is in the way was deleted and kept, it becomes the new resource, under a new id. */
  async #createInPlace(
    resource: N,
    externalId: string | undefined,
    error: UniquenessError,
    options?: CallOptions,
  ): Promise<string> {
    const { map } = this.identities;
    const { resourceId } = error;
    const retained =
      resourceId === undefined
        ? undefined
        : (await this.identities.ofLocalKept([resourceId], options)).get(resourceId);
    if (resourceId === undefined || retained?.deleted === undefined) {
      throw await this.#externalError(error);
    }
    try {
      // Of several that want it, one has it.
      await map.save(forgotten(retained), options);
    } catch (conflict) {
      if (conflict instanceof VersionConflictError) throw new UniquenessError(error.attribute);
      throw conflict;
    }
    await this.#retention.restore(resourceId, resource, options);
    return await this.#identify(resourceId, externalId, options);
  }
}

function namesMembers({ set = {}, unset = [], relations }: ChangeSet<object>): boolean {
  return relations !== undefined || unset.includes("members") || "members" in set;
}

function withoutMembers(resource: object): object {
  return Object.fromEntries(Object.entries(resource).filter(([name]) => name !== "members"));
}

function latest(one: string | undefined, other: string): string {
  return one !== undefined && Date.parse(one) > Date.parse(other) ? one : other;
}

/** Attributes of which the map, and not the store, knows the values that are known outside. */
const mapped = ["id", "externalId", "meta", "schemas", "members", "groups"];

/** What can be done with the resources of a store that has an identity map. */
function mappedCapabilities(capabilities: Capabilities): Capabilities {
  const isOwn = (path: string): boolean => !mapped.includes(path.split(".")[0] ?? "");
  const { attributes, filter, logic = [], sort = [] } = capabilities;
  return {
    ...capabilities,
    ...(attributes !== undefined && { attributes: [...new Set([...attributes, "externalId"])] }),
    ids: "permanent",
    // Each member is translated by itself.
    groupsOfMany: false,
    filter: {
      ...Object.fromEntries(Object.entries(filter).filter(([path]) => isOwn(path))),
      id: ["eq"],
      externalId: ["eq"],
    },
    // Of what the map supports, a conjunction can be made by itself; for the others the store would have to know it
    // too.
    logic: logic.filter((operator) => operator === "and"),
    sort: sort.filter(isOwn),
    versions: "atomic",
    delete: "hard",
  };
}
