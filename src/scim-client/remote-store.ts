import { isDeepStrictEqual } from "node:util";
import {
  NotFoundError,
  Turns,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "../core/index.js";
import {
  answersFilter,
  applyChangeSet,
  type CallOptions,
  type Capabilities,
  type ChangeSet,
  changeSetFor,
  demandDeclared,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  type WriteOptions,
} from "../repositories/index.js";
import {
  type BoundFilter,
  bindFilter,
  compileFilter,
  eq,
  type PatchOperation,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  uniqueAttributes,
} from "../scim/index.js";
import { attributeOperations } from "./change-operations.js";
import type { PartialResource, ResourceQuery, ScimResources, Wanted } from "./resources.js";

/** How often a change is computed again because another writer came between. */
const mostAttempts = 10;

/** What a store of remote resources is made of. */
export interface RemoteStoreParts<T extends Resource, N extends ResourceRequest> {
  readonly resources: ScimResources<T, N>;
  readonly capabilities: Capabilities;
  /** Whether there is PATCH. */
  readonly canPatch: boolean;
}

/** What a change of a resource comes to. */
export interface ResourceChange<T, N> {
  /** The operations of a PATCH; several lists, where they are too many for one. */
  partsOf(changes: ChangeSet<N>): readonly (readonly PatchOperation[])[];
  /** The resource as it is afterwards. */
  applied(current: T, changes: ChangeSet<N>): T;
  /** The attributes that have to be read, since a PUT without them would take them away. */
  readonly reads: readonly string[];
}

/** What repositories of users and of groups have in common whose resources are at a service provider. */
export class RemoteStore<T extends Resource, N extends ResourceRequest> {
  readonly type: ResourceType;
  readonly capabilities: Capabilities;
  readonly canPatch: boolean;
  readonly resources: ScimResources<T, N>;
  readonly #turns = new Turns();
  readonly #hasMembers: boolean;

  constructor({ resources, capabilities, canPatch }: RemoteStoreParts<T, N>) {
    this.type = resources.type;
    this.resources = resources;
    this.capabilities = capabilities;
    this.canPatch = canPatch;
    this.#hasMembers = this.type.schema.attributes.has("members");
  }

  async get(id: string, options: ReadOptions = {}): Promise<T | undefined> {
    const found = await this.resources.get(id, this.#wanted(options));
    return found === undefined ? undefined : this.#seen(found, options);
  }

  async demand(id: string, options?: ReadOptions): Promise<T> {
    const found = await this.get(id, options);
    if (found === undefined) throw new NotFoundError(id);
    return found;
  }

  async find(query: Query, options: ReadOptions = {}): Promise<Page<T>> {
    demandDeclared(query, this.capabilities);
    const { signal, ...wanted } = this.#wanted(options);
    const page = await this.resources.query(
      { ...this.#asked(query), ...wanted },
      signal === undefined ? {} : { signal },
    );
    this.#demandMatching(query.filter, page.resources, options);
    const { startIndex, nextCursor, previousCursor, totalResults } = page;
    const isByCursor = query.cursor !== undefined;
    return {
      ...(totalResults !== undefined && { totalResults }),
      ...(!isByCursor && { startIndex: startIndex ?? this.#startIndex(query) }),
      ...(isByCursor && nextCursor !== undefined && { nextCursor }),
      ...(isByCursor && previousCursor !== undefined && { previousCursor }),
      // Pages by index go on where they were asked to end, whatever else there is in them.
      resources: (isByCursor ? page.resources : page.resources.slice(0, this.#count(query))).map(
        (resource) => this.#seen(resource, options),
      ),
    };
  }

  async create(resource: N, options: CallOptions = {}): Promise<T> {
    const created = await this.#naming(resource, undefined, options, () =>
      this.resources.create(resource, options),
    );
    return this.#seen(created, options);
  }

  async replace(id: string, resource: N | T, options: WriteOptions = {}): Promise<T> {
    const replaced = await this.#naming(resource, id, options, () =>
      this.resources.replace(id, resource, options),
    );
    return this.#seen(replaced, options);
  }

  /**
   * Changes part of a resource by PATCH.
   *
   * @param parts The operations; as several lists, done in their order, where they are too many for one request.
   * @param stated The values that are given to attributes.
   */
  async patch(
    id: string,
    parts: readonly (readonly PatchOperation[])[],
    stated: object,
    options: WriteOptions,
  ): Promise<void> {
    const { ifVersion: _, ...unconditional } = options;
    await this.#naming(stated, id, options, async () => {
      for (const [at, operations] of parts.entries()) {
        await this.resources.patch(id, operations, at === 0 ? options : unconditional);
      }
    });
  }

  /**
   * Changes part of a resource. A change that is computed is made only in the version that was read, and else computed again; where
   * there are no versions, the changes of one resource are made one after the other, as far as they are made here.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    change: ResourceChange<T, N> = attributesOnly(this.type),
  ): Promise<void> {
    if (this.canPatch) await this.#modifyPart(id, modification, options, change);
    else await this.#modifyWhole(id, modification, options, change);
  }

  async #modifyPart(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    { partsOf }: ResourceChange<T, N>,
  ): Promise<void> {
    if ("plan" in modification) {
      const { reads: attributes, plan } = modification;
      await this.computed(id, options, { attributes }, async (current, conditions) => {
        const changes = plan(current);
        const parts = partsOf(changes);
        if (parts.length > 0) await this.patch(id, parts, changes.set ?? {}, conditions);
      });
      return;
    }
    const parts = partsOf(modification);
    if (parts.length > 0) await this.patch(id, parts, modification.set ?? {}, options);
    // Nothing is written, and yet whoever is not there has to be missed.
    else await this.computed(id, options, {}, async () => {});
  }

  async #modifyWhole(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    { applied, reads }: ResourceChange<T, N>,
  ): Promise<void> {
    const attributes = [...reads, ...("plan" in modification ? modification.reads : [])];
    await this.computed(id, options, { attributes }, async (current, conditions) => {
      const next = applied(current, changeSetFor(modification, current));
      if (!isDeepStrictEqual(next, current)) await this.replace(id, next, conditions);
    });
  }

  /** Reads a resource and writes it again, until no other writer comes between. */
  async computed<R>(
    id: string,
    { ifVersion, ...options }: WriteOptions,
    reading: ReadOptions,
    write: (current: T, conditions: WriteOptions) => Promise<R>,
  ): Promise<R> {
    const once = async (): Promise<R> => {
      const current = await this.demand(id, { ...options, ...reading });
      const version = current.meta?.version;
      if (ifVersion !== undefined && version !== undefined && version !== ifVersion) {
        throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
      }
      return await write(current, {
        ...options,
        ...(version !== undefined && { ifVersion: version }),
      });
    };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#turns.run(id, once, options.signal);
      } catch (error) {
        const isOurs = error instanceof VersionConflictError && ifVersion === undefined;
        if (!isOurs || attempt === mostAttempts) throw error;
      }
    }
  }

  /** What to ask of the attributes: members come only when they are asked for. */
  #wanted({ attributes = [], excludedAttributes = [], signal }: ReadOptions): Wanted {
    const isMemberless = this.#hasMembers && !attributes.includes("members");
    const excluded = new Set([...excludedAttributes, ...(isMemberless ? ["members"] : [])]);
    return {
      ...(excluded.size > 0 && { excludedAttributes: [...excluded] }),
      ...(signal !== undefined && { signal }),
    };
  }

  #asked(query: Query): ResourceQuery {
    const { filter, sort, cursor } = query;
    return {
      ...(filter !== undefined && { filter }),
      ...(sort !== undefined && { sortBy: sort.target.path, sortOrder: sort.order }),
      ...(cursor === undefined ? { startIndex: this.#startIndex(query) } : { cursor }),
      count: this.#count(query),
    };
  }

  #startIndex({ startIndex = 1 }: Query): number {
    return Math.max(Math.trunc(startIndex), 1);
  }

  #count({ count = Number.POSITIVE_INFINITY }: Query): number {
    return Math.min(Math.max(Math.trunc(count), 0), this.capabilities.maxPageSize);
  }

  /** A resource as a repository returns it: a service provider may send what it was not asked for. */
  #seen(resource: PartialResource<T>, options: ReadOptions): T {
    const { attributes = [], excludedAttributes = [] } = options;
    const isWanted = attributes.includes("members") && !excludedAttributes.includes("members");
    const { version, ...meta } = resource.meta ?? {};
    const isUnversioned = this.capabilities.versions === "none" && version !== undefined;
    const seen = { ...resource, ...(isUnversioned && { meta }) };
    if (this.#hasMembers && !isWanted) Reflect.deleteProperty(seen, "members");
    // Of what `T` demands, nothing was left out that was not to be left out.
    return seen as Resource as T;
  }

  /**
   * Holds the answer against the filter: some service providers pass over a filter that they do not know, and answer everybody.
   *
   * @throws {UnsupportedError} something does not match.
   */
  #demandMatching(
    filter: BoundFilter | undefined,
    resources: readonly object[],
    { attributes = [], excludedAttributes = [] }: ReadOptions,
  ): void {
    const isReturned = ({ target: { attribute, subAttribute } }: FilterLeaf): boolean =>
      ["always", "default"].includes((subAttribute ?? attribute).returned) &&
      !excludedAttributes.includes(attribute.name) &&
      (attribute.name !== "members" || attributes.includes("members"));
    if (filter === undefined || !leavesOf(filter).every(isReturned)) return;
    if (!resources.every(compileFilter(filter))) {
      throw new UnsupportedError("The service provider answers what does not match the filter.");
    }
  }

  /** Writes; says of a value that is taken which it is, and whose, if that can be looked up. */
  async #naming<R>(
    attributes: object,
    own: string | undefined,
    options: CallOptions,
    write: () => Promise<R>,
  ): Promise<R> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof UniquenessError)) throw error;
      throw await this.#named(error, attributes, own, options);
    }
  }

  async #named(
    error: UniquenessError,
    attributes: object,
    own: string | undefined,
    { signal }: CallOptions,
  ): Promise<UniquenessError> {
    const unique = uniqueAttributes(this.type).map(({ path }) => path);
    for (const path of new Set([...unique, "displayName", "externalId"])) {
      const value: unknown = Object.hasOwn(attributes, path) && Reflect.get(attributes, path);
      if (typeof value !== "string" || !this.type.attributes.has(path.toLowerCase())) continue;
      const filter = bindFilter(eq(path, value), this.type);
      if (!answersFilter(this.capabilities, filter)) continue;
      try {
        const { resources } = await this.find({ filter, count: 2 }, signal && { signal });
        const holder = resources.find(({ id }) => id !== own);
        if (holder !== undefined) return new UniquenessError(path, holder.id, { cause: error });
      } catch {
        signal?.throwIfAborted();
        // What is known already is enough.
        return error;
      }
    }
    return error;
  }
}

/** The changes of resources that are nothing but attributes. */
function attributesOnly<T extends Resource, N>(type: ResourceType): ResourceChange<T, N> {
  return {
    reads: [],
    partsOf: (changes) => [attributeOperations(type, changes)].filter(({ length }) => length > 0),
    applied: (current, changes) => applyChangeSet(type, current, changes),
  };
}

type FilterLeaf = Extract<BoundFilter, { readonly target: unknown }>;

/** Every comparison of a filter, in the brackets of value paths too. */
function leavesOf(filter: BoundFilter): readonly FilterLeaf[] {
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters.flatMap(leavesOf);
    case "not":
      return leavesOf(filter.filter);
    case "valuePath":
      return [filter, ...leavesOf(filter.filter)];
    default:
      return [filter];
  }
}
