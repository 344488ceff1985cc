import { isDeepStrictEqual } from "node:util";
import { TooManyError, Turns, UniquenessError, VersionConflictError } from "../core/index.js";
import {
  answersFilter,
  type CallOptions,
  type Capabilities,
  type ChangeSet,
  changeSetFor,
  isRefusal,
  type Modification,
  type ReadOptions,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../repositories/index.js";
import {
  type BulkOperation,
  bindFilter,
  eq,
  type PatchOperation,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  uniqueAttributes,
} from "../scim/index.js";
import type { BulkOptions, BulkOutcome } from "./bulk.js";
import { runsOf } from "./bulk-writes.js";
import { asRefusal, isMisunderstood, RemoteReads } from "./remote-reads.js";
import { attributesOnly, type ResourceChange } from "./resource-change.js";
import type { ScimResources } from "./resources.js";
import { ScimResponseError } from "./response-error.js";

/** How often a change is computed again because another writer came between. */
const mostAttempts = 10;

/** What a store of remote resources is made of. */
export interface RemoteStoreParts<T extends Resource, N extends ResourceRequest> {
  readonly resources: ScimResources<T, N>;
  readonly capabilities: Capabilities;
  /** Whether there is PATCH. */
  readonly canPatch: boolean;
  /** Carries out bulk operations; absent where there are none. */
  readonly bulk?: (
    operations: readonly BulkOperation[],
    options: BulkOptions,
  ) => Promise<readonly BulkOutcome[]>;
}

/** What repositories of users and of groups have in common whose resources are at a service provider. */
export class RemoteStore<T extends Resource, N extends ResourceRequest> {
  readonly type: ResourceType;
  readonly capabilities: Capabilities;
  readonly canPatch: boolean;
  readonly reads: RemoteReads<T, N>;
  readonly #resources: ScimResources<T, N>;
  readonly #bulk: RemoteStoreParts<T, N>["bulk"];
  readonly #change: ResourceChange<T, N>;
  readonly #turns = new Turns();

  constructor(
    { resources, capabilities, canPatch, bulk }: RemoteStoreParts<T, N>,
    change: ResourceChange<T, N> = attributesOnly(resources.type),
  ) {
    this.type = resources.type;
    this.#resources = resources;
    this.capabilities = capabilities;
    this.canPatch = canPatch;
    this.reads = new RemoteReads(resources, capabilities);
    this.#bulk = bulk;
    this.#change = change;
  }

  async create(resource: N, options: CallOptions = {}): Promise<T> {
    const created = await this.#refusing(resource, undefined, options, () =>
      this.#resources.create(resource, options),
    );
    return this.reads.seen(created, options);
  }

  async replace(id: string, resource: N | T, options: WriteOptions = {}): Promise<T> {
    const replaced = await this.#refusing(resource, id, options, () =>
      this.#resources.replace(id, resource, options),
    );
    return this.reads.seen(replaced, options);
  }

  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.#refusing({}, id, options, () => this.#resources.delete(id, options));
  }

  /**
   * Changes part of a resource by PATCH.
   *
   * @param stated The values that are given to attributes.
   */
  async patch(
    id: string,
    operations: readonly PatchOperation[],
    stated: object,
    options: WriteOptions,
  ): Promise<void> {
    await this.#refusing(stated, id, options, () => this.#resources.patch(id, operations, options));
  }

  /**
   * Changes part of a resource: by PATCH, or where there is none by a PUT of what was read. A change that is computed is made only in
   * the version that was read, and else computed again; where there are no versions, such changes of one resource are made one after
   * the other, as far as they are made here.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions = {},
  ): Promise<void> {
    if (!this.canPatch) return await this.#modifyWhole(id, modification, options);
    if ("plan" in modification) {
      const { reads: attributes, plan } = modification;
      return await this.computed(id, options, { attributes }, async (current, conditions) => {
        await this.#modifyPart(id, plan(current), conditions);
      });
    }
    if (this.#change.partsOf(modification).length > 0) {
      return await this.#modifyPart(id, modification, options);
    }
    // Nothing is written, and yet whoever is not there has to be missed.
    await this.computed(id, options, {}, async () => {});
  }

  async #modifyPart(id: string, changes: ChangeSet<N>, options: WriteOptions): Promise<void> {
    const { ifVersion: _, ...unconditional } = options;
    const { set = {} } = changes;
    let conditions = options;
    const send = async (parts: readonly (readonly PatchOperation[])[]): Promise<void> => {
      for (const operations of parts) {
        await this.#resources.patch(id, operations, conditions);
        conditions = unconditional;
      }
    };
    await this.#refusing(set, id, options, async () => {
      try {
        await send(this.#change.partsOf(changes));
      } catch (error) {
        const simpler = isMisunderstood(error)
          ? await this.#change.simpler?.(changes, () =>
              this.reads.demand(id, { ...unconditional, attributes: this.#change.reads }),
            )
          : undefined;
        if (simpler === undefined) throw error;
        await send(simpler);
      }
    });
  }

  async #modifyWhole(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
  ): Promise<void> {
    const { reads, applied } = this.#change;
    const attributes = [...reads, ...("plan" in modification ? modification.reads : [])];
    await this.computed(id, options, { attributes }, async (current, conditions) => {
      const next = applied(current, changeSetFor(modification, current));
      if (!isDeepStrictEqual(next, current)) await this.replace(id, next, conditions);
    });
  }

  /**
   * Makes several writes: those that can be bulk operations in bulk requests, and each of the others alone.
   *
   * @param alone Makes writes one by one.
   */
  async write(
    writes: readonly Write<T, N>[],
    options: CallOptions,
    alone: (writes: readonly Write<T, N>[]) => Promise<readonly WriteResult[]>,
  ): Promise<readonly WriteResult[]> {
    const { type, canPatch } = this;
    const partsOf = canPatch ? this.#change.partsOf : undefined;
    const results: WriteResult[] = [];
    for (const run of runsOf(type, writes, partsOf)) {
      const { operations } = run;
      const outcomes =
        this.#bulk === undefined || operations.length < 2
          ? undefined
          : await unlessTooMany(this.#bulk(operations, { ...options, types: [type] }));
      if (outcomes === undefined) results.push(...(await alone(run.writes)));
      else {
        for (const [at, write] of run.writes.entries()) {
          const outcome = outcomes[at];
          results.push(...(await this.#resultsOf(write, outcome, options, alone)));
        }
      }
    }
    return results;
  }

  async #resultsOf(
    write: Write<T, N>,
    outcome: BulkOutcome | undefined,
    options: CallOptions,
    alone: (writes: readonly Write<T, N>[]) => Promise<readonly WriteResult[]>,
  ): Promise<readonly WriteResult[]> {
    const own = write.kind === "create" ? undefined : write.id;
    if (outcome?.done === true) {
      const id = own ?? outcome.id;
      if (id !== undefined) return [{ written: true, id }];
      throw new ScimResponseError("The answer does not say where what was created is.", 200);
    }
    // Alone, it is perhaps done in simpler words.
    if (write.kind === "modify" && isMisunderstood(outcome?.error)) return await alone([write]);
    const error = await this.#refusal(outcome?.error, statedBy(write), own, options);
    if (!isRefusal(error)) throw error;
    return [{ written: false, error }];
  }

  /** Reads a resource and writes it again, until no other writer comes between. */
  async computed<R>(
    id: string,
    { ifVersion, ...options }: WriteOptions,
    reading: ReadOptions,
    write: (current: T, conditions: WriteOptions) => Promise<R>,
  ): Promise<R> {
    const once = async (): Promise<R> => {
      const current = await this.reads.demand(id, { ...options, ...reading });
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

  /** Writes; raises the errors that a repository does. */
  async #refusing<R>(
    attributes: object,
    own: string | undefined,
    options: CallOptions,
    write: () => Promise<R>,
  ): Promise<R> {
    try {
      return await write();
    } catch (error) {
      throw await this.#refusal(error, attributes, own, options);
    }
  }

  /**
   * The error of a write as a repository raises it: of a value that is taken it says which it is, and whose, if that can be looked up.
   *
   * @param attributes The values that were to be written.
   * @param own The id of the resource, if it is there already.
   */
  async #refusal(
    error: unknown,
    attributes: object,
    own: string | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    return error instanceof UniquenessError
      ? await this.#named(error, attributes, own, options)
      : asRefusal(error);
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
        const { resources } = await this.reads.find({ filter, count: 2 }, signal && { signal });
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

/** The values that a write gives to attributes. */
function statedBy<T, N extends object>(write: Write<T, N>): object {
  switch (write.kind) {
    case "modify":
      return "plan" in write.modification ? {} : (write.modification.set ?? {});
    case "delete":
      return {};
    default:
      return write.resource;
  }
}

/** What becomes of a bulk request; `undefined` where the writes do not fit into one, and none was made. */
async function unlessTooMany(
  outcomes: Promise<readonly BulkOutcome[]>,
): Promise<readonly BulkOutcome[] | undefined> {
  try {
    return await outcomes;
  } catch (error) {
    if (error instanceof TooManyError) return undefined;
    throw error;
  }
}
