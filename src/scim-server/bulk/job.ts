import { InvalidValueError, NotFoundError } from "../../core/index.js";
import { patchOpId } from "../../scim/index.js";
import {
  type BulkResponse,
  type BulkResult,
  bulkResponseId,
  errorMessage,
} from "../../scim/internal.js";
import { type Endpoint, endpointNamed, type RequestContext } from "../context.js";
import { locationOf } from "../representation.js";
import { failureOf, ScimRequestError } from "../request/error.js";
import { createResource } from "../resource/create.js";
import { deleteResource } from "../resource/delete.js";
import { modifyResource } from "../resource/modify.js";
import { replaceResource } from "../resource/replace.js";
import type { EndpointResponse } from "../response.js";
import { bulkIdIn, bulkIdsIn, deferReferences, withIds } from "./bulk-ids.js";
import { readBulkRequest, type SentBulkOperation, type SentBulkRequest } from "./request.js";

/**
 * Carries out the operations of a bulk request. RFC 7644 §3.7.
 *
 * They are done in their order, but for those that others refer to by a `bulkId`, which come before these. Where
 * resources refer to each other in a circle, one is created without its reference, which is added when the other is
 * there. If that cannot be, the one is deleted again, with those that were created with a reference to it: an operation
 * whose response is an error has created nothing.
 *
 * @throws {InvalidSyntaxError} the body is no BulkRequest.
 * @throws {ScimRequestError} 413: there are too many operations.
 */
export async function bulk(context: RequestContext, body: unknown): Promise<EndpointResponse> {
  const request = readBulkRequest(body, context.settings.limits.bulkOperations, context);
  const Operations = await new BulkJob(context, request).run();
  const response: BulkResponse = { schemas: [bulkResponseId], Operations };
  return { status: 200, body: response };
}

/** A resource that was created without what refers to resources that were not there yet. */
interface Incomplete {
  readonly operation: SentBulkOperation;
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly deferred: ReadonlyMap<string, unknown>;
  /** The bulkIds that it waits for. */
  readonly needed: ReadonlySet<string>;
}

/** A resource that an operation has created. */
interface Created {
  readonly operation: SentBulkOperation;
  readonly endpoint: Endpoint;
  readonly id: string;
  /** Whether the resource was there before, and so is not to be deleted. */
  readonly isLinked: boolean;
}

class BulkJob {
  readonly #context: RequestContext;
  readonly #request: SentBulkRequest;
  readonly #creations: ReadonlyMap<string, SentBulkOperation>;
  readonly #begun: Set<SentBulkOperation> = new Set();
  readonly #results: Map<SentBulkOperation, BulkResult> = new Map();
  /** The ids of the resources that were created, by bulkId. */
  readonly #ids: Map<string, string> = new Map();
  /** The resources that were created, by bulkId. */
  readonly #created: Map<string, Created> = new Map();
  #incomplete: readonly Incomplete[] = [];
  #errors = 0;

  constructor(context: RequestContext, request: SentBulkRequest) {
    this.#context = context;
    this.#request = request;
    this.#creations = new Map(
      request.operations.flatMap((operation) =>
        operation.method === "POST" && operation.bulkId !== undefined
          ? [[operation.bulkId, operation]]
          : [],
      ),
    );
  }

  async run(): Promise<readonly BulkResult[]> {
    for (const operation of this.#request.operations) await this.#do(operation);
    // What is still deferred waits for creations that were never begun.
    await this.#complete(() => true);
    return this.#request.operations.flatMap((operation) => this.#results.get(operation) ?? []);
  }

  /** Does an operation, unless it was done, or the job has ended with too many errors. */
  async #do(operation: SentBulkOperation): Promise<void> {
    if (this.#begun.has(operation) || this.#errors >= this.#request.failOnErrors) return;
    this.#begun.add(operation);
    const { bulkId: _, ...needs } = operation;
    for (const bulkId of this.#neededBy(needs)) {
      // The stack ends here, so that no chain of references is too long for it.
      await undefined;
      const creation = this.#creations.get(bulkId);
      if (creation !== undefined) await this.#do(creation);
    }
    if (this.#errors >= this.#request.failOnErrors) return;
    this.#context.signal.throwIfAborted();
    try {
      this.#results.set(operation, resultOf(operation, await this.#carryOut(operation)));
    } catch (error) {
      this.#fail(operation, error);
    }
    await this.#complete((bulkId) => {
      const creation = this.#creations.get(bulkId);
      return creation === undefined || this.#results.has(creation);
    });
  }

  #neededBy({ data, path }: Pick<SentBulkOperation, "data" | "path">): ReadonlySet<string> {
    const [, name = "", id] = path.split("/");
    const { types } = this.#context.settings;
    const inData = bulkIdsIn(
      types.find(({ endpoint }) => endpoint === `/${name}`),
      data,
    );
    const inPath = bulkIdIn(id);
    return inPath === undefined ? inData : new Set([inPath, ...inData]);
  }

  async #carryOut(operation: SentBulkOperation): Promise<EndpointResponse> {
    const { method, path, version, data } = operation;
    const { endpoint, id } = this.#targetOf(path);
    if (method === "POST") {
      if (id !== undefined)
        throw new ScimRequestError(405, "A POST goes to an endpoint of a type.");
      return await this.#create(operation, endpoint);
    }
    if (id === undefined) throw new ScimRequestError(405, `A ${method} goes to a resource.`);
    this.#pendingIn(endpoint, data);
    const sent = withIds(endpoint.type, data, this.#ids);
    const options = { ifMatch: version, prefer: "minimal" } as const;
    switch (method) {
      case "PUT":
        return {
          ...(await replaceResource(this.#context, endpoint, id, sent, options)),
          status: 200,
        };
      case "PATCH":
        return {
          ...(await modifyResource(this.#context, endpoint, id, sent, options)),
          status: 200,
        };
      case "DELETE":
        return {
          ...(await deleteResource(this.#context, endpoint, id, options)),
          location: locationOf(this.#context.settings, endpoint.type, id),
        };
    }
  }

  async #create(operation: SentBulkOperation, endpoint: Endpoint): Promise<EndpointResponse> {
    const { data, bulkId = "" } = operation;
    const { type } = endpoint;
    const pending = this.#pendingIn(endpoint, data);
    const { immediate, deferred } = deferReferences(type, data, pending);
    const wanted = { attributes: ["id"] };
    const sent = withIds(type, immediate, this.#ids);
    const response = await createResource(this.#context, endpoint, sent, wanted);
    const id: unknown = Reflect.get(response.body ?? {}, "id");
    if (typeof id !== "string")
      throw new TypeError("A store has created a resource without an id.");
    this.#ids.set(bulkId, id);
    this.#created.set(bulkId, { operation, endpoint, id, isLinked: response.isLinked === true });
    if (deferred.size > 0) {
      const needed = bulkIdsIn(type, patchOf(deferred));
      this.#incomplete = [...this.#incomplete, { operation, endpoint, id, deferred, needed }];
    }
    return response;
  }

  /**
   * The bulkIds in data that are still to be created, since the resource refers back to this one.
   *
   * @throws {InvalidValueError} one could not be created, or is of no creation.
   */
  #pendingIn({ type }: Endpoint, data: unknown): ReadonlySet<string> {
    const pending = new Set<string>();
    for (const bulkId of bulkIdsIn(type, data)) {
      const creation = this.#creations.get(bulkId);
      if (creation === undefined) throw notCreated(bulkId);
      if (this.#ids.has(bulkId)) continue;
      if (this.#results.has(creation)) throw notCreated(bulkId);
      pending.add(bulkId);
    }
    return pending;
  }

  /**
   * Adds what was deferred, when all that it waits for is done.
   *
   * @param isDone Whether a bulkId is of a creation that was carried out, or failed.
   */
  async #complete(isDone: (bulkId: string) => boolean): Promise<void> {
    const ready = this.#incomplete.filter(({ needed }) => [...needed].every(isDone));
    if (ready.length === 0) return;
    this.#incomplete = this.#incomplete.filter((one) => !ready.includes(one));
    for (const { operation, endpoint, id, deferred } of ready) {
      // It may have been rolled back with another.
      if (!this.#ids.has(operation.bulkId ?? "")) continue;
      try {
        const stated = patchOf(deferred);
        for (const bulkId of bulkIdsIn(endpoint.type, stated)) {
          if (!this.#ids.has(bulkId)) throw notCreated(bulkId);
        }
        const body = withIds(endpoint.type, stated, this.#ids);
        const prefer = "minimal";
        const response = await modifyResource(this.#context, endpoint, id, body, { prefer });
        this.#results.set(operation, resultOf(operation, { ...response, status: 201 }));
      } catch (error) {
        await this.#rollBack(operation.bulkId ?? "", error);
      }
    }
  }

  /** Deletes what was created, since it could not be completed, and what was created with a reference to it. */
  async #rollBack(bulkId: string, error: unknown): Promise<void> {
    const created = this.#created.get(bulkId);
    if (created === undefined) return;
    const { operation, endpoint, id, isLinked } = created;
    this.#created.delete(bulkId);
    this.#ids.delete(bulkId);
    const isDeleted = !isLinked && (await this.#isDeleted(endpoint, id));
    // What is still there says where it is.
    const location = locationOf(this.#context.settings, endpoint.type, id);
    this.#fail(operation, error, isDeleted ? undefined : location);
    const referring = [...this.#created].filter(([, other]) =>
      bulkIdsIn(other.endpoint.type, other.operation.data).has(bulkId),
    );
    for (const [other] of referring) await this.#rollBack(other, notCreated(bulkId));
  }

  async #isDeleted({ repository }: Endpoint, id: string): Promise<boolean> {
    try {
      // What was begun is undone, even if the client has gone away: no signal.
      await repository.delete(id);
      return true;
    } catch (error) {
      this.#context.record.error = error;
      return error instanceof NotFoundError;
    }
  }

  #fail(
    operation: SentBulkOperation,
    error: unknown,
    location = this.#locationOf(operation),
  ): void {
    const { status, detail, scimType } = failureOf(error);
    if (status >= 500) this.#context.record.error = error;
    this.#errors++;
    this.#results.set(operation, {
      ...resultOf(operation, { status, ...(location !== undefined && { location }) }),
      response: errorMessage(status, detail, scimType),
    });
  }

  #targetOf(path: string): { readonly endpoint: Endpoint; readonly id?: string } {
    const [before, name = "", id, ...rest] = path.split("/");
    if (before !== "" || rest.length > 0) throw new ScimRequestError(404, "There is no such path.");
    const endpoint = endpointNamed(this.#context, name);
    if (id === undefined || id === "") return { endpoint };
    const bulkId = bulkIdIn(id);
    if (bulkId === undefined) return { endpoint, id: decoded(id) };
    const created = this.#ids.get(bulkId);
    if (created === undefined) throw notCreated(bulkId);
    return { endpoint, id: created };
  }

  /**
   * RFC 7644 §3.7.3: every result has a location, but of a creation that failed: that of the path, be there nothing.
   */
  #locationOf({ method, path }: SentBulkOperation): string | undefined {
    if (method === "POST") return undefined;
    try {
      const { endpoint, id } = this.#targetOf(path);
      if (id !== undefined) return locationOf(this.#context.settings, endpoint.type, id);
    } catch {
      // It leads nowhere.
    }
    return path.startsWith("/") ? `${this.#context.settings.baseUrl}${path}` : undefined;
  }
}

/** A PATCH that adds what was deferred. */
function patchOf(deferred: ReadonlyMap<string, unknown>): object {
  const Operations = Array.from(deferred, ([path, value]) => ({ op: "add", path, value }));
  return { schemas: [patchOpId], Operations };
}

function resultOf(
  { method, bulkId }: SentBulkOperation,
  { status, location, version }: EndpointResponse,
): BulkResult {
  return {
    method,
    ...(bulkId !== undefined && { bulkId }),
    ...(version !== undefined && { version }),
    ...(location !== undefined && { location }),
    status: String(status),
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function notCreated(bulkId: string): InvalidValueError {
  return new InvalidValueError("bulkId", `"${bulkId.slice(0, 200)}" was not created.`);
}
