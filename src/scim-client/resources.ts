import { NotFoundError, UnavailableError } from "../core/index.js";
import type { CallOptions, Page, WriteOptions } from "../repositories/index.js";
import {
  diffResources,
  type Filter,
  type PatchOp,
  type PatchOperation,
  patchOpId,
  printFilter,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  type ScimProfile,
  type SearchRequest,
  searchRequestId,
} from "../scim/index.js";
import { readListResponse } from "./reading/list-response.js";
import { allPages, type Part } from "./reading/pages.js";
import { keepBody, readBody } from "./reading/read-resource.js";
import { resourcePath, type ScimRequest, type ScimResponse } from "./requests/request.js";
import type { Requester } from "./requests/requester.js";
import { ScimResponseError } from "./requests/response-error.js";
import { idIn, secretsIn, statedIn } from "./writing/sent-values.js";
import { writableBody } from "./writing/writable-body.js";

/** Which attributes a response is to have. RFC 7644 §3.9. Only one of them can be stated. */
export interface Wanted extends CallOptions {
  /** These, and those that are always returned. */
  readonly attributes?: readonly string[] | undefined;
  /** The usual ones but for these. */
  readonly excludedAttributes?: readonly string[] | undefined;
}

/** What to ask a service provider for. RFC 7644 §3.4.2, RFC 9865 §2. */
export interface ResourceQuery extends Omit<SearchRequest, "schemas" | "filter"> {
  /** Which resources: as text, or as `eq`, `and` and their like make it. */
  readonly filter?: string | Filter | undefined;
}

/** A resource of which only some attributes were asked for. */
export type PartialResource<T> = Partial<T> & Resource;

/** So long may the parameters in an address be; longer ones are sent in a body, which servers do not cut. */
const longestSearch = 4_000;

/**
 * The resources of one type at a service provider: each method is one request, with the types of the schemas.
 *
 * The errors are those of `core` and `scim` that the responses stand for, each with a {@link ScimResponseError} as its
 * `cause`.
 */
export class ScimResources<T extends Resource, N extends ResourceRequest> {
  /** The type of the resources. */
  readonly type: ResourceType;
  readonly #requester: Requester;
  readonly #profile: ScimProfile;

  constructor(type: ResourceType, requester: Requester, profile: ScimProfile) {
    this.type = type;
    this.#requester = requester;
    this.#profile = profile;
  }

  /** The resource with this id. RFC 7644 §3.4.1. */
  get(id: string, options?: CallOptions): Promise<T | undefined>;
  get(id: string, options: Wanted): Promise<PartialResource<T> | undefined>;
  async get(id: string, options: Wanted = {}): Promise<PartialResource<T> | undefined> {
    options.signal?.throwIfAborted();
    const path = resourcePath(this.type, id);
    if (path === undefined) return undefined;
    const query = searchOf(wantedIn(options));
    const { type } = this;
    try {
      return this.#read(
        await this.#send({ method: "GET", path, query, type, id }, options),
        isPartial(options),
      );
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /**
   * Creates a resource. RFC 7644 §3.3. `schemas` are stated for it; what is readOnly is left out. Where the response
   * does not hold the resource, it is read.
   *
   * @throws {UniquenessError} a unique value is taken.
   * @throws {UnavailableError} it was created, and the response does not say where: `mayBeDone` is true.
   */
  async create(resource: N, options: CallOptions = {}): Promise<T> {
    const { type } = this;
    const body = writableBody(type, resource);
    const response = await this.#send({ method: "POST", path: type.endpoint, body, type }, options);
    return (
      this.#returned(response) ??
      (await this.#readAfter(idIn(response.location), response, options))
    );
  }

  /**
   * Gives a resource these attributes and no others. RFC 7644 §3.5.1. Where the response does not hold the resource, it
   * is read.
   *
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  async replace(id: string, resource: N | T, options: WriteOptions = {}): Promise<T> {
    return await this.replaceBody(id, writableBody(this.type, resource), options);
  }

  /**
   * Replaces a resource by a body as it is, but for the `id`, which some service providers look for in it.
   *
   * @internal
   */
  async replaceBody(id: string, body: object, options: WriteOptions = {}): Promise<T> {
    const response = await this.#write({ method: "PUT", id, body: { ...body, id } }, options);
    return this.#returned(response) ?? (await this.#readAfter(id, response, options));
  }

  /**
   * Changes part of a resource. RFC 7644 §3.5.2.
   *
   * @returns the resource, if the service provider returns it, which it need not.
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  async patch(
    id: string,
    patch: PatchOp | readonly PatchOperation[],
    options: WriteOptions = {},
  ): Promise<T | undefined> {
    const body: PatchOp =
      "Operations" in patch ? patch : { schemas: [patchOpId], Operations: patch };
    const response = await this.#write({ method: "PATCH", id, body }, options);
    return this.#returned(response);
  }

  /**
   * Makes one resource of another with the smallest PATCH, on condition that it is still in the version that `before`
   * was read in, where it has one.
   *
   * @returns whether anything had to be changed.
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it has changed since.
   */
  async update(before: T, after: N | T, options: CallOptions = {}): Promise<boolean> {
    const patch = diffResources(this.type, before, after);
    if (patch === undefined) return false;
    const ifVersion = before.meta?.version;
    await this.patch(before.id, patch, {
      ...options,
      ...(ifVersion !== undefined && { ifVersion }),
    });
    return true;
  }

  /**
   * Deletes a resource. RFC 7644 §3.6.
   *
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.#write({ method: "DELETE", id }, options);
  }

  /** One page of the resources that match. RFC 7644 §3.4.2, RFC 9865 §2. */
  query(
    query: ResourceQuery & {
      readonly attributes?: undefined;
      readonly excludedAttributes?: undefined;
    },
    options?: CallOptions,
  ): Promise<Page<T>>;
  query(query: ResourceQuery, options?: CallOptions): Promise<Page<PartialResource<T>>>;
  async query(query: ResourceQuery, options: CallOptions = {}): Promise<Page<PartialResource<T>>> {
    const { resources, ...page } = readListResponse(
      (await this.#send(this.#queryRequest(query), options)).body,
    );
    const partial = isPartial(query);
    return { ...page, resources: resources.map((body) => this.#readBody(body, partial)) };
  }

  /**
   * All resources that match, page after page: by cursor where `query.cursor` is `""`, else by index. Between pages by
   * index, what comes or goes can move another resource from a page that is still to be read to one that was read.
   */
  list(
    query?: ResourceQuery & {
      readonly attributes?: undefined;
      readonly excludedAttributes?: undefined;
    },
    options?: CallOptions,
  ): AsyncIterable<T>;
  list(query: ResourceQuery, options?: CallOptions): AsyncIterable<PartialResource<T>>;
  list(query: ResourceQuery = {}, options: CallOptions = {}): AsyncIterable<PartialResource<T>> {
    const { startIndex, cursor, ...others } = query;
    const first: Part = {
      ...(startIndex !== undefined && { startIndex }),
      ...(cursor !== undefined && { cursor }),
    };
    return allPages((part) => this.query({ ...others, ...part }, options), first);
  }

  #queryRequest(query: ResourceQuery): ScimRequest {
    const { type } = this;
    const { filter, ...others } = query;
    const stated: Omit<SearchRequest, "schemas"> = {
      ...others,
      ...(filter !== undefined && {
        filter: typeof filter === "string" ? filter : printFilter(filter),
      }),
    };
    const search = searchOf(stated);
    if (search.toString().length <= longestSearch) {
      return { method: "GET", path: type.endpoint, query: search, type };
    }
    const body: SearchRequest = { schemas: [searchRequestId], ...stated };
    return { method: "POST", path: `${type.endpoint}/.search`, body, type, isQuery: true };
  }

  async #write(
    request: Pick<ScimRequest, "method" | "body"> & { readonly id: string },
    { ifVersion, signal }: WriteOptions,
  ): Promise<ScimResponse> {
    signal?.throwIfAborted();
    const { type } = this;
    const path = resourcePath(type, request.id);
    if (path === undefined) throw new NotFoundError(request.id);
    return await this.#send({ ...request, path, type, ifVersion }, signal && { signal });
  }

  async #send(request: ScimRequest, { signal }: CallOptions = {}): Promise<ScimResponse> {
    const { body } = request;
    const values = body === undefined ? {} : { stated: statedIn(body), secrets: secretsIn(body) };
    return await this.#requester.send({ ...request, ...values }, signal);
  }

  /** The resource in the response to a write, if it holds one: the write was done, whatever else it holds. */
  #returned(response: ScimResponse): T | undefined {
    try {
      return response.body === undefined ? undefined : this.#read(response, false);
    } catch (error) {
      if (error instanceof ScimResponseError) return undefined;
      throw error;
    }
  }

  /** What was written, read again. */
  async #readAfter(
    id: string | undefined,
    { status, unreadable }: ScimResponse,
    { signal }: CallOptions,
  ): Promise<T> {
    const message =
      "It was written, and the response does not say what has become of the resource.";
    const cause = unreadable ?? new ScimResponseError(message, status);
    let found: T | undefined;
    try {
      found = id === undefined ? undefined : await this.get(id, signal && { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new UnavailableError(message, { cause: error, mayBeDone: true });
    }
    if (found === undefined) throw new UnavailableError(message, { cause, mayBeDone: true });
    return found;
  }

  #read({ body, version, status }: ScimResponse, partial: boolean): T {
    const resource = this.#readBody(body, partial, status);
    if (version === undefined || resource.meta?.version !== undefined) return resource;
    return keepBody(resource, { ...resource, meta: { ...resource.meta, version } });
  }

  /** What is partial has fewer attributes than its type says; the overloads of the methods say so. */
  #readBody(body: unknown, partial: boolean, status = 200): T {
    try {
      // The schemas of the type have read it, and the type stands for them.
      return readBody(this.type, body, partial, this.#profile) as T;
    } catch (cause) {
      const message = `The response holds what is no ${this.type.name}.`;
      throw new ScimResponseError(message, status, { cause });
    }
  }
}

function wantedIn({ attributes, excludedAttributes }: Wanted): Omit<Wanted, "signal"> {
  return {
    ...(attributes !== undefined && { attributes }),
    ...(excludedAttributes !== undefined && { excludedAttributes }),
  };
}

function isPartial({ attributes, excludedAttributes = [] }: Wanted): boolean {
  return attributes !== undefined || excludedAttributes.length > 0;
}

/** The parameters as they stand in an address. */
function searchOf(query: Omit<SearchRequest, "schemas">): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    search.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  return search;
}
